"""The record of a run that was tracked: what each meter says of it, and which of them make its energy.

What counts is the surest meter of the whole machine, if there is one; else the sum of the surest meter of the
processors and the surest of the graphics cards, which see different parts; else CPU seconds times watts. These are
never added to a meter's, and where a graphics card without a meter may have worked there is no energy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from greengate.energy import MODELLED
from greengate.evidence import Class
from greengate.measure import machine
from greengate.measure.campaign import MOST_ASLEEP_S, MOST_FOREIGN, SHARED
from greengate.measure.commands import Ended
from greengate.measure.long_run import CONFIDENCE, Taken
from greengate.measure.machine import Machine
from greengate.measure.modelled import FACTOR, Watts
from greengate.measure.trackers.training_record import Emitted, Happened, Metering, Run, Total, TrainingRecord
from greengate.measure.windows import HERE, Surroundings
from greengate.meters import Found
from greengate.ports import MeterFacts, NotHere

_PARTS = ("package", "device")  # scopes that do not see one another's energy
_ALWAYS = "disks, network, mainboard, fans, losses of the power supply"


@dataclass(frozen=True, slots=True)
class Grid:
    """The intensity that was declared of the electricity, in gCO2e/kWh, and who says so."""

    grams_a_kwh: float
    source: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run is metered with; tests script it.

    Attributes:
        found: The meters that were looked for.
        watts: Of a hardware thread, or why they are not known.
        grid: The intensity that was declared, or None.
        hidden: Whether graphics cards are hidden from the command, so that it cannot use them.
        remarks: What the record should say of how it was called, by name.
    """

    found: Sequence[Found]
    watts: Watts | NotHere
    grid: Grid | None = None
    hidden: bool = False
    remarks: Mapping[str, str] = field(default_factory=dict)
    here: Surroundings = HERE
    machine: Machine = field(default_factory=machine.here)


@dataclass(frozen=True, slots=True)
class Course:
    """What was seen of a run from beginning to end."""

    ended: Ended
    seconds: float
    suspended_s: float
    foreign: float | None
    taken: Sequence[tuple[MeterFacts, Taken]]


def record(run: Run, ended_at: str, course: Course, ground: Ground) -> TrainingRecord:
    """Make the record of a run."""
    meters = [_metering(facts, taken) for facts, taken in course.taken]
    modelled = _modelled(course, ground.watts)
    energy = _energy([*meters, modelled], ground)
    return TrainingRecord(
        run=run,
        ended_at=ended_at,
        duration_s=round(course.seconds, 6),
        suspended_s=round(max(0.0, course.suspended_s), 3),
        exit_code=course.ended.code,
        signal=course.ended.signal,
        cpu_s=round(course.ended.cpu_s, 6),
        energy=None if isinstance(energy, str) else energy,
        missing=energy if isinstance(energy, str) else "",
        emissions=None if isinstance(energy, str) or ground.grid is None else _emitted(energy, ground.grid),
        meters=(*meters, modelled),
        unread={one.word: one.told.why for one in ground.found if isinstance(one.told, NotHere)},
        events=tuple(_events(course, ground)),
    )


def _metering(facts: MeterFacts, taken: Taken) -> Metering:
    known = taken.joules is not None
    return Metering(
        id=facts.id,
        kind=facts.kind,
        scope=facts.scope,
        reading=facts.reading,
        net_of_idle=False,
        boundary="; ".join(f"{name}: {what}" if what else name for name, what in facts.domains.items()),
        without=facts.excludes,
        joules=_six(taken.joules) if taken.joules is not None else None,
        low=_six(taken.low) if known else None,
        high=_six(taken.high) if known else None,
        domains={name: _six(joules) for name, joules in taken.domains.items()},
        covered_s=round(taken.covered_s, 3),
        gain=facts.gain,
        source=facts.source,
        degraded=facts.degraded,
        missing=taken.missing,
    )


