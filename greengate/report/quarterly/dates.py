"""Days and instants as they are written in a locale, by Babel; all are UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel import Locale

_MONTH, _DAY = re.compile(r"\d{4}-\d{2}"), re.compile(r"\d{4}-\d{2}-\d{2}")
_MIDNIGHT = re.compile(r"\d{4}-\d{2}-\d{2}T00:00:00(?:\.0+)?(?:Z|\+00:00)")


def written(text: str, locale: Locale) -> str:
    """Write an ISO 8601 month, day or instant; what is none of them as it is."""
    from babel.dates import format_date, format_datetime, format_skeleton  # noqa: PLC0415 - an extra

    try:
        if _MONTH.fullmatch(text):
            return format_skeleton("yMMM", date.fromisoformat(f"{text}-01"), locale=locale)
        if _DAY.fullmatch(text):
            return format_date(date.fromisoformat(text), "medium", locale=locale)
        if "T" in text:
            return f"{format_datetime(_instant(text), 'medium', locale=locale)} UTC"
    except ValueError:
        return text
    return text


def span(start: str, end: str, locale: Locale) -> str:
    """Write a period from its first instant and the first of the next one: by days, where it has whole ones."""
    from babel.dates import format_date  # noqa: PLC0415 - an extra

    if not (_MIDNIGHT.fullmatch(start) and _MIDNIGHT.fullmatch(end)):
        return f"{written(start, locale)} to {written(end, locale)}"
    last = (_instant(end) - timedelta(days=1)).date().isoformat()
    first, last = (format_date(date.fromisoformat(day), "long", locale=locale) for day in (start[:10], last))
    return f"{first} to {last} (UTC)"


def for_charts(locale: Locale) -> dict[str, Any]:
    """Return how times are written, in the form that D3 takes."""
    days, months = locale.days["format"], locale.months["format"]
    return {
        "dateTime": "%Y-%m-%d %H:%M", "date": "%Y-%m-%d", "time": "%H:%M", "periods": ["AM", "PM"],
        "days": _from_sunday(days["wide"]), "shortDays": _from_sunday(days["abbreviated"]),
        "months": [*months["wide"].values()], "shortMonths": [*months["abbreviated"].values()],
    }  # fmt: skip


def _from_sunday(named: Mapping[int, str]) -> list[str]:
    """List the days as D3 counts them; Babel's first is Monday."""
    return [named[day] for day in (6, 0, 1, 2, 3, 4, 5)]


def instant(text: str) -> datetime | None:
    """Read an ISO 8601 day or instant; None where it is none."""
    try:
        return _instant(text) if _DAY.match(text) else None
    except ValueError:
        return None


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
