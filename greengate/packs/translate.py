"""Rules that have their shape become policy values; whatever they say that cannot be is told with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greengate import cel
from greengate.errors import GreengateError, Place
from greengate.evidence import QualityScale
from greengate.metrics import KNOWN_SCALES, METRICS, QUALITY, Metric
from greengate.packs import amounts, documents, drifts
from greengate.packs.mistakes import fitting, remains
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath
from greengate.policy import Check, Condition, Enforce, Gain, Limit, Rule, Tolerance, Tradeoff
from greengate.quantities import Quantity

LIMITS = ("max", "min")
TOLERANCES = ("max_increase", "max_decrease")
_QUALITY_NAME = re.compile(r"\bquality\.([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Written:
    """A rule, and where each of its keys is written (`max`, `unless.ceiling`, ...)."""

    rule: Rule
    places: Mapping[str, Place] = field(default_factory=dict)

    def place(self, key: str) -> Place:
        """Return where a key is written, or else what it would stand in."""
        while key and key not in self.places:
            key = key.rpartition(".")[0]
        return self.places.get(key, self.rule.place)


def rules(source: Source, scales: dict[str, QualityScale] | None, unfilled: set[KeyPath]) -> list[Written]:
    """Read the rules that have their shape; complain of what cannot be, and of an id that is given twice.

    Args:
        source: The policy, its params filled in.
        scales: The project's quality figures; None if there is no project to ask.
        unfilled: Values that name unknown params, whose rules are left out.
    """
    found: dict[str, Written] = {}
    raw = source.value.get("rules")
    for at, item in enumerate(raw if isinstance(raw, list) else []):
        path = ("rules", at)
        shape = remains(documents.Rule, item, {"enforce": "soft"})
        if shape is None or any(spot[:2] == path for spot in unfilled):
            continue
        whole = fitting(documents.Rule, item) is not None and _coherent(source, path, shape)
        rule = _rule(source, path, shape, scales)
        if shape.id in found:
            first = found[shape.id].rule.place
            source.complain(
                (*path, "id"), f"the rule `{shape.id}` is given twice; first at {first}", "rename one of them"
            )
        elif rule is not None and whole:
            found[shape.id] = Written(rule, {key: source.place((*path, *key.split("."))) for key in _keys(item)})
        else:
            found[shape.id] = Written(Rule(shape.id, (), place=source.place(path)))
    return [written for written in found.values() if written.rule.checks]


def _keys(item: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in item.items():
        found.append(f"{prefix}{key}")
        if isinstance(value, dict):
            found += _keys(value, f"{prefix}{key}.")
    return found


def _rule(source: Source, path: KeyPath, shape: documents.Rule, scales: dict[str, QualityScale] | None) -> Rule | None:
    before = len(source.problems)
    metric, checks = None, tuple[Check, ...]()
    if shape.metric is not None:
        written = [value for key in (*LIMITS, *TOLERANCES) if (value := getattr(shape, key)) is not None]
        metric = amounts.metric(source, (*path, "metric"), shape.metric, scales, written)
    if metric is not None:
        checks = _checks(source, path, shape, metric)
    elif shape.cel is not None and shape.metric is None:
        checks = _condition(source, (*path, "cel"), shape.cel, scales)
    unless = _tradeoff(source, (*path, "unless"), shape.unless, metric, scales) if shape.unless and metric else None
    if unless is not None:
        _ceiling_above(source, (*path, "unless", "ceiling"), unless.ceiling, checks)
    if len(source.problems) > before:
        return None
    return Rule(
        id=shape.id,
        checks=checks,
        metric=metric,
        enforce=Enforce(shape.enforce),
        unless=unless,
        message=shape.message or "",
        place=source.place(path),
    )


def _coherent(source: Source, path: KeyPath, shape: documents.Rule) -> bool:
    """Tell whether the keys of a rule go together, or complain."""
    before = len(source.problems)
    bounds = [key for key in (*LIMITS, *TOLERANCES, "max_drift") if getattr(shape, key) is not None]
    if shape.cel is not None:
        for key in (*(["metric"] if shape.metric else []), *bounds, *(["unless"] if shape.unless else [])):
            source.complain((*path, key), f"a rule with `cel` cannot have `{key}`", "make two rules of it", key=True)
        if shape.message is None:
            hint = 'such as `message: "the GPU costs more energy than the CPU here"`'
            source.complain(path, "`message` is missing: a rule with `cel` must say what was broken", hint)
    elif shape.metric is None:
        source.complain(path, "the rule has neither `metric` nor `cel`", "name the figure it limits with `metric`")
    elif not bounds:
        hint = "give it `max`, `min`, `max_increase`, `max_decrease` or `max_drift`"
        source.complain(path, "the rule limits nothing, so that it could never fail", hint)
    if shape.unless is not None and shape.enforce == "hard":
        hint = "make the rule soft, or take `unless` away"
        source.complain((*path, "unless"), "a hard rule is never let through, whatever `unless` says", hint, key=True)
    if shape.unless is not None and shape.cel is None and shape.max_increase is None and shape.max_decrease is None:
        hint = "its ceiling binds a `max_increase` or `max_decrease`"
        source.complain((*path, "unless"), "`unless` needs a tolerance in the same rule", hint, key=True)
    elif shape.unless is not None and (shape.max is not None or shape.min is not None):
        hint = "put the limit into a rule of its own"
        source.complain(
            (*path, "unless"), "`unless` would also let the `max` or `min` of its rule through", hint, key=True
        )
    return len(source.problems) == before


def _checks(source: Source, path: KeyPath, shape: documents.Rule, metric: Metric) -> tuple[Check, ...]:
    found: list[Check] = []
    for side in LIMITS:
        if (written := getattr(shape, side)) is not None:
            bound = amounts.limit(source, (*path, side), metric, written)
            found += [Limit(side, bound)] if bound else []
    for side in TOLERANCES:
        if (written := getattr(shape, side)) is not None:
            falls = side == "max_decrease"
            delta = amounts.difference(source, (*path, side), metric, written, falls=falls)
            found += [Tolerance(side, delta)] if delta else []
    drift = drifts.read(source, (*path, "max_drift"), shape.max_drift, metric) if shape.max_drift else None
    found += [drift] if drift else []
    bounds = {check.side: check.bound for check in found if isinstance(check, Limit)}
    if len(bounds) == 2 and bounds["min"].amount > bounds["max"].amount:
        problem = f"the rule can never hold: `min` {bounds['min']} is above `max` {bounds['max']}"
        source.complain((*path, "min"), problem, "exchange the two, or correct one")
    return tuple(found)


def _tradeoff(
    source: Source, path: KeyPath, shape: documents.Unless, metric: Metric, scales: dict[str, QualityScale] | None
) -> Tradeoff | None:
    ceiling = amounts.difference(source, (*path, "ceiling"), metric, shape.ceiling, falls=False)
    gain = _gain(source, (*path, "gain"), shape.gain, scales) if shape.gain else None
    if ceiling is None or (shape.gain is not None and gain is None):
        return None
    return Tradeoff(shape.approval, gain, ceiling)


def _gain(source: Source, path: KeyPath, shape: documents.Gain, scales: dict[str, QualityScale] | None) -> Gain | None:
    sides = [side for side in ("min_increase", "min_decrease") if getattr(shape, side) is not None]
    if len(sides) != 1:
        source.complain(path, "a gain is either a `min_increase` or a `min_decrease`", "give one of the two")
        return None
    side, written = sides[0], getattr(shape, sides[0])
    metric = amounts.metric(source, (*path, "metric"), shape.metric, scales, [written])
    if metric is None:
        return None
    delta = amounts.difference(source, (*path, side), metric, written, falls=side == "min_decrease")
    if delta is None:
        return None
    if delta.amount <= 0:
        source.complain((*path, side), f"`{written}` is no gain", "such as 0.5 pp")
        return None
    known = amounts.direction_known(metric, scales)
    if known and (metric.better == "lower") != (side == "min_decrease"):
        better = "min_decrease" if metric.better == "lower" else "min_increase"
        hint = f"{metric.name} is better when {metric.better}: write `{better}`"
        source.complain((*path, side), f"`{side}` of {metric.name} is no gain", hint, key=True)
        return None
    return Gain(metric, side, delta)


def _ceiling_above(source: Source, path: KeyPath, ceiling: Quantity, checks: tuple[Check, ...]) -> None:
    for check in checks:
        if not isinstance(check, Tolerance):
            continue
        if type(check.delta) is not type(ceiling):
            problem = f"the ceiling {ceiling} cannot be compared with `{check.side}` {check.delta}"
            source.complain(path, problem, "write both as shares, or both as differences")
        elif ceiling.amount <= check.delta.amount:
            problem = (
                f"the ceiling {ceiling} is not above `{check.side}` {check.delta}, so that nothing could be let through"
            )
            source.complain(path, problem, "raise the ceiling, or take `unless` away")


def _condition(
    source: Source, path: KeyPath, text: str, scales: dict[str, QualityScale] | None
) -> tuple[Condition, ...]:
    try:
        return (Condition(text, cel.compile_expression(text, fields(text, scales), source.place(path))),)
    except GreengateError as refused:
        source.problems.extend(getattr(refused, "problems", (refused,)))
        return ()


def fields(text: str, scales: Mapping[str, QualityScale] | None) -> dict[str, str]:
    """Return the names that an expression may use, with their kinds; without a project, any quality figure it names."""
    named = set(_QUALITY_NAME.findall(text)) if scales is None else set(scales)
    figures = [*METRICS, *(f"{QUALITY}{figure}" for figure in sorted({*KNOWN_SCALES, *named}))]
    sides = {f"{side}.{figure}": "double" for side in ("candidate", "baseline") for figure in figures}
    return {**sides, "model.name": "string", "model.team": "string"}
