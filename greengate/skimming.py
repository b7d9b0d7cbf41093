"""The leaves of a ledger in one pass, skimmed for what a quarter needs of them, with the root of the tree of them all.

There are two ways. *Whole*: every leaf is read and hashed. *By marks*: only those are read whose marks say that a
quarter needs them while they go by, each held against its hash; of all others the hash is read, which the root is made
of. Of many leaves other processes take some pieces; what comes out, and in which order, is the same.
"""

from __future__ import annotations

import gc
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from multiprocessing import get_context
from operator import itemgetter
from typing import Any

import msgspec

from greengate.errors import HistoryError
from greengate.esg import leaves
from greengate.esg.leaves import Judged, NotALeaf, Superseding
from greengate.ledger import places
from greengate.ledger.canonical import digest
from greengate.ledger.forms import as_bytes
from greengate.ledger.marks import CONVERSION, SUPERSEDES, word
from greengate.ledger.merkle import leaf_hash
from greengate.ledger.store import Store
from greengate.ledger.subtrees import CHUNK, subtrees
from greengate.records import type_of

Found = tuple[int, str, Any]
"""The index and the id of an entry, and what a quarter needs of it."""
Refusal = tuple[str, str]
"""What is wrong, and the hint."""
_PIECE = 64 * CHUNK
_AT_ONCE = 4 * CHUNK  # so few that the database has their pages at hand when it reads them again
_NEWER = "a newer greengate may have written it"
_VERIFY = "`greengate ledger verify` tells all that is wrong; restore a backup"
_MANY = 16 * _PIECE  # another process takes a second to begin
_AHEAD = 2  # pieces that each process has to do
_MOST_HELPERS = 3  # each takes some 80 MB


@dataclass(frozen=True, slots=True)
class Piece:
    """Some entries that follow one another: the hashes of `subtrees`, and what was found, in their order."""

    chunks: list[bytes]
    rest: list[bytes]
    found: list[Found]

    def __reduce__(self) -> tuple[Callable[..., Piece], tuple[Any, ...]]:
        """Pack it for another process: decisions, nearly all that is found, in a tenth of the time of a pickle."""
        judged = [one for one in self.found if type(one[2]) is Judged]
        others = [one for one in self.found if type(one[2]) is not Judged]
        return _unpacked, (self.chunks, self.rest, msgspec.msgpack.encode(judged), others)


_decoded = msgspec.msgpack.Decoder(list[tuple[int, str, Judged]]).decode


def _unpacked(chunks: list[bytes], rest: list[bytes], judged: bytes, others: list[Found]) -> Piece:
    return Piece(chunks, rest, sorted([*_decoded(judged), *others], key=itemgetter(0)))


