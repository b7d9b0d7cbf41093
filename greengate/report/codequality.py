"""GitLab's code quality report: what did not pass, at the line of the policy that asked for it.

Source: GitLab documentation, "Code Quality report format": description, check_name, fingerprint, severity, location.
"""

from __future__ import annotations

import hashlib
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
        _issue(account.project, annotate(entry, finding, account.project), finding, check, fingerprint)
        for entry in account.entries
        for finding, check, fingerprint in entry.marks
        if finding.outcome is not Outcome.PASSED
    ]
    return json.dumps(issues, indent=2) + "\n"


def _issue(project: str, remark: Annotation, finding: Finding, check: str, mark: str) -> dict[str, object]:
    return {
        "description": plain(remark.text, 1000),
        "check_name": plain(check),
        "fingerprint": _fingerprint(project, mark),
        "severity": _severity(finding),
        "location": {"path": plain(remark.path), "lines": {"begin": remark.line}},
    }


def _fingerprint(project: str, mark: str) -> str:
    """Keep the models of one project file apart from another's: GitLab shows one issue a fingerprint."""
    return mark if "/" not in project else hashlib.sha256(f"{project}\0{mark}".encode()).hexdigest()


def _severity(finding: Finding) -> str:
    if finding.outcome is Outcome.FAILED:
        return "blocker" if finding.enforce == Enforce.HARD else "critical"
    return _SEVERITIES[finding.outcome]
