"""GitHub's workflow commands: what did not pass, shown by the run beside the policy's line.

Source: GitHub documentation, "Workflow commands for GitHub Actions"; the escapes are those of its toolkit
(`@actions/core`, command.ts). A step shows ten errors, ten warnings and ten notices, and drops what is more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greengate.report.account import Account, Entry
from greengate.report.annotation import annotate
from greengate.report.escaping import plain
from greengate.verdict import Finding, Outcome

NAME = "annotations"

_LEVELS = {
    Outcome.FAILED: "error",
    Outcome.ERRORED: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.WARNED: "warning",
    Outcome.WAIVED: "notice",
}
_MOST = 10
_LONGEST = 1000


def render(account: Account) -> str:
    """Write a command for each finding that did not pass, the gravest first, at most ten of a level."""
    found = [
        (entry, finding)
        for entry in account.entries
        for finding in entry.findings
        if finding.outcome is not Outcome.PASSED
    ]
    if not account.entries:
        return f"::error title=greengate%3A {account.outcome}::{_data(account.summary)}\n"
    found.sort(key=lambda one: -one[1].outcome.gravity)
    return "".join(
        f"{line}\n"
        for level in dict.fromkeys(_LEVELS.values())
        for line in _lines(level, [one for one in found if _LEVELS[one[1].outcome] == level], account.project)
    )


def _lines(level: str, found: Sequence[tuple[Entry, Finding]], project: str) -> Iterator[str]:
    more = len(found) - _MOST
    for number, (entry, finding) in enumerate(found[:_MOST], 1):
        ending = f" (and {more} more, which the ledger tells)" if more > 0 and number == _MOST else ""
        yield _line(level, entry, finding, project, ending)


def _line(level: str, entry: Entry, finding: Finding, project: str, ending: str) -> str:
    remark = annotate(entry, finding, project)
    title = plain(f"greengate: {finding.name} {finding.outcome}")
    properties = {"file": plain(remark.path), "line": str(remark.line), "col": str(remark.column), "title": title}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {told}::{_data(plain(remark.text, _LONGEST) + ending)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
