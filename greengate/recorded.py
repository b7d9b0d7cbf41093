"""The records of a ledger, in its order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from greengate.errors import HistoryError
from greengate.ledger.store import Store, Stored
from greengate.records import Decided, Record, Recorded, Short, predicate_type

FIRST_DECISION = "urn:greengate:decision:v1"
_SHAPES: dict[str, type[Recorded]] = {
    predicate_type(shape.model_fields["kind"].default): shape for shape in get_args(get_args(Record)[0])
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands in the ledger."""

    index: int
    entry_id: str
    record: Record


def records(store: Store, *shapes: type[Recorded]) -> Iterator[Entry]:
    """Go through the records of some kinds, the oldest first; nothing else is decoded.

    A decision of the first format is read as one of today's, of which nobody wrote down what it means a year.

    Raises:
        HistoryError: One cannot be read.
    """
    wanted = {name: shape for name, shape in _SHAPES.items() if shape in shapes}
    wanted |= {FIRST_DECISION: Decided} if Decided in wanted.values() else {}
    marks = [f'"predicateType":"{name}"'.encode() for name in wanted]
    for stored in store.entries():
        if any(mark in stored.leaf for mark in marks):
            yield from _read(stored, wanted, store.place)


def _read(stored: Stored, wanted: dict[str, type[Recorded]], where: str) -> Iterator[Entry]:
    try:
        statement = json.loads(stored.leaf)
        name = statement["predicateType"]
        if name == FIRST_DECISION and name in wanted:
            yield Entry(stored.index, stored.entry_id, _first(statement))
        elif name in wanted:
            record: Any = wanted[name].model_validate(statement["predicate"])
            yield Entry(stored.index, stored.entry_id, record)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise HistoryError(where, f"entry {stored.entry_id[:12]} cannot be read: {found}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise HistoryError(where, f"entry {stored.entry_id[:12]} cannot be read: {error}") from error


def _first(statement: dict[str, Any]) -> Decided:
    predicate = statement["predicate"]
    findings = predicate["verdict"]["findings"]
    parts = ("enforce", "judged", "outcome", "waiver")
    told = [
        Short(rule=f"{one['policy']}/{one['rule']}", **{part: one.get(part, "") for part in parts})
        for one in findings
        if one["outcome"] != "passed"
    ]
    return Decided(
        at=predicate["taken_at"],
        model=predicate["model"],
        path=statement["subject"][0]["name"],
        sha256=statement["subject"][0]["digest"]["sha256"],
        greengate=predicate["greengate"],
        commit=predicate["commit"],
        check=predicate.get("check", ""),
        change=predicate.get("change", {}),
        outcome=predicate["outcome"],
        problem=predicate["problem"],
        findings=tuple(told),
        passed=len(findings) - len(told),
        verdict="",
        evidence=predicate["evidence"],
        policies=tuple(map(tuple, predicate["policies"])),
        notes=tuple(predicate["notes"]),
        preview=tuple(predicate.get("preview", ())),
    )
