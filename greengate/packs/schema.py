"""The published JSON Schema (2020-12) of policy files, generated from the shapes, for editors and other checkers.

It refuses what can be refused without knowing more than one document: shapes, unknown metrics, amounts without a unit
or of another dimension than their metric's, keys that do not go together. `greengate.packs.load` refuses all that too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from greengate.metrics import METRICS, Metric
from greengate.packs import documents
from greengate.packs.amounts import units
from greengate.packs.documents import BUDGETED
from greengate.packs.drifts import MOVING, drifting
from greengate.quantities import Duration, Points, Quantity, Share

ID = "urn:greengate:policy-v1"
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PARAM = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
_WITH_PARAMS = ("Rule", "Unless", "Gain", "Drift", "Measurement", "ReferenceRunner", "Budget", "Per")
_QUALITY = r"^quality\..+$"
_BOUNDS = ("max", "min", "max_increase", "max_decrease", "max_drift")


def schema() -> dict[str, Any]:
    """Return the schema of one document: a Policy, a Waiver or a PolicyTest."""
    kinds = list(documents.KINDS.values())
    _, generated = models_json_schema([(kind, "validation") for kind in kinds], ref_template="#/$defs/{model}")
    shapes: dict[str, Any] = {name: tidied(shape) for name, shape in generated["$defs"].items()}
    _add_dimensions(shapes)
    _add_coherence(shapes)
    for name in _WITH_PARAMS:
        _allow_params(shapes[name])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "greengate policy, waiver or policy test",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds],
        "$defs": shapes,
    }


def tidied(shape: Any) -> Any:
    """Leave out titles, and the nulls that stand for keys left out."""
    if isinstance(shape, list):
        return [tidied(item) for item in shape]
    if not isinstance(shape, dict):
        return shape
    kept = {
        key: {name: tidied(inner) for name, inner in value.items()} if key == "properties" else tidied(value)
        for key, value in shape.items()
        if key != "title" and not (key == "default" and value is None)
    }
    choices = [choice for choice in kept.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        return {**choices[0], **kept}
    return {**kept, "anyOf": choices} if choices else kept


def _add_dimensions(shapes: dict[str, Any]) -> None:
    """Tie the amounts of a rule and of a gain to the dimension of their metric."""
    names = {"anyOf": [{"enum": [*METRICS]}, {"pattern": _QUALITY}]}
    for shape in ("Rule", "Gain"):
        shapes[shape]["properties"]["metric"] |= names
    for metrics in _by_unit():
        of = metrics[0]
        condition = {"properties": {"metric": {"enum": [metric.name for metric in metrics]}}, "required": ["metric"]}
        limit, change = _limit(of), _change(of)
        rule = {**dict.fromkeys(("max", "min"), limit), **dict.fromkeys(("max_increase", "max_decrease"), change)}
        ceiling = {"unless": {"properties": {"ceiling": _or_param(change)}}}
        gain = {key: _or_param(change) for key in ("min_increase", "min_decrease")}
        bounds = {key: _or_param(value) for key, value in rule.items()}
        shapes["Rule"].setdefault("allOf", []).append({"if": condition, "then": {"properties": {**bounds, **ceiling}}})
        shapes["Gain"].setdefault("allOf", []).append({"if": condition, "then": {"properties": gain}})
    measurement = shapes["Measurement"]["properties"]
    for key in ("confidence", "false_fail"):
        measurement[key] |= _amount([Share])
    measurement["budget"] |= _amount([Duration])
    shapes["Budget"]["properties"]["warn_at"] |= _amount([Share])
    for metrics in _by_unit():
        summed = [metric.name for metric in metrics if metric.name in BUDGETED]
        condition = {"properties": {"metric": {"enum": summed}}, "required": ["metric"]}
        bound = {"properties": {"max": _or_param(_limit(metrics[0]))}}
        shapes["Budget"].setdefault("allOf", []).extend([{"if": condition, "then": bound}] if summed else [])
    for key in ("increase", "decrease"):
        shapes["Drift"]["properties"][key] |= _amount([Share])


def _by_unit() -> list[list[Metric]]:
    """Group the metrics whose amounts are written alike."""
    groups: dict[tuple[str, ...], list[Metric]] = {}
    for metric in METRICS.values():
        groups.setdefault(tuple(units(metric)), []).append(metric)
    return list(groups.values())


def _limit(of: Metric) -> dict[str, Any]:
    text = {"type": "string", "pattern": _pattern(units(of))}
    return {**text, "type": ["string", "number"], "minimum": 0} if "" in units(of) else text


def _change(of: Metric) -> dict[str, Any]:
    own = [unit for unit in units(of) if unit]
    return {"type": "string", "pattern": _pattern([*Share.units, *(Points.units if of.difference else ()), *own])}


def _amount(kinds: Iterable[type[Quantity]]) -> dict[str, Any]:
    return {"type": "string", "pattern": _pattern([unit for kind in kinds for unit in kind.units])}


def _pattern(units: Iterable[str]) -> str:
    """Write the amounts in some units, none below zero, as a regular expression of ECMA 262."""
    known = sorted(units, key=len, reverse=True)
    named = "|".join(re.sub(r"([/.])", r"\\\1", unit) for unit in known if unit)
    return rf"^\s*\+?{_NUMBER}\s*(?:{named}){'?' if '' in known else ''}\s*$"


def _add_coherence(shapes: dict[str, Any]) -> None:
    """Say which keys must, and which must not, stand together."""
    shapes["Policy"]["anyOf"] = [{"required": [key]} for key in ("rules", "budgets", "extends")]
    for shape in shapes.values():
        if "required" not in shape:
            shape["minProperties"] = 1
    shapes["Gain"]["oneOf"] = [{"required": ["min_increase"]}, {"required": ["min_decrease"]}]
    shapes["Drift"]["oneOf"] = [{"required": ["increase"]}, {"required": ["decrease"]}]
    shapes["Drift"]["properties"]["since"]["not"] = {"pattern": MOVING}
    bounded = {"anyOf": [{"required": [key]} for key in _BOUNDS]}
    none = {"not": {"anyOf": [{"required": [key]} for key in ("metric", "unless", *_BOUNDS)]}}
    shapes["Rule"]["oneOf"] = [
        {"required": ["metric"], "not": {"required": ["cel"]}, **bounded},
        {"required": ["cel", "message"], **none},
    ]
    tolerance = {"anyOf": [{"required": [key]} for key in ("max_increase", "max_decrease")]}
    tradeoff = {**tolerance, "properties": {"enforce": {"not": {"const": "hard"}}}}
    shapes["Rule"]["allOf"].append({"if": {"required": ["unless"]}, "then": tradeoff})
    followed = {"enum": [name for name, metric in METRICS.items() if drifting(metric)]}
    drift = {"properties": {"metric": _or_param(followed)}}
    shapes["Rule"]["allOf"].append({"if": {"required": ["max_drift"]}, "then": drift})
    params = shapes["Policy"]["properties"]["params"]
    params["propertyNames"] = {"pattern": documents.PARAM}
    params["additionalProperties"]["not"] = {"type": "string", "pattern": r"\$\{"}
    pack = {"properties": {"pack": {"pattern": r"[/.*?\[]"}}}
    shapes["Parent"]["allOf"] = [{"if": pack, "then": {"required": ["digest"]}}]


def _allow_params(shape: dict[str, Any]) -> None:
    """Let `${name}` stand for each single value of a shape."""
    for key, value in shape["properties"].items():
        if "enum" in value.get("items", {}):
            value["items"] = _or_param(value["items"])
        if "$ref" in value or value.get("type") in ("array", "object"):
            continue
        described = {"description": value.pop("description")} if "description" in value else {}
        shape["properties"][key] = {**_or_param(value), **described}


def _or_param(value: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [value, _PARAM]}
