"""A delivered report, made again from the ledger by its evidence, and held against that figure by figure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from pydantic import ValidationError

from greengate import signatures
from greengate.errors import UsageError
from greengate.esg.company import Said
from greengate.esg.document import Datum, Quarterly, Section, Table
from greengate.esg.signed import Signature
from greengate.ledger import merkle
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Store
from greengate.quarters import Wanted, delivered, made, sign_offs
from greengate.records import SignedOff

_PARTS = ("value", "unit", "basis", "low", "high", "confidence", "missing", "note", "entries", "of", "digest")
_LONG, _LEAD = 100, 30  # characters


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise: what it is, what was delivered, and what the ledger says."""

    what: str
    delivered: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check.

    Attributes:
        entry: Whether the ledger has an entry that such a report was delivered.
        signed: Who stands for it, each with what became of the signature.
        figures: How many data were compared.
    """

    report: Quarterly
    entry: bool
    figures: int
    differences: tuple[Difference, ...]
    signed: tuple[tuple[SignedOff, Signature], ...] = ()


def read(data: bytes, where: str) -> Quarterly:
    """Read a delivered report.

    Raises:
        UsageError: It is none.
    """
    hint = "`greengate report --report json=FILE` writes one"
    try:
        report = Quarterly.model_validate_json(data)
    except ValidationError as bad:
        first = bad.errors(include_url=False)[0]
        words = ": ".join(word for word in (".".join(map(str, first["loc"])), first["msg"]) if word)
        raise UsageError(where, f"this is no quarterly report: {words}", hint) from bad
    if not _is_instant(report.value("identity.until") or report.end):
        problem = "this is no quarterly report: `identity.until` tells no instant up to which it counts"
        raise UsageError(where, problem, hint)
    return report


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False


def checked(store: Store, report: Quarterly, wanted: Wanted) -> Checked:
    """Make a report again and tell every difference.

    Args:
        store: The ledger.
        report: What was delivered.
        wanted: With what the company says; all else is taken from the report.
    """
    evidence = report.evidence
    found = list(_of_ledger(store, report))
    if any(one.what == "evidence.size" for one in found):
        return Checked(report, entry=False, figures=0, differences=tuple(found))
    until = report_until(report)
    again = made(
        store,
        replace(
            wanted,
            period=report.period,
            view=report.view,
            size=evidence.size,
            at=until if report.status == "preliminary" else None,
            closing=None if report.view == "current" else report.status,
            whole=True,
        ),
    ).report
    found += list(_compared(report, again)) or _order(report, again)
    body = digest(encode(report.model_dump(mode="json")))
    known = any(one.sha256 == body for one in delivered(store))
    signed = tuple(_signed(store, report, body, wanted.said))
    found += [_wrong(one, held) for one, held in signed if held.state == "wrong"]
    figures = sum(len(section.data) for section in report.sections)
    return Checked(report, known, figures, tuple(found), signed)


def _signed(store: Store, report: Quarterly, body: str, said: Said) -> Iterator[tuple[SignedOff, Signature]]:
    """Tell who stands for a report; for one that nobody closed or restated, who stands for any on its period."""
    found = [one for one in sign_offs(store) if one.period == report.period]
    for one, held in zip(found, signatures.told(store, said, delivered(store), found), strict=True):
        if one.report == body or report.view == "current":
            yield one, held


def _wrong(one: SignedOff, held: Signature) -> Difference:
    return Difference(f"sign-off, {one.role} by {one.by}, {one.at}", "signed with a key", held.words)


def report_until(report: Quarterly) -> datetime:
    """Tell up to when a report counts."""
    return datetime.fromisoformat(report.value("identity.until") or report.end)


def _of_ledger(store: Store, report: Quarterly) -> Iterator[Difference]:
    """Hold size, root and checkpoint against the ledger."""
    evidence = report.evidence
    size = store.size()
    if not 0 < evidence.size <= size:
        yield Difference("evidence.size", str(evidence.size), f"the ledger has {size} entries")
        return
    root = _written(merkle.root(evidence.size, store.node))
    if root != evidence.root:
        yield Difference("evidence.root", evidence.root, root)
    if evidence.checkpoint:
        yield from _of_checkpoint(store, evidence.checkpoint, size)


def _of_checkpoint(store: Store, note: str, size: int) -> Iterator[Difference]:
    lines = note.splitlines()
    try:
        told, root = int(lines[1]), _written(base64.b64decode(lines[2], validate=True))
    except (IndexError, ValueError, binascii.Error):
        yield Difference("evidence.checkpoint", note[:80], "it is no checkpoint")
        return
    ours = _written(merkle.root(told, store.node)) if 0 <= told <= size else f"the ledger has {size} entries"
    if root != ours:
        yield Difference(f"checkpoint of {told} entries", root, ours)


def _written(root: bytes) -> str:
    return base64.b64encode(root).decode()


def _compared(report: Quarterly, again: Quarterly) -> Iterator[Difference]:
    for name in ("period", "start", "end", "view", "status", "version", "made_at", "greengate", "headline"):
        yield from _apart(name, getattr(report, name), getattr(again, name))
    for name in type(report.company).model_fields:
        yield from _apart(f"company, {name}", getattr(report.company, name), getattr(again.company, name))
    theirs, ours = ({one.id: one for one in made_.sections} for made_ in (report, again))
    for name in dict.fromkeys((*theirs, *ours)):
        yield from _section(name, theirs.get(name), ours.get(name))
    for field in type(report.evidence).model_fields:
        if field not in {"root", "checkpoint"}:  # these were held against the ledger
            yield from _apart(
                f"what it rests on, {field}", getattr(report.evidence, field), getattr(again.evidence, field)
            )


def _order(report: Quarterly, again: Quarterly) -> Iterator[Difference]:
    """Tell that something stands there twice or in another order, where every part by itself is the same."""
    bare = report.model_copy(update={"evidence": again.evidence})
    if bare != again:
        yield Difference("the report", _ids(report), _ids(again))


def _ids(report: Quarterly) -> str:
    parts = sum(len(part.data) + len(part.tables) + len(part.charts) for part in report.sections)
    return f"{len(report.sections)} sections, {parts} parts, in their order"


def _section(name: str, before: Section | None, after: Section | None) -> Iterator[Difference]:
    if before is None or after is None:
        yield Difference(f"section {name}", "there" if before else "none", "there" if after else "none")
        return
    for field in ("title", "omitted"):
        yield from _apart(f"section {name}, {field}", getattr(before, field), getattr(after, field))
    sentences = zip_longest(before.statements, after.statements, fillvalue="none")
    for number, pair in enumerate(sentences, 1):
        yield from _apart(f"section {name}, statement {number}", *pair)
    theirs, ours = ({one.id: one for one in section.data} for section in (before, after))
    for key in dict.fromkeys((*theirs, *ours)):
        yield from _datum(key, theirs.get(key), ours.get(key))
    tables, own = ({one.id: one for one in section.tables} for section in (before, after))
    for key in dict.fromkeys((*tables, *own)):
        yield from _table(key, tables.get(key), own.get(key))
    charts, drawn = ({one.id: one for one in section.charts} for section in (before, after))
    for key in dict.fromkeys((*charts, *drawn)):
        if charts.get(key) != drawn.get(key):
            yield Difference(f"chart {key}", _short(charts.get(key)), _short(drawn.get(key)))


def _datum(name: str, before: Datum | None, after: Datum | None) -> Iterator[Difference]:
    if before is None or after is None:
        yield Difference(name, "there" if before else "none", "there" if after else "none")
        return
    parts = [part for part in _PARTS if getattr(before, part) != getattr(after, part)]
    for part in parts:
        yield from _apart(name if part == "value" else f"{name}, {part}", getattr(before, part), getattr(after, part))
    if not parts and before != after:
        yield Difference(f"{name}, words", _short(before.label), _short(after.label))


def _table(name: str, before: Table | None, after: Table | None) -> Iterator[Difference]:
    if before == after:
        return
    if before is None or after is None:
        yield Difference(f"table {name}", "there" if before else "none", "there" if after else "none")
        return
    rows = zip_longest(before.rows, after.rows)
    where = next((number for number, (one, other) in enumerate(rows, 1) if one != other), 0)
    if not where:
        yield Difference(f"table {name}", "other words", "other words")
        return
    pair = [_row(table.rows, where) for table in (before, after)]
    yield Difference(f"table {name}, row {where}", *pair)


def _apart(what: str, before: object, after: object) -> Iterator[Difference]:
    """Tell two values that differ, long ones from shortly before the place where they part."""
    if before == after:
        return
    texts = [_text(value) for value in (before, after)]
    pairs = enumerate(zip(*texts, strict=False))
    parted = next((at for at, (one, other) in pairs if one != other), min(map(len, texts)))
    start = max(parted - _LEAD, 0) if max(map(len, texts)) > _LONG else 0
    yield Difference(what, *(_short(f"…{text[start:]}" if start else text) for text in texts))


def _text(value: object) -> str:
    """Write a value, or several, as a person would."""
    if value is None:
        return "missing"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _row(rows: Sequence[Sequence[str | None]], where: int) -> str:
    return _short(", ".join(cell or "" for cell in rows[where - 1])) if where <= len(rows) else "none"


def _short(value: object) -> str:
    text = _text(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
