"""What stands in a cell of a spreadsheet: numbers as numbers, days as days, and text that is never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from greengate.esg.document import Column
from greengate.report.escaping import visible
from greengate.report.quarterly.rounding import held, number

DIGITS = 15
"""Significant digits that every spreadsheet keeps of a number; what has more is written out beside it."""

MOST = 32_000
"""A little less than the characters that a cell can hold."""

EXACT = "exact"
"""Kind of a column that has the numbers of another one which are too long for it."""

_PLACES = 6
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|\+00:00)")

Cell = str | float | datetime | None


@dataclass(frozen=True, slots=True)
class Shape:
    """How a column is written: its head, its number format, and whether exact figures stand beside it."""

    head: str
    format: str = ""
    exact: bool = False


def shape(column: Column, texts: Sequence[str | None]) -> Shape:
    """Find how a column is written from all that is in it."""
    head = visible(f"{column.label} ({column.unit})" if column.unit not in ("", "1") else column.label)[:MOST]
    if column.kind == "date":
        return Shape(head, "yyyy-mm-dd hh:mm" if any("T" in (text or "") for text in texts) else "yyyy-mm-dd")
    if column.kind not in ("number", "share"):
        return Shape(head)
    numbers = [value for value in (number(text or "") for text in texts) if value is not None]
    form = "0.0%" if column.kind == "share" else number_format(numbers)
    return Shape(head, form, any(beyond(value) for value in numbers))


def number_format(numbers: Iterable[Decimal]) -> str:
    """Group the thousands and show as many places as the numbers have; nothing of the kind where they have many."""
    places = max(map(held, numbers), default=0)
    return "" if places > _PLACES else f"#,##0.{'0' * places}" if places else "#,##0"


def beyond(value: Decimal) -> bool:
    """Tell whether a number has more digits than a spreadsheet keeps."""
    return len(value.normalize().as_tuple().digits) > DIGITS


def cell(text: str | None, kind: str = "text") -> Cell:
    """Read what a cell holds by its column's kind; what is not of it is text."""
    if text is None:
        return None
    value = number(text)
    if kind == EXACT:
        return text if value is not None and beyond(value) else None
    if kind in ("number", "share") and value is not None:
        return float(value)
    if kind == "date" and (moment := _moment(text)):
        return moment
    return plain(text)


def plain(text: str) -> str:
    """Fit a text into a cell: every line with nothing unseen in it, and cut with a remark where it is too long."""
    told = "\n".join(visible(line) for line in text.split("\n"))
    left = len(told) - MOST
    return told if left <= 0 else f"{told[:MOST]}… ({left:,} more characters, which JSON has)"


def width(texts: Iterable[Any]) -> int:
    """Find a width for a column, in characters."""
    return min(60, max((len(str(text)) for text in texts if text is not None), default=0) + 2)


def _moment(text: str) -> datetime | None:
    """Read a day or an instant in UTC from 1900 on, which spreadsheets count from."""
    if not (_DAY.fullmatch(text) or _INSTANT.fullmatch(text)) or text < "1900-03":
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
