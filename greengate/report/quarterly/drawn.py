"""Charts as SVG that stands in a page, and as PNG, by vl-convert with the bundled fonts."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from greengate.errors import ReportError
from greengate.esg.document import Chart
from greengate.report.escaping import visible
from greengate.report.quarterly import charts, dates, fonts
from greengate.report.quarterly.wording import Wording

_SCALE = 2.5
"""Points of a PNG for each of the drawing: 230 a inch at the width of a page."""

_SVG = "http://www.w3.org/2000/svg"
_NOISE = ("class", "role", "pointer-events", "aria-hidden", "aria-label", "aria-roledescription")
_REFERRING = re.compile(r"url\(#([\w-]+)\)")


def svg(chart: Chart, wording: Wording, name: str) -> Markup:
    """Draw a chart as SVG whose ids begin with a name, and whose alternative text is the chart's words.

    Raises:
        ReportError: It cannot be drawn.
    """
    root = ET.fromstring(_made("vegalite_to_svg", chart, wording))  # noqa: S314 - it is our own
    for node in root.iter():
        node.tag = node.tag.removeprefix(f"{{{_SVG}}}")
        told = {key: _renamed(key, text, name) for key, text in node.attrib.items() if key not in _NOISE}
        node.attrib.clear()
        node.attrib.update(told)
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"xmlns": _SVG, "role": "img", "aria-label": visible(chart.words), "viewBox": box})
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - it is escaped as XML


def _renamed(key: str, text: str, name: str) -> str:
    return f"{name}-{text}" if key == "id" else _REFERRING.sub(rf"url(#{name}-\1)", text)


def png(chart: Chart, wording: Wording) -> bytes:
    """Draw a chart as PNG on white.

    Raises:
        ReportError: It cannot be drawn.
    """
    return bytes(_made("vegalite_to_png", chart, wording, scale=_SCALE))


def _made(how: str, chart: Chart, wording: Wording, **more: Any) -> Any:
    drawer = _drawer()
    locales = {"format_locale": wording.for_charts(), "time_format_locale": dates.for_charts(wording.locale)}
    try:
        return getattr(drawer, how)(charts.specification(chart, wording), allowed_base_urls=[], **locales, **more)
    except ValueError as error:
        first = str(error).strip().splitlines()[0][:200]
        raise ReportError(f"chart {chart.id}", f"it cannot be drawn: {first}") from error


@cache
def _drawer() -> Any:
    import vl_convert  # noqa: PLC0415 - heavy, and an extra

    vl_convert.register_font_directory(str(fonts.folder()))
    return vl_convert
