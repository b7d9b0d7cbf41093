"""The entries of a ledger as they are read, a batch at a time, so that nobody who writes has to wait."""

from __future__ import annotations

from collections.abc import Iterator

from greengate.errors import HistoryError
from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import Stored, as_bytes
from greengate.ledger.keeping import MOST, Keeper, Rows
from greengate.ledger.tree import DAMAGED

_HEXADECIMAL = frozenset("0123456789abcdef")


class Entries:
    """The entries of a ledger, and the evidence that they refer to; what is given out was checked by its digest."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def forwards(self, start: int, stop: int) -> Iterator[Stored]:
        """Go through the entries from `start` on, as far as before `stop`.

        Raises:
            HistoryError: One is missing or damaged.
        """
        stop = min(stop, MOST)
        while start < stop:
            batch = self._checked(self._keeper.ask(sql.ENTRIES, start, stop))
            for expected, entry in enumerate(batch, start):
                if entry.index != expected:
                    raise self._missing(expected)
                yield entry
            if not batch:
                raise self._missing(start)
            start += len(batch)

    def unchecked(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Go through (index, leaf) as far as before `stop`.

        Raises:
            HistoryError: One is missing.
        """
        while start < stop:
            rows = self._keeper.ask(sql.ENTRIES, start, stop)
            for expected, (index, _, leaf) in enumerate(rows, start):
                if index != expected:
                    raise self._missing(expected)
                yield index, bytes(leaf)
            if not rows:
                raise self._missing(start)
            start += len(rows)

    def backwards(self, stop: int) -> Iterator[Stored]:
        """Go through the entries before `stop`, the newest first."""
        while batch := self._checked(self._keeper.ask(sql.ENTRIES_BACKWARDS, stop)):
            yield from batch
            stop = batch[-1].index

    def at(self, index: int) -> Stored:
        """Read one entry."""
        found = self._checked(self._keeper.ask(sql.ENTRIES, index, index + 1)) if 0 <= index < MOST else []
        if not found:
            raise self._missing(index)
        return found[0]

    def named(self, prefix: str) -> list[Stored]:
        """Find the entries whose id begins with some hexadecimal digits."""
        if not prefix or set(prefix) - _HEXADECIMAL:
            return []
        return self._checked(self._keeper.ask(sql.ENTRIES_NAMED, prefix, f"{prefix}g"))

    def holding(self, text: bytes) -> list[Stored]:
        """Find the entries in whose bytes a text stands, in their order."""
        return self._checked(self._keeper.ask(sql.ENTRIES_HOLDING, text))

    def body(self, name: str) -> bytes:
        """Return the bytes with this digest."""
        rows = self._keeper.ask(sql.BODY, name)
        body = as_bytes(rows[0][0]) if rows else None
        if body is None or digest(body) != name:
            problem = f"the evidence {name[:12]}… is missing or damaged"
            raise HistoryError(self._keeper.where, problem, "restore a backup")
        return body

    def _checked(self, rows: Rows) -> list[Stored]:
        found = [Stored(index, entry_id, as_bytes(leaf)) for index, entry_id, leaf in rows]
        for entry in found:
            if digest(entry.leaf) != entry.entry_id:
                problem = f"entry {entry.index} was changed after it was written: its digest is another one"
                raise HistoryError(self._keeper.where, problem, DAMAGED)
        return found

    def _missing(self, index: int) -> HistoryError:
        return HistoryError(self._keeper.where, f"there is no entry {index}", DAMAGED)
