"""Whole small units as decimal strings of the units that reports use.

    tCO2e = ugCO2e / 10^12, EUR = uEUR / 10^6       exact
    kWh   = mJ / 3.6 x 10^9, to ten decimals        each mJ is told apart: 1 mJ is 2.8 of the last decimal

Ratios (shares, intensities) are rounded half up to the decimals that are given.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

MJ_A_KWH = 3_600_000_000
_KWH_DECIMALS, _RATIO_DECIMALS = 10, 9


def rounded(exact: Fraction) -> int:
    """Round half up to a whole number: floor(x + 1/2)."""
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def scaled(units: int, decimals: int) -> str:
    """Write units / 10^decimals without trailing zeros, exactly."""
    sign, size = ("-", -units) if units < 0 else ("", units)
    whole, rest = divmod(size, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def ratio(above: Fraction | int, below: Fraction | int = 1, decimals: int = _RATIO_DECIMALS) -> str:
    """Write above / below, rounded half up to so many decimals."""
    return scaled(rounded(Fraction(above) / Fraction(below) * 10**decimals), decimals)


def kwh(millijoules: int) -> str:
    """Write an energy in kWh."""
    return ratio(millijoules, MJ_A_KWH, _KWH_DECIMALS)


def tonnes(micrograms: int) -> str:
    """Write emissions in tCO2e."""
    return scaled(micrograms, 12)


def money(micros: int) -> str:
    """Write an amount of money in whole units of its currency."""
    return scaled(micros, 6)


def percent(above: Fraction | int, below: Fraction | int) -> str:
    """Write a share in percent, to six decimals."""
    return ratio(Fraction(above) * 100, below, 6)


@lru_cache(4096)
def exact(text: str | float) -> Fraction:
    """Read a decimal string, or a number as it is written, without rounding."""
    return Fraction(Decimal(text if isinstance(text, str) else repr(text)))
