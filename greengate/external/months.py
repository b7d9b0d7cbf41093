"""Months as exports write them."""

from __future__ import annotations

import datetime as dt
import re

from greengate.external.sheets import Row, shown

_MONTH = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})(?:[T ].*)?)?|(?P<packed>\d{2})(?P<first>01)?)", re.ASCII
)
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


def month(row: Row, column: str, name: str) -> str:
    """Read the month that a cell names or lies in, as `2026-03`.

    Raises:
        UsageError: It names none, or it cannot be told which.
    """
    return day(row, column, name)[:7]


def day(row: Row, column: str, name: str) -> str:
    """Read a day as `2026-03-01`; the first of a month that is named alone.

    Raises:
        UsageError: It is none: `03/04/2026` may be in March or in April.
    """
    cell = row[column]
    found = _MONTH.fullmatch(cell)
    if found is None:
        raise row.wrong(name, f"found `{shown(cell)}`, expected a month such as 2026-03", "export it with ISO dates")
    try:
        told = dt.date(int(found["year"]), int(found["month"] or found["packed"]), int(found["day"] or 1))
    except ValueError as error:
        raise row.wrong(name, f"found `{shown(cell)}`, which is no day of the calendar") from error
    if not _FIRST_YEAR <= told.year <= _LAST_YEAR:
        raise row.wrong(name, f"found `{shown(cell)}`, expected a month such as 2026-03")
    return told.isoformat()


def begins(name: str) -> str:
    """Write the first instant of a month, UTC."""
    return f"{name}-01T00:00:00Z"


def ends(name: str) -> str:
    """Write the first instant of the month that follows, UTC."""
    return begins(following(name))


def following(name: str) -> str:
    """Name the month that follows."""
    year, number = map(int, name.split("-"))
    return f"{year + number // 12:04}-{number % 12 + 1:02}"
