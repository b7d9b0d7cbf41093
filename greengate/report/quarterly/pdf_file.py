"""The quarterly report as PDF/A-3a by WeasyPrint: paged, tagged, with bookmarks, and with its evidence attached.

PDF/A-3 and not PDF/UA-1, of which WeasyPrint declares one: an auditor files this document for years, and only PDF/A-3
lets it carry its JSON and the ledger's checkpoint. Its level `a` asks for tags, alternative texts and language too.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from greengate.errors import MissingExtra, ReportError
from greengate.esg.document import Quarterly
from greengate.report.escaping import plain
from greengate.report.quarterly import extras, html_file, json_file, offline, template
from greengate.report.quarterly.dates import instant
from greengate.report.quarterly.laying_out import lay_out

NAME = "pdf"

_NEEDS = (*html_file.NEEDS, "weasyprint")
_WRONG = (ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, RecursionError)
_MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - never the clock's, so that the same report is the same bytes
_LIBRARIES = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0, or `brew install pango`"


def refuse_unable(path: str) -> None:
    """Make sure that a PDF can be made.

    Raises:
        MissingExtra: WeasyPrint or what draws charts is not installed, or the libraries that it takes are not.
    """
    del path
    extras.refuse_missing(NAME, _NEEDS)
    _weasyprint()


def render(report: Quarterly, folder: Path | None = None) -> bytes:
    """Write the document, by the templates of a folder where it has some of its own.

    Raises:
        UsageError: The company's locale, accent or logo is none.
        ReportError: A template has a mistake or loads something, or a page cannot be laid out.
        MissingExtra: Something that it takes is not installed.
    """
    refuse_unable("")
    made = _weasyprint()
    text = template.filled(lay_out(report, paper=True), folder)
    place = str(folder / template.NAME) if folder else f"reports/{template.NAME}"
    offline.refuse_loading(text, place)
    with _complaints() as complaints, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # WeasyPrint leaves its colour profile open
        try:
            page = made.HTML(string=text, url_fetcher=made.urls.URLFetcher(allowed_protocols=("data",)))
            attached = [made.Attachment(**one) for one in _attached(report)]
            pdf = bytes(page.write_pdf(pdf_variant="pdf/a-3a", attachments=attached))
        except _WRONG as error:
            complaints.append(f"{type(error).__name__}: {error}")
    if complaints:
        told = f"the pages cannot be laid out: {plain(complaints[0], 200)}"
        raise ReportError(place, told, "look at the template; `html` lays it out without pages")
    return pdf


def _weasyprint() -> Any:
    """Import WeasyPrint, which loads libraries of the system.

    Raises:
        MissingExtra: They are not there.
    """
    try:
        import weasyprint  # noqa: PLC0415 - heavy, and an extra
    except OSError as error:
        told = f"WeasyPrint lacks a library of the system: {str(error).splitlines()[0][:200]}"
        raise MissingExtra(f"--report {NAME}", told, _LIBRARIES) from error
    return weasyprint


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what WeasyPrint logs as errors: pictures that it cannot read, texts that are missing for tags."""
    found: list[str] = []
    log, handler = logging.getLogger("weasyprint"), logging.Handler(logging.ERROR)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    try:
        yield found
    finally:
        log.removeHandler(handler)


def _attached(report: Quarterly) -> Iterator[dict[str, Any]]:
    """Name what an auditor takes out of it: the report as data, and the checkpoint of the ledger."""
    made = instant(report.made_at)
    when = made.replace(tzinfo=None) if made else _MADE
    told = {"created": when, "modified": when}
    data = json_file.render(report)
    yield {
        "string": data,
        "name": f"{report.period}.json",
        "description": "The report as data",
        "relationship": "Source",
        **told,
    }
    if report.evidence.checkpoint:
        note = report.evidence.checkpoint.encode()
        words = "The checkpoint of the ledger that it rests on"
        yield {"string": note, "name": "checkpoint.txt", "description": words, "relationship": "Supplement", **told}
