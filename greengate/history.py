"""Questions about the past, answered from the ledger; and the words in which a decision is written there.

A decision is an in-toto Statement v1: its subject is the file of the candidate, its predicate
the verdict, the policies' digests, and the digest of the evidence, which lies beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from greengate.changes import NO_CHANGE, Change
from greengate.errors import HistoryError, UsageError
from greengate.evidence import Evidence
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Store, Stored
from greengate.verdict import Outcome, Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
DECISION = "urn:greengate:decision:v1"
_DECISIONS = b'"predicateType":"urn:greengate:decision:'


@dataclass(frozen=True, slots=True)
class Decision:
    """What one check concluded about one model.

    Attributes:
        policies: (name, SHA-256 of the file) of every policy that was applied.
        commit: The commit that was judged, or "" outside a repository.
        problem: Why there is no evidence, if the model could not be evaluated.
        check: Which check this is a part of: the same for all models that were judged together; "" in old entries.
        change: The change that was judged, and the run that judged it.
        preview: What the change's own policies would say, were they merged.
    """

    model: str
    path: str
    taken_at: str
    version: str
    verdict: Verdict
    evidence: Evidence | None
    policies: tuple[tuple[str, str], ...] = ()
    commit: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    check: str = ""
    change: Change = NO_CHANGE
    preview: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of the candidate's file, or "" where it could not be read."""
        return self.evidence.candidate.sha256 if self.evidence else ""


@dataclass(frozen=True, slots=True)
class Record:
    """A decision as it stands in the history."""

    index: int
    entry_id: str
    decision: Decision


