"""All figures of a ledger that a report is made of: parts of every month, trainings, and sums of any period."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from greengate.esg.company import Said
from greengate.esg.decimals import exact, rounded
from greengate.esg.force import Force
from greengate.esg.instants import months, of
from greengate.esg.looking import Looking, Span
from greengate.esg.shares import Part, parts
from greengate.esg.story import Chosen, ModelKey, Story
from greengate.esg.telling import Sum, summed
from greengate.periods import Period
from greengate.records import Measurement, Read

Body = Callable[[str], bytes | None]
"""Finds what is kept beside by its digest; None where it is not there."""


@dataclass(frozen=True, slots=True)
class Training:
    """A training, in the moment at which the first version that has it came into force."""

    digest: str
    key: ModelKey
    at: int
    entries: tuple[tuple[int, str], ...]
    energy: Span | None
    location: Span | None
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a period."""

    energy: Sum
    location: Sum
    market: Sum
    cost: Sum
    inferences: int
    bases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """The sums of a month of operation; the totals are those that an inventory adds up."""

    energy: Sum
    location: Sum
    market: Sum
    cost: Sum
    total_location: Sum
    total_market: Sum
    inferences: int
    bases: tuple[str, ...]


@dataclass
class Account:
    """What the ledger tells of a period and of those before it.

    Attributes:
        until: The instant up to which is counted: the end of the period, or earlier where it is not over.
    """

    story: Story
    said: Said
    period: Period
    until: int
    looking: Looking
    body: Body
    force: Force = field(init=False)
    _months: dict[str, Month] = field(default_factory=dict)
    _totals: dict[tuple[int, int], Totals] = field(default_factory=dict)
    _lacking: dict[tuple[int, int], Sum] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.force = Force(self.story, self.looking)

    @cached_property
    def begun(self) -> int | None:
        """The first instant at which anything was in force; None where nothing ever was."""
        return min((begins[0].at for key in self.force.models if (begins := self.force.begins(key))), default=None)

    @property
    def start(self) -> int:
        """The first instant of the period."""
        return of(self.period.start)

    @property
    def end(self) -> int:
        """The first instant after the period."""
        return of(self.period.end)

    @cached_property
    def parts(self) -> list[Part]:
        """The parts of the period, by model and time."""
        return self.of(self.start, self.until)

    def of(self, start: int, end: int) -> list[Part]:
        """List the parts of some months of the calendar."""
        return [part for month in months(start, end, self.said.calendar) for part in self._month(month)]

    def between(self, start: int, end: int) -> list[Part]:
        """List the parts of any time, as far as is counted; they end with it, and not with months of the calendar."""
        return list(self._cut(start, min(end, self.until), ""))

    def month(self, month: Period) -> Month:
        """Add up a month, as far as is counted; of a month outside the period nothing but its sums is kept."""
        if month.name not in self._months:
            self._months[month.name] = _month(list(self._month(month)), self.said)
        return self._months[month.name]

    def _month(self, month: Period) -> Iterator[Part]:
        return self._cut(of(month.start), min(of(month.end), self.until), month.name)

    def _cut(self, start: int, end: int, name: str) -> Iterator[Part]:
        self.force.look_up(start, end)
        for key in self.force.models if start < end else ():
            for stretch in self.force.stretches(key, start, end):
                yield from parts(stretch, name, self.story.activities.get(key, ()))

    @cached_property
    def trainings(self) -> list[Training]:
        """Every training that came into force before the end of what is counted, once."""
        begins = sorted(
            (begin.at, begin.idx, key, begin)
            for key in self.force.models
            for begin in self.force.begins(key)
            if begin.at < self.until
        )
        found: dict[str, Training] = {}
        named_by = self._named_by(begin.chosen for *_, begin in begins)
        for at, _, key, begin in begins:
            chosen = begin.chosen
            if chosen is None or not (named := named_by.get(chosen.measurement, "")) or named in found:
                continue
            kept = self.looking.record(chosen.measurement.hex(), chosen.idx)
            assert kept is not None
            entries = ((chosen.idx, chosen.entry.hex()), (kept.idx, kept.entry_id))
            found[named] = _training(kept.record, key, at, entries)
        return list(found.values())

    def _named_by(self, chosen: Iterable[Chosen | None]) -> dict[bytes, str]:
        """Tell which trainings the measurements of decisions name, where they name one; looked up in their order."""
        measured = sorted({(one.idx, one.measurement) for one in chosen if one and one.measurement})
        trainings = self.looking.trainings([(digest.hex(), idx) for idx, digest in measured], self.story.size)
        return {digest: named for (_, digest), named in zip(measured, trainings, strict=True) if named}

    def trained(self, start: int, end: int) -> list[Training]:
        """List the trainings of the versions that came into force in a time."""
        return [one for one in self.trainings if start <= one.at < min(end, self.until)]

    def lacking(self, start: int, end: int) -> Sum:
        """Tell of a time what is missing in its sums: models in force without figures, or that nothing was in force."""
        if (start, end) not in self._lacking:
            self._lacking[start, end] = self._missing(start, min(end, self.until))
        return self._lacking[start, end]

    def _missing(self, start: int, stop: int) -> Sum:
        found = Sum()
        for key in self.force.models:
            if why := self.force.blank(key, start, stop):
                found.lacking[f"in force without figures: {why}"] += 1
        if self.begun is None or self.begun >= stop:
            found.lacking["nothing that the ledger knows was in force in this time"] += 1
        return found

    def totals(self, start: int, end: int) -> Totals:
        """Add up some months: operation and trainings."""
        if (start, end) not in self._totals:
            self._totals[start, end] = self._added(start, end)
        return self._totals[start, end]

    def _added(self, start: int, end: int) -> Totals:
        trained, lacking = self.trained(start, end), self.lacking(start, end)
        energy, location, market, cost = Sum(), Sum(), Sum(), Sum()
        inferences, on = 0, set[str]()
        for month in (self.month(one) for one in months(start, min(end, self.until), self.said.calendar)):
            energy, location = energy.merge(month.energy), location.merge(month.total_location)
            market, cost = market.merge(month.total_market), cost.merge(month.cost)
            inferences += month.inferences
            on.update(month.bases)
        return Totals(
            energy=energy.merge(trainings(trained, "energy")).merge(lacking),
            location=location.merge(trainings(trained, "location")).merge(lacking),
            market=market.merge(trainings(trained, "location")).merge(lacking),
            cost=cost.merge(lacking),
            inferences=inferences,
            bases=tuple(sorted(on)),
        )


