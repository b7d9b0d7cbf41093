"""What was measured: blocks and pairs that count, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from greengate.evidence import Block, Event, Pair

CANDIDATE, BASELINE = "candidate", "baseline"
MACHINE_DRIFT = 1.3
_ENOUGH = 12  # rounds: of a few, a neighbour that comes and goes makes halves differ


@dataclass(slots=True)
class Trace:
    """The course of one measurement.

    Attributes:
        blocks: By subject, the blocks of all rounds that count.
        against: By subject other than the candidate, the candidate's pairs with it.
        rounds: How many rounds count.
        discarded_pairs: How many pairs were dropped, of all subjects together.
        control_s: CPU seconds a run of the control workload, after each round, dropped or not.
        events: What happened, in words.
        remarks: What else is worth knowing of it, in words.
        seconds: Seconds of measuring by the clock.
    """

    blocks: dict[str, list[Block]] = field(default_factory=dict)
    against: dict[str, list[Pair]] = field(default_factory=dict)
    rounds: int = 0
    discarded_pairs: int = 0
    control_s: list[float] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def pairs(self) -> list[Pair]:
        """The candidate's pairs with the baseline; none where there is no baseline."""
        return self.against.get(BASELINE, [])

    def runs(self, subject: str) -> list[float]:
        """Return the single runs of a subject that were kept, in seconds by the clock."""
        return [run for block in self.blocks.get(subject, []) for run in block.run_s]

    @property
    def unmeasured(self) -> str:
        """Why there is no block at all, or nothing."""
        if any(self.blocks.values()):
            return ""
        return "; ".join(["nothing was measured", *(event.words for event in self.events)])

    @property
    def voided(self) -> str:
        """Why nothing of it counts, or nothing: the machine itself became faster or slower meanwhile."""
        return drift(self.control_s)


def drift(control_s: Sequence[float]) -> str:
    """Say how far the control workload's cost moved between the first and the second half, if it moved too far."""
    if len(control_s) < _ENOUGH:
        return ""
    half = len(control_s) // 2
    usual_s = median(control_s[:half])
    if usual_s <= 0:
        return ""  # a clock too coarse for the control workload tells nothing of the machine
    change = median(control_s[-half:]) / usual_s
    if 1 / MACHINE_DRIFT <= change <= MACHINE_DRIFT:
        return ""
    return (
        f"the machine drifted: the control workload cost {change - 1:+.0%} in the second half of the run, "
        f"and more than {MACHINE_DRIFT - 1:.0%} voids it"
    )
