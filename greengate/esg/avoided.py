"""What blocked and improved changes avoided, told honestly: beside the emissions, and never taken off them.

A change is blocked where it was closed without being merged and its newest decision on a model had failed; improved
where its first decision had failed and what was merged costs less. What would have been is the failed version in the
place of what is in force (of an improved change: of what was merged). At any time one such version counts for a model,
the latest: a model has one version in force at a time, so no two of them could have been. It counts from the settlement
until another version of the model comes into force. One file counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from greengate.esg.account import Account
from greengate.esg.decimals import rounded, tonnes
from greengate.esg.document import Datum, Table
from greengate.esg.instants import day, year_of
from greengate.esg.looking import Span
from greengate.esg.shares import Share
from greengate.esg.story import Case, Chosen, ModelKey
from greengate.esg.telling import Sum, date, entry, number, of_sum, table, text, told

_STATEMENTS = (
    (
        "Avoided emissions are a comparison with something that did not happen. They are in no total, and no"
        " total is less for them."
    ),
    (
        "The counterfactual: without the gate, the version that failed would have been merged, and would have"
        " been in force from the day on which its change was closed or merged, until the next version of the"
        " model. A blocked change is held against what was in force when it was measured, an improved one against"
        " what was merged."
    ),
    (
        "How it could be gamed: by proposing a version that nobody wants, to have it blocked. Therefore a model"
        " has at most one such version at a time, the latest, however often it is proposed; the same file counts"
        " once; and each change is in the table, to be asked about. Whether the version would really have been"
        " merged, nobody can tell."
    ),
)


class Told(NamedTuple):
    """A case, what it avoids a year, for which time it counts, and why not, where it does not."""

    case: Case
    year: Span | None
    start: int
    end: int
    why_not: str
    entries: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Avoided:
    """What is said of it."""

    statements: tuple[str, ...]
    data: tuple[Datum, ...]
    table: Table


def avoided(account: Account) -> Avoided:
    """Tell what blocked and improved changes of the period avoided."""
    found = list(told_cases(account))
    counted = [one for one in found if not one.why_not]
    data = [told("avoided.blocked", "Changes blocked: closed after they failed", str(_changes(found, merged=False)),
        "1"),
            told("avoided.improved", "Changes improved: failed first, merged with less",
            str(_changes(counted, merged=True)), "1"),
            _datum("avoided.period", "Avoided in the period", [(one, _part(one)) for one in counted]),
            _datum("avoided.year", "Avoided, a year", [(one, one.year) for one in _standing(counted)])]  # fmt: skip
    return Avoided(_STATEMENTS, tuple(data), _table(found))


def told_cases(account: Account) -> Iterator[Told]:
    """Go through the cases of the period, in order; one a model at a time."""
    cases = sorted(
        (case for case in account.story.cases if account.start <= case.at < account.until),
        key=lambda one: (one.at, one.idx),
    )
    seen: set[tuple[ModelKey, bytes]] = set()
    for number_, case in enumerate(cases):
        repeated = bool(case.failed.sha256) and (case.key, case.failed.sha256) in seen
        seen.add((case.key, case.failed.sha256))
        year, entries, why = _year(account, case)
        if repeated:
            why = "the same file was counted already"
        later = [other.at for other in cases[number_ + 1 :] if other.key == case.key
                 and (other.key, other.failed.sha256) not in seen]  # fmt: skip
        ends = [account.until, *later[:1], *filter(None, (account.force.after(case.key, case.at),))]
        yield Told(case, year, case.at, min(ends), why, entries)


def _year(account: Account, case: Case) -> tuple[Span | None, tuple[tuple[int, str], ...], str]:
    """Tell what the failed version would cost more a year; None and why where nothing tells."""
    failed, entries = _difference(account, case.failed)
    if failed is None:
        return None, entries, "nothing tells what it would have cost more"
    if case.merged is not None:
        merged, more = _difference(account, case.merged)
        if merged is None:
            return None, (*entries, *more), "nothing tells what the merged version costs more"
        confidence = max(0.0, round(failed.confidence + merged.confidence - 1, 12))  # as sure as both together
        failed = Span(failed.amount - merged.amount, failed.low - merged.high, failed.high - merged.low, confidence)
        entries = (*entries, *more)
    return failed, entries, "" if failed.amount > 0 else "it would not have cost more"


def _difference(account: Account, chosen: Chosen) -> tuple[Span | None, tuple[tuple[int, str], ...]]:
    kept = account.force.conversion(chosen)
    more = kept.record.difference.location_ugco2e if kept and kept.record.difference else None
    entries = ((chosen.idx, chosen.entry.hex()), *(((kept.idx, kept.entry_id),) if kept else ()))
    return (Span(more.amount, more.low, more.high, more.confidence) if more else None), entries


def _part(one: Told) -> Span:
    assert one.year is not None
    amount, low, high = (
        sum(rounded(Fraction(end * above, below)) for above, below in _shares(one.start, one.end))
        for end in one.year[:3]
    )
    return Span(amount, low, high, one.year.confidence)


def _shares(start: int, end: int) -> Iterator[Share]:
    while start < end:
        first, last = year_of(start)
        yield min(end, last) - start, last - first
        start = last


def _standing(counted: Sequence[Told]) -> list[Told]:
    """Keep of each model the case that stands last."""
    return list({one.case.key: one for one in counted}.values())


def _changes(found: Sequence[Told], *, merged: bool) -> int:
    return len({one.case.change or one.case.idx for one in found if (one.case.merged is not None) == merged})


def _datum(name: str, label: str, found: Sequence[tuple[Told, Span | None]]) -> Datum:
    added = Sum()
    for one, span in found:
        if span is not None:
            added.add(span, one.case.failed.entry.hex(), one.entries)
    return of_sum(name, label, added, tonnes, "tCO2e", basis="counterfactual, location-based; in no total")


def _table(found: Sequence[Told]) -> Table:
    columns = [date("at", "On"), text("change", "Change"), text("project", "Project"), text("model", "Model"),
        text("what", "It was"),
               number("year", "More, a year", "tCO2e"), number("low", "Low", "tCO2e"), number("high", "High", "tCO2e"),
               number("period", "In the period", "tCO2e"), text("counted", "Counted"),
               entry("entry", "Failed decision")]  # fmt: skip
    rows = []
    for one in found:
        ends: list[str | None] = [None] * 3 if one.year is None else [tonnes(end) for end in one.year[:3]]
        if one.year is not None and one.year.confidence == 0:
            ends[1:] = [None, None]
        part = tonnes(_part(one).amount) if not one.why_not else None
        counted = one.why_not or f"until {day(one.end)}"
        what = "blocked" if one.case.merged is None else "improved"
        rows.append(
            [day(one.case.at), one.case.change, *one.case.key, what, *ends, part, counted, one.case.failed.entry.hex()]
        )
    return table("avoided.changes", "Changes that were blocked or improved", columns, rows)
