"""A custom rule in the Common Expression Language (extra `cel`).

Why it matters: what is special about an organisation need not wait for a new rule kind.
Every figure that the expression names must be present and finite before it is evaluated.

Example:
    rules:
      - id: small-or-sharp
        cel: candidate.quality.accuracy >= 0.97 || candidate.macs_per_inference < 2e6
        message: "a model above 2 M MACs must be sharp"
        enforce: advisory
"""

from __future__ import annotations

from greengate.errors import PolicyError
from greengate.evidence import Class, Evidence, Subject
from greengate.metrics import METRICS, Metric
from greengate.policy import Condition, Plan
from greengate.rules.assessment import Assessment, comparable, figure_of, other_runner, unavailable
from greengate.verdict import Outcome


def assess(check: Condition, metric: Metric | None, evidence: Evidence, plan: Plan) -> Assessment:
    """Evaluate the expression over the figures it names."""
    del metric
    compared = any(name.startswith("baseline.") for name in check.expression.names)
    if compared and (differing := comparable(evidence, plan.comparable)):
        return unavailable(check.text, differing)
    named = [
        METRICS[name] for _, _, name in (name.partition(".") for name in check.expression.names) if name in METRICS
    ]
    if other := other_runner(evidence, plan.runner, *named):
        return unavailable(check.text, other)
    if evidence.voided and any(metric.paired for metric in named):
        return unavailable(check.text, evidence.voided)
    values: dict[str, float | str | bool] = {}
    kinds: set[Class] = set()
    for name in sorted(check.expression.names):
        value = _value(name, evidence, kinds)
        if value is None:
            return unavailable(check.text, f"{name}: {_why(name, evidence)}")
        values[name] = value
    try:
        holds = check.expression.evaluate(values)
    except PolicyError as error:
        return unavailable(check.text, error.problem)
    told = ", ".join(
        f"{name} = {value:.6g}" if isinstance(value, float) else f"{name} = {value}" for name, value in values.items()
    )
    outcome = Outcome.PASSED if holds else Outcome.FAILED
    return Assessment(outcome, check.text, figure=told, estimated=any(kind.estimated for kind in kinds))


def _subject(name: str, evidence: Evidence) -> tuple[Subject | None, str]:
    side, _, metric = name.partition(".")
    return {"candidate": evidence.candidate, "baseline": evidence.baseline}.get(side), metric


def _value(name: str, evidence: Evidence, kinds: set[Class]) -> float | str | None:
    if name == "model.name":
        return evidence.model.name
    if name == "model.team":
        return evidence.model.team
    subject, metric = _subject(name, evidence)
    figure = subject.figures.get(metric) if subject else None
    if figure is None or not figure.finite:
        return None
    kinds.add(figure.provenance.kind)
    return figure.amount


def _why(name: str, evidence: Evidence) -> str:
    subject, metric = _subject(name, evidence)
    if subject is None:
        return "there is no baseline"
    reason = figure_of(subject, metric)
    return reason if isinstance(reason, str) else "not finite"
