"""How many places of an exact figure are shown: no more than its interval supports, and never so few that it is gone.

- With an interval: as many as two significant digits of half its width take.
- Without one: four significant digits, but a whole part is never cut.
- In either case at least two significant digits of the figure itself and at most six, and no place that the exact
  figure does not have.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, localcontext

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
LONGEST = 60
"""Digits of the longest number that is one; no amount of energy or money has as many."""


def number(text: str) -> Decimal | None:
    """Read a decimal string; None where it is none."""
    return Decimal(text) if len(text) <= LONGEST and _DECIMAL.fullmatch(text) else None


def places(amount: Decimal, low: Decimal | None = None, high: Decimal | None = None) -> int:
    """Tell how many places behind the point are shown; below 0 where whole digits are rounded off."""
    if low is None or high is None or high <= low:
        return _clipped(amount, max(0, 3 - amount.adjusted()), held(amount))
    return _clipped(amount, 1 - ((high - low) / 2).adjusted(), max(map(held, (amount, low, high))))


def held(amount: Decimal) -> int:
    """Count the places behind the point that a number is written with."""
    exponent = amount.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _clipped(amount: Decimal, shown: int, known: int) -> int:
    """Keep the places between two and six significant digits, and below those that are known."""
    if amount:
        shown = max(min(shown, max(0, 5 - amount.adjusted())), 1 - amount.adjusted())
    return min(shown, known)


def rounded(amount: Decimal, shown: int) -> Decimal:
    """Round to a number of places, halves away from zero; never to a zero that it is not."""
    with localcontext(prec=2 * LONGEST):
        if amount:
            shown = max(shown, min(1 - amount.adjusted(), held(amount)))
        return amount.quantize(Decimal(1).scaleb(-shown), rounding=ROUND_HALF_UP)
