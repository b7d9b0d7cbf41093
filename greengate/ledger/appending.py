"""Entries that are appended to a ledger, several in one transaction: first their evidence, then they, last the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.sql import ClauseElement

from greengate.errors import HistoryError
from greengate.ledger import merkle
from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import Stored
from greengate.ledger.keeping import Keeper, Question, Writing
from greengate.ledger.tree import frontier_of, tiles
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
        ids = [digest(leaf) for leaf, _ in leaves]
        bodies = {name: body for _, of in leaves for name, body in (of or {}).items()}
        _refuse_long(leaves, self._keeper.where)
        _refuse_others(bodies)
        asked, asked_bodies = _questions(sql.KNOWN, ids), _questions(sql.KNOWN_BODIES, [*bodies])
        with self._keeper.writing([*asked, *asked_bodies]) as writing:
            frontier = frontier_of(writing.head, self._keeper.where)
            known = {entry_id: index for rows in writing.answers[: len(asked)] for entry_id, index in rows}
            kept = {name for rows in writing.answers[len(asked) :] for (name,) in rows}
            for name, body in bodies.items():
                if name not in kept:
                    writing.add(sql.NEW_BODY, name, body)
            before = frontier.size
            for entry_id, (leaf, _) in zip(ids, leaves, strict=True):
                if entry_id not in known:
                    known[entry_id] = frontier.size
                    _add(writing, frontier, entry_id, leaf)
            if frontier.size > before:
                writing.add(sql.NEW_HEAD, frontier.size, b"".join(frontier.nodes))
        return [Stored(known[entry_id], entry_id, leaf) for entry_id, (leaf, _) in zip(ids, leaves, strict=True)]


def _add(writing: Writing, frontier: merkle.Frontier, entry_id: str, leaf: bytes) -> None:
    index, leaf_hash = frontier.size, merkle.leaf_hash(leaf)
    writing.add(sql.NEW_ENTRY, index, entry_id, leaf_hash, leaf)
    for tile in tiles(frontier.append(leaf_hash)):
        writing.add(sql.NEW_TILE, *tile)


def _questions(statements: Mapping[int, ClauseElement], names: list[str]) -> list[Question]:
    """Ask which names are there, some at a time; a list that is too short is filled up with its last one."""
    asked: list[Question] = []
    for start in range(0, len(names), max(sql.WIDTHS)):
        some = names[start : start + max(sql.WIDTHS)]
        width = next(width for width in sql.WIDTHS if width >= len(some))
        asked.append((statements[width], some + some[-1:] * (width - len(some))))
    return asked


def _refuse_long(leaves: Sequence[Leaf], where: str) -> None:
    longest = max((len(leaf) for leaf, _ in leaves), default=0)
    if longest > MOST_BYTES:
        problem = f"an entry of {longest:,} bytes cannot be written, at most {MOST_BYTES:,} can"
        raise HistoryError(where, problem, "what is larger is kept beside, by its digest")


def _refuse_others(bodies: Mapping[str, bytes]) -> None:
    for name, body in bodies.items():
        if digest(body) != name:
            raise ValueError(f"{name} is not the digest of this body")
