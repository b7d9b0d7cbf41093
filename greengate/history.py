"""Questions about the past, answered from the ledger; decisions are written down here, with all that they rest on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greengate import leaves, lines
from greengate.decision import NOTHING, Basis, Decision
from greengate.errors import HistoryError, UsageError
from greengate.identities import People
from greengate.leaves import Leaf, Writer
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Store, Stored
from greengate.ledger.whereabouts import is_address
from greengate.lines import Line
from greengate.recorded import forgotten
from greengate.records import Forgotten, Kind, Recorded, predicate_type
from greengate.settings import history_access
from greengate.verdict import Outcome

__all__ = ["Decision", "History", "Line", "Record", "opened"]

_LAST = "last"
_DECISIONS = (leaves.SECOND, leaves.FIRST)


@dataclass(frozen=True, slots=True)
class Record:
    """A decision as it stands in the history."""

    index: int
    entry_id: str
    decision: Decision


class History:
    """The decisions in one ledger, among records of other kinds, and whatever is written into it."""

    def __init__(self, place: str | Path, *, make: bool = True) -> None:
        access = history_access()
        self._store = Store(place, password=access.password, passfile=access.passfile, make=make)
        self.place = str(self._store.place)
        self.people = People(self._store)
        self._shelf = _Shelf(self)

    @property
    def ledger(self) -> Store:
        """The ledger itself."""
        return self._store

    def check_writable(self) -> None:
        """Find out before measuring whether the decision can be written down."""
        self._store.check_writable()

    def append(self, decision: Decision, basis: Basis = NOTHING) -> str:
        """Write a decision down with all that it rests on, at once, and return the id of its entry."""
        first, leaf, after = Writer(self.people, self._shelf).written(decision, basis)
        self._append([*first, leaf, *after])
        return leaf.id

    def keep(self, line: Line) -> None:
        """Write down an entry that was read from elsewhere, byte for byte; the same again changes nothing."""
        if line.people:
            self.people.learn(line.people, forgotten(self._store))
        self._append(line.leaves)

    def write(
        self, records: Sequence[tuple[Recorded, str, str]], bodies: Mapping[str, bytes] | None = None
    ) -> list[Stored]:
        """Write records of other kinds down at once, each with its subject and that one's digest.

        Args:
            records: The records.
            bodies: What they refer to, by digest.
        """
        told = [leaves.leaf_of(record, subject, sha256, self.people) for record, subject, sha256 in records]
        return self._append([Leaf(one, bodies or {}) for one in told])

    def line(self, entry_id: str) -> str:
        """Return an entry with all that it refers to as lines of JSON, from which it can be judged again elsewhere."""
        (stored,) = self._store.find(entry_id)
        return "\n".join(lines.told(self._around(stored), self._store.body, self.people))

    def of_check(self, record: Record) -> list[Record]:
        """List the entries of the check that one belongs to, in their order; of an old entry, that one alone.

        Checks that run at the same time may write by turns. Legs of a matrix are one check: of each its newest.
        """
        change, number = record.decision.change, _number(record)
        if not (change.leg and number):
            return self._of_one(record)
        legs: dict[str, Record] = {}
        for other in self._holding(f'"run":"{number}.'):
            theirs = other.decision.change
            if theirs.leg and (theirs.id, theirs.head, _number(other)) == (change.id, change.head, number):
                legs[theirs.leg] = other
        return [one for newest in legs.values() for one in self._of_one(newest)]

    def of_change(self, change: str) -> Iterator[Record]:
        """Go through the entries of a change, the newest first."""
        text = encode(change)
        for stored in self._decisions():
            # The first version told of it in the evidence too, and in its earliest days nowhere else.
            if text in stored.leaf or leaves.FIRST.encode() in stored.leaf:
                record = self._record(stored)
                evidence = record.decision.evidence
                if change in {record.decision.change.id, evidence.change if evidence else ""}:
                    yield record

    def newest_first(self) -> Iterator[Record]:
        """Go through the decisions, the newest first."""
        return (self._record(stored) for stored in self._decisions())

    def newest_at(self) -> str:
        """Tell when the newest decision was taken; "" where there is none."""
        newest = next(self._decisions(), None)
        if newest is None:
            return ""
        predicate = json.loads(newest.leaf)["predicate"]
        return str(predicate.get("at", predicate.get("taken_at", "")))

    def behind(self, at: str) -> str:
        """Say that a moment is before the newest decision, so that a clock went back; "" where it is not."""
        newest = self.newest_at()
        if at >= newest:
            return ""
        return f"the clock of this machine says {at}, and the newest entry of the history is of {newest}: one is wrong"

    def find(self, prefix: str) -> Record:
        """Find the one decision whose entry's id begins with `prefix`; "last" is the newest.

        Raises:
            UsageError: None or several do.
        """
        if not prefix:
            raise UsageError(self.place, "no entry is named", "give the beginning of an entry's id, or `last`")
        if prefix == _LAST:
            newest = next(self._decisions(), None)
            named = [newest] if newest else []
        else:
            named = self._store.find(prefix.lower())
        found = [stored for stored in named if leaves.is_decision(stored.leaf)]
        if not found and len(named) == 1:
            problem = (
                f"the entry {prefix} is of another kind ({leaves.kind_of(named[0].leaf)}), and a decision is meant"
            )
            raise UsageError(self.place, problem, "`greengate history` lists the decisions")
        if len(found) != 1:
            hint = "`greengate history` lists the entries"
            raise UsageError(self.place, f"{len(found) or 'no'} entries begin with `{prefix}`", hint)
        return self._record(found[0])

    def beginning(self, prefix: str) -> list[Record]:
        """List the decisions whose entries' ids begin with some hexadecimal digits."""
        found = self._store.find(prefix.lower())
        return [self._record(stored) for stored in found if leaves.is_decision(stored.leaf)]

    def about(self, model: str) -> Iterator[Record]:
        """Go through the entries of a model, the newest first."""
        named = encode({"model": model})[1:-1]
        found = (self._record(stored) for stored in self._decisions() if named in stored.leaf)
        return (record for record in found if record.decision.model == model)

    def passed(self, model: str) -> Iterator[Record]:
        """Go through the entries in which the model passed, with or without a waiver, the newest first."""
        passed = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)
        return (record for record in self.about(model) if record.decision.verdict.outcome in passed)

    def models(self) -> set[tuple[str, str]]:
        """Name all models that were ever judged, each with its project."""
        found = (json.loads(stored.leaf)["predicate"] for stored in self._decisions())
        return {(str(said.get("project", "")), str(said["model"])) for said in found}

    def records(self, kind: Kind) -> Iterator[tuple[Stored, dict[str, Any]]]:
        """Go through the records of a kind in their order, each with what it says; persons are pseudonyms."""
        for stored in self._store.of_type(predicate_type(kind)):
            yield stored, json.loads(stored.leaf)["predicate"]

    def forget(self, handle: str, said: Forgotten) -> list[str]:
        """Forget a person, write that down, and name the pseudonyms that stood for them; [] where nobody is known."""
        gone = self.people.all_of(handle)
        if gone:
            self.write([(said.model_copy(update={"people": tuple(gone)}), gone[0], digest(gone[0].encode()))])
            self.people.forget(handle)
        return gone

    def close(self) -> None:
        """Close it."""
        self._store.close()

    def _append(self, found: Sequence[Leaf]) -> list[Stored]:
        return self._store.append_all([(leaf.data, leaf.bodies) for leaf in found])

    def _decisions(self) -> Iterator[Stored]:
        return self._store.newest_of(*_DECISIONS)

    def _of_one(self, record: Record) -> list[Record]:
        """List the entries of one run of `greengate gate`."""
        name = record.decision.check
        if not name:
            return [record]
        return [other for other in self._holding(name) if other.decision.check == name]

    def _holding(self, text: str) -> list[Record]:
        return [self._record(stored) for stored in self._store.holding(text.encode(), _DECISIONS)]

    def _around(self, stored: Stored) -> list[Stored]:
        """List what a decision refers to, itself, and what refers to it."""
        predicate = json.loads(stored.leaf)["predicate"]
        if "verdict" not in predicate or not isinstance(predicate["verdict"], str):
            return [stored]
        named = [entry for entry in (predicate["measurement"], predicate["conversion"]) if entry]
        measured = [one for entry in named for one in self._store.find(entry)]
        profile = json.loads(measured[0].leaf)["predicate"]["profile"] if measured else ""
        kept = [self._shelf.policy(name, sha256) for name, sha256 in predicate["policies"]]
        kept += [self._shelf.calibration(profile)] if profile else []
        first = [one for entry in (*kept, *predicate["waivers"]) if entry for one in self._store.find(entry)]
        overrides = self._store.holding(stored.entry_id.encode(), [predicate_type(Kind.OVERRIDE)])
        return [*first, *measured, stored, *overrides]

    def _record(self, stored: Stored) -> Record:
        try:
            decision = leaves.read(stored.leaf, self._store.body, self.people.shown)
        except (ValueError, LookupError, TypeError) as error:
            problem = f"entry {stored.entry_id[:12]} cannot be read: {leaves.words(error)}"
            raise HistoryError(self.place, problem) from error
        return Record(stored.index, stored.entry_id, decision)


