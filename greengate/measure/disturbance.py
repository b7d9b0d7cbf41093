"""Which rounds are dropped because the machine, not the models, made them what they are.

Each rule looks at the machine or at the control workload, never at how the candidate compares with the baseline, so
that dropping a round favours neither.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from greengate.evidence import Block, Event
from greengate.measure.machine_load import Load, asleep_s

_SUSPENDED_S = 0.1
_STOLEN = 0.5
_SLOWER = 1.5
_ENOUGH = 4


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the machine: its load where it tells, seconds suspended so far, own CPU seconds, and the clock."""

    load: Load | None = field(default_factory=Load.read)
    asleep_s: float = field(default_factory=asleep_s)
    own_cpu_s: float = field(default_factory=time.process_time)
    at_s: float = field(default_factory=time.monotonic)

    def taken_since(self, earlier: Look, cpu_s: float, wall_s: float) -> tuple[float | None, float | None]:
        """Tell CPU seconds that others used and that the hypervisor kept, while a block ran between two looks.

        `cpu_s` and `wall_s` are the block's own; around it, this process and its child take turns, and one of them is
        at work.

        The system counts in ticks of some 10 ms, so that over a short span both scatter, even below zero; their sums
        over many spans do not.
        """
        if self.load is None or earlier.load is None:
            return None, None
        around_s = self.at_s - earlier.at_s - wall_s
        own_s = cpu_s + max(around_s, self.own_cpu_s - earlier.own_cpu_s)
        foreign_s = self.load.busy_s - earlier.load.busy_s - own_s
        steal_s = self.load.steal_s - earlier.load.steal_s
        share = wall_s / max(self.at_s - earlier.at_s, wall_s)
        return round(share * foreign_s, 4), round(share * steal_s, 4)


def disturbed(
    blocks: Sequence[Block], suspended_s: float, control_s: Sequence[float], processors: int = 1
) -> Event | None:
    """Say what disturbed a round, if anything.

    Args:
        blocks: All blocks of the round.
        suspended_s: Seconds for which the machine was suspended during the round.
        control_s: The control workload's cost after each round so far, this one last.
        processors: How many processors the stolen time is of.
    """
    if suspended_s > _SUSPENDED_S:
        return Event(name="suspended", words=f"the machine was suspended for {suspended_s:.1f} s")
    wall_s, stolen_s = sum(block.wall_s for block in blocks), sum(block.steal_s or 0.0 for block in blocks)
    if stolen_s > _STOLEN * wall_s * processors:
        kept = f"the hypervisor kept {stolen_s:.2f} CPU s of the {wall_s * processors:.2f} s that the processors have"
        return Event(name="stolen", words=kept)
    usual_s = median(control_s[:-1]) if len(control_s) > _ENOUGH else 0.0
    if usual_s > 0 and control_s[-1] > _SLOWER * usual_s:
        slower = control_s[-1] / usual_s
        return Event(name="slowed", words=f"the control workload cost {slower:.1f} times the usual")
    return None
