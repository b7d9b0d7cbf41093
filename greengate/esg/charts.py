"""What charts of a report show: data and words, which formats draw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from greengate.esg.account import Account, plain
from greengate.esg.activity import grouped
from greengate.esg.decimals import kwh, tonnes
from greengate.esg.document import Chart, Point, Series
from greengate.esg.gates import OUTCOMES, accounts, in_unit
from greengate.esg.instants import day, of
from greengate.esg.shares import Part
from greengate.esg.telling import Sum, summed
from greengate.periods import Kind, Period, period_of

_MONTHS, _TOP = 12, 15
_NOTHING = "there is nothing to show"


def trend(account: Account, name: str) -> Chart:
    """Energy or emissions by month: the twelve up to the end of the period, and those of the year before."""
    months = _months(account, 2 * _MONTHS)
    unit = "kWh" if name == "energy" else "tCO2e"
    known = [month for month in months if _begun(account, month)]
    drawn = {month.name: _point(account, month, name) for month in known}
    points = {month: point for month, point in drawn.items() if point is not None}
    this = [points[month.name] for month in months[_MONTHS:] if month.name in points]
    before = [
        points[then.name].model_copy(update={"x": now.name, "label": then.name})
        for then, now in zip(months[:_MONTHS], months[_MONTHS:], strict=True)
        if then.name in points
    ]
    series = [Series(name="this year", points=tuple(this), stands=_stands(account))]
    series += [Series(name="a year before", points=tuple(before), stands="reported")] if before else []
    what = "Energy of operation" if name == "energy" else f"Emissions of operation, {name}-based"
    words = f"{what} by month, {this[0].x} to {this[-1].x}, in {unit}." if this else ""
    return Chart(id=f"trend.{name}", title=f"{what} by month", kind="trend", x="Month", y=unit,
        series=tuple(series) if this else (),
                 words=words or _NOTHING,
                 missing="" if this else "the ledger has no figures of these months")  # fmt: skip


def _stands(account: Account) -> str:
    return "provisional" if account.until < account.end else "reported"


def _months(account: Account, count: int) -> list[Period]:
    found = [period_of(Kind.MONTH, account.period.end - timedelta(microseconds=1), account.said.calendar)]
    while len(found) < count:
        found.insert(0, period_of(Kind.MONTH, found[0].start - timedelta(microseconds=1), account.said.calendar))
    return found


def _begun(account: Account, month: Period) -> bool:
    earliest = account.story.earliest
    return earliest is not None and earliest < of(month.end) and of(month.start) < account.until


def _point(account: Account, month: Period, name: str) -> Point | None:
    """Tell the figure of a month; None where nothing of it is known."""
    of_month: Sum = getattr(account.month(month), name)
    added = of_month.merge(account.lacking(of(month.start), of(month.end)))
    write = kwh if name == "energy" else tonnes
    if added.unknown:
        return None
    return Point(x=month.name, y=write(added.amount), low=write(added.low), high=write(added.high),
                 label="incomplete" if added.lacking else "")  # fmt: skip


def burn_down(account: Account) -> list[Chart]:
    """What each budget of the period had spent, event by event, and its maximum."""
    charts = []
    for status, events, most in accounts(account):
        name, spent, points = status.account, 0, []
        for event in events:
            spent += event.amount if event.kind in {"open", "consume", "spend", "adjust"} else 0
            points.append(Point(x=event.at.date().isoformat(), y=in_unit(spent, name.unit)[0]))
        unit = in_unit(0, name.unit)[1]
        limit = f" of {in_unit(most, name.unit)[0]} {unit}" if most is not None else f" {unit}; nothing tells a maximum"
        series = [Series(name="spent", points=tuple({point.x: point for point in points}.values()))]
        if most is not None:
            ends = {points[0].x, points[-1].x}
            line = tuple(Point(x=at, y=in_unit(most, name.unit)[0]) for at in sorted(ends))
            series.append(Series(name="maximum", points=line, stands="maximum"))
        whose = f" ({name.scope})" if name.scope else ""
        charts.append(Chart(id=f"budget.{name.budget}.{name.scope}.{name.period}",
            title=f"{name.budget}{whose}, {name.period}",
                            kind="burn-down", x="Day", y=unit, series=tuple(series),
                            words=f"Spent of {name.budget} in {name.period}: {points[-1].y}{limit}."))  # fmt: skip
    return charts


def ranking(account: Account) -> Chart:
    """Name the models that emit most."""
    sums = {key: summed(own, "location") for key, own in grouped(account.parts, lambda part: part.version.key).items()}
    first = sorted(
        ((one, key) for key, one in sums.items() if not one.unknown), key=lambda told: (-told[0].amount, str(told[1]))
    )
    points = tuple(
        Point(x=" ".join(filter(None, key)), y=tonnes(one.amount), low=tonnes(one.low), high=tonnes(one.high))
        for one, key in first[:_TOP]
    )
    words = f"{points[0].x} emits most: {points[0].y} tCO2e of operation, location-based." if points else _NOTHING
    return Chart(id="models.top", title="Models that emit most", kind="ranking", x="Model", y="tCO2e",
                 series=(Series(name="location-based", points=points),) if points else (), words=words,
                 missing="" if points else "no model of the period has emissions")  # fmt: skip


def outcomes(account: Account) -> Chart:
    """Count how decisions ended."""
    counted = account.story.outcomes
    points = tuple(Point(x=word, y=str(counted[word])) for word in OUTCOMES if counted[word])
    words = ", ".join(f"{point.y} {point.x}" for point in points)
    return Chart(id="gate.outcomes", title="How decisions ended", kind="outcomes", x="Outcome", y="decisions",
                 series=(Series(name="decisions", points=points),) if points else (), words=words or _NOTHING,
                 missing="" if points else "no decision lies in the period")  # fmt: skip


def fronts(account: Account) -> list[Chart]:
    """Quality against energy of the versions in force, one chart a quality figure; the front is what nothing beats."""
    known: dict[str, list[Point]] = defaultdict(list)
    for key, own in grouped(account.parts, lambda part: part.version.key).items():
        newest: Part = own[-1]
        figures = newest.version.figures
        for name, amount, low, high in figures.quality if figures else ():
            if figures and figures.energy is not None:
                point = Point(x=plain(figures.energy), y=plain(amount), low=plain(low), high=plain(high),
                              label=" ".join(filter(None, key)))  # fmt: skip
                known[name].append(point)
    charts = [_front(name, points) for name, points in sorted(known.items())]
    return charts or [Chart(id="models.pareto", title="Quality against energy", kind="pareto", x="J/1k", y="",
        series=(), words=_NOTHING,
                            missing="no version in force has a figure of quality and of energy")]  # fmt: skip


def _front(name: str, points: Sequence[Point]) -> Chart:
    ordered = sorted(points, key=lambda point: (float(point.x), -float(point.y), point.label))
    front: list[Point] = []
    for point in ordered:
        if not front or float(point.y) > float(front[-1].y):
            front.append(point)
    series = (Series(name="models", points=tuple(ordered)), Series(name="front", points=tuple(front), stands="pareto"))
    best = ", ".join(point.label for point in front)
    words = f"{len(points)} models by energy of 1,000 inferences and {name}; on the front: {best}."
    return Chart(id=f"models.pareto.{name}", title=f"{name.removeprefix('quality.')} against energy", kind="pareto",
                 x="Energy of 1,000 inferences (J)", y=name, series=series, words=words)  # fmt: skip


def days(at: int) -> str:
    """Write a day."""
    return day(at)
