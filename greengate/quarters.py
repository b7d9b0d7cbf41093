"""Quarterly reports from a ledger: its leaves go by once, each held against its hash, and the figures come out.

The root that a report names is of the bytes that it was made of. What a decision in force refers to is looked up by its
id, which is the digest of its bytes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from greengate import __version__, signatures
from greengate.errors import HistoryError, UsageError
from greengate.esg import leaves
from greengate.esg.account import Account
from greengate.esg.company import NOBODY, Said
from greengate.esg.comparing import period_named
from greengate.esg.document import Evidence, Quarterly
from greengate.esg.instants import NotAnInstant, day, instant, iso, of
from greengate.esg.leaves import Judged, NotALeaf
from greengate.esg.looking import Looking
from greengate.esg.quarterly import Frame, Status, View, report
from greengate.esg.story import Kept, Story
from greengate.ledger import merkle
from greengate.ledger.store import Store, Stored
from greengate.ledger.subtrees import Root
from greengate.periods import Calendar, NotAPeriod, Period
from greengate.periods import Kind as Length
from greengate.periods import period_of as around
from greengate.records import Closed, Delivered, Kind, Restated, SignedOff, predicate_type
from greengate.skimming import pieces, uncollected, unreadable

LAST = "last"
"""The newest quarter that is over."""

_FISCAL = re.compile(r"FY\d{4}-(\d\d)(?!\d)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which report is wanted.

    Attributes:
        period: Its name, as it was written.
        now: What the clock says; it only tells whether the period is over.
        at: The instant up to which is counted, where it was given.
        size: Of which beginning of the ledger; None for all of it.
        closing: The status of a report that closes or restates its period: then `size` is as given, or None.
        whole: Whether every entry is read and hashed, rather than those alone that are told apart by their marks.
    """

    period: str
    now: datetime
    view: View = "current"
    said: Said = NOBODY
    at: datetime | None = None
    size: int | None = None
    who: Callable[[str], str] = field(default=lambda pseudonym: pseudonym)
    closing: Status | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """A report, and the account that it was made of."""

    report: Quarterly
    account: Account


@uncollected()
def made(store: Store, wanted: Wanted) -> Made:
    """Make a report.

    Raises:
        UsageError: There is no such period, view or size, or nothing to tell of it.
        HistoryError: An entry cannot be read, or the ledger is not the one that was closed.
    """
    wanted, period = _with_period(wanted)
    size, expected = _size(store, wanted, period)
    ask = _Asking(store)
    story = Story(of(period.start), _end_of_decisions(wanted, period), ask.decision)
    root = _read(store, story, size, whole=wanted.whole)
    if root != (kept := b64encode(merkle.root(size, store.node)).decode()):
        problem = f"its first {size} entries are not those that were written: their root is {root}, and {kept} was kept"
        raise HistoryError(store.place, problem, "`greengate ledger verify` tells which one; restore a backup")
    if expected and root != expected:
        problem = (
            f"its first {size} entries are not those that {period.name} was {_ACTS[wanted.view]} by: the root is {root}"
        )
        raise HistoryError(store.place, problem, f"the entry that says so has the root {expected}")
    until = _until(story, wanted, period)
    account = Account(story, wanted.said, period, until, Looking(ask.find), ask.body)
    _refuse_empty(store, account)
    frame = _frame(store, wanted, account, root)
    try:
        return Made(report(account, frame), account)
    except (NotALeaf, NotAnInstant) as bad:
        hint = "a newer greengate may have written it"
        raise HistoryError(
            store.place, f"an entry that a version in force refers to cannot be read: {bad}", hint
        ) from bad


_ACTS = {"current": "told", "as-reported": "closed", "as-restated": "restated"}


def period_of(name: str, said: Said) -> tuple[Period, Calendar]:
    """Find a period by its name, in the company's calendar, or in that which the name tells (`FY2026-04-Q3`).

    Raises:
        UsageError: There is none of this name.
    """
    found = _FISCAL.match(name)
    calendar = said.calendar
    try:
        if found and not said.digest:
            calendar = Calendar(calendar.zone, int(found[1]))
        return period_named(name, calendar), calendar
    except NotAPeriod as refused:
        raise UsageError("--quarter", str(refused), refused.hint) from refused


