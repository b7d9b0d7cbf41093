"""What was told late: settlements and retirements of a time of which later decisions stood in the ledger already.

They change figures that could be read before, also those of periods that were reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greengate.esg.account import Account
from greengate.esg.comparing import others
from greengate.esg.document import Datum, Table
from greengate.esg.instants import day, instant, of
from greengate.esg.story import Late
from greengate.esg.telling import FEW, behind, date, entry, table, text, told


@dataclass(frozen=True, slots=True)
class Told:
    """One of them, and the periods that were last reported before it was told and end after it took effect."""

    late: Late
    reported: tuple[str, ...]


def late(account: Account) -> list[Told]:
    """List what was told late of the period and the one before, or reaches into either after it was reported."""
    before, own = next(others(account)).period, account.period.name
    since = of(before.start)
    told_late = [one for one in account.story.late if one.kept.at < account.until]
    found = [Told(one, tuple(_reported(account, one))) for one in told_late]
    return [one for one in found if one.late.kept.at >= since or {own, before.name} & set(one.reported)]


def _reported(account: Account, one: Late) -> Iterator[str]:
    if getattr(one.kept.record, "state", "") == "closed":  # it changes avoided emissions alone, which are in no total
        return
    newest = {kept.record.period: kept.idx for kept in account.story.delivered if kept.record.view != "current"}
    for kept in account.story.closes:
        name = kept.record.period
        if instant(kept.record.end) > one.kept.at and newest.get(name, kept.idx) < one.kept.idx:
            yield name


def data(found: Sequence[Told]) -> Iterator[Datum]:
    """Count them."""
    yield told("quality.late", "Settlements and retirements told more than a day late", str(len(found)), "1",
               note="of this period and the one before, which were otherwise until then" if found else "",
               **behind((one.late.kept.idx, one.late.kept.entry_id) for one in found))  # fmt: skip
    after = [one for one in found if one.reported]
    names = list(dict.fromkeys(name for one in after for name in one.reported))
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    note = f"`greengate period restate` tells anew, where a total changed: {', '.join(names[:FEW])}{more}"
    yield told("quality.late_reported",
               "Settlements and retirements told after a period that they reach into was reported", str(len(after)),
               "1", note=note if after else "",
               **behind((one.late.kept.idx, one.late.kept.entry_id) for one in after))  # fmt: skip


def listed(found: Sequence[Told]) -> Table:
    """List them, with how late each was told."""
    columns = [date("at", "Took effect on"), date("told", "Told after decisions of"), text("what", "What"),
               text("reported", "Reported before it was told"), entry("entry", "Entry")]  # fmt: skip
    rows = [
        [day(one.late.kept.at), day(one.late.clock), one.late.words, ", ".join(one.reported), one.late.kept.entry_id]
        for one in found
    ]
    return table("quality.late_told", "Told more than a day late", columns, rows)
