"""Amounts with a unit: parsed once, compared only with their own kind.

A quantity holds its amount in the base unit of its dimension; `units` maps every accepted spelling to its factor.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar, Self

from greengate.errors import nearest

_AMOUNT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*", re.ASCII)
_SI = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}


class NotAQuantity(ValueError):
    """A text is not an amount of the dimension that was asked for; says what would be."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True, slots=True, order=False)
class Quantity:
    """An amount in the base unit of its dimension."""

    amount: float

    dimension: ClassVar[str] = ""
    units: ClassVar[dict[str, float]] = {}
    shown: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = ""

    @classmethod
    def parse(cls, text: object) -> Self:
        """Read an amount such as `850 J`.

        Raises:
            NotAQuantity: No number, no unit, a unit of another dimension, or not finite.
        """
        match = None if isinstance(text, bool) or text is None else _AMOUNT.fullmatch(str(text))
        if match is None or not math.isfinite(float(match[1])):
            raise NotAQuantity(f"found `{text}`, expected {cls.dimension} such as `{cls.example}`", "")
        amount, unit = float(match[1]), match[2] or ""
        if unit not in cls.units:
            raise cls._refusal(text, unit)
        if not math.isfinite(amount * cls.units[unit]):
            raise NotAQuantity(f"found `{text}`, which is too large", "")
        return cls(amount * cls.units[unit])

    @classmethod
    def _refusal(cls, text: object, unit: str) -> NotAQuantity:
        known = [name for name in cls.units if name]
        if not unit:
            return NotAQuantity(f"`{text}` has no unit", f"{cls.dimension} is written like `{cls.example}`")
        owner = next((kind for kind in DIMENSIONS.values() if unit in kind.units), None)
        if owner is not None:
            return NotAQuantity(
                f"`{text}` is {owner.dimension}, expected {cls.dimension}", f"write it like `{cls.example}`"
            )
        return NotAQuantity(f"`{unit}` in `{text}` is no unit of {cls.dimension}", nearest(unit, known))

    def __str__(self) -> str:
        return self.in_words()

    def in_words(self) -> str:
        """Write the amount in the unit that reads best, with four significant digits."""
        if self.amount == 0:
            return f"0 {next((unit for unit, factor in self.units.items() if factor == 1), self.shown[0])}".rstrip()
        unit = self.shown[0]
        for larger in self.shown[1:]:
            if abs(self.amount) >= self.units[larger]:
                unit = larger
        return f"{_digits(self.amount / self.units[unit])} {unit}".rstrip()


def _digits(number: float) -> str:
    if number == int(number) and abs(number) < 1e6:
        return str(int(number))
    return f"{number:,.0f}" if abs(number) >= 1e4 else f"{number:.4g}"


class Energy(Quantity):
    """Energy in joules."""

    dimension, example = "an energy", "850 J"
    units: ClassVar = {
        "J": 1.0, "mJ": 1e-3, "kJ": 1e3, "MJ": 1e6, "GJ": 1e9,
        "mWh": 3.6, "Wh": 3600.0, "kWh": 3.6e6, "MWh": 3.6e9, "GWh": 3.6e12,
    }  # fmt: skip
    shown = ("J", "kJ", "kWh", "MWh", "GWh")

    def in_words(self) -> str:
        """As `Quantity.in_words`, with millijoules for what is less than a joule."""
        return f"{_digits(self.amount * 1e3)} mJ" if 0 < abs(self.amount) < 1 else Quantity.in_words(self)


class Power(Quantity):
    """Power in watts."""

    dimension, example = "a power", "65 W"
    units: ClassVar = {"W": 1.0, "mW": 1e-3, "kW": 1e3, "MW": 1e6}
    shown = ("W", "kW", "MW")


class Duration(Quantity):
    """Time in seconds."""

    dimension, example = "a duration", "40 ms"
    units: ClassVar = {
        "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0,
        "year": 31_536_000.0, "years": 31_536_000.0,
    }  # fmt: skip
    shown = ("us", "ms", "s", "min", "h", "years")


class Emissions(Quantity):
    """Greenhouse gas emissions in grams of CO2 equivalent."""

    dimension, example = "an amount of emissions", "120 gCO2e"
    units: ClassVar = {"gCO2e": 1.0, "mgCO2e": 1e-3, "ugCO2e": 1e-6, "kgCO2e": 1e3, "tCO2e": 1e6}
    shown = ("ugCO2e", "mgCO2e", "gCO2e", "kgCO2e", "tCO2e")


class Intensity(Quantity):
    """Emissions of a kilowatt-hour of electricity, in gCO2e/kWh."""

    dimension, example = "a carbon intensity", "350 gCO2e/kWh"
    units: ClassVar = {
        "gCO2e/kWh": 1.0, "kgCO2e/kWh": 1e3, "kgCO2e/MWh": 1.0, "tCO2e/MWh": 1e3,
        "tCO2e/GWh": 1.0, "lbCO2e/MWh": 0.45359237,
    }  # fmt: skip
    shown = ("gCO2e/kWh",)


class Share(Quantity):
    """A part of a whole, or the relative difference of two amounts: 5% is 0.05."""

    dimension, example = "a share", "5%"
    units: ClassVar = {"%": 0.01}
    shown = ("%",)

    def in_words(self) -> str:
        """Write the share in percent."""
        return f"{_digits(self.amount * 100)}%"


class Points(Quantity):
    """The difference of two shares, in percentage points: 0.5 pp is 0.005."""

    dimension, example = "a number of percentage points", "0.5 pp"
    units: ClassVar = {"pp": 0.01}
    shown = ("pp",)


class Size(Quantity):
    """Memory or storage in bytes."""

    dimension, example = "a size", "500 MiB"
    units: ClassVar = {
        "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
        "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
    }  # fmt: skip
    shown = ("B", "KiB", "MiB", "GiB", "TiB")


class Rate(Quantity):
    """Inferences a second."""

    dimension, example = "a rate", "200 /s"
    units: ClassVar = {"/s": 1.0, "1/s": 1.0, "/min": 1 / 60, "k/s": 1e3}
    shown = ("/s",)


class Money(Quantity):
    """Money in euros; other currencies need a price list that names them."""

    dimension, example = "an amount of money", "310 EUR"
    units: ClassVar = {"EUR": 1.0}
    shown = ("EUR",)


class EnergyPrice(Quantity):
    """Money for a kilowatt-hour, in EUR/kWh."""

    dimension, example = "a price of energy", "0.21 EUR/kWh"
    units: ClassVar = {"EUR/kWh": 1.0, "EUR/MWh": 1e-3, "ct/kWh": 1e-2}
    shown = ("EUR/kWh",)


class Count(Quantity):
    """A plain number of things: FLOPs, MACs, parameters, or a quality figure without a unit."""

    dimension, example = "a plain number", "4 G"
    units: ClassVar = {
        "": 1.0, **_SI,
        **{f"{prefix}{thing}": _SI.get(prefix, 1.0) for prefix in ("", *_SI) for thing in ("FLOP", "MAC")},
    }  # fmt: skip
    shown = ("", "M", "G", "T", "P")


DIMENSIONS: dict[str, type[Quantity]] = {
    kind.__name__: kind
    for kind in (Energy, Power, Duration, Emissions, Intensity, Share, Points, Size, Rate, Money, EnergyPrice, Count)
}
