"""A drift limit: how far many changes together may take the candidate from an earlier model.

Why it matters: ten changes of +2% each pass a tolerance of 5%, and together cost 22% more.

Where the earlier model can still be had, it was measured beside the candidate in the same run and is compared as a
baseline is. Where not, the ratios that the history recorded for the changes in between are multiplied: each accepted
change was measured against the one before it, so that their product, and this run's, is the ratio to the earlier model.

Example:
    rules:
      - id: energy-drift
        metric: energy_per_1k_inferences
        max_drift: {since: last-release, increase: 10%}
        enforce: soft
"""

from __future__ import annotations

import math
from dataclasses import replace

from greengate import links
from greengate.betting import Stakes
from greengate.evidence import Earlier, Evidence, Interval
from greengate.metrics import Metric
from greengate.paired import log_ratios
from greengate.policy import Drift, Plan, Tolerance
from greengate.quantities import Share
from greengate.rules import regression
from greengate.rules.assessment import Assessment, comparable, compare, other_runner, unavailable

_CHAINABLE = ("cpu", "wall", "run")
_FEWEST = 2  # rounds, to tell how they scatter


def assess(check: Drift, metric: Metric, evidence: Evidence, plan: Plan) -> Assessment:
    """Compare the candidate with the earlier model."""
    earlier = _earlier(check, evidence)
    if earlier is None:
        return unavailable(str(check), f"nothing is known of {check.since}")
    if earlier.missing and not _recorded(metric, earlier):
        return unavailable(str(check), f"{earlier.label or check.since}: {earlier.missing}")
    if earlier.origin == "chain" and metric.paired:
        found = _along_the_chain(check, metric, evidence, earlier, plan)
    else:
        found = regression.assess(_tolerance(check), metric, _beside(evidence, earlier), plan)
    reason = "; ".join(part for part in (_way(metric, earlier, evidence), found.reason) if part)
    return replace(found, limit=str(check), reason=reason)


def settled(check: Drift, metric: Metric, evidence: Evidence, plan: Plan) -> bool:
    """Tell whether more pairs could not change the answer, nor are wanted for a chain, now or of changes to come."""
    if len(log_ratios(metric.paired, evidence.pairs)) < rounds_wanted(check, metric, evidence):
        return False
    earlier = _earlier(check, evidence)
    if earlier is None or earlier.missing or earlier.origin == "chain":
        return True
    return regression.settled(_tolerance(check), metric, _beside(evidence, earlier), plan)


def rounds_wanted(check: Drift, metric: Metric, evidence: Evidence) -> int:
    """Tell how many rounds beside the baseline are measured whatever they say, so that a chain may take them."""
    if evidence.baseline is None or metric.paired not in _CHAINABLE or not isinstance(check.delta, Share):
        return 0
    change = check.delta.amount * (1 if check.side == "max_increase" else -1)
    return links.rounds_wanted(log_ratios(metric.paired, evidence.pairs), change)


def _earlier(check: Drift, evidence: Evidence) -> Earlier | None:
    return next((earlier for earlier in evidence.earlier if earlier.since == check.since), None)


def _tolerance(check: Drift) -> Tolerance:
    return Tolerance(check.side, check.delta)


def _beside(evidence: Evidence, earlier: Earlier) -> Evidence:
    return evidence.model_copy(update={"baseline": earlier.subject, "pairs": earlier.pairs, "incomparable": ()})


def _recorded(metric: Metric, earlier: Earlier) -> bool:
    """Tell whether the history has the earlier model's exact figure, for which no chain is needed."""
    return not metric.paired and earlier.origin == "chain" and earlier.subject is not None


def _way(metric: Metric, earlier: Earlier, evidence: Evidence) -> str:
    since = earlier.label or earlier.since
    if _recorded(metric, earlier):
        return f"beside {since}, as the history recorded it"
    if not metric.paired or earlier.origin == "given":
        return f"beside {since}"
    if earlier.origin == "arm":
        return f"measured beside {since} in the same run"
    changes = len(earlier.links)
    elsewhere = _elsewhere(earlier, evidence)
    return (
        f"chained from the history: {changes} accepted change{'' if changes == 1 else 's'} since {since}, and this one"
        + (f"; {elsewhere} of them measured on another kind of machine" if elsewhere else "")
    )


def _elsewhere(earlier: Earlier, evidence: Evidence) -> int:
    """Count the links that another kind of machine measured."""
    return sum(link.runner != evidence.runner.fingerprint for link in earlier.links)


def _other_terms(earlier: Earlier, evidence: Evidence) -> bool:
    return any(link.terms and evidence.terms and link.terms != evidence.terms for link in earlier.links)


def _unfit(metric: Metric, evidence: Evidence, earlier: Earlier, plan: Plan) -> str:
    """Say why the links cannot be multiplied, whatever they say, or nothing."""
    strange = _elsewhere(earlier, evidence) if plan.runner.asks else 0
    quantile = metric.paired not in _CHAINABLE
    return (
        comparable(evidence, plan.comparable)
        or other_runner(evidence, plan.runner, metric)
        or (f"{strange} of the changes in between were measured on another kind of machine" if strange else "")
        or evidence.voided
        or (
            "a change in between was measured with other inputs or another batch"
            if _other_terms(earlier, evidence)
            else ""
        )
        or (f"quantiles such as {metric.name} cannot be multiplied along a chain" if quantile else "")
    )


def _along_the_chain(check: Drift, metric: Metric, evidence: Evidence, earlier: Earlier, plan: Plan) -> Assessment:
    if unfit := _unfit(metric, evidence, earlier, plan):
        return unavailable(str(check), unfit)
    if not isinstance(check.delta, Share):
        return unavailable(str(check), f"along a chain only shares are known, and {check.delta} is a difference")
    last = log_ratios(metric.paired, evidence.pairs)
    if len(last) < _FEWEST:
        return unavailable(str(check), "this run has too few pairs to be the last link of the chain")
    devices = {link.device.partition(":")[0] for link in earlier.links} - {evidence.device.partition(":")[0]}
    if devices:
        other = f"a change in between was measured on {', '.join(sorted(devices))}, this one on {evidence.device}"
        return unavailable(str(check), f"{other}: their ratios are not of one kind")
    known = [(link.rounds.get(metric.paired, ()), link.fixed_rounds) for link in earlier.links]
    if any(len(rounds) < _FEWEST for rounds, _ in known):
        return unavailable(str(check), "an accepted change in between has too few pairs to be a link of the chain")
    sign = 1 if metric.better == "lower" else -1
    upward = check.side == "max_increase"
    stakes = plan.stakes if upward else Stakes(plan.stakes.false_pass, plan.stakes.false_fail)
    # A run ends when it looks decided, so that the mean of all its rounds leans to that side; many of them add up.
    factors = [
        links.Factor([sign * x for x in rounds[: fixed or links.FIRST]])
        for rounds, fixed in [*known, (last, evidence.fixed_rounds)]
    ]
    low, high = links.product(factors, stakes)
    ratio = math.exp(sum(one.mean for one in factors))
    bound = 1 + check.delta.amount * (1 if upward else -1)
    bounds = Interval(low=low, high=high, confidence=1 - stakes.false_fail - stakes.false_pass)
    comparison = regression.Comparison(_tolerance(check), metric, evidence.candidate.figures.get(metric.name), None)
    return comparison.as_ratio(compare(low, high, bound, check.side), ratio, bounds, "")
