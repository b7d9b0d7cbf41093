"""Emissions, energy and money as whole numbers of a small unit, which add up without rounding."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from greengate.quantities import Emissions, Energy, Money, Quantity

_UNITS: dict[str, tuple[type[Quantity], int]] = {
    "ugCO2e": (Emissions, 10**6),
    "mJ": (Energy, 10**3),
    "uEUR": (Money, 10**6),
}


def unit_of(kind: type[Quantity]) -> str:
    """Name the unit in which amounts of a kind are kept: `ugCO2e`, `mJ` or `uEUR`."""
    return {counted: unit for unit, (counted, _) in _UNITS.items()}[kind]


def used(quantity: Quantity) -> int:
    """Count the units of what is used or asked for, a broken one in full."""
    return int(_units(quantity).to_integral_value(ROUND_CEILING))


def allowed(quantity: Quantity) -> int:
    """Count the units of what is allowed, a broken one not at all."""
    return int(_units(quantity).to_integral_value(ROUND_FLOOR))


def nearest(quantity: Quantity) -> int:
    """Count the units of a figure, to the nearest whole one; half a unit counts as one."""
    return int(_units(quantity).to_integral_value(ROUND_HALF_UP))


def quantity(amount: int, unit: str) -> Quantity:
    """Tell so many units as a quantity; what follows the unit's name, such as a basis, says of what kind they are."""
    kind, parts = _UNITS[unit.partition(" ")[0]]
    return kind(amount / parts)


def _units(amount: Quantity) -> Decimal:
    """Count as decimals do: 0.07 g are 70,000 micrograms, and not one more."""
    return Decimal(repr(float(amount.amount))) * _UNITS[unit_of(type(amount))][1]
