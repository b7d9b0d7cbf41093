"""Months, quarters and years as instants: of the calendar in UTC, or of a fiscal year in a time zone.

A boundary is midnight of a first day of a month in the zone, and is compared in UTC: a quarter in Europe/Berlin has
2159, 2183, 2184, 2208 or 2209 hours. Nothing here reads a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from greengate.errors import nearest

_YEARS = range(1900, 9000)
_TICK = timedelta(microseconds=1)
_NO_PLACES = {"Factory", "localtime"}  # the second is another zone on every machine


class NotAPeriod(ValueError):
    """A text, a number or an instant does not tell a period; says what would."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint


class Kind(StrEnum):
    """How long a period is."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        """How many months it has."""
        return {Kind.MONTH: 1, Kind.QUARTER: 3, Kind.YEAR: 12}[self]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where midnight is, and with which month (1 to 12) a year begins.

    Raises:
        NotAPeriod: There is no such month.
    """

    zone: tzinfo = UTC
    first_month: int = 1

    def __post_init__(self) -> None:
        if self.first_month not in range(1, 13):
            raise NotAPeriod(f"`{self.first_month}` is no month", "months are numbered from 1 to 12")


CIVIL = Calendar()


@dataclass(frozen=True, slots=True)
class Period:
    """A month, quarter or year.

    Attributes:
        name: `2026-11`, `2026-Q4` or `2026`; of fiscal years that do not begin in January `FY2026-04-Q3` or
            `FY2026-04`, by the month in which they begin, so that no two calendars call different times by one name.
        start: Its first instant, in UTC.
        end: The first instant of the next one, in UTC.
    """

    kind: Kind
    name: str
    start: datetime
    end: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= _utc(instant) < self.end


def zone(name: str) -> tzinfo:
    """Find a time zone by its IANA name.

    Raises:
        NotAPeriod: There is none of this name here.
    """
    if name == "UTC":
        return UTC
    known = _zones()
    if not known:
        raise NotAPeriod("no time zones are installed here", "pip install tzdata")
    if name not in known:
        cities = {place.rpartition("/")[2].casefold(): place for place in known if "/" in place}
        near = nearest(cities.get(name.casefold(), name), known)
        hint = near if near.startswith("did you mean") else "it is written like `Europe/Berlin`"
        raise NotAPeriod(f"`{name}` is no time zone", hint)
    return ZoneInfo(name)


def period_of(kind: Kind, instant: datetime, calendar: Calendar = CIVIL) -> Period:
    """Tell the period in which an instant lies.

    Raises:
        NotAPeriod: The instant is without a time zone, or too far away.
    """
    return _period(kind, _index(kind, instant, calendar), calendar)


def named(name: str, calendar: Calendar = CIVIL) -> Period:
    """Tell the period of a calendar that has a name.

    Raises:
        NotAPeriod: The calendar has none of this name.
    """
    found = re.fullmatch(r"(?:FY)?(\d{4})(?:-(\d\d))?(?:-Q([1-4]))?", name, re.ASCII)
    first = calendar.first_month
    examples = [_name(kind, _floor(kind, 2026 * 12 + 10, calendar), calendar) for kind in Kind]
    if found and int(found[1]) in _YEARS:
        for kind in Kind:
            month = int(found[2] or 1) if kind is Kind.MONTH else first + 3 * (int(found[3] or 1) - 1)
            index = int(found[1]) * 12 + month - 1
            if month > 0 and _name(kind, index, calendar) == name:
                return _period(kind, index, calendar)
    problem = f"`{name}` is no period"
    if (month := _begins(name)) not in {0, first}:
        problem = f"`{name}` is of years that begin in month {month}; this calendar's begin in month {first}"
    raise NotAPeriod(problem, f"they are written like {', '.join(f'`{one}`' for one in examples)}")


def _begins(name: str) -> int:
    """Tell with which month the years begin that a quarter or year is named after; 0 where it is no such name."""
    found = re.fullmatch(r"(?:(\d{4})|FY(\d{4})-(0[2-9]|1[0-2]))(?:-Q[1-4])?", name, re.ASCII)
    return int(found[3] or 1) if found and int(found[1] or found[2]) in _YEARS else 0


def share(period: Period, since: datetime) -> Fraction:
    """Tell which part of a period is left at an instant: 1 before it begins, 0 after it has ended."""
    left = period.end - min(max(_utc(since), period.start), period.end)
    return Fraction(left // _TICK, (period.end - period.start) // _TICK)


def years(since: datetime, until: datetime, calendar: Calendar = CIVIL) -> Fraction:
    """Tell how many years lie between two instants, each year counted as 1 whatever its length; below 0 backwards.

    What is forecast for a year is parted by it so that the parts of its months or quarters add up to the whole.

    Raises:
        NotAPeriod: An instant is without a time zone, or too far away.
    """
    return _years_passed(until, calendar) - _years_passed(since, calendar)


def _years_passed(instant: datetime, calendar: Calendar) -> Fraction:
    index = _index(Kind.YEAR, instant, calendar)
    return Fraction(index // 12) + 1 - share(_period(Kind.YEAR, index, calendar), instant)


def _index(kind: Kind, instant: datetime, calendar: Calendar) -> int:
    """Count the months from the year 0 to the first of the period.

    What a zone's clocks show does not decide: they may jump over midnight, or show it twice.
    """
    local = _utc(instant).astimezone(calendar.zone)
    index = _floor(kind, local.year * 12 + local.month - 1, calendar)
    if _utc(instant) < _start(index, calendar):
        return index - kind.months
    return index + kind.months if _utc(instant) >= _start(index + kind.months, calendar) else index


def _floor(kind: Kind, index: int, calendar: Calendar) -> int:
    return index - (index - calendar.first_month + 1) % kind.months


def _period(kind: Kind, index: int, calendar: Calendar) -> Period:
    start, end = _start(index, calendar), _start(index + kind.months, calendar)
    return Period(kind, _name(kind, index, calendar), start, end)


def _start(index: int, calendar: Calendar) -> datetime:
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=calendar.zone).astimezone(UTC)


def _name(kind: Kind, index: int, calendar: Calendar) -> str:
    if kind is Kind.MONTH:
        return f"{index // 12:04}-{index % 12 + 1:02}"
    first = _floor(Kind.YEAR, index, calendar)
    year = f"{first // 12:04}" if calendar.first_month == 1 else f"FY{first // 12:04}-{calendar.first_month:02}"
    return year if kind is Kind.YEAR else f"{year}-Q{(index - first) // 3 + 1}"


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise NotAPeriod(f"`{instant.isoformat(' ')}` has no time zone", "write it like `2026-11-21T10:00:00Z`")
    if instant.year not in _YEARS:
        raise NotAPeriod(f"the year {instant.year} is too far away")
    return instant.astimezone(UTC)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES
