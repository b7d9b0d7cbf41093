"""From an exported file to the record that the ledger keeps of it, with the file beside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from greengate.errors import UsageError, nearest
from greengate.external import amounts
from greengate.external.providers import PROVIDERS, Provider
from greengate.external.sayings import summed
from greengate.external.sheets import header, read
from greengate.external.texts import text
from greengate.ledger.canonical import digest, encode
from greengate.records import MOST_BYTES, External, ExternalLine, statement

_SPARE = 4096  # bytes of a leaf, for what is said of it later
_MOST_REMARKS = 50
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Account:
    """An export that was read: what the ledger is told, and what is kept beside by digest.

    Attributes:
        lines: All sums, also those that the record has no room for.
    """

    record: External
    lines: tuple[ExternalLine, ...]
    bodies: dict[str, bytes]

    @property
    def leaf(self) -> bytes:
        """The record as the bytes of an entry."""
        return encode(statement(self.record, self.record.name, self.record.digest))

    @property
    def months(self) -> list[str]:
        """The months that it is about."""
        return sorted({line.start[:7] for line in self.lines})


def account(source: str, name: str, data: bytes, at: str, unit: str = "") -> Account:
    """Read an export.

    Args:
        source: A word of `PROVIDERS`.
        name: What the file is called.
        data: Its bytes.
        at: When it is read, UTC, ISO 8601.
        unit: The unit of its emissions, where it does not say it.

    Raises:
        UsageError: It is no export of that provider, or something in it would be counted wrongly.
        Problems: Several rows are wrong, each with its line.
    """
    if source not in PROVIDERS:
        raise UsageError("--from", f"`{source}` is no source that greengate reads", nearest(source, PROVIDERS))
    if unit and amounts.unit(unit) is None:
        raise UsageError("--unit", *amounts.no_unit(unit))
    provider = PROVIDERS[source]
    found, remarks = text(data, name)
    _refuse_another(found, name, source)
    sheet = read(found, name, provider.NEEDS, provider.TITLE)
    said, totals, more = provider.said(sheet, unit)
    sums = summed(said, totals)
    _refuse_future(max(line.start for line in sums.lines), name, at)
    told = External(
        at=at,
        source=source,
        name=name,
        digest=digest(data),
        start=min(line.start for line in sums.lines),
        end=max(line.end for line in sums.lines),
        rows=sums.rows,
        remarks=_remarks([*remarks, *sheet.remarks, *more, *sums.remarks]),
    )
    return _with_lines(told, sums.lines, data)


def _refuse_future(newest: str, name: str, at: str) -> None:
    if newest[:10] > at[:10]:
        hint = "its dates are shifted, or the clock of this machine is wrong"
        raise UsageError(name, f"it tells of {newest[:7]}, which has not come yet", hint)


def _refuse_another(found: str, name: str, source: str) -> None:
    """Refuse another provider's export, and name the provider."""
    if header(found, PROVIDERS[source].NEEDS) is None:
        for other, provider in PROVIDERS.items():
            if other != source and header(found, provider.NEEDS) is not None:
                problem = f"this looks like an export of {provider.TITLE}, not of {PROVIDERS[source].TITLE}"
                raise UsageError(name, problem, f"--from {other}")


def _remarks(found: list[str]) -> tuple[str, ...]:
    more = len(found) - _MOST_REMARKS
    cut = [f"{remark[:_LONGEST]}…" if len(remark) > _LONGEST else remark for remark in found[:_MOST_REMARKS]]
    return (*cut, *([f"and {more} more"] if more > 0 else []))


def _with_lines(told: External, lines: tuple[ExternalLine, ...], data: bytes) -> Account:
    around = len(encode(statement(told, told.name, told.digest)))
    kept = _fitting(lines, MOST_BYTES - _SPARE - around)
    rest = lines[len(kept) :]
    body = encode([_plain(line) for line in rest]) if rest else b""
    record = told.model_copy(update={"lines": kept, "body": digest(body) if body else ""})
    return Account(record, lines, {record.digest: data, **({record.body: body} if body else {})})


def _fitting(lines: tuple[ExternalLine, ...], room: int) -> tuple[ExternalLine, ...]:
    """Take as many lines as so many bytes have room for."""
    for index, line in enumerate(lines):
        room -= len(encode(_plain(line))) + 1
        if room < 0:
            return lines[:index]
    return lines


def _plain(line: ExternalLine) -> Any:
    return json.loads(line.model_dump_json())


__all__ = ["Account", "Provider", "account"]
