"""How much longer measuring would have to go on, in words, and which keys of the policy stand against it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 10  # times the budget: what is farther off is not advised
_LEAST: Final = 1.2  # times as much measuring: less is not worth advising


@dataclass(frozen=True, slots=True)
class Effort:
    """Seconds that measuring took and pairs that count, and how many of each the policy allows."""

    measured_s: float
    pairs: int
    budget_s: float
    max_pairs: int

    def bearable(self, times: float) -> bool:
        """Tell whether so many times as much measuring as there was is worth advising."""
        return (times - 1) * self.measured_s <= PATIENCE * self.budget_s

    def more(self, times: float) -> str:
        """Say how much longer it takes to have measured so many times as much: `about 40 s more (`budget`)`."""
        keys = ["`budget`"] if times * self.measured_s > self.budget_s else []
        keys += ["`max_pairs`"] if times * self.pairs > self.max_pairs else []
        return f"about {told((times - 1) * self.measured_s)} more" + (f" ({', '.join(keys)})" if keys else "")

    def outlook(self, apart: float, reach: float, in_words: Callable[[float], str]) -> str:
        """Say what takes a bound out of an interval, whose width shrinks with the root of the time.

        Args:
            apart: How far the figure lies from the bound.
            reach: How far its interval reaches to that side: farther.
            in_words: Writes such a distance.
        """
        if self.measured_s <= 0:
            return "measuring longer may settle it"
        times = max((reach / apart) ** 2, _LEAST) if apart > 0 else math.inf
        if self.bearable(times):
            return f"{self.more(times)} would settle it"
        lies = f"it lies {in_words(apart)} from it" if apart > 0 else "it lies on it"
        resolved = reach / math.sqrt(max(1.0, self.within))
        return f"{lies}, where this runner tells {in_words(resolved)} apart in {told(self.budget_s)}"

    @property
    def within(self) -> float:
        """How many times as much the policy allows."""
        return min(self.budget_s / self.measured_s, self.max_pairs / self.pairs if self.pairs else math.inf)


def told(seconds: float) -> str:
    """Write seconds, minutes or hours to two digits."""
    if seconds < 99.5:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.2g} min" if seconds < 5970 else f"{seconds / 3600:,.0f} h"
