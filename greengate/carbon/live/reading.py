"""What may stand in an answer: rows, times with a time zone, numbers that are numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_YEARS = (2000, 2100)
_MOST_DIGITS = 30


class Odd(Exception):
    """An answer is built otherwise than its source documents.

    Args:
        words: How, continuing the source's name, with `{}` for each value.
        values: What the answer holds there.
    """

    def __init__(self, words: str, *values: object) -> None:
        self._words = words
        self._values = values
        super().__init__(words)

    def told(self, masked: Callable[[str], str] = str) -> str:
        """Say it; values are masked before they are cut short, so that no key is shown by half."""
        return self._words.format(*(_shown(value, masked) for value in self._values))


def entry(told: object, key: str) -> Any:
    """Return what stands under a key, `null` as None.

    Raises:
        Odd: There is no such key.
    """
    if not isinstance(told, dict) or key not in told:
        raise Odd(f"its answer has no `{key}`")
    return told[key]


def rows(told: object, what: str) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises:
        Odd: It is none.
    """
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise Odd(f"its `{what}` is no list of points")
    return told


def moment(value: object, what: str) -> datetime:
    """Return a time in UTC.

    Raises:
        Odd: It is no time, or has no time zone.
    """
    try:
        found = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Odd(f"its `{what}` is no time: {{}}", value) from None
    if found.utcoffset() is None:
        raise Odd(f"its `{what}` has no time zone: {{}}", value)
    if not _YEARS[0] <= found.year < _YEARS[1]:
        raise Odd(f"its `{what}` is of another century: {{}}", value)
    return found.astimezone(UTC)


def updated(value: object, what: str) -> datetime | None:
    """Return when an answer was worked out; None where that is not said."""
    return None if value is None else moment(value, what)


def number(value: object, what: str) -> Decimal | None:
    """Return a number as it was written; None where there is none (`null`). NaN is one, and not believed later on.

    Raises:
        Odd: It is something else, such as a text.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Odd(f"its `{what}` is no number: {{}}", value)
    found = Decimal(value)
    if found.is_finite() and found.adjusted() > _MOST_DIGITS:
        raise Odd(f"its `{what}` is beyond all measure: {{}}", value)
    return found


def same(value: object, wanted: str, what: str) -> None:
    """Check that an answer is about what was asked.

    Raises:
        Odd: It is about something else.
    """
    if value != wanted:
        raise Odd(f"it was asked of `{wanted}`, and its `{what}` is {{}}", value)


def yes_or_no(value: object, what: str) -> bool | None:
    """Return a truth value; None where it is not said.

    Raises:
        Odd: It is something else.
    """
    if value is None or isinstance(value, bool):
        return value
    raise Odd(f"its `{what}` is neither true nor false: {{}}", value)


def _shown(value: object, masked: Callable[[str], str]) -> str:
    text = masked(f'"{value}"' if isinstance(value, str) else str(value))
    printable = "".join(sign if sign.isprintable() else "?" for sign in text[:60])
    return f"`{printable}{'...' if len(text) > 60 else ''}`"
