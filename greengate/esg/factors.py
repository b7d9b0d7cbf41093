"""Sections F and G: instruments, formulas, and every factor that was used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from greengate.conversion import Conversion, Factor
from greengate.esg.account import Account, plain
from greengate.esg.activity import grouped
from greengate.esg.decimals import MJ_A_KWH, exact, percent, ratio
from greengate.esg.document import Section, Table
from greengate.esg.shares import Part
from greengate.esg.telling import number, table, text, told

_CONTRACTS = ("supplier", "power-purchase", "certificate")
_CRITERIA = (
    "Whether the quality criteria of the Scope 2 Guidance (chapter 7) are met (exclusive claim, tracking and"
    " retirement, vintage, market) is for the company to show: the ledger has each instrument's name, vintage,"
    " share and source."
)
_FORMULAS = (
    "energy of a year = energy of 1,000 inferences x PUE x inferences a year / 1000",
    (
        "emissions = energy / 3.6e6 J x intensity; market-based with the intensity of the contracts, each for its"
        " share, else the residual mix, else the grid's average with a statement that no instrument applies"
    ),
    (
        "what a version took in a time = the year's amount x time / its calendar year in UTC; round half up to"
        " whole mJ, ugCO2e and uEUR; parts end with months, years, versions and activity records"
    ),
    "a conversion that another one supersedes does not count: the newest counts, in this view of the ledger",
)


def _stated(words: str, count: int, parts: int) -> str:
    """Say what deployments state of their electricity, and of how many parts it is said where others say otherwise."""
    return words if count == parts else f"Of {count} of {parts} parts of the period it is stated: {words}."


def instruments(account: Account) -> Section:
    """Tell by which contracts and mixes market-based emissions were made."""
    found = [part for part in account.parts if part.amounts["energy"] is not None]
    energy = sum((Fraction(_energy(part)) for part in found), Fraction(0))
    shares: dict[Factor, Fraction] = defaultdict(Fraction)
    for part in found:
        for one in part.conversion.market:
            shares[one.factor] += exact(one.share) * _energy(part)
    said = Counter(part.conversion.statement for part in found if part.conversion.statement)
    statements = [_stated(words, count, len(found)) for words, count in said.items()]
    covered = sum((amount for factor, amount in shares.items() if factor.kind in _CONTRACTS), Fraction(0))
    share = percent(covered, energy) if energy else None
    columns = [text("type", "Type"), text("id", "Instrument or mix"), number("mwh", "Electricity", "MWh"),
               number("share", "Share", "%"), number("intensity", "Intensity", "gCO2e/kWh"), text("year", "Vintage"),
               text("basis", "Basis"), text("source", "Source"), text("set", "Factor set")]  # fmt: skip
    rows = [
        [factor.kind, factor.id, ratio(amount, MJ_A_KWH * 1000, 13), percent(amount, energy) if energy else None,
        factor.value,
         str(factor.year or ""), factor.basis, factor.source, factor.set]
        for factor, amount in sorted(shares.items(), key=lambda one: (one[0].kind, one[0].id, one[0].value))
    ]  # fmt: skip
    data = [told("instruments.covered", "Electricity that contracts and certificates cover", share, "%",
                 missing="" if share else "there is no energy in the period")]  # fmt: skip
    if not any(factor.kind in _CONTRACTS for factor in shares):
        statements.append("No contractual instrument applies to the electricity of this period.")
    return Section(id="F", title="Contractual instruments", statements=(*statements, _CRITERIA), data=tuple(data),
                   tables=(table("instruments.used", "Instruments and mixes", columns, rows),))  # fmt: skip


def _energy(part: Part) -> int:
    span = part.amounts["energy"]
    return span.amount if span else 0


def methodology(account: Account, before: Sequence[Part]) -> Section:
    """Tell formulas and factors, and what changed since the period before."""
    found = account.parts
    sets = sorted(
        {
            (part.conversion.factor_set, part.conversion.factor_set_sha256)
            for part in found
            if part.conversion.factor_set
        }
    )
    columns = [text("name", "Factor set"), text("sha256", "SHA-256")]
    remarks = {f"{part.version.key[1]}: {remark}": None for part in found for remark in part.conversion.remarks}
    data = (
        told("methodology.factor_sets", "Factor sets", ", ".join(name for name, _ in sets) or None,
             missing="" if sets else "no deployment of the period pins a factor set"),
        told("methodology.factors", "Factors used", str(len(_used(found))), "1"),
    )  # fmt: skip
    tables = (table("methodology.sets", "Factor sets", columns, sets), _factors(found), _changes(found, before))
    return Section(id="G", title="Methodology", statements=(*_FORMULAS, *remarks), data=data, tables=tables)


def _used(found: Iterable[Part]) -> dict[Factor, set[tuple[str, str]]]:
    used: dict[Factor, set[tuple[str, str]]] = defaultdict(set)
    for part in found:
        for factor in factors_of(part.conversion):
            used[factor].add(part.version.key)
    return used


def factors_of(said: Conversion) -> Iterator[Factor]:
    """Go through every factor of a conversion."""
    yield from filter(None, (said.pue, said.intensity, said.price, said.embodied.host if said.embodied else None))
    yield from (one.factor for one in said.market)


def _factors(found: Sequence[Part]) -> Table:
    columns = [text("kind", "Factor"), text("id", "Of"), number("value", "Value"), text("unit", "Unit"),
        text("year", "Year"),
               text("basis", "Basis"), text("source", "Source"), text("licence", "Licence"), text("set", "Factor set"),
               number("models", "Models", "1"), text("note", "Note")]  # fmt: skip
    rows = [
        [one.kind, one.id, one.value, one.unit, str(one.year or ""), one.basis, one.source, one.licence, one.set,
         str(len(models)), one.note]
        for one, models in sorted(_used(found).items(), key=lambda told: (told[0].kind, told[0].id, told[0].value,
            told[0].source))
    ]  # fmt: skip
    traffic = sorted(
        {
            plain(part.conversion.inferences_per_year)
            for part in found
            if part.conversion.inferences_per_year is not None
        }
    )
    note = f"Declared inferences a year, of all deployments: {', '.join(traffic)}." if traffic else ""
    return table("methodology.factors", "Every factor that was used", columns, rows, note)


def _changes(found: Sequence[Part], before: Sequence[Part]) -> Table:
    """Tell the factors that changed since the period before, model by model."""
    columns = [
        text("project", "Project"),
        text("model", "Model"),
        text("kind", "Factor"),
        text("before", "Before"),
        text("now", "Now"),
    ]
    then, now = grouped(before, lambda part: part.version.key), grouped(found, lambda part: part.version.key)
    rows = [
        [*key, kind, was, is_]
        for key, own in now.items()
        if key in then
        for kind, was, is_ in _differing(then[key][-1].conversion, own[-1].conversion)
    ]
    note = "" if before else "There is no period before this one in the ledger."
    return table("methodology.changes", "Factors that changed since the period before", columns, rows, note)


def _differing(before: Conversion, now: Conversion) -> Iterator[tuple[str, str | None, str | None]]:
    old, new = _by_kind(before), _by_kind(now)
    for kind in dict.fromkeys((*old, *new)):
        if old.get(kind) != new.get(kind):
            yield kind, old.get(kind), new.get(kind)


def _by_kind(said: Conversion) -> dict[str, str]:
    told = {factor.kind: str(factor) for factor in (said.pue, said.intensity, said.price) if factor}
    if said.inferences_per_year is not None:
        told["traffic"] = f"{plain(said.inferences_per_year)} inferences a year"
    if said.market:
        told["market"] = "; ".join(f"{plain(one.share)} x {one.factor}" for one in said.market)
    if said.factor_set:
        told["factor set"] = f"{said.factor_set} ({said.factor_set_sha256[:12]})"
    return told
