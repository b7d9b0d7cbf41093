"""From a page of HTML to a paged and tagged PDF/A-3a, by WeasyPrint: its exceptions and what it logs end here."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greengate.errors import MissingExtra, ReportError
from greengate.report.escaping import plain

_WRONG = (ValueError, LookupError, TypeError, AttributeError, AssertionError, ArithmeticError, RecursionError)
_UNDRAWN = re.compile(r"^\.notdef glyph .*\(U\+([0-9A-F]+)\)$", re.DOTALL)
_LIBRARIES = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0, or `brew install pango`"


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a PDF carries; `relationship` is a word of ISO 32000-2, 7.11.3."""

    name: str
    data: bytes
    description: str
    relationship: str
    at: datetime


def weasyprint() -> Any:
    """Import WeasyPrint, which loads libraries of the system.

    Raises:
        MissingExtra: They are not there.
    """
    try:
        import weasyprint as found  # noqa: PLC0415 - heavy, and an extra
    except OSError as error:
        told = f"WeasyPrint lacks a library of the system: {str(error).splitlines()[0][:200]}"
        raise MissingExtra("--report pdf", told, _LIBRARIES) from error
    return found


def paged(text: str, attached: Sequence[Attached], place: str) -> tuple[bytes, str]:
    """Lay the pages out; also the signs that no font of this machine has.

    Args:
        text: The page.
        attached: What the PDF carries.
        place: The template, for messages about it.

    Raises:
        ReportError: They cannot be laid out.
    """
    made = weasyprint()
    with _complaints() as complaints, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # WeasyPrint leaves its colour profile open
        try:
            page = made.HTML(string=text, url_fetcher=made.urls.URLFetcher(allowed_protocols=("data",)))
            pdf = bytes(
                page.write_pdf(pdf_variant="pdf/a-3a", attachments=[_attachment(made, one) for one in attached])
            )
        except _WRONG as error:
            complaints.append(f"{type(error).__name__}: {error}")
    signs = {chr(int(found[1], 16)) for found in map(_UNDRAWN.search, complaints) if found}
    graver = [told for told in complaints if not _UNDRAWN.search(told)]
    if graver:
        words = f"the pages cannot be laid out: {plain(graver[0], 200)}"
        raise ReportError(place, words, "look at the template; `html` lays it out without pages")
    return pdf, "".join(sorted(signs))


def _attachment(made: Any, one: Attached) -> Any:
    return made.Attachment(
        string=one.data, name=one.name, description=one.description, relationship=one.relationship,
        created=one.at, modified=one.at,
    )  # fmt: skip


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what WeasyPrint logs as errors, such as pictures that it cannot read, and signs that it cannot draw."""
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: _collect(record, found)  # type: ignore[method-assign]
    log = logging.getLogger("weasyprint")
    log.addHandler(handler)
    try:
        yield found
    finally:
        log.removeHandler(handler)


def _collect(record: logging.LogRecord, found: list[str]) -> None:
    told = record.getMessage()
    if record.levelno >= logging.ERROR or _UNDRAWN.search(told):
        found.append(told)
