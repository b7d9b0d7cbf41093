"""The quarterly report as a workbook: what it is and rests on, every figure and statement, a sheet for each table."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import datetime

from greengate.esg.document import Column, Datum, Quarterly, Section
from greengate.report.quarterly import extras
from greengate.report.quarterly.about import about
from greengate.report.quarterly.sheet_cells import cell, plain
from greengate.report.quarterly.sheets import Sheets

NAME = "xlsx"

_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - never the clock's, so that the same report is the same bytes
_NUMBERS = ("value", "low", "high", "confidence", "entries", "y")
_FIGURES = (
    "section", "section title", "figure", "value", "low", "high", "confidence", "unit", "basis", "missing", "note",
    "references", "entries", "first entries", "digest", "id",
)  # fmt: skip
_POINTS = ("section", "chart", "series", "stands", "x", "y", "low", "high", "unit", "label")


def refuse_unable(path: str) -> None:
    """Make sure that a workbook can be written.

    Raises:
        MissingExtra: XlsxWriter is not installed.
    """
    del path
    extras.refuse_missing(NAME, ("xlsxwriter",))


def render(report: Quarterly) -> bytes:
    """Write the workbook; no text in it is a formula or a link.

    Raises:
        ReportError: A table has more rows than a sheet.
    """
    refuse_unable("")
    from xlsxwriter import Workbook  # noqa: PLC0415 - an extra

    whole = io.BytesIO()
    refused = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = Workbook(whole, {"in_memory": True, **refused})
    title = plain(f"{report.company.name}: energy and emissions of machine learning, {report.period}")[:200]
    made = cell(report.made_at, "date")
    created = made if isinstance(made, datetime) else _MADE
    book.set_properties({"title": title, "created": created, "comments": f"greengate {report.greengate}"})
    _fill(Sheets(book), report)
    book.close()
    return whole.getvalue()


def _fill(sheets: Sheets, report: Quarterly) -> None:
    sheets.words("About", about(report))
    sheets.table("Figures", _columns(_FIGURES), [_figure(part, one) for part in report.sections for one in part.data])
    said = [(f"{part.id} {part.title}", words) for part in report.sections for words in _said(part)]
    sheets.words("Statements", said)
    for part in report.sections:
        for table in part.tables:
            sheets.table(f"{part.id} {table.title}", table.columns, table.rows, table.total)
    sheets.table("Charts", _columns(_POINTS), [row for part in report.sections for row in _points(part)])


def _points(part: Section) -> Iterator[tuple[str | None, ...]]:
    for chart in part.charts:
        for series in chart.series:
            where = (part.id, chart.title, series.name, series.stands)
            yield from ((*where, one.x, one.y, one.low, one.high, chart.y, one.label) for one in series.points)


def _said(part: Section) -> list[str]:
    omitted = [f"This section is left out: {part.omitted}"] if part.omitted else []
    notes = [f"{table.title}: {table.note}" for table in part.tables if table.note]
    return [*omitted, *part.statements, *notes, *(chart.words for chart in part.charts)]


def _columns(named: Iterable[str]) -> list[Column]:
    return [Column(id=name, label=name, kind="number" if name in _NUMBERS else "text") for name in named]


def _figure(part: Section, one: Datum) -> tuple[str | None, ...]:
    references = "; ".join(f"{to.standard} {to.paragraph}" for to in one.references)
    sure = None if one.confidence is None else repr(one.confidence)
    return (
        part.id, part.title, one.label, one.value, one.low, one.high, sure, one.unit, one.basis, one.missing, one.note,
        references, str(one.of), " ".join(one.entries), one.digest, one.id,
    )  # fmt: skip
