"""A quarterly report as plain values: sections of data, tables, series and words, for every format to render.

Everything that is told is here, and formats only lay it out: a figure that is not here is in no report. A number is a
decimal string in its unit, exact; how it is grouped and cut is the locale's and the format's business.
"""

from __future__ import annotations

from typing import Literal

from greengate.values import Real, Value


class Reference(Value):
    """A paragraph of a standard that asks for a figure: `ESRS E1 (2023)`, `E1-6 §48`."""

    standard: str
    paragraph: str


class Datum(Value):
    """One figure of the report.

    Attributes:
        id: Stable, as in `emissions.scope_2_location`.
        value: A decimal string in `unit`; None where it is missing, and then `missing` says why.
        unit: `kWh`, `tCO2e`, `gCO2e/1k`, `1`, `%`, `EUR`, …; "" of words.
        basis: What it is a figure of: "location-based, lifecycle", "declared traffic".
        low, high: Ends of its interval, with `confidence`; None of what is exact or has none.
        entries: Entries that it was made of: the first ones; `of` is how many there are.
        digest: SHA-256 over the ids of all of them, in the ledger's order, a line each.
        references: Paragraphs that ask for it.
    """

    id: str
    label: str
    value: str | None
    unit: str = ""
    basis: str = ""
    low: str | None = None
    high: str | None = None
    confidence: Real | None = None
    missing: str = ""
    note: str = ""
    entries: tuple[str, ...] = ()
    of: int = 0
    digest: str = ""
    references: tuple[Reference, ...] = ()


class Column(Value):
    """A column of a table; `kind` says how its cells are read. A cell is None where it is missing.

    Numbers are decimal strings in `unit`, shares are parts of 1 (`0.25` is a quarter), dates are ISO 8601, and an entry
    is its whole id.
    """

    id: str
    label: str
    kind: Literal["text", "number", "share", "date", "entry"] = "text"
    unit: str = ""


class Table(Value):
    """Rows of cells, decimal strings where the column is of numbers; `total` adds up the columns that can be."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | None, ...], ...]
    total: tuple[str | None, ...] = ()
    note: str = ""
    cut: int = 0
    """How many rows are left out here, which the CSV and XLSX formats have all the same."""


class Point(Value):
    """A point of a series: where it stands, its figure, and the ends of its interval."""

    x: str
    y: str
    low: str | None = None
    high: str | None = None
    label: str = ""


class Series(Value):
    """Points of one name; `stands` are "reported", "provisional", "maximum" or "pareto"."""

    name: str
    points: tuple[Point, ...]
    stands: str = ""


class Chart(Value):
    """What a chart shows, in words for who does not see it, and the data that it is drawn of."""

    id: str
    title: str
    kind: Literal["trend", "burn-down", "pareto", "ranking", "outcomes"]
    x: str
    y: str
    series: tuple[Series, ...]
    words: str
    missing: str = ""


class Section(Value):
    """A section A to N; `omitted` says why it is left out, and then it has nothing else."""

    id: str
    title: str
    statements: tuple[str, ...] = ()
    data: tuple[Datum, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    omitted: str = ""


class Company(Value):
    """How a report looks: whose it is, its words, its logo, its accent colour, its locale.

    Attributes:
        logo: A PNG or SVG, in base64; "" for none.
        logo_type: `image/png` or `image/svg+xml`.
        accent: `#rrggbb`.
        locale: How numbers, dates and money are written: `de`, `pt_BR`.
    """

    name: str
    words: tuple[str, ...] = ()
    logo: str = ""
    logo_type: str = ""
    accent: str = "#1a7f4b"
    locale: str = "en"


class Evidence(Value):
    """What the report rests on: the first `size` entries of a ledger, and what reproduces it."""

    origin: str
    size: int
    root: str
    checkpoint: str = ""
    first: str = ""
    last: str = ""
    command: str


class Quarterly(Value):
    """A report on a period.

    Attributes:
        period: Its name, as in `2026-Q3`.
        start, end: Its first instant and the first of the next period, UTC.
        view: "current" (all that the ledger says), "as-reported" (by what it said when the period was closed) or
            "as-restated".
        status: "preliminary" (the period is not over), "provisional" (factors of its year are not out), "closed",
            "restated".
        version: Counts the reports on this period that were delivered before, from 1.
        made_at: The instant up to which it looks, never the clock's: the same report again is the same bytes.
        headline: Total figures that are shown first, ids of data.
    """

    form: Literal["greengate/quarterly/v1"] = "greengate/quarterly/v1"
    company: Company
    period: str
    start: str
    end: str
    view: Literal["current", "as-reported", "as-restated"]
    status: Literal["preliminary", "provisional", "closed", "restated"]
    version: int
    made_at: str
    greengate: str
    headline: tuple[str, ...] = ()
    sections: tuple[Section, ...]
    evidence: Evidence

    def value(self, name: str) -> str | None:
        """Tell the value of a figure; None where it is missing, or its section is left out."""
        return next((one.value for part in self.sections for one in part.data if one.id == name), None)

    def datum(self, name: str) -> Datum:
        """Find a figure by its id.

        Raises:
            KeyError: The report has none of this name.
        """
        return next((one for part in self.sections for one in part.data if one.id == name), None) or _none(name)


def _none(name: str) -> Datum:
    raise KeyError(name)
