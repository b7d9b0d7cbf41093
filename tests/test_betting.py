import math
import random
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greengate.betting import (
    Decision,
    Stakes,
    decide,
    fewest_rounds,
    ratio_interval,
    resolution,
    rounds_needed,
)

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
    assert decide([TAU] * 600, TAU, Stakes()) == Decision(worse=None, rounds=600)


def test_no_rounds_decide_nothing():
    assert decide([], TAU, Stakes()) == Decision(worse=None, rounds=0)


def gaussian(chance):
    return chance.gauss(0, 0.03)


def session(chance):
    return chance.choice((-0.04, 0.04)) + chance.gauss(0, 0.005)


def heavy(chance):
    return 0.01 * chance.gauss(0, 1) / max(abs(chance.gauss(0, 1)), 1e-9)


def bursts(chance):
    return chance.gauss(0, 0.4 if chance.random() < 0.1 else 0.01)


def quantised(chance):
    return round(chance.gauss(0, 0.03) / 0.02) * 0.02


LAWS = [gaussian, session, heavy, bursts, quantised]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("verdict", [True, False], ids=["false fails", "false passes"])
def test_at_the_tolerance_wrong_verdicts_stay_within_the_stake_whatever_the_law(law, verdict):
    stakes = Stakes(0.05, 1e-12) if verdict else Stakes(1e-12, 0.05)
    wrong = 0
    for seed in range(200):
        chance = random.Random(seed)
        wrong += decide([TAU + law(chance) for _ in range(60)], TAU, stakes).worse is verdict
    assert wrong <= 0.05 * 200


def test_at_the_tolerance_a_scatter_that_grows_makes_no_wrong_verdicts():
    fails = 0
    for seed in range(200):
        chance = random.Random(seed)
        rounds = [TAU + chance.gauss(0, 0.002 * 1.1**index) for index in range(60)]
        fails += decide(rounds, TAU, Stakes(0.05, 1e-12)).worse is True
    assert fails <= 0.05 * 200


@pytest.mark.parametrize("law", LAWS)
def test_twice_the_tolerance_is_found_out_under_every_law(law):
    chance = random.Random(7)
    assert decide([2 * TAU + law(chance) for _ in range(300)], TAU, Stakes()).worse is True


def test_one_disturbed_round_does_not_decide():
    assert decide([math.log(100)], TAU, Stakes()).worse is None
    quiet = noisy(1.0, 20, sd=0.005)
    assert decide([math.log(100), *quiet], TAU, Stakes()).worse is False


def test_smaller_stakes_need_more_rounds():
    daring, careful = (decide(noisy(1.2, 600), TAU, Stakes(false_fail=rate)).rounds for rate in (0.1, 0.001))
    assert daring < careful


@pytest.mark.parametrize(("alpha", "rounds"), [(0.01, 8), (0.05, 6), (0.5, 2)])
def test_no_verdict_takes_fewer_rounds_than_the_bets_allow(alpha, rounds):
    assert fewest_rounds(alpha) == rounds
    assert decide([9.0] * 40, TAU, Stakes(false_fail=alpha)).rounds == rounds


@given(st.lists(st.floats(-0.3, 0.3), max_size=60), st.floats(-0.1, 0.1), st.sampled_from([0.05, 0.01]))
def test_exchanging_candidate_and_baseline_turns_the_verdict(rounds, tau, alpha):
    even = Stakes(alpha, alpha)
    there = decide(rounds, tau, even)
    back = decide([-x for x in rounds], -tau, even)
    assert back.rounds == there.rounds
    assert back.worse is (None if there.worse is None else not there.worse)


@given(st.lists(st.floats(-0.3, 0.3), max_size=60), st.floats(-0.1, 0.1), st.floats(0.0, 0.1))
def test_who_fails_a_tolerance_fails_every_narrower_one(rounds, tau, less):
    never_pass = Stakes(0.01, 1e-300)
    if decide(rounds, tau, never_pass).worse:
        assert decide(rounds, tau - less, never_pass).worse


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


@pytest.mark.parametrize("ratio", [1.0, 1.03, 1.08], ids=["pass", "a near pass", "a near fail"])
def test_the_rounds_that_are_said_to_be_needed_are_about_right(ratio):
    taken, told = [], []
    for seed in range(15):
        rounds = noisy(ratio, 2000, sd=0.02, seed=seed)
        taken.append(decide(rounds, TAU, Stakes()).rounds)
        told.append(rounds_needed(rounds[:10], TAU, Stakes()))
    middle = sorted(taken)[7]
    assert middle / 2.5 < sorted(told)[7] < middle * 2.5


def test_a_ratio_at_the_tolerance_needs_endless_rounds():
    assert rounds_needed([TAU] * 5, TAU, Stakes()) == math.inf


def test_what_a_runner_tells_apart_is_what_it_then_decides():
    resolved = resolution(noisy(1.0, 100, sd=0.02), 100, Stakes())
    decided = sum(
        decide(noisy(1.05 * (1 + resolved), 100, sd=0.02, seed=seed), TAU, Stakes()).worse is True for seed in range(40)
    )
    assert 0.004 < resolved < 0.02
    assert decided >= 20


def test_too_few_rounds_tell_nothing_apart():
    assert resolution(noisy(1.0, 100), 5, Stakes()) == math.inf
