"""The quarterly report as PDF/A-3a: paged, tagged, with bookmarks, and with its evidence attached.

PDF/A-3 and not PDF/UA-1, of which WeasyPrint declares one: an auditor files this document for years, and only PDF/A-3
lets it carry its JSON and the ledger's checkpoint. Its level `a` asks for tags, alternative texts and language too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from greengate.errors import MissingExtra
from greengate.esg.document import Quarterly
from greengate.report.escaping import escaped
from greengate.report.quarterly import extras, html_file, json_file, offline, paging, template
from greengate.report.quarterly.dates import instant
from greengate.report.quarterly.laying_out import lay_out
from greengate.report.quarterly.paging import Attached

NAME = "pdf"

TEMPLATES = template.NAMES
"""What a folder of the company's own may have, which `render` then takes."""

_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - never the clock's, so that the same report is the same bytes
_FONTS = "install one, such as Debian's fonts-noto-core or fonts-noto-cjk; `html` is drawn by the reader's fonts"


def refuse_unable(path: str) -> None:
    """Make sure that a PDF can be made.

    Raises:
        MissingExtra: WeasyPrint or what draws charts is not installed, or the libraries that it takes are not.
    """
    del path
    extras.refuse_missing(NAME, (*html_file.NEEDS, "weasyprint"))
    paging.weasyprint()


def render(report: Quarterly, folder: Path | None = None) -> bytes:
    """Write the document, by the templates of a folder where it has some of its own.

    Raises:
        UsageError: The company's locale, accent or logo is none.
        ReportError: A template has a mistake or loads something, or a page cannot be laid out.
        MissingExtra: Something that it takes is not installed, such as a font for the company's name.
    """
    refuse_unable("")
    text = template.filled(lay_out(report, paper=True), folder)
    place = str(folder / template.NAME) if folder else f"reports/{template.NAME}"
    offline.refuse_loading(text, place)
    attached = [*_attached(report)]
    pdf, undrawn = paging.paged(text, attached, place)
    if not undrawn:
        return pdf
    _refuse_undrawn(undrawn, report)
    return paging.paged(text.translate({ord(sign): escaped(sign) for sign in undrawn}), attached, place)[0]


def _refuse_undrawn(undrawn: str, report: Quarterly) -> None:
    """Make sure that the company's own words can be drawn; what others wrote may be shown as escapes.

    Raises:
        MissingExtra: They cannot.
    """
    own = {sign for words in (report.company.name, *report.company.words) for sign in words}
    if lacking := sorted(own & set(undrawn)):
        told = f"no font of this machine has {', '.join(f'`{sign}` (U+{ord(sign):04X})' for sign in lacking[:3])}"
        raise MissingExtra(f"--report {NAME}", f"{told}, which the company's words need", _FONTS)


def _attached(report: Quarterly) -> Iterator[Attached]:
    """Name what an auditor takes out of it: the report as data, and the checkpoint of the ledger."""
    made = instant(report.made_at)
    at = made.replace(tzinfo=None) if made else _MADE
    yield Attached(f"{report.period}.json", json_file.render(report), "The report as data", "Source", at)
    if note := report.evidence.checkpoint.encode():
        yield Attached("checkpoint.txt", note, "The checkpoint of the ledger that it rests on", "Supplement", at)
