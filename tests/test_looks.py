"""Looks at intervals while measuring goes on: when, how sure, and that together they keep what they promise."""

import numpy as np
import pytest

from greengate import looks
from greengate.measure.intervals import quantile


@pytest.mark.parametrize(("rounds", "number"), [(0, 1), (6, 1), (11, 1), (12, 2), (23, 2), (24, 3), (6 * 2**20, 21)])
def test_a_look_is_due_whenever_the_rounds_have_doubled(rounds, number):
    assert looks.number(rounds) == number


def test_all_looks_together_spend_no_more_than_the_error():
    spent = [1 - looks.level(0.98, looks.FIRST * 2**look) for look in range(60)]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] == pytest.approx(0.01)
    assert 0.0196 < sum(spent) < 0.02


def missed(chance, level):
    """Look at the interval of a median that is 1 until it leaves that out, or 96 rounds are over."""
    runs = []
    for rounds in range(1, 97):
        session = chance.normal(0, 0.01)
        runs.extend(np.exp(session + chance.normal(0, 0.02, 16)))
        if rounds in {6, 12, 24, 48, 96}:
            _, low, high = quantile(runs, 0.5, level(rounds), rounds)
            if not low <= 1 <= high:
                return True
    return False


def test_an_interval_that_may_be_looked_at_again_misses_no_oftener_than_it_says():
    chance = np.random.default_rng(7)
    kept = sum(missed(chance, lambda rounds: looks.level(0.8, rounds)) for _ in range(200))
    spoilt = sum(missed(chance, lambda _: 0.8) for _ in range(200))
    assert kept <= 0.2 * 200 < spoilt
