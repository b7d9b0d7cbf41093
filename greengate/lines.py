"""Entries for another place, one a line: a decision with all that it refers to, byte for byte, and what is beside.

Nothing in a line is believed that its digests do not tell, and nothing is taken that no decision refers to. Whom
pseudonyms stand for is told beside, and is not hashed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from greengate import leaves
from greengate.decision import Decision
from greengate.errors import HistoryError
from greengate.identities import People, believable, shown
from greengate.leaves import Leaf
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Stored
from greengate.recording import used_waivers
from greengate.records import Decided, Kind, Record, is_statement, predicate_type
from greengate.verdict import Outcome, Verdict

_KINDS = {predicate_type(kind): kind for kind in Kind} | {leaves.FIRST: Kind.DECISION}
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)
_BODIES = ("verdict", "evidence", "sealed", "profile")


@dataclass(frozen=True, slots=True)
class Line:
    """A decision that was read from elsewhere, with the bytes that its digests are of.

    Attributes:
        entry_id: Its entry.
        decision: What it says.
        leaves: What it refers to, itself, and what refers to it, in the order in which they are written down.
        people: Whom its pseudonyms stand for, as the other place tells.
    """

    entry_id: str
    decision: Decision
    leaves: tuple[Leaf, ...]
    people: Mapping[str, str]


def told(stored: Iterable[Stored], body: Callable[[str], bytes], people: People) -> Iterator[str]:
    """Write entries with their bodies, a line each; a body stands in the first line that refers to it."""
    told_already: set[str] = set()
    for one in stored:
        statement = json.loads(one.leaf)
        bodies = {name: body(name) for name in _named(statement) if name not in told_already}
        told_already |= set(bodies)
        line = {
            "entry": one.entry_id,
            "statement": statement,
            "bodies": {name: data.decode() for name, data in bodies.items()},
            "people": people.of(one.leaf, *bodies.values()),
        }
        yield encode(line).decode()


def read(data: bytes, where: str) -> list[Line]:
    """Read the lines that `told` wrote; those of version 1 have a decision and its evidence each.

    Raises:
        HistoryError: A line is none, is not the one that was written, or is of nothing; or something is missing.
    """
    found: dict[str, _Told] = {}
    decisions: list[_Told] = []
    for number, text in enumerate(data.splitlines(), 1):
        if text.strip():
            one = _one(text, f"{where}:{number}")
            found[one.leaf.id] = one
            decisions += [one] if one.kind is Kind.DECISION else []
    file = _File(found, {name: body for one in found.values() for name, body in one.leaf.bodies.items()})
    lines = [file.line(one) for one in decisions]
    taken = {leaf.id for line in lines for leaf in line.leaves}
    for one in found.values():
        if one.leaf.id not in taken:
            raise HistoryError(one.where, f"no decision here refers to this {one.kind}")
    return lines


@dataclass(frozen=True, slots=True)
class _Told:
    """One line: its leaf with bodies whose digests fit, and what it says of persons."""

    where: str
    kind: Kind
    leaf: Leaf
    statement: Mapping[str, Any]
    people: Mapping[str, str] = field(default_factory=dict)

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the record says."""
        said: Mapping[str, Any] = self.statement["predicate"]
        return said


def _one(text: bytes, where: str) -> _Told:
    try:
        line = json.loads(text)
        statement = line["statement"]
        leaf, kind = encode(statement), _KINDS[statement["predicateType"]]
        bodies = {name: body.encode() for name, body in line["bodies"].items()} if "bodies" in line else _old(line)
        people = believable(line.get("people", {}), leaf, *bodies.values())
        named, entry = set(_named(statement)), line["entry"]
        _refuse_misshaped(statement, kind)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _no_entry(where, error) from error
    if digest(leaf) != entry or any(digest(body) != name for name, body in bodies.items()):
        raise HistoryError(where, "this entry was changed since it was written: its digest is another one")
    if not set(bodies) <= named:
        raise HistoryError(where, "this entry was changed since it was written: it does not refer to what is beside it")
    return _Told(where, kind, Leaf(leaf, bodies), statement, people)


def _refuse_misshaped(statement: Mapping[str, Any], kind: Kind) -> None:
    """Refuse what others could read as a record of another kind."""
    if not is_statement(statement) or "kind" in statement["predicate"]:
        raise ValueError("it is no statement about one thing with a digest")
    if statement["predicateType"] != leaves.FIRST:
        _RECORD.validate_python({"kind": kind, **statement["predicate"]})


def _old(line: Mapping[str, Any]) -> dict[str, bytes]:
    """Take the evidence of a line of version 1; that its digest is not the one that is named is told as ever."""
    evidence = encode(line["evidence"]) if line["evidence"] else b""
    return {digest(evidence): evidence} if evidence else {}


