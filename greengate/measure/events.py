"""What goes wrong with a meter, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from greengate.ports import MeterFacts

Row = list[tuple[float, float]]  # readings of one domain: seconds, and joules or watts

_PLAUSIBLE_W = {"host": 20_000.0, "device": 2_000.0}
_PLAUSIBLE_PACKAGE_W = 1_000.0
_PATIENCE = 0.1
_PATIENT_PERIODS = 5


@dataclass(frozen=True, slots=True)
class Event:
    """Something about a window that its reader should know: a fixed name, and what was seen, in words."""

    name: str
    words: str


@dataclass(slots=True)
class Case:
    """One domain of a meter over one span of time (or the meter as a whole, with no domain), and what happened to it.

    Attributes:
        seen: Events by name: the words of the first one, and how many there were.
        spoiled: Whether one of them leaves no energy to be told.
    """

    facts: MeterFacts
    domain: str
    start_s: float
    end_s: float
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    spoiled: bool = False

    @property
    def seconds(self) -> float:
        """Length of the span."""
        return self.end_s - self.start_s

    @property
    def plausible_w(self) -> float:
        """More power than this, in watts, is taken for a broken reading."""
        return _PLAUSIBLE_W.get(self.facts.scope, _PLAUSIBLE_PACKAGE_W)

    @property
    def patience_s(self) -> float:
        """How long there may be no reading: a tenth of the span, or five periods where that is more."""
        return max(_PATIENT_PERIODS * self.facts.period_s, _PATIENCE * self.seconds)

    def holds(self, at_s: float) -> bool:
        """Whether a time lies in the span."""
        return self.start_s <= at_s <= self.end_s

    def longest_gap_s(self, times: Sequence[float]) -> float:
        """Tell the longest time without any of these times, which lie in the span, in order."""
        return max(later - earlier for earlier, later in pairwise([self.start_s, *times, self.end_s]))

    def note(self, name: str, words: str) -> None:
        """Write down an event that leaves the energy as it is."""
        first, times = self.seen.get(name, (words, 0))
        self.seen[name] = first, times + 1

    def spoil(self, name: str, words: str) -> None:
        """Write down an event after which there is no energy to be told."""
        self.note(name, words)
        self.spoiled = True

    def events(self) -> tuple[Event, ...]:
        """Return what was written down."""
        domain = f"{self.domain}: " if self.domain else ""
        return tuple(
            Event(name, f"{domain}{words}" + (f" ({times} times)" if times > 1 else ""))
            for name, (words, times) in self.seen.items()
        )
