"""A budget's burn-down: what is left of it over its period, beside an even pace, as SVG or PNG by Vega-Altair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greengate.balances import Balance, Event
from greengate.report.escaping import plain

_WIDTH, _HEIGHT = 560, 220
_LEFT, _HELD, _PACE = "left", "left if all reservations were let go", "an even pace"
_COLOURS = {_LEFT: "#2e7d4f", _HELD: "#b8c4bb", _PACE: "#8a8a8a"}


@dataclass(frozen=True, slots=True)
class Course:
    """One account over its period; amounts are in the unit that `axis` names.

    Attributes:
        title: Which budget.
        axis: What the amounts are, such as kgCO2e.
        points: For each moment what was left, and what was left but for the reservations.
    """

    title: str
    subtitle: str
    axis: str
    maximum: float
    starts: datetime
    ends: datetime
    now: datetime
    points: Sequence[tuple[datetime, float, float]]


def points(
    events: Sequence[Event], maximum: float, scale: float, starts: datetime, now: datetime
) -> list[tuple[datetime, float, float]]:
    """Replay the events of an account: after each, what was left, and what was left but for the reservations.

    Args:
        events: In their order.
        maximum: The budget, in the unit of the picture.
        scale: Units of the account in one unit of the picture.
        starts: Where the period begins.
        now: Where the line ends.
    """
    told, balance = [(starts, maximum, maximum)], Balance()
    held: dict[tuple[str, str], int] = {}
    for event in events:
        key = (event.change, event.model)
        balance = balance.after(event, held.pop(key, 0) if event.kind in {"reserve", "release", "consume"} else 0)
        if event.kind == "reserve":
            held[key] = event.amount
        spent, reserved = balance.spent / scale, balance.reserved / scale
        told.append((min(max(event.at, starts), now), maximum - spent - reserved, maximum - spent))
    return [*told, (now, *told[-1][1:])]


def draw(course: Course, suffix: str) -> bytes:
    """Draw a burn-down as `.svg` or `.png`."""
    import vl_convert  # noqa: PLC0415 - heavy, and an extra

    specification = _chart(course).to_json()
    if suffix == ".png":
        return bytes(vl_convert.vegalite_to_png(specification, scale=2))
    return str(vl_convert.vegalite_to_svg(specification)).encode()


def _chart(course: Course) -> Any:
    import altair as alt  # noqa: PLC0415 - heavy, and an extra

    values = [
        {"at": at.isoformat(), "amount": amount, "line": line}
        for at, left, unspent in course.points
        for line, amount in ((_LEFT, left), (_HELD, unspent))
    ]
    pace = [
        {"at": course.starts.isoformat(), "amount": course.maximum, "line": _PACE},
        {"at": course.ends.isoformat(), "amount": 0.0, "line": _PACE},
    ]
    span = alt.Scale(domain=[course.starts.isoformat(), course.ends.isoformat()], type="utc")
    colours = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
    days = alt.Axis(format="%d %b", grid=False)
    encoding = {
        "x": alt.X("utcyearmonthdatehoursminutes(at):T", scale=span, title=None, axis=days),
        "y": alt.Y("amount:Q", title=plain(course.axis), axis=alt.Axis(format="~s")),
        "color": alt.Color("line:N", scale=colours, legend=alt.Legend(title=None, orient="top", columnPadding=30)),
    }
    steps = alt.Chart({"values": values}).mark_line(interpolate="step-after", strokeWidth=2).encode(**encoding)
    even = alt.Chart({"values": pace}).mark_line(strokeDash=[4, 4]).encode(**encoding)
    nothing = alt.Chart({"values": [{"amount": 0}]}).mark_rule(color="#b03a2e").encode(y="amount:Q")
    words = alt.TitleParams(plain(course.title, 100), subtitle=plain(course.subtitle, 140), anchor="start")
    whole = alt.layer(nothing, even, steps).properties(title=words, width=_WIDTH, height=_HEIGHT)
    return whole.configure_view(stroke=None)
