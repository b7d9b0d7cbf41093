"""What a ledger gives out, as plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERED = re.compile(r"(.*)\n([2-9]|[1-9][0-9]{1,8})", re.DOTALL)


def as_bytes(value: object) -> bytes:
    """Take what a column of bytes holds; SQLite also keeps what is none, where somebody put that there."""
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else b""


def shown(value: object) -> str:
    """Write what a database holds in the place of a digest or a number, such that it cannot speak to a terminal."""
    plain = str(value, "ascii", "replace") if isinstance(value, bytes) else str(value)
    return plain if plain.isascii() and plain.isalnum() else ascii(value)[:80]


def of_second_format(handle: str) -> tuple[str, int]:
    """Part a handle from the number behind a line break, by which the second format kept further pseudonyms of it."""
    found = _NUMBERED.fullmatch(handle)
    return (found[1], int(found[2])) if found else (handle, 1)


@dataclass(frozen=True, slots=True)
class Stored:
    """One entry as it lies in the ledger: its index from 0, its id (SHA-256 of the leaf) and its bytes."""

    index: int
    entry_id: str
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A ledger at one moment: how many entries it has, and the root of their tree."""

    size: int
    root: bytes
