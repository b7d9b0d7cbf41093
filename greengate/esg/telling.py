"""How figures become data of a report: sums with their ends, the entries behind them, and why something is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from greengate.esg.document import Column, Datum, Table
from greengate.esg.looking import Span
from greengate.esg.references import references
from greengate.esg.shares import Part

FEW = 5
"""So many entries of a figure are named; the digest is over all of them."""
_FEW_REASONS = 3
_ADDED_UP = "the ends of the intervals are added up: figures of one runner share their coefficients"


@dataclass(slots=True)
class Sum:
    """A sum over parts.

    Attributes:
        boundless: How many parts have no interval though they are not exact.
        lacking: Why parts are not in it, and how many of each.
        sources: The versions with an interval, with the confidence of each.
    """

    amount: int = 0
    low: int = 0
    high: int = 0
    parts: int = 0
    boundless: int = 0
    lacking: Counter[str] = field(default_factory=Counter)
    entries: set[tuple[int, str]] = field(default_factory=set)
    sources: dict[str, float] = field(default_factory=dict)

    def add(self, span: Span, source: str = "", entries: Iterable[tuple[int, str]] = ()) -> None:
        """Add an amount."""
        self.amount, self.low, self.high = self.amount + span.amount, self.low + span.low, self.high + span.high
        self.parts += 1
        self.boundless += span.confidence == 0
        if entries:
            self.entries.update(entries)
        if span.low != span.high:
            self.sources[source] = span.confidence

    def merge(self, other: Sum) -> Sum:
        """Add another sum up with this one, into a new one."""
        return Sum(
            self.amount + other.amount, self.low + other.low, self.high + other.high, self.parts + other.parts,
            self.boundless + other.boundless, self.lacking + other.lacking, self.entries | other.entries,
            self.sources | other.sources,
        )  # fmt: skip

    @property
    def unknown(self) -> bool:
        """Whether there is something to add up and none of it is known."""
        return self.parts == 0 and bool(self.lacking)

    @property
    def why(self) -> str:
        """Why something is not in it."""
        found = sorted(self.lacking.items())
        more = [f"and {len(found) - _FEW_REASONS} other reasons"] if len(found) > _FEW_REASONS else []
        told_ = [f"{reason} ({count} parts)" if count > 1 else reason for reason, count in found[:_FEW_REASONS]]
        return "; ".join(told_ + more)


def summed(parts: Iterable[Part], name: str, *, bare: bool = False) -> Sum:
    """Add up one amount of some parts, with the entries behind it or without."""
    found = Sum()
    for part in parts:
        span = part.amounts[name]
        if span is None:
            found.lacking[part.missing(name)] += 1
        else:
            found.add(span, part.version.conversion.entry_id, () if bare else entries_of(part))
    return found


def entries_of(part: Part) -> tuple[tuple[int, str], ...]:
    """Tell (index, id) of the entries that a part rests on."""
    own = part.version.entries
    return (*own, (part.activity.idx, part.activity.entry_id)) if part.activity else own


def behind(entries: Iterable[tuple[int, str]]) -> dict[str, object]:
    """Name the first of some entries, how many there are, and the digest over the ids of all."""
    ids = [name for _, name in sorted(set(entries))]
    if not ids:
        return {}
    digest = hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()
    return {"entries": tuple(ids[:FEW]), "of": len(ids), "digest": digest}


def of_sum(name: str, label: str, total: Sum, write: Callable[[int], str], unit: str, **rest: str) -> Datum:
    """Tell a sum; None where nothing of it is known, and a note where not all of it is."""
    if total.unknown:
        return Datum(
            id=name, label=label, value=None, unit=unit, missing=total.why, references=references(name), **rest
        )
    uncertain = total.low != total.high and not total.boundless
    notes = [rest.pop("note", ""), _ADDED_UP if len(total.sources) > 1 else ""]
    notes += [f"no interval is known of {total.boundless} parts"] if total.boundless else []
    notes += [f"incomplete: not in the sum: {total.why}"] if total.lacking else []
    return Datum(
        id=name, label=label, value=write(total.amount), unit=unit,
        low=write(total.low) if uncertain else None, high=write(total.high) if uncertain else None,
        confidence=next(iter(total.sources.values())) if len(total.sources) == 1 else None,
        note="; ".join(filter(None, notes)), references=references(name), **behind(total.entries), **rest,
    )  # fmt: skip


def told(name: str, label: str, value: str | None, unit: str = "", **rest: object) -> Datum:
    """Tell a value, or with `missing` why there is none."""
    made = {"id": name, "label": label, "value": value, "unit": unit, "references": references(name), **rest}
    return Datum.model_validate(made)


def table(
    name: str, title: str, columns: Sequence[Column], rows: Iterable[Sequence[str | None]], note: str = ""
) -> Table:
    """Make a table."""
    return Table(id=name, title=title, columns=tuple(columns), rows=tuple(map(tuple, rows)), note=note)


def text(name: str, label: str) -> Column:
    """Make a column of words."""
    return Column(id=name, label=label)


def number(name: str, label: str, unit: str = "") -> Column:
    """Make a column of decimal strings."""
    return Column(id=name, label=label, kind="number", unit=unit)


def date(name: str, label: str) -> Column:
    """Make a column of days."""
    return Column(id=name, label=label, kind="date")


def entry(name: str, label: str) -> Column:
    """Make a column of entries' ids."""
    return Column(id=name, label=label, kind="entry")
