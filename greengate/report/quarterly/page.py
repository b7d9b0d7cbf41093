"""What a page of the quarterly report shows, as plain values: all that a template can name."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from greengate.report.quarterly.colours import Accent


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in words: `value` with its unit, `exact` where that says more, or why it is `missing`."""

    id: str
    label: str
    value: str
    exact: str
    interval: str
    confidence: str
    basis: str
    missing: str
    note: str
    entries: tuple[str, ...]
    of: str
    digest: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell in words: `exact` where that says more; `kind` is its column's."""

    text: str
    exact: str
    kind: str
    missing: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table of which `cut` rows are left out; `heads` are words and kind, `same` what columns say in every row."""

    id: str
    title: str
    note: str
    same: tuple[tuple[str, str], ...]
    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...]
    cut: str
    of: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart: drawn as SVG for a screen or as the data URL of a PNG for paper, or why there is none."""

    id: str
    title: str
    words: str
    missing: str
    svg: Markup
    png: Markup
    x: str
    y: str
    rows: tuple[tuple[str, str, str, str], ...]
    left: str


@dataclass(frozen=True, slots=True)
class Part:
    """A section."""

    id: str
    title: str
    omitted: str
    statements: tuple[str, ...]
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """How a page looks: the accent, the logo as a data URL, the fonts as styles."""

    accent: Accent
    logo: Markup
    fonts: Markup


@dataclass(frozen=True, slots=True)
class Page:
    """All that a template can name."""

    paper: bool
    title: str
    company: str
    words: tuple[str, ...]
    language: str
    period: str
    span: str
    status: str
    status_words: str
    view: str
    view_words: str
    version: str
    made_at: str
    made: str
    greengate: str
    rounding: str
    headline: tuple[Figure, ...]
    sections: tuple[Part, ...]
    evidence: tuple[tuple[str, str], ...]
    look: Look
