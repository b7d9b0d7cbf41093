"""Bytes that are the same for the same content, so that they can be hashed.

Canonical JSON as in RFC 8785 for what greengate writes: objects, arrays, strings, integers, booleans and null; numbers
with a fraction are written as decimal strings before they come here, and a float is refused.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def encode(value: Any) -> bytes:
    """Encode plain data canonically.

    Raises:
        TypeError: Something in it is a float or no JSON at all.
    """
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes as lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; write it as a decimal string")
    if isinstance(value, dict):
        for member in value.values():
            _refuse_floats(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_floats(member)
