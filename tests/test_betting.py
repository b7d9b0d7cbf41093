import math
import random
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greengate.betting import Decision, Stakes, decide, ratio_interval

TAU = math.log(1.05)
EVEN = Stakes(false_fail=0.025, false_pass=0.025)


def noisy(ratio, count, sd=0.03, seed=0):
    scatter = random.Random(seed)
    return [math.log(ratio) + scatter.gauss(0, sd) for _ in range(count)]


@pytest.mark.parametrize(
    ("ratio", "worse"), [(1.0, False), (0.5, False), (1.10, True), (2.0, True)], ids=["same", "half", "+10%", "double"]
)
def test_a_clear_ratio_is_decided(ratio, worse):
    assert decide(noisy(ratio, 600), TAU, Stakes()).worse is worse


def test_a_ratio_exactly_at_the_tolerance_stays_open():
    assert decide([TAU] * 600, TAU, Stakes()) == Decision(worse=None, pairs=600)


def test_no_pairs_decide_nothing():
    assert decide([], TAU, Stakes()) == Decision(worse=None, pairs=0)


def test_at_the_tolerance_false_fails_stay_below_the_stake():
    fails = sum(decide(noisy(1.05, 200, seed=seed), TAU, Stakes(false_fail=0.05)).worse is True for seed in range(400))
    assert fails <= 0.05 * 400


def test_one_disturbed_pair_does_not_decide():
    assert decide([math.log(100)], TAU, Stakes()).worse is None


def test_smaller_stakes_need_more_pairs():
    daring, careful = (decide(noisy(1.2, 600), TAU, Stakes(false_fail=rate)).pairs for rate in (0.1, 0.001))
    assert daring < careful


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=60))
def test_the_interval_agrees_with_the_decision(ratios):
    low, high = ratio_interval(ratios, EVEN)
    assert low <= high
    if decide(ratios, TAU, Stakes(false_fail=0.025, false_pass=1e-9)).worse:
        assert low >= 1.05 * (1 - 1e-6)


def test_the_interval_narrows_around_the_true_ratio():
    few, many = (ratio_interval(noisy(1.1, count), EVEN) for count in (20, 400))
    assert few[0] < many[0] < 1.1 < many[1] < few[1]


def test_intervals_cover_the_true_ratio_as_often_as_they_say():
    covered = 0
    for seed in range(200):
        low, high = ratio_interval(noisy(1.1, 60, seed=seed), EVEN)
        covered += low <= 1.1 <= high
    assert covered >= 190


@given(st.lists(st.floats(-0.2, 0.3), min_size=1, max_size=80), st.sampled_from([Stakes(), Stakes(0.001, 0.2), EVEN]))
def test_a_verdict_never_contradicts_the_interval_that_is_shown_with_it(ratios, stakes):
    never = 1e-300
    both = (
        decide(ratios, TAU, replace(stakes, false_pass=never)),
        decide(ratios, TAU, replace(stakes, false_fail=never)),
    )
    assume([one.worse for one in both] != [True, False])
    decision = decide(ratios, TAU, stakes)
    low, high = ratio_interval(ratios, stakes)
    if decision.worse is True:
        assert low >= 1.05 * (1 - 1e-6)
    elif decision.worse is False:
        assert high <= 1.05 * (1 + 1e-6)
    else:
        assert low <= 1.05 * (1 + 1e-6)
        assert high >= 1.05 * (1 - 1e-6)
