"""A decision as leaves of a ledger with the bodies that they refer to, and back.

Written are decisions of version 2 (`greengate.records`): the verdict and the evidence lie beside by their digests, and
what the decision rests on are records of their own. Decisions of version 1, with their verdict inside, are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from greengate import recording
from greengate.changes import Change, Grant
from greengate.decision import Basis, Decision
from greengate.errors import HistoryError
from greengate.evidence import Evidence
from greengate.identities import People
from greengate.ledger.canonical import digest, encode
from greengate.policy import Waiver
from greengate.recording import ROOMS, Room
from greengate.records import (
    MOST_BYTES,
    Calibrated,
    Decided,
    Kind,
    Recorded,
    mark,
    predicate_type,
    statement,
    type_of,
)
from greengate.values import Value
from greengate.verdict import Verdict

FIRST, SECOND = "urn:greengate:decision:v1", predicate_type(Kind.DECISION)
_MARKS = (mark(FIRST), mark(SECOND))
Rec = TypeVar("Rec", bound=Recorded)


@dataclass(frozen=True, slots=True)
class Leaf:
    """The bytes that are hashed, and the bodies that they refer to, by digest."""

    data: bytes
    bodies: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of its entry."""
        return digest(self.data)


class Once(Protocol):
    """What a ledger has already of that which it keeps once."""

    def policy(self, name: str, sha256: str) -> str:
        """Name the entry of a policy's version, "" where there is none."""

    def calibration(self, profile: str) -> str:
        """Name the entry of a calibration, "" where there is none."""

    def waiver(self, content: Mapping[str, Any]) -> str:
        """Name the entry of a waiver of this content, whenever it was written; "" where there is none."""

    def asked_by(self, waiver: str) -> str:
        """Tell who last asked for a waiver; "" where nobody is known to."""


def is_decision(leaf: bytes) -> bool:
    """Tell whether a leaf is a decision."""
    return any(one in leaf for one in _MARKS) and type_of(leaf) in {FIRST, SECOND}


def kind_of(leaf: bytes) -> str:
    """Tell the kind of a record by its leaf, such as "measurement"; "" of what is none of greengate's."""
    word = type_of(leaf)
    return word.split(":")[2] if word.startswith("urn:greengate:") else ""


def leaf_of(record: Recorded, subject: str, sha256: str, people: People, *, review: bool = False) -> bytes:
    """Write one record; persons become pseudonyms.

    Raises:
        HistoryError: It is longer than a leaf may be.
    """
    return _short_enough(_encoded(record, subject, sha256, people, review=review), record)


def hidden(record: Rec, people: People) -> Rec:
    """Return a record as the ledger has it: with pseudonyms in the place of persons."""
    return type(record).model_validate(_bare(people.hidden(record.model_dump(mode="json"))))


def leaf_of_hidden(record: Recorded, subject: str, sha256: str) -> bytes:
    """Write one record that `hidden` made, to the letter.

    Raises:
        HistoryError: It is longer than a leaf may be.
    """
    return _short_enough(encode(statement(record, subject, sha256)), record)


