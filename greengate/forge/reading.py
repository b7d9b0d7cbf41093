"""What a forge's JSON tells, read with an eye on its shape."""

from __future__ import annotations

from typing import Any, TypeVar

_Kind = TypeVar("_Kind")


class Odd(Exception):
    """An answer has not the shape that it should have; says where."""


def entry(told: Any, *path: str, kind: type[_Kind]) -> _Kind:
    """Return what stands at the end of a path of keys.

    Raises:
        Odd: It is not there, or something else.
    """
    found = told
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    # In JSON, true is no number.
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
        raise Odd(f"its answer has no `{'.'.join(path)}` that is one")
    return found


def maybe(told: Any, *path: str) -> str:
    """Return the text at the end of a path of keys; "" where there is none, as of a user who is deleted."""
    try:
        return entry(told, *path, kind=str)
    except Odd:
        return ""
