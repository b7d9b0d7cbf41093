"""What is compared with what, and which verdict is right."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scenario:
    """Two models of one architecture under a tolerance; the candidate does `work` more than the baseline.

    `wrong_at_most` and `right_at_least` are the shares that are promised.
    """

    name: str
    tolerance: float
    work: float
    wrong_at_most: float
    right_at_least: float

    @property
    def tau(self) -> float:
        """The tolerance as a log-ratio."""
        return math.log1p(self.tolerance)

    @property
    def right(self) -> str:
        """The right verdict."""
        return "failed" if self.work > self.tolerance else "passed"

    @property
    def wrong(self) -> str:
        """The wrong one; an inconclusive verdict is neither."""
        return "passed" if self.work > self.tolerance else "failed"


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("identical-5", 0.05, 0.0, 0.005, 0.98),
        Scenario("plus20-5", 0.05, 0.20, 0.005, 0.99),
        Scenario("plus10-5", 0.05, 0.10, 0.005, 0.99),
        Scenario("plus7-5", 0.05, 0.07, 0.02, 0.95),
        Scenario("identical-2", 0.02, 0.0, 0.01, 0.95),
        Scenario("plus4-2", 0.02, 0.04, 0.02, 0.95),
    )
}
WORKS = sorted({scenario.work for scenario in SCENARIOS.values()})
AT_TOLERANCE = 0.015  # promised share of false fails where the truth lies exactly at the tolerance
