"""Section C: what the models did, and what energy that took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from greengate.esg.account import Account
from greengate.esg.decimals import MJ_A_KWH, kwh, percent, ratio, scaled
from greengate.esg.document import Datum, Section, Table
from greengate.esg.instants import day
from greengate.esg.shares import Part
from greengate.esg.telling import Sum, behind, entries_of, entry, number, of_sum, summed, table, text, told

KINDS = {
    "metered": "an outside power meter, or an invoice",
    "counter": "an energy counter of the hardware",
    "measured": "read directly",
    "modelled": "a measured activity times a coefficient",
    "declared": "written down by somebody else",
    "static": "counted from the file",
    "unknown": "the measurement is not in the ledger",
}
GroupKey = TypeVar("GroupKey", bound=Any)
_MEASURED = ("metered", "counter", "measured")


def activity(account: Account) -> Section:
    """Tell activity and energy."""
    found = account.parts
    energy = summed(found, "energy").merge(account.lacking(account.start, account.end))
    totals = account.totals(account.start, account.end)  # of sums of months, which do not name what is behind them
    whole, cost = (replace(one, entries=one.entries | energy.entries) for one in (totals.energy, totals.cost))
    inferences = sum(part.inferences or 0 for part in found)
    counted = sum(part.inferences or 0 for part in found if part.counted)
    it, idle = sum(part.it for part in found), sum(part.idle for part in found)
    operation = ("", "declared traffic" if not counted else "traffic as counted, else as declared")[1]
    data = (
        of_sum("activity.energy", "Energy of operation, at the meter of the building", energy, kwh, "kWh",
            basis=operation),
        _plain("activity.it_energy", "of that IT energy", kwh(it), "kWh", found, "energy / PUE of each deployment"),
        _plain("activity.idle_energy", "of that while machines idled", kwh(idle), "kWh", found,
               "as activity records tell it; what nobody reported is not in it"),
        _ratio("activity.pue", "PUE over all deployments", energy.amount, it, "energy / IT energy"),
        of_sum("activity.energy_total", "Energy of operation and trainings", whole, kwh, "kWh",
            note=beginning(account)),
        _plain("activity.inferences", "Inferences", str(inferences), "1", found, operation),
        _share("activity.counted", "of them counted, not declared", counted, inferences),
        _wh("activity.wh_per_1k", "Energy of 1,000 inferences", energy, inferences),
        _p95(found),
        of_sum("activity.cost", "Cost of the energy of operation", cost, scaled_euros, "EUR",
               basis="prices of the deployments"),
        _share("quality.measured", "Energy that rests on a meter, a counter or a reading",
               sum(_amount(part) for part in found if part.kind in _MEASURED), energy.amount),
    )  # fmt: skip
    return Section(id="C", title="Activity and energy", statements=_STATEMENTS, data=data,
                   tables=(_by_model(found), _by_kind(found, energy), _activities(account)))  # fmt: skip


_STATEMENTS = (
    (
        "Energy of a time is the year's energy of the version in force x the time / its calendar year in UTC, in"
        " whole mJ, rounded half up. Where an activity record tells what was really done, its inferences scale the"
        " year, its IT energy x PUE replaces it, and its idle energy x PUE is added."
    ),
    "kWh have ten decimals, so that each mJ is told apart: round(kWh x 3.6e9) is the whole number of mJ.",
)


def scaled_euros(micros: int) -> str:
    """Write money in EUR."""
    return scaled(micros, 6)


def beginning(account: Account) -> str:
    """Say that nothing was in force at first, where that is in the period: it is then not the figure of all of it."""
    begun = account.begun
    inside = begun is not None and account.start < begun < account.until
    return f"nothing that the ledger knows was in force before {day(begun)}" if inside and begun is not None else ""


def _amount(part: Part) -> int:
    span = part.amounts["energy"]
    return span.amount if span else 0


def _plain(  # noqa: PLR0913 - a datum has these parts
    name: str, label: str, value: str, unit: str, found: Iterable[Part], basis: str
) -> Datum:
    rest = behind(one for part in found for one in entries_of(part))
    return told(name, label, value, unit, basis=basis, **rest)


def _ratio(name: str, label: str, above: int, below: int, basis: str) -> Datum:
    if not below:
        return told(name, label, None, "1", missing="there is no energy in the period")
    return told(name, label, ratio(above, below), "1", basis=basis)


def _share(name: str, label: str, above: int, below: int) -> Datum:
    if not below:
        return told(name, label, None, "%", missing="there is nothing in the period that it could be a share of")
    return told(name, label, percent(above, below), "%")


def _wh(name: str, label: str, energy: Sum, inferences: int) -> Datum:
    if not inferences:
        return told(name, label, None, "Wh/1k", missing="there are no inferences in the period")

    def write(millijoules: int) -> str:
        return ratio(millijoules * 10**6, MJ_A_KWH * inferences)

    return of_sum(name, label, energy, write, "Wh/1k", basis="energy / inferences")


def _p95(found: Sequence[Part]) -> Datum:
    """Tell below which energy of 1,000 inferences 95 of 100 inferences lie, each at the mean of its part."""
    rows = sorted(
        ((_amount(part), part.inferences) for part in found if part.inferences and part.amounts["energy"]),
        key=lambda one: one[0] / one[1],
    )
    name, label = "activity.wh_per_1k_p95", "95th percentile of it, over inferences"
    if not rows:
        return told(name, label, None, "Wh/1k", missing="there are no inferences in the period")
    wanted, passed = sum(count for _, count in rows) * 95, 0
    energy, count = rows[-1]
    for one, other in rows:
        passed += other
        if passed * 100 >= wanted:
            energy, count = one, other
            break
    note = f"over {len(rows)} parts, each at its mean: what single inferences took is not in the ledger"
    return told(name, label, ratio(energy * 10**6, MJ_A_KWH * count), "Wh/1k", note=note)


def _by_model(found: Sequence[Part]) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("team", "Team"),
        number("inferences", "Inferences", "1"),
               number("energy", "Energy", "kWh"), number("low", "Low", "kWh"), number("high", "High", "kWh"),
               number("wh_per_1k", "Of 1,000 inferences", "Wh"), text("how", "Energy is"),
               text("traffic", "Traffic is"), entry("conversion", "Newest conversion")]  # fmt: skip
    rows = []
    for key, own in grouped(found, lambda part: part.version.key).items():
        energy, inferences = summed(own, "energy"), sum(part.inferences or 0 for part in own)
        per = ratio(energy.amount * 10**6, MJ_A_KWH * inferences) if inferences else None
        traffic = sorted({"counted" if part.counted else "declared" for part in own})
        rows.append([*key, own[-1].version.chosen.team, str(inferences), *_ends(energy), per,
                     ", ".join(sorted({part.kind for part in own})), ", ".join(traffic),
                     own[-1].version.conversion.entry_id])  # fmt: skip
    return table("activity.by_model", "Energy by model", columns, rows)


def _ends(energy: Sum) -> tuple[str | None, ...]:
    if energy.unknown:
        return (None, None, None)
    return kwh(energy.amount), kwh(energy.low), kwh(energy.high)


def grouped(found: Iterable[Part], key: Callable[[Part], GroupKey]) -> dict[GroupKey, list[Part]]:
    """Group parts, the groups in their order."""
    groups: dict[GroupKey, list[Part]] = defaultdict(list)
    for part in found:
        groups[key(part)].append(part)
    return {name: groups[name] for name in sorted(groups)}


def _by_kind(found: Sequence[Part], energy: Sum) -> Table:
    columns = [
        text("kind", "Energy is"),
        text("words", "That is"),
        number("energy", "Energy", "kWh"),
        number("share", "Share", "%"),
    ]
    rows = [
        [
            kind,
            KINDS.get(str(kind), ""),
            kwh(own := sum(map(_amount, group))),
            percent(own, energy.amount) if energy.amount else None,
        ]
        for kind, group in grouped(found, lambda part: part.kind).items()
    ]
    return table("activity.by_kind", "How the energy came to be", columns, rows)


def _activities(account: Account) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("start", "From"), text("end", "To"),
               number("inferences", "Inferences", "1"), number("it", "IT energy", "kWh"),
               number("idle", "Idle energy", "kWh"),
               text("source", "Source"), entry("entry", "Entry")]  # fmt: skip
    used = {part.activity.entry_id: part.activity for part in account.parts if part.activity}
    rows = []
    for kept in sorted(used.values(), key=lambda one: one.idx):
        said = kept.record
        amounts = [None if one is None else kwh(one) for one in (said.it_energy_mj, said.idle_energy_mj)]
        count = None if said.inferences is None else str(said.inferences)
        rows.append([said.project, said.model, said.start, said.end, count, *amounts, said.source, kept.entry_id])
    return table("activity.records", "Activity records that were used", columns, rows)
