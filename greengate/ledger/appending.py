"""Entries that are appended to a ledger, several in one transaction: first their evidence, then they, last the head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from greengate.errors import HistoryError
from greengate.ledger import merkle
from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import Stored
from greengate.ledger.keeping import Append, Keeper, Writing
from greengate.ledger.marks import marks_of
from greengate.ledger.tree import DAMAGED, frontier_of, tiles
from greengate.records import MOST_BYTES

Leaf = tuple[bytes, Mapping[str, bytes] | None]


class Appending:
    """Appends to a ledger."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def try_out(self) -> None:
        """Write nothing, but as if something were to be written."""
        with self._keeper.writing() as writing:
            frontier_of(writing.head, self._keeper.where)
            writing.add(sql.TOUCHED_HEAD)

    def all(self, leaves: Sequence[Leaf]) -> list[Stored]:
        """Append leaves, each with the bodies that it refers to by digest; one that is there returns its old entry.

        Raises:
            HistoryError: A leaf is too long, or the ledger cannot be written.
            ValueError: A body has another digest than is said.
        """
        return self._by(self._keeper.append, leaves)

    @contextmanager
    def at_once(self) -> Iterator[Callable[[Sequence[Leaf]], list[Stored]]]:
        """Append as `all` does, several times in one transaction: all of it or nothing."""
        with self._keeper.appending() as append:
            yield partial(self._by, append)

    def _by(self, append: Append, leaves: Sequence[Leaf]) -> list[Stored]:
        bodies = {name: body for _, of in leaves for name, body in (of or {}).items()}
        _refuse_long(leaves, self._keeper.where)
        _refuse_others(bodies)
        indexes = append([leaf for leaf, _ in leaves], bodies)
        return [Stored(index, digest(leaf), leaf) for index, (leaf, _) in zip(indexes, leaves, strict=True)]


def appended(writing: Writing, where: str, leaves: Sequence[bytes], bodies: Mapping[str, bytes]) -> list[int]:
    """Append leaves in an open transaction, a statement at a time; the index of each.

    Raises:
        HistoryError: The head is damaged.
    """
    frontier = frontier_of(writing.head, where)
    if frontier.size and not writing.ask(sql.LEAF_HASHES, frontier.size - 1, frontier.size):
        problem = f"its head is damaged: it says {frontier.size} entries, and the last of them is missing"
        raise HistoryError(where, problem, DAMAGED)
    for name, body in bodies.items():
        if not writing.ask(sql.KNOWN_BODY, name):
            writing.add(sql.NEW_BODY, name, body)
    before, told = frontier.size, []
    for leaf in leaves:
        entry_id = digest(leaf)
        known = writing.ask(sql.KNOWN, entry_id)
        told.append(int(known[0][0]) if known else frontier.size)
        if not known:
            _add(writing, frontier, entry_id, leaf)
    if frontier.size > before:
        writing.add(sql.NEW_HEAD, frontier.size, b"".join(frontier.nodes), frontier.size)
    return told


def _add(writing: Writing, frontier: merkle.Frontier, entry_id: str, leaf: bytes) -> None:
    index, leaf_hash = frontier.size, merkle.leaf_hash(leaf)
    writing.add(sql.NEW_ENTRY, index, entry_id, leaf_hash, leaf)
    for mark in marks_of(leaf):
        writing.add(sql.NEW_MARK, *mark, index)
    for tile in tiles(frontier.append(leaf_hash)):
        writing.add(sql.NEW_TILE, *tile)


def _refuse_long(leaves: Sequence[Leaf], where: str) -> None:
    longest = max((len(leaf) for leaf, _ in leaves), default=0)
    if longest > MOST_BYTES:
        problem = f"an entry of {longest:,} bytes cannot be written, at most {MOST_BYTES:,} can"
        raise HistoryError(where, problem, "what is larger is kept beside, by its digest")


def _refuse_others(bodies: Mapping[str, bytes]) -> None:
    for name, body in bodies.items():
        if digest(body) != name:
            raise ValueError(f"{name} is not the digest of this body")
