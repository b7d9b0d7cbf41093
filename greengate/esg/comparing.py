"""Section J: other periods beside this one, and what was restated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from functools import cached_property

from pydantic import ValidationError

from greengate.esg.account import Account, Totals
from greengate.esg.decimals import kwh, ratio, scaled, tonnes
from greengate.esg.document import Datum, Quarterly, Section, Table
from greengate.esg.emissions import headline_total
from greengate.esg.instants import day, of
from greengate.esg.story import Kept
from greengate.esg.telling import date, entry, number, of_sum, table, text, told
from greengate.periods import Calendar, Kind, NotAPeriod, Period, named, period_of
from greengate.records import Restated

TOTALS = {"energy": "activity.energy_total", "location": "emissions.total_location", "market": "emissions.total_market"}


@dataclass(frozen=True)
class Other:
    """A period that this one is compared with."""

    name: str
    words: str
    period: Period
    account: Account

    @cached_property
    def totals(self) -> Totals:
        """Its sums, by the same view of the ledger."""
        return self.account.totals(of(self.period.start), of(self.period.end))

    @property
    def known(self) -> bool:
        """Whether the ledger had begun before it ended."""
        earliest = self.account.story.earliest
        return earliest is not None and earliest < of(self.period.end)


def others(account: Account) -> Iterator[Other]:
    """Go through the period before, the same of the year before, and the base year."""
    calendar, period = account.said.calendar, account.period
    before = _containing(period.kind, period, calendar)
    yield Other("previous", f"the {period.kind} before", before, account)
    yield Other("last_year", f"the same {period.kind} of the year before", _year_before(period, calendar), account)
    if account.said.base_year:
        yield Other("base_year", "the base year", named(account.said.base_year, calendar), account)


def _containing(kind: Kind, period: Period, calendar: Calendar) -> Period:
    return period_of(kind, period.start - timedelta(microseconds=1), calendar)


def _year_before(period: Period, calendar: Calendar) -> Period:
    found = period
    for _ in range(12 // period.kind.months):
        found = _containing(period.kind, found, calendar)
    return found


def comparatives(account: Account) -> Section:
    """Tell other periods, restatements and the threshold above which one is material."""
    found = list(others(account))
    now = account.totals(account.start, account.end)
    data = [one for other in found for one in _data(other, now)]
    restated = [kept for kept in account.story.restatements if kept.record.period == account.period.name]
    data.append(told("comparatives.threshold", "A restatement is material from",
        scaled(int(account.said.threshold * 10**8), 6), "%",
                     basis="share of the total, the company's policy"))  # fmt: skip
    data.append(told("comparatives.restated", "Restatements of this period", str(len(restated)), "1"))
    data += _since(restated)
    statements = [
        "Other periods are recomputed by this view of the ledger; what was reported of them at the time stands beside.",
        *overlapping(account),
    ]
    return Section(id="J", title="Comparatives and restatements", statements=tuple(statements), data=tuple(data),
                   tables=(_reported(account, found), _restatements(account), _since_closing(account)))  # fmt: skip


def _since(restated: list[Kept]) -> Iterator[Datum]:
    """Tell how far the newest restatement is from what the period was closed by, which readers have in hand."""
    if not restated:
        return
    newest: Restated = restated[-1].record
    for way, amount in zip(_WAYS, _sums(newest), strict=True):
        missing = "the restatement was written before this was told" if amount is None else ""
        note = "together material, by one of the three" if newest.material_since else "together not material"
        yield told(f"comparatives.since_closing_{way[0]}", f"{way[1]}: restated less closed", _written(way, amount),
                   way[2], missing=missing, note="" if missing else note, entries=(restated[-1].entry_id,), of=1,
                   )  # fmt: skip


def _data(other: Other, now: Totals) -> Iterator[Datum]:
    start = f"comparatives.{other.name}"
    for way, unit in (("energy", "kWh"), ("location", "tCO2e"), ("market", "tCO2e")):
        label = f"{_WORDS[way]} of {other.words} ({other.period.name})"
        amount, mine = _amount(other.totals, way), _amount(now, way)
        if not other.known:
            yield told(f"{start}_{way}", label, None, unit, missing="the ledger begins later")
        elif amount is None:
            yield told(f"{start}_{way}", label, None, unit, missing="it is not known, or on several bases")
        else:
            note = _held(other, amount, mine)
            write = kwh if way == "energy" else tonnes
            added = replace(getattr(other.totals, way), entries=set())
            yield of_sum(f"{start}_{way}", label, added, write, unit, note=note)


def _held(other: Other, before: int, mine: int | None) -> str:
    """Hold this period against another one; say why not, where either is not whole or they are of two lengths."""
    account = other.account
    if account.until < account.end:
        return "this period is not over: it is held against nothing yet"
    begun = account.begun
    if begun is not None and begun > of(other.period.start):
        return f"nothing that the ledger knows was in force before {day(begun)}"
    if mine is None or not before or other.period.kind is not account.period.kind:
        return ""
    more = "less" if mine < before else "more"
    share = ratio(Fraction(abs(mine - before)) * 100, before, 1)
    return f"this period is {share if Fraction(share) or mine == before else 'less than 0.1'}% {more}"


_WORDS = {"energy": "Energy", "location": "Emissions, location-based,", "market": "Emissions, market-based,"}


def _amount(totals: Totals, way: str) -> int | None:
    if way == "energy":
        return None if totals.energy.unknown else totals.energy.amount
    return headline_total(totals, way)


def overlapping(account: Account) -> Iterator[str]:
    """Say which closed periods overlap this one under another name, as of another calendar."""
    for kept in account.story.closes:
        said = kept.record
        if said.period != account.period.name and day_of(said.start) < account.end and account.start < day_of(said.end):
            days = f"{said.start[:10]} to {said.end[:10]}"
            yield f"The closed period {said.period} ({days}) overlaps this one: never add them up."


def day_of(written: str) -> int:
    """Read an instant of a record."""
    from greengate.esg.instants import instant  # noqa: PLC0415 - the name is taken here by data

    return instant(written)


def reported(account: Account, name: str) -> tuple[Kept, Quarterly] | None:
    """Find what was last reported of a period, closed or restated; None where nothing was, or it is not there."""
    newest = _newest(account, name)
    report = _kept(account, newest.record.sha256) if newest else None
    return (newest, report) if newest and report else None


def _newest(account: Account, name: str) -> Kept | None:
    told = (kept for kept in reversed(account.story.delivered) if kept.record.period == name)
    return next((kept for kept in told if kept.record.view != "current"), None)


def as_closed(account: Account, name: str) -> Quarterly | None:
    """Find the report that a period was closed by; None where none was, or it is not there."""
    found = next((kept.record for kept in account.story.closes if kept.record.period == name), None)
    return None if found is None else _kept(account, found.report)


def _kept(account: Account, sha256: str) -> Quarterly | None:
    body = account.body(sha256)
    try:
        return None if body is None else Quarterly.model_validate_json(body)
    except ValidationError:
        return None


def _reported(account: Account, found: list[Other]) -> Table:
    columns = [text("period", "Period"), text("figure", "Figure"), number("now", "By this view"),
        number("reported", "As last reported"),
               number("difference", "Difference"), number("closed", "As closed"),
               number("since", "Since the closing"), text("unit", "Unit"), text("status", "It was"),
               entry("entry", "Report")]  # fmt: skip
    own = Other("own", "this period", account.period, account)
    rows = []
    for other in (own, *found):
        newest, before = _newest(account, other.period.name), reported(account, other.period.name)
        status = f"{newest.record.status}{'' if before else ', and not kept here'}" if newest else "not reported"
        first = as_closed(account, other.period.name)
        for way, name in TOTALS.items():
            amount = _amount(other.totals, way)
            mine = None if amount is None or not other.known else (kwh(amount) if way == "energy" else tonnes(amount))
            value = before[1].value(name) if before else None
            closed = first.value(name) if first else None
            rows.append([other.period.name, _WORDS[way].rstrip(","), mine, value, _less(mine, value),
                         closed, _less(mine, closed),
            "kWh" if way == "energy" else "tCO2e",
                         status, newest.entry_id if newest else None])  # fmt: skip
    return table("comparatives.reported", "Beside what was reported", columns, rows)


def _less(mine: str | None, theirs: str | None) -> str | None:
    from greengate.esg.decimals import exact  # noqa: PLC0415 - beside its one use

    return None if mine is None or theirs is None else scaled(int((exact(mine) - exact(theirs)) * 10**12), 12)


def _restatements(account: Account) -> Table:
    columns = [date("at", "On"), text("period", "Period"), text("reason", "Reason"), text("why", "Why"),
               *(number(*way) for way in _WAYS), text("material", "Material"), text("by", "Approved by"),
               entry("entry", "Entry")]  # fmt: skip
    rows = []
    for kept in account.story.restatements:
        said: Restated = kept.record
        amounts = (said.delta_energy_mj, said.delta_location_ugco2e, said.delta_market_ugco2e)
        rows.append([day(kept.at), said.period, said.reason.replace("_", " "), said.why,
                     *map(_written, _WAYS, amounts), _material(said), said.approved_by, kept.entry_id])  # fmt: skip
    return table("comparatives.restatements", "Restatements in the ledger, new less last reported", columns, rows)


def _since_closing(account: Account) -> Table:
    columns = [date("at", "On"), text("period", "Period"), *(number(*way) for way in _WAYS),
               text("material", "Material since the closing"), entry("entry", "Entry")]  # fmt: skip
    rows = [
        [day(kept.at), kept.record.period, *map(_written, _WAYS, _sums(kept.record)), _YES[kept.record.material_since],
         kept.entry_id]
        for kept in account.story.restatements
    ]  # fmt: skip
    return table("comparatives.since_closing", "Restatements added up: new less closed", columns, rows)


_YES = {True: "yes", False: "no", None: None}
_WAYS = (("energy", "Energy", "kWh"), ("location", "Location-based", "tCO2e"), ("market", "Market-based", "tCO2e"))


def _sums(said: Restated) -> tuple[int | None, ...]:
    return (said.since_energy_mj, said.since_location_ugco2e, said.since_market_ugco2e)


def _written(way: tuple[str, str, str], amount: int | None) -> str | None:
    return None if amount is None else (kwh if way[0] == "energy" else tonnes)(amount)


def _material(said: Restated) -> str:
    """Say by which of its two differences a restatement is material."""
    which = {(True, True): "yes, by both", (True, False): "yes, alone", (False, True): "yes, since the closing"}
    return which.get((bool(said.material_alone), bool(said.material_since)), "yes" if said.material else "no")


def period_named(name: str, calendar: Calendar) -> Period:
    """Find a period by its name, also written as `2026Q3`, `2026q3` or `2026 Q3`.

    Raises:
        NotAPeriod: There is none of this name in the calendar.
    """
    written = "".join(name.split()).upper()
    dashed = f"{written[:-2]}-{written[-2:]}" if written[-2:-1] == "Q" and written[-3:-2] != "-" else written
    if not dashed:
        raise NotAPeriod("no period is named", "they are written like `2026-Q3`")
    return named(dashed, calendar)
