"""Proofs from a ledger: receipts of its entries, and that it was only appended to."""

from __future__ import annotations

from greengate.errors import HistoryError, UsageError
from greengate.ledger import checkpoints, merkle
from greengate.ledger.receipts import Growth, Receipt
from greengate.ledger.signing import Refused
from greengate.ledger.store import Store, Stored

_SIGN = "`greengate ledger checkpoint` signs the ledger as it is now"


def receipt(store: Store, stored: Stored, note: bytes) -> Receipt:
    """Prove that an entry is in the ledger that a checkpoint is of.

    Raises:
        HistoryError: The checkpoint is damaged, or of fewer entries.
    """
    size = _size(store, note)
    if stored.index >= size:
        problem = f"entry {stored.index} came after the newest checkpoint, which is of {size} entries"
        raise HistoryError(str(store.place), problem, _SIGN)
    return Receipt(stored.index, tuple(merkle.inclusion(stored.index, size, store.node)), note)


def growth(store: Store, old: int, note: bytes) -> Growth:
    """Prove that the ledger which a checkpoint is of begins with its first `old` entries.

    Raises:
        HistoryError: The checkpoint is damaged.
        UsageError: It is of fewer entries than those.
    """
    size = _size(store, note)
    if not 0 < old <= size:
        problem = f"found {old}, expected 1 to {size}, which the newest checkpoint is of"
        raise UsageError("--from", problem, _SIGN if old > size else "the size that stands in the older checkpoint")
    return Growth(old, tuple(merkle.consistency(old, size, store.node)), note)


def covering(store: Store, index: int) -> bytes | None:
    """Return the newest checkpoint of a ledger if an entry is in it, else None."""
    kept = store.checkpoint()
    return kept[1] if kept is not None and index < kept[0] else None


def _size(store: Store, note: bytes) -> int:
    try:
        return checkpoints.read(note)[0].size
    except Refused as refused:
        raise HistoryError(str(store.place), f"its newest checkpoint is damaged: {refused}", _SIGN) from refused