def _modelled(course: Course, watts: Watts | NotHere) -> Metering:
    cpu_s = course.ended.cpu_s
    joules = low = high = None
    if isinstance(watts, Watts) and cpu_s > 0:
        joules, low, high = (_six(watts.joules(each)) for each in (cpu_s, *watts.widened(cpu_s, cpu_s)))
    return Metering(
        id=MODELLED,
        kind=Class.MODELLED,
        scope="process",
        reading="CPU seconds",
        net_of_idle=True,
        boundary="CPU seconds of the command and of its children that were waited for, times watts above idle",
        without="memory, graphics cards, disks, network, idle power, children that nobody waited for",
        joules=joules,
        low=low,
        high=high,
        covered_s=round(course.seconds, 3),
        gain=round(math.log(FACTOR) / NormalDist().inv_cdf((1 + CONFIDENCE) / 2), 4),
        source=watts.source if isinstance(watts, Watts) else "",
        missing=f"{watts.why}; {watts.hint}" if isinstance(watts, NotHere) else "" if joules else "no CPU seconds",
    )


def _energy(meters: Sequence[Metering], ground: Ground) -> Total | str:
    """Choose the meters that count and add them up, or say why there is no energy."""
    read = [one for one in meters if one.joules is not None]
    hosts = [one for one in read if one.scope == "host"]
    if hosts:
        best = _surest(hosts)
        return _total([best], best.without)
    parts = {scope: [one for one in read if one.scope == scope] for scope in _PARTS}
    if ground.hidden:
        parts["device"] = []  # What they draw is not the command's.
    cards = ground.machine.kind.accelerators
    if cards and not ground.hidden and not parts["device"]:
        return (
            f"graphics cards that the command may have used ({', '.join(cards)}) have no meter: {_why(meters, ground)}"
        )
    counted = [_surest(some) for some in parts.values() if some]
    if counted:
        return _total(counted, ", ".join(_unseen(counted, cards)))
    others = [one for one in read if one.scope not in _PARTS]
    if others:
        best = _surest(others)
        return _total([best], best.without)
    return f"no meter could be read, and no watts are known: {_why(meters, ground)}"


def _surest(meters: Sequence[Metering]) -> Metering:
    return min(meters, key=lambda one: (list(Class).index(one.kind), one.gain, one.id))


def _total(counted: Sequence[Metering], without: str) -> Total:
    kinds = [one.kind for one in counted]
    joules, low, high = (math.fsum(getattr(one, name) for one in counted) for name in ("joules", "low", "high"))
    return Total(
        joules=joules,
        low=low,
        high=high,
        confidence=CONFIDENCE,
        kind=max(kinds, key=list(Class).index),
        scope=" and ".join(one.scope for one in counted),
        net_of_idle=counted[0].net_of_idle,
        meters=tuple(one.id for one in counted),
        without=without,
    )


def _unseen(counted: Sequence[Metering], cards: Sequence[str]) -> Iterator[str]:
    scopes = {one.scope for one in counted}
    if "package" not in scopes:
        yield "processors"
    if not any(name.startswith("dram") for one in counted for name in one.domains):
        yield "memory"
    if "device" not in scopes and cards:
        yield "graphics cards, which were hidden from the command"
    yield _ALWAYS


def _why(meters: Sequence[Metering], ground: Ground) -> str:
    told = [f"{one.id}: {one.missing}" for one in meters if one.missing]
    told += [f"{one.word}: {one.told.why}" for one in ground.found if isinstance(one.told, NotHere)]
    return "; ".join(dict.fromkeys(told)) or "none was found"


def _emitted(energy: Total, grid: Grid) -> Emitted:
    return Emitted(
        grams=energy.joules / 3.6e6 * grid.grams_a_kwh,
        intensity=grid.grams_a_kwh,
        source=grid.source,
        without="the data centre's overhead (PUE); making the hardware",
    )


def _events(course: Course, ground: Ground) -> Iterator[Happened]:
    for _, taken in course.taken:
        yield from (Happened(name=event.name, words=event.words) for event in taken.events)
    if course.suspended_s > MOST_ASLEEP_S:
        yield Happened(name="suspended", words=f"the machine was suspended for {course.suspended_s:.1f} s")
    shared = any(facts.scope in SHARED for facts, _ in course.taken)
    if shared and course.foreign is not None and course.foreign > MOST_FOREIGN:
        words = f"other work took {course.foreign:.0%} of the machine, and its energy is in what the meters say"
        yield Happened(name="foreign-load", words=words)
    if course.ended.failed:
        yield Happened(name="failed", words=f"greengate could not go on beside the command: {course.ended.failed}")
    for name in course.ended.passed_on:
        yield Happened(name="signal", words=f"{name} came and was passed on to the command")
    yield from (Happened(name=name, words=words) for name, words in ground.remarks.items())


def _six(number: float) -> float:
    return float(f"{number:.6g}")
