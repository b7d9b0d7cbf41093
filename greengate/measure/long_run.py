"""A meter beside a run of any length: its energy taken piece by piece, so that days take no more memory than minutes.

A piece is a window as `greengate.measure.metering` reads it. One that an event has spoiled, or in which the machine was
suspended, is a gap: it is filled with the mean power of the rest and widens the interval, as if that power were known
to be somewhere from nothing to twice the mean (a rectangle, JCGM 100:2008, 4.3.7). With more than a tenth of the time
in gaps there is no energy, as in a single window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

from greengate.measure import metering
from greengate.measure.campaign import MOST_ASLEEP_S
from greengate.measure.events import Case, Event
from greengate.measure.metering import Window
from greengate.measure.sampling import Sampler
from greengate.measure.windows import HERE, Surroundings, window_s
from greengate.ports import Meter, MeterFacts

CONFIDENCE = 0.95
PIECE_S = 60.0
_SLOWER_S = 0.25
_MOST_GAPS = 0.1
_MOST_LOOKING = 0.01


@dataclass(frozen=True, slots=True)
class Taken:
    """What a meter says of a whole run.

    Attributes:
        joules: Energy, gaps filled; None where it is not known.
        low, high: Where it lies with `CONFIDENCE`.
        domains: Joules by domain.
        seconds: The whole run.
        covered_s: What was read of it.
        missing: Why there is no energy.
        events: What happened, each name once.
    """

    joules: float | None
    low: float
    high: float
    domains: Mapping[str, float]
    seconds: float
    covered_s: float
    missing: str
    events: tuple[Event, ...]


@dataclass(slots=True)
class Tally:
    """Sums of the pieces so far."""

    joules: float = 0.0
    covered_s: float = 0.0
    gap_s: float = 0.0
    pieces: int = 0
    domains: dict[str, float] = field(default_factory=dict)
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    spoiled: str = ""

    def add(self, window: Window, seconds: float, asleep_s: float) -> None:
        """Add a piece of so many seconds, in which the machine was suspended for so long."""
        self.pieces += 1
        events = list(window.events)
        if asleep_s > MOST_ASLEEP_S:
            events.append(Event("suspended", f"the machine was suspended for {asleep_s:.1f} s"))
        for event in events:
            words, times = self.seen.get(event.name, (event.words, 0))
            self.seen[event.name] = words, times + 1
        if window.power_w is None or asleep_s > MOST_ASLEEP_S:
            self.gap_s += seconds
            self.spoiled = self.spoiled or (f"{events[-1].name}: {events[-1].words}" if events else "nothing was read")
            return
        self.joules += window.power_w * seconds
        self.covered_s += seconds
        for domain, joules in window.domains.items():
            self.domains[domain] = self.domains.get(domain, 0.0) + joules * seconds / window.seconds

    def taken(self, facts: MeterFacts, cpu_share: float) -> Taken:
        """Close the sums."""
        seconds = self.covered_s + self.gap_s
        gaps = self.gap_s / seconds if seconds > 0 else 1.0
        events = [
            Event(name, f"{facts.id}: {words}" + (f" (in {times} of {self.pieces} pieces)" if self.pieces > 1 else ""))
            for name, (words, times) in self.seen.items()
        ]
        if cpu_share > _MOST_LOOKING:
            events.append(Event("looking", f"{facts.id}: looking at it took {cpu_share:.1%} of a processor"))
        if gaps > _MOST_GAPS or self.joules <= 0:
            read = f"{self.covered_s:.3g} s of {seconds:.3g} s could be read"
            why = f"{read}; {self.spoiled or 'it read no energy'}"
            return Taken(None, 0.0, 0.0, {}, seconds, self.covered_s, why, tuple(events))
        if gaps:
            words = f"{facts.id}: {self.gap_s:.3g} s of {seconds:.3g} s are filled with the mean power of the rest"
            events.append(Event("gap", words))
        whole = seconds / self.covered_s
        joules = self.joules * whole
        half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.hypot(facts.gain, gaps / math.sqrt(3)) * joules
        domains = {name: part * whole for name, part in self.domains.items()}
        return Taken(
            joules, max(0.0, joules - half), joules + half, domains, seconds, self.covered_s, "", tuple(events)
        )


class Gauge:
    """A meter beside a run: `open` before it, `begin` and `end` at its edges, `cut` now and then in between."""

    def __init__(self, meter: Meter, facts: MeterFacts, here: Surroundings = HERE) -> None:
        self.facts = facts
        self._here = here
        self._sampler: Sampler = here.sampler(meter, facts)
        self._tally = Tally()
        self._piece_s = max(PIECE_S, window_s(facts))
        self._slower_s = _slower_s(facts)
        self._cut_s = self._asleep_s = 0.0

    def open(self) -> None:
        """Look once, and go on looking."""
        self._sampler.look()
        self._sampler.__enter__()

    def begin(self, at_s: float) -> None:
        """The run begins at this moment of the clock."""
        self._cut_s, self._asleep_s = at_s, self._here.asleep_s()

    def cut(self, now_s: float) -> None:
        """Take the pieces that are over; what is left is one piece at least, so that no short one remains."""
        while now_s - self._cut_s >= 2 * self._piece_s:
            self._take(self._cut_s + self._piece_s)
            # Over pieces this long, ticks need not be known so well, and looking costs energy too.
            self._sampler.interval_s = max(self._sampler.interval_s, self._slower_s)

    def end(self, at_s: float) -> Taken:
        """Look a last time; the run ended at this moment."""
        self._sampler.__exit__(None, None, None)
        self._sampler.look()
        self.cut(at_s)
        self._take(at_s)
        return self._tally.taken(self.facts, self._sampler.cpu_share)

    def _take(self, end_s: float) -> None:
        asleep_s = self._here.asleep_s()
        window = metering.energy(self.facts, self._sampler.between(self._cut_s, end_s), self._cut_s, end_s)
        self._tally.add(window, end_s - self._cut_s, asleep_s - self._asleep_s)
        self._cut_s, self._asleep_s = end_s, asleep_s


def _slower_s(facts: MeterFacts) -> float:
    """Tell how seldom a meter may be looked at: four times at least before it could start again."""
    wraps_in_s = min(facts.wraps_j.values(), default=math.inf) / Case(facts, "", 0.0, 0.0).plausible_w
    return min(_SLOWER_S, wraps_in_s / 4)
