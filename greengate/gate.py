"""The judgement: policies and evidence go in, a verdict comes out. Nothing else is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from greengate.evidence import Evidence
from greengate.metrics import Metric
from greengate.policy import (
    Budget,
    Check,
    Condition,
    Drift,
    Enforce,
    Gain,
    Limit,
    Plan,
    Policy,
    Rule,
    Tolerance,
    Waiver,
)
from greengate.quantities import Share
from greengate.rules import budget, drift, expression, limit, permission, regression
from greengate.rules.assessment import Assessment, comparable, other_runner, unavailable
from greengate.verdict import Finding, Outcome, Permission, Source, Verdict, Waived

_KINDS = {Limit: "limit", Tolerance: "regression", Drift: "drift", Condition: "expression", Budget: "budget"}


def judge(policies: Sequence[Policy], evidence: Evidence) -> Verdict:
    """Judge one change under every policy that covers its model; no rule at all is never a pass."""
    covering = shared([policy for policy in policies if policy.match.covers(evidence.model, evidence.branch)])
    findings = [
        _finding(policy, rule, check, evidence)
        for policy in covering
        for rule in policy.rules
        for check in rule.checks
        if not isinstance(check, Budget) or check.covers(evidence.model, evidence.project)
    ]
    return Verdict(model=evidence.model.name, findings=tuple(findings) or (_nothing(evidence),))


def unsettled(policies: Sequence[Policy], evidence: Evidence) -> bool:
    """Tell whether more pairs could still settle a finding, so that measuring should go on."""
    return any(
        not _settled(check, metric, evidence, policy.plan)
        for policy in shared(policies)
        if not comparable(evidence, policy.plan.comparable)
        for rule in policy.rules
        for check, metric in _questions(policy, rule, evidence)
        if not other_runner(evidence, policy.plan.runner, metric)
    )


def fixed_rounds(policies: Sequence[Policy], evidence: Evidence) -> int:
    """Tell how many of the rounds were measured whatever they said, for the chains of drift rules; 0 without those."""
    wanted = [
        drift.rounds_wanted(check, rule.metric, evidence)
        for policy in policies
        for rule in policy.rules
        if rule.metric is not None
        for check in rule.checks
        if isinstance(check, Drift)
    ]
    return min(max(wanted, default=0), len({pair.round for pair in evidence.pairs}))


def _questions(policy: Policy, rule: Rule, evidence: Evidence) -> Iterable[tuple[Check, Metric]]:
    """Go through what a verdict on a rule may ask, and of which metric: its checks, and what lets it through."""
    if rule.metric is None:
        return
    for check in (*rule.checks, *_ceilings(policy, rule, evidence)):
        yield check, rule.metric
    if rule.unless and rule.unless.gain and any(_waivers(policy, rule, evidence)):
        yield _wanted(rule.unless.gain), rule.unless.gain.metric


def _settled(check: Check, metric: Metric, evidence: Evidence, plan: Plan) -> bool:
    if isinstance(check, Budget) or (isinstance(check, Tolerance) and evidence.baseline is None):
        return True
    if metric.paired and evidence.voided:
        return False  # ended now it has no answer; a machine that comes to rest gives one
    if isinstance(check, Tolerance):
        return regression.settled(check, metric, evidence, plan)
    if isinstance(check, Limit):
        return limit.settled(check, metric, evidence)
    return not isinstance(check, Drift) or drift.settled(check, metric, evidence, plan)


def shared(policies: Sequence[Policy]) -> list[Policy]:
    """Share the error of failing falsely among the tests that these policies make, so that it holds for all of them.

    Each test on a measured metric gets an equal part (Bonferroni). Tests that go by the same column of the blocks, in
    the same direction against the same model, count as one: they ask one series about several bounds, and the least
    bound that a candidate truly keeps is failed falsely whenever a wider one is. A share and a difference count as two:
    the one is told by the pairs, the other by the figures' intervals. Rules that only advise fail nothing.
    """
    tests = {
        (rule.metric.paired or rule.metric.name, *_asked(check))
        for policy in policies
        for rule in policy.rules
        if rule.metric is not None and rule.metric.of_runner and rule.enforce is not Enforce.ADVISORY
        for check in rule.checks
        if not isinstance(check, Budget)
    }
    return [
        replace(policy, plan=replace(policy.plan, stakes=policy.plan.stakes.shared(len(tests)))) for policy in policies
    ]


def confidence(policies: Sequence[Policy]) -> float:
    """Tell how sure an interval must be so that both of its ends keep every policy's error rates."""
    stakes = [policy.plan.stakes for policy in shared(policies)]
    return 1 - 2 * min(min(one.false_fail, one.false_pass / 2) for one in stakes)


