"""From model files to evidence: examine each alone, count it, then measure all side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from greengate import energy, gate
from greengate.case import JUDGED, Case
from greengate.evidence import Evidence
from greengate.known import Known
from greengate.measure import device_blocks, protocol, windows
from greengate.measure.campaign import Campaign
from greengate.measure.device_blocks import DeviceBlocks
from greengate.measure.protocol import Schedule, Trace
from greengate.policy import Policy
from greengate.ports import Meter, MeterFacts, Workload


@dataclass(frozen=True, slots=True)
class Watch:
    """Whoever looks on while it takes its time: is told what begins, and how far it has come, from 0 to 1."""

    begins: Callable[[str], None] = field(default=lambda _: None)
    moves: Callable[[float], None] = field(default=lambda _: None)


def gather(case: Case, policies: Sequence[Policy], schedule: Schedule, taken_at: str, watch: Watch) -> Evidence:
    """Gather all that the policies may ask about one change.

    Raises:
        ModelError: A model cannot be read, loaded or run.
        MeasurementError: The runner gives no figures.
    """
    confidence = gate.confidence(policies)
    known = Known(case, taken_at, schedule)
    for subject, spec in case.specs.items():
        watch.begins(f"{case.model.name}: looking at the {subject}")
        known.look(subject, spec, confidence)
    watch.begins(f"{case.model.name}: measuring")
    with known.running() as (workloads, control):
        batches = {subject: case.specs[subject].batch for subject in workloads}

        def unsettled(trace: Trace) -> bool:
            return gate.unsettled(policies, known.evidence(trace, confidence))

        with _device(case, schedule, known.processes) as device:
            schedule = _on_device(case, schedule, device)
            pairs = _leaving_room(case, schedule)
            trace = protocol.measure(workloads, batches, pairs, unsettled, control, watch.moves, device=device)
        campaign = _windows(case, workloads, batches, trace, schedule, watch)
        if device is not None:
            device.look_around()
            trace.events += device.events()
            trace.remarks += device.remarks()
    evidence = known.measured(trace, campaign, confidence)
    return evidence.model_copy(update={"fixed_rounds": gate.fixed_rounds(policies, evidence)})


def _device(case: Case, schedule: Schedule, processes: int) -> AbstractContextManager[DeviceBlocks | None]:
    """Look at the GPU's meter while pairs are measured, where one runs the models and a rule asks for its energy."""
    chosen = device_blocks.choose(case.meters) if case.on_gpu and case.metered else None
    return device_blocks.watched(*chosen, schedule.seed, processes) if chosen else nullcontext()


def _on_device(case: Case, schedule: Schedule, device: DeviceBlocks | None) -> Schedule:
    """Measure by the clock where a GPU does the work, after its idle power has been found."""
    if not case.on_gpu:
        return schedule
    if device is None:
        return replace(schedule, block_wall_s=device_blocks.UNMETERED_BLOCK_S)
    left_s = schedule.budget_s - device.settle(schedule.budget_s)
    return replace(schedule, budget_s=left_s, block_wall_s=device_blocks.BLOCK_S)


def _useful(case: Case) -> list[tuple[Meter, MeterFacts]]:
    """List the meters whose figures a rule is about, and which see what runs the models."""
    # What an accelerator draws is none of a model's on the CPU, and of one on a GPU a processor draws the least part.
    scopes = {"device", "host"} if case.on_gpu else {"process", "package", "host"}
    return [(meter, facts) for meter, facts in case.meters if facts.scope in scopes] if case.metered else []


def _leaving_room(case: Case, schedule: Schedule) -> Schedule:
    """Keep part of the budget for meters: a candidate whose pairs stay open must not cost them their windows."""
    subjects = sum(subject in JUDGED for subject in case.specs)
    kept_s = windows.reserved_s([facts for _, facts in _useful(case)], subjects, windows.Plan(schedule.budget_s))
    return replace(schedule, budget_s=schedule.budget_s - kept_s)


def _windows(  # noqa: PLR0913 - what is run, on what, for how long
    case: Case,
    workloads: Mapping[str, Workload],
    batches: Mapping[str, int],
    trace: Trace,
    schedule: Schedule,
    watch: Watch,
) -> Campaign:
    meters = _useful(case)
    if not meters:
        return Campaign()
    watch.begins(f"{case.model.name}: reading {', '.join(facts.id for _, facts in meters)}")
    plan = windows.Plan(schedule.budget_s - trace.seconds, seed=schedule.seed)
    judged = {subject: workload for subject, workload in workloads.items() if subject in JUDGED}
    return energy.windows(judged, batches, trace, meters, plan)
