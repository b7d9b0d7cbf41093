"""What lies beside an entry: larger evidence, which its statement names by its digest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from greengate.ledger.store import Store
from greengate.records import Kind, predicate_type

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMED = {
    "urn:greengate:decision:v1": ("evidence",),
    predicate_type(Kind.DECISION): ("verdict", "evidence"),
    predicate_type(Kind.MEASUREMENT): ("evidence",),
    predicate_type(Kind.POLICY): ("sha256",),
    predicate_type(Kind.CALIBRATION): ("profile",),
    predicate_type(Kind.ACTIVITY): ("digest",),
    predicate_type(Kind.EXTERNAL): ("digest", "body"),
    predicate_type(Kind.CLOSE): ("report",),
    predicate_type(Kind.RESTATEMENT): ("report",),
    predicate_type(Kind.REPORT): ("sha256",),
}


def named(leaf: bytes) -> list[str]:
    """Name the digests of what lies beside an entry."""
    try:
        statement = json.loads(leaf)
        predicate = statement["predicate"]
        told = [predicate.get(field, "") for field in _NAMED.get(statement["predicateType"], ())]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    return [name for name in dict.fromkeys(told) if isinstance(name, str) and _DIGEST.fullmatch(name)]


def of(store: Store, leaf: bytes) -> Iterator[tuple[str, bytes]]:
    """Read what lies beside an entry.

    Raises:
        HistoryError: Something of it is missing or damaged.
    """
    return ((name, store.body(name)) for name in named(leaf))
