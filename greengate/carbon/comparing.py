"""What would move if one factor set were pinned in the place of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from greengate.bases import Gases
from greengate.carbon.factors import FactorSet, Found


@dataclass(frozen=True, slots=True)
class Moved:
    """The figure that a set would use of one thing on one basis, and what another would; None where it has none."""

    kind: str
    id: str
    basis: str
    unit: str
    before: Found | None
    after: Found | None

    @property
    def change(self) -> Decimal | None:
        """The relative change, or None where there is nothing to compare."""
        if self.before is None or self.after is None or Decimal(self.before.row.value) == 0:
            return None
        return Decimal(self.after.row.value) / Decimal(self.before.row.value) - 1

    @property
    def word(self) -> str:
        """`new`, `gone`, or the change in percent."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        return "from zero" if self.change is None else f"{self.change:+.1%}"


def moved(before: FactorSet, after: FactorSet) -> list[Moved]:
    """List the figures that differ, the greatest changes first, then what is new or gone; a newer year is enough."""
    old, new = _used(before), _used(after)
    rows = [_moved(key, _stands_for(old, key), _stands_for(new, key)) for key in sorted({*old, *new})]
    return sorted((row for row in rows if _differs(row)), key=_weight)


def _used(found: FactorSet) -> dict[tuple[str, str, str], Found]:
    """Find the row that a lookup would take of each thing on each basis."""
    used: dict[tuple[str, str, str], Found] = {}
    for member in reversed(found.lineage):
        own: dict[tuple[str, str, str], Found] = {}
        for one in member.rows():
            key = (one.series.kind, one.row.id, _basis(one))
            if key not in own or one.row.year > own[key].row.year:
                own[key] = one
        used |= own
    return used


def _basis(one: Found) -> str:
    """Name what a lookup tells figures of one thing apart by: boundary and gases, not the mix."""
    gases = "" if one.series.gases in {None, Gases.CO2E} else f", {one.series.gases} only"
    return f"{one.series.boundary or ''}{gases}"


def _stands_for(used: dict[tuple[str, str, str], Found], key: tuple[str, str, str]) -> Found | None:
    """Find what a lookup of a thing takes: of a region without a PUE of its own, its cloud's."""
    kind, name, basis = key
    return used.get(key) or (used.get((kind, name.partition("/")[0], basis)) if kind == "pue" else None)


def _moved(key: tuple[str, str, str], before: Found | None, after: Found | None) -> Moved:
    kind, name, basis = key
    either = after or before
    assert either is not None
    return Moved(kind, name, basis, either.series.unit, before, after)


def _differs(row: Moved) -> bool:
    if row.before is None or row.after is None:
        return True
    one, other = row.before.row, row.after.row
    return Decimal(one.value) != Decimal(other.value) or one.year != other.year


def _weight(row: Moved) -> tuple[int, Decimal, str, str]:
    change = row.change
    return (0 if change is not None else 1, -abs(change or Decimal(0)), row.kind, row.id)


def regions_moved(before: FactorSet, after: FactorSet) -> Iterator[tuple[str, str, str]]:
    """Go through the regions whose zone differs: the region, its zone before and after ("" for none)."""
    old, new = (
        {
            one.id: " in ".join(filter(None, (one.zone, one.within)))
            for member in reversed(told.lineage)
            for one in member.file.regions
        }
        for told in (before, after)
    )
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield name, old.get(name, ""), new.get(name, "")
