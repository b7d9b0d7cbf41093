"""How charts look: colours that the colour-blind tell apart and that stand out on light and dark, shapes and dashes.

Okabe and Ito's colours, the light ones darkened to a contrast of 3:1 on white (WCAG 2.2, 1.4.11). Nothing is told by
colour alone: series differ by dash and shape too, and the figures of every chart stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from greengate.esg.document import Series

INK: Final = "#16211b"
LINE: Final = "#d3dbd6"
"""Ink and lines of a chart; a page in dark colours puts its own in their place."""

MUTED: Final = "#6f7a74"
FAMILY: Final = "Inter"
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#b8609a", "#a87900", "#5b5fc7")
OUTCOMES: Final = {
    "passed": "#009e73", "warned": "#a87900", "waived": "#0072b2", "inconclusive": MUTED, "errored": "#b8609a",
    "failed": "#d55e00",
}  # fmt: skip
_DASHES: Final = ((), (8, 3), (2, 3), (10, 3, 2, 3), (5, 2), (1, 2))
_SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_GREY: Final = "maximum"
_UNSURE: Final = "provisional"


def colours(series: Sequence[Series]) -> list[str]:
    """Give every series a colour: outcomes always their own, a maximum grey, what is provisional that of its kind."""
    free = [colour for colour in _COLOURS if colour not in {OUTCOMES.get(one.name) for one in series}]
    found: list[str] = []
    for one in series:
        own = OUTCOMES.get(one.name) or (MUTED if one.stands == _GREY else "")
        unsure = one.stands == _UNSURE and found
        found.append(own or (found[-1] if unsure else free[_taken(found, free) % len(free)]))
    return found


def dashes(series: Sequence[Series]) -> list[list[int]]:
    """Give every series a dash: a maximum and what is provisional the same in every chart."""
    fixed = {_GREY: [6, 4], _UNSURE: [3, 3]}
    return [
        fixed.get(one.stands) or list(_DASHES[number % len(_DASHES)]) or [1, 0] for number, one in enumerate(series)
    ]


def shapes(series: Sequence[Series]) -> list[str]:
    """Give every series a shape of its points."""
    return [_SHAPES[number % len(_SHAPES)] for number, _ in enumerate(series)]


def config() -> dict[str, Any]:
    """Return Vega-Lite's settings for all charts: the bundled font, thin lines, nothing round the drawing."""
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    lines = {"domainColor": LINE, "gridColor": LINE, "tickColor": LINE, "tickSize": 4}
    return {
        "font": FAMILY,
        "aria": False,
        "background": "transparent",
        "padding": 4,
        "view": {"stroke": None},
        "axis": {**text, **lines, "titlePadding": 10, "labelPadding": 6, "labelLimit": 300, "titleLimit": 500},
        "legend": {**text, "orient": "top", "title": None, "symbolStrokeWidth": 2.5, "columnPadding": 24},
        "text": {"color": INK, "fontSize": 12},
    }  # fmt: skip


def _taken(found: Sequence[str], free: Sequence[str]) -> int:
    return len({colour for colour in found if colour in free})
