"""The quarterly report as one HTML page: it opens offline, runs nothing and loads nothing."""

from __future__ import annotations

from pathlib import Path

from greengate.esg.document import Quarterly
from greengate.report.quarterly import extras, offline, template
from greengate.report.quarterly.laying_out import lay_out

NAME = "html"

TEMPLATES = template.NAMES
"""What a folder of the company's own may have, which `render` then takes."""

NEEDS = ("altair", "babel", "brotli", "fontTools", "vl_convert")


def refuse_unable(path: str) -> None:
    """Make sure that a page can be made.

    Raises:
        MissingExtra: What draws charts or writes numbers is not installed.
    """
    del path
    extras.refuse_missing(NAME, NEEDS)


def render(report: Quarterly, folder: Path | None = None) -> bytes:
    """Write the page, by the templates of a folder where it has some of its own.

    Raises:
        UsageError: The company's locale, accent or logo is none.
        ReportError: A template has a mistake or loads something, or a chart cannot be drawn.
        MissingExtra: Something that it takes is not installed.
    """
    refuse_unable("")
    text = template.filled(lay_out(report, paper=False), folder)
    offline.refuse_loading(text, str(folder / template.NAME) if folder else f"reports/{template.NAME}")
    return text.encode()
