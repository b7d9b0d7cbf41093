"""Rows of a ledger that stand where none can be."""

from __future__ import annotations

from collections.abc import Iterator

from greengate.ledger import statements as sql
from greengate.ledger.forms import shown
from greengate.ledger.keeping import Ask
from greengate.ledger.tree import TILE_BITS

_LEVELS = range(1, 8)


def entries(ask: Ask, size: int) -> Iterator[str]:
    """Tell of entries beyond the head, or before the first."""
    for first, last, count in ask(sql.ENTRIES_BEYOND, 0, size):
        if count:
            which = f"entry {first} stands" if count == 1 else f"{count} entries, {first} to {last}, stand"
            yield f"{which} beyond the head, which says {size}"


def others(ask: Ask, size: int) -> Iterator[str]:
    """Tell of tiles and checkpoints of entries that are not there."""
    for level in _LEVELS:
        for first, count in ask(sql.TILES_BEYOND, level, 0, size >> level * TILE_BITS):
            if count:
                which = "tile" if count == 1 else f"{count} tiles from"
                yield f"the {which} ({level}, {first}) {'is' if count == 1 else 'on are'} of entries that are not there"
    for level, index in ask(sql.TILES_ASTRAY, _LEVELS[0], _LEVELS[-1]):
        yield f"there cannot be a tile ({shown(level)}, {shown(index)})"
    for of, _ in ask(sql.CHECKPOINTS_BEYOND, 0, size):
        yield f"a checkpoint of {of} entries is kept, and there are {size}"


def marks(ask: Ask, size: int) -> Iterator[str]:
    """Tell of marks of entries that are not there."""
    for first, count in ask(sql.MARKS_BEYOND, 0, size):
        if count:
            one = f"entry {first} is marked, and is not there"
            yield one if count == 1 else f"{count} marks are of entries that are not there, the first of entry {first}"
