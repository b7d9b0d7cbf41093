"""Charts of the quarterly report as Vega-Lite specifications, by Altair; their data stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from greengate.esg.document import Chart, Point, Series
from greengate.report.escaping import plain
from greengate.report.picture import distinct
from greengate.report.quarterly import chart_style, dates
from greengate.report.quarterly.rounding import number
from greengate.report.quarterly.wording import Wording, unit_words

MOST_BARS = 15

_WIDTH, _HEIGHT = 640, 270
_NAME, _LABEL = 40, 30
_POWERS, _ROOM = 50, 0.08
_ACROSS, _DOWN = 0.22, 0.07  # of the drawing, what a name takes

Rows = list[dict[str, Any]]


def drawable(chart: Chart) -> bool:
    """Tell whether a chart has anything to draw."""
    return not chart.missing and any(number(point.y) is not None for one in chart.series for point in one.points)


def specification(chart: Chart, wording: Wording) -> dict[str, Any]:
    """Return the specification of a chart that has something to draw."""
    import altair as alt  # noqa: PLC0415 - heavy, and an extra

    shown = [one for one in chart.series if any(number(point.y) is not None for point in one.points)]
    draw = _KINDS[chart.kind]
    asked = {"pareto": number, "burn-down": dates.instant}.get(chart.kind)
    if asked and not all(asked(point.x) is not None for one in shown for point in one.points):
        draw = _trend  # what stands on the axis are words
    made: dict[str, Any] = draw(alt, chart, shown, wording).to_dict()
    return {"width": _WIDTH, **made, "config": chart_style.config()}


def _trend(alt: Any, chart: Chart, series: Sequence[Series], wording: Wording) -> Any:
    """Draw lines over steps that stand beside one another, such as months, with intervals as bars."""
    rows = _rows(series, wording, _steps(series, wording))
    return _lines(alt, chart, series, rows, _step_axis(alt, rows), "linear")


def _burn_down(alt: Any, chart: Chart, series: Sequence[Series], wording: Wording) -> Any:
    """Draw what is left over time, by steps; a maximum or an even pace as a straight line."""
    days = alt.Axis(format="%e %b", grid=False, tickCount=6, labelOverlap="parity", labelSeparation=14)
    x = alt.X("x:T", title=None, scale=alt.Scale(type="utc"), axis=days)
    return _lines(alt, chart, series, _rows(series, wording, {}), x, "step-after")


def _lines(alt: Any, chart: Chart, series: Sequence[Series], rows: Rows, x: Any, steps: str) -> Any:  # noqa: PLR0913
    y, look = _amounts(alt, chart), _look(alt, series, "stroke")
    straight = {one["series"] for one, of in zip(_named(series), series, strict=True) if of.stands == "maximum"}
    evenly = [row for row in rows if row["series"] in straight]
    others = [row for row in rows if row["series"] not in straight]
    layers = [
        alt.Chart({"values": values})
        .mark_line(interpolate=how, strokeWidth=2.5)
        .encode(x=x, y=y, color=look["color"], strokeDash=look["strokeDash"])
        for values, how in ((others, steps), (evenly, "linear"))
        if values
    ]
    points = alt.Chart({"values": others}).mark_point(filled=True, size=55, opacity=1)
    layers.append(points.encode(x=x, y=y, color=look["color"]))
    return alt.layer(*_intervals(alt, rows, x, look["color"]), *layers).properties(height=_HEIGHT)


def _pareto(alt: Any, chart: Chart, series: Sequence[Series], wording: Wording) -> Any:
    """Draw points of two figures; those on the front are joined, and named where there is room."""
    rows = [{**row, "x": float(row["given"])} for row in _rows(series, wording, {})]
    front = {one["series"] for one, of in zip(_named(series), series, strict=True) if of.stands == "pareto"}
    edge = sorted((row for row in rows if row["series"] in front), key=lambda row: row["x"])
    told = {"format": ",~r", "labelOverlap": "parity"}
    x = alt.X("x:Q", title=_axis(chart.x), scale=alt.Scale(**_span(rows, "x")), axis=alt.Axis(grid=False, **told))
    y = alt.Y("y:Q", title=_axis(chart.y), scale=alt.Scale(**_span(rows, "y")), axis=alt.Axis(tickCount=6, **told))
    look = _look(alt, series, "")
    points = alt.Chart({"values": rows}).mark_point(filled=True, size=80, opacity=1)
    layers = [points.encode(x=x, y=y, color=look["color"], shape=look["shape"])]
    if edge:
        line = alt.Chart({"values": edge}).mark_line(strokeWidth=1.5)
        names = alt.Chart({"values": roomy(edge)}).mark_text(align="left", dx=9, dy=12)
        layers = [line.encode(x=x, y=y, color=look["color"]), *layers, names.encode(x=x, y=y, text="label:N")]
    return alt.layer(*_intervals(alt, rows, x, look["color"]), *layers).properties(height=_HEIGHT + 40)


def _span(rows: Rows, name: str) -> dict[str, Any]:
    """Span an axis round the points: by powers of ten where they lie that far apart, and below nothing for none."""
    amounts = [row[name] for row in rows]
    low, high = min(amounts), max(amounts)
    if low > 0 and high / low >= _POWERS:
        return {"type": "log", "nice": False, "padding": 24}
    room = (high - low or abs(high) or 1) * _ROOM
    least = max(0.0, low - room) if low >= 0 else low - room
    return {"zero": False, "domain": [least, high + room], "nice": True}


def roomy(edge: Rows) -> Rows:
    """Choose the points whose names do not lie on one another's, in their order."""
    spans = [max(row[name] for row in edge) - min(row[name] for row in edge) or 1 for name in ("x", "y")]
    chosen: Rows = []
    for row in edge:
        near = ((abs(row[name] - one[name]) / span for name, span in zip("xy", spans, strict=True)) for one in chosen)
        if all(across > _ACROSS or down > _DOWN for across, down in near):
            chosen.append(row)
    return chosen


