"""Products of ratios of several runs: how long each is measured, and how sure the interval of the product is."""

import math
import random

import pytest

from greengate.betting import Stakes
from greengate.links import FIRST, Factor, product, rounds_wanted

DRIFT = 0.10


def noisy(centre, count, sd, seed):
    scatter = random.Random(seed)
    return [math.log(centre) + scatter.gauss(0, sd) for _ in range(count)]


@pytest.mark.parametrize(
    ("rounds", "change", "wanted"),
    [
        ([], DRIFT, FIRST),
        ([0.01, -0.01] * 2, DRIFT, FIRST),
        ([0.001, -0.001] * 3, DRIFT, FIRST),
        ([0.02, -0.02] * 3, DRIFT, 34),
        ([0.02, -0.02] * 3 + [9.0] * 20, DRIFT, 34),
        ([5.02, 4.98] * 3, DRIFT, 34),
        ([0.02, -0.02] * 3, 0.05, 127),
        ([0.02, -0.02] * 3, -0.05, 115),
    ],
    ids=[
        "none yet", "too few yet", "steady", "scattered", "later ones do not count", "nor where they lie",
        "a narrower bound", "a decrease",
    ],
)  # fmt: skip
def test_the_scatter_of_the_first_rounds_alone_says_how_many_there_are_to_be(rounds, change, wanted):
    assert rounds_wanted(rounds, change) == wanted


def measured(centre, sd, seed):
    """A run as a gate measures it for a chain: in two stages."""
    first = noisy(centre, FIRST, sd, f"{seed} first")
    return Factor([*first, *noisy(centre, rounds_wanted(first, DRIFT) - FIRST, sd, f"{seed} then")])


def test_small_increases_add_up():
    low, high = product([Factor(noisy(1.02, 12, 0.005, seed)) for seed in range(10)], Stakes())
    assert 1.18 < low < 1.02**10 < high < 1.25


def test_without_scatter_the_product_is_exact():
    assert product([Factor([0.25, 0.25]), Factor([-0.25, -0.25])], Stakes()) == (1.0, 1.0)


@pytest.mark.parametrize("sd", [0.005, 0.015, 0.05], ids=["quiet", "usual", "very noisy"])
def test_ten_small_changes_are_seen_and_twenty_that_change_nothing_are_not_however_noisy_the_runner(sd):
    grown = [product([measured(1.02, sd, f"{seed} {at}") for at in range(10)], Stakes()) for seed in range(20)]
    alike = [product([measured(1.0, sd, f"{seed} {at}") for at in range(20)], Stakes()) for seed in range(20)]
    assert all(low > 1 + DRIFT for low, _ in grown)
    assert all(low < 1 + DRIFT and high < 1 + DRIFT for low, high in alike)


@pytest.mark.parametrize("sd", [0.005, 0.04], ids=["six rounds each", "as many as they take"])
@pytest.mark.parametrize("links", [1, 10])
def test_the_ends_miss_no_oftener_than_they_say(links, sd):
    truth, low_missed, high_missed = 1.01**links, 0, 0
    for seed in range(500):
        low, high = product([measured(1.01, sd, f"{seed} {at}") for at in range(links)], Stakes(0.05, 0.05))
        low_missed += low > truth
        high_missed += high < truth
    assert low_missed <= 0.07 * 500
    assert high_missed <= 0.07 * 500


def test_one_short_noisy_run_among_long_quiet_ones_is_not_underestimated():
    low_missed = 0
    for seed in range(300):
        quiet = [Factor(noisy(1.0, 40, 0.003, 1000 * seed + index)) for index in range(4)]
        low_missed += product([Factor(noisy(1.0, 3, 0.1, seed)), *quiet], Stakes(0.01, 0.05))[0] > 1.0
    assert low_missed <= 0.02 * 300
