"""What one pass over a ledger remembers: what came into force when, what was closed, and all that is told besides.

Measurements and conversions are not read: a decision names its own by their ids, which are digests of their bytes, and
they are looked up where the decision came into force. Of a change only the first and the newest decision on each of its
models are kept, until it is merged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from greengate.esg.instants import instant
from greengate.esg.leaves import Judged, JudgedAtFirst, Settled, Superseding, Unknown
from greengate.records import (
    Activity,
    BudgetEvent,
    Closed,
    Delivered,
    External,
    Override,
    Restated,
    Retirement,
    SignedOff,
    WaiverGranted,
)

FAILED = "failed"
_DAY = 86_400_000_000  # microseconds

ModelKey: TypeAlias = tuple[str, str]
"""A project and a model of it."""


class Chosen(NamedTuple):
    """A decision, as far as it may come into force; digests as bytes, since there may be many."""

    at: int
    idx: int
    entry: bytes
    outcome: str
    sha256: bytes
    measurement: bytes
    conversion: bytes
    team: str
    waivers: tuple[str, ...]


class Begin(NamedTuple):
    """What stands for a model from an instant on: a decision's version, or nothing, where it is retired."""

    at: int
    idx: int
    chosen: Chosen | None
    change: str = ""
    entry: str = ""


class Case(NamedTuple):
    """A change that failed first: its first decision on a model, and the one that was merged, None where none was."""

    at: int
    idx: int
    key: ModelKey
    change: str
    failed: Chosen
    merged: Chosen | None


class Kept(NamedTuple):
    """A record that is told as it stands."""

    idx: int
    entry_id: str
    at: int
    record: Any


class Late(NamedTuple):
    """What took effect more than a day before a decision that stood there already, and the time of that one."""

    kept: Kept
    clock: int

    @property
    def words(self) -> str:
        """What it says."""
        said: Settled | Retirement = self.kept.record
        if isinstance(said, Retirement):
            return f"retired: {said.project}/{said.model}".replace(": /", ": ")
        return f"{said.state}: {said.change or ', '.join(one[:12] for one in said.decisions)}"


