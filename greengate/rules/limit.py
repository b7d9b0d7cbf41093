"""An absolute limit: the candidate's interval must lie wholly inside.

Why it matters: a budget of energy, time or size holds whatever the baseline was.

Example:
    rules:
      - {id: energy-cap, metric: energy_per_1k_inferences, max: 850 J, enforce: hard}
"""

from __future__ import annotations

from greengate.evidence import Evidence, Figure
from greengate.metrics import Metric
from greengate.policy import Limit, Plan
from greengate.rules.assessment import (
    Assessment,
    compare,
    effort,
    figure_of,
    other_runner,
    too_unsure,
    too_unsure_to_fail,
    unavailable,
)
from greengate.verdict import Outcome


def assess(check: Limit, metric: Metric, evidence: Evidence, plan: Plan) -> Assessment:
    """Compare the candidate's interval with the bound."""
    figure = figure_of(evidence.candidate, metric.name)
    if isinstance(figure, str):
        return unavailable(str(check), figure)
    if other := other_runner(evidence, plan.runner, metric):
        return unavailable(str(check), other)
    if metric.paired and evidence.voided:
        return unavailable(str(check), evidence.voided)
    if unsure := too_unsure(plan.confidence, figure):
        return unavailable(str(check), unsure)
    bound, interval = check.bound.amount, figure.interval
    outcome = compare(interval.low, interval.high, bound, check.side)
    reason = _outlook(check, metric, figure, evidence, plan) if outcome is Outcome.INCONCLUSIVE else ""
    if outcome is Outcome.FAILED and (reason := too_unsure_to_fail(plan.stakes.false_fail, figure)):
        outcome = Outcome.INCONCLUSIVE
    edge = interval.high if check.side == "max" else interval.low
    return Assessment(
        outcome,
        str(check),
        figure=metric.in_words(figure.amount),
        interval="exact" if interval.exact else f"{metric.in_words(interval.low)} to {metric.in_words(interval.high)}",
        margin=_margin(figure.amount, bound),
        counterfactual="" if outcome is Outcome.PASSED else _counterfactual(check, metric, figure.amount, edge),
        reason=reason,
        amount=figure.amount,
        bounds=interval,
        provenance=figure.provenance,
        estimated=figure.provenance.kind.estimated,
    )


def settled(check: Limit, metric: Metric, evidence: Evidence) -> bool:
    """Tell whether more rounds could not change the answer; only what is timed gets surer by them."""
    if not metric.timed:
        return True
    figure = figure_of(evidence.candidate, metric.name)
    if isinstance(figure, str):
        return False
    found = compare(figure.interval.low, figure.interval.high, check.bound.amount, check.side)
    return found is not Outcome.INCONCLUSIVE


def _outlook(check: Limit, metric: Metric, figure: Figure, evidence: Evidence, plan: Plan) -> str:
    """Say what would settle a limit on which the interval lies; its width shrinks with the root of the runs."""
    straddles = "the interval straddles the limit"
    scattered, scale = figure.provenance.type_a or 0.0, figure.provenance.type_b or 0.0
    if not metric.timed:
        return f"{straddles}, and {'a longer `budget` narrows' if scattered > scale else 'no longer budget narrows'} it"
    amount, bound = figure.amount, check.bound.amount
    edge = figure.interval.high if amount <= bound else figure.interval.low
    told = effort(evidence, plan).outlook(abs(bound - amount), abs(edge - amount), lambda d: f"{d / amount * 100:.2g}%")
    return f"{straddles}: {told}"


def _margin(amount: float, bound: float) -> str:
    if bound == 0:
        return "at the limit" if amount == 0 else "the limit is zero"
    share = abs(amount - bound) / abs(bound)
    if share >= 10:
        return f"{amount / bound:,.0f} times the limit"
    return f"{share * 100:.3g}% {'above' if amount > bound else 'below'} the limit"


def _counterfactual(check: Limit, metric: Metric, amount: float, edge: float) -> str:
    needed = check.bound.amount * (amount / edge) if edge else check.bound.amount
    return f"would pass at {'<=' if check.side == 'max' else '>='} {metric.in_words(needed)}"
