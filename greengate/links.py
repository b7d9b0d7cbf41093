"""Products of ratios that were measured in runs of their own: how long each is measured, and the product's interval.

A run of a gate ends when it is decided, so that the mean of all its rounds leans to the side on which it ended; over
twenty changes of 4% under a tolerance of 5% that comes to 3% (benchmarks/error_rates/RESULT-chaining.md). Where ratios
are to be multiplied later, a run is therefore measured in two stages (Stein 1945): the first rounds tell how widely
rounds scatter, and that alone says how many there are to be. Of normal rounds the scatter tells nothing of the mean, so
that the mean of all of them is centred on the truth, and with the scatter of the first it has Student's t exactly.

Sources: C. Stein, "A two-sample test for a linear hypothesis whose power is independent of the variance", Annals of
Mathematical Statistics 16, 1945; V. H. Patil, "Approximation to the Behrens-Fisher distributions", Biometrika 52, 1965,
for the sum of several t; B. L. Welch, Biometrika 34, 1947, for that of means of very few rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Final

from greengate.betting import Stakes
from greengate.student import factor

FIRST: Final = 6  # rounds that tell the scatter
_FINE: Final = 25  # a mean is to be known to so small a part of the bound on the product, as its standard error
_MOST_FREEDOM: Final = 10_000


def rounds_wanted(rounds: Sequence[float], change: float) -> int:
    """Tell how many rounds a run takes whose ratio is to be multiplied with others, by the scatter of its first ones.

    Args:
        rounds: The log-ratios so far.
        change: The bound on the product, as a share: 0.1 for +10%.
    """
    if len(rounds) < FIRST or change <= -1 or change == 0:
        return FIRST
    fine = abs(math.log1p(change)) / _FINE
    return max(FIRST, math.ceil(variance(rounds[:FIRST]) / fine**2))


@dataclass(frozen=True, slots=True)
class Factor:
    """One of the ratios: the log-ratios of its rounds, at least two, as many as were measured whatever they said.

    Those of a run that kept no such number are its first `FIRST`.
    """

    rounds: Sequence[float]

    @property
    def mean(self) -> float:
        """Its logarithm."""
        return fmean(self.rounds)

    @property
    def error(self) -> float:
        """Variance of the mean, by the scatter of the first rounds."""
        return variance(self.rounds[:FIRST]) / len(self.rounds)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of that variance."""
        return min(len(self.rounds), FIRST) - 1


def product(factors: Sequence[Factor], stakes: Stakes) -> tuple[float, float]:
    """Give an interval of the product of several ratios.

    A run has too few rounds for a test by signs to bound it narrowly, and the product is what is asked for: the sum of
    the means of the logarithms. Each mean, over its standard error, has Student's t, so that the sum has a law between
    that and the normal one; the t of the same variance and kurtosis stands for it. It would not do to add up the
    squared errors as if they were independent of the rounds: where scatter decided how many there were, all errors come
    out alike. This assumes more than `betting.decide` does: that the mean of a run's rounds is close to normal. That
    only accepted runs are multiplied moves little, as long as most changes of their kind are accepted.

    Args:
        factors: The ratios.
        stakes: Errors of the low (`false_fail`) and of the high end (`false_pass`).

    Returns:
        Low and high end, to six digits.
    """
    centre = sum(one.mean for one in factors)
    scale, freedom = _law(factors)
    low, high = (factor(1 - 2 * alpha, freedom) * scale for alpha in (stakes.false_fail, stakes.false_pass))
    return float(f"{math.exp(centre - low):.6g}"), float(f"{math.exp(centre + high):.6g}")


def _law(factors: Sequence[Factor]) -> tuple[float, int]:
    """Give scale and degrees of freedom of the t that stands for the sum of the means."""
    if any(one.freedom < FIRST - 1 for one in factors):  # too few rounds for a kurtosis: as Welch and Satterthwaite do
        error = sum(one.error for one in factors)
        told = sum(one.error**2 / one.freedom for one in factors)
        return math.sqrt(error), max(1, math.floor(min(error**2 / told, _MOST_FREEDOM))) if told else _MOST_FREEDOM
    variances = [one.error * one.freedom / (one.freedom - 2) for one in factors]
    whole, fourth = sum(variances), sum(6 * part**2 / (FIRST - 1 - 4) for part in variances)
    freedom = 4 + math.floor(min(6 * whole**2 / fourth, _MOST_FREEDOM)) if fourth else _MOST_FREEDOM
    return math.sqrt(whole * (freedom - 2) / freedom), freedom
