"""Wald's sequential probability ratio test with known variance: the fewest observations that one may hope for.

For normal observations of known variance v and two simple hypotheses, mean m0 or m1, the log-likelihood ratio after n
of them is

    L_n = (m1 - m0) / v * sum(x_i - (m0 + m1) / 2).

H0 is rejected once L_n >= ln((1 - beta) / alpha), and accepted once L_n <= ln(beta / (1 - alpha)). Among all tests with
these error rates it needs the fewest observations on average under both hypotheses (Wald & Wolfowitz).

Here m0 is the tolerance and m1 the true effect, which nobody knows in practice, no more than the variance: an oracle.

Sources: A. Wald, "Sequential tests of statistical hypotheses", Annals of Mathematical Statistics 16 (1945), 117-186;
A. Wald & J. Wolfowitz, "Optimum character of the sequential probability ratio test", ibid. 19 (1948), 326-339.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from greengate.betting import Stakes


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the test is told: the tolerance `tau`, the true mean log-ratio and the variance of an observation."""

    tau: float
    mean: float
    variance: float
    stakes: Stakes

    @property
    def bounds(self) -> tuple[float, float]:
        """The log-likelihood ratios at which "at the tolerance" is accepted, and rejected.

        Accepting it means the verdict on the far side of the tolerance: a pass of what truly is worse, or a fail of
        what truly is within; rejecting it is the right verdict, and wrong with the rate of that verdict.
        """
        rates = self.stakes.false_fail, self.stakes.false_pass
        alpha, beta = rates if self.mean > self.tau else rates[::-1]
        return math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)

    def decide(self, values: Sequence[float]) -> tuple[bool | None, int]:
        """Tell whether the candidate is worse than the tolerance, None if it stays open, after how many values."""
        accept, reject = self.bounds
        slope, middle = (self.mean - self.tau) / self.variance, (self.mean + self.tau) / 2
        ratio = 0.0
        for seen, x in enumerate(values, start=1):
            ratio += slope * (x - middle)
            if ratio >= reject:
                return self.mean > self.tau, seen
            if ratio <= accept:
                return self.mean <= self.tau, seen
        return None, len(values)

    @property
    def expected(self) -> float:
        """Wald's approximation of how many observations it takes on average when the mean is as told."""
        accept, reject = self.bounds
        power = 1 - _miss(accept, reject)
        drift = (self.mean - self.tau) ** 2 / (2 * self.variance)
        return (power * reject + (1 - power) * accept) / drift


def _miss(accept: float, reject: float) -> float:
    """Return the chance that H0 is accepted under H1, from the two bounds."""
    return (math.exp(reject) - 1) * math.exp(accept) / (math.exp(reject) - math.exp(accept))
