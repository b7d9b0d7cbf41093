"""The Merkle tree over the entries of a ledger, as far as it is kept: hashes of leaves, roots of tiles, the frontier.

A tile (level, index) is a complete subtree of 256^level entries; all nodes between two levels of tiles are hashed when
they are asked for, of at most 128 hashes below. Those are read by 256, and some groups of them are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from greengate.errors import HistoryError
from greengate.ledger import merkle
from greengate.ledger import statements as sql
from greengate.ledger.forms import Head, as_bytes
from greengate.ledger.keeping import MOST, Keeper, Rows

HASH_BYTES = 32
TILE_BITS = 8
_MOST_GROUPS = 64
DAMAGED = "`greengate ledger verify` tells all that is wrong; restore a backup"


class Tree:
    """The tree of a ledger."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._groups: dict[tuple[int, int], list[bytes]] = {}  # what is there stays; more may come

    def size(self) -> int:
        """Tell how many entries there are."""
        rows = self._keeper.ask(sql.SIZE)
        if len(rows) != 1 or not isinstance(rows[0][0], int):
            raise HistoryError(self._keeper.where, "its head is damaged", DAMAGED)
        return int(rows[0][0])

    def head(self) -> Head:
        """Tell size and root at one moment."""
        if not self._keeper.has_tree:
            size = self.size()
            return Head(size, merkle.root(size, self.node))
        frontier = frontier_of(self._keeper.ask(sql.HEAD), self._keeper.where)
        return Head(frontier.size, frontier.root)

    def refuse_other(self, head: Head) -> None:
        """Refuse a head that is not that of the entries.

        Raises:
            HistoryError: It has another root, or there are not so many entries.
        """
        if merkle.root(head.size, self.node) != head.root:
            problem = f"its head is damaged: it does not follow from its {head.size} entries"
            raise HistoryError(self._keeper.where, problem, DAMAGED)

    def node(self, level: int, index: int) -> bytes:
        """Tell the hash of the complete subtree of 2^level entries that begins at entry index x 2^level.

        Raises:
            HistoryError: There are not so many entries, or the tree is damaged.
        """
        tile, above = divmod(level, TILE_BITS) if self._keeper.has_tree else (0, level)
        start, stop = index << above, index + 1 << above
        found = self._hashes(tile, start, stop) if 0 <= start < stop <= MOST else []
        if len(found) != stop - start:
            problem = f"its tree has no node ({level}, {index})"
            raise HistoryError(self._keeper.where, problem, DAMAGED)
        return _folded(found)

    def _hashes(self, tile: int, start: int, stop: int) -> list[bytes]:
        """Read some hashes side by side; 256 at a time, since a proof needs others of them too."""
        if not self._keeper.has_tree:
            return self._read(tile, start, stop)
        group, first = start >> TILE_BITS, start >> TILE_BITS << TILE_BITS
        if len(self._groups.get((tile, group), ())) < stop - first:
            if len(self._groups) >= _MOST_GROUPS:
                self._groups.pop(next(iter(self._groups)))
            self._groups[tile, group] = self._read(tile, first, first + (1 << TILE_BITS))
        return self._groups[tile, group][start - first : stop - first]

    def _read(self, tile: int, start: int, stop: int) -> list[bytes]:
        ask = self._keeper.ask
        rows = ask(sql.TILES, tile, start, stop) if tile else ask(sql.LEAF_HASHES, start, stop)
        return [as_bytes(one) for (one,) in rows]


def frontier_of(rows: Rows, where: str) -> merkle.Frontier:
    """Read the frontier of a ledger from the row of its head.

    Raises:
        HistoryError: It is none.
    """
    try:
        ((size, nodes),) = rows
        return merkle.Frontier(_size(size), parted(as_bytes(nodes)))
    except (ValueError, AttributeError, TypeError) as error:  # a size may be no number
        raise HistoryError(where, f"its head is damaged: {error}", DAMAGED) from error


def _size(said: int) -> int:
    if said < 0:
        raise ValueError(f"a tree has no {said} leaves")
    return said


def parted(nodes: bytes) -> list[bytes]:
    """Part the bytes of some hashes."""
    return [nodes[at : at + HASH_BYTES] for at in range(0, len(nodes), HASH_BYTES)]


def tiles(nodes: Iterable[tuple[int, int, bytes]]) -> Iterator[tuple[int, int, bytes]]:
    """Pick from nodes that were completed those that are kept as tiles."""
    return ((level // TILE_BITS, index, root) for level, index, root in nodes if level and not level % TILE_BITS)


def _folded(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [merkle.node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
