"""Looks over a factor set: what cannot be, and what is to be doubted until somebody has looked at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from greengate.carbon.factor_file import CARBON, CONTRACTS, UNITS, Row, Series
from greengate.carbon.factors import FactorSet, Found

RANGES: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("intensity", "residual-mix"), ("1", "2000")),  # no grid is free of emissions over its life cycle
    **dict.fromkeys(CONTRACTS, ("0", "2000")),
    "pue": ("1", "3"),
    "embodied": ("10", "100000"),
    "price": ("0.001", "5"),
}
_JUMP = Decimal("0.4")
_FAR = 10
_LB = Decimal("2.20462262")  # lb/MWh of what is 1 g/kWh
_LB_SLACK = Decimal("0.03")
_DIGITS_CARRIED = 3


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something odd about one row.

    Attributes:
        about: What the row is about, as in `DE 2025`.
        words: What is odd.
        wrong: Whether it cannot be, rather than being doubtful.
        kind: "range", "unit", "basis", "twice", "future", "neighbours", "pounds", "jump" or "carried".
    """

    about: str
    words: str
    kind: str
    wrong: bool = False

    def __str__(self) -> str:
        return f"{self.about}: {self.words}"


def doubts(found: FactorSet) -> list[Doubt]:
    """List what is wrong or doubtful in a set's own rows, also beside those of the set that it extends."""
    told = [*_series(found), *_rows(found), *_regions(found), *_beside_parent(found), *_courses(found)]
    pounds = {one.about for one in told if one.kind == "pounds"}
    kept = {(one.about, one.kind): one for one in reversed(told) if not (one.kind == "jump" and one.about in pounds)}
    return list(reversed(kept.values()))


def _series(found: FactorSet) -> Iterator[Doubt]:
    for name, series in found.file.series.items():
        if series.unit != UNITS[series.kind]:
            words = f"found the unit `{series.unit}`, expected `{UNITS[series.kind]}`"
            yield Doubt(f"series {name}", words, "unit", wrong=True)
        if series.kind in CARBON and (why := _unfit(series)):
            yield Doubt(f"series {name}", why, "basis", wrong=True)


def _unfit(series: Series) -> str:
    return "its basis is not told: signal, boundary, mix and gases" if series.basis is None else series.basis.unfit()


def _rows(found: FactorSet) -> Iterator[Doubt]:
    seen: dict[tuple[str, str, int, str], None] = {}
    released = int(found.file.released[:4])
    for one in found.rows():
        if one.row.year > released:
            yield Doubt(_about(one.row), f"is of a year after the set's release, {released}", "future", wrong=True)
        low, high = RANGES[one.series.kind]
        if not Decimal(low) <= Decimal(one.row.value) <= Decimal(high):
            unit = f" {one.series.unit}" if one.series.unit else ""
            words = f"found {one.row.value}{unit}, expected {low} to {high}{unit}"
            yield Doubt(_about(one.row), words, "range", wrong=True)
        kind = "contract" if one.series.kind in CONTRACTS else one.series.kind
        key = (kind, one.row.id, one.row.year, f"{one.series.boundary} {one.series.gases}")
        if key in seen:
            yield Doubt(_about(one.row), f"has two figures of kind {kind} on one basis", "twice", wrong=True)
        seen[key] = None
    yield from _kinds(found)


def _kinds(found: FactorSet) -> Iterator[Doubt]:
    """Find a name that two kinds of contracts have: nobody could say which is meant."""
    kinds: dict[str, set[str]] = {}
    for one in found.rows():
        if one.series.kind in CONTRACTS:
            kinds.setdefault(one.row.id, set()).add(one.series.kind)
    for name, several in kinds.items():
        if len(several) > 1:
            yield Doubt(name, f"is the name of a {' and of a '.join(sorted(several))}", "twice", wrong=True)


