"""An absolute limit: the candidate's interval must lie wholly inside.

Why it matters: a budget of energy, time or size holds whatever the baseline was.

Example:
    rules:
      - {id: energy-cap, metric: energy_per_1k_inferences, max: 850 J, enforce: hard}
"""

from __future__ import annotations

import math

from greengate.effort import Effort, told
from greengate.evidence import Evidence, Figure
from greengate.metrics import Metric
from greengate.policy import Limit, Plan
from greengate.rules.assessment import (
    Assessment,
    compare,
    figure_of,
    other_runner,
    too_unsure,
    too_unsure_to_fail,
    unavailable,
)
from greengate.verdict import Outcome

_TIMED = {"run", "wall", "p95", "p99"}  # `Metric.paired`: what is told by the runs of this measurement alone
_LEAST = 1.2  # times as much measuring: less is not worth advising


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
    if metric.paired not in _TIMED:
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
    if metric.paired in _TIMED and evidence.measured_s <= 0:
        return straddles
    if metric.paired not in _TIMED:
        return f"{straddles}, and {'a longer `budget` narrows' if scattered > scale else 'no longer budget narrows'} it"
    effort = Effort(evidence.measured_s, len(evidence.pairs), plan.budget_s, plan.max_pairs)
    amount, bound = figure.amount, check.bound.amount
    edge = figure.interval.high if amount <= bound else figure.interval.low
    apart = abs(amount - bound)
    times = max(((edge - amount) / apart) ** 2, _LEAST) if apart > 0 else math.inf
    if effort.bearable(times):
        return f"{straddles}: {effort.more(times)} would settle it"
    resolved = abs(edge - amount) / amount / math.sqrt(max(1.0, effort.within))
    where = f"it lies {apart / amount * 100:.2g}% from it" if apart > 0 else "it lies on it"
    return f"{straddles}: {where}, where this runner tells {resolved:.1%} apart in {told(plan.budget_s)}"


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
