"""Entries from elsewhere, written down byte for byte: an export of a ledger, or what the report `entries` wrote.

All of a file is read and checked before the first entry is written, and all are written in one transaction. The keys of
another ledger do not become this one's: its key records come along only where this ledger is the beginning of that one,
such as an empty one, which is then the same ledger in another place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pydantic import TypeAdapter, ValidationError

from greengate.errors import HistoryError
from greengate.ledger import checkpoints, merkle, reigns
from greengate.ledger.canonical import encode
from greengate.ledger.exports import Export
from greengate.ledger.inspection import of_export
from greengate.ledger.notary import of_store
from greengate.ledger.references import referred
from greengate.ledger.reigns import Reigns
from greengate.ledger.store import Store
from greengate.records import Kind, Record, is_statement, predicate_type, type_of

Part = tuple[bytes, Mapping[str, bytes]]
OURS = "urn:greengate:"
_KINDS = {predicate_type(kind): kind for kind in Kind}
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file.

    Attributes:
        written: Entries that were written.
        known: Entries that stood there already.
        left_out: Key records of another ledger.
        bare: Evidence that entries name, and that neither the file nor the ledger has.
    """

    written: int
    known: int
    left_out: int
    bare: int


def export(store: Store, source: Export) -> Taken:
    """Take in an export, which must be sound; where this ledger is its beginning, it is the same one afterwards.

    Raises:
        HistoryError: It is not sound; nothing was written.
    """
    found = of_export(source.path, [], [])
    if not found.sound:
        raise HistoryError(str(source.path), "; ".join(found.faults), "nothing was written; take the file as it was")
    same = _begins(store, source)
    if same:
        _refuse_another_key(of_store(store), found.reigns, source)
    parts = list(_readable(source))
    taken = entries(store, parts, same=same)
    if same and source.foot.checkpoint is not None:
        said, _ = checkpoints.read(source.foot.checkpoint)
        store.keep_checkpoint(said.size, source.foot.checkpoint)
    return taken


def entries(store: Store, parts: Iterable[Part], *, same: bool = False) -> Taken:
    """Take in entries with what lies beside them, all or none of them.

    Args:
        store: The ledger.
        parts: The bytes of each entry, and what lies beside it by digest.
        same: Whether they are this ledger's own, so that its key records are among them.
    """
    before, every = store.size(), list(parts)
    own = [one for one in every if same or not reigns.is_key(one[0])]
    stored = store.append_all(own)
    written = {one.index for one in stored if one.index >= before}
    return Taken(len(written), len(stored) - len(written), len(every) - len(own), _bare(store, own))


def _refuse_another_key(own: Reigns, theirs: Reigns, source: Export) -> None:
    """Refuse a key that this ledger's does not lead to: whoever has an export can go on with it by a key of theirs."""
    if own.newest is None or theirs.newest in theirs.followed_from(own.newest):
        return
    problem = f"it goes on with the key {theirs.newest}, and {own.newest}, which is this ledger's, did not sign that"
    hint = "nothing was written; where you know that the key was lost, import it into an empty ledger"
    raise HistoryError(str(source.path), problem, hint)


def _readable(source: Export) -> Iterator[Part]:
    """Go through the entries, each once, and refuse what no command could read afterwards."""
    seen: dict[str, int] = {}
    for stored, beside in source.parts():
        first = seen.setdefault(stored.entry_id, stored.index)
        wrong = _misshaped(stored.leaf) if first == stored.index else f"it is entry {first} again"
        if wrong:
            problem = f"entry {stored.index} cannot be taken: {wrong}"
            raise HistoryError(str(source.path), problem, "nothing was written")
        yield stored.leaf, beside


def _misshaped(leaf: bytes) -> str:
    """Say how an entry is not written as records are; "" where it is, or is something that nobody here reads."""
    try:
        told = json.loads(leaf)
        if encode(told) != leaf:
            return "it is no canonical JSON"
        kind = _KINDS.get(type_of(leaf))
        if type_of(leaf).startswith(OURS) and not is_statement(told):
            return "it is no statement about one thing with a digest"
        if kind is not None:
            _RECORD.validate_python({"kind": kind} | told["predicate"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, TypeError, RecursionError):
        return "it is no canonical JSON"
    return ""


def _bare(store: Store, parts: Sequence[Part]) -> int:
    brought = {name for _, beside in parts for name in beside}
    named = {name for leaf, _ in parts for _, name in referred(leaf)}
    return sum(not _has(store, name) for name in named - brought)


def _has(store: Store, name: str) -> bool:
    try:
        store.body(name)
    except HistoryError:
        return False
    return True


def _begins(store: Store, source: Export) -> bool:
    """Whether a ledger is the beginning of the one that was exported."""
    head, frontier = store.head(), merkle.Frontier()
    for stored in islice(source.entries(), head.size):
        for _ in frontier.append(merkle.leaf_hash(stored.leaf)):
            pass
    return (frontier.size, frontier.root) == (head.size, head.root)