def _named(statement: Mapping[str, Any]) -> Iterator[str]:
    """Name the bodies that a record refers to."""
    predicate, kind = statement["predicate"], _KINDS[statement["predicateType"]]
    if kind is Kind.POLICY:
        yield predicate["sha256"]
    elif statement["predicateType"] == leaves.FIRST:
        yield from filter(None, [predicate["evidence"]])
    elif kind in {Kind.DECISION, Kind.MEASUREMENT, Kind.CALIBRATION}:
        names = [name for name in _BODIES if not (kind is Kind.MEASUREMENT and name == "profile")]
        yield from dict.fromkeys(predicate[name] for name in names if predicate.get(name))


@dataclass(frozen=True, slots=True)
class _File:
    """All lines of a file by their entries, and all that lies beside them by its digest."""

    found: Mapping[str, _Told]
    bodies: Mapping[str, bytes]

    def line(self, one: _Told) -> Line:
        """Put a decision together with all that it refers to."""
        decision = self._decision(one)
        if one.statement["predicateType"] == leaves.FIRST:
            return Line(one.leaf.id, decision, (one.leaf,), {})
        said = Decided.model_validate(one.predicate)
        first = [*self._basis(one, said, decision), *self._measured(one, said)]
        parts = [*first, one, *self._overrides(one, decision.verdict)]
        self._refuse_bare(parts)
        people = {name: handle for part in parts for name, handle in part.people.items()}
        return Line(one.leaf.id, decision, tuple(part.leaf for part in parts), people)

    def _decision(self, one: _Told) -> Decision:
        try:
            return leaves.read(one.leaf.data, self._body, lambda data: shown(data, self._who))
        except (ValueError, LookupError, TypeError) as error:
            raise _no_entry(one.where, error) from error

    def _body(self, name: str) -> bytes:
        if name not in self.bodies:
            raise LookupError(f"what it refers to is missing ({name[:12]})")
        return self.bodies[name]

    def _who(self, pseudonym: str) -> str | None:
        return next((one.people[pseudonym] for one in self.found.values() if pseudonym in one.people), None)

    def _measured(self, one: _Told, said: Decided) -> Sequence[_Told]:
        if not said.measurement:
            return ()
        measured = self._entry(one, said.measurement, Kind.MEASUREMENT)
        converted = self._entry(one, said.conversion, Kind.CONVERSION)
        known = (measured.predicate["evidence"], converted.predicate["measurement"])
        if known != (said.evidence, said.measurement):
            raise HistoryError(one.where, "its measurement is of other evidence than it was judged by")
        return measured, converted

    def _refuse_bare(self, parts: Iterable[_Told]) -> None:
        """Refuse what refers to something that is not here: the ledger would lack it for ever."""
        for part in parts:
            for name in _named(part.statement):
                if name not in self.bodies:
                    raise _no_entry(part.where, LookupError(f"what it refers to is missing ({name[:12]})"))

    def _basis(self, one: _Told, said: Decided, decision: Decision) -> Iterator[_Told]:
        """Take the versions of policies, the calibration and the waivers."""
        profile = self.found[said.measurement].predicate.get("profile") if said.measurement in self.found else ""
        for other in self.found.values():
            told = other.predicate
            policy = other.kind is Kind.POLICY and (told["name"], told["sha256"]) in said.policies
            if policy or (other.kind is Kind.CALIBRATION and told["profile"] == profile):
                yield other
        used = used_waivers(decision)
        for entry in said.waivers:
            waiver = self._entry(one, entry, Kind.WAIVER)
            if (waiver.predicate["state"], waiver.predicate["waiver"] in used) != ("granted", True):
                raise HistoryError(one.where, f"it refers to a waiver that let nothing of it through ({entry[:12]})")
            yield waiver

    def _entry(self, one: _Told, entry: str, kind: Kind) -> _Told:
        other = self.found.get(entry)
        if other is None or other.kind is not kind:
            raise HistoryError(one.where, f"the {kind} that this decision refers to is missing ({entry[:12]})")
        return other

    def _overrides(self, one: _Told, verdict: Verdict) -> Iterator[_Told]:
        """Take the overrides that the verdict knows of; another one is of nothing."""
        known = {
            (finding.name, review.review)
            for finding in verdict.findings
            for review in finding.approvals
            if finding.outcome is Outcome.WAIVED
        }
        for other in self.found.values():
            said = other.predicate
            ours = other.kind is Kind.OVERRIDE and said["decision"] == one.leaf.id
            if ours and (said["rule"], said["review"]) in known:
                yield other


def _no_entry(where: str, error: Exception) -> HistoryError:
    found = leaves.words(error)[:200]
    told = "".join(sign for sign in found if sign.isprintable())
    return HistoryError(where, f"this is no entry of a history: {told}")
