"""Which approvals of a merge request count: GitLab tells who approves, not what they looked at.

GitLab keeps an approval when commits are pushed, unless a project's settings say otherwise. What was approved is told
by time alone: an approval counts for the newest version of the change if it was given after that version was there.

Source: GitLab documentation, "Merge request approvals API" (`approved_by`), "Merge requests API" (`versions`) and
"Notes API" (system notes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from greengate.errors import ForgeError
from greengate.forges import Review

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """A note on a merge request: who wrote it (None where nobody is left), and whether GitLab itself did."""

    id: int
    body: str
    by: int | None
    system: bool
    at: str


# Written by GitLab itself in English, whatever language its users read.
_APPROVED = "approved this merge request"


def lack_times(approved_by: Sequence[Told]) -> bool:
    """Whether this GitLab does not say when an approval was given; older ones say it in a system note alone."""
    return any(not one.get("approved_at") for one in approved_by)


def times(notes: Iterable[Note]) -> dict[int, str]:
    """Return, by the id of its user, when an approval was given last, as GitLab's own notes tell it."""
    said = sorted((note for note in notes if note.system and note.body == _APPROVED), key=lambda note: _time(note.at))
    return {note.by: note.at for note in said if note.by is not None}


def counting(
    request: str,
    approved_by: Sequence[Told],
    versions: Sequence[Told],
    noted: Mapping[int, str],
    until: str = "",
) -> tuple[Review, ...]:
    """Return the approvals that were given for the newest version of a merge request.

    Args:
        request: Id of the merge request.
        approved_by: What the approvals say.
        versions: Versions of its diff.
        noted: When approvals were given, by the id of the user, for those that do not say it.
        until: No approval counts that was given later, such as after the merge.

    Raises:
        ForgeError: When somebody approved, or what, cannot be told.
    """
    if not approved_by:
        return ()
    if not versions:
        problem = f"GitLab has no version of {request} yet, so that no approval counts"
        raise ForgeError("gitlab", problem, "ask again in a minute")
    newest = max(versions, key=lambda version: (_time(version["created_at"]), version["id"]))
    given = [(one["user"], _given(request, one, noted)) for one in approved_by]
    return tuple(
        Review(f"{request}/{user['id']}", user["username"], f"{at:%Y-%m-%dT%H:%M:%SZ}", newest["head_commit_sha"])
        for user, at in given
        if at > _time(newest["created_at"]) and not (until and at > _time(until))
    )


def _given(request: str, approval: Told, noted: Mapping[int, str]) -> datetime:
    user = approval["user"]
    at = approval.get("approved_at") or noted.get(user["id"])
    if not at:
        problem = f"GitLab does not tell when @{user['username']} approved {request}, so that it cannot be counted"
        raise ForgeError("gitlab", problem, "take the approval back and give it again")
    return _time(at)


def _time(told: str) -> datetime:
    return datetime.fromisoformat(told).astimezone(UTC)
