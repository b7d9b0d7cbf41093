"""When a service that was asked too often wants to be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining")
_RESET = ("x-ratelimit-reset", "ratelimit-reset")


def retry_after_s(written: str, now: datetime) -> float | None:
    """Read RFC 9110, 10.2.3: seconds, or a date; None where it is neither."""
    if written.strip().isdecimal():
        return float(written.strip()[:9])
    try:
        return (parsedate_to_datetime(written) - now).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a time zone
        return None


def used_up(headers: Mapping[str, str]) -> bool:
    """Tell whether the questions of an hour or a minute are all asked (`X-RateLimit-Remaining`; GitLab: without X)."""
    return "0" in (headers.get(name, "").strip() for name in _REMAINING)


def reset_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until there are questions again (`X-RateLimit-Reset`, seconds of the epoch), or None."""
    written = next((headers[name].strip() for name in _RESET if name in headers), "")
    # The second in which it is reset counts as used up still.
    return float(written[:11]) - now.timestamp() + 1 if written.isdecimal() else None
