"""From a case of a policy test to the evidence that a gate would have had."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from greengate import smallest_units
from greengate.changes import Approval
from greengate.draws import GRANTED, REFUSED, Drawn
from greengate.errors import nearest
from greengate.evidence import Class, Earlier, Evidence, Figure, Interval, Model, Provenance, Runner, Subject
from greengate.metrics import KNOWN_SCALES, METRICS, QUALITY, Metric
from greengate.packs import amounts, documents
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath
from greengate.policy import Budget, Condition, Drift, Policy, Rule

_GIVEN = Provenance(kind=Class.DECLARED, method="given by a policy test")
_ESTIMATED = Provenance(kind=Class.MODELLED, method="given by a policy test")  # as the gate makes joules and emissions
_ANY_DAY = "2000-01-01"  # where no waiver is granted, the day makes no difference


def evidence(source: Source, at: int, case: documents.Case, policy: Policy) -> Evidence | None:
    """Make the evidence of a case, or complain and return None.

    Args:
        source: The document of the test.
        at: Index of the case (0-based).
        case: The case, whose shape is right.
        policy: The policy under test; its metrics and its `match` fill what the case leaves out.
    """
    before = len(source.problems)
    path = ("cases", at)
    model = _model(source, path, case, policy)
    day = _day(source, path, case)
    candidate = _subject(source, (*path, "candidate"), case.candidate, policy)
    baseline = None if case.baseline is None else _subject(source, (*path, "baseline"), case.baseline, policy)
    earlier = _earlier(source, path, case, policy)
    budgets = _budgets(source, (*path, "budgets"), case, policy)
    approvals = _approvals(source, (*path, "approvals"), case, policy)
    if len(source.problems) > before:
        return None
    return Evidence(
        model=model,
        taken_at=f"{day}T12:00:00Z",
        branch=case.branch or "",
        candidate=candidate,
        baseline=baseline,
        earlier=earlier,
        budgets=budgets,
        approvals=approvals,
        runner=_runner(policy),
    )


def _approvals(source: Source, path: KeyPath, case: documents.Case, policy: Policy) -> tuple[Approval, ...]:
    """Let somebody approve for each owner that the case names, and nobody for two."""
    found = []
    owners = {owner for rule in policy.rules for owner in policy.owners_of(rule)} | {*policy.owners}
    for index, owner in enumerate(case.approvals or ()):
        if owner not in owners:
            problem = f"`{owner}` is no owner of the policy `{policy.name}`, so that the approval would not count"
            source.complain((*path, index), problem, nearest(owner, owners) or "name its `owners`")
        who = {"by": f"reviewer-{index + 1}", "owners": (owner,)}
        found.append(Approval(review=f"{index + 1}", at=_ANY_DAY, commit="given", **who))
    return tuple(found)


def _runner(policy: Policy) -> Runner:
    """Let the figures come from the runner that the policy asks for: they are given, not measured."""
    asked = policy.plan.runner
    known = {"profile": asked.profile, "signer": asked.key, "labels": dict(asked.labels)}
    return Runner(fingerprint="test", description="a policy test", **known)


def _model(source: Source, path: KeyPath, case: documents.Case, policy: Policy) -> Model:
    """Take the case's model, or make one that the policy covers."""
    if case.model is not None:
        return Model(name=case.model.name, team=case.model.team or "", labels=case.model.labels or {})
    pattern = policy.match.models[0] if policy.match.models else "model"
    team = re.sub(r"[*?]", "x", _team(policy))
    model = Model(name=re.sub(r"[*?]", "x", pattern), team=team, labels=dict(policy.match.labels))
    if not policy.match.covers(model, ""):
        source.complain(path, f"no model can be thought of that `{pattern}` matches", "give the case a `model`")
    return model


def _team(policy: Policy) -> str:
    """Find the team that a budget of the policy is for."""
    budgets = [check for rule in policy.rules for check in rule.checks if isinstance(check, Budget)]
    return next((team for budget in budgets if (team := dict(budget.per).get("team"))), "")


def _day(source: Source, path: KeyPath, case: documents.Case) -> str:
    if case.date is None:
        if case.waivers:
            problem = "`date` is missing: without it, the case would change its outcome when its waivers expire"
            source.complain(path, problem, "give the day of the judgement, such as `date: 2026-06-01`")
        return _ANY_DAY
    try:
        dt.date.fromisoformat(case.date)
    except ValueError:
        source.complain((*path, "date"), f"`{case.date}` is no day of the calendar", "write it as `2026-12-31`")
    return case.date


def _subject(source: Source, path: KeyPath, given: Mapping[str, Any], policy: Policy) -> Subject:
    figures = {name: _figure(source, (*path, name), name, written, policy) for name, written in given.items()}
    return Subject(path="given", figures={name: figure for name, figure in figures.items() if figure})


