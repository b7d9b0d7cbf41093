import math
import random

import pytest

from greengate.betting import Stakes
from greengate.tails import Runs, decide, ratio, ratio_interval

TAU = math.log(1.10)
FAILS, PASSES = Stakes(0.05, 1e-12), Stakes(1e-12, 0.05)


def light(chance):
    return math.exp(chance.gauss(0, 0.05))


def heavy(chance):
    return math.exp(chance.gauss(0, 0.05)) * (1 + 3 * (chance.random() < 0.04))


def ticks(chance):
    return round(math.exp(chance.gauss(0, 0.2)), 1)


def rounds(factor, count, law=light, seed=0, runs=16, session=0.03):
    """Rounds in which each model's session has luck of its own, and the machine another in every round."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        machine = math.exp(chance.gauss(0, 0.1))
        ours, theirs = (machine * math.exp(chance.gauss(0, session)) for _ in range(2))
        found.append(
            Runs(
                tuple(factor * ours * law(chance) for _ in range(runs)),
                tuple(theirs * law(chance) for _ in range(runs)),
            )
        )
    return found


@pytest.mark.parametrize("law", [light, heavy, ticks])
@pytest.mark.parametrize("stakes", [FAILS, PASSES], ids=["false fails", "false passes"])
@pytest.mark.parametrize("share", [0.95, 0.5], ids=["p95", "median"])
def test_at_the_tolerance_wrong_verdicts_stay_within_the_stake(law, stakes, share):
    wrong = sum(
        decide(rounds(math.exp(TAU), 30, law, seed), share, TAU, stakes).worse is (stakes is FAILS)
        for seed in range(60)
    )
    assert wrong <= 0.05 * 60


@pytest.mark.parametrize(("factor", "worse"), [(1.0, False), (0.5, False), (1.3, True), (2.0, True)])
def test_a_clear_difference_of_the_tails_is_decided(factor, worse):
    assert decide(rounds(factor, 150), 0.95, TAU, Stakes()).worse is worse


def test_a_tail_that_grew_is_seen_though_the_median_stands_still():
    chance = random.Random(1)
    found = [
        Runs(
            tuple(light(chance) * (1.5 if chance.random() < 0.2 else 1.0) for _ in range(16)),
            tuple(light(chance) for _ in range(16)),
        )
        for _ in range(120)
    ]
    assert decide(found, 0.95, TAU, Stakes()).worse is True
    assert decide(found, 0.50, TAU, Stakes()).worse is False


@pytest.mark.parametrize(("share", "silent"), [(0.5, 1), (0.95, 4), (0.99, 16)])
def test_the_first_rounds_only_set_the_threshold(share, silent):
    assert decide(rounds(math.exp(TAU), 20), share, TAU, Stakes(1e-12, 1e-12)).rounds == 20 - silent


def quick_but_for(tail):
    """Give runs that are 20% quicker, but for a share of them that take ten times as long."""
    return lambda chance: light(chance) * (10 if chance.random() < tail else 0.8)


@pytest.mark.parametrize("runs", [2, 4, 16])
@pytest.mark.parametrize(("share", "tail"), [(0.95, 0.08), (0.99, 0.015)], ids=["p95", "p99"])
def test_a_quicker_bulk_passes_no_worse_tail_before_the_tail_can_have_been_seen(share, tail, runs):
    passed = 0
    for seed in range(100):
        chance, ours = random.Random(seed), quick_but_for(tail)
        found = [
            Runs(tuple(ours(chance) for _ in range(runs)), tuple(light(chance) for _ in range(runs))) for _ in range(60)
        ]
        passed += decide(found, share, TAU, Stakes()).worse is False
    assert passed <= 5


def swapped(found):
    return [Runs(one.baseline, one.candidate) for one in found]


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_exchanging_candidate_and_baseline_turns_the_verdict(factor):
    found, even = rounds(factor, 80), Stakes(0.05, 0.05)
    there, back = decide(found, 0.9, 0.02, even), decide(swapped(found), 0.9, -0.02, even)
    assert back.rounds == there.rounds
    assert back.worse is (None if there.worse is None else not there.worse)


def test_another_unit_of_time_changes_nothing():
    found = rounds(1.1, 40)
    scaled = [Runs(*(tuple(1024 * run for run in side) for side in (one.candidate, one.baseline))) for one in found]
    assert decide(scaled, 0.95, TAU, Stakes()) == decide(found, 0.95, TAU, Stakes())
    assert ratio_interval(scaled, 0.95, Stakes()) == ratio_interval(found, 0.95, Stakes())


@pytest.mark.parametrize("factor", [1.0, 1.1, 1.3])
def test_the_interval_agrees_with_the_decision(factor):
    found = rounds(factor, 60)
    low, high = ratio_interval(found, 0.95, Stakes())
    worse = decide(found, 0.95, TAU, Stakes()).worse
    assert worse is (True if low > 1.1001 else False if high < 1.0999 else None)
    assert low <= ratio(found, 0.95) <= high


def test_the_interval_narrows():
    few, many = (ratio_interval(rounds(1.2, count), 0.95, Stakes()) for count in (15, 200))
    assert few[0] < many[0] < 1.2 < many[1] < few[1]


def test_nothing_measured_decides_nothing():
    assert decide([], 0.95, TAU, Stakes()).worse is None
    assert decide([Runs((), ())] * 9, 0.95, TAU, Stakes()).worse is None


def test_the_ratio_is_that_of_the_quantiles():
    assert ratio([Runs((1.0, 2.0, 3.0, 40.0), (1.0, 2.0, 3.0, 4.0))], 0.99) == 10.0
    assert ratio([Runs((1.0, 2.0, 3.0, 40.0), (1.0, 2.0, 3.0, 4.0))], 0.50) == 1.0