def _ranking(alt: Any, chart: Chart, series: Sequence[Series], wording: Wording) -> Any:
    """Draw lying bars in the order in which they are given, each with its figure behind it."""
    first = list(dict.fromkeys(point.x for one in series for point in one.points))[:MOST_BARS]
    rows = [row for row in _rows(series, wording, distinct(first, _NAME)) if row["given"] in first]
    bars = list(dict.fromkeys(row["x"] for row in rows))
    parts = {"yOffset": alt.YOffset("series:N", sort=[one["series"] for one in _named(series)])}
    y = {"y": alt.Y("x:N", sort=bars, title=None, axis=alt.Axis(ticks=False, domain=False))}
    y |= parts if len(series) > 1 else {}
    x, color = (
        alt.X("y:Q", title=_axis(chart.y), axis=alt.Axis(format=",~r", tickCount=6)),
        _look(alt, series, "")["color"],
    )
    layers = [
        alt.Chart({"values": rows}).mark_bar(height={"band": 0.62}).encode(x=x, color=color, **y),
        alt.Chart({"values": rows}).mark_text(align="left", dx=7).encode(x="end:Q", text="told:N", **y),
    ]
    if sure := [row for row in rows if "low" in row]:
        ends = alt.Chart({"values": sure}).mark_rule(color=chart_style.INK, strokeWidth=1.5)
        layers.append(ends.encode(x="low:Q", x2="high:Q", **y))
    height = max(80, 30 * len(bars) * max(1, 0.7 * len(series)))
    return alt.layer(*layers).properties(height=height, width=_WIDTH - 180)


def _outcomes(alt: Any, chart: Chart, series: Sequence[Series], wording: Wording) -> Any:
    """Draw standing bars, the parts of each on top of one another in the order of the series.

    Of one series whose steps are the outcomes themselves, each has its own colour.
    """
    rows = _rows(series, wording, _steps(series, wording))
    bars = alt.Chart({"values": rows}).mark_bar(width={"band": 0.55})
    part = {"order": alt.Order("at:Q"), "color": _look(alt, series, "")["color"]}
    steps = [row["x"] for row in rows]
    if len(series) == 1 and set(steps) <= set(chart_style.OUTCOMES):
        own = alt.Scale(domain=steps, range=[chart_style.OUTCOMES[step] for step in steps])
        part["color"] = alt.Color("x:N", scale=own, legend=None)
    return bars.encode(x=_step_axis(alt, rows), y=_amounts(alt, chart), **part).properties(height=_HEIGHT)


