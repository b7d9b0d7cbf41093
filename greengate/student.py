"""Student's t for few values."""

from __future__ import annotations

import math


def within(t: float, freedom: int) -> float:
    """Give the probability that |T| <= t with this many degrees of freedom.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4: exact for whole numbers.
    """
    return _within_angle(math.atan(t / math.sqrt(freedom)), freedom)


def factor(confidence: float, freedom: int) -> float:
    """Give the number of standard errors either way that an interval of this confidence spans."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (low, angle) if _within_angle(angle, freedom) > confidence else (angle, high)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within_angle(angle: float, freedom: int) -> float:
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for step in range(2 + odd, freedom + 1, 2):
        total += term
        term *= (step - 1) / step * math.cos(angle) ** 2
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
