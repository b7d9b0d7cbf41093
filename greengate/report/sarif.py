"""SARIF 2.1.0: what did not pass, at the policy's file and line; a waived finding is a suppressed result.

Source: OASIS SARIF 2.1.0, sections 3.11 (message), 3.20.21 (what happened), 3.27 (result), 3.35 (suppression).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from greengate.report import course, yearly
from greengate.report.account import Account, Entry
from greengate.report.annotation import Annotation, annotate
from greengate.report.comparison import compared
from greengate.report.escaping import plain
from greengate.verdict import Finding, Outcome

NAME = "sarif"

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Outcome.FAILED: "error",
    Outcome.ERRORED: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.WARNED: "warning",
    Outcome.WAIVED: "note",
}
_MOST = 1000


def render(account: Account) -> str:
    """Write every finding that did not pass as a result."""
    told = [
        (entry, finding, fingerprint)
        for entry in account.entries
        for finding, _, fingerprint in entry.marks
        if finding.outcome is not Outcome.PASSED
    ]
    rules = {finding.name: finding for _, finding, _ in told}
    order = list(rules)
    run = {
        "tool": {
            "driver": {
                "name": "greengate",
                "version": account.version,
                "rules": [_rule(finding) for finding in rules.values()],
            }
        },
        "automationDetails": {"id": "greengate/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": Outcome.ERRORED not in account.counts,
                "exitCode": account.exit_code,
                "endTimeUtc": account.taken_at,
                "toolExecutionNotifications": list(_notifications(account)),
            }
        ],
        "results": [
            _result(entry, annotate(entry, finding, account.project), finding, (fingerprint, order.index(finding.name)))
            for entry, finding, fingerprint in told
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _notifications(account: Account) -> Iterator[dict[str, Any]]:
    """Tell what a year takes, and what happened while measuring."""
    for entry in account.entries:
        if entry.evidence is None:
            continue
        comparison = compared(entry)
        told = [("note", f"a year: {line}") for line in (yearly.lines(comparison) if comparison else ())]
        told += [("note", course.said(event)) for event in entry.evidence.events]
        if entry.evidence.voided:
            told.insert(0, ("warning", f"{entry.evidence.voided}; {course.VOID}"))
        for level, words in told:
            text = _unlinked(plain(f"{plain(entry.name)}: {words}", _MOST))
            yield {"level": level, "message": {"text": text}}


def _rule(finding: Finding) -> dict[str, Any]:
    about = f"{finding.metric or finding.kind} {finding.limit}".strip()
    return {
        "id": plain(finding.name),
        "shortDescription": {"text": plain(about)},
        "defaultConfiguration": {"level": "warning" if finding.enforce == "advisory" else "error"},
        "properties": {"kind": finding.kind, "enforce": finding.enforce, "metric": plain(finding.metric)},
    }


def _result(entry: Entry, remark: Annotation, finding: Finding, mark: tuple[str, int]) -> dict[str, Any]:
    fingerprint, rule = mark
    result: dict[str, Any] = {
        "ruleId": plain(finding.name),
        "ruleIndex": rule,
        "level": _LEVELS[finding.outcome],
        "message": {"text": _unlinked(plain(remark.text, _MOST))},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(plain(remark.path), safe="/")},
                    "region": {"startLine": remark.line, "startColumn": remark.column},
                },
                "logicalLocations": [{"fullyQualifiedName": plain(entry.name), "kind": "model"}],
            }
        ],
        "partialFingerprints": {"greengate/v1": fingerprint},
        "properties": {"outcome": finding.outcome, "entry": entry.id},
    }
    if finding.outcome is Outcome.WAIVED:
        justification = plain(f"{finding.waiver}: {finding.reason}", _MOST)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
    return result


def _unlinked(text: str) -> str:
    r"""Keep `[text](target)` in a message from becoming a link (section 3.11.6)."""
    return re.sub(r"[\\\[\]]", lambda found: f"\\{found[0]}", text)
