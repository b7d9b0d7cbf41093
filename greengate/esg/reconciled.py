"""Section K: own figures held against others' accounts: cloud providers, trackers, meters, invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from greengate.esg.account import Account, trainings
from greengate.esg.decimals import kwh, scaled, tonnes
from greengate.esg.document import Section, Table
from greengate.esg.instants import day, instant
from greengate.esg.shares import Part
from greengate.esg.story import Kept
from greengate.esg.telling import Sum, entry, number, summed, table, text, told
from greengate.records import External, ExternalLine

_CLOUDS = {"aws": "aws", "google": "gcp", "azure": "azure"}
_BOUNDARY = {
    "aws": (
        "all services of the account, scopes 1 to 3 of the provider as its model tells them; ours: models in production"
    ),
    "google": "all services of the billing account, scopes 1 to 3 of the provider; ours: models in production",
    "azure": "all services of the subscriptions, scopes 1 to 3 of the provider; ours: models in production",
    "codecarbon": (
        "the runs that were tracked, by the tracker's own factors; ours: trainings and operation by pinned factors"
    ),
}
_BODY = TypeAdapter(tuple[ExternalLine, ...])
_MONTH = len("2026-07")
_FIGURES = (("energy_mj", "energy"), ("location_ugco2e", "location"), ("market_ugco2e", "market"))


def reconciliation(account: Account) -> Section:
    """Hold own figures of each month and region against what others say."""
    lines, cut = _lines(account)
    data = (told("reconciliation.accounts", "Accounts of others on this period",
        str(len({kept.entry_id for kept, _ in lines})), "1",
                 note=f"{cut} of them have lines beside the ledger that are not there any more" if cut else ""),
                 )  # fmt: skip
    statement = "Nobody reconciled: the ledger has no account of others on this period." if not lines else (
        "A difference is expected where boundaries differ; it is told, and never spread over own figures."
    )  # fmt: skip
    return Section(id="K", title="Reconciliation", statements=(statement,), data=data, tables=(_table(account, lines),))


def _lines(account: Account) -> tuple[list[tuple[Kept, ExternalLine]], int]:
    """List the lines on the period that nothing took the place of; and how many accounts have lost lines."""
    externals = account.story.externals
    read = {kept.entry_id: _all(account, kept.record) for kept in externals}
    gone = _replaced(externals, read)
    found = [
        (kept, line)
        for kept in externals
        for line in read[kept.entry_id][0]
        if line.start[:_MONTH] not in gone[kept.entry_id] and _within(account, line)
    ]
    cut = sum(not read[kept.entry_id][1] and _meets(account, kept.record.start, kept.record.end) for kept in externals)
    return found, cut


def _all(account: Account, said: External) -> tuple[tuple[ExternalLine, ...], bool]:
    """Read all lines of an account, also those beside the ledger; tell whether these are there."""
    if not said.body:
        return said.lines, True
    try:
        return (*said.lines, *_BODY.validate_json(account.body(said.body) or b"")), True
    except ValidationError:
        return said.lines, False


def _replaced(
    externals: Sequence[Kept], read: Mapping[str, tuple[tuple[ExternalLine, ...], bool]]
) -> dict[str, set[str]]:
    """Tell which months of each account a newer one of the same source has taken the place of."""
    source = {kept.entry_id: kept.record.source for kept in externals}
    gone: dict[str, set[str]] = defaultdict(set)
    for kept in externals:
        months = {line.start[:_MONTH] for line in read[kept.entry_id][0]}
        for older in kept.record.supersedes:
            if source.get(older) == kept.record.source and older != kept.entry_id:
                gone[older] |= months
    return gone


def _within(account: Account, line: ExternalLine) -> bool:
    """Tell whether most of a line's time lies in the period: months of others are in UTC, the calendar's may not be."""
    start, end = instant(line.start), instant(line.end)
    return account.start <= (start + end) // 2 < account.end and start < account.until


def _meets(account: Account, start: str, end: str) -> bool:
    return instant(start) < account.until and account.start < instant(end)


def _table(account: Account, lines: Sequence[tuple[Kept, ExternalLine]]) -> Table:
    columns = [text("source", "Account of"), text("start", "From"), text("end", "To"), text("region", "Region"),
        text("service", "Services"),
               text("figure", "Figure"), number("theirs", "Theirs"), number("ours", "Ours"),
               number("difference", "Theirs less ours"),
               text("unit", "Unit"), text("reason", "Why they may differ"), entry("entry", "Entry")]  # fmt: skip
    groups: dict[tuple[str, str, str, str, str], list[ExternalLine]] = defaultdict(list)
    for kept, line in lines:
        region = line.region if kept.record.source in _CLOUDS else ""  # a tracker's machines may be anywhere
        groups[kept.record.source, line.start, line.end, region, kept.entry_id].append(line)
    own_parts = _Own(account, frozenset((source, start) for source, start, _, region, _ in groups if region))
    rows = [row for key, own in sorted(groups.items()) for row in _rows(own_parts, key, own)]
    return table("reconciliation.lines", "Others' accounts beside own figures", columns, rows,
                 (
                     "Theirs in all is theirs of every scope, where they do not tell which way; it is held"
                     " against ours location-based."
                 ))  # fmt: skip


def _rows(own_parts: _Own, key: tuple[str, str, str, str, str], own: Sequence[ExternalLine]) -> list[list[str | None]]:
    source, start, end, region, entry_id = key
    services = ", ".join(sorted({line.service for line in own if line.service}))
    rows = []
    for field, name in (*_FIGURES, ("total_ugco2e", "location")):
        theirs = [amount for line in own if (amount := getattr(line, field)) is not None]
        if not theirs:
            continue
        mine, why = own_parts.sum(source, start, end, region, name)
        write = kwh if name == "energy" else tonnes
        figure = "in all" if field.startswith("total") else name
        reason = "; ".join(filter(None, (_BOUNDARY.get(source, "the source's own boundary"), why, own[0].basis)))
        rows.append([source, _day(start), _day(end), region, services, figure, write(sum(theirs)),
                     None if mine.unknown else write(mine.amount),
                     None if mine.unknown else _less(sum(theirs) - mine.amount, name),
                     "kWh" if name == "energy" else "tCO2e", reason, entry_id])  # fmt: skip
    return rows


def _less(amount: int, name: str) -> str:
    return kwh(amount) if name == "energy" else scaled(amount, 12)


def _day(written: str) -> str:
    return day(instant(written))


class _Own:
    """Own figures of the time and region of a line, and why they may be otherwise."""

    def __init__(self, account: Account, by_region: frozenset[tuple[str, str]]) -> None:
        self._account = account
        self._by_region = by_region
        self._parts: dict[tuple[int, int], list[Part]] = {}

    def sum(self, source: str, start: str, end: str, region: str, name: str) -> tuple[Sum, str]:
        """Add up own figures; of a tracker those of all regions, with trainings."""
        account, times = self._account, (instant(start), instant(end))
        short = f"ours end on {day(account.until)}" if account.until < times[1] else ""
        if source in _CLOUDS and not region and (source, start) in self._by_region:
            return Sum(), "what has no region; ours stand beside the regions"
        found = self._found(times) if source not in _CLOUDS else [
            part for part in self._found(times) if _is_in(part, _CLOUDS[source], region)
        ]  # fmt: skip
        own = summed(found, name)
        if source not in _CLOUDS:
            own = own.merge(trainings(account.trained(*times), "energy" if name == "energy" else "location"))
        return own, "; ".join(filter(None, (_different(found, region), short)))

    def _found(self, times: tuple[int, int]) -> list[Part]:
        if times not in self._parts:
            self._parts[times] = self._account.between(*times)
        return self._parts[times]


def _is_in(part: Part, cloud: str, region: str) -> bool:
    """Tell whether a part ran in a region of a cloud; `West Europe` is `westeurope`."""
    there, _, where = part.conversion.region.partition("/")
    return there == cloud and (not region or _bare(where) == _bare(region))


def _bare(region: str) -> str:
    return region.replace(" ", "").casefold()


def _different(ours: Sequence[Part], region: str) -> str:
    if not ours:
        return f"no model of the ledger was in force {f'in {region}' if region else 'there'}"
    on = sorted({part.basis for part in ours})
    return f"ours are {', '.join(on)}"
