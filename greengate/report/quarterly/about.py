"""What a quarterly report is, in words that every format tells alike: its state, its view, its evidence."""

from __future__ import annotations

from typing import Final

from greengate.esg.document import Evidence, Quarterly

TITLE: Final = "Energy and emissions of machine learning"

STATUS: Final = {
    "preliminary": "The period is not over yet: figures will grow.",
    "provisional": "The emission factors of its year are not out yet: figures will be trued up.",
    "closed": "The period is closed: what is reported no longer changes, but by a restatement.",
    "restated": "The period was closed and has been told otherwise since: section J says why and by how much.",
}
VIEW: Final = {
    "current": "By all that the ledger says now.",
    "as-reported": "By what the ledger said when the period was closed.",
    "as-restated": "By what the ledger says since the period was restated.",
}
ROUNDING: Final = (
    "Figures are rounded for reading, as their intervals support; sums are made of exact ones. "
    "The exact decimal figures are in the JSON, CSV and XLSX formats."
)


def about(report: Quarterly) -> list[tuple[str, str]]:
    """Tell what a report is and what it rests on, by labels; what is not known is left out."""
    told = [
        ("report", f"{TITLE}, {report.period}"),
        ("company", report.company.name),
        *(("", words) for words in report.company.words),
        ("period", f"{report.start} to {report.end}, the end not included"),
        ("status", f"{report.status}: {STATUS[report.status]}"),
        ("view", f"{report.view}: {VIEW[report.view]}"),
        ("version", str(report.version)),
        ("looks up to", report.made_at),
        ("made by", f"greengate {report.greengate}"),
        *evidence(report.evidence),
        ("numbers", "Rounded to 15 digits, as spreadsheets do; a column of exact figures stands beside one with more."),
    ]
    return [(label, words) for label, words in told if words]


def evidence(found: Evidence) -> list[tuple[str, str]]:
    """Tell what a report rests on, by labels; what is not known is left out."""
    told = [
        ("ledger", found.origin),
        ("entries", f"the first {found.size:,}" if found.size else "none"),
        ("Merkle root", found.root),
        ("first entry", found.first),
        ("last entry", found.last),
        ("checkpoint", found.checkpoint or "none"),
        ("reproduced by", found.command),
    ]
    return [(label, words) for label, words in told if words]
