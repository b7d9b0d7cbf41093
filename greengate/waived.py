"""What waivers have let through, by the records of a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from greengate.policy import Waiver
from greengate.records import Amount, Converted, Decided, Measurement, Record, Settlement, WaiverGranted, Year

FIGURES = ("energy_mj", "location_ugco2e", "market_ugco2e", "cost_ueur")
_NONE_WRITTEN = "nobody wrote down what it means a year"


class Fate(StrEnum):
    """What became of a change."""

    MERGED = "merged"
    CLOSED = "closed"
    OPEN = "open"


class State(StrEnum):
    """How a waiver stands today."""

    IN_FORCE = "in force"
    UNUSED = "not used yet"
    EXPIRED = "expired"
    UNREVIEWED = "not approved"
    REQUESTED = "asked for"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Passage:
    """A model that a waiver let through, as its change ended.

    Attributes:
        entry: The newest decision on it.
        change: The change, or "" of a model that was judged on the base branch.
        difference: What it takes more a year; None where that is not known, and `missing` says why.
    """

    entry: str
    at: str
    project: str
    model: str
    change: str
    fate: Fate
    difference: Year | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Sum:
    """A figure of some passages added up.

    Attributes:
        amount: The sum, in whole units.
        known: Of how many passages it is.
        missing: Why the others have none, each reason once.
    """

    amount: int
    known: int
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What a ledger says of a waiver.

    Attributes:
        asked: How it was asked for, or None.
        granted: How it stood when it first let something through, or None.
        decisions: Entries that it let through, in their order.
        rules: The rules that it let through in them.
        passages: What it let through in the end.
    """

    asked: WaiverGranted | None = None
    granted: WaiverGranted | None = None
    decisions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()

    def changes(self, fate: Fate) -> list[str]:
        """Name the changes that ended in one way."""
        return list(dict.fromkeys(one.change for one in self.passages if one.fate is fate and one.change))

    def sum(self, figure: str, fate: Fate) -> Sum:
        """Add a figure up over what ended in one way."""
        found = [(one, _amount(one, figure)) for one in self.passages if one.fate is fate]
        known = [amount.amount for _, amount in found if amount is not None]
        missing = dict.fromkeys(_why(one, figure) for one, amount in found if amount is None)
        return Sum(sum(known), len(known), tuple(missing))


@dataclass(slots=True)
class Reading:
    """What has been read of a ledger so far, record by record in its order."""

    waivers: dict[str, WaiverGranted] = field(default_factory=dict)
    decided: dict[str, Decided] = field(default_factory=dict)
    baselines: dict[str, str] = field(default_factory=dict)
    converted: dict[str, Converted] = field(default_factory=dict)
    newer: dict[str, str] = field(default_factory=dict)
    changes: dict[str, Fate] = field(default_factory=dict)
    entries: dict[str, Fate] = field(default_factory=dict)

    def take(self, entry: str, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, WaiverGranted):
            self.waivers[entry] = record
        elif isinstance(record, Decided):
            self.decided[entry] = record
        elif isinstance(record, Measurement):
            self.baselines[entry] = record.baseline.sha256 if record.baseline else ""
        elif isinstance(record, Converted):
            self.converted[entry] = record
            if record.supersedes:
                self.newer[record.supersedes] = entry
        elif isinstance(record, Settlement):
            fate = Fate(record.state)
            self.entries.update(dict.fromkeys(record.decisions, fate))
            if record.change and not record.decisions:
                self.changes[record.change] = fate


def uses(records: Iterable[tuple[str, Record]]) -> dict[str, Use]:
    """Tell what each waiver has let through, by its id.

    Of a change and a model its newest decision counts, and only where a waiver let that one through. What was measured
    against one and the same baseline is not added up: the newest takes the place of those before. What is judged on the
    base branch counts where no merged change did.
    """
    read = Reading()
    for entry, record in records:
        read.take(entry, record)
    through = _let_through(read)
    ended = list(_ended(read))
    told = {name: _use(read, name, entries, ended) for name, entries in through.items()}
    for record in read.waivers.values():
        told.setdefault(record.waiver, _use(read, record.waiver, [], []))
    return told


