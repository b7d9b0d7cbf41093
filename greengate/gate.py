"""The judgement: policies and evidence go in, a verdict comes out. Nothing else is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from greengate.evidence import Evidence
from greengate.metrics import Metric
from greengate.permission import permitted, questions, remedy
from greengate.policy import Budget, Check, Condition, Drift, Enforce, Limit, Plan, Policy, Rule, Tolerance
from greengate.quantities import Share
from greengate.rules import drift, limit, regression
from greengate.rules.assessment import Assessment, comparable, other_runner
from greengate.rules.kinds import KINDS, assess
from greengate.verdict import Finding, Outcome, Source, Verdict


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
        for check, metric in questions(policy, rule, evidence)
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
    found = assess(check, rule, evidence, policy)
    leave = permitted(policy, rule, check, found, evidence)
    outcome, remark = _enforced(leave.outcome, found, rule, policy)
    return Finding(
        rule=rule.id,
        policy=policy.name,
        metric=rule.metric.name if rule.metric else "",
        kind=KINDS[type(check)],
        enforce=rule.enforce,
        judged=found.outcome,
        outcome=outcome,
        figure=found.figure,
        interval=found.interval,
        limit=found.limit,
        margin=found.margin,
        counterfactual=found.counterfactual,
        reason="; ".join(part for part in (found.reason, leave.reason, remark) if part),
        message=rule.message if found.outcome is Outcome.FAILED else "",
        waiver=leave.waiver,
        waived_to=leave.waived_to,
        approvals=leave.approvals,
        source=Source(file=rule.place.file, line=rule.place.line, column=rule.place.column),
        amount=found.amount,
        bounds=found.bounds,
        provenance=found.provenance,
        remedy=remedy(policy, rule, evidence) if outcome is Outcome.FAILED else None,
    )


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
