"""Whether a ledger is sound: everything in its tables that does not follow from the bytes of its entries.

Entries are read once, a batch at a time, and hashed. Of what they refer to, 32 bytes a digest are held in memory.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from greengate.errors import HistoryError
from greengate.ledger import merkle, strays
from greengate.ledger import statements as sql
from greengate.ledger.bodies import Bodies
from greengate.ledger.canonical import digest
from greengate.ledger.forms import Head, as_bytes, shown
from greengate.ledger.keeping import Ask, Keeper, Rows
from greengate.ledger.marked import Marks
from greengate.ledger.references import likely
from greengate.ledger.store import Store
from greengate.ledger.subtrees import CHUNK, subtrees
from greengate.ledger.tree import TILE_BITS, frontier_of
from greengate.records import type_of


def sound(store: Store, expected: Head | None = None) -> Iterator[str]:
    """Tell everything that is wrong inside a ledger, with its place; nothing where it is sound.

    Args:
        store: The ledger; others may append to it meanwhile.
        expected: What it was at some moment, as kept elsewhere. Without that, a tail that was cut off together with
            the head does not show, and neither does a ledger that was made anew.
    """
    try:
        yield from _faults(store.keeper, expected)
    except HistoryError as error:
        yield error.problem


def _faults(keeper: Keeper, expected: Head | None) -> Iterator[str]:
    with keeper.reading() as ask:
        head = ask(sql.HEAD if keeper.has_tree else sql.SIZE)
        size = head[0][0] if len(head) == 1 and isinstance(head[0][0], int) else _found(ask)
        astray = [*strays.entries(ask, size), *(strays.others(ask, size) if keeper.has_tree else ())]
        astray += strays.marks(ask, size) if keeper.has_marks else ()
    walk = _Walk(keeper, size, expected)
    yield from walk.faults()
    yield from _wrong_head(keeper, head, walk)
    yield from astray
    if walk.twins:  # a database takes long to find that there are none
        yield from (f"entry {last} is entry {first} again" for first, last in keeper.ask(sql.TWINS))
    yield from walk.bodies.faults()
    if keeper.has_marks and walk.whole:
        yield from walk.marks.faults()
    for guard in keeper.missing_guards():
        yield f"the guard {guard} is not in force: what it guards can be changed"


def _found(ask: Ask) -> int:
    """Tell how many entries there seem to be, for a ledger without a head."""
    last = ask(sql.ENTRIES_BEYOND, 0, 0)[0][1]
    return 0 if last is None else int(last) + 1


def _wrong_head(keeper: Keeper, head: Rows, walk: _Walk) -> Iterator[str]:
    if len(head) != 1:
        yield "the head is missing"
    elif keeper.has_tree:
        try:
            nodes = frontier_of(head, keeper.where).nodes
        except HistoryError as error:
            yield error.problem
            return
        if walk.whole and nodes != walk.tree.nodes:
            yield f"the head does not follow from the {walk.tree.size} entries"


class _Walk:
    """One walk through the entries, as far as they went when it began."""

    def __init__(self, keeper: Keeper, size: int, expected: Head | None) -> None:
        self.tree = merkle.Frontier()
        self.whole = True  # what follows from all entries cannot be checked where one is missing
        self.bodies = Bodies(keeper)
        self.marks = Marks(keeper)
        self._hashes = bytearray()  # the first bytes of each, of which two that are the same are looked into
        self._tiles: dict[int, list[bytes]] = {}
        self._keeper = keeper
        self._size = size
        self._expected = expected

    @property
    def twins(self) -> bool:
        """Whether two entries may be the same; never False where they are."""
        found = np.sort(np.frombuffer(self._hashes, np.uint64))
        return bool((found[1:] == found[:-1]).any())

    def faults(self) -> Iterator[str]:
        """Tell what is wrong with the entries, the tiles above them, and the checkpoints that were made of them."""
        yield from self._other_roots(self._said(-1, 0).get(0, []))
        at = 0
        while rows := self._keeper.ask(sql.ROWS, at, self._size):
            yield from self._batch(at, rows)
            at = rows[-1][0] + 1
        if at < self._size:
            yield _missing(at, self._size)
            self.whole = False
        if self._expected and self._expected.size > self._size:
            gone = "entries were taken from its end, or an older copy was put back"
            yield f"there are {self._size} entries, and {self._expected.size} were there before: {gone}"

    def _batch(self, at: int, rows: list[tuple[int, str, bytes, bytes]]) -> Iterator[str]:
        """Tell what is wrong with some entries; what all of a million go through is written out for speed."""
        said = self._said(at, rows[-1][0] + 1)
        self._tiles = self._kept(at, rows[-1][0] + 1)
        mention, mark, hashes = self.bodies.mention, self.marks.take, self._hashes
        fresh: list[bytes] = []
        for index, entry_id, leaf_hash, found in rows:
            if index != at:
                yield from self._grown(fresh)
                yield _missing(at, index) if index > at else f"the index {index} stands twice"
                self.whole = False
            at = index + 1
            leaf = found if type(found) is bytes else as_bytes(found)
            own = sha256(b"\x00" + leaf).digest()
            hashes += own[:8]
            if sha256(leaf).hexdigest() != entry_id or own != leaf_hash:
                yield _changed(index, entry_id, leaf)
            name = type_of(leaf)
            if named := likely(name, leaf):
                mention(named)
            mark(name, leaf)
            fresh.append(own)
            if at in said:
                yield from self._grown(fresh)
                yield from self._other_roots(said[at]) if self.whole else ()
        yield from self._grown(fresh)

    def _grown(self, fresh: list[bytes]) -> Iterator[str]:
        """Put hashes into the tree, whole tiles of them at once, and tell which tiles are others."""
        tree, at = self.tree, 0
        while at < len(fresh) and self.whole:
            some = (len(fresh) - at) // CHUNK * CHUNK if not tree.size % CHUNK else 0
            found, level = (subtrees(fresh[at : at + some])[0], TILE_BITS) if some else (fresh[at : at + 1], 0)
            at += some or 1
            yield from (words for one in found for node in tree.append(one, level) for words in self._wrong(*node))
        fresh.clear()

    def _wrong(self, level: int, index: int, root: bytes) -> Iterator[str]:
        if level and not level % TILE_BITS:
            yield from self._wrong_tile(level // TILE_BITS, index, root)

    def _other_roots(self, said: list[tuple[bytes | None, str]]) -> Iterator[str]:
        root = self.tree.root
        return (words for other, words in said if other != root)

    def _wrong_tile(self, level: int, index: int, root: bytes) -> Iterator[str]:
        if not self._keeper.has_tree:
            return
        if level == 1:
            kept = self._tiles.get(index, [])
        else:
            kept = [as_bytes(one) for (one,) in self._keeper.ask(sql.TILES, level, index, index + 1)]
        if kept != [root]:
            bits = level * TILE_BITS
            of = f"entries {index << bits} to {(index + 1 << bits) - 1}"
            yield f"the tile ({level}, {index}) does not follow from {of}" if kept else f"the tile of {of} is missing"

    def _kept(self, start: int, stop: int) -> dict[int, list[bytes]]:
        """Tell the roots of the lowest tiles that end among some entries, by their indexes."""
        found: dict[int, list[bytes]] = {}
        if self._keeper.has_tree:
            for index, root in self._keeper.ask(sql.NUMBERED_TILES, start >> TILE_BITS, stop >> TILE_BITS):
                found.setdefault(index, []).append(as_bytes(root))
        return found

    def _said(self, start: int, stop: int) -> dict[int, list[tuple[bytes | None, str]]]:
        """Tell which roots are said to be those of which sizes, with what to say where they are not."""
        said: dict[int, list[tuple[bytes | None, str]]] = {}
        if self._keeper.has_tree:
            for size, note in self._keeper.ask(sql.CHECKPOINTS, start, stop):
                words = f"the checkpoint of {size} entries that is kept does not follow from them"
                said.setdefault(size, []).append((_root(size, as_bytes(note)), words))
        if self._expected and start < self._expected.size <= stop:
            words = f"the first {self._expected.size} entries have another root than before: one of them is another"
            said.setdefault(self._expected.size, []).append((self._expected.root, words))
        return said


def _missing(start: int, stop: int) -> str:
    return f"entry {start} is missing" if stop == start + 1 else f"entries {start} to {stop - 1} are missing"


def _changed(index: int, entry_id: str, leaf: bytes) -> str:
    if digest(leaf) == entry_id:
        return f"entry {index} has another hash than its bytes"
    return f"entry {index} was changed after it was written: its id is {shown(entry_id)}, and its digest {digest(leaf)}"


def _root(size: int, note: bytes) -> bytes | None:
    """Read the root from a checkpoint (C2SP tlog-checkpoint: origin, size, root), None where it is none."""
    try:
        _, said, root, *_ = note.split(b"\n")
        return base64.b64decode(root, validate=True) if int(said) == size else None
    except ValueError:
        return None
