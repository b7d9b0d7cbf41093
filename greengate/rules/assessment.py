"""What a rule kind says of one check, before enforcement and waivers."""

from __future__ import annotations

from dataclasses import dataclass

from greengate.effort import Effort
from greengate.evidence import Evidence, Figure, Interval, Provenance, Subject
from greengate.metrics import Metric
from greengate.policy import Plan, ReferenceRunner
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


def effort(evidence: Evidence, plan: Plan) -> Effort:
    """Hold what measuring took against what the policy allows."""
    return Effort(evidence.measured_s, len(evidence.pairs), plan.budget_s, plan.max_pairs)


def too_unsure(confidence: float, *figures: Figure) -> str:
    """Say which interval is less sure than the policy asks for, or nothing; an exact figure is sure enough."""
    for figure in figures:
        interval = figure.interval
        if not interval.exact and interval.confidence < confidence - ROUNDING:
            return (
                f"its interval is known with {interval.confidence:.4g} confidence, the policy asks for {confidence:.4g}"
            )
    return ""


def too_unsure_to_fail(allowed: float, *figures: Figure) -> str:
    """Say which interval misses the truth on one side oftener than a failure may be false, or nothing."""
    for figure in figures:
        interval = figure.interval
        error = (1 - interval.confidence) / 2
        if not interval.exact and error > allowed + ROUNDING:
            return f"its interval may miss on one side in {error:.2g} of cases, and a failure be false in {allowed:.2g}"
    return ""


def other_runner(evidence: Evidence, wanted: ReferenceRunner, *metrics: Metric) -> str:
    """Say why measured figures do not count, or nothing: the policy asks for another runner; counted ones always do."""
    if wanted.is_met_by(evidence.runner) or not any(metric.of_runner for metric in metrics):
        return ""
    runner = evidence.runner
    labels = "".join(f", {key}={value}" for key, value in runner.labels.items())
    signer = f", signed by {runner.signer}" if runner.signer and wanted.key else ""
    has = f"profile {runner.profile[:12]}{labels}{signer}" if runner.profile else "no profile"
    return f"measured on {runner.description} ({has}), where the policy asks for a runner with {wanted}"


def comparable(evidence: Evidence, wanted: tuple[str, ...]) -> str:
    """Say what keeps candidate and baseline from being compared, or nothing."""
    differing = [item for item in evidence.incomparable if item.split(":")[0] in wanted]
    return f"not comparable: {'; '.join(differing)}" if differing else ""
