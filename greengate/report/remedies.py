"""How to ask for a waiver: a document for exactly one rule and model, to be filled in and granted."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

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
        mark: The finding's fingerprint.
        waiver: A waiver as YAML, to be filled in; "" where none lets it through.
    """

    finding: Finding
    remedy: Remedy
    mark: str
    waiver: str = ""


def requests(entry: Entry) -> Iterator[Request]:
    """Go through the rules that failed and may be let through, each once."""
    seen = set()
    for finding, _, fingerprint in entry.marks:
        if finding.remedy is None or finding.name in seen:
            continue
        seen.add(finding.name)
        request = Request(finding, finding.remedy, fingerprint)
        yield replace(request, waiver=_waiver(request, entry))


def written(request: Request, name: str, model: str, expires: str) -> list[str]:
    """Write the lines of a waiver but for its reason and who grants it; [] where the remedy makes none."""
    remedy, rule = request.remedy, request.finding.name
    model = _PATTERN.sub(lambda found: f"[{found[0]}]", model)
    sides = set(remedy.ceiling)
    if not sides or not sides <= _SIDES or not expires or max(map(len, (model, rule))) > _LONGEST:
        return []
    lines = [
        "apiVersion: greengate/v1",
        "kind: Waiver",
        f"id: {name}",
        f"rule: {quoted(rule)}",
        f"type: {quoted(remedy.type)}" if remedy.type else "",
        f"match: {{models: [{quoted(model)}]}}",
        f"ceiling: {{{', '.join(f'{side}: {quoted(bound)}' for side, bound in remedy.ceiling.items())}}}",
        f"expires: {quoted(expires)}",
    ]
    return [line for line in lines if line]


def _waiver(request: Request, entry: Entry) -> str:
    today = entry.evidence.today if entry.evidence else ""
    lines = written(request, name(today, request.mark), entry.verdict.model, _later(today))
    owners = ", ".join(quoted(shortened(owner, _LONGEST)) for owner in request.remedy.owners[:_MOST_OWNERS])
    granted = f'granted_by: ""  # one of {owners}' if owners else 'granted_by: ""  # who answers for it'
    return "\n".join([*lines, 'reason: ""  # why it is worth it', granted]) if lines else ""


def name(day: str, mark: str) -> str:
    """Name the waiver that is asked for on a day, for what has a fingerprint."""
    return f"W-{day.replace('-', '')}-{mark[:6]}"


def _later(today: str) -> str:
    try:
        return (dt.date.fromisoformat(today) + dt.timedelta(days=_DAYS)).isoformat()
    except (ValueError, OverflowError):  # what is read back from a history may be anybody's
        return ""


def quoted(text: str, unsafe: str = _UNSAFE) -> str:
    """Write a text as YAML in double quotes, plain to see: what could mean something elsewhere becomes an escape."""
    return f'"{"".join(_sign(mark, unsafe) for mark in text)}"'


def _sign(mark: str, unsafe: str) -> str:
    if mark in unsafe:
        return f"\\x{ord(mark):02x}"
    if mark != " " and unicodedata.category(mark)[0] in "CZ":
        return f"\\U{ord(mark):08x}"
    return mark