def _asked(check: Check) -> tuple[str, str]:
    if isinstance(check, Condition | Budget):
        return "", ""
    if isinstance(check, Limit):
        return check.side, "a bound"
    against = check.since if isinstance(check, Drift) else "the baseline"
    return check.side, against if isinstance(check.delta, Share) else f"{against}, as a difference"


def _finding(policy: Policy, rule: Rule, check: Check, evidence: Evidence) -> Finding:
    found = _assess(check, rule, evidence, policy)
    outcome, reason, waiver = _let_through(policy, rule, check, found, evidence)
    outcome, remark = _enforced(outcome, found, rule, policy)
    return Finding(
        rule=rule.id,
        policy=policy.name,
        metric=rule.metric.name if rule.metric else "",
        kind=_KINDS[type(check)],
        enforce=rule.enforce,
        judged=found.outcome,
        outcome=outcome,
        figure=found.figure,
        interval=found.interval,
        limit=found.limit,
        margin=found.margin,
        counterfactual=found.counterfactual,
        reason="; ".join(part for part in (found.reason, reason, remark) if part),
        message=rule.message if found.outcome is Outcome.FAILED else "",
        waiver=waiver,
        source=Source(file=rule.place.file, line=rule.place.line, column=rule.place.column),
        amount=found.amount,
        bounds=found.bounds,
        provenance=found.provenance,
        waived=next((_waived(one) for one in policy.waivers if waiver and one.id == waiver), None),
        permission=_permission(policy, rule, evidence) if outcome is Outcome.FAILED else None,
    )


def _waived(waiver: Waiver) -> Waived:
    ceilings = tuple(map(str, waiver.ceilings))
    told = {"expires": waiver.expires, "granted_by": waiver.granted_by, "reason": waiver.reason}
    return Waived(id=waiver.id, ceilings=ceilings, **told)


def _permission(policy: Policy, rule: Rule, evidence: Evidence) -> Permission | None:
    """Say what a waiver would have to allow, by trying one; None of what nobody can let through."""
    if rule.enforce is not Enforce.SOFT or any(isinstance(check, Budget) for check in rule.checks):
        return None
    found = [(check, _assess(check, rule, evidence, policy)) for check in rule.checks]
    tried = permission.waiver(rule, found)
    open_ = [check for check, one in found if tried and one.outcome is not Outcome.PASSED]
    obstacles = [words for check in open_ if tried for words in _conditions(policy, rule, check, tried, evidence)]
    return permission.permission(policy, rule, tried, obstacles)


def _assess(check: Check, rule: Rule, evidence: Evidence, policy: Policy) -> Assessment:
    if isinstance(check, Condition):
        return expression.assess(check, rule.metric, evidence, policy.plan)
    if rule.metric is None:
        return unavailable(str(check), "the rule names no metric")
    if isinstance(check, Budget):
        return budget.assess(check, rule.metric, evidence)
    if isinstance(check, Limit):
        return limit.assess(check, rule.metric, evidence, policy.plan)
    if isinstance(check, Drift):
        return drift.assess(check, rule.metric, evidence, policy.plan)
    return regression.assess(check, rule.metric, evidence, policy.plan)


def _let_through(
    policy: Policy, rule: Rule, check: Check, found: Assessment, evidence: Evidence
) -> tuple[Outcome, str, str]:
    """Ask whether a waiver covers what was found: the outcome after it, a reason, and the waiver's id.

    A waiver of which not everything is proven changes nothing.
    """
    if found.outcome is Outcome.PASSED or rule.enforce is Enforce.HARD:
        return found.outcome, "", ""
    reasons = []
    for waiver in _waivers(policy, rule, evidence):
        obstacles = [*_obstacles(waiver, rule, evidence)] or [*_conditions(policy, rule, check, waiver, evidence)]
        if not obstacles:
            return Outcome.WAIVED, f"waived until {waiver.expires} by {waiver.granted_by}: {waiver.reason}", waiver.id
        reasons += [f"waiver {waiver.id} {words}" for words in obstacles]
    if rule.unless and not reasons and found.outcome is Outcome.FAILED:
        reasons = [f"no waiver of type {rule.unless.approval} has been granted"]
    return found.outcome, "; ".join(reasons), ""


