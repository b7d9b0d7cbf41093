"""How to ask for a waiver: a document for exactly one rule and model, to be filled in and granted."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from greengate.report.account import Entry
from greengate.report.escaping import shortened
from greengate.verdict import Finding, Remedy

_DAYS = 90
_LONGEST = 200
_MOST_OWNERS = 8
_SIDES = {"max", "min", "max_increase", "max_decrease"}
_PATTERN = re.compile(r"[*?\[]")
_UNSAFE = '"`~<>&\\'


@dataclass(frozen=True, slots=True)
class Request:
    """What would let a failed rule through.

    Attributes:
        finding: The first of the rule's findings that failed.
        remedy: What would.
        waiver: A waiver as YAML, to be filled in; "" where none lets it through.
    """

    finding: Finding
    remedy: Remedy
    waiver: str


def requests(entry: Entry) -> Iterator[Request]:
    """Go through the rules that failed and may be let through, each once."""
    seen = set()
    for finding, _, fingerprint in entry.marks:
        if finding.remedy is None or finding.name in seen:
            continue
        seen.add(finding.name)
        yield Request(finding, finding.remedy, _waiver(entry, finding, finding.remedy, fingerprint))


def _waiver(entry: Entry, finding: Finding, remedy: Remedy, fingerprint: str) -> str:
    model = _PATTERN.sub(lambda found: f"[{found[0]}]", entry.verdict.model)
    today = entry.evidence.today if entry.evidence else ""
    expires = _later(today)
    sides = set(remedy.ceiling)
    if not sides or not sides <= _SIDES or not expires or max(map(len, (model, finding.name))) > _LONGEST:
        return ""
    owners = ", ".join(_quoted(shortened(owner, _LONGEST)) for owner in remedy.owners[:_MOST_OWNERS])
    lines = [
        "apiVersion: greengate/v1",
        "kind: Waiver",
        f"id: W-{today.replace('-', '')}-{fingerprint[:6]}",
        f"rule: {_quoted(finding.name)}",
        f"type: {_quoted(remedy.type)}" if remedy.type else "",
        f"match: {{models: [{_quoted(model)}]}}",
        f"ceiling: {{{', '.join(f'{side}: {_quoted(bound)}' for side, bound in remedy.ceiling.items())}}}",
        f"expires: {_quoted(expires)}",
        'reason: ""  # why it is worth it',
        f'granted_by: ""  # one of {owners}' if owners else 'granted_by: ""  # who answers for it',
    ]
    return "\n".join(filter(None, lines))


def _later(today: str) -> str:
    try:
        return (dt.date.fromisoformat(today) + dt.timedelta(days=_DAYS)).isoformat()
    except (ValueError, OverflowError):  # what is read back from a history may be anybody's
        return ""


def _quoted(text: str) -> str:
    """Write a text as YAML in double quotes, plain to see: what could mean something elsewhere becomes an escape."""
    return f'"{"".join(map(_sign, text))}"'


def _sign(mark: str) -> str:
    if mark in _UNSAFE:
        return f"\\x{ord(mark):02x}"
    if mark != " " and unicodedata.category(mark)[0] in "CZ":
        return f"\\U{ord(mark):08x}"
    return mark
