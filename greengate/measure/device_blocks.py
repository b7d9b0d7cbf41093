"""The energy of a GPU, block by block, so that candidate and baseline can be compared in pairs as CPU seconds are.

While blocks run, a sampler looks at the device's energy counter every 20 ms. A block's power is that from the first
tick within it to the last one, less the power of the device while it was idle with the models loaded; times the block's
length that is its energy. A tick (about 100 ms) is then known to 20 ms, which is 0.6% of a block of 1.5 s (standard
deviation), and since blocks begin a random time after one another, of up to a tick, no rhythm of theirs can beat with
the counter's: Yang, Adamek & Armour, "Part-time power measurements: nvidia-smi's lack of attention", SC 2024.

A block whose reading is spoiled has no energy, never one of zero, and its round does not count for energy.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from greengate.evidence import Event
from greengate.measure import metering
from greengate.measure.sampling import FASTEST_S, Sampler
from greengate.measure.windows import HERE, Surroundings
from greengate.ports import Meter, MeterFacts

BLOCK_S = 1.5  # at least 1 s from the first tick to the last, though clocks rise after the length was chosen
UNMETERED_BLOCK_S = 0.1
IDLE_S = 10.0
CALM_S = 2.0  # a device that has just worked draws more for a while
_MOST_IDLE = 2  # tries
_LEAST_BUDGET = 3.0  # times what the idle power takes
_SHORTEST_S = 10.0  # readings that need longer windows are means over a second, which is no block's
_MOST_GAP_S = 0.1  # a tick
_TOLD = 0.02  # of a block's power: three standard deviations
_DIGITS = 7


@runtime_checkable
class DeviceMeter(Meter, Protocol):
    """A meter that also knows how hot a device is, and who computes on it."""

    def temperatures_c(self) -> Mapping[str, float]:
        """Tell the temperature of each device in degrees Celsius, where it has a sensor."""

    def processes(self) -> Sequence[int] | None:
        """Tell the process ids of whoever computes on the devices, or None where that is not told."""


def parent_of(pid: int) -> int | None:
    """Tell the parent of a process, or None where this process cannot see it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return int(text.rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def choose(meters: Sequence[tuple[Meter, MeterFacts]]) -> tuple[Meter, MeterFacts] | None:
    """Choose what blocks are metered with: a device's counter, else its power where that is the moment's."""
    fit = [
        (meter, facts)
        for meter, facts in meters
        if facts.scope == "device" and (facts.reading == "energy" or facts.shortest_window_s <= _SHORTEST_S)
    ]
    return min(fit, key=lambda one: one[1].reading != "energy", default=None)


@dataclass(slots=True)
class DeviceBlocks:
    """One device's meter while blocks run on it; made by `watched`.

    Attributes:
        idle_w: Its power while idle, in watts; None until it has been told.
        blocks: How many blocks have been read.
    """

    meter: Meter
    facts: MeterFacts
    sampler: Sampler
    chance: random.Random
    hosted: int
    here: Surroundings
    parent: Callable[[int], int | None]
    idle_w: float | None = None
    blocks: int = 0
    _spoiled: dict[str, tuple[str, int]] = field(default_factory=dict)
    _celsius: dict[str, list[float]] = field(default_factory=dict)
    _foreign: str = ""
    _unsettled: Event | None = None

    def settle(self, budget_s: float) -> float:
        """Find the idle power, if that takes no more than a third of the budget; tell the seconds that it took."""
        self.look_around()
        begun_s = self.here.clock()
        self._find_idle(budget_s)
        return self.here.clock() - begun_s

    def _find_idle(self, budget_s: float) -> None:
        needed_s = CALM_S + IDLE_S
        if budget_s < _LEAST_BUDGET * needed_s:
            words = f"to find its idle power takes {needed_s:g} s, which may be a third of the budget ({budget_s:g} s)"
            self._unsettled = Event(name="budget", words=f"{self.facts.id}: budget: {words} and is more")
            return
        for _ in range(_MOST_IDLE):
            self.here.sleep(CALM_S)
            start_s = self.here.clock()
            self.here.sleep(IDLE_S)
            window = self._window(start_s, self.here.clock())
            self.idle_w = window.power_w
            if self.idle_w is not None:
                return
        found = window.events[0]
        words = f"{self.facts.id}: {found.name} in the idle window, so that no block's energy is known: {found.words}"
        self._unsettled = Event(name=found.name, words=words)

    def pause(self) -> None:
        """Let a random time pass before a block, of up to a tick of the counter."""
        self.look_around()
        self.here.sleep(self.chance.uniform(0.0, _MOST_GAP_S))

    def joules(self, wall_s: float) -> float | None:
        """Tell what the block that has just ended drew above idle, or None where its reading is spoiled."""
        self.blocks += 1
        if self.idle_w is None:
            return None
        end_s = self.here.clock()
        window = self._window(end_s - wall_s, end_s)
        if window.power_w is None:
            for event in window.events:
                self._note(event.name, event.words)
            return None
        net_w = window.power_w - self.idle_w
        if net_w <= _TOLD * window.power_w:
            drew = f"it drew {window.power_w:.4g} W, which cannot be told from {self.idle_w:.4g} W when idle"
            self._note("at-idle", drew)
            return None
        return float(f"{net_w * wall_s:.{_DIGITS}g}")

    def look_around(self) -> None:
        """Look how hot the device is, and whether others compute on it."""
        if not isinstance(self.meter, DeviceMeter):
            return
        for domain, celsius in self.meter.temperatures_c().items():
            self._celsius.setdefault(domain, []).append(celsius)
        self._foreign = self._foreign or self._others(self.meter.processes())

    def events(self) -> list[Event]:
        """Tell what happened, each kind of event once."""
        told = [self._unsettled] if self._unsettled else []
        for name, (words, times) in self._spoiled.items():
            many = f"{name} in {times} of {self.blocks} blocks, whose rounds do not count for energy"
            told.append(Event(name=name, words=f"{self.facts.id}: {many}: {words}"))
        if self._foreign:
            told.append(Event(name="foreign-load", words=self._foreign))
        return told

    def remarks(self) -> list[str]:
        """Tell the idle power that was taken off, and how warm the device became."""
        domains = ", ".join(self.facts.domains)
        told = [] if self.idle_w is None else [f"{domains} drew {self.idle_w:.4g} W when idle, which is taken off"]
        for domain, celsius in self._celsius.items():
            told.append(f"{domain} was at {celsius[0]:g} °C before measuring, and at {max(celsius):g} °C at most")
        return told

    def _window(self, start_s: float, end_s: float) -> metering.Window:
        return metering.energy(self.facts, self.sampler.between(start_s, end_s), start_s, end_s)

    def _note(self, name: str, words: str) -> None:
        first, times = self._spoiled.get(name, (words, 0))
        self._spoiled[name] = first, times + 1

    def _others(self, processes: Sequence[int] | None) -> str:
        """Say who else computes on the device. Of numbers from outside a container, as many are taken for one's own."""
        parents = {pid: self.parent(pid) for pid in processes or ()}
        ours = [pid for pid, parent in parents.items() if parent == os.getpid()]
        seen = [pid for pid, parent in parents.items() if parent is not None and pid not in ours]
        hidden = [pid for pid, parent in parents.items() if parent is None]
        others = [*seen, *hidden[max(0, self.hosted - len(ours)) :]]
        if not others:
            return ""
        who = f"another process (pid {others[0]})" if len(others) == 1 else f"{len(others)} other processes"
        return f"foreign-load: {who} had work on the GPU meanwhile, and what that drew is in the readings"


@contextmanager
def watched(  # noqa: PLR0913 - what is watched, and the world it is in
    meter: Meter,
    facts: MeterFacts,
    seed: int,
    hosted: int = 1,
    here: Surroundings = HERE,
    parent: Callable[[int], int | None] = parent_of,
) -> Iterator[DeviceBlocks]:
    """Look at a device's meter while blocks run on it.

    Args:
        meter: A meter that has been probed.
        facts: What it told of itself.
        seed: Seed of the gaps between blocks.
        hosted: How many processes of ours compute on the device.
        here: The world to do it in.
        parent: Tells the parent of a process.
    """
    # With looks every 20 ms a tick is known to 20 ms, and a second of ticks is enough (`greengate.measure.counters`).
    quick = replace(facts, period_s=2 * FASTEST_S, shortest_window_s=0.0)
    chance = random.Random(seed)  # noqa: S311 - it keeps no secret
    with here.sampler(meter, quick) as sampler:
        yield DeviceBlocks(meter, quick, sampler, chance, hosted, here, parent)