def _short_enough(leaf: bytes, record: Recorded) -> bytes:
    if len(leaf) > MOST_BYTES:
        raise _too_long(record, len(leaf))
    return leaf


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes decisions for one ledger."""

    people: People
    once: Once

    def written(self, decision: Decision, basis: Basis) -> tuple[list[Leaf], Leaf, list[Leaf]]:
        """Write what a decision refers to, the decision itself, and what refers to it."""
        verdict = encode(self.people.hidden(decision.verdict.model_dump(mode="json")))
        first: list[Leaf] = [*self._policies(decision, basis), *self._calibration(decision, basis)]
        waivers = list(self._waivers(decision, basis))
        first += [leaf for leaf, _ in waivers if leaf is not None]
        refers: dict[str, object] = {"waivers": tuple(entry for _, entry in waivers)}
        bodies = {digest(verdict): verdict}
        if decision.evidence is not None:
            evidence = encode(self.people.hidden(decision.evidence.model_dump(mode="json")))
            bodies[digest(evidence)] = evidence
            measured, converted = self._measured(decision, decision.evidence, digest(evidence))
            first += [Leaf(measured.data, {digest(evidence): evidence}), converted]
            refers |= {"evidence": digest(evidence), "measurement": measured.id, "conversion": converted.id}

        def made(room: Room) -> Decided:
            return recording.decided(decision, digest(verdict), room, **refers)

        leaf = Leaf(self._fitting(made, decision.path, decision.sha256), bodies)
        return first, leaf, [self._override(one, decision) for one in recording.overrides(decision, leaf.id)]

    def _measured(self, decision: Decision, evidence: Evidence, body: str) -> tuple[Leaf, Leaf]:
        about = (decision.path, evidence.candidate.sha256)
        measured = self._fitting(lambda room: recording.measurement(decision, evidence, body, room), *about)
        entry = digest(measured)
        converted = self._fitting(lambda room: recording.converted(decision, evidence, entry, room), *about)
        return Leaf(measured), Leaf(converted)

    def _policies(self, decision: Decision, basis: Basis) -> Iterator[Leaf]:
        for name, sha256 in decision.policies:
            text = basis.texts.get(sha256)
            if text is not None and not self.once.policy(name, sha256):
                record = recording.policy(name, sha256, decision.taken_at)
                yield Leaf(leaf_of(record, name, sha256, self.people), {sha256: text})

    def _calibration(self, decision: Decision, basis: Basis) -> Iterator[Leaf]:
        runner = decision.evidence.runner if decision.evidence else None
        if runner is None or not runner.profile or not basis.profile or self.once.calibration(runner.profile):
            return
        if digest(basis.profile) == runner.profile:
            sealed = digest(basis.sealed)
            record = Calibrated(
                at=decision.taken_at, profile=runner.profile, sealed=sealed, signer=runner.signer,
                runner=runner.fingerprint, resolution=runner.resolution, labels=runner.labels,
            )  # fmt: skip
            bodies = {runner.profile: basis.profile, sealed: basis.sealed}
            yield Leaf(leaf_of(record, runner.description, runner.profile, self.people), bodies)

    def _waivers(self, decision: Decision, basis: Basis) -> Iterator[tuple[Leaf | None, str]]:
        """Go through the waivers that were used, each with its entry, and its leaf where that is a new one."""
        known = {waiver.id: waiver for waiver in basis.waivers}
        grants = {grant.waiver: grant for grant in decision.evidence.grants} if decision.evidence else {}
        for name in recording.used_waivers(decision):
            if name in known:
                leaf = self._granted(known[name], grants.get(name), decision.taken_at)
                entry = self.once.waiver(json.loads(leaf)["predicate"])
                yield (None, entry) if entry else (Leaf(leaf), digest(leaf))

    def _granted(self, waiver: Waiver, grant: Grant | None, at: str) -> bytes:
        asked_by = self.once.asked_by(waiver.id)
        return self._fitting(lambda room: recording.granted(waiver, grant, at, room, asked_by), waiver.id, "")

    def _override(self, record: Recorded, decision: Decision) -> Leaf:
        return Leaf(leaf_of(record, decision.path, decision.sha256, self.people, review=True))

    def _fitting(self, made: Callable[[Room], Recorded], subject: str, sha256: str) -> bytes:
        """Write a record with as much of its texts as a leaf has room for."""
        for room in ROOMS:
            record = made(room)
            leaf = _encoded(record, subject, sha256, self.people)
            if len(leaf) <= MOST_BYTES:
                return leaf
        raise _too_long(record, len(leaf))


def read(leaf: bytes, body: Callable[[str], bytes], shown: Callable[[bytes], bytes]) -> Decision:
    """Read a decision, with persons by their handles.

    Args:
        leaf: Its bytes.
        body: Returns a body by its digest, checked.
        shown: Puts handles in the place of pseudonyms.

    Raises:
        ValueError: It is none, as are `LookupError` and `TypeError`, or a `HistoryError` where a body is missing.
    """
    told = json.loads(shown(leaf))
    if told["predicateType"] == SECOND:
        return _second(told, body, shown)
    if told["predicateType"] != FIRST:
        raise ValueError(f"found a record of {told['predicateType']!r}, expected a decision")
    return _first(told, body)


def words(error: Exception) -> str:
    """Say what is wrong with an entry that cannot be read."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _second(told: Mapping[str, Any], body: Callable[[str], bytes], shown: Callable[[bytes], bytes]) -> Decision:
    said = Decided.model_validate(told["predicate"])
    about = told["subject"][0]
    if (about["name"], about["digest"]["sha256"]) != (said.path, said.sha256):
        raise ValueError("its subject is another file than it says")
    verdict = Verdict.model_validate_json(shown(body(said.verdict)))
    if str(verdict.outcome) != said.outcome:
        raise ValueError("its verdict is another one than it says")
    evidence = Evidence.model_validate_json(shown(body(said.evidence))) if said.evidence else None
    if said.sha256 != (evidence.candidate.sha256 if evidence else ""):
        raise ValueError("its evidence is of another file than it says")
    return Decision(
        model=said.model,
        path=said.path,
        taken_at=said.at,
        version=said.greengate,
        verdict=verdict,
        evidence=evidence,
        policies=said.policies,
        commit=said.commit,
        problem=said.problem,
        notes=said.notes,
        check=said.check,
        change=said.change,
        preview=said.preview,
        project=said.project,
        branch=said.branch,
        team=said.team,
        in_force=said.in_force,
    )


