"""Sheets of a workbook, by XlsxWriter: rows under heads that stay in sight, with filters, and nothing is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from greengate.errors import ReportError
from greengate.esg.document import Column
from greengate.report.quarterly.sheet_cells import EXACT, Cell, Shape, cell, plain, shape, width

MOST_ROWS = 1_048_000
"""A little less than the rows that a sheet can have."""

_REFUSED = re.compile(r"[\[\]:*?/\\'\x00-\x1f]")
_NAME = 31
_HEAD = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#EEF2EF"}


class Sheets:
    """Writes sheets of rows under heads that stay in sight, with filters."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._names: set[str] = set()
        self._formats: dict[tuple[str, bool], Any] = {}
        self._head = book.add_format(_HEAD)

    def words(self, name: str, rows: Iterable[tuple[str, str]]) -> None:
        """Write a sheet of two columns of text, the second one wrapped."""
        sheet = self._book.add_worksheet(self._named(name))
        bold = self._book.add_format({"bold": True, "valign": "top"})
        wrapped = self._book.add_format({"text_wrap": True})
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, 1, 100)
        for number, (left, right) in enumerate(rows):
            sheet.write_string(number, 0, plain(left), bold)
            sheet.write_string(number, 1, plain(right), wrapped)

    def table(
        self,
        name: str,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str | None]],
        total: Sequence[str | None] = (),
    ) -> None:
        """Write a sheet of a table.

        Raises:
            ReportError: It has too many rows.
        """
        if len(rows) > MOST_ROWS:
            raise ReportError("xlsx", f"`{name}` has {len(rows):,} rows, more than a sheet can have", "ask for `csv`")
        sheet = self._book.add_worksheet(self._named(name))
        whole = [*rows, total] if total else [*rows]
        at = 0
        for number, column in enumerate(columns):
            texts = [row[number] for row in whole]
            for how, kind in _shapes(column, texts):
                self._column(sheet, at, how, [cell(text, kind) for text in texts], len(rows))
                at += 1
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(rows)), at - 1)

    def _column(self, sheet: Any, at: int, how: Shape, cells: Sequence[Cell], rows: int) -> None:
        """Write a column; what stands behind its rows is the total."""
        sheet.write_string(0, at, how.head, self._head)
        sheet.set_column(at, at, width([how.head[:30], *cells]))
        for number, value in enumerate(cells, 1):
            self._write(sheet, number, at, value, self._format(how.format, bold=number > rows))

    def _write(self, sheet: Any, row: int, at: int, value: Cell, how: Any) -> None:
        if isinstance(value, str):
            sheet.write_string(row, at, value, how)
        elif isinstance(value, datetime):
            sheet.write_datetime(row, at, value, how)
        elif value is not None:
            sheet.write_number(row, at, value, how)

    def _format(self, form: str, *, bold: bool) -> Any:
        if (form, bold) not in self._formats:
            told: dict[str, object] = {"valign": "top", "num_format": form or "General"}
            self._formats[form, bold] = self._book.add_format({**told, "bold": True, "top": 1} if bold else told)
        return self._formats[form, bold]

    def _named(self, name: str) -> str:
        """Fit a name for a sheet, which none has yet; programs do not tell small letters from capital ones."""
        short = _REFUSED.sub(" ", plain(name)).strip()[:_NAME].rstrip() or "sheet"
        found, number = short, 2
        while found.lower() in self._names or found.lower() == "history":
            ending = f" {number}"
            found, number = f"{short[: _NAME - len(ending)]}{ending}", number + 1
        self._names.add(found.lower())
        return found


def _shapes(column: Column, texts: Sequence[str | None]) -> Iterable[tuple[Shape, str]]:
    """Write a column once, and as text a second time where its numbers have too many digits."""
    how = shape(column, texts)
    yield how, column.kind
    if how.exact:
        yield Shape(f"{how.head}, exact"), EXACT
