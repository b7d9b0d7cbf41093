"""An ONNX file without its weights: what is left of the protobuf once large payloads are left out.

The file is never parsed as a whole: lengths are followed, and what is large is skipped where it lies, so that of a
mapped file of many gigabytes only the graph's own pages are read. What comes out is a model file as before, with the
same fields in the same order, but that a tensor with more than `KEPT_BYTES` of content has none. Nothing here trusts a
length, a count or a depth that the file states.

Source: protobuf.dev/programming-guides/encoding; field numbers of onnx.proto (IR version 13).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

KEPT_BYTES: Final = 8192
MOST_FIELDS: Final = 4_000_000
MOST_BYTES: Final = 2**27
MOST_NODES: Final = 200_000
MOST_DEPTH: Final = 100  # messages in one another, as protobuf's own parser takes them
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

# Many numbers of an attribute in a row (floats, ints), which tree models have by the million.
_NUMBERS: Final = re.compile(rb"(?:\x3d[\x00-\xff]{4}|\x40[\x80-\xff]{0,9}[\x00-\x7f]){8,4096}")

# Which fields of a message hold messages that may hold tensors.
_INSIDE: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_PAYLOADS: Final = frozenset({4, 5, 6, 7, 9, 10, 11})


class Malformed(ValueError):
    """No protobuf, or none that a model could be; the message says where and why."""


class TooMuch(Malformed):
    """More than any real model has, which is not read further; the message says of what."""


def stripped(data: memoryview) -> bytes:
    """Return a serialised ModelProto without its large tensors' contents.

    Raises:
        Malformed: Its fields do not fit into one another; `TooMuch` where they are more than any real model has.
    """
    scan = _Scan(data)
    found = scan.message("model", 0, len(data), 1)
    return scan.copy(0, len(data)) if found is None else found


class _Scan:
    """One walk over the bytes, which counts the fields that it looks at."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._fields = 0
        self._nodes = 0
        self._bytes = 0

    def message(self, kind: str, start: int, end: int, depth: int) -> bytes | None:
        """Return what is left of a message, or None where nothing has to go."""
        if end - start <= KEPT_BYTES and depth > 1:
            return None  # there is no room for anything large in it
        if depth > MOST_DEPTH:
            raise Malformed(f"messages are nested more than {MOST_DEPTH} deep")
        if kind == "tensor":
            return self._tensor(start, end)
        inside, parts, copied = _INSIDE[kind], [], start
        for number, at, first, last in self._lengths(start, end, numbers=kind == "attribute"):
            if inside.get(number) == "node":
                self._nodes += 1
                if self._nodes > MOST_NODES:
                    raise TooMuch(f"it has more than {MOST_NODES:,} operators, the most that are counted")
            inner = self.message(inside[number], first, last, depth + 1) if number in inside else None
            if inner is not None:
                parts += [self.copy(copied, at), _varint(number << 3 | _LENGTH), _varint(len(inner)), inner]
                copied = last
        return b"".join([*parts, self.copy(copied, end)]) if parts else None

    def _tensor(self, start: int, end: int) -> bytes | None:
        spans = list(self._spans(start, end))
        if sum(last - at for number, at, _, last in spans if number in _PAYLOADS) <= KEPT_BYTES:
            return None
        return b"".join(self.copy(at, last) for number, at, _, last in spans if number not in _PAYLOADS)

    def copy(self, start: int, end: int) -> bytes:
        """Return some bytes as they are."""
        self._bytes += end - start
        if self._bytes > MOST_BYTES:
            raise TooMuch(f"its graph has more than {MOST_BYTES:,} bytes without any weights")
        return bytes(self._view[start:end])

    def _lengths(self, start: int, end: int, *, numbers: bool) -> Iterator[tuple[int, int, int, int]]:
        """Go through the fields that have a length: number, where each begins, where its content begins and ends."""
        return (span for span in self._spans(start, end, numbers=numbers) if span[2] >= 0)

    def _spans(self, start: int, end: int, *, numbers: bool = False) -> Iterator[tuple[int, int, int, int]]:
        """Go through all fields, or all but long rows of numbers; the content of one without a length begins at -1."""
        at = start
        while at < end:
            if numbers and (found := _NUMBERS.match(self._view, at, end)):
                at = found.end()
                del found  # it would keep the file's bytes from being given back
                continue
            self._fields += 1
            if self._fields > MOST_FIELDS:
                raise TooMuch(f"it holds more than {MOST_FIELDS:,} fields, which no real graph does")
            tag, content = self._read(at, end)
            number, kind, first = tag >> 3, tag & 7, -1
            if number == 0:
                raise Malformed(f"at byte {at:,} there is no field of a protobuf message")
            if kind == _VARINT:
                _, last = self._read(content, end)
            elif kind == _LENGTH:
                size, first = self._read(content, end)
                last = first + size
            elif kind in (_FIXED64, _FIXED32):
                last = content + (8 if kind == _FIXED64 else 4)
            else:
                raise Malformed(f"at byte {at:,} there is a kind of field that ONNX files never hold")
            if last > end:
                raise Malformed(f"the field at byte {at:,} ends at byte {last:,}, and its message at byte {end:,}")
            yield number, at, first, last
            at = last

    def _read(self, at: int, end: int) -> tuple[int, int]:
        """Read a number of up to ten bytes; return it and where it ends."""
        value = shift = 0
        for place in range(at, min(at + 10, end)):
            byte = self._view[place]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, place + 1
            shift += 7
        raise Malformed(f"the number at byte {at:,} does not end")


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
