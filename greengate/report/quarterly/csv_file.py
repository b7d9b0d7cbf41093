"""The quarterly report as one long CSV (RFC 4180, UTF-8): a row for each figure, statement, point and cell."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from greengate.esg.document import Chart, Datum, Quarterly, Section, Table

NAME = "csv"

COLUMNS = (
    "kind", "section", "id", "row", "column", "label", "value", "low", "high", "confidence", "unit", "basis", "missing",
    "note", "entries", "of", "digest", "references",
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OBEYED = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - programs take wide ones for them

Row = dict[str, object]


def render(report: Quarterly) -> bytes:
    """Write every figure, statement and cell, in the report's order; numbers are exact decimal strings.

    A text that a spreadsheet would obey begins with an apostrophe; a control character is written as its escape.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(report):
        writer.writerow({name: harmless(value) for name, value in row.items()})
    return text.getvalue().encode()


def harmless(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula; a number keeps its sign."""
    text = _UNSEEN.sub(lambda sign: f"\\x{ord(sign[0]):02x}", "" if value is None else str(value))
    if not text.lstrip().startswith(_OBEYED) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def _rows(report: Quarterly) -> Iterator[Row]:
    yield from _about(report)
    for section in report.sections:
        yield {"kind": "section", "section": section.id, "label": section.title, "missing": section.omitted}
        yield from _statements(section)
        yield from (_figure(section.id, one) for one in section.data)
        for table in section.tables:
            yield from _cells(section.id, table)
        for chart in section.charts:
            yield from _points(section.id, chart)


def _about(report: Quarterly) -> Iterator[Row]:
    told = {"company": report.company.name, **report.model_dump(mode="json", exclude={"company", "sections"})}
    evidence: dict[str, object] = told.pop("evidence")
    headline: Iterable[str] = told.pop("headline")
    for name, value in (*told.items(), *((f"evidence.{name}", value) for name, value in evidence.items())):
        yield {"kind": "report", "id": name, "value": value}
    yield from (
        {"kind": "words", "row": number, "value": words} for number, words in enumerate(report.company.words, 1)
    )
    yield from ({"kind": "headline", "row": number, "id": name} for number, name in enumerate(headline, 1))


def _statements(section: Section) -> Iterator[Row]:
    for number, words in enumerate(section.statements, 1):
        yield {"kind": "statement", "section": section.id, "row": number, "value": words}


def _figure(section: str, one: Datum) -> Row:
    told = one.model_dump(mode="json", exclude={"entries", "references"})
    references = "; ".join(f"{to.standard} {to.paragraph}" for to in one.references)
    return {"kind": "figure", "section": section, **told, "entries": " ".join(one.entries), "references": references}


def _cells(section: str, table: Table) -> Iterator[Row]:
    """Go through a table by its cells: a cell that is missing has no value."""
    where = {"section": section, "id": table.id}
    yield {"kind": "table", **where, "label": table.title, "note": table.note, "of": len(table.rows) + table.cut}
    lines = [("cell", number, row) for number, row in enumerate(table.rows, 1)]
    for kind, number, row in [*lines, *([("total", "", table.total)] if table.total else [])]:
        for column, value in zip(table.columns, row, strict=True):
            told = {"label": column.label, "value": value, "unit": column.unit}
            yield {"kind": kind, **where, "row": number, "column": column.id, **told}


def _points(section: str, chart: Chart) -> Iterator[Row]:
    """Go through a chart by its points: `column` is the series, `label` what stands on the first axis."""
    where = {"section": section, "id": chart.id}
    yield {"kind": "chart", **where, "label": chart.title, "missing": chart.missing, "note": chart.words}
    for series in chart.series:
        for number, point in enumerate(series.points, 1):
            ends = {"value": point.y, "low": point.low, "high": point.high, "note": point.label}
            axes = {"label": point.x, "unit": chart.y, "basis": series.stands}
            yield {"kind": "point", **where, "row": number, "column": series.name, **axes, **ends}
