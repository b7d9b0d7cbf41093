"""Products of ratios that were measured in runs of their own: how long each is measured, and the product's interval.

A run of a gate ends when it is decided, so that the mean of all its rounds leans to the side on which it ended; over
twenty changes of 4% under a tolerance of 5% that comes to 3% (benchmarks/error_rates/RESULT-chaining.md). Where ratios
are to be multiplied later, a run is therefore measured in two stages (Stein 1945): the first rounds tell how widely
rounds scatter, and that alone says how many there are to be. Of normal rounds the scatter tells nothing of the mean, so
that the mean of all of them is centred on the truth, and with the scatter of the first it has Student's t exactly.

Sources: C. Stein, "A two-sample test for a linear hypothesis whose power is independent of the variance", Annals of
Mathematical Statistics 16, 1945; B. L. Welch, "The generalization of Student's problem when several different
population variances are involved", Biometrika 34, 1947, for the degrees of freedom of a sum.
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
_FINE: Final = 20  # a mean is to be known to so small a part of the bound on the product, as its standard error
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
    the means of the logarithms, with their variances added up and Student's t for the degrees of freedom that the sum
    has (one short noisy run among long quiet ones leaves few). This assumes more than `betting.decide` does: that the
    mean of a run's rounds is close to normal. That only accepted runs are multiplied moves little, as long as most
    changes of their kind are accepted.

    Args:
        factors: The ratios.
        stakes: Errors of the low (`false_fail`) and of the high end (`false_pass`).

    Returns:
        Low and high end, to six digits.
    """
    centre = sum(one.mean for one in factors)
    error = math.sqrt(sum(one.error for one in factors))
    told = sum(one.error**2 / one.freedom for one in factors)
    freedom = max(1, math.floor(min(error**4 / told, _MOST_FREEDOM))) if told else _MOST_FREEDOM
    low, high = (factor(1 - 2 * alpha, freedom) * error for alpha in (stakes.false_fail, stakes.false_pass))
    return float(f"{math.exp(centre - low):.6g}"), float(f"{math.exp(centre + high):.6g}")
