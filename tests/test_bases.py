import pytest

from greengate.bases import Basis, Boundary, Gases, Mix, Signal

GRID = Basis(Signal.AVERAGE, Boundary.LIFECYCLE, Mix.PRODUCTION)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (GRID, ""),
        (Basis(Signal.AVERAGE, Boundary.LIFECYCLE, Mix.CONTRACT), ""),
        (Basis(Signal.MARGINAL, Boundary.LIFECYCLE, Mix.PRODUCTION), "signal average beside marginal"),
        (Basis(Signal.AVERAGE, Boundary.OPERATIONAL, Mix.PRODUCTION), "boundary lifecycle beside operational"),
        (Basis(Signal.AVERAGE, Boundary.LIFECYCLE, Mix.PRODUCTION, Gases.CO2), "gases CO2e beside CO2"),
    ],
)
def test_bases_that_differ_are_not_added_up(other, words):
    assert GRID.unlike(other) == words


@pytest.mark.parametrize("signal", [Signal.MARGINAL, Signal.UNKNOWN])
def test_only_an_average_is_fit_for_accounting(signal):
    told = Basis(signal, Boundary.LIFECYCLE, Mix.CONSUMPTION).unfit()
    assert told == f"a signal that is {signal} cannot be accounted by: only averages can"


def test_an_unknown_boundary_is_not_fit_for_accounting():
    assert Basis(Signal.AVERAGE, Boundary.UNKNOWN, Mix.PRODUCTION).unfit().startswith("its boundary is not known")
    assert GRID.unfit() == ""


def test_a_basis_is_told_in_its_words():
    assert str(GRID) == "average, lifecycle, production"
    assert str(Basis(Signal.AVERAGE, Boundary.OPERATIONAL, Mix.CONSUMPTION, Gases.CO2)).endswith(", CO2 only")
    assert str(Basis(Signal.MARGINAL, Boundary.UNKNOWN, Mix.UNKNOWN, Gases.UNKNOWN)).endswith(", gases unknown")
