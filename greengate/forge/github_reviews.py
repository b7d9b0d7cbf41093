"""Which reviews count: the newest word of each reviewer, an approval, of the commit that is there now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from greengate.forge.reading import Odd, entry, maybe
from greengate.forges import Review

# A comment takes nothing back; what is pending nobody has said yet.
_WORDS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


def counting(told: Iterable[dict[str, Any]], head: str, until: str = "") -> tuple[Review, ...]:
    """Return the approvals of a commit that still stand.

    Args:
        told: All reviews of a change, as GitHub lists them.
        head: The commit, which an approval must be of.
        until: The moment of the merge (ISO 8601): what was said after it does not count; "" for now.

    Raises:
        Odd: A review lacks what it must have.
    """
    newest: dict[str, tuple[tuple[datetime, int], dict[str, Any]]] = {}
    for review in told:
        who = maybe(review, "user", "login").casefold()
        if not who or entry(review, "state", kind=str) not in _WORDS:
            continue
        rank = (moment(entry(review, "submitted_at", kind=str)), entry(review, "id", kind=int))
        late = bool(until) and rank[0] > moment(until)
        if not late and (who not in newest or rank > newest[who][0]):
            newest[who] = (rank, review)
    return tuple(_review(review) for _, review in sorted(newest.values(), key=_rank) if _approves(review, head))


def moment(written: str) -> datetime:
    """Read a time as GitHub writes it.

    Raises:
        Odd: It is none.
    """
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise Odd("its answer has a time that is none") from None
    if found.tzinfo is None:
        raise Odd("its answer has a time without a zone")
    return found


def _rank(one: tuple[tuple[datetime, int], dict[str, Any]]) -> tuple[datetime, int]:
    return one[0]


def _approves(review: dict[str, Any], head: str) -> bool:
    return review["state"] == "APPROVED" and bool(head) and maybe(review, "commit_id") == head


def _review(review: dict[str, Any]) -> Review:
    id_, by = str(entry(review, "id", kind=int)), entry(review, "user", "login", kind=str)
    return Review(id_, by, entry(review, "submitted_at", kind=str), entry(review, "commit_id", kind=str))
