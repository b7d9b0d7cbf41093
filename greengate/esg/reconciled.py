"""Section K: own figures held against others' accounts: cloud providers, trackers, meters, invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from greengate.esg.account import Account
from greengate.esg.decimals import kwh, scaled, tonnes
from greengate.esg.document import Section, Table
from greengate.esg.instants import day, instant
from greengate.esg.shares import Part
from greengate.esg.story import Kept
from greengate.esg.telling import entry, number, summed, table, text, told
from greengate.records import ExternalLine

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
_FIGURES = (("energy_mj", "energy"), ("location_ugco2e", "location"), ("market_ugco2e", "market"))


def reconciliation(account: Account) -> Section:
    """Hold own figures of each month and region against what others say."""
    lines = [(kept, line) for kept in account.story.externals for line in kept.record.lines if _within(account, line)]
    cut = sum(
        1
        for kept in account.story.externals
        if kept.record.body and _meets(account, kept.record.start, kept.record.end)
    )
    data = (told("reconciliation.accounts", "Accounts of others on this period",
        str(len({kept.entry_id for kept, _ in lines})), "1",
                 note=f"{cut} of them have lines beside the ledger that are not read here" if cut else ""),
                 )  # fmt: skip
    statement = "Nobody reconciled: the ledger has no account of others on this period." if not lines else (
        "A difference is expected where boundaries differ; it is told, and never spread over own figures."
    )  # fmt: skip
    return Section(id="K", title="Reconciliation", statements=(statement,), data=data, tables=(_table(account, lines),))


def _within(account: Account, line: ExternalLine) -> bool:
    return _meets(account, line.start, line.end)


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
        groups[kept.record.source, line.start, line.end, line.region, kept.entry_id].append(line)
    rows = [row for key, own in sorted(groups.items()) for row in _rows(account, key, own)]
    return table("reconciliation.lines", "Others' accounts beside own figures", columns, rows,
                 (
                     "Theirs in all is theirs of every scope, where they do not tell which way; it is held"
                     " against ours location-based."
                 ))  # fmt: skip


def _rows(account: Account, key: tuple[str, str, str, str, str], own: Sequence[ExternalLine]) -> list[list[str | None]]:
    source, start, end, region, entry_id = key
    ours = _ours(account, source, start, end, region)
    services = ", ".join(sorted({line.service for line in own if line.service}))
    rows = []
    for field, name in (*_FIGURES, ("total_ugco2e", "location")):
        theirs = [amount for line in own if (amount := getattr(line, field)) is not None]
        if not theirs:
            continue
        mine, write = summed(ours, name), kwh if name == "energy" else tonnes
        figure = "in all" if field.startswith("total") else name
        reason = "; ".join(
            filter(None, (_BOUNDARY.get(source, "the source's own boundary"), _different(ours, region), own[0].basis))
        )
        rows.append([source, _day(start), _day(end), region, services, figure, write(sum(theirs)),
                     None if mine.unknown else write(mine.amount),
                     None if mine.unknown else _less(sum(theirs) - mine.amount, name),
                     "kWh" if name == "energy" else "tCO2e", reason, entry_id])  # fmt: skip
    return rows


def _less(amount: int, name: str) -> str:
    return kwh(amount) if name == "energy" else scaled(amount, 12)


def _day(written: str) -> str:
    return day(instant(written))


def _ours(account: Account, source: str, start: str, end: str, region: str) -> list[Part]:
    """List own parts of the same time, cloud and region; of a tracker, of all."""
    cloud = _CLOUDS.get(source)
    found = [part for part in account.parts if instant(start) <= part.start and part.end <= instant(end)]
    if cloud is None:
        return found
    wanted = f"{cloud}/{region}" if region else f"{cloud}/"
    return [
        part
        for part in found
        if part.conversion.region.startswith(wanted) and (not region or part.conversion.region == wanted)
    ]


def _different(ours: Sequence[Part], region: str) -> str:
    if not ours:
        return f"no model of the ledger runs {f'in {region}' if region else 'there'}"
    on = sorted({part.basis for part in ours})
    return f"ours are {', '.join(on)}"