@dataclass(slots=True)
class Story:
    """What a ledger tells up to where it was read.

    Attributes:
        start, end: The period whose gate outcomes are counted.
        by_id: Finds a decision that a settlement names without a change.
        begins: What came into force, by model, in the ledger's order.
        superseding: The newest conversion that takes the place of (another one, of a measurement).
        backwards: (index, entry id) of entries whose clock was behind that of an earlier one.
        merged, closed, landed: Changes that were settled, or of which a decision on the base branch was made.
        late: Settlements and retirements that were told more than a day late.
        loose: Decisions of the period that name no change and are not on the base branch, and that nothing settled.
    """

    start: int
    end: int
    by_id: Callable[[str], Kept | None]
    size: int = 0
    first_id: str = ""
    last_id: str = ""
    latest: int = 0
    earliest: int | None = None
    begins: dict[ModelKey, list[Begin]] = field(default_factory=lambda: defaultdict(list))
    retired: list[Kept] = field(default_factory=list)
    superseding: dict[tuple[str, str], str] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    policies: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    decided: set[ModelKey] = field(default_factory=set)
    let_through: Counter[str] = field(default_factory=Counter)
    waivers: dict[str, Kept] = field(default_factory=dict)
    overrides: list[Kept] = field(default_factory=list)
    budgets: list[Kept] = field(default_factory=list)
    activities: dict[ModelKey, list[Kept]] = field(default_factory=lambda: defaultdict(list))
    externals: list[Kept] = field(default_factory=list)
    closes: list[Kept] = field(default_factory=list)
    restatements: list[Kept] = field(default_factory=list)
    sign_offs: list[Kept] = field(default_factory=list)
    delivered: list[Kept] = field(default_factory=list)
    first_version: int = 0
    errored: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    backwards: list[tuple[int, str]] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    landed: set[str] = field(default_factory=set)
    loose: set[bytes] = field(default_factory=set)
    late: list[Late] = field(default_factory=list)
    _clock: int = 0
    _open: dict[str, dict[ModelKey, tuple[Kept, Kept]]] = field(default_factory=dict)
    _teams: dict[str, str] = field(default_factory=dict)
    _takes: dict[type, tuple[Callable[[Kept], None], bool]] = field(init=False)

    def __post_init__(self) -> None:
        timed: dict[type, Callable[[Kept], None]] = {
            Judged: self._judged,
            JudgedAtFirst: self._judged,
            Settled: self._settled,
            Retirement: self._retired,
            WaiverGranted: self._waived,
            Activity: self._active,
            Override: self.overrides.append,
            BudgetEvent: self.budgets.append,
            External: self.externals.append,
            Closed: self.closes.append,
            Restated: self.restatements.append,
            SignedOff: self.sign_offs.append,
            Delivered: self.delivered.append,
        }
        timeless = {Superseding: self._superseding, Unknown: self._unknown}
        self._takes = {kind: (take, True) for kind, take in timed.items()}
        self._takes |= {kind: (take, False) for kind, take in timeless.items()}

    def take(self, index: int, entry_id: str, record: Any) -> None:
        """Take an entry in, with what was read of it.

        Raises:
            NotAnInstant: Its time is none.
        """
        take, timed = self._takes[type(record)]
        when = self.latest
        if timed:
            when = instant(record.at)
            self.latest = max(self.latest, when)
            if self.earliest is None or when < self.earliest:
                self.earliest = when
        take(Kept(index, entry_id, when, record))

    def _superseding(self, kept: Kept) -> None:
        self.superseding[kept.record.supersedes, kept.record.measurement] = kept.entry_id

    def _unknown(self, kept: Kept) -> None:
        self.unknown[kept.record.name] += 1

    def _judged(self, kept: Kept) -> None:
        said: Judged = kept.record
        if kept.at < self._clock:  # a decision is written at once, by the clock of its runner
            self.backwards.append((kept.idx, kept.entry_id))
        self._clock = max(self._clock, kept.at)
        self.first_version += said.first
        self.errored += said.outcome == "errored"
        if self.start <= kept.at < self.end:
            self._count(said)
        if said.first:
            return
        key, change = (said.project, said.model), said.change.id
        self._follow(kept, said)
        if said.in_force:
            self.begins[key].append(Begin(kept.at, kept.idx, self._chosen(kept), change, kept.entry_id))
        if change and change not in self.merged:
            models = self._open.get(change)
            if models is None:
                models = self._open[change] = {}
            before = models.get(key)
            models[key] = (before[0] if before else kept, kept)

    def _follow(self, kept: Kept, said: Judged) -> None:
        """Remember what has to be settled for this decision to come into force."""
        self.closed.discard(said.change.id)
        if said.in_force:
            self.landed.add(said.change.id)
        elif not said.change.id and self.start <= kept.at < self.end:
            self.loose.add(bytes.fromhex(kept.entry_id))

    def pending(self, until: int) -> list[str]:
        """Name the changes that were judged before an instant and that nobody settled."""
        settled = self.closed | self.landed
        return [change for change, models in self._open.items()
                if change not in settled and any(newest.at < until for _, newest in models.values())]  # fmt: skip

    def _chosen(self, kept: Kept) -> Chosen:
        said: Judged = kept.record
        return Chosen(
            kept.at, kept.idx, bytes.fromhex(kept.entry_id), said.outcome, _raw(said.sha256),
            _raw(said.measurement), _raw(said.conversion), self._teams.setdefault(said.team, said.team), said.waivers,
        )  # fmt: skip

    def _count(self, said: Judged) -> None:
        self.outcomes[said.outcome] += 1
        self.decided.add((said.project, said.model))
        self.let_through.update(set(said.waivers))
        worst: dict[str, str] = {}
        for finding in said.findings:
            name = finding.rule.partition("/")[0]
            worst[name] = max(worst.get(name, ""), finding.outcome, key=_gravity)
        for name, sha256 in said.policies:
            # Where there is no evidence, no policy was applied to any.
            self.policies[name, sha256][worst.get(name) or ("errored" if said.problem else "passed")] += 1

    def _settled(self, kept: Kept) -> None:
        said: Settled = kept.record
        if said.change and said.change in self.merged:
            return
        self._note_late(kept)
        models = self._named(said, kept.idx)
        if said.state == "closed":
            self.closed.update(filter(None, [said.change]))
            for key, (_, newest) in models.items():
                if newest.outcome == FAILED:
                    self.cases.append(Case(kept.at, kept.idx, key, said.change, newest, None))
            return
        self.cases = [case for case in self.cases if not said.change or case.change != said.change]
        for key, (first, newest) in models.items():
            self.begins[key].append(Begin(kept.at, kept.idx, newest, said.change, kept.entry_id))
            if first.outcome == FAILED and first.entry != newest.entry:
                self.cases.append(Case(kept.at, kept.idx, key, said.change, first, newest))
        if said.change:
            self.merged.add(said.change)
            self._open.pop(said.change, None)

    def _named(self, said: Settled, index: int) -> Mapping[ModelKey, tuple[Chosen, Chosen]]:
        """Tell the first and the newest decision on each model of what was settled, or those that it names."""
        known = {key: self._both(*pair) for key, pair in self._open.get(said.change, {}).items()} if said.change else {}
        if not said.decisions:
            return known
        found: dict[ModelKey, tuple[Chosen, Chosen]] = {}
        for entry in said.decisions:
            kept = self.by_id(entry)
            if kept is not None and kept.idx < index and isinstance(kept.record, Judged):
                self.loose.discard(bytes.fromhex(kept.entry_id))
                key, chosen = (kept.record.project, kept.record.model), self._chosen(kept)
                first = known[key][0] if key in known else chosen
                if key not in found or found[key][1].idx < chosen.idx:
                    found[key] = (first, chosen)
        return found

    def _both(self, first: Kept, newest: Kept) -> tuple[Chosen, Chosen]:
        chosen = self._chosen(newest)
        return (chosen if first is newest else self._chosen(first)), chosen

    def _retired(self, kept: Kept) -> None:
        said: Retirement = kept.record
        self.begins[said.project, said.model].append(Begin(kept.at, kept.idx, None, "", kept.entry_id))
        self.retired.append(kept)
        self._note_late(kept)

    def _note_late(self, kept: Kept) -> None:
        if kept.at < self._clock - _DAY:
            self.late.append(Late(kept, self._clock))

    def _waived(self, kept: Kept) -> None:
        self.waivers[kept.entry_id] = kept

    def _active(self, kept: Kept) -> None:
        self.activities[kept.record.project, kept.record.model].append(kept)


def _raw(digest: str) -> bytes:
    return bytes.fromhex(digest) if digest else b""


_ORDER = ("", "passed", "warned", "waived", "inconclusive", "errored", "failed")


def _gravity(outcome: str) -> int:
    return _ORDER.index(outcome) if outcome in _ORDER else len(_ORDER)
