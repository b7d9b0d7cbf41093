"""A finding as a remark at a line of a file, for the formats that show it beside the code."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from greengate.report import yearly
from greengate.report.account import Entry
from greengate.shipped import SHIPPED
from greengate.verdict import Finding


@dataclass(frozen=True, slots=True)
class Annotation:
    """A sentence, and the file, line and column (1-based) that it is about."""

    path: str
    line: int
    column: int
    text: str


def annotate(entry: Entry, finding: Finding, project: str) -> Annotation:
    """Remark on a finding at its rule's line; without one, at the model's file or at the project's.

    The path is the repository's, since forges know no other: `project` is `Account.project`.
    """
    source, text = finding.source, _sentence(entry, finding)
    if source.file.startswith(SHIPPED):  # no file of the repository: the project file is what names it
        return Annotation(project, 1, 1, text)
    path = source.file or (entry.evidence.candidate.path if entry.evidence else "")
    place = in_repository(path, project) if path else project
    return Annotation(place, max(source.line, 1), max(source.column, 1), text)


def in_repository(path: str, project: str) -> str:
    """Return a path of the project as its repository knows it."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(project), path.replace("\\", "/")))


def _sentence(entry: Entry, finding: Finding) -> str:
    found = ", ".join(part for part in (finding.figure, finding.interval) if part)
    against = f"{found} against {finding.limit}" if found and finding.limit else found
    parts = (against, finding.margin, finding.counterfactual, finding.reason, finding.message, yearly.headline(entry))
    return f"{entry.name} {finding.outcome}: {'; '.join(part for part in parts if part)}"
