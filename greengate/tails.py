"""Sequential tests for the tails of two distributions: is a quantile of the candidate's run times worse?

The same game as `greengate.betting`, on other values. In each round, a threshold theta is set from the rounds before:
the quantile of the baseline's run times and the candidate's divided by (1 + tolerance), pooled; as long as fewer than
five of them lie above it, it would be no tail's, and nothing is bet. Then the share of the candidate's runs, so
divided, above theta, less the share of the baseline's runs above it, is bet on. Where the candidate's quantile lies
exactly at the tolerance, both shares are 1 - p near theta and the difference is centred at zero; where it lies higher,
the difference is positive.

A round counts once, however many runs it holds, since neighbours in time are alike. What is assumed: given the past,
the difference is symmetric about its centre, which exchanging the names of candidate and baseline makes so where the
one's run times are the other's times (1 + tolerance). Nothing is assumed of the distribution of run times.

Source: Howard & Ramdas, "Sequential estimation of quantiles", Bernoulli 2022, for the idea of betting on exceedances.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greengate.betting import Decision, Stakes, interval, settle

_ENOUGH_ABOVE = 5  # values above the threshold
_ROUNDING = 1e-9
_HALVINGS = 20  # to 3e-5 of the ratio


@dataclass(frozen=True, slots=True)
class Runs:
    """Run times (any unit) of both models in one round."""

    candidate: tuple[float, ...]
    baseline: tuple[float, ...]


def decide(rounds: Sequence[Runs], share: float, tau: float, stakes: Stakes) -> Decision:
    """Decide whether the candidate's quantile `share` lies above exp(tau) times the baseline's."""
    return settle(_psis(rounds, share, tau), stakes)


def ratio_interval(rounds: Sequence[Runs], share: float, stakes: Stakes) -> tuple[float, float]:
    """Give the interval of the quantiles' ratio that the rounds do not contradict, at whatever moment one looks."""
    return interval(lambda tau: _psis(rounds, share, tau), stakes, _HALVINGS)


def ratio(rounds: Sequence[Runs], share: float) -> float:
    """Estimate the ratio of the two quantiles from all runs."""
    first = sorted(run for one in rounds for run in one.candidate)
    second = sorted(run for one in rounds for run in one.baseline)
    return first[_rank(len(first), share)] / second[_rank(len(second), share)]


def _psis(rounds: Sequence[Runs], share: float, tau: float) -> Iterator[float]:
    """Yield one value a round; the first ones only set the threshold.

    The quantile of too few values is another one: their largest, where a tail is asked for.
    """
    factor, pool = math.exp(-tau), list[float]()
    for one in rounds:
        ours = sorted(run * factor for run in one.candidate)
        theirs = sorted(one.baseline)
        if len(pool) * (1 - share) >= _ENOUGH_ABOVE - _ROUNDING and ours and theirs:
            threshold = pool[_rank(len(pool), share)]
            spread = math.sqrt(share * (1 - share) * (1 / len(ours) + 1 / len(theirs)))
            yield math.tanh((_above(ours, threshold) - _above(theirs, threshold)) / spread)
        for run in (*ours, *theirs):
            insort(pool, run)


def _above(ordered: Sequence[float], threshold: float) -> float:
    return 1 - bisect_right(ordered, threshold) / len(ordered)


def _rank(count: int, share: float) -> int:
    return min(count - 1, math.ceil(share * count) - 1)
