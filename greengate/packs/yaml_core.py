"""Unquoted YAML text to values, by the core schema of YAML 1.2 (section 10.3.2)."""

from __future__ import annotations

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class UnfitNumberError(Exception):
    """A figure that no limit can be."""


def resolve(text: str) -> str | float | bool | None:
    """Return what unquoted text stands for: null, a truth value, a whole number, a figure, or else itself.

    Raises:
        UnfitNumberError: The text is a number that is infinite, no number at all, or beyond 64 bits.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _NOT_FINITE.fullmatch(text):
        raise UnfitNumberError("not a finite number")
    whole = 10 if _INT.fullmatch(text) else 0 if _BASED_INT.fullmatch(text) else None
    if whole is not None:
        if len(text) > 64 or abs(value := int(text, whole)) >= 2**63:
            raise UnfitNumberError("larger than a whole number may be (64 bits)")
        return value
    if _FLOAT.fullmatch(text):
        if not math.isfinite(figure := float(text)):
            raise UnfitNumberError("too large to be a finite number")
        return figure
    return text
