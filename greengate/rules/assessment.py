"""What a rule kind says of one check, before enforcement and waivers."""

from __future__ import annotations

from dataclasses import dataclass

from greengate.evidence import Evidence, Figure, Interval, Provenance, Subject
from greengate.verdict import Outcome

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Assessment:
    """The bare answer of a rule kind, with its words."""

    outcome: Outcome
    limit: str
    figure: str = ""
    interval: str = ""
    margin: str = ""
    counterfactual: str = ""
    reason: str = ""
    amount: float | None = None
    bounds: Interval | None = None
    provenance: Provenance | None = None
    estimated: bool = False


def unavailable(limit: str, reason: str) -> Assessment:
    """Say that there is nothing to judge by, which is never a pass."""
    return Assessment(Outcome.INCONCLUSIVE, limit, figure="unavailable", reason=reason)


def figure_of(subject: Subject, metric: str) -> Figure | str:
    """Return a subject's figure, or why there is none."""
    figure = subject.figures.get(metric)
    if figure is not None and figure.finite:
        return figure
    return subject.missing.get(metric, f"no figure for {metric} in the evidence")


def compare(low: float, high: float, bound: float, side: str) -> Outcome:
    """Compare an interval with a bound that it must not lie above (`max…`) or below (`min…`, `max_decrease`).

    What differs from the bound by no more than the rounding of the subtraction before it lies on the bound.
    """
    slack = ROUNDING * max(abs(low), abs(high), abs(bound))
    if side in ("max", "max_increase"):
        within, beyond = high <= bound + slack, low > bound + slack
    else:
        within, beyond = low >= bound - slack, high < bound - slack
    if within:
        return Outcome.PASSED
    return Outcome.FAILED if beyond else Outcome.INCONCLUSIVE


def too_unsure(confidence: float, *figures: Figure) -> str:
    """Say which interval is less sure than the policy asks for, or nothing; an exact figure is sure enough."""
    for figure in figures:
        interval = figure.interval
        if not interval.exact and interval.confidence < confidence - ROUNDING:
            return (
                f"its interval is known with {interval.confidence:.4g} confidence, the policy asks for {confidence:.4g}"
            )
    return ""


def comparable(evidence: Evidence, wanted: tuple[str, ...]) -> str:
    """Say what keeps candidate and baseline from being compared, or nothing."""
    differing = [item for item in evidence.incomparable if item.split(":")[0] in wanted]
    return f"not comparable: {'; '.join(differing)}" if differing else ""
