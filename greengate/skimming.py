"""The leaves of a ledger in one pass: hashed into the root of their tree, and skimmed for what a quarter needs of them.

Of many leaves another process takes every second piece; what comes out, and in which order, is the same.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import get_context
from typing import Any

from greengate.errors import HistoryError
from greengate.esg.leaves import NotALeaf, skimmed
from greengate.ledger import places
from greengate.ledger.canonical import digest
from greengate.ledger.merkle import Frontier, folded, leaf_hash, node_hash
from greengate.ledger.store import Store

_CHUNK = 256  # leaves that are hashed into one subtree before it goes into the frontier
_PIECE = 128 * _CHUNK
_NEWER = "a newer greengate may have written it"
_MANY = 8 * _PIECE  # another process takes a second to begin


@dataclass(slots=True)
class Piece:
    """Some leaves that follow one another, from a multiple of `_CHUNK` on.

    Attributes:
        subtrees: Hashes of the subtrees of `_CHUNK` leaves.
        rest: Hashes of the leaves after them.
        found: (index, id, record) of what a quarter needs.
        first, last: Ids of the first and the last leaf.
    """

    subtrees: list[bytes] = field(default_factory=list)
    rest: list[bytes] = field(default_factory=list)
    found: list[tuple[int, str, Any]] = field(default_factory=list)
    first: str = ""
    last: str = ""

    def add(self, leaf: bytes) -> None:
        """Hash the next leaf."""
        self.rest.append(leaf_hash(leaf))
        if len(self.rest) == _CHUNK:
            hashes = self.rest
            while len(hashes) > 1:
                pairs = zip(hashes[::2], hashes[1::2], strict=True)
                hashes = [node_hash(left, right) for left, right in pairs]
            self.subtrees.append(hashes[0])
            self.rest = []


class Root:
    """The root of the tree of pieces that follow one another."""

    def __init__(self) -> None:
        self._whole = Frontier()
        self._rest: list[bytes] = []

    def add(self, piece: Piece) -> None:
        """Take in the next piece."""
        for node in piece.subtrees:
            for _ in self._whole.append(node):
                pass
        self._rest = piece.rest

    def told(self) -> str:
        """Tell the root so far, in base64 as checkpoints write it."""
        tail = Frontier()
        for leaf in self._rest:
            for _ in tail.append(leaf):
                pass
        return b64encode(folded([*self._whole.nodes, *tail.nodes])).decode()


def pieces(store: Store, size: int) -> Iterator[Piece]:
    """Go through the first entries of a ledger, a piece at a time.

    Raises:
        HistoryError: An entry cannot be read.
    """
    with _helper(store, size) as helper:
        for start in range(0, size, 2 * _PIECE):
            middle, stop = min(start + _PIECE, size), min(start + 2 * _PIECE, size)
            later = helper.submit(_elsewhere, store.place, middle, stop) if helper else None
            yield _piece(store, start, middle)
            if middle < stop:
                found = later.result() if later else _piece(store, middle, stop)
                if isinstance(found, str):
                    raise HistoryError(store.place, found, _NEWER)
                yield found


@contextmanager
def _helper(store: Store, size: int) -> Iterator[ProcessPoolExecutor | None]:
    """Start another process where it is worth it: for many entries in a file, and where there is a processor for it."""
    if size < _MANY or places.is_address(store.place) or len(os.sched_getaffinity(0)) < 2:
        yield None
        return
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def _elsewhere(place: str, start: int, stop: int) -> Piece | str:
    """Read a piece in another process, which opens the ledger for itself; return why it cannot be read, if so."""
    store = Store(place, make=False)
    try:
        return _piece(store, start, stop)
    except HistoryError as bad:
        return bad.problem
    finally:
        store.close()


def _piece(store: Store, start: int, stop: int) -> Piece:
    piece, first, last = Piece(), b"", b""
    for index, leaf in store.rows(start, stop):
        piece.add(leaf)
        try:
            record = skimmed(leaf)
        except NotALeaf as bad:
            raise unreadable(store, index, leaf, bad) from bad
        if record is not None:
            piece.found.append((index, sha256(leaf).hexdigest(), record))
        first, last = first or leaf, leaf
    piece.first, piece.last = (digest(first), digest(last)) if last else ("", "")
    return piece


def unreadable(store: Store, index: int, leaf: bytes, why: Exception) -> HistoryError:
    """Say that an entry cannot be read."""
    return HistoryError(store.place, f"entry {index} ({digest(leaf)[:12]}) cannot be read: {why}", _NEWER)
