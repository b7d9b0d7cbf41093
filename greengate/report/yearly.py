"""What a change costs a year, beside what is in production: energy, emissions and money, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from greengate.conversion import Conversion, Factor
from greengate.evidence import Evidence, Figure
from greengate.metrics import METRICS
from greengate.report.account import Entry
from greengate.report.comparison import Compared, Comparison, compared
from greengate.years import Difference, difference, signed

WORDS = {
    "deployment_energy": "energy",
    "deployment_carbon": "carbon",
    "deployment_carbon_market": "market-based",
    "deployment_cost": "cost",
}
_HEADLINE = ("deployment_carbon", "deployment_cost")
_LEAST = {"deployment_cost": 0.005}  # less is no money


@dataclass(frozen=True, slots=True)
class Yearly:
    """One figure of a year."""

    word: str
    compared: Compared
    difference: Difference | None


def years(comparison: Comparison) -> Iterator[Yearly]:
    """Go through the figures of a year that are there."""
    if comparison.evidence.voided:
        return
    for name, word in words(comparison.evidence).items():
        found = comparison.of(name)
        if found is not None:
            yield Yearly(word, found, difference(found))


def words(evidence: Evidence) -> dict[str, str]:
    """Name the figures of a year that are shown: the market-based one only where a contract makes it another."""
    said = evidence.conversion
    alike = said is not None and [part.factor for part in said.market] == [said.intensity]
    return {name: word for name, word in WORDS.items() if not (alike and name == "deployment_carbon_market")}


def headline(entry: Entry) -> str:
    """Say in a few words what the change costs a year: `+1.2 tCO2e and +310 EUR a year`; nothing where nobody knows."""
    comparison = compared(entry)
    return in_words(comparison) if comparison else ""


def in_words(comparison: Comparison) -> str:
    """As `headline`, of figures that are compared already."""
    found = {one.compared.name: one.difference.amount for one in years(comparison) if one.difference}
    return sum_in_words(found) or _in_all(comparison)


def sum_in_words(amounts: Mapping[str, float]) -> str:
    """Say in a few words how much more a year some amounts are, by the metrics of a year."""
    names = [name for name in _HEADLINE if name in amounts] or [name for name in WORDS if name in amounts][:1]
    told = [signed(METRICS[name], amounts[name]) for name in names if _told(name, amounts[name])]
    return f"{' and '.join(told)} a year" if told else ""


def span(comparison: Comparison) -> str:
    """Say between which figures the first of the headline lies, with how much confidence, or nothing."""
    found = {one.compared.name: one.difference for one in years(comparison) if one.difference}
    name = next((name for name in (*_HEADLINE, *WORDS) if name in found), "")
    difference = found.get(name)
    if difference is None or difference.interval is None or not difference.span:
        return ""
    return f"{difference.span} with {difference.interval.confidence * 100:.3g}% confidence"


def lines(comparison: Comparison) -> Iterator[str]:
    """Tell each figure of a year in words: the candidate's and the baseline's with their intervals, and the change."""
    for one in years(comparison):
        found = one.compared
        change = f": {found.change.words}" if found.change else ""
        beside = f", beside {_with_span(found, found.baseline)}{change}" if found.baseline else ""
        yield f"{one.word} {_with_span(found, found.candidate)}{beside}"


def _with_span(found: Compared, figure: Figure) -> str:
    interval = figure.interval
    span = "" if interval.exact else f" ({found.in_words(interval.low)} to {found.in_words(interval.high)})"
    return f"{found.in_words(figure.amount)}{span}"


def factors(conversion: Conversion | None) -> Iterator[tuple[str, str]]:
    """Name each factor by which a year was made, and say it in words."""
    if conversion is None:
        return
    if conversion.factor_set:
        yield "factor set", f"{conversion.factor_set}, sha256 {conversion.factor_set_sha256}"
    if conversion.inferences_per_year is not None:
        yield "traffic", f"{conversion.inferences_per_year:,.0f} inferences a year"
    yield "electricity", f"{conversion.kind}: {conversion.scope}"
    told: dict[str, Factor | None] = {
        "PUE": conversion.pue,
        "location-based": conversion.intensity,
        "price": conversion.price,
    }
    yield from ((name, _noted(factor)) for name, factor in told.items() if factor)
    for part in conversion.market:
        yield "market-based", f"{part.share * 100:.4g}% at {_noted(part.factor)}"
    if conversion.statement:
        yield "market-based", conversion.statement
    if held := conversion.embodied:
        reserved = "while it infers" if held.machines is None else f"x {held.machines}, all year"
        part_of = f"{held.resources:.4g} of the host for {held.lifetime_years:g} years, {reserved}"
        yield "embodied", f"{held.host}, {part_of}"


def _told(name: str, amount: float) -> bool:
    return abs(amount) >= _LEAST.get(name, 0.0)


def _in_all(comparison: Comparison) -> str:
    """Say what a model costs that there is no baseline of."""
    if comparison.evidence.baseline is not None:
        return ""
    found = {one.compared.name: one.compared for one in years(comparison)}
    names = [name for name in _HEADLINE if name in found] or [name for name in WORDS if name in found][:1]
    told = [found[name].figure for name in names if _told(name, found[name].candidate.amount)]
    return f"{' and '.join(told)} a year in all" if told else ""


def _noted(factor: Factor) -> str:
    return f"{factor}; {factor.note}" if factor.note else str(factor)