def _first(told: Mapping[str, Any], body: Callable[[str], bytes]) -> Decision:
    predicate = told["predicate"]
    evidence = Evidence.model_validate_json(body(predicate["evidence"])) if predicate["evidence"] else None
    return Decision(
        model=_text(predicate["model"]),
        path=_text(told["subject"][0]["name"]),
        taken_at=_text(predicate["taken_at"]),
        version=_text(predicate["greengate"]),
        verdict=Verdict.model_validate(predicate["verdict"]),
        evidence=evidence,
        policies=tuple((_text(name), _text(sha256)) for name, sha256 in predicate["policies"]),
        commit=_text(predicate["commit"]),
        problem=_text(predicate["problem"]),
        notes=tuple(map(_text, predicate["notes"])),
        check=_text(predicate.get("check", "")),
        change=Change.model_validate(predicate.get("change", {})),
        preview=tuple(map(_text, predicate.get("preview", ()))),
        project=evidence.project if evidence else "",
        branch=evidence.branch if evidence else "",
        team=evidence.model.team if evidence else "",
    )


def _encoded(record: Value, subject: str, sha256: str, people: People, *, review: bool = False) -> bytes:
    told = statement(record, subject, sha256)
    hidden = people.hidden(told["predicate"], review=review)
    return encode({**told, "predicate": _bare(hidden)})


def _bare(predicate: dict[str, Any]) -> dict[str, Any]:
    """Take the `@` from pseudonyms that stand alone in a field, as records have them."""
    return {name: _unmarked(value) for name, value in predicate.items()}


def _unmarked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unmarked(one) for one in value]
    return value[1:] if isinstance(value, str) and value.startswith("@person:") else value


def _too_long(record: Value, length: int) -> HistoryError:
    kind: Kind = record.kind  # type: ignore[attr-defined]
    problem = f"a record of a {kind} takes {length:,} bytes, and an entry may have {MOST_BYTES:,}"
    return HistoryError("the history", problem, "give models, policies and labels shorter names, or fewer of them")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"found {type(value).__name__}, expected text")
    return value
