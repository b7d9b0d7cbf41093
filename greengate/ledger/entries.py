"""The entries of a ledger as they are read, a batch at a time, so that nobody who writes has to wait."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from sqlalchemy.sql import ClauseElement

from greengate.errors import HistoryError
from greengate.ledger import statements as sql
from greengate.ledger.canonical import digest
from greengate.ledger.forms import Stored, as_bytes
from greengate.ledger.keeping import MOST, Keeper, Rows
from greengate.ledger.marks import Mark
from greengate.ledger.tree import DAMAGED

Row = tuple[int, str, bytes, bytes]

_NEAR, _CLOSE = 4, 2  # a decision stands behind its measurement and its conversion
_LOOKED_UP = 256  # at once
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
                yield index, as_bytes(leaf)
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

    def near(self, entry_id: str, index: int) -> Stored | None:
        """Find an entry by its whole id, at once where it is one of the few before an index."""
        rows = self._keeper.ask(sql.ENTRY_NEAR, index - _NEAR, index, entry_id) if index > 0 else []
        return next(iter(self._checked(rows) or self.named(entry_id)), None)

    def all_near(self, wanted: Sequence[tuple[str, int]]) -> Iterator[Stored | None]:
        """Find entries by their whole ids, each at once where it is right before its index; in the order of asking."""
        for start in range(0, len(wanted), _LOOKED_UP):
            some = wanted[start : start + _LOOKED_UP]
            if len(some) == 1:
                yield self.near(*some[0])
                continue
            before = {index - back for _, index in some for back in range(1, _CLOSE + 1)}
            places = {entry_id: index for index, entry_id in self._among(sql.IDS_AMONG, before)}
            indexes = [places[entry_id] for entry_id, _ in some if entry_id in places]
            there = {one.entry_id: one for one in self._checked(self._among(sql.ENTRIES_AMONG, indexes))}
            yield from (there.get(entry_id) or self.near(entry_id, index) for entry_id, index in some)

    def _among(self, statement: ClauseElement, indexes: Iterable[int]) -> Rows:
        return self._keeper.ask(statement, f"[{','.join(map(str, sorted(indexes)))}]")

    def holding(self, text: bytes) -> list[Stored]:
        """Find the entries in whose bytes a text stands, in their order."""
        return self._checked(self._keeper.ask(sql.ENTRIES_HOLDING, text))

    def marked(self, marks: Sequence[Mark], start: int, stop: int) -> Iterator[Stored]:
        """Go through the entries of a range that have one of some marks, in their order."""
        found = (self._marked_rows(mark, start, stop) for mark in marks)
        return map(self._whole, heapq.merge(*found, key=itemgetter(0)))

    def marked_backwards(self, marks: Sequence[Mark], stop: int) -> Iterator[Stored]:
        """Go through the entries before `stop` that have one of some marks, the newest first."""
        found = (self._marked_rows_backwards(mark, stop) for mark in marks)
        return map(self._whole, heapq.merge(*found, key=itemgetter(0), reverse=True))

    def marked_holding(self, marks: Sequence[Mark], text: bytes) -> list[Stored]:
        """Find the entries that have one of some marks, and in whose bytes a text stands, in their order."""
        rows = [row for mark in marks for row in self._keeper.ask(sql.MARKED_HOLDING, *mark, text)]
        return [self._whole(row) for row in sorted(rows, key=itemgetter(0))]

    def marked_rows(self, marks: Sequence[Mark], start: int, stop: int) -> list[Row]:
        """List (index, id, hash, bytes) of the entries of a range that have one of some marks, in order, unchecked."""
        rows = [row for mark in marks for row in self._marked_rows(mark, start, stop)]
        rows.sort(key=itemgetter(0))
        return rows

    def named_rows(self, name: str, start: int, stop: int) -> list[Row]:
        """List what `marked_rows` does, of the entries of a range that have a mark of a name."""
        return [(row[0], row[1], row[2], row[3]) for row in self._keeper.ask(sql.NAMED_ROWS, name, start, stop)]

    def marked_indexes(self, mark: Mark, start: int, stop: int) -> list[int]:
        """List the indexes of a range that have a mark."""
        found: list[int] = []
        while rows := self._keeper.ask(sql.MARKED_INDEXES, *mark, start, stop):
            found += [index for (index,) in rows]
            start = found[-1] + 1
        return found

    def named_indexes(self, name: str, start: int, stop: int) -> list[int]:
        """List the indexes of a range that have a mark of a name."""
        return [index for (index,) in self._keeper.ask(sql.NAMED_INDEXES, name, start, stop)]

    def values(self, name: str, stop: int) -> dict[str, int]:
        """Tell the values of the marks of a name before `stop`, and how many entries have each."""
        return {str(value): count for value, count in self._keeper.ask(sql.VALUES, name, stop)}

    def hashes(self, start: int, stop: int) -> list[bytes]:
        """List the hashes of the entries of a range, unchecked."""
        rows = self._keeper.ask(sql.LEAF_HASHES, start, stop)
        return [one if type(one) is bytes else as_bytes(one) for (one,) in rows]

    def _marked_rows(self, mark: Mark, start: int, stop: int) -> Iterator[Row]:
        while rows := self._keeper.ask(sql.MARKED, *mark, start, stop):
            yield from rows
            start = rows[-1][0] + 1

    def _marked_rows_backwards(self, mark: Mark, stop: int) -> Iterator[Row]:
        while rows := self._keeper.ask(sql.MARKED_BACKWARDS, *mark, stop):
            yield from rows
            stop = rows[-1][0]

    def _whole(self, row: Row) -> Stored:
        index, entry_id, _, leaf = row
        return self._checked([(index, entry_id, leaf)])[0]

    def body(self, name: str) -> bytes:
        """Return the bytes with this digest."""
        rows = self._keeper.ask(sql.BODY, name)
        body = as_bytes(rows[0][0]) if rows else None
        if body is None or digest(body) != name:
            problem = f"the evidence {name[:12]}… is missing or damaged"
            raise HistoryError(self._keeper.where, problem, "restore a backup")
        return body

    def next_body(self, start: str) -> str:
        """Return the first digest of evidence from some hexadecimal digits on; "" where there is none."""
        rows = self._keeper.ask(sql.NEXT_BODY, start)
        return str(rows[0][0] or "")

    def _checked(self, rows: Rows) -> list[Stored]:
        found = [Stored(index, entry_id, as_bytes(leaf)) for index, entry_id, leaf in rows]
        for entry in found:
            if digest(entry.leaf) != entry.entry_id:
                problem = f"entry {entry.index} was changed after it was written: its digest is another one"
                raise HistoryError(self._keeper.where, problem, DAMAGED)
        return found

    def _missing(self, index: int) -> HistoryError:
        return HistoryError(self._keeper.where, f"there is no entry {index}", DAMAGED)