def state(waiver: Waiver, use: Use, *, reviewed: bool | None, today: str) -> State:
    """Tell how a waiver stands.

    Args:
        waiver: The document.
        use: What the ledger says of it.
        reviewed: Whether an owner approved the change that brought it; None where nobody knows.
        today: The day, YYYY-MM-DD.
    """
    if waiver.expired(today):
        return State.EXPIRED
    if reviewed is False or (waiver.by_review and not reviewed):
        return State.UNREVIEWED
    return State.IN_FORCE if use.decisions else State.UNUSED


def gone(use: Use, today: str) -> State:
    """Tell how a waiver stands that has no document (any more)."""
    newest = use.granted or use.asked
    if use.granted is None and not use.decisions and newest and newest.expires >= today:
        return State.REQUESTED
    return State.REMOVED


def _let_through(read: Reading) -> dict[str, list[str]]:
    """List the decisions that each waiver let through."""
    found: dict[str, list[str]] = {}
    for entry, decided in read.decided.items():
        named = [read.waivers[one].waiver for one in decided.waivers if one in read.waivers]
        for name in dict.fromkeys([*(short.waiver for short in decided.findings if short.waiver), *named]):
            found.setdefault(name, []).append(entry)
    return found


def _ended(read: Reading) -> Iterator[tuple[str, Decided, Fate]]:
    """Go through the newest decision of each model of each change, and of each model on the base branch."""
    newest: dict[tuple[str, ...], tuple[str, Decided]] = {}
    for entry, decided in read.decided.items():
        if decided.change.id or decided.in_force or entry in read.entries:
            about = decided.change.id or ("" if decided.in_force else entry)
            newest[about, decided.project, decided.model, decided.change.leg] = (entry, decided)
    for entry, decided in newest.values():
        merged = Fate.MERGED if decided.in_force else Fate.OPEN
        yield entry, decided, read.entries.get(entry) or read.changes.get(decided.change.id) or merged


def _use(read: Reading, name: str, entries: list[str], ended: list[tuple[str, Decided, Fate]]) -> Use:
    records = [record for record in read.waivers.values() if record.waiver == name]
    asked = next((record for record in reversed(records) if record.state == "requested"), None)
    granted = next((record for record in reversed(records) if record.state == "granted"), None)
    rules = dict.fromkeys(short.rule for one in entries for short in read.decided[one].findings if short.waiver == name)
    own = set(entries)
    through = [one for one in ended if one[0] in own]
    return Use(asked, granted, tuple(entries), tuple(rules), tuple(_passages(read, through)))


def _passages(read: Reading, through: list[tuple[str, Decided, Fate]]) -> Iterator[Passage]:
    by_change = {(one.project, one.model) for _, one, fate in through if fate is Fate.MERGED and one.change.id}
    counted: dict[tuple[str, ...], Passage] = {}
    for entry, decided, fate in through:
        if decided.change.id or (decided.project, decided.model) not in by_change:
            baseline = read.baselines.get(decided.measurement, "")
            key = baseline if fate is Fate.MERGED and baseline else entry
            counted.pop((decided.project, decided.model, key), None)
            counted[decided.project, decided.model, key] = _passage(read, entry, decided, fate)
    yield from counted.values()


def _passage(read: Reading, entry: str, decided: Decided, fate: Fate) -> Passage:
    newest = decided.conversion
    while newest in read.newer:
        newest = read.newer[newest]
    converted = read.converted.get(newest)
    difference = converted.difference if converted else None
    change = decided.change.id
    return Passage(
        entry, decided.at, decided.project, decided.model, change, fate, difference, "" if difference else _NONE_WRITTEN
    )


def _amount(one: Passage, figure: str) -> Amount | None:
    found: Amount | None = getattr(one.difference, figure) if one.difference else None
    return found


def _why(one: Passage, figure: str) -> str:
    missing = one.difference.missing if one.difference else {}
    return one.missing or missing.get(figure) or missing.get(figure.partition("_")[0]) or _NONE_WRITTEN
