"""From what was counted, examined and measured to figures with interval and provenance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import NormalDist

from greengate import looks
from greengate.evidence import Block, Class, Figure, Interval, Provenance
from greengate.measure.intervals import quantile, values_needed
from greengate.measure.modelled import FACTOR, Watts
from greengate.measure.protocol import RUNS_KEPT, Schedule
from greengate.measure.trace import Trace
from greengate.ports import Examination, StaticCosts

QUANTILES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}
PEAK_SPREAD = 0.05  # two standard deviations, rounded up: benchmarks/peak_memory


@dataclass(slots=True)
class Figures:
    """Figures by metric name, and for those that cannot be had, why."""

    figures: dict[str, Figure] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, other: Figures) -> None:
        """Take over another collection; a figure that is there is no longer missing."""
        self.figures.update(other.figures)
        self.missing.update(other.missing)
        for name in other.figures:
            self.missing.pop(name, None)


def static(costs: StaticCosts, batch: int) -> Figures:
    """Make the exact figures of the graph, per inference where that is their unit."""
    provenance = Provenance(kind=Class.STATIC, method=f"counted from the graph ({costs.convention})")
    amounts: dict[str, float | None] = {
        "macs_per_inference": None if costs.macs is None else costs.macs / batch,
        "flops_per_inference": None if costs.macs is None else 2 * costs.macs / batch,
        "parameters": costs.parameters,
        "weight_bytes": costs.weight_bytes,
        "activation_bytes": costs.activation_bytes,
    }
    why = "cannot be counted: " + ("; ".join(costs.uncovered) or "the graph leaves a size open")
    return Figures(
        {name: Figure.exact(amount, provenance) for name, amount in amounts.items() if amount is not None},
        {name: why for name, amount in amounts.items() if amount is None},
    )


def examined(examination: Examination, confidence: float) -> Figures:
    """Make the figures of the first run: size of the files and peak memory."""
    spread = PEAK_SPREAD * NormalDist().inv_cdf((1 + confidence) / 2) / NormalDist().inv_cdf(0.975)
    size = Provenance(kind=Class.STATIC, method="bytes on disk")
    memory = Provenance(
        kind=Class.MEASURED,
        method=f"peak resident size of one run alone, runtime included; repeats within {spread:.1%}",
        degraded=examination.degraded,
    )
    peak = float(examination.peak_memory_bytes)
    interval = Interval(low=peak * (1 - spread), high=peak * (1 + spread), confidence=confidence)
    return Figures(
        {
            "model_size": Figure.exact(examination.size_bytes, size),
            "peak_memory": Figure(amount=peak, interval=interval, provenance=memory),
        }
    )


def timed(trace: Trace, subject: str, confidence: float) -> Figures:
    """Make latency quantiles and throughput from the runs of one subject."""
    found = Figures()
    if nothing := trace.unmeasured:
        return Figures(missing=dict.fromkeys((*QUANTILES, "throughput"), nothing))
    for name, share in QUANTILES.items():
        runs = trace.runs(subject)
        _place(found, name, runs, share, confidence, trace.rounds, "order statistics of single runs by the clock")
    rates = [block.inferences / block.wall_s for block in trace.blocks[subject]]
    _place(found, "throughput", rates, 0.5, confidence, trace.rounds, "median over blocks, one caller, by the clock")
    return found


def modelled_energy(trace: Trace, subject: str, confidence: float, watts: Watts | str) -> Figures:
    """Make energy per 1,000 inferences from CPU seconds and watts, or say why the watts are not known."""
    name = "energy_per_1k_inferences"
    if isinstance(watts, str):
        return Figures(missing={name: watts})
    if nothing := trace.unmeasured:
        return Figures(missing={name: nothing})
    values = [_cpu_s_per_1k(block) for block in trace.blocks[subject]]
    estimate = _at_this_look(values, 0.5, confidence, trace.rounds)
    if isinstance(estimate, int):
        return Figures(missing={name: _too_few(estimate, len(values), "blocks")})
    middle, low, high = estimate
    spread = watts.widened(low, high)
    provenance = Provenance(
        kind=Class.MODELLED,
        method=f"{middle:.4g} CPU s x ({watts.max_w:g} - {watts.idle_w:g}) W a hardware thread, known to x/{FACTOR:g}",
        source=watts.source,
        meter="cpu-seconds",
        scope="process",
        boundary="the processor's share; without memory, disks, network and idle power",
        net_of_idle=True,
        type_a=math.log(high / low) / 2 / NormalDist().inv_cdf((1 + confidence) / 2),
        type_b=math.log(FACTOR) / NormalDist().inv_cdf(0.975),
        blocks=len(trace.blocks[subject]),
        window_s=math.fsum(block.wall_s for block in trace.blocks[subject]),
    )
    amount = watts.joules(middle)
    interval = Interval(
        low=min(amount, watts.joules(spread[0])), high=max(amount, watts.joules(spread[1])), confidence=confidence
    )
    return Figures({name: Figure(amount=amount, interval=interval, provenance=provenance)})


def _cpu_s_per_1k(block: Block) -> float:
    return 1000 * block.cpu_s / block.inferences


def _place(  # noqa: PLR0913 - the parts of one figure
    found: Figures, name: str, values: list[float], share: float, confidence: float, rounds: int, method: str
) -> None:
    estimate = _at_this_look(values, share, confidence, rounds)
    if isinstance(estimate, int):
        found.missing[name] = _too_few(estimate, len(values), "runs")
        return
    amount, low, high = estimate
    interval = Interval(low=min(low, amount), high=max(high, amount), confidence=confidence)
    provenance = Provenance(kind=Class.MEASURED, method=f"{method}, {len(values)} values")
    found.figures[name] = Figure(amount=amount, interval=interval, provenance=provenance)


def _at_this_look(
    values: list[float], share: float, confidence: float, rounds: int
) -> tuple[float, float, float] | int:
    """Estimate a quantile whose interval may have been looked at before, as measuring went on."""
    return quantile(values, share, looks.level(confidence, rounds), max(1, rounds))


def _too_few(needed: int, had: int, what: str) -> str:
    return (
        f"an interval needs at least {needed} {what}, {had} were measured; a rule on it, or a longer budget, takes more"
    )


def runs_needed(metrics: Iterable[str], confidence: float) -> int:
    """Tell how many runs the quantiles among these metrics need for intervals that have both ends."""
    a_round = Schedule().pairs_a_round * RUNS_KEPT
    return max((_needed(QUANTILES[name], confidence, a_round) for name in metrics if name in QUANTILES), default=0)


def blocks_needed(confidence: float) -> int:
    """Tell how many blocks of each model a median over blocks needs for an interval that has both ends."""
    return _needed(0.5, confidence, Schedule().pairs_a_round)


def rounds_needed(confidence: float) -> int:
    """Tell how many rounds it takes until not all of them lie on one side of their median, but by the error allowed."""
    return _needed(0.5, confidence, 1)


def _needed(share: float, confidence: float, a_round: int) -> int:
    """Find how many values it takes where each look asks for more of them, and each round brings so many."""
    values = 0
    while values < (needed := values_needed(share, looks.level(confidence, values / a_round))):
        values = needed
    return values
