"""The marks of the entries of a ledger, held against their bytes."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from greengate.ledger import statements as sql
from greengate.ledger.forms import shown
from greengate.ledger.keeping import Keeper
from greengate.ledger.marks import CONVERSION, SUPERSEDES, TYPE, Mark, superseded, word

_BYTES = 16  # of a digest: nobody finds two marks that share so many


class Marks:
    """The marks that entries should have, collected while these are read, and then looked for."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._numbers: dict[str, int] = {}  # of words
        self._known: dict[str, int] = {}  # of types: of many entries few
        self._types = array("I")
        self._others: dict[bytes, tuple[Mark, int]] = {}

    def take(self, name: str, leaf: bytes) -> None:
        """Take in the next entry, the type of whose predicate is known."""
        number = self._known.get(name)
        if number is None:
            number = self._known[name] = self._numbers.setdefault(word(name), len(self._numbers))
        if name == CONVERSION and (older := superseded(leaf)):
            one, index = Mark(SUPERSEDES, word(older)), len(self._types)
            self._others[_short(one, index)] = one, index
        self._types.append(number)

    def faults(self) -> Iterator[str]:
        """Tell which entries are not marked as what they are, and which are marked as what they are not."""
        expected = np.frombuffer(self._types, np.uint32)
        seen = np.zeros(len(expected), bool)
        for value, count in self._keeper.ask(sql.VALUES, TYPE, len(expected)):
            yield from self._of_type(value, count, expected, seen)
        for number in np.unique(expected[~seen]).tolist():
            name = next(name for name, one in self._numbers.items() if one == number)
            yield _told(np.flatnonzero(~seen & (expected == number)), f"not marked as {shown(name)}")
        yield from self._wrong_others()

    def _of_type(self, value: str, count: int, expected: NDArray[np.uint32], seen: NDArray[np.bool_]) -> Iterator[str]:
        number, different = self._numbers.get(value, -1), 0
        wrong: list[int] = []
        for indexes in self._indexes(value, len(expected)):
            found = np.array(indexes, np.int64)
            right = expected[found] == number
            seen[found[right]] = True
            wrong += found[~right].tolist()
            different += len(indexes)
        if wrong:
            yield _told(np.array(wrong), f"marked as {shown(value)}, and of another type")
        if different < count:  # only where somebody took the primary key away, or a file has a number that is none
            yield f"of {count} marks as {shown(value)}, {count - different} are of no entry, or stand twice"

    def _indexes(self, value: str, stop: int) -> Iterator[list[int]]:
        start = 0
        while rows := self._keeper.ask(sql.MARKED_INDEXES, TYPE, value, start, stop):
            yield sorted({index for (index,) in rows if isinstance(index, int)})
            start = int(rows[-1][0]) + 1

    def _wrong_others(self) -> Iterator[str]:
        missing, after = dict(self._others), ("", "", -1)
        while rows := self._keeper.ask(sql.MARKS, *after, TYPE):
            for name, value, index in rows:
                if missing.pop(_short(Mark(name, value), index), None) is None and index < len(self._types):
                    yield f"entry {index} is marked as {shown(name)} {shown(value)}, and is not"
            after = rows[-1]
        for mark, index in missing.values():
            yield f"entry {index} is not marked as {mark.name} {shown(mark.value)}"


def _short(mark: Mark, index: int) -> bytes:
    return hashlib.sha256(f"{mark.name}\0{mark.value}\0{index}".encode()).digest()[:_BYTES]


def _told(indexes: NDArray[np.int64], words: str) -> str:
    first = f"entry {indexes[0]}"
    if len(indexes) == 1:
        return f"{first} is {words}"
    return f"{first} and {len(indexes) - 1} more are {words}"