class History:
    """The decisions in one ledger file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store = Store(path)

    @property
    def ledger(self) -> Store:
        """The ledger itself."""
        return self._store

    def check_writable(self) -> None:
        """Find out before measuring whether the decision can be written down."""
        self._store.check_writable()

    def append(self, decision: Decision) -> str:
        """Write a decision down and return the id of its entry."""
        statement, body = _written(decision)
        return self._store.append(statement, {digest(body): body} if body else {}).entry_id

    def keep(self, line: Line) -> None:
        """Write down an entry that was read from elsewhere, byte for byte; the same again changes nothing."""
        self._store.append(line.statement, {digest(line.evidence): line.evidence} if line.evidence else {})

    def line(self, entry_id: str) -> str:
        """Return an entry with its evidence as one line of JSON, from which it can be judged again elsewhere."""
        (stored,) = self._store.find(entry_id)
        statement = json.loads(stored.leaf)
        named = statement["predicate"]["evidence"]
        evidence = json.loads(self._store.body(named)) if named else None
        return encode({"entry": stored.entry_id, "statement": statement, "evidence": evidence}).decode()

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

    def _of_one(self, record: Record) -> list[Record]:
        """List the entries of one run of `greengate gate`."""
        name = record.decision.check
        if not name:
            return [record]
        return [other for other in self._holding(name) if other.decision.check == name]

    def _holding(self, text: str) -> list[Record]:
        return [self._record(stored) for stored in self._store.holding(text.encode()) if _is_decision(stored)]

    def newest_first(self) -> Iterator[Record]:
        """Go through the decisions, the newest first."""
        return map(self._record, filter(_is_decision, self._store.newest_first()))

    def find(self, prefix: str) -> Record:
        """Find the one entry whose id begins with `prefix`; "last" is the newest.

        Raises:
            UsageError: None or several do.
        """
        if not prefix:
            raise UsageError(str(self.path), "no entry is named", "give the beginning of an entry's id, or `last`")
        if prefix == "last":
            newest = next(filter(_is_decision, self._store.newest_first()), None)
            found = [newest] if newest else []
        else:
            found = list(filter(_is_decision, self._store.find(prefix.lower())))
        if len(found) != 1:
            hint = "`greengate history` lists the entries"
            raise UsageError(str(self.path), f"{len(found) or 'no'} entries begin with `{prefix}`", hint)
        return self._record(found[0])

    def beginning(self, prefix: str) -> list[Record]:
        """List the entries whose ids begin with some hexadecimal digits."""
        return [self._record(stored) for stored in self._store.find(prefix.lower()) if _is_decision(stored)]

    def about(self, model: str) -> Iterator[Record]:
        """Go through the entries of a model, the newest first."""
        return (record for record in self.newest_first() if record.decision.model == model)

    def passed(self, model: str) -> Iterator[Record]:
        """Go through the entries in which the model passed, with or without a waiver, the newest first."""
        passed = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)
        return (record for record in self.about(model) if record.decision.verdict.outcome in passed)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _record(self, stored: Stored) -> Record:
        try:
            statement = json.loads(stored.leaf)
            predicate = statement["predicate"]
            body = self._store.body(predicate["evidence"]) if predicate["evidence"] else b""
            decision = _decision(statement, body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise HistoryError(str(self.path), f"entry {stored.entry_id[:12]} cannot be read: {found}") from error
        except (ValueError, LookupError, TypeError) as error:
            raise HistoryError(str(self.path), f"entry {stored.entry_id[:12]} cannot be read: {error}") from error
        return Record(stored.index, stored.entry_id, decision)


@contextmanager
def opened(path: Path) -> Iterator[History]:
    """Open a history for as long as the block lasts."""
    history = History(path)
    try:
        yield history
    finally:
        history.close()


@dataclass(frozen=True, slots=True)
class Line:
    """An entry that was read from elsewhere: what it says, and the bytes that its digests are of."""

    record: Record
    statement: bytes
    evidence: bytes


def read_line(text: str | bytes, where: str) -> Line:
    """Read a line that `History.line` wrote; nothing in it is believed that its digests do not tell.

    Raises:
        HistoryError: It is no such line, or not the one that was written.
    """
    try:
        told = json.loads(text)
        statement, evidence = encode(told["statement"]), encode(told["evidence"]) if told["evidence"] else b""
        named = told["statement"]["predicate"]["evidence"]
        decision = _decision(told["statement"], evidence)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        found = "".join(sign for sign in str(error)[:200] if sign.isprintable())
        raise HistoryError(where, f"this is no entry of a history: {found}") from error
    if digest(statement) != told["entry"] or (digest(evidence) if evidence else "") != named:
        raise HistoryError(where, "this entry was changed since it was written: its digest is another one")
    return Line(Record(-1, digest(statement), decision), statement, evidence)


def existing(path: Path) -> Path:
    """Return the path of a history that is there.

    Raises:
        UsageError: It is not.
    """
    if not path.is_file():
        raise UsageError(str(path), "there is no history here yet", "`greengate gate` writes one")
    return path


def _is_decision(stored: Stored) -> bool:
    return _DECISIONS in stored.leaf


def _number(record: Record) -> str:
    """The run without its attempt: legs that are run again alone are of the same run."""
    return record.decision.change.run.partition(".")[0]


def _written(decision: Decision) -> tuple[bytes, bytes]:
    """Write a decision as its statement and its evidence, of which the statement holds the digest."""
    body = encode(decision.evidence.model_dump(mode="json")) if decision.evidence else b""
    return encode(_statement(decision, digest(body) if body else "")), body


def _statement(decision: Decision, evidence: str) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [{"name": decision.path, "digest": {"sha256": decision.sha256}}],
        "predicateType": DECISION,
        "predicate": {
            "model": decision.model,
            "taken_at": decision.taken_at,
            "greengate": decision.version,
            "outcome": str(decision.verdict.outcome),
            "verdict": decision.verdict.model_dump(mode="json"),
            "policies": [list(policy) for policy in decision.policies],
            "evidence": evidence,
            "commit": decision.commit,
            "problem": decision.problem,
            "notes": list(decision.notes),
            "check": decision.check,
            "change": decision.change.model_dump(mode="json"),
            "preview": list(decision.preview),
        },
    }


def _decision(statement: dict[str, Any], body: bytes) -> Decision:
    predicate = statement["predicate"]
    return Decision(
        model=_text(predicate["model"]),
        path=_text(statement["subject"][0]["name"]),
        taken_at=_text(predicate["taken_at"]),
        version=_text(predicate["greengate"]),
        verdict=Verdict.model_validate(predicate["verdict"]),
        evidence=Evidence.model_validate_json(body) if body else None,
        policies=tuple((_text(name), _text(sha256)) for name, sha256 in predicate["policies"]),
        commit=_text(predicate["commit"]),
        problem=_text(predicate["problem"]),
        notes=tuple(map(_text, predicate["notes"])),
        check=_text(predicate.get("check", "")),
        change=Change.model_validate(predicate.get("change", {})),
        preview=tuple(map(_text, predicate.get("preview", ()))),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"found {type(value).__name__}, expected text")
    return value
