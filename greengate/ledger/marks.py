"""What an entry is found by, beside its index and its id: its marks, which follow from its bytes.

Every entry has one mark `type`, the type of its predicate. A conversion that takes the place of another has a mark
`supersedes` besides, which names that one. Marks are kept beside the entries, so that a few of them are found among
millions; `greengate ledger verify` checks that they are those of the entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from greengate.ledger.canonical import digest
from greengate.records import Kind, predicate_type, type_of

TYPE, SUPERSEDES = "type", "supersedes"
CONVERSION = predicate_type(Kind.CONVERSION)
_NOTHING = b'"supersedes":""},'
_NEXT = f'"predicateType":"{CONVERSION}"'.encode()
_LONGEST = 200


class Mark(NamedTuple):
    """A word by which an entry is found, under a name that says what it is."""

    name: str
    value: str


def marks_of(leaf: bytes) -> Iterator[Mark]:
    """Tell the marks of a leaf, that of its type first."""
    name = type_of(leaf)
    yield Mark(TYPE, word(name))
    if name == CONVERSION and (older := superseded(leaf)):
        yield Mark(SUPERSEDES, word(older))


def word(value: str) -> str:
    """Return a value as marks have it: the digest of one that no index, or no encoding, could take."""
    plain = len(value) <= _LONGEST and value.isascii() and value.isprintable()
    return value if plain else digest(value.encode(errors="surrogatepass"))


def superseded(leaf: bytes) -> str:
    """Tell which conversion one takes the place of; "" of one that takes none, and of what only looks like one."""
    if leaf.endswith(_NOTHING, 0, leaf.rfind(_NEXT)):
        return ""
    try:
        older = json.loads(leaf)["predicate"]["supersedes"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return older if isinstance(older, str) else ""