_KINDS: dict[str, Callable[[Any, Chart, Sequence[Series], Wording], Any]] = {
    "trend": _trend,
    "burn-down": _burn_down,
    "pareto": _pareto,
    "ranking": _ranking,
    "outcomes": _outcomes,
}


def _rows(series: Sequence[Series], wording: Wording, steps: dict[str, str]) -> Rows:
    """Lay the points out for Vega, without those that are no numbers."""
    return [
        {**named, "given": point.x, "x": steps.get(point.x, point.x), **_figures(point, wording)}
        for named, one in zip(_named(series), series, strict=True)
        for point in one.points
        if number(point.y) is not None
    ]


def _figures(point: Point, wording: Wording) -> dict[str, Any]:
    ends = [number(end or "") for end in (point.low, point.high)]
    sure = {} if None in ends else {"low": float(ends[0] or 0), "high": float(ends[1] or 0)}
    amount = float(point.y)
    told = {"told": wording.figure(point.y, "", point.low, point.high), "label": plain(point.label, _LABEL)}
    return {"y": amount, **sure, "end": max(amount, sure.get("high", amount)), **told}


def _named(series: Sequence[Series]) -> list[dict[str, Any]]:
    names = distinct((one.name for one in series), _NAME)
    return [{"series": names[one.name], "at": at} for at, one in enumerate(series)]


def _steps(series: Sequence[Series], wording: Wording) -> dict[str, str]:
    """Write the steps of an axis in the locale, so that they stay different."""
    given = list(dict.fromkeys(point.x for one in series for point in one.points))
    told = [dates.written(step, wording.locale) for step in given]
    short = distinct(told if len(set(told)) == len(given) else given, _NAME // 2)
    return dict(zip(given, short.values(), strict=True))


def _step_axis(alt: Any, rows: Rows) -> Any:
    steps = list(dict.fromkeys(row["x"] for row in rows))
    return alt.X("x:N", sort=steps, title=None, axis=alt.Axis(labelAngle=0, labelOverlap="parity", ticks=False))


def _amounts(alt: Any, chart: Chart) -> Any:
    return alt.Y("y:Q", title=_axis(chart.y), axis=alt.Axis(format=",~r", tickCount=6))


def _look(alt: Any, series: Sequence[Series], symbol: str) -> dict[str, Any]:
    """Tell series apart by colour, and by dash of lines or shape of points; one alone needs no legend.

    Args:
        alt: Altair.
        series: All that are drawn.
        symbol: "stroke" shows lines in the legend, "" the shapes.
    """
    names = [one["series"] for one in _named(series)]
    columns = max(1, min(len(names), 80 // (max(map(len, names)) + 6)))
    form = {"symbolType": "stroke", "symbolSize": 500} if symbol else {"symbolSize": 90}
    legend = alt.Legend(columns=columns, **form) if len(names) > 1 else None

    def scale(kind: Any, values: Sequence[Any], *, told: bool) -> Any:
        return kind("series:N", scale=alt.Scale(domain=names, range=list(values)), legend=legend if told else None)

    return {
        "color": scale(alt.Color, chart_style.colours(series), told=True),
        "strokeDash": scale(alt.StrokeDash, chart_style.dashes(series), told=bool(symbol)),
        "shape": scale(alt.Shape, chart_style.shapes(series), told=not symbol),
    }


def _intervals(alt: Any, rows: Rows, x: Any, color: Any) -> Iterator[Any]:
    if sure := [row for row in rows if "low" in row]:
        yield alt.Chart({"values": sure}).mark_rule(strokeWidth=1.5).encode(x=x, y="low:Q", y2="high:Q", color=color)


def _axis(unit: str) -> str:
    return plain(unit_words(unit), 80)