@dataclass(frozen=True, slots=True)
class Way:
    """How entries are read.

    Attributes:
        whole: Whether all of them are.
        types: All types that marks tell of, and how many entries have each; None in a ledger without marks.
    """

    whole: bool
    types: dict[str, int] | None = None


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no cycles meanwhile: of millions of records none is in one, and looking takes a quarter of the time."""
    looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looking:
            gc.enable()


def pieces(store: Store, size: int, *, whole: bool) -> Iterator[Piece]:
    """Go through the first entries of a ledger, a piece at a time.

    Args:
        store: The ledger.
        size: How many entries.
        whole: Whether every leaf is read; so it is too where a ledger has no marks.

    Raises:
        HistoryError: An entry cannot be read, or is not what its hash or its mark say.
    """
    way = _way(store, size, whole=whole)
    marked = sum(count for name, count in way.types.items() if name not in leaves.LOOKED_UP) if way.types else 0
    ranges = [(start, min(start + _PIECE, size)) for start in range(0, size, _PIECE)]
    with _helpers(store, size) as (pool, count):
        for piece in _in_turn(store, way, deque(ranges), pool, count):
            marked -= sum(type(record) is not Superseding for _, _, record in piece.found)
            yield piece
    if marked > 0 and not way.whole:
        raise _damaged(store, f"those of {marked} of {size} entries tell no type")


def _way(store: Store, size: int, *, whole: bool) -> Way:
    if not store.has_marks:
        return Way(whole=True)
    known = store.types(size)
    if (marked := sum(known.values())) != size:
        raise _damaged(store, f"{size} entries have {marked} marks of their types")
    return Way(whole, known)


def _in_turn(
    store: Store, way: Way, ranges: deque[tuple[int, int]], pool: ProcessPoolExecutor | None, count: int
) -> Iterator[Piece]:  # fmt: skip
    """Read pieces here and in other processes, whoever has time, and give them in their order."""
    line: deque[Piece | Future[Piece | Refusal]] = deque()
    most = 2 * _AHEAD * count + 1
    while ranges or line:
        while pool and ranges and len(line) < most and sum(map(_busy, line)) < _AHEAD * count:
            line.append(pool.submit(_elsewhere, store.place, way, *ranges.popleft()))
        if ranges and len(line) < most and not (line and not _busy(line[0])):
            line.append(_piece(store, way, *ranges.popleft()))
        else:
            yield _read(store, line.popleft())


def _busy(one: Piece | Future[Piece | Refusal]) -> bool:
    return isinstance(one, Future) and not one.done()


def _read(store: Store, one: Piece | Future[Piece | Refusal]) -> Piece:
    """Wait for a piece."""
    try:
        found = one.result() if isinstance(one, Future) else one
    except BrokenExecutor as gone:
        problem = "a process that read a part of it was killed"
        raise HistoryError(store.place, problem, "is there memory enough? run it again") from gone
    if isinstance(found, tuple):
        raise HistoryError(store.place, *found)
    return found


@contextmanager
def _helpers(store: Store, size: int) -> Iterator[tuple[ProcessPoolExecutor | None, int]]:
    """Start other processes where it is worth it: for many entries in a file, and where there are processors for it."""
    count = min(len(os.sched_getaffinity(0)) - 1, _MOST_HELPERS)
    if size < _MANY or places.is_address(store.place) or count < 1:
        yield None, 0
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=gc.disable) as pool:
        yield pool, count


def _elsewhere(place: str, way: Way, start: int, stop: int) -> Piece | Refusal:
    """Read a piece in another process, which opens the ledger for itself; return why it cannot be read, if so."""
    store = Store(place, make=False)
    try:
        return _piece(store, way, start, stop)
    except HistoryError as bad:
        return bad.problem, bad.hint
    finally:
        store.close()


def _piece(store: Store, way: Way, start: int, stop: int) -> Piece:
    return _whole(store, way, start, stop) if way.whole else _by_marks(store, way, start, stop)


def _whole(store: Store, way: Way, start: int, stop: int) -> Piece:
    """Read every entry."""
    hashes: list[bytes] = []
    found: list[Found] = []
    seen: dict[str, list[int]] = defaultdict(list)
    for index, leaf in store.rows(start, stop):
        hashes.append(leaf_hash(leaf))
        name = type_of(leaf)
        seen[name].append(index)
        record = _skimmed(store, index, name, leaf)
        if record is not None:
            found.append((index, sha256(leaf).hexdigest(), record))
    if way.types is not None:
        told = {word(name): indexes for name, indexes in seen.items()}
        marked = {name: store.indexes_of(name, start, stop) for name in way.types}
        superseding = [index for index, _, record in found if isinstance(record, Superseding)]
        if {name: indexes for name, indexes in marked.items() if indexes} != told or (
            store.indexes_marked(SUPERSEDES, start, stop) != superseding
        ):
            raise _damaged(store, f"those of entries {start} to {stop - 1} do not follow from their bytes")
    return Piece(*subtrees(hashes), found)


def _by_marks(store: Store, way: Way, start: int, stop: int) -> Piece:
    """Read the entries of some types, and conversions that take the place of others; of all else the hash."""
    types = [name for name in way.types or {} if name not in leaves.LOOKED_UP]
    hashes: list[bytes] = []
    found: list[Found] = []
    for first in range(start, stop, _AT_ONCE):
        last = min(first + _AT_ONCE, stop)
        some = store.leaf_hashes(first, last)
        found += _marked(store, types, first, last, some)
        hashes += some
    return Piece(*subtrees(hashes), found)


def _marked(store: Store, types: list[str], start: int, stop: int, hashes: list[bytes]) -> list[Found]:
    if len(hashes) != stop - start:
        raise HistoryError(store.place, f"{stop - start - len(hashes)} entries from {start} on are missing", _VERIFY)
    found: list[Found] = []
    named = [(name, store.rows_of([name], start, stop)) for name in types]
    for name, rows in (*named, (CONVERSION, store.rows_marked(SUPERSEDES, start, stop))):
        for index, entry_id, _, kept in rows:
            leaf = as_bytes(kept)
            own = sha256(leaf).hexdigest()
            if leaf_hash(leaf) != hashes[index - start] or own != entry_id:
                raise HistoryError(store.place, f"entry {index} was changed after it was written", _VERIFY)
            found.append((index, own, _as_marked(store, index, name, leaf)))
    found.sort(key=itemgetter(0))
    for one, other in pairwise(found):
        if one[0] == other[0]:
            raise _damaged(store, f"entry {one[0]} is marked twice")
    return found


def _as_marked(store: Store, index: int, name: str, leaf: bytes) -> Any:
    """Read an entry as what its mark says it is."""
    own = type_of(leaf)
    record = _skimmed(store, index, own, leaf) if word(own) == name else None
    if record is None:
        raise _damaged(store, f"entry {index} is marked as what it is not")
    return record


def _skimmed(store: Store, index: int, name: str, leaf: bytes) -> Any:
    try:
        return leaves.read(name, leaf)
    except NotALeaf as bad:
        raise unreadable(store, index, leaf, bad) from bad


def _damaged(store: Store, how: str) -> HistoryError:
    return HistoryError(store.place, f"its marks are damaged: {how}", _VERIFY)


def unreadable(store: Store, index: int, leaf: bytes, why: Exception) -> HistoryError:
    """Say that an entry cannot be read, or that it was changed, where that is why."""
    try:
        store.stored(index)
    except HistoryError as changed:
        return changed
    return HistoryError(store.place, f"entry {index} ({digest(leaf)[:12]}) cannot be read: {why}", _NEWER)
