import pytest
from conversions_made import EMBODIED, GRID, conversion
from hypothesis import given
from hypothesis import strategies as st
from made import uncertain

from greengate.conversion import Embodied, Part
from greengate.metrics import METRICS
from greengate.projection import MADE, projected

# 1,000 inferences take a watt-hour, known to a factor of two.
ENERGY = uncertain(3600.0, 1800.0, 7200.0)
SPEED = uncertain(100.0, 80.0, 125.0)


def made(found=None, missing=None, **more):
    return projected(found or {"energy_per_1k_inferences": ENERGY}, missing or {}, conversion(**more))


def ends(figure):
    return pytest.approx((figure.interval.low, figure.amount, figure.interval.high), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("carbon_per_1k_inferences", 0.001 * 1.2 * 350),
        ("carbon_per_1k_inferences_market", 0.001 * 1.2 * (0.6 * 20 + 0.4 * 350)),
        ("deployment_energy", 3600.0 * 1.2 * 2e6),
        ("deployment_carbon", 0.001 * 1.2 * 350 * 2e6),
        ("deployment_carbon_market", 0.001 * 1.2 * 152 * 2e6),
        ("deployment_cost", 0.001 * 1.2 * 2e6 * 0.25),
    ],
)
def test_a_figure_and_both_ends_of_its_interval_are_converted_alike(name, amount):
    assert ends(made().figures[name]) == (amount / 2, amount, amount * 2)


def test_embodied_emissions_are_shared_out_over_life_resources_and_traffic():
    figure = made().figures["embodied_per_1k_inferences"]
    assert ends(figure) == (*[1_200_000 * 0.25 * 2 / 4 / 2e6] * 3,)
    assert figure.interval.exact


def test_embodied_emissions_while_running_follow_the_time_that_the_hardware_is_held():
    running = Embodied(**{**dict(EMBODIED), "machines": None})
    found = {"energy_per_1k_inferences": ENERGY, "throughput": SPEED}
    figure = made(found, embodied=running).figures["embodied_per_1k_inferences"]
    an_hour = 1_200_000 * 0.25 / (4 * 8760)
    assert ends(figure) == (an_hour * 8 / 3600, an_hour * 10 / 3600, an_hour * 12.5 / 3600)


def test_sci_is_operational_and_embodied_emissions_by_the_functional_unit():
    """ISO/IEC 21031:2024: SCI = ((E x I) + M) / R, with R = 1,000 inferences."""
    figures = made().figures
    energy_kwh, grid, embodied, units = 0.001 * 1.2 * 2e6, 350, 1_200_000 * 0.25 * 2 / 4, 2e9 / 1000
    assert figures["sci_per_1k_inferences"].amount == pytest.approx((energy_kwh * grid + embodied) / units, rel=1e-12)


def test_sci_is_location_based_whatever_the_contracts_say():
    green = made(market=(Part(share=1.0, factor=GRID.model_copy(update={"value": "0"})),)).figures
    assert green["carbon_per_1k_inferences_market"].amount == 0
    assert green["sci_per_1k_inferences"] == made().figures["sci_per_1k_inferences"]


def test_the_sum_of_two_intervals_is_as_sure_as_both_together():
    running = Embodied(**{**dict(EMBODIED), "machines": None})
    found = {"energy_per_1k_inferences": ENERGY, "throughput": SPEED}
    assert made(found, embodied=running).figures["sci_per_1k_inferences"].interval.confidence == pytest.approx(0.98)
    assert made().figures["sci_per_1k_inferences"].interval.confidence == pytest.approx(0.99)


@pytest.mark.parametrize(
    ("lacking", "name", "why"),
    [
        ({"pue": None}, "deployment_energy", "pue"),
        ({"pue": None, "inferences_per_year": None}, "deployment_energy", "pue, inferences_per_year"),
        ({"intensity": None, "market": ()}, "carbon_per_1k_inferences", "intensity"),
        ({"intensity": None, "market": ()}, "carbon_per_1k_inferences_market", "intensity"),
        ({"intensity": None, "market": ()}, "grid_intensity", "intensity"),
        ({"intensity": None, "market": ()}, "deployment_carbon", "intensity"),
        ({"price": None}, "deployment_cost", "price"),
        ({"embodied": None}, "sci_per_1k_inferences", "embodied"),
        ({"inferences_per_year": None}, "embodied_per_1k_inferences", "inferences_per_year"),
    ],
)
def test_what_is_not_declared_is_missing_and_named(lacking, name, why):
    told = made(**lacking)
    assert name not in told.figures
    assert told.missing[name] == f"the deployment in greengate.yaml does not say its {why}"


def test_without_energy_all_that_follows_from_it_is_missing_for_its_reason():
    told = projected({}, {"energy_per_1k_inferences": "no meter"}, conversion())
    assert {told.missing[name] for name in MADE if name in told.missing} == {"no meter"}
    assert sorted(told.figures) == ["embodied_per_1k_inferences", "grid_intensity"]


def test_without_a_deployment_nothing_is_projected():
    told = projected({"energy_per_1k_inferences": ENERGY}, {}, None)
    assert (told.figures, set(told.missing)) == ({}, set(MADE))


def test_each_figure_says_by_which_factors_it_was_made():
    method = made().figures["carbon_per_1k_inferences"].provenance.method
    assert method == (
        "energy_per_1k_inferences x PUE 1.2 (the project) x "
        "350 gCO2e/kWh (Ember: DE, 2024, average, lifecycle, production)"
    )


def test_every_projected_figure_is_a_metric():
    assert set(MADE) <= set(METRICS)


@given(factor=st.floats(0.1, 10), traffic=st.floats(1, 1e15))
def test_twice_the_traffic_is_twice_the_year(factor, traffic):
    one, other = (made(inferences_per_year=count).figures for count in (traffic, traffic * factor))
    for name in ("deployment_energy", "deployment_carbon", "deployment_carbon_market", "deployment_cost"):
        assert other[name].amount == pytest.approx(one[name].amount * factor, rel=1e-9)


def test_figures_that_other_factors_made_are_not_taken_over():
    before = {"energy_per_1k_inferences": ENERGY, **made().figures}
    told = projected(before, {}, conversion(intensity=None, market=()))
    assert "deployment_carbon" not in told.figures
