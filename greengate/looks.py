"""Looks at an interval while measuring goes on: when they are due, and how sure it must be at each.

An interval that is looked at until it suits misses oftener than it says. So there is a look only when the rounds have
doubled since the last one, and the k-th look spends 1 / (k (k + 1)) of the error: these shares add up to less than 1,
so that however many looks there are, one of them misses no oftener than the interval says (Bonferroni).
"""

from __future__ import annotations

import math
from typing import Final

FIRST: Final = 6  # rounds


def number(rounds: float) -> int:
    """Tell how many looks were due by now, at least one."""
    return 1 + max(0, math.floor(math.log2(rounds / FIRST))) if rounds > FIRST else 1


def level(confidence: float, rounds: float) -> float:
    """Tell how sure an interval must be after so many rounds, so that all looks together keep `confidence`."""
    look = number(rounds)
    return 1 - (1 - confidence) / (look * (look + 1))
