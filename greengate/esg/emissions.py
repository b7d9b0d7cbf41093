"""Sections D and E: emissions by scope, both ways, and intensities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from greengate.esg.account import Account, Totals, bases, scope, total, trainings
from greengate.esg.activity import beginning, grouped
from greengate.esg.decimals import exact, kwh, ratio, tonnes
from greengate.esg.document import Datum, Section, Table
from greengate.esg.shares import Part
from greengate.esg.telling import Sum, entries_of, entry, number, of_sum, summed, table, text, told

WAYS = {"location": "location-based", "market": "market-based"}
_MIXED = "intensities are on several bases ({}), which are not added up: see the table by basis"
_NEVER = {
    "scope_1": ("Scope 1", "the ledger knows electricity only, no fuels"),
    "scope_3_2": ("Scope 3, category 2 (capital goods)",
                  "booked whole in the year of purchase; the ledger knows the share of a life, not the purchase"),
    "scope_3_3": ("Scope 3, category 3 (fuel and energy)",
                  (
                      "the ledger has one intensity a deployment: where it is lifecycle, what is upstream of the"
                      " power station is in the figures above already"
                  )),
    "scope_3_8": ("Scope 3, category 8 (leased assets)", "no deployment is declared as leased"),
}  # fmt: skip
_STATEMENTS = (
    (
        "Electricity of own machines is scope 2. That of cloud machines and of others' services is scope 3,"
        " category 1, and so is the share of their hardware: the minimum boundary of category 1 is all upstream"
        " emissions of what is purchased (Scope 3 Standard, table 5.4), and the hardware is the provider's capital"
        " good, not the company's. It is told on a line of its own, and is in the totals."
    ),
    "The share of own and of edge hardware is in SCI alone: category 2 books it in the year of purchase.",
    (
        "Trainings count once, in the period in which the first version that they brought comes into force, by"
        " their trackers' figures, which know one intensity: it stands in both totals."
    ),
    "Avoided emissions are in no total.",
)


def emissions(account: Account) -> Section:
    """Tell emissions by scope."""
    found, said = account.parts, account.said
    trained = account.trained(account.start, account.end)
    by_scope = {name: [part for part in found if scope(part, said) == name] for name in ("2", "3.1", "3.11", "edge")}
    lacking = account.lacking(account.start, account.end)
    data = [_never("scope_1")]
    data += [_electricity(f"scope_2_{way}", "Scope 2: own machines", by_scope["2"], way, lacking) for way in WAYS]
    bought = "Scope 3, category 1: electricity of cloud and services"
    data += [_electricity(f"scope_3_1_{way}", bought, by_scope["3.1"], way, lacking) for way in WAYS]
    embodied = summed(by_scope["3.1"], "embodied")
    data.append(of_sum("emissions.scope_3_1_embodied", "Scope 3, category 1: share of the provider's hardware",
                       embodied.merge(lacking), tonnes, "tCO2e",
                       basis="embodied, by time and resources"))  # fmt: skip
    data += [_never(name) for name in ("scope_3_2", "scope_3_3", "scope_3_8")]
    data += _edge(by_scope, said.edge)
    data.append(of_sum("emissions.training", "Trainings", trainings(trained, "location"), tonnes, "tCO2e",
                       basis="as their trackers told them",
                       note=_training_scope(said.training)))  # fmt: skip
    for way, words in WAYS.items():
        added = total(found, trained, said, way).merge(lacking)
        data.append(_total(way, words, added, bases(_counted(account)), _notes(account, embodied)))
    tables = (_by_model(found, account), *_by(found, account), _by_basis(found), _trainings(account))
    return Section(id="D", title="Emissions", statements=_STATEMENTS, data=tuple(data), tables=tables)


def _notes(account: Account, embodied: Sum) -> str:
    """Say what a total does not have: the time before anything was in force, and hardware that nobody declares."""
    without = sum(embodied.lacking.values())
    hardware = f"without the provider's hardware of {without} parts, which is not known" if without else ""
    return "; ".join(filter(None, (beginning(account), hardware)))


def headline_total(totals: Totals, way: str) -> int | None:
    """Tell a total in ugCO2e; None where it is on several bases, or nothing of it is known."""
    found: Sum = getattr(totals, way)
    return None if len(totals.bases) > 1 or found.unknown else found.amount


def _counted(account: Account) -> list[Part]:
    return [part for part in account.parts if scope(part, account.said) != "edge"]


def _electricity(name: str, label: str, found: Sequence[Part], way: str, lacking: Sum) -> Datum:
    on = bases(found)
    words = f"{WAYS[way]}, {', '.join(on)}" if on else WAYS[way]
    if len(on) > 1:
        return told(
            f"emissions.{name}",
            f"{label}, {WAYS[way]}",
            None,
            "tCO2e",
            basis=words,
            missing=_MIXED.format(", ".join(on)),
        )
    added = summed(found, way).merge(lacking)
    return of_sum(f"emissions.{name}", f"{label}, {WAYS[way]}", added, tonnes, "tCO2e", basis=words)


def _total(way: str, words: str, found: Sum, on: Sequence[str], note: str) -> Datum:
    name, label = f"emissions.total_{way}", f"Total, {words}"
    if len(on) > 1:
        return told(name, label, None, "tCO2e", missing=_MIXED.format(", ".join(on)))
    basis = "; ".join(filter(None, (words, ", ".join(on), "trainings included")))
    return of_sum(name, label, found, tonnes, "tCO2e", basis=basis, note=note)


def _never(name: str) -> Datum:
    label, why = _NEVER[name]
    return told(f"emissions.{name}", label, None, "tCO2e", missing=why)


def _edge(by_scope: dict[str, list[Part]], edge: str) -> list[Datum]:
    label = "Scope 3, category 11: use of sold devices"
    if edge == "sold":
        note = "of the period: category 11 itself books the use of a device's whole life in the year of its sale"
        return [of_sum("emissions.scope_3_11", label, summed(by_scope["3.11"], "location"), tonnes, "tCO2e", note=note,
                       basis="location-based")]  # fmt: skip
    if edge == "others" or not by_scope["edge"]:
        why = "the devices are others'" if edge == "others" else "no model of the ledger runs on edge devices"
        first = told("emissions.scope_3_11", label, None, "tCO2e", missing=why)
    else:
        first = told(
            "emissions.scope_3_11", label, None, "tCO2e", missing="report.yaml does not say whose the devices are"
        )
    beside = "beside the totals: scope 2 of whoever runs the devices"
    return [first, of_sum("emissions.edge", "Edge devices", summed(by_scope["edge"], "location"), tonnes, "tCO2e",
                          basis="location-based", note=beside)]  # fmt: skip


def _training_scope(word: str) -> str:
    return {
        "own": "on own machines: scope 2",
        "cloud": "on cloud machines: scope 3, category 1",
    }.get(word, "report.yaml does not say whose machines they ran on: scope 2 or scope 3, category 1")


def _by_model(found: Sequence[Part], account: Account) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("scope", "Scope"),
        number("energy", "Energy", "kWh"),
               number("location", "Location-based", "tCO2e"), number("location_low", "Low", "tCO2e"),
               number("location_high", "High", "tCO2e"), number("market", "Market-based", "tCO2e"),
               number("embodied", "Embodied share", "tCO2e"), text("missing", "Missing"),
               entry("conversion", "Newest conversion")]  # fmt: skip
    rows = []
    groups = grouped(found, lambda part: (*part.version.key, scope(part, account.said)))
    for key, own in groups.items():
        sums = {name: summed(own, name) for name in ("energy", "location", "market", "embodied")}
        where = sums["location"]
        ends = (None, None) if where.unknown else (tonnes(where.low), tonnes(where.high))
        rows.append([*key, *_cells(own, "energy"), *_cells(own, "location"), *ends, *_cells(own, "market", "embodied"),
                     "; ".join(f"{name}: {one.why}" for name, one in sums.items() if one.lacking),
                     own[-1].version.conversion.entry_id])  # fmt: skip
    return table("emissions.by_model", "Emissions of operation by model", columns, rows)


def _by(found: Sequence[Part], account: Account) -> tuple[Table, ...]:
    keys: dict[str, tuple[str, Callable[[Part], str]]] = {
        "team": ("Team", lambda part: part.version.chosen.team or "no team"),
        "zone": ("Zone", lambda part: part.conversion.intensity.id if part.conversion.intensity else ""),
        "month": ("Month", lambda part: part.month),
    }
    return tuple(_grouping(found, name, label, key) for name, (label, key) in keys.items()) if account else ()


def _grouping(found: Sequence[Part], name: str, label: str, key: Callable[[Part], str]) -> Table:
    columns = [text(name, label), number("energy", "Energy", "kWh"), number("location", "Location-based", "tCO2e"),
               number("market", "Market-based", "tCO2e"), number("embodied", "Embodied share", "tCO2e")]  # fmt: skip
    rows = [
        [str(group), *_cells(own, "energy", "location", "market", "embodied")]
        for group, own in grouped(found, key).items()
    ]
    return table(f"emissions.by_{name}", f"Emissions of operation by {label.lower()}", columns, rows)


def _cells(own: Sequence[Part], *names: str) -> list[str | None]:
    sums = [(summed(own, name), kwh if name == "energy" else tonnes) for name in names]
    return [None if one.unknown else write(one.amount) for one, write in sums]


def _by_basis(found: Sequence[Part]) -> Table:
    columns = [text("basis", "Basis of the intensities"), number("location", "Location-based", "tCO2e"),
               number("market", "Market-based", "tCO2e")]  # fmt: skip
    rows = [
        [str(basis), *_cells(own, "location", "market")]
        for basis, own in grouped(found, lambda part: part.basis).items()
    ]
    return table("emissions.by_basis", "Emissions of operation by basis", columns, rows)


def _trainings(account: Account) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), text("digest", "Training (SHA-256 of its record)"),
               number("energy", "Energy", "kWh"), number("location", "Emissions", "tCO2e"),
               entry("entry", "Decision")]  # fmt: skip
    rows = [
        [*one.key, one.digest, kwh(one.energy.amount) if one.energy else None,
         tonnes(one.location.amount) if one.location else None, one.entries[0][1]]
        for one in account.trained(account.start, account.end)
    ]  # fmt: skip
    return table("emissions.trainings", "Trainings of the period", columns, rows)


def intensity(account: Account) -> Section:
    """Tell SCI and emissions by revenue."""
    found = account.parts
    data = [*_sci(found)]
    revenue = account.said.revenue.get(account.period.name)
    totals = account.totals(account.start, account.end)
    behind = {entry for part in _counted(account) for entry in entries_of(part)}
    for way, words in WAYS.items():
        added: Sum = getattr(totals, way)
        whole = None if headline_total(totals, way) is None else replace(added, entries=added.entries | behind)
        data.append(_by_revenue(way, words, whole, revenue, account.said.currency))
    statement = (
        "SCI = ((E x I) + M) / R (ISO/IEC 21031:2024), with R = 1,000 inferences, I location-based, and M the"
        " share of the hardware's making, of the deployments that declare it."
    )
    return Section(id="E", title="Intensity", statements=(statement,), data=tuple(data), tables=(_sci_by_model(found),))


def _sci(found: Sequence[Part]) -> list[Datum]:
    counted = [part for part in found if part.inferences and part.amounts["location"] is not None]
    inferences = sum(part.inferences or 0 for part in counted)
    operational, made = summed(counted, "location"), summed(counted, "embodied")
    on = bases(counted)
    labels = {"intensity.sci": "SCI", "intensity.sci_operational": "SCI: operational (O = E x I)",
              "intensity.sci_embodied": "SCI: embodied (M)"}  # fmt: skip
    if not inferences or len(on) > 1:
        why = _MIXED.format(", ".join(on)) if len(on) > 1 else "there are no inferences with emissions in the period"
        return [told(name, label, None, "gCO2e/1k", missing=why) for name, label in labels.items()]
    note = f"incomplete: M is not known of {sum(made.lacking.values())} of {len(counted)} parts" if made.lacking else ""
    embodied = replace(made, lacking=Counter())  # what is not in it, the note tells
    sums = {"intensity.sci": operational.merge(embodied), "intensity.sci_operational": operational,
            "intensity.sci_embodied": embodied}  # fmt: skip

    def write(micrograms: int) -> str:
        return ratio(micrograms, 1000 * inferences)

    return [
        told(name, label, None, "gCO2e/1k", missing=made.why) if made.unknown and sums[name] is not operational
        else of_sum(name, label, sums[name], write, "gCO2e/1k", basis=", ".join(on),
                    note="" if sums[name] is operational else note)
        for name, label in labels.items()
    ]  # fmt: skip


def _sci_by_model(found: Sequence[Part]) -> Table:
    columns = [text("project", "Project"), text("model", "Model"), number("o", "O", "gCO2e/1k"),
        number("m", "M", "gCO2e/1k"),
               number("sci", "SCI", "gCO2e/1k"), number("inferences", "R", "1")]  # fmt: skip
    rows = []
    for key, own in grouped(found, lambda part: part.version.key).items():
        inferences = sum(part.inferences or 0 for part in own)
        o, m = summed(own, "location"), summed(own, "embodied")
        known = [bool(inferences) and not o.lacking, bool(inferences) and not m.lacking]
        amounts = (o.amount, m.amount, o.amount + m.amount)
        cells = [
            ratio(amount, 1000 * inferences) if fits else None
            for amount, fits in zip(amounts, (*known, all(known)), strict=True)
        ]
        rows.append([*key, *cells, str(inferences)])
    return table("intensity.by_model", "SCI by model", columns, rows)


def _by_revenue(way: str, words: str, found: Sum | None, revenue: str | None, currency: str) -> Datum:
    name, label, unit = f"intensity.revenue_{way}", f"Emissions by net revenue, {words}", f"tCO2e/million {currency}"
    if revenue is None:
        return told(name, label, None, unit, missing="report.yaml tells no revenue of this period")
    if found is None or not exact(revenue):
        return told(name, label, None, unit, missing="the total is not known" if found is None else "the revenue is 0")
    millions = exact(revenue) * 10**6

    def write(micrograms: int) -> str:
        return ratio(micrograms, millions)

    return of_sum(name, label, found, write, unit, basis=f"net revenue of {revenue} {currency}")
