"""What lies beside an entry: larger evidence, which its statement names by its digest."""

from __future__ import annotations

from collections.abc import Iterator

from greengate.ledger.references import referred
from greengate.ledger.store import Store


def named(leaf: bytes) -> list[str]:
    """Name the digests of what lies beside an entry."""
    return list(dict.fromkeys(name for _, name in referred(leaf)))


def of(store: Store, leaf: bytes) -> Iterator[tuple[str, bytes]]:
    """Read what lies beside an entry.

    Raises:
        HistoryError: Something of it is missing or damaged.
    """
    return ((name, store.body(name)) for name in named(leaf))
