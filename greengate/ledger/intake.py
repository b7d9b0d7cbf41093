"""Entries from elsewhere, written down byte for byte: an export of a ledger, or what the report `entries` wrote.

All of a file is read and checked before the first entry is written, and all are written in one transaction, some at a
time, so that no file is too large. One that is cut short leaves nothing, and is run again: of half a ledger, to which
somebody then appends, nobody could ever make the same ledger again. The keys of another ledger do not become this
one's: its key records come along only where this ledger is the beginning of that one, such as an empty one, which is
then the same ledger in another place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from pydantic import TypeAdapter, ValidationError

from greengate.errors import HistoryError
from greengate.ledger import checkpoints, merkle, reigns
from greengate.ledger.canonical import encode
from greengate.ledger.exports import Export
from greengate.ledger.inspection import of_export
from greengate.ledger.lacking import Lacking
from greengate.ledger.notary import of_store
from greengate.ledger.references import referred
from greengate.ledger.reigns import Reigns
from greengate.ledger.store import Store, Stored
from greengate.records import Kind, Record, is_statement, predicate_type, type_of

Part = tuple[bytes, Mapping[str, bytes]]
OURS = "urn:greengate:"
_MOST_PARTS, _MOST_BYTES = 500, 2**23
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
    _refuse_misshaped(source)
    taken = entries(store, ((stored.leaf, beside) for stored, beside in source.parts()), str(source.path), same=same)
    if same and source.foot.checkpoint is not None:
        said, _ = checkpoints.read(source.foot.checkpoint)
        store.keep_checkpoint(said.size, source.foot.checkpoint)
    return taken


def entries(store: Store, parts: Iterable[Part], where: str, *, same: bool = False) -> Taken:
    """Take in entries with what lies beside them, all or none of them.

    Args:
        store: The ledger.
        parts: The bytes of each entry, and what lies beside it by digest; gone through once.
        where: What they are read from.
        same: Whether they are this ledger's own, so that its key records are among them.

    Raises:
        HistoryError: One stands twice among them, or others wrote meanwhile; nothing was written.
    """
    counted = _Counted()
    with store.appending() as append:
        size = store.size()
        for some in _batches(counted.of(parts, same=same)):
            for one in append(some):
                if wrong := counted.place(one, size, same=same):
                    raise HistoryError(where, wrong, "nothing was written")
    bare = counted.lacking.count(store.next_body)
    return Taken(counted.written, counted.known, counted.left_out, bare)


@dataclass(slots=True)
class _Counted:
    """What became of the entries so far."""

    written: int = 0
    known: int = 0
    left_out: int = 0
    lacking: Lacking = field(default_factory=Lacking)

    def of(self, parts: Iterable[Part], *, same: bool) -> Iterator[Part]:
        """Leave out key records of another ledger, and note what entries name."""
        for leaf, beside in parts:
            if not same and reigns.is_key(leaf):
                self.left_out += 1
                continue
            self.lacking.take((name for _, name in referred(leaf)), beside)
            yield leaf, beside

    def place(self, one: Stored, size: int, *, same: bool) -> str:
        """Count an entry; say why it has not the place that it should have, or ""."""
        number, next_new = self.written + self.known, size + self.written
        if same and one.index > number:
            return f"somebody wrote entry {number} of this ledger meanwhile"
        if same and one.index < number:
            return f"entry {number} cannot be taken: it is entry {one.index} again"
        if size <= one.index < next_new:
            return f"the entry {one.entry_id[:12]} cannot be taken: it stands there twice"
        self.written += one.index >= size
        self.known += one.index < size
        return ""


def _batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Part entries into batches of bounded size."""
    some: list[Part] = []
    held = 0
    for leaf, beside in parts:
        some.append((leaf, beside))
        held += len(leaf) + sum(map(len, beside.values()))
        if len(some) == _MOST_PARTS or held >= _MOST_BYTES:
            yield some
            some, held = [], 0
    if some:
        yield some


def _refuse_another_key(own: Reigns, theirs: Reigns, source: Export) -> None:
    """Refuse a key that this ledger's does not lead to: whoever has an export can go on with it by a key of theirs."""
    if own.newest is None or theirs.newest in theirs.followed_from(own.newest):
        return
    problem = f"it goes on with the key {theirs.newest}, and {own.newest}, which is this ledger's, did not sign that"
    hint = "nothing was written; where you know that the key was lost, import it into an empty ledger"
    raise HistoryError(str(source.path), problem, hint)


def _refuse_misshaped(source: Export) -> None:
    """Refuse what no command could read afterwards."""
    for stored in source.entries():
        if wrong := _misshaped(stored.leaf):
            problem = f"entry {stored.index} cannot be taken: {wrong}"
            raise HistoryError(str(source.path), problem, "nothing was written")


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


def _begins(store: Store, source: Export) -> bool:
    """Whether a ledger is the beginning of the one that was exported."""
    head, frontier = store.head(), merkle.Frontier()
    for stored in islice(source.entries(), head.size):
        for _ in frontier.append(merkle.leaf_hash(stored.leaf)):
            pass
    return (frontier.size, frontier.root) == (head.size, head.root)
