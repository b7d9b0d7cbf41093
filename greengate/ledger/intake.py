"""Entries from elsewhere, written down byte for byte: an export of a ledger, or what the report `entries` wrote.

All of a file is read and checked before the first entry is written, and all are written in one transaction. The keys of
another ledger do not become this one's: its key records come along only where this ledger is the beginning of that one,
such as an empty one, which is then the same ledger in another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from greengate.errors import HistoryError
from greengate.ledger import checkpoints, merkle, reigns
from greengate.ledger.exports import Export
from greengate.ledger.inspection import of_export
from greengate.ledger.references import referred
from greengate.ledger.store import Store

Part = tuple[bytes, Mapping[str, bytes]]


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
    taken = entries(store, ((stored.leaf, beside) for stored, beside in source.parts()), same=same)
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
