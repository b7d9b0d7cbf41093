"""From CPU seconds and meters to energy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from greengate.errors import MeasurementError
from greengate.evidence import Event
from greengate.measure import figures, machine
from greengate.measure.campaign import Campaign
from greengate.measure.figures import Figures
from greengate.measure.headline import headline
from greengate.measure.metered import metered
from greengate.measure.modelled import Watts, watts_of
from greengate.measure.trace import Trace
from greengate.measure.windows import Plan, Work, take
from greengate.ports import Meter, MeterFacts, Workload
from greengate.projection import EMBODIED, ENERGY, INTENSITY, MADE

MODELLED = "cpu-seconds"
_FROM_ENERGY = frozenset(MADE) - {EMBODIED, INTENSITY}
_BATCH_S = 1.0


@dataclass(slots=True)
class Energies:
    """Energy figures by subject, further meters' by subject and meter, and what happened."""

    figures: dict[str, Figures] = field(default_factory=dict)
    crosschecks: dict[str, Figures] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gpu:
    """The GPU that runs the models: why its meter cannot be read, if so."""

    unmetered: str = ""

    def missing(self, why: Mapping[str, str]) -> str:
        """Say why there is no figure, from what each meter says of it."""
        told = "; ".join(f"{name}: {words}" for name, words in why.items())
        return self.unmetered or told or "no rule asks for it, so that the GPU's meter was not read"


def windows(
    workloads: Mapping[str, Workload],
    batches: Mapping[str, int],
    trace: Trace,
    meters: Sequence[tuple[Meter, MeterFacts]],
    plan: Plan,
) -> Campaign:
    """Take windows of candidate and baseline that are long enough for the meters at hand, if the budget allows."""
    works = {}
    for subject, workload in workloads.items():
        blocks = trace.blocks[subject]
        if not blocks:
            return Campaign()
        run_s = min(block.wall_s / block.inferences for block in blocks) * batches[subject]
        works[subject] = Work(workload, batches[subject], max(1, math.ceil(_BATCH_S / run_s)))
    return take(works, meters, plan)


def energies(  # noqa: PLR0913 - what was measured, and how it is to be read
    trace: Trace,
    campaign: Campaign,
    subjects: Sequence[str],
    confidence: float,
    declared: Watts | None,
    gpu: Gpu | None = None,
) -> Energies:
    """Make the energy figures: the surest meter's come first, the others stay as cross-checks.

    Where a GPU does the work, a figure is its meter's or it is missing. The processor's modelled share is a line of its
    own then, a cross-check that is never added in: it is not in the GPU's boundary, and known to a factor of two only.
    """
    found, read = Energies(), metered(campaign, confidence)
    watts = declared or _watts()
    modelled = {subject: figures.modelled_energy(trace, subject, confidence, watts) for subject in subjects}
    by_meter = {subject: dict(read.figures.get(subject, {})) for subject in subjects}
    for subject in subjects:
        if ENERGY in modelled[subject].figures and gpu is None:
            by_meter[subject][MODELLED] = modelled[subject].figures[ENERGY]
    best = headline(by_meter)
    for subject in subjects:
        others = {name: figure for name, figure in by_meter[subject].items() if best is None or name != best.meter}
        if gpu is not None and ENERGY in modelled[subject].figures:
            others[MODELLED] = modelled[subject].figures[ENERGY]
        without = modelled[subject] if gpu is None else Figures(missing={ENERGY: gpu.missing(read.missing)})
        found.figures[subject] = without if best is None else Figures({ENERGY: by_meter[subject][best.meter]})
        found.crosschecks[subject] = Figures(others)
    told = (*read.events, *(best.events if best else ()))
    found.events = [Event(name=event.name, words=event.words) for event in told]
    found.events += [
        Event(name="no-figure", words=f"{name}: {why}")
        for name, why in read.missing.items()
        if name not in campaign.left_out
    ]
    return found


def _watts() -> Watts | str:
    try:
        return watts_of(machine.here().processor)
    except MeasurementError as error:
        return f"{error.problem}; {error.hint}"


def wants_meters(names: Iterable[str]) -> bool:
    """Tell whether any of these metrics is worth a meter's windows."""
    return any(name == ENERGY or name in _FROM_ENERGY for name in names)
