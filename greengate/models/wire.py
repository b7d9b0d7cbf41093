"""The language between greengate and the child process that runs a model: length-prefixed JSON and raw arrays.

A frame is `<IQ` (bytes of head, bytes of body), the head as JSON, then the body: the arrays one after the other.
Nothing is ever unpickled, and every length is checked before memory is taken for it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import numpy as np

HEAD_BYTES = 4 * 2**20
BODY_BYTES = 2 * 2**30
DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str".split()  # noqa: SIM905 - a table reads better
)
_PREFIX = struct.Struct("<IQ")


class Garbage(Exception):
    """The bytes that came are no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: fields that JSON can hold, and arrays by name."""

    fields: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


def pack(frame: Frame) -> bytes:
    """Return the bytes of one frame; strings travel as UTF-8 JSON, numbers as they lie in memory."""
    blobs, table = [], []
    for name, array in frame.arrays.items():
        text = array.dtype.kind in "OUS"
        blob = json.dumps(array.ravel().tolist()).encode() if text else array.tobytes()
        dtype = "str" if text else array.dtype.name
        table.append({"name": name, "dtype": dtype, "shape": list(array.shape), "bytes": len(blob)})
        blobs.append(blob)
    head = json.dumps({"fields": dict(frame.fields), "arrays": table}).encode()
    body = b"".join(blobs)
    return b"".join((_PREFIX.pack(len(head), len(body)), head, body))


def unpack(read: Callable[[int], bytes]) -> Frame:
    """Read one frame with `read(n)`, which returns exactly n bytes.

    Raises:
        Garbage: The bytes do not keep to the format or are larger than it allows.
    """
    head_bytes, body_bytes = _PREFIX.unpack(read(_PREFIX.size))
    if head_bytes > HEAD_BYTES or body_bytes > BODY_BYTES:
        raise Garbage(f"a message of {head_bytes} + {body_bytes} bytes is larger than allowed")
    try:
        head = json.loads(read(head_bytes), parse_constant=_refuse)
        fields, table = head["fields"], head["arrays"]
        if not isinstance(fields, dict):
            raise Garbage("the fields are no mapping")
        return Frame(fields, _arrays(table, memoryview(read(body_bytes))))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise Garbage(f"{type(error).__name__}: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _arrays(table: Any, body: memoryview) -> dict[str, np.ndarray]:
    if not table and not body:
        return {}
    arrays, start = {}, 0
    for row in table:
        end = start + int(row["bytes"])
        if row["bytes"] < 0 or end > len(body):
            raise Garbage("an array is longer than the message")
        arrays[str(row["name"])] = _array(str(row["dtype"]), tuple(map(int, row["shape"])), body[start:end])
        start = end
    if start != len(body):
        raise Garbage("the arrays do not fill the message")
    return arrays


def _array(dtype: str, shape: tuple[int, ...], blob: memoryview) -> np.ndarray:
    import numpy as np  # noqa: PLC0415 - most messages carry no array

    if dtype not in DTYPES or any(size < 0 for size in shape):
        raise Garbage(f"no array has element type {dtype!r} and shape {shape}")
    if dtype == "str":
        words = json.loads(bytes(blob))
        if len(words) != math.prod(shape) or not all(isinstance(word, str) for word in words):
            raise Garbage("the strings do not fill the shape")
        array = np.empty(len(words), dtype=object)
        array[:] = words
        return array.reshape(shape)
    return np.frombuffer(blob, dtype=dtype).reshape(shape)
