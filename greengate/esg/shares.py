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

from greengate.conversion import Conversion
from greengate.esg.decimals import exact, rounded
from greengate.esg.force import Stretch, Version
from greengate.esg.instants import instant, year_of
from greengate.esg.looking import AMOUNTS, Span
from greengate.esg.story import Kept
from greengate.records import Activity

Share = tuple[int, int]
"""A part of something, as a ratio of whole numbers."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one version took in one time.

    Attributes:
        month: Name of the month of the calendar.
        idle: The energy that machines drew while they idled, which is in the energy.
        amounts: By name; the energy is that at the meter of the building. None where it is not known.
        why: Why it is not, where the version's conversion is not to blame.
    """

    version: Version
    start: int
    end: int
    month: str
    activity: Kept | None
    inferences: int | None
    idle: int
    amounts: dict[str, Span | None]
    why: str

    @property
    def conversion(self) -> Conversion:
        """Its version's traffic and factors."""
        return self.version.said

    @property
    def basis(self) -> str:
        """What is in its intensity: "lifecycle", "operational", or "not stated"."""
        held = self.conversion.intensity
        return (held.boundary if held else "") or "not stated"

    @property
    def counted(self) -> bool:
        """Whether its inferences were counted rather than declared."""
        return self.activity is not None and self.activity.record.inferences is not None

    @property
    def kind(self) -> str:
        """Tell how its energy came to be: "metered", "measured", "modelled" and so on."""
        if self.activity is not None and self.activity.record.it_energy_mj is not None:
            return "metered"
        return self.version.figures.kind if self.version.figures else "unknown"

    @property
    def it(self) -> int:
        """The energy that reaches the machines: its energy / PUE."""
        energy, pue = self.amounts["energy"], self.conversion.pue
        return rounded(energy.amount / exact(pue.value)) if energy and pue and exact(pue.value) else 0

    def missing(self, name: str) -> str:
        """Say why an amount is not known."""
        unsaid = f"the conversion {self.version.conversion.entry_id[:12]} has no {name}"
        return self.why or self.version.conversion.missing.get(name, unsaid)


def parts(stretch: Stretch, month: str, activities: Sequence[Kept]) -> Iterator[Part]:
    """Cut a stretch, which lies in one month, at the ends of years and activities, and share out what it took."""
    for start, end in pairwise(_cuts(stretch.start, stretch.end, activities)):
        acting = next((one for one in reversed(activities) if _covers(one.record, start)), None)
        yield _part(stretch.version, start, end, month, acting)


def shared(amount: Span | None, share: Share) -> Span | None:
    """Share out a year's amount with its interval."""
    if amount is None:
        return None
    middle = _times(amount.amount, share)
    if amount.low == amount.high:
        return Span(middle, middle, middle, amount.confidence)
    return Span(middle, _times(amount.low, share), _times(amount.high, share), amount.confidence)


def _times(amount: int, share: Share) -> int:
    """Multiply by a share, rounded half up."""
    above, below = share
    return (2 * amount * above + below) // (2 * below)


def of_year(start: int, end: int) -> Share:
    """Tell which part of its UTC calendar year a time is that lies in one."""
    first, last = year_of(start)
    return end - start, last - first


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
    said, year = version.said, version.conversion.year
    share = of_year(start, end)
    did: Activity | None = acting.record if acting else None
    amounts = {name: shared(amount, share) for name, amount in year.items()}
    inferences, why, idle = _declared(said, share), "", 0
    if did:
        of_activity = (end - start, instant(did.end) - instant(did.start))
        if did.inferences is not None:
            inferences = _times(did.inferences, of_activity)
            why = _scaled(amounts, version, did.inferences, of_activity)
        if did.it_energy_mj is not None:
            amounts |= _metered(did.it_energy_mj, of_activity, said)
        idle = _idled(amounts, did, of_activity, said)
    return Part(version, start, end, month, acting, inferences, idle, amounts, why)


def _declared(said: Conversion, share: Share) -> int | None:
    if said.inferences_per_year is None:
        return None
    yearly = exact(said.inferences_per_year)
    return _times(yearly.numerator, (share[0], share[1] * yearly.denominator))


def _scaled(amounts: dict[str, Span | None], version: Version, count: int, of_activity: Share) -> str:
    """Scale the amounts of a year by what was counted; say why that cannot be done, and then they are None."""
    said = version.said
    yearly = exact(said.inferences_per_year) if said.inferences_per_year else None
    if not yearly:
        amounts.update(dict.fromkeys(AMOUNTS))
        return "inferences were counted, but the deployment declares no traffic to scale a year by"
    busy = (count * of_activity[0] * yearly.denominator, yearly.numerator * of_activity[1])
    held = said.embodied
    for name, amount in version.conversion.year.items():
        if name != "embodied" or held is None or held.machines is None:  # else reserved all year, whatever it does
            amounts[name] = shared(amount, busy)
    return ""


def _idled(amounts: dict[str, Span | None], did: Activity, of_activity: Share, said: Conversion) -> int:
    """Add what machines drew while they idled; the energy of that."""
    if not did.idle_energy_mj:
        return 0
    added = _metered(did.idle_energy_mj, of_activity, said)
    amounts.update({name: _both(amounts[name], span) for name, span in added.items()})
    return added["energy"].amount if added["energy"] else 0


def _metered(millijoules: int, of_activity: Share, said: Conversion) -> dict[str, Span | None]:
    """Convert what machines drew by the factors of the deployment; None where one of them is not declared."""
    if said.pue is None:
        return {"energy": None, "location": None, "market": None, "cost": None}
    energy = rounded(Fraction(millijoules * of_activity[0], of_activity[1]) * exact(said.pue.value))
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
