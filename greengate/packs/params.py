"""Params: values that a policy names as `${name}`, so that a child or a reader finds them in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greengate.errors import Place, nearest
from greengate.packs.documents import PARAM
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath

PARTS = ("rules", "measurement", "budgets")
_PARTS = "rules, measurement and budgets"
_USE = re.compile(r"\$\{([^}]*)(\}|$)")
_NAME = re.compile(PARAM.rstrip("$"))

# With `cap: 20%`, `.${cap}` would be 0.2% and `1${cap}` 120%: slips of the keyboard that read as amounts.
_JOINED = re.compile(r"[0-9.]\s*\$\{|\}\s*[0-9.]|\}\s*[eE][+-]?[0-9]")
_BOUNDS = ("max", "min", "max_increase", "max_decrease", "min_increase", "min_decrease", "ceiling")
_AMOUNTS = frozenset({*_BOUNDS, "increase", "decrease", "confidence", "false_fail", "budget", "warn_at"})


@dataclass(frozen=True, slots=True)
class Param:
    """A value and where it is written."""

    value: str | int | float | bool
    place: Place


@dataclass(slots=True)
class Filled:
    """A policy with its params filled in.

    Attributes:
        value: The policy.
        used: Names that it used.
        origins: Where each value that came from a param is written.
        unfilled: Values that name something unknown.
    """

    value: Any
    used: set[str] = field(default_factory=set)
    origins: dict[KeyPath, Place] = field(default_factory=dict)
    unfilled: set[KeyPath] = field(default_factory=set)


def declared(source: Source) -> dict[str, Param]:
    """Return the params of a policy; complain of names that cannot be written in `${...}`."""
    raw = source.value.get("params")
    params = {}
    for name, value in (raw if isinstance(raw, dict) else {}).items():
        if not _NAME.fullmatch(name):
            source.complain(
                ("params", name), f"`{name}` is no name of a param", "use letters, digits and `_`", key=True
            )
        elif isinstance(value, str) and "${" in value:
            source.complain(("params", name), "a param cannot name another", "write its value")
        elif isinstance(value, str | int | float):
            params[name] = Param(value, source.place(("params", name)))
    return params


def fill(source: Source, params: Mapping[str, Param]) -> Filled:
    """Put the values of params where rules, measurement and budgets name them; complain of unknown names."""
    filled = Filled(dict(source.value))
    for part, value in source.value.items():
        if part in PARTS:
            filled.value[part] = _replaced(source, (part,), value, params, filled)
        elif part != "params":
            _refuse_uses(source, (part,), value)
    return filled


def _refuse_uses(source: Source, path: KeyPath, value: Any) -> None:
    """Complain of params where none are filled in, so that `${...}` is never taken for a name or a pattern."""
    if isinstance(value, str) and "${" in value:
        source.complain(
            path,
            f"params are not filled in here: `{value}`",
            f"only in {', '.join(PARTS[:-1])} and {PARTS[-1]}; write the value",
        )
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        _refuse_uses(source, (*path, step), inner)


def _replaced(source: Source, path: KeyPath, value: Any, params: Mapping[str, Param], filled: Filled) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(source, (*path, key), inner, params, filled) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(source, (*path, at), inner, params, filled) for at, inner in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    return _text(source, path, value, params, filled)


def _text(source: Source, path: KeyPath, text: str, params: Mapping[str, Param], filled: Filled) -> Any:
    for use in _USE.finditer(text):
        filled.used.add(use[1])
        if not use[2] or use[1] not in params:
            filled.unfilled.add(path)
            source.complain(path, *_unknown(use, params))
        else:
            filled.origins[path] = params[use[1]].place
    if path[-1] in _AMOUNTS and _JOINED.search(text):
        filled.unfilled.add(path)
        problem = f"`{text}` writes figures beside a param, which makes another amount of it"
        source.complain(path, problem, "give the param the whole amount; only a unit may follow it, as in `${cap} ms`")
    if path in filled.unfilled:
        return text
    whole = _USE.fullmatch(text)
    if whole:
        return params[whole[1]].value
    return _USE.sub(lambda use: _written(params[use[1]].value), text)


def _unknown(use: re.Match[str], params: Mapping[str, Param]) -> tuple[str, str]:
    if use[2] and _NAME.fullmatch(use[1]):
        return f"`{use[0]}` names no param", nearest(use[1], params) or "write its value under `params:`"
    return f"`{use[0]}` cannot be read", "a param is used like `${energy_cap}`"


def _written(value: str | float | bool) -> str:  # noqa: FBT001 - a param may be a boolean
    return str(value).lower() if isinstance(value, bool) else str(value)
