"""The published JSON Schema (2020-12) of the quarterly report, generated from its shapes."""

from __future__ import annotations

from typing import Any

from greengate.esg.document import Quarterly

ID = "urn:greengate:quarterly-v1"
_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"
_SHA256 = r"^([0-9a-f]{64})?$"
_SAID = {"minLength": 1}


def schema() -> dict[str, Any]:
    """Return the schema of what the JSON format writes: all keys are there, none more, and each is coherent."""
    generated = Quarterly.model_json_schema(mode="serialization")
    shapes = {name: _whole(shape) for name, shape in generated.pop("$defs").items()}
    _add_coherence(shapes)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        **_whole(generated),
        "title": "greengate quarterly report",
        "$defs": shapes,
    }


def _whole(shape: dict[str, Any]) -> dict[str, Any]:
    """Leave out titles and defaults, and ask for every key: what is written has them all."""
    properties = {
        name: {key: value for key, value in inner.items() if key not in ("title", "default")}
        for name, inner in shape["properties"].items()
    }
    kept = {key: value for key, value in shape.items() if key not in ("title", "description")}
    return {**kept, "properties": properties, "required": [*properties]}


def _add_coherence(shapes: dict[str, Any]) -> None:
    """Say what must stand together: a figure or why it is missing, both ends of an interval."""
    number = {"type": ["string", "null"], "pattern": _DECIMAL}
    datum, section = shapes["Datum"], shapes["Section"]
    ends = {name: {"type": "string"} for name in ("low", "high")}
    none = {name: {"type": "null"} for name in (*ends, "confidence")}
    datum["properties"]["digest"]["pattern"] = _SHA256
    datum["allOf"] = [
        {"if": {"properties": {"value": {"type": "null"}}}, "then": {"properties": {"missing": _SAID}}},
        {
            "if": {"properties": {"unit": _SAID}},
            "then": {"properties": dict.fromkeys(("value", "low", "high"), number)},
        },
        {"anyOf": [{"properties": ends}, {"properties": none}]},
    ]
    empty = {name: {"maxItems": 0} for name in ("statements", "data", "tables", "charts")}
    section["allOf"] = [{"if": {"properties": {"omitted": _SAID}}, "then": {"properties": empty}}]
    shapes["Point"]["properties"]["y"]["pattern"] = _DECIMAL
    shapes["Company"]["properties"]["accent"]["pattern"] = "^#[0-9a-fA-F]{6}$"
    shapes["Company"]["properties"]["logo_type"]["enum"] = ["", "image/png", "image/svg+xml"]
    for name in ("root", "first", "last"):
        shapes["Evidence"]["properties"][name]["pattern"] = _SHA256
