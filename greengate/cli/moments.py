"""Moments on the command line: with a time zone, and where it matters not in the future."""

from __future__ import annotations

from datetime import UTC, datetime

from greengate.errors import UsageError

_HINT = "write it like `2026-11-21T10:00:00Z`"


def moment(written: str | None, *, past: bool = False) -> datetime:
    """Read a moment; now where none is given.

    Raises:
        UsageError: It is none, has no time zone, or (`past`) has not come yet.
    """
    now = datetime.now(UTC)
    if written is None:
        return now
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise UsageError("--at", f"`{written}` is no time", _HINT) from error
    if found.utcoffset() is None:
        raise UsageError("--at", f"`{written}` has no time zone", _HINT)
    if past and found > now:
        raise UsageError("--at", f"`{written}` has not come yet", f"it is {in_words(now)}; is the clock right?")
    return found


def in_words(at: datetime) -> str:
    """Write a moment as records have it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
