"""The records of a ledger, in its order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from greengate.changes import Grant
from greengate.errors import HistoryError
from greengate.identities import People
from greengate.ledger.store import Store, Stored
from greengate.records import Decided, Kind, Record, Recorded, Short, predicate_type
from greengate.settings import history_access

_FIRST = "urn:greengate:decision:v1"
_SHAPES: dict[str, type[Recorded]] = {
    predicate_type(shape.model_fields["kind"].default): shape for shape in get_args(get_args(Record)[0])
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it stands in the ledger."""

    index: int
    entry_id: str
    record: Record


@contextmanager
def ledger(place: str | Path) -> Iterator[Store]:
    """Open a ledger that is there for as long as the block lasts.

    Raises:
        UsageError: There is none.
    """
    access = history_access()
    store = Store(place, password=access.password, passfile=access.passfile, make=False)
    try:
        yield store
    finally:
        store.close()


def records(store: Store, *shapes: type[Recorded]) -> Iterator[Entry]:
    """Go through the records of some kinds, the oldest first; nothing else is decoded.

    Persons have their handles. A decision of the first format is read as one of today's, of which nobody wrote down
    what it means a year.

    Raises:
        HistoryError: One cannot be read.
    """
    wanted = {name: shape for name, shape in _SHAPES.items() if shape in shapes}
    wanted |= {_FIRST: Decided} if Decided in wanted.values() else {}
    people = People(store)
    for stored in store.of_type(*wanted):
        yield from _read(stored, people.shown(stored.leaf), wanted, str(store.place))


def grants(store: Store, entries: Iterable[Entry]) -> dict[str, Grant]:
    """Tell how waivers came onto the base branch, as the newest of some decisions knew it from the forge.

    Args:
        store: The ledger.
        entries: The decisions, in their order.

    Raises:
        HistoryError: The evidence of one is missing, damaged, or cannot be read.
    """
    found: dict[str, Grant] = {}
    people = People(store)
    for entry in entries:
        if isinstance(entry.record, Decided) and entry.record.evidence:
            body = people.shown(store.body(entry.record.evidence))
            try:
                known = [Grant.model_validate(one) for one in json.loads(body).get("grants", ())]
            except (ValueError, AttributeError, TypeError) as error:
                problem = f"the evidence of entry {entry.entry_id[:12]} cannot be read: {error}"
                raise HistoryError(str(store.place), problem) from error
            found.update({grant.waiver: grant for grant in known if grant.reviewed is not None})
    return found


def forgotten(store: Store) -> set[str]:
    """Name the pseudonyms whose persons a ledger was told to forget."""
    told = (json.loads(stored.leaf)["predicate"] for stored in store.of_type(predicate_type(Kind.FORGOTTEN)))
    return {name for said in told for name in said["people"]}


def _read(stored: Stored, leaf: bytes, wanted: dict[str, type[Recorded]], where: str) -> Iterator[Entry]:
    try:
        statement = json.loads(leaf)
        name = statement["predicateType"]
        if name == _FIRST and name in wanted:
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
