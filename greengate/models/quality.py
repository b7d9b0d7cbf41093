"""Quality figures that somebody wrote down: the evaluation file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from greengate.errors import ModelError, Place, nearest
from greengate.evidence import Class, Figure, Interval, Provenance, QualityScale
from greengate.metrics import KNOWN_SCALES, QUALITY

MAX_BYTES = 2**20
USUAL_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures and reasons why one is missing, both by metric name (`quality.accuracy`), and words about them."""

    figures: Mapping[str, Figure]
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def from_file(data: bytes, file: str, names: Iterable[str], scales: Mapping[str, QualityScale] | None = None) -> Scores:
    """Read an evaluation file: JSON such as `{"accuracy": 0.97}`.

    A figure may also be `{"value": 0.97, "interval": [0.96, 0.98]}`, with a `confidence` if it is not 95%. A figure
    without an interval counts as exact on its evaluation set. Keys that nobody asks for are left alone; text among
    them (`"dataset": "held-out half"`) is kept as notes.

    Args:
        data: The file's bytes.
        file: What messages call it.
        names: The figures that are wanted, without `quality.`.
        scales: How the project reads its figures, beside those everybody knows.

    Raises:
        ModelError: It is no JSON object, or a wanted figure is no finite number, or no ratio where one is declared.
    """
    content = _object(data, file)
    known = {**KNOWN_SCALES, **(scales or {})}
    provenance = Provenance(
        kind=Class.DECLARED, method="evaluation file", source=f"{file} sha256:{hashlib.sha256(data).hexdigest()[:12]}"
    )
    figures, missing = {}, {}
    for name in dict.fromkeys(names):
        if name in content:
            figures[QUALITY + name] = _figure(Place(file, path=name), content[name], known.get(name), provenance)
        else:
            near = nearest(name, content) or "it is empty"
            missing[QUALITY + name] = f"{file} has no `{name}`; {near}"
    notes = tuple(f"{key}: {value}" for key, value in content.items() if isinstance(value, str))
    return Scores(figures, missing, notes)


def _object(data: bytes, file: str) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise ModelError(file, f"the evaluation file has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_pairs)
    except json.JSONDecodeError as bad:
        place = Place(file, bad.lineno, bad.colno)
        raise ModelError(place, f"the evaluation file is no JSON: {bad.msg}", 'such as {"accuracy": 0.97}') from bad
    except UnicodeDecodeError as bad:
        raise ModelError(file, "the evaluation file is no UTF-8 text", 'JSON such as {"accuracy": 0.97}') from bad
    except RecursionError as bad:
        raise ModelError(file, "the evaluation file is nested too deeply") from bad
    except _UnfitError as bad:
        raise ModelError(file, f"in the evaluation file, {bad}", "write each figure once, as a finite number") from bad
    if not isinstance(content, dict):
        raise ModelError(file, "the evaluation file is no JSON object", 'such as {"accuracy": 0.97}')
    return content


class _UnfitError(Exception):
    """Something that JSON readers take, or tell, in more than one way."""


def _refuse_constant(text: str) -> NoReturn:
    raise _UnfitError(f"a figure is {text}")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise _UnfitError(f"`{key}` is given twice")
        seen[key] = value
    return seen


def _figure(where: Place, written: Any, scale: QualityScale | None, provenance: Provenance) -> Figure:
    if not isinstance(written, dict):
        amount = _number(where, written, scale)
        return Figure.exact(amount, provenance)
    if unknown := sorted(set(written) - {"value", "interval", "confidence"}):
        raise ModelError(where, f"unknown key `{unknown[0]}`", nearest(unknown[0], ("value", "interval", "confidence")))
    if "value" not in written:
        raise ModelError(where, "`value` is missing", 'such as {"value": 0.97, "interval": [0.96, 0.98]}')
    amount = _number(where, written["value"], scale)
    if "interval" not in written:
        return Figure.exact(amount, provenance)
    return Figure(amount=amount, interval=_interval(where, written, amount, scale), provenance=provenance)


def _interval(where: Place, written: dict[str, Any], amount: float, scale: QualityScale | None) -> Interval:
    ends = written["interval"]
    if not isinstance(ends, list) or len(ends) != 2:
        raise ModelError(where, f"found the interval {_shown(ends)}, expected [low, high]", "such as [0.96, 0.98]")
    low, high = (_number(where, end, scale) for end in ends)
    if not low <= amount <= high:
        raise ModelError(where, f"the figure {amount:g} is not inside its interval [{low:g}, {high:g}]")
    confidence = _number(where, written.get("confidence", USUAL_CONFIDENCE), None)
    if not 0 < confidence <= 1:
        raise ModelError(where, f"found the confidence {confidence:g}, expected a share of 1", "such as 0.95")
    return Interval(low=low, high=high, confidence=confidence)


def _number(where: Place, written: Any, scale: QualityScale | None) -> float:
    if isinstance(written, bool) or not isinstance(written, int | float):
        raise ModelError(where, f"found {_shown(written)}, expected a number", "without quotes, such as 0.97")
    if not -1e300 <= written <= 1e300:
        raise ModelError(where, f"found {_shown(written)}, expected a finite number")
    if scale is not None and scale.unit == "ratio" and not 0 <= written <= 1:
        percent = f"write {written / 100:g} if it is in percent, or " if written > 1 else ""
        hint = f"{percent}declare the figure with `unit: score`"
        raise ModelError(where, f"found {written:g}, expected a ratio from 0 to 1", hint)
    return float(written)


def _shown(written: Any) -> str:
    text = (
        json.dumps(written)
        if not isinstance(written, float) or math.isfinite(written)
        else "a number that is too large"
    )
    return text if len(text) <= 60 else f"{text[:60]}…"