def _earlier(source: Source, path: KeyPath, case: documents.Case, policy: Policy) -> tuple[Earlier, ...]:
    """Let every drift of the policy start from the figures that are given."""
    if case.earlier is None:
        return ()
    starts = {check.since: None for rule in policy.rules for check in rule.checks if isinstance(check, Drift)}
    if not starts:
        problem = f"no rule of the policy `{policy.name}` has `max_drift`, so that nothing starts from an earlier model"
        source.complain((*path, "earlier"), problem, "leave it out", key=True)
    subject = _subject(source, (*path, "earlier"), case.earlier, policy)
    return tuple(Earlier(since=since, origin="given", subject=subject) for since in starts)


def _budgets(source: Source, path: KeyPath, case: documents.Case, policy: Policy) -> tuple[Drawn, ...]:
    """Let each budget hold what the case says; of one that it does not name, nothing is known."""
    known = {rule.id: rule for rule in policy.rules for check in rule.checks if isinstance(check, Budget)}
    found: list[Drawn] = []
    for name, given in (case.budgets or {}).items():
        if name not in known:
            problem = f"the policy `{policy.name}` has no budget `{name}`"
            source.complain((*path, name), problem, nearest(name, known), key=True)
            continue
        drawn = _drawn(source, (*path, name), given, known[name])
        found += [drawn] if drawn else []
    return tuple(found)


def _drawn(source: Source, path: KeyPath, given: documents.CaseBudget, rule: Rule) -> Drawn | None:
    (check,) = [check for check in rule.checks if isinstance(check, Budget)]
    assert rule.metric is not None
    units: dict[str, int] = {}
    for part in ("spent", "reserved", "asked"):
        written = getattr(given, part)
        read = amounts.limit(source, (*path, part), rule.metric, written) if written is not None else None
        units[part] = smallest_units.used(read) if read else 0
        if written is not None and read is None:
            return None
    drawn = Drawn(
        budget=check.key,
        scope=check.scope,
        period=f"the {check.period}",
        starts="",
        ends="",
        unit=check.unit(smallest_units.unit_of(rule.metric.kind)),
        maximum=smallest_units.allowed(check.bound),
        outcome=GRANTED,
        **units,
    )
    return drawn.model_copy(update={"outcome": REFUSED}) if drawn.asked > max(0, drawn.left) else drawn


def _figure(source: Source, path: KeyPath, name: str, written: Any, policy: Policy) -> Figure | None:
    spread = written if isinstance(written, documents.Spread) else None
    parts = {"value": spread.value, "low": spread.low, "high": spread.high} if spread else {"": written}
    metric = _metric(source, path, name, list(parts.values()), policy)
    if metric is None:
        return None
    read = {part: amounts.limit(source, (*path, part) if part else path, metric, text) for part, text in parts.items()}
    found = {part: quantity.amount for part, quantity in read.items() if quantity}
    if len(found) < len(parts):
        return None
    given = _ESTIMATED if metric.paired == "cpu" else _GIVEN
    if spread is None:
        return Figure.exact(found[""], given)
    if not found["low"] <= found["value"] <= found["high"]:
        problem = f"`{spread.value}` does not lie between `low` {spread.low} and `high` {spread.high}"
        source.complain((*path, "value"), problem)
        return None
    interval = Interval(low=found["low"], high=found["high"], confidence=policy.plan.confidence)
    return Figure(amount=found["value"], interval=interval, provenance=given)


def _metric(source: Source, path: KeyPath, name: str, written: list[object], policy: Policy) -> Metric | None:
    """Find the metric of a figure: as the policy reads it, or else by its name."""
    read = _read_by(policy)
    known = read.get(name)
    if known is not None:
        return known
    figure = name.removeprefix(QUALITY) if name.startswith(QUALITY) else ""
    if figure and figure not in KNOWN_SCALES and name not in read:
        problem = f"no rule of the policy `{policy.name}` reads the figure `{name}`"
        source.complain(path, problem, nearest(name, [*read, *METRICS]), key=True)
        return None
    if not figure and name not in METRICS:
        source.complain(path, f"`{name}` is no metric", nearest(name, [*METRICS, *read]), key=True)
        return None
    return amounts.metric(source, path, name, None, written)


def _read_by(policy: Policy) -> dict[str, Metric | None]:
    """List the figures that a policy reads; of those in expressions only the names are known."""
    found: dict[str, Metric | None] = {}
    for rule in policy.rules:
        for check in rule.checks:
            names = check.expression.names if isinstance(check, Condition) else ()
            found.update({name.partition(".")[2]: None for name in names if not name.startswith("model.")})
    for rule in policy.rules:
        metrics = (rule.metric, rule.unless.gain.metric if rule.unless and rule.unless.gain else None)
        found.update({metric.name: metric for metric in metrics if metric})
    return found