def _month(found: list[Part], said: Said) -> Month:
    counted = _counted(found, said)
    energy, location, market, cost = (
        summed(found, name, bare=True) for name in ("energy", "location", "market", "cost")
    )
    embodied = _embodied(counted, said, bare=True)
    edge = len(counted) < len(found)
    return Month(
        energy=energy,
        location=location,
        market=market,
        cost=cost,
        total_location=(summed(counted, "location", bare=True) if edge else location).merge(embodied),
        total_market=(summed(counted, "market", bare=True) if edge else market).merge(embodied),
        inferences=sum(part.inferences or 0 for part in found),
        bases=bases(part for part in found if scope(part, said) != "edge"),
    )


def scope(part: Part, said: Said) -> str:
    """Name where an inventory books a part: "2", "3.1", "3.11", or "edge" where nobody says whose the devices are."""
    kind = part.conversion.kind
    if kind == "own":
        return "2"
    if kind == "edge":
        return "3.11" if said.edge == "sold" else "edge"
    return "3.1"


def total(found: Iterable[Part], trained: Iterable[Training], said: Said, name: str) -> Sum:
    """Add up all that counts: electricity of all scopes, embodied of category 1, and trainings."""
    counted = _counted(found, said)
    return summed(counted, name).merge(_embodied(counted, said)).merge(trainings(trained, "location"))


def _counted(found: Iterable[Part], said: Said) -> list[Part]:
    return [part for part in found if scope(part, said) != "edge"]


def _embodied(counted: Iterable[Part], said: Said, *, bare: bool = False) -> Sum:
    found = summed((part for part in counted if scope(part, said) == "3.1"), "embodied", bare=bare)
    found.lacking.clear()  # what nobody declares of the provider's hardware is told beside, and makes no total void
    return found


def bases(found: Iterable[Part]) -> tuple[str, ...]:
    """Name the bases of the intensities that parts were converted by."""
    return tuple(sorted({part.basis for part in found if part.amounts["location"] is not None}))


def trainings(found: Iterable[Training], name: str) -> Sum:
    """Add up the energy or the emissions of trainings, as their trackers told them."""
    added = Sum()
    for one in found:
        span: Span | None = getattr(one, name)
        if span is None:
            added.lacking[one.missing[name]] += 1
        else:
            added.add(span, one.digest, one.entries)
    return added


def _training(said: Measurement, key: ModelKey, at: int, entries: tuple[tuple[int, str], ...]) -> Training:
    energy, carbon = said.candidate.figures.get("training_energy"), said.candidate.figures.get("training_carbon")
    missing = {
        "energy": said.candidate.missing.get("training_energy", "its tracker tells no energy"),
        "location": said.candidate.missing.get("training_carbon", "its tracker tells no emissions"),
    }
    return Training(said.training, key, at, entries, _units(energy, 3), _units(carbon, 6), missing)


def _units(read: Read | None, decimals: int) -> Span | None:
    """Count a figure in thousandths or millionths of its base unit."""
    if read is None:
        return None
    amount, low, high = (rounded(exact(end) * 10**decimals) for end in (read.amount, read.low, read.high))
    return Span(amount, low, high, read.confidence)


def plain(number: float) -> str:
    """Write a number as digits without an exponent."""
    return f"{Decimal(repr(number)).normalize():f}"
