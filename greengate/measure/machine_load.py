"""What else ran on this machine: busy, stolen and idle time of all its processors, from `/proc/stat`.

Source: proc_stat(5). Times are in ticks of USER_HZ, so that spans under some tenths of a second are coarse; guest time
is in user time already and is not counted twice; waiting for disks is idle time.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares, from 0 to 1, of a machine's processor time: taken by the hypervisor, and by other work than one's own."""

    steal: float
    foreign: float


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds that all processors together have spent since the machine started, and how many they are."""

    busy_s: float
    steal_s: float
    idle_s: float
    processors: int

    @property
    def total_s(self) -> float:
        """Seconds of all processors, whatever they did."""
        return self.busy_s + self.steal_s + self.idle_s

    @classmethod
    def parse(cls, text: str, ticks_a_second: int) -> Self | None:
        """Read a `/proc/stat` text; None where it is not one."""
        rows = [line.split() for line in text.splitlines() if line.startswith("cpu")]
        if not rows or rows[0][0] != "cpu" or len(rows[0]) < 5 or not all(word.isdecimal() for word in rows[0][1:]):
            return None
        user, nice, system, idle, iowait, irq, softirq, steal = [*map(int, rows[0][1:9]), 0, 0, 0, 0][:8]
        busy = user + nice + system + irq + softirq
        return cls(
            busy_s=busy / ticks_a_second,
            steal_s=steal / ticks_a_second,
            idle_s=(idle + iowait) / ticks_a_second,
            processors=max(len(rows) - 1, 1),
        )

    @classmethod
    def read(cls, path: Path = _STAT) -> Self | None:
        """Look at this machine now; None where it does not tell."""
        try:
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError:
            return None
        return cls.parse(text, os.sysconf("SC_CLK_TCK"))

    def since(self, earlier: Load, own_cpu_s: float, wall_s: float) -> Shares:
        """Tell what others took between two looks.

        Args:
            earlier: The look at the beginning.
            own_cpu_s: CPU seconds in between of the processes that are measured and that measure.
            wall_s: Seconds in between.
        """
        capacity_s = wall_s * self.processors
        if capacity_s <= 0:
            return Shares(0.0, 0.0)
        steal = (self.steal_s - earlier.steal_s) / capacity_s
        foreign = (self.busy_s - earlier.busy_s - own_cpu_s) / capacity_s
        return Shares(min(max(steal, 0.0), 1.0), min(max(foreign, 0.0), 1.0))


def between(before: str, after: str, ticks_a_second: int, own_cpu_s: float, wall_s: float) -> Shares | None:
    """Compare two `/proc/stat` texts; None where one of them is none."""
    first, last = Load.parse(before, ticks_a_second), Load.parse(after, ticks_a_second)
    return None if first is None or last is None else last.since(first, own_cpu_s, wall_s)


def asleep_s() -> float:
    """Seconds that this machine has been suspended since it started; its growth tells of a suspension in between."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.clock_gettime(time.CLOCK_MONOTONIC)
