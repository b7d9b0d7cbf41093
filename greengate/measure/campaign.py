"""Windows of work and one of idleness, as all meters saw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greengate.measure.events import Event
from greengate.measure.machine_load import Shares
from greengate.measure.metering import Window
from greengate.ports import MeterFacts

IDLE = "idle"
SHARED = frozenset({"package", "host"})  # scopes in which others' work is metered too
MOST_FOREIGN = 0.05  # of the machine; with more, what such a meter reads is not the subject's alone
MOST_ASLEEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """One window: whose it was, what ran, what else the machine did, and what each meter says of it.

    Attributes:
        subject: "candidate", "baseline" or "idle".
        cpu_s: CPU seconds of the workload alone.
        shares: What others took of the machine; None where it does not tell.
        asleep_s: Seconds for which the machine was suspended meanwhile.
        meters: What each meter says, by its identifier.
    """

    subject: str
    start_s: float
    end_s: float
    inferences: int
    cpu_s: float
    shares: Shares | None
    asleep_s: float
    meters: Mapping[str, Window]

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.end_s - self.start_s

    def disturbance(self, scope: str) -> Event | None:
        """Tell why a meter of this scope cannot be read as the subject's, if so."""
        if self.asleep_s > MOST_ASLEEP_S:
            return Event("suspended", f"the machine was suspended for {self.asleep_s:.1f} s meanwhile")
        if scope in SHARED and self.shares is not None and self.shares.foreign > MOST_FOREIGN:
            found, allowed = self.shares.foreign, MOST_FOREIGN
            return Event("foreign-load", f"other work took {found:.0%} of the machine, at most {allowed:.0%} may be")
        return None


@dataclass(slots=True)
class Campaign:
    """All windows that were taken.

    Attributes:
        facts: The meters that were used, by identifier.
        left_out: Why others were not.
        idle: The idle window; None where no meter was used.
        idle_parts_w: Power in parts of the idle window, by meter, as far as it can be told: its scatter.
        turns: The windows of work, in order.
        sampling: Share of one processor that looking at each meter took.
    """

    facts: dict[str, MeterFacts] = field(default_factory=dict)
    left_out: dict[str, Event] = field(default_factory=dict)
    idle: Turn | None = None
    idle_parts_w: dict[str, tuple[float, ...]] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    sampling: dict[str, float] = field(default_factory=dict)

    def of(self, subject: str) -> list[Turn]:
        """Return the windows of one subject."""
        return [turn for turn in self.turns if turn.subject == subject]
