"""A finding as a remark at a line of a file, for the formats that show it beside the code."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from greengate.report import yearly
from greengate.report.account import Entry
from greengate.verdict import Finding

PROJECT_FILE = "greengate.yaml"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A sentence, and the file, line and column (1-based) that it is about."""

    path: str
    line: int
    column: int
    text: str


def annotate(entry: Entry, finding: Finding, folder: str = "") -> Annotation:
    """Remark on a finding at its rule's line; without one, at the model's file or at the project's.

    Args:
        entry: The model.
        finding: The finding.
        folder: Where in the repository the project is, since forges count paths from the repository's root.
    """
    source = finding.source
    path = source.file or (entry.evidence.candidate.path if entry.evidence else "") or PROJECT_FILE
    return Annotation(
        path=posixpath.normpath(posixpath.join(folder, path.replace("\\", "/"))),
        line=max(source.line, 1),
        column=max(source.column, 1),
        text=_sentence(entry, finding),
    )


def _sentence(entry: Entry, finding: Finding) -> str:
    found = ", ".join(part for part in (finding.figure, finding.interval) if part)
    against = f"{found} against {finding.limit}" if found and finding.limit else found
    parts = (against, finding.margin, finding.counterfactual, finding.reason, finding.message, yearly.headline(entry))
    return f"{entry.name} {finding.outcome}: {'; '.join(part for part in parts if part)}"
