"""What a machine is like as a runner: idle, at the control workload, by its meters, and held against itself.

The last is the point: the control workload is measured beside itself by the very protocol that measures a candidate
beside its baseline (`greengate.measure.protocol`), so that the resolution is that of the gate, not of a formula.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median, stdev

from greengate import __version__, betting
from greengate.betting import Stakes
from greengate.errors import MeasurementError
from greengate.evidence import Block
from greengate.measure import machine, protocol
from greengate.measure.campaign import Campaign
from greengate.measure.machine import Machine
from greengate.measure.machine_load import Shares
from greengate.measure.metered import Metered, metered
from greengate.measure.modelled import Watts, watts_of
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule, Trace
from greengate.measure.windows import HERE, Plan, Surroundings, Work, take
from greengate.meters import Found
from greengate.models import control
from greengate.paired import log_ratios
from greengate.ports import CONTROL, MeterFacts, Workload
from greengate.profiles import Coefficient, Comparison, Control, Counted, Idle, Profile

WITHIN_S = 20.0  # the time that resolutions are told for, so that those of two runners can be compared
FEWEST_ROUNDS = 8
_IDLE_S = 3.0
_CONFIDENCE = 0.95
_SEED = 1
_BUSY = 0.05  # share of the machine


@dataclass(frozen=True, slots=True)
class Bench:
    """What calibrating stands on; tests script it.

    Attributes:
        open: Hosts the control workload as candidate, as baseline and as what judges the machine.
        most_pairs: Pairs after which comparing ends, whatever time is left.
    """

    open: Callable[[], AbstractContextManager[Mapping[str, Workload]]] = control.bench
    here: Surroundings = HERE
    machine: Machine = field(default_factory=machine.here)
    most_pairs: int = 100_000


def calibrate(
    found: Sequence[Found],
    seconds: float,
    taken_at: str,
    begins: Callable[[str], None] = lambda _: None,
    bench: Bench | None = None,
) -> Profile:
    """Calibrate this machine.

    Args:
        found: The meters that were looked for.
        seconds: How long to compare the control workload with itself; meters get as long again.
        taken_at: UTC in ISO 8601.
        begins: Is told what begins.
        bench: What it stands on.

    Raises:
        MeasurementError: The machine itself changed meanwhile, or it was too slow to compare anything.
    """
    on = bench or Bench()
    begins(f"looking at the machine while idle, {_idle_s(seconds):g} s")
    idle, shares = _idle(on.here, _idle_s(seconds))
    with on.open() as workloads:
        begins(f"comparing the control workload with itself, {seconds:g} s")
        trace = _against_itself(workloads, seconds, on.most_pairs)
        usable = _usable(found)
        if usable:
            begins(f"reading {', '.join(facts.id for _, facts in usable)}, up to {seconds:g} s")
        campaign = _windows(workloads[CANDIDATE], trace, usable, seconds, on.here)
    read = metered(campaign, _CONFIDENCE)
    kind = on.machine.kind
    return Profile(
        greengate=__version__,
        taken_at=taken_at,
        fingerprint=kind.fingerprint,
        kind=kind,
        processor=on.machine.processor.name,
        system=on.machine.system,
        kernel=platform.release(),
        idle=idle.model_copy(update={"power_w": _idle_w(campaign)}),
        control=_control(trace),
        comparison=_comparison(trace),
        meters=tuple(_counted(facts) for _, facts in _there(found)),
        unread=_unread(found, read),
        coefficients=tuple(_coefficients(campaign, read, _table(on.machine))),
        events=(*_told(shares), *(event.words for event in trace.events), *(event.words for event in read.events)),
    )


def _idle_s(seconds: float) -> float:
    return min(_IDLE_S, max(0.5, seconds / 4))


def _idle(here: Surroundings, seconds: float) -> tuple[Idle, Shares | None]:
    before, own_s, start_s = here.load(), here.own_cpu_s(), here.clock()
    here.sleep(seconds)
    after, wall_s = here.load(), here.clock() - start_s
    if before is None or after is None:
        return Idle(seconds=_six(wall_s)), None
    shares = after.since(before, here.own_cpu_s() - own_s, wall_s)
    return Idle(seconds=_six(wall_s), foreign_share=_six(shares.foreign), steal_share=_six(shares.steal)), shares


def _told(shares: Shares | None) -> list[str]:
    told = []
    if shares and shares.foreign > _BUSY:
        told.append(f"other work took {shares.foreign:.0%} of the machine while it should have been idle")
    if shares and shares.steal > _BUSY:
        told.append(f"the hypervisor took {shares.steal:.0%} of the machine while it should have been idle")
    return told


def _against_itself(workloads: Mapping[str, Workload], seconds: float, most_pairs: int) -> Trace:
    schedule = Schedule(budget_s=seconds, max_pairs=most_pairs, seed=_SEED)
    twins = {subject: workloads[subject] for subject in (CANDIDATE, BASELINE)}
    trace = protocol.measure(twins, dict.fromkeys(twins, 1), schedule, lambda _: True, workloads[CONTROL])
    if trace.voided:
        raise MeasurementError("runner", trace.voided, "calibrate it again when nothing else runs")
    if trace.rounds < FEWEST_ROUNDS:
        problem = f"{trace.rounds} rounds of pairs count in {trace.seconds:.2g} s, and it takes {FEWEST_ROUNDS}"
        hint = "; ".join(event.words for event in trace.events) or "give it more `--seconds`, or a quieter machine"
        raise MeasurementError("runner", problem, hint)
    return trace


def _control(trace: Trace) -> Control:
    costs_s = [_cost_s(block) for subject in (CANDIDATE, BASELINE) for block in trace.blocks[subject]]
    half = max(1, len(trace.control_s) // 2)
    drift = median(trace.control_s[-half:]) / median(trace.control_s[:half]) - 1
    scatter = stdev(math.log(cost_s) for cost_s in costs_s)
    return Control(
        blocks=len(costs_s), cpu_s=_six(median(costs_s)), scatter_share=_six(scatter), drift_share=_six(drift)
    )


def _comparison(trace: Trace) -> Comparison:
    rounds, stakes = log_ratios("cpu", trace.pairs), Stakes()
    low, high = betting.ratio_interval(rounds, stakes)
    resolved = betting.resolution(rounds, WITHIN_S * len(rounds) / trace.seconds, stakes)
    return Comparison(
        seconds=_six(trace.seconds),
        rounds=len(rounds),
        ratio=_six(min(max(math.exp(median(rounds)), low), high)),
        low=low,
        high=high,
        spread_share=_six(betting.spread(rounds)),
        resolved_share=_six(resolved) if math.isfinite(resolved) else None,
        within_s=WITHIN_S,
    )


def _there(found: Sequence[Found]) -> list[tuple[Found, MeterFacts]]:
    return [(one, one.told) for one in found if isinstance(one.told, MeterFacts)]


def _usable(found: Sequence[Found]) -> list[tuple[Found, MeterFacts]]:
    """Choose the meters that see a processor: the control workload does not run on an accelerator."""
    return [(one, facts) for one, facts in _there(found) if facts.scope != "device"]


def _windows(
    workload: Workload, trace: Trace, usable: Sequence[tuple[Found, MeterFacts]], seconds: float, here: Surroundings
) -> Campaign:
    if not usable:
        return Campaign()
    run_s = min(block.wall_s / block.inferences for block in trace.blocks[CANDIDATE])
    works = {CONTROL: Work(workload, 1, max(1, math.ceil(1 / run_s)))}
    meters = [(one.meter, facts) for one, facts in usable]
    return take(works, meters, Plan(seconds, seed=_SEED), here)


def _idle_w(campaign: Campaign) -> dict[str, float]:
    windows = campaign.idle.meters if campaign.idle else {}
    return {name: _six(window.power_w) for name, window in windows.items() if window.power_w is not None}


def _table(here: Machine) -> Watts | None:
    try:
        return watts_of(here.processor)
    except MeasurementError:
        return None


def _coefficients(campaign: Campaign, read: Metered, table: Watts | None) -> list[Coefficient]:
    """Divide net energy by CPU seconds, both of the control workload, which keeps one hardware thread busy."""
    turns = campaign.of(CONTROL)
    made = sum(turn.inferences for turn in turns)
    cpu_s_per_1k = 1000 * sum(turn.cpu_s for turn in turns) / made if made else 0.0
    if cpu_s_per_1k <= 0:
        return []
    return [
        Coefficient(
            meter=name,
            net_w=_six(figure.amount / cpu_s_per_1k),
            low_w=_six(figure.interval.low / cpu_s_per_1k),
            high_w=_six(figure.interval.high / cpu_s_per_1k),
            confidence=figure.interval.confidence,
            table_w=_six(table.joules(1.0)) if table else None,
            table_source=table.source if table else "",
        )
        for name, figure in read.figures.get(CONTROL, {}).items()
    ]


def _unread(found: Sequence[Found], read: Metered) -> dict[str, str]:
    absent = {one.word: one.told.why for one in found if not isinstance(one.told, MeterFacts)}
    return {**absent, **read.missing}


def _counted(facts: MeterFacts) -> Counted:
    return Counted(
        id=facts.id,
        kind=facts.kind,
        scope=facts.scope,
        domains=dict(facts.domains),
        excludes=facts.excludes,
        reading=facts.reading,
        resolution=_six(facts.resolution),
        period_s=_six(facts.period_s),
        shortest_window_s=_six(facts.shortest_window_s),
        gain_share=_six(facts.gain),
        source=facts.source,
        degraded=facts.degraded,
    )


def _cost_s(block: Block) -> float:
    return block.cpu_s / block.inferences


def _six(number: float) -> float:
    """Six digits: more are noise, and they would be signed as if they were not."""
    return float(f"{number:.6g}")
