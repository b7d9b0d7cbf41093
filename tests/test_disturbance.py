import pytest
from made import block

from greengate.measure.disturbance import Look, disturbed
from greengate.measure.machine_load import Load
from greengate.measure.trace import drift

USUAL = [0.001] * 5


def stolen(seconds):
    return [block(0.01).model_copy(update={"steal_s": seconds}) for _ in range(4)]


@pytest.mark.parametrize(
    ("blocks", "suspended_s", "control_s", "processors", "name"),
    [
        (stolen(0.0), 0.0, USUAL, 2, None),
        (stolen(0.0), 0.09, USUAL, 2, None),
        (stolen(0.0), 0.11, USUAL, 2, "suspended"),
        (stolen(0.019), 0.0, USUAL, 2, None),
        (stolen(0.021), 0.0, USUAL, 2, "stolen"),
        (stolen(0.021), 0.0, USUAL, 8, None),
        (stolen(None), 0.0, USUAL, 2, None),
        (stolen(-0.01), 0.0, USUAL, 2, None),
        (stolen(0.0), 0.0, [*USUAL, 0.00149], 2, None),
        (stolen(0.0), 0.0, [*USUAL, 0.00151], 2, "slowed"),
        (stolen(0.0), 0.0, [*USUAL, 0.0001], 2, None),
        (stolen(0.0), 0.0, [0.001, 0.001, 0.009], 2, None),
        (stolen(0.0), 0.0, [0.0, 0.0, 0.0, 0.0, 0.001], 2, None),
        (stolen(0.0), 0.0, [], 2, None),
    ],
    ids=[
        "nothing",
        "a blink",
        "suspended",
        "half of two processors",
        "more than half of them",
        "little of eight",
        "not told",
        "ticks below zero",
        "a little slower",
        "slower by half",
        "faster",
        "too few to tell",
        "a coarse clock",
        "no control workload",
    ],
)
def test_a_round_is_dropped_by_what_the_machine_did(blocks, suspended_s, control_s, processors, name):
    event = disturbed(blocks, suspended_s, control_s, processors)
    assert (event.name if event else None) == name


@pytest.mark.parametrize("ratio", [0.001, 1.0, 1000.0])
def test_how_the_candidate_compares_drops_nothing(ratio):
    assert disturbed([block(0.01 * ratio), block(0.01)], 0.0, USUAL) is None


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (disturbed(stolen(0.0), 3600.0, USUAL), "the machine was suspended for 3600.0 s"),
        (
            disturbed(stolen(0.03), 0.0, USUAL, 2),
            "the hypervisor kept 0.12 CPU s of the 0.16 s that the processors have",
        ),
        (disturbed(stolen(0.0), 0.0, [*USUAL, 0.002]), "the control workload cost 2.0 times the usual"),
    ],
    ids=["suspended", "stolen", "slowed"],
)
def test_what_it_was_is_told(event, words):
    assert event.words == words


def look(busy_s, steal_s, own_cpu_s, at_s=0.0):
    return Look(Load(busy_s, steal_s, 0.0, 2), asleep_s=0.0, own_cpu_s=own_cpu_s, at_s=at_s)


def test_what_others_took_is_what_neither_the_model_nor_greengate_used():
    """Of a window of 0.4 s the block took 0.3 s; what happened in the window is shared out by time."""
    foreign_s, steal_s = look(10.0, 1.0, 0.5, at_s=0.4).taken_since(look(9.0, 0.8, 0.4), cpu_s=0.3, wall_s=0.3)
    assert (foreign_s, steal_s) == pytest.approx((0.75 * 0.6, 0.75 * 0.2))


def test_a_system_that_does_not_tell_has_nothing_made_up():
    untold = Look(None, asleep_s=0.0, own_cpu_s=0.0, at_s=0.0)
    assert untold.taken_since(look(1.0, 1.0, 0.0), 0.3, 0.3) == (None, None)
    assert look(1.0, 1.0, 0.0).taken_since(untold, 0.3, 0.3) == (None, None)


def test_a_look_at_this_machine_moves_with_its_clock():
    earlier, later = Look(), Look()
    assert later.at_s > earlier.at_s
    assert later.asleep_s - earlier.asleep_s == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize(("rounds", "void"), [(11, False), (12, True)])
def test_a_few_rounds_do_not_tell_a_drift_from_a_neighbour(rounds, void):
    slowed = [1.0] * (rounds // 2) + [1.5] * (rounds - rounds // 2)
    assert bool(drift(slowed)) == void