def closed(store: Store, name: str) -> Closed | None:
    """Find the entry that closed a period; None where it is open."""
    return next((one for one in records_of(store, Kind.CLOSE) if one.period == name), None)


def restated(store: Store, name: str) -> Restated | None:
    """Find the newest entry that restated a period; None where none did."""
    return next((one for one in reversed(records_of(store, Kind.RESTATEMENT)) if one.period == name), None)


def delivered(store: Store) -> list[Delivered]:
    """List the reports that were delivered, in their order."""
    return records_of(store, Kind.REPORT)


def sign_offs(store: Store) -> list[SignedOff]:
    """List the sign-offs, in their order."""
    return records_of(store, Kind.SIGN_OFF)


def records_of(store: Store, kind: Kind) -> list[Any]:
    """Read the records of one kind, of which there are few, in their order."""
    return [_whole(store, stored) for stored in store.of_type(predicate_type(kind))]


def _whole(store: Store, stored: Stored) -> Any:
    try:
        return leaves.whole(stored.leaf)
    except NotALeaf as bad:
        raise unreadable(store, stored.index, stored.leaf, bad) from bad


def _with_period(wanted: Wanted) -> tuple[Wanted, Period]:
    name = wanted.period
    if name == LAST:
        present = around(Length.QUARTER, wanted.now, wanted.said.calendar)
        name = around(Length.QUARTER, present.start - timedelta(seconds=1), wanted.said.calendar).name
    period, calendar = period_of(name, wanted.said)
    return replace(wanted, said=replace(wanted.said, calendar=calendar)), period


def _size(store: Store, wanted: Wanted, period: Period) -> tuple[int, str]:
    """Tell how many entries the view has, and the root that they must have, if something says it."""
    size = store.size()
    if wanted.closing is not None and wanted.size is not None:
        return wanted.size, ""
    if wanted.view != "current":
        find = closed if wanted.view == "as-reported" else restated
        found: Closed | Restated | None = find(store, period.name)
        if found is None:
            hint = f"`greengate period close {period.name}` closes it" if wanted.view == "as-reported" else ""
            raise UsageError("--view", f"{period.name} was never {_ACTS[wanted.view]}", hint)
        refuse_another(store, period, "--view")
        return found.size, found.root
    if wanted.size is not None and not 0 < wanted.size <= size:
        raise UsageError("--size", f"the ledger has {size} entries", f"from 1 to {size}")
    return (size if wanted.size is None else wanted.size), ""


def refuse_another(store: Store, period: Period, where: str) -> None:
    """Refuse a closed period that is another time by the calendar that there is now.

    Raises:
        UsageError: It is.
    """
    first = closed(store, period.name)
    if first and (instant(first.start), instant(first.end)) != (of(period.start), of(period.end)):
        problem = f"{period.name} was closed as {first.start} to {first.end}, by another calendar"
        raise UsageError(where, problem, "`calendar` in report.yaml is not that which it was closed by")


def _read(store: Store, story: Story, size: int, *, whole: bool) -> str:
    """Take in the first entries of a ledger, and tell the root of their tree."""
    root = Root()
    for piece in pieces(store, size, whole=whole):
        root.add(piece.chunks, piece.rest)
        for index, entry_id, record in piece.found:
            try:
                story.take(index, entry_id, record)
            except ValueError as bad:  # a time or a digest
                raise unreadable(store, index, store.stored(index).leaf, bad) from bad
    if size:
        story.first_id, story.last_id = store.stored(0).entry_id, store.stored(size - 1).entry_id
    story.size = size
    return root.told()


