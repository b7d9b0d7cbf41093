"""From a quarterly report to a page: every figure written in the locale, every chart drawn, long tables cut."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from greengate.esg import document
from greengate.report.quarterly import about, charts, colours, dates, drawn, fonts, logo, tables
from greengate.report.quarterly.page import Drawing, Figure, Look, Page, Part
from greengate.report.quarterly.rounding import number
from greengate.report.quarterly.wording import Wording, locale_of, unit_words

ON_SCREEN: Final = 1_000
"""Rows of a table on a screen: more make a page slow, and nobody reads them there."""

ON_PAPER: Final = 40
"""Rows of a table on paper: WeasyPrint takes 11 ms and 200 kB for one, and a page holds about as many."""


def lay_out(report: document.Quarterly, *, paper: bool) -> Page:
    """Lay a report out for a screen or for paper.

    Raises:
        UsageError: Its locale, its accent or its logo is none.
        ReportError: A chart cannot be drawn.
    """
    company, writer = report.company, _Writer(Wording(locale_of(report.company.locale)), paper)
    return Page(
        paper=paper,
        title=about.TITLE,
        company=company.name,
        words=company.words,
        language=str(writer.wording.locale).replace("_", "-"),
        period=report.period,
        span=dates.span(report.start, report.end, writer.wording.locale),
        status=report.status,
        status_words=about.STATUS[report.status],
        view=report.view,
        view_words=about.VIEW[report.view],
        version=str(report.version),
        made_at=dates.written(report.made_at, writer.wording.locale),
        made=report.made_at,
        greengate=report.greengate,
        rounding=about.ROUNDING,
        headline=tuple(writer.figure(one) for one in _headline(report)),
        sections=tuple(writer.part(place, section) for place, section in enumerate(report.sections, 1)),
        evidence=tuple(about.evidence(report.evidence)),
        look=Look(colours.accent(company.accent), logo.data_url(company), Markup(fonts.styles())),  # noqa: S704 - our own
    )


def _headline(report: document.Quarterly) -> Iterator[document.Datum]:
    """Go through the figures that are shown first; of one whose section is left out, that it is."""
    for name in report.headline:
        try:
            yield report.datum(name)
        except KeyError:
            yield document.Datum(id=name, label=name, value=None, missing="the section that has it is left out")


@dataclass(frozen=True, slots=True)
class _Writer:
    wording: Wording
    paper: bool

    def part(self, place: int, section: document.Section) -> Part:
        most = ON_PAPER if self.paper else ON_SCREEN
        return Part(
            id=section.id,
            title=section.title,
            omitted=section.omitted,
            statements=section.statements,
            figures=tuple(map(self.figure, section.data)),
            tables=tuple(tables.lay_out(one, self.wording, most) for one in section.tables),
            drawings=tuple(
                self.drawing(chart, f"chart-{place}-{number}") for number, chart in enumerate(section.charts, 1)
            ),
        )

    def figure(self, one: document.Datum) -> Figure:
        value, unit = one.value or "", one.unit
        whole = None not in (one.value, one.low, one.high)
        told = self.wording.figure(value, unit, one.low, one.high) if unit else tables.said(value, self.wording)
        return Figure(
            id=one.id,
            label=one.label,
            value=told if one.value is not None else "",
            exact=f"{value} {unit_words(unit)}".rstrip() if number(value) is not None else "",
            interval=self.wording.interval(value, unit, one.low or "", one.high or "") if whole else "",
            confidence=self.wording.confidence(one.confidence) if whole and one.confidence is not None else "",
            basis=one.basis,
            missing="" if one.value is not None else one.missing or "no reason is given",
            note=one.note,
            entries=one.entries,
            of=self.wording.count(one.of) if one.of else "",
            digest=one.digest,
            references=tuple(f"{to.standard} {to.paragraph}" for to in one.references),
        )

    def drawing(self, chart: document.Chart, name: str) -> Drawing:
        there = charts.drawable(chart)
        points = [(series, point) for series in chart.series for point in series.points]
        bars = len({point.x for _, point in points}) if chart.kind == "ranking" else 0
        return Drawing(
            id=chart.id,
            title=chart.title,
            words=chart.words,
            missing="" if there else chart.missing or "there is nothing to draw",
            svg=drawn.svg(chart, self.wording, name) if there and not self.paper else Markup(),
            png=_png(drawn.png(chart, self.wording)) if there and self.paper else Markup(),
            x=chart.x,
            y=unit_words(chart.y),
            rows=tuple(self._point(series.name, point, by_amount=chart.kind == "pareto") for series, point in points),
            left=self.wording.count(bars - charts.MOST_BARS) if bars > charts.MOST_BARS else "",
        )

    def _point(self, series: str, point: document.Point, *, by_amount: bool) -> tuple[str, str, str, str]:
        told = self.wording.figure(point.y, "", point.low, point.high)
        whole = point.low is not None and point.high is not None
        interval = self.wording.interval(point.y, "", point.low or "", point.high or "") if whole else ""
        at = self.wording.amounts([point.x])[0] if by_amount else dates.written(point.x, self.wording.locale)
        return series, f"{point.label} ({at})" if point.label else at, told, interval


def _png(data: bytes) -> Markup:
    return Markup(f"data:image/png;base64,{base64.b64encode(data).decode()}")  # noqa: S704 - digits and letters
