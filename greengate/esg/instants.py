"""Instants as whole microseconds since 1970 in UTC, so that every share of a year is a ratio of whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from greengate.periods import Calendar, Kind, Period, period_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class NotAnInstant(ValueError):
    """A text is no time with a time zone."""


def instant(text: str) -> int:
    """Read a time as records write it: ISO 8601 with its zone.

    Raises:
        NotAnInstant: It is none.
    """
    try:
        return of(datetime.fromisoformat(text))
    except (ValueError, TypeError, OverflowError) as error:
        raise NotAnInstant(f"`{text}` is no time with a time zone") from error


def of(moment: datetime) -> int:
    """Count the microseconds to a moment."""
    return (moment - _EPOCH) // _TICK


def moment(at: int) -> datetime:
    """Tell the moment at so many microseconds, in UTC."""
    return _EPOCH + at * _TICK


def iso(at: int) -> str:
    """Write an instant as `2026-07-01T00:00:00Z`, with a fraction only where it has one."""
    return moment(at).isoformat().replace("+00:00", "Z")


def day(at: int) -> str:
    """Write the UTC day of an instant."""
    return moment(at).date().isoformat()


@lru_cache(4096)
def _year(year: int) -> tuple[int, int]:
    return of(datetime(year, 1, 1, tzinfo=UTC)), of(datetime(year + 1, 1, 1, tzinfo=UTC))


def year_of(at: int) -> tuple[int, int]:
    """Tell the first instant of the UTC calendar year in which an instant lies, and that of the next year."""
    return _year(moment(at).year)


def months(start: int, end: int, calendar: Calendar) -> Iterator[Period]:
    """Go through the months of a calendar that touch a time."""
    at = start
    while at < end:
        month = period_of(Kind.MONTH, moment(at), calendar)
        yield month
        at = of(month.end)