def _regions(found: FactorSet) -> Iterator[Doubt]:
    """Find regions that are told twice, or lie in zones that nobody knows."""
    zones, seen = found.ids("intensity"), set[str]()
    for one in found.file.regions:
        for zone in filter(None, (one.zone, one.within)):
            if zone not in zones:
                yield Doubt(one.id, f"is in `{zone}`, of which there is no intensity", "region", wrong=True)
        if one.id in seen:
            yield Doubt(one.id, "is told twice", "twice", wrong=True)
        seen.add(one.id)


def _courses(found: FactorSet) -> Iterator[Doubt]:
    """Go through each series of years, begun by what the set extends: jumps, and figures carried forward."""
    courses: dict[tuple[str, str, str], list[tuple[Row, bool]]] = {}
    for member in reversed(found.lineage):
        for one in member.rows():
            if one.series.kind in {"intensity", "residual-mix", "pue", "price"}:
                basis = f"{one.series.boundary} {one.series.gases}"
                courses.setdefault((one.series.kind, one.row.id, basis), []).append((one.row, member is found))
    for rows in courses.values():
        rows.sort(key=lambda told: (told[0].year, told[1]))
        for (before, _), (row, own) in pairwise(rows):
            if own and row.year > before.year:
                yield from _step(before, row)


def _step(before: Row, row: Row) -> Iterator[Doubt]:
    old, new = Decimal(before.value), Decimal(row.value)
    if old <= 0 or new <= 0:
        return
    if new / old >= _FAR or old / new >= _FAR:
        words = f"{row.value} is {_times(new, old)} the {before.value} of {before.year}"
        yield Doubt(_about(row), words, "neighbours", wrong=True)
    elif abs(new / old - 1) > _JUMP:
        words = f"{row.value} is {new / old - 1:+.0%} from the {before.value} of {before.year}"
        yield Doubt(_about(row), words, "jump")
    elif row.value == before.value and len(row.value.replace(".", "")) >= _DIGITS_CARRIED:
        yield Doubt(_about(row), f"{row.value} is to the digit that of {before.year}: carried forward?", "carried")


def _beside_parent(found: FactorSet) -> Iterator[Doubt]:
    if found.parent is None:
        return
    for one in found.rows():
        if one.series.kind != "intensity" or one.row.id not in found.parent.ids("intensity"):
            continue
        yield from _beside(one, _neighbours(found.parent, one))


def _neighbours(parent: FactorSet, one: Found) -> Sequence[Found]:
    rows = [told for member in parent.lineage for told in member.rows()]
    same = [told for told in rows if told.row.id == one.row.id and told.series.kind == one.series.kind]
    return [max((told for told in same if told.series.basis == basis), key=lambda told: told.row.year)
            for basis in {told.series.basis for told in same}]  # fmt: skip


def _beside(one: Found, others: Sequence[Found]) -> Iterator[Doubt]:
    value = Decimal(one.row.value)
    if value <= 0:
        return
    ratios = [(value / Decimal(other.row.value), other) for other in others]
    far = [(ratio, other) for ratio, other in ratios if ratio >= _FAR or ratio <= Decimal(1) / _FAR]
    if far and len(far) == len(ratios):
        other = far[0][1]
        words = f"{one.row.value} is {_times(value, Decimal(other.row.value))} the {_of(other)}"
        yield Doubt(_about(one.row), words, "neighbours", wrong=True)
    for ratio, other in ratios:
        if abs(ratio / _LB - 1) <= _LB_SLACK:
            words = f"{one.row.value} is {ratio:.3g} times the {_of(other)}: is it lb/MWh, where g/kWh is meant?"
            yield Doubt(_about(one.row), words, "pounds")


def _of(other: Found) -> str:
    return f"{other.row.value} of {other.set_name} ({other.series.boundary}, {other.row.year})"


def _times(new: Decimal, old: Decimal) -> str:
    return f"{new / old:.3g} times" if new >= old else f"1/{old / new:.3g} of"


def _about(row: Row) -> str:
    return f"{row.id} {row.year}"