class _Shelf:
    """What a ledger has already of that which it keeps once; looked through once, and again where it is not there."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._found: dict[Kind, list[tuple[str, dict[str, Any]]]] = {}

    def policy(self, name: str, sha256: str) -> str:
        """Name the entry of a policy's version, "" where there is none."""
        return self._entry(Kind.POLICY, {"name": name, "sha256": sha256})

    def calibration(self, profile: str) -> str:
        """Name the entry of a calibration, "" where there is none."""
        return self._entry(Kind.CALIBRATION, {"profile": profile})

    def waiver(self, content: Mapping[str, Any]) -> str:
        """Name the entry of a waiver of this content, whenever it was written; "" where there is none."""
        return self._entry(Kind.WAIVER, {key: value for key, value in content.items() if key != "at"})

    def asked_by(self, waiver: str) -> str:
        """Tell who last asked for a waiver; "" where nobody is known to."""
        asked = [said["asked_by"] for _, said in self._all(Kind.WAIVER) if said["waiver"] == waiver]
        return next((who for who in reversed(asked) if who), "")

    def _entry(self, kind: Kind, wanted: Mapping[str, Any]) -> str:
        for fresh in (False, True):
            for entry, said in self._all(kind, fresh=fresh):
                if all(said.get(key) == value for key, value in wanted.items()):
                    return entry
        return ""

    def _all(self, kind: Kind, *, fresh: bool = False) -> list[tuple[str, dict[str, Any]]]:
        if fresh or kind not in self._found:
            self._found[kind] = [(stored.entry_id, said) for stored, said in self._history.records(kind)]
        return self._found[kind]


@contextmanager
def opened(place: str | Path, *, make: bool = True) -> Iterator[History]:
    """Open a history for as long as the block lasts.

    Args:
        place: A file, or the address of a PostgreSQL database.
        make: Whether one is made where there is none.

    Raises:
        UsageError: There is none, and none may be made.
    """
    if not make and not is_address(place) and not Path(place).is_file():
        raise UsageError(str(place), "there is no history here yet", "`greengate gate` writes one")
    history = History(place, make=make)
    try:
        yield history
    finally:
        history.close()


def _number(record: Record) -> str:
    """The run without its attempt: legs that are run again alone are of the same run."""
    return record.decision.change.run.partition(".")[0]
