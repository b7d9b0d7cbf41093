"""Energy from a counter that only grows, from tick to tick.

A tick is a look at which the value had changed. What lies between a tick and the edge of a window is not known, so it
is left out of joules and seconds alike: Hähnel et al., "Measuring energy consumption for short code paths using RAPL",
SIGMETRICS Performance Evaluation Review 40(3), 2012. RAPL's counters have 32 bits and start again after a minute or
more at high power: Intel SDM, volume 3B, "RAPL interfaces". NVML's ticks about every 100 ms: Yang, Adamek & Armour,
"Part-time power measurements: nvidia-smi's lack of attention", SC 2024. How many ticks are enough, and from when on a
counter is frozen, are choices of this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from greengate.measure.events import Case, Row

_FEWEST_TICKS = 3
_FEWEST_PERIODS = 20  # a tick is known to half a period, since it is looked for twice a period
_SILENT_INTERVALS = 5


@dataclass(frozen=True, slots=True)
class Span:
    """Joules of one domain within so many seconds, and how many ticks or readings they rest on."""

    joules: float
    seconds: float
    ticks: int


def counted(case: Case, row: Row) -> Span | None:
    """Work out the energy between the first and the last tick of a span; None where an event has spoiled it."""
    ticks: Row = []
    joules = 0.0
    for (before_s, before_j), (at_s, value_j) in pairwise(row):
        if not case.holds(at_s) or before_j == value_j:
            continue
        if before_s >= case.start_s:  # Of a rise that began outside only the moment counts.
            rise_j = _rise(case, at_s - before_s, before_j, value_j)
            if rise_j is None:
                return None
            joules += rise_j
        ticks.append((at_s, joules))
    if _frozen(case, ticks, row) or _too_few(case, ticks):
        return None
    return Span(joules=ticks[-1][1] - ticks[0][1], seconds=ticks[-1][0] - ticks[0][0], ticks=len(ticks))


def _rise(case: Case, gap_s: float, before_j: float, value_j: float) -> float | None:
    """Tell by how much a counter rose from one look to the next; None where that cannot be told."""
    wrap_j = case.facts.wraps_j.get(case.domain, 0.0)
    most_j = case.plausible_w * (gap_s + 2 * case.facts.period_s) + 2 * case.facts.resolution
    rise_j = value_j - before_j
    if wrap_j and case.plausible_w * gap_s > wrap_j:
        case.spoil(
            "maybe-wrapped-twice",
            f"no reading for {gap_s:.3g} s, in which {case.plausible_w:g} W would pass its {wrap_j:g} J more than once",
        )
    elif rise_j < 0 and wrap_j and 0 <= rise_j + wrap_j <= most_j:
        case.note("wrapped", f"the counter started again at {wrap_j:g} J, which has been undone")
        return rise_j + wrap_j
    elif rise_j < 0:
        why = f"that is not near the {wrap_j:g} J at which it starts again" if wrap_j else "it should only grow"
        case.spoil(
            "negative" if value_j else "zero", f"the counter fell from {before_j:.10g} J to {value_j:.10g} J; {why}"
        )
    elif rise_j > most_j:
        case.spoil("implausible", f"the counter rose by {rise_j:.4g} J in {gap_s:.3g} s, at most {most_j:.4g} J can be")
    else:
        return rise_j
    return None


def _frozen(case: Case, ticks: Row, row: Row) -> bool:
    """Notice a counter that stood still; one of coarse steps may tick as seldom as a step takes at one watt."""
    interval_s = (ticks[-1][0] - ticks[0][0]) / (len(ticks) - 1) if len(ticks) > 1 else 0.0
    silent_s = case.longest_gap_s([at_s for at_s, _ in ticks])
    if silent_s <= max(case.patience_s, _SILENT_INTERVALS * max(interval_s, case.facts.resolution)):
        return False
    words = f"frozen counter: it stood still for {silent_s:.3g} s of {case.seconds:.3g} s"
    if not ticks and row[-1][1] == 0:
        case.spoil("zero", f"{words}, at 0 J")
    else:
        case.spoil("stuck", words)
    return True


def _too_few(case: Case, ticks: Row) -> bool:
    seconds = ticks[-1][0] - ticks[0][0] if ticks else 0.0
    needed_s = _FEWEST_PERIODS * case.facts.period_s
    if len(ticks) >= _FEWEST_TICKS and seconds >= needed_s:
        return False
    case.spoil(
        "too-short",
        f"the counter ticked {len(ticks)} times, within {seconds:.3g} s, in steps of {case.facts.resolution:g} J; "
        f"it takes {_FEWEST_TICKS} ticks within {needed_s:.3g} s at least",
    )
    return True
