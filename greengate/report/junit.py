"""JUnit XML, which GitLab, Jenkins and others show as tests: a suite for each model, a case for each finding."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator

from greengate.report import course, yearly
from greengate.report.account import Account, Entry
from greengate.report.annotation import annotate
from greengate.report.comparison import compared
from greengate.report.escaping import plain
from greengate.verdict import Finding, Outcome

NAME = "junit"

# What is not here passes; warned and waived say why in `system-out`, since `skipped` would hide them.
_ELEMENTS = {Outcome.FAILED: "failure", Outcome.ERRORED: "error", Outcome.INCONCLUSIVE: "error"}
_MOST = 4000


def render(account: Account) -> str:
    """Write the account as JUnit XML."""
    root = ET.Element("testsuites", name="greengate")
    for entry in account.entries:
        _suite(root, entry, account)
    _count(root, [entry.findings for entry in account.entries])
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, entry: Entry, account: Account) -> None:
    suite = ET.SubElement(root, "testsuite", name=plain(entry.name), timestamp=_moment(account.taken_at))
    _count(suite, [entry.findings])
    properties = ET.SubElement(suite, "properties")
    for name, value in (("outcome", entry.outcome), ("entry", entry.id), *entry.policies, *_course(entry)):
        ET.SubElement(properties, "property", name=plain(name), value=plain(value))
    for finding, check, _ in entry.marks:
        _case(suite, account.project, entry, finding, check)


def _course(entry: Entry) -> Iterator[tuple[str, str]]:
    """Say how the measuring went."""
    if entry.evidence is None:
        return
    load = course.load(entry.evidence)
    if told := yearly.headline(entry):
        yield "a year", told
    comparison = compared(entry)
    for line in yearly.lines(comparison) if comparison else ():
        yield "a year", line
    yield "measured", course.measured(entry.evidence)
    if load:
        yield "load", str(load)
    if entry.evidence.voided:
        yield "void", f"{entry.evidence.voided}; {course.VOID}"
    for words in course.events(entry.evidence):
        yield "event", words


def _count(element: ET.Element, groups: list[tuple[Finding, ...]]) -> None:
    found = Counter(_ELEMENTS.get(finding.outcome, "") for findings in groups for finding in findings)
    element.set("tests", str(found.total()))
    element.set("failures", str(found["failure"]))
    element.set("errors", str(found["error"]))


def _moment(taken_at: str) -> str:
    """Cut the zone off, which the format does not know; it is UTC."""
    return taken_at[:19]


def _case(suite: ET.Element, project: str, entry: Entry, finding: Finding, check: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=plain(entry.name), name=plain(check), time="0")
    if finding.source.file:
        case.set("file", plain(annotate(entry, finding, project).path))
    if finding.outcome in _ELEMENTS:
        headline = plain(f"{finding.outcome}: {finding.counterfactual or finding.reason or finding.figure}")
        spot = ET.SubElement(case, _ELEMENTS[finding.outcome], message=headline, type=finding.outcome)
        # GitLab shows the text alone, so that it must say all by itself.
        spot.text = _told(finding)
    elif finding.outcome is not Outcome.PASSED:
        ET.SubElement(case, "system-out").text = _told(finding)


def _told(finding: Finding) -> str:
    lines = {
        "figure": ", ".join(part for part in (finding.figure, finding.interval) if part),
        "limit": finding.limit,
        "margin": finding.margin,
        "passes": finding.counterfactual,
        "reason": finding.reason,
        "message": finding.message,
        "waiver": finding.waiver,
        "policy": f"{finding.source.file}:{finding.source.line}" if finding.source.file else "",
    }
    return "\n".join((finding.outcome, *(f"{name}: {plain(text, _MOST)}" for name, text in lines.items() if text)))
