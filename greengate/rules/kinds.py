"""Which check is judged by which rule kind."""

from __future__ import annotations

from greengate.evidence import Evidence
from greengate.policy import Budget, Check, Condition, Drift, Limit, Policy, Rule, Tolerance
from greengate.rules import budget, drift, expression, limit, regression
from greengate.rules.assessment import Assessment, unavailable

KINDS = {Limit: "limit", Tolerance: "regression", Drift: "drift", Condition: "expression", Budget: "budget"}


def assess(check: Check, rule: Rule, evidence: Evidence, policy: Policy) -> Assessment:
    """Hold the evidence against one check of a rule."""
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
