"""Entries that are appended to a ledger, several in one transaction: first their evidence, then they, last the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greengate.errors import HistoryError
from greengate.ledger import merkle
from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import Stored
from greengate.ledger.keeping import Execute, Keeper
from greengate.ledger.tree import frontier_of, tiles
from greengate.records import MOST_BYTES

Leaf = tuple[bytes, Mapping[str, bytes] | None]


class Appending:
    """Appends to a ledger."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def try_out(self) -> None:
        """Write nothing, but as if something were to be written."""
        with self._keeper.writing() as execute:
            frontier_of(execute(sql.LOCKED_HEAD), self._keeper.where)
            execute(sql.TOUCHED_HEAD)

    def all(self, leaves: Sequence[Leaf]) -> list[Stored]:
        """Append leaves, each with the bodies that it refers to by digest; one that is there returns its old entry.

        Raises:
            HistoryError: A leaf is too long, or the ledger cannot be written.
            ValueError: A body has another digest than is said.
        """
        where = self._keeper.where
        for leaf, bodies in leaves:
            _refuse_long(leaf, where)
            _refuse_others(bodies or {})
        with self._keeper.writing() as execute:
            frontier = frontier_of(execute(sql.LOCKED_HEAD), where)
            before = frontier.size
            stored = [_append(execute, frontier, leaf, bodies or {}) for leaf, bodies in leaves]
            if frontier.size > before:
                execute(sql.NEW_HEAD, frontier.size, b"".join(frontier.nodes))
        return stored


def _append(execute: Execute, frontier: merkle.Frontier, leaf: bytes, bodies: Mapping[str, bytes]) -> Stored:
    for name, body in bodies.items():
        if not execute(sql.HAS_BODY, name):
            execute(sql.NEW_BODY, name, body)
    entry_id = digest(leaf)
    known = execute(sql.INDEX_OF, entry_id)
    if known:
        return Stored(known[0][0], entry_id, leaf)
    index, leaf_hash = frontier.size, merkle.leaf_hash(leaf)
    execute(sql.NEW_ENTRY, index, entry_id, leaf_hash, leaf)
    for tile in tiles(frontier.append(leaf_hash)):
        execute(sql.NEW_TILE, *tile)
    return Stored(index, entry_id, leaf)


def _refuse_long(leaf: bytes, where: str) -> None:
    if len(leaf) > MOST_BYTES:
        problem = f"an entry of {len(leaf):,} bytes cannot be written, at most {MOST_BYTES:,} can"
        raise HistoryError(where, problem, "what is larger is kept beside, by its digest")


def _refuse_others(bodies: Mapping[str, bytes]) -> None:
    for name, body in bodies.items():
        if digest(body) != name:
            raise ValueError(f"{name} is not the digest of this body")