def _waivers(policy: Policy, rule: Rule, evidence: Evidence) -> Iterable[Waiver]:
    return (
        waiver
        for waiver in policy.waivers
        if waiver.rule == f"{policy.name}/{rule.id}" and waiver.match.covers(evidence.model, evidence.branch)
    )


def _obstacles(waiver: Waiver, rule: Rule, evidence: Evidence) -> Iterable[str]:
    if waiver.match.branches and not evidence.branch:
        yield f"is for the branches {', '.join(waiver.match.branches)}; name the branch with --branch"
    if waiver.expired(evidence.today):
        yield f"expired on {waiver.expires} ({waiver.place})"
    if rule.unless and waiver.type != rule.unless.approval:
        yield f"is of type {waiver.type or 'none'}, the rule asks for {rule.unless.approval}"


def _conditions(policy: Policy, rule: Rule, check: Check, waiver: Waiver, evidence: Evidence) -> Iterable[str]:
    """Go through the gain and all ceilings; yield what does not hold."""
    if rule.unless and rule.unless.gain:
        gain = rule.unless.gain
        found = regression.assess(_wanted(gain), gain.metric, evidence, policy.plan)
        if found.outcome is not Outcome.PASSED:
            yield f"needs a gain of {gain}, found {_words(found)}"
    for ceiling in _on(check, (*_rule_ceiling(rule), *waiver.ceilings)):
        found = _assess(ceiling, rule, evidence, policy)
        if found.outcome is not Outcome.PASSED:
            yield f"has a ceiling of {ceiling}, found {_words(found)}"


def _wanted(gain: Gain) -> Tolerance:
    """Turn a gain into what must hold: an increase of at least d is what a decrease of at most -d would be."""
    side = "max_decrease" if gain.side == "min_increase" else "max_increase"
    return Tolerance(side, replace(gain.delta, amount=-gain.delta.amount))


def _words(found: Assessment) -> str:
    open_ = f" ({found.reason})" if found.outcome is Outcome.INCONCLUSIVE and found.reason else ""
    return f"{found.figure}{open_}"


def _rule_ceiling(rule: Rule) -> tuple[Tolerance, ...]:
    if rule.unless is None:
        return ()
    sides = [check.side for check in rule.checks if isinstance(check, Tolerance)]
    return tuple(Tolerance(side, rule.unless.ceiling) for side in sides)


def _on(check: Check, ceilings: Iterable[Limit | Tolerance]) -> list[Limit | Tolerance | Drift]:
    """Read ceilings as bounds of what the check asks: of a drift, they bind the change since the earlier model."""
    if not isinstance(check, Drift):
        return list(ceilings)
    return [
        Drift(ceiling.side, ceiling.delta, check.since) if isinstance(ceiling, Tolerance) else ceiling
        for ceiling in ceilings
    ]


def _ceilings(policy: Policy, rule: Rule, evidence: Evidence) -> list[Limit | Tolerance | Drift]:
    granted = [check for waiver in _waivers(policy, rule, evidence) for check in waiver.ceilings]
    if not granted:
        return []
    return [ceiling for check in rule.checks for ceiling in _on(check, (*_rule_ceiling(rule), *granted))]


def _enforced(outcome: Outcome, found: Assessment, rule: Rule, policy: Policy) -> tuple[Outcome, str]:
    """Soften what was found as the rule and the policy ask."""
    if outcome not in (Outcome.FAILED, Outcome.INCONCLUSIVE):
        return outcome, ""
    if rule.enforce is Enforce.ADVISORY:
        return Outcome.WARNED, ""
    if found.estimated and policy.plan.evidence == "measured":
        return Outcome.WARNED, "an estimated figure may only warn under this policy"
    if outcome is Outcome.INCONCLUSIVE and policy.plan.inconclusive == "warn":
        return Outcome.WARNED, "inconclusive, which this policy lets pass with a warning"
    return outcome, ""


def _nothing(evidence: Evidence) -> Finding:
    return Finding(
        rule="any-rule",
        policy="greengate",
        metric="",
        kind="coverage",
        enforce=Enforce.HARD,
        judged=Outcome.ERRORED,
        outcome=Outcome.ERRORED,
        reason=f"no rule of any policy covers the model {evidence.model.name}",
    )