class _Asking:
    """Looks entries and bodies of a ledger up."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, wanted: Sequence[tuple[str, int]]) -> Iterator[tuple[int, bytes] | None]:
        """Find entries by their ids, each of which most likely stands right before another entry."""
        return ((one.index, one.leaf) if one else None for one in self._store.all_near(wanted))

    def decision(self, entry_id: str) -> Kept | None:
        """Find a decision that a settlement names, by its id or the beginning of it."""
        return next((self._kept(one) for one in self._store.find(entry_id)), None)

    def body(self, sha256: str) -> bytes | None:
        """Find what is kept beside."""
        try:
            return self._store.body(sha256)
        except HistoryError:
            return None

    def _kept(self, stored: Stored) -> Kept | None:
        try:
            record = leaves.skimmed(stored.leaf)
        except NotALeaf as bad:
            raise unreadable(self._store, stored.index, stored.leaf, bad) from bad
        return Kept(stored.index, stored.entry_id, instant(record.at), record) if isinstance(record, Judged) else None


def _end_of_decisions(wanted: Wanted, period: Period) -> int:
    """Tell before which instant decisions are counted: one in the very moment up to which is counted is among them."""
    if wanted.view != "current":
        return of(period.end)
    return min(of(period.end), of(wanted.now if wanted.at is None else wanted.at) + 1)


def _until(story: Story, wanted: Wanted, period: Period) -> int:
    """Tell up to when is counted: the end of a period that is over, else the given time or that of the newest entry."""
    end = of(period.end)
    now = of(wanted.now)
    over = wanted.view != "current" or (wanted.at is None and now >= end)
    if wanted.at is not None and wanted.view == "current":
        if of(wanted.at) > max(story.latest, of(wanted.now)):
            raise UsageError("--at", "it lies in the future: nobody knows what will be in force", "leave it out")
        if of(wanted.at) <= of(period.start):
            problem = f"{period.name} has not begun then: it begins at {iso(of(period.start))}"
            raise UsageError("--at", problem, "ask for a later time, or for an earlier period")
        return min(end, of(wanted.at))
    return end if over else min(end, story.latest, now)  # an entry of the future makes no period be over


def _refuse_empty(store: Store, account: Account) -> None:
    story, name = account.story, account.period.name
    if story.earliest is None:
        raise UsageError(store.place, "the ledger holds nothing that a report could tell", "`greengate gate` writes it")
    if story.earliest >= account.end:
        raise UsageError(name, f"the ledger begins later, on {day(story.earliest)}", "ask for a later period")
    if account.until <= account.start:
        raise UsageError(
            name, f"it has not begun: the newest entry is of {day(story.latest)}", "ask for an earlier one"
        )


def _frame(store: Store, wanted: Wanted, account: Account, root: str) -> Frame:
    story, name = account.story, account.period.name
    before = sum(kept.record.period == name for kept in story.delivered)
    size = f" --size {story.size}" if wanted.view == "current" else f" --view {wanted.view}"
    at = f" --at {iso(account.until)}" if account.until < account.end else ""
    company = " --company report.yaml" if wanted.said.digest else ""
    note = _checkpoint(store, story.size)
    evidence = Evidence(
        origin=note.partition("\n")[0],
        size=story.size,
        root=root,
        checkpoint=note,
        first=story.first_id,
        last=story.last_id,
        command=f"greengate report --quarter {name}{size}{at}{company}",
    )
    return Frame(
        view=wanted.view,
        status=wanted.closing or _status(account, wanted.view),
        version=before + 1,
        made_at=max(story.latest, account.until),
        greengate=__version__,
        evidence=evidence,
        who=wanted.who,
        signatures=partial(signatures.told, store, wanted.said),
    )


def _checkpoint(store: Store, size: int) -> str:
    """Return the signed checkpoint of so many entries, else the newest one of fewer; "" where there is none."""
    found = store.checkpoint(size) or store.checkpoint()
    return found[1].decode(errors="replace") if found and found[0] <= size else ""


def _status(account: Account, view: View) -> Status:
    if view != "current":
        return "closed" if view == "as-reported" else "restated"
    if account.until < account.end:
        return "preliminary"
    name, story = account.period.name, account.story
    if any(kept.record.period == name for kept in story.restatements):
        return "restated"
    return "closed" if any(kept.record.period == name for kept in story.closes) else "provisional"
