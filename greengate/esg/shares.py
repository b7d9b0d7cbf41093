"""What a version in force took in a time: its year's amounts, shared out by time, or by what it really did.

    declared traffic   A x t / T
    inferences counted A x N x t / (R x a)
    energy metered     F = I x t / a x PUE; location-based F x grid / 3600, market-based F x contracts / 3600
    idle energy        J x t / a x PUE, on top of either, and converted likewise

A is the year's amount; t the part's time; T that of its calendar year in UTC (365 or 366 days); N, I and J the
inferences, IT energy and idle energy of an activity that lasted a; R the declared inferences of a year; F in mJ, grid
and contracts in gCO2e/kWh, emissions in ugCO2e, money F x price / 3600 in uEUR. Every result is rounded half up to a
whole unit. A part never reaches over the end of a month of the calendar, of a year in UTC, of a version, or of an
activity. Of activities that overlap the newest entry counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from greengate.conversion import Conversion
from greengate.esg.decimals import exact, rounded
from greengate.esg.force import Stretch, Version
from greengate.esg.instants import instant, year_of
from greengate.esg.story import Kept
from greengate.projection import ENERGY
from greengate.records import Activity, Amount

AMOUNTS = ("energy", "location", "market", "cost", "embodied")
_FIELDS = {
    "energy": "energy_mj",
    "location": "location_ugco2e",
    "market": "market_ugco2e",
    "embodied": "embodied_ugco2e",
    "cost": "cost_ueur",
}


class Span(NamedTuple):
    """A whole amount with the ends of its interval; `confidence` is 1 of what is exact."""

    amount: int
    low: int
    high: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one version took in one time.

    Attributes:
        month: Name of the month of the calendar.
        energy: At the meter of the building, idle included; `idle` is that part of it, `it` what reaches the machines.
        missing: Why amounts are None, by their names.
        kind: How the energy came to be: "metered", "measured", "modelled", …
        counted: Whether inferences were counted rather than declared.
    """

    version: Version
    start: int
    end: int
    month: str
    activity: Kept | None
    kind: str
    counted: bool
    inferences: int | None
    it: int | None
    idle: int
    amounts: dict[str, Span | None]
    missing: dict[str, str]

    @property
    def conversion(self) -> Conversion:
        """Its version's traffic and factors."""
        found = self.version.converted.conversion
        assert found is not None
        return found

    @property
    def basis(self) -> str:
        """What is in its intensity: "lifecycle", "operational", or "not stated"."""
        held = self.conversion.intensity
        return (held.boundary if held else "") or "not stated"


def parts(stretch: Stretch, month: str, activities: Sequence[Kept]) -> Iterator[Part]:
    """Cut a stretch, which lies in one month, at the ends of years and activities, and share out what it took."""
    for start, end in pairwise(_cuts(stretch.start, stretch.end, activities)):
        acting = next((one for one in reversed(activities) if _covers(one.record, start)), None)
        yield _part(stretch.version, start, end, month, acting)


def shared(amount: Amount | None, share: Fraction) -> Span | None:
    """Share out a year's amount with its interval."""
    if amount is None:
        return None
    low, high = rounded(amount.low * share), rounded(amount.high * share)
    return Span(rounded(amount.amount * share), low, high, amount.confidence)


def of_year(start: int, end: int) -> Fraction:
    """Tell which part of its UTC calendar year a time is that lies in one."""
    first, last = year_of(start)
    return Fraction(end - start, last - first)


def _cuts(start: int, end: int, activities: Iterable[Kept]) -> list[int]:
    marks = {start, end, *(instant(text) for one in activities for text in (one.record.start, one.record.end))}
    year = year_of(start)[1]
    while year < end:
        marks.add(year)
        year = year_of(year)[1]
    return sorted(mark for mark in marks if start <= mark <= end)


def _covers(activity: Activity, at: int) -> bool:
    return instant(activity.start) <= at < instant(activity.end)


def _part(version: Version, start: int, end: int, month: str, acting: Kept | None) -> Part:
    share, counted, why = of_year(start, end), False, ""
    did: Activity | None = acting.record if acting else None
    of_activity = Fraction(end - start, instant(did.end) - instant(did.start)) if did else Fraction(0)
    said = version.converted.conversion
    assert said is not None
    yearly = None if said.inferences_per_year is None else exact(said.inferences_per_year)
    inferences = None if yearly is None else rounded(yearly * share)
    busy = share
    if did and did.inferences is not None:
        inferences, counted = rounded(did.inferences * of_activity), True
        if yearly:
            busy = did.inferences * of_activity / yearly
        elif did.it_energy_mj is None:
            why = "inferences were counted, but the deployment declares no traffic to scale a year by"
    amounts = {name: shared(getattr(version.year, _FIELDS[name]), busy) for name in AMOUNTS}
    held = said.embodied
    if held and held.machines is not None:  # reserved all year round, whatever it does
        amounts["embodied"] = shared(version.year.embodied_ugco2e, share)
    missing = {name: version.year.missing.get(_FIELDS[name], _unsaid(version, name)) for name in AMOUNTS}
    if did and did.it_energy_mj is not None:
        amounts |= _metered(did.it_energy_mj * of_activity, said)
    elif why:
        amounts, missing = dict.fromkeys(AMOUNTS), dict.fromkeys(AMOUNTS, why)
    idle = 0
    if did and did.idle_energy_mj:
        added = _metered(did.idle_energy_mj * of_activity, said)
        idle = added["energy"].amount if added["energy"] else 0
        amounts = {name: _both(amounts[name], added[name]) if name in added else amounts[name] for name in AMOUNTS}
    kind = "metered" if did and did.it_energy_mj is not None else _kind(version)
    found = amounts["energy"]
    it = rounded(found.amount / exact(said.pue.value)) if found and said.pue and exact(said.pue.value) else None
    missing = {name: missing[name] for name in AMOUNTS if amounts[name] is None}
    return Part(version, start, end, month, acting, kind, counted, inferences, it, idle, amounts, missing)


def _metered(drawn: Fraction, said: Conversion) -> dict[str, Span | None]:
    """Convert what machines drew, in mJ, by the factors of the deployment; None where one of them is not declared."""
    if said.pue is None:
        return {"energy": None, "location": None, "market": None, "cost": None}
    energy = rounded(drawn * exact(said.pue.value))
    market = sum((exact(part.share) * exact(part.factor.value) for part in said.market), Fraction(0))
    rates = {
        "location": exact(said.intensity.value) if said.intensity else None,
        "market": market if said.market else None,
        "cost": exact(said.price.value) if said.price else None,
    }
    found = {name: None if rate is None else _sure(rounded(energy * rate / 3600)) for name, rate in rates.items()}
    return {"energy": _sure(energy), **found}


def _sure(amount: int) -> Span:
    return Span(amount, amount, amount)


def _both(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return None
    return Span(one.amount + other.amount, one.low + other.low, one.high + other.high, one.confidence)


def _kind(version: Version) -> str:
    found = version.measurement.candidate.figures.get(ENERGY) if version.measurement else None
    return found.kind if found else "unknown"


def _unsaid(version: Version, name: str) -> str:
    return f"the conversion {version.conversion.entry_id[:12]} has no {name}"
