"""GitLab's code quality report: what did not pass, at the line of the policy that asked for it.

Source: GitLab documentation, "Code Quality report format": description, check_name, fingerprint, severity, location.
"""

from __future__ import annotations

import json

from greengate.policy import Enforce
from greengate.report.account import Account
from greengate.report.annotation import Annotation, annotate
from greengate.report.escaping import plain
from greengate.verdict import Finding, Outcome

NAME = "codequality"

_SEVERITIES = {
    Outcome.ERRORED: "critical",
    Outcome.INCONCLUSIVE: "major",
    Outcome.WARNED: "minor",
    Outcome.WAIVED: "info",
}


def render(account: Account) -> str:
    """Write every finding that did not pass as an issue of code quality."""
    issues = [
        _issue(annotate(entry, finding, account.folder), finding, check, fingerprint)
        for entry in account.entries
        for finding, check, fingerprint in entry.marks
        if finding.outcome is not Outcome.PASSED
    ]
    return json.dumps(issues, indent=2) + "\n"


def _issue(remark: Annotation, finding: Finding, check: str, fingerprint: str) -> dict[str, object]:
    return {
        "description": plain(remark.text, 1000),
        "check_name": plain(check),
        "fingerprint": fingerprint,
        "severity": _severity(finding),
        "location": {"path": plain(remark.path), "lines": {"begin": remark.line}},
    }


def _severity(finding: Finding) -> str:
    if finding.outcome is Outcome.FAILED:
        return "blocker" if finding.enforce == Enforce.HARD else "critical"
    return _SEVERITIES[finding.outcome]
