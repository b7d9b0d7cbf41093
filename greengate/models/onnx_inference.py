"""onnx's shape inference, in a child process: a small file can make it take any memory and any time, or crash.

In onnx 1.23, for one, `data_prop=True` makes a list as long as any one-dimensional tensor that is added to something,
whatever its type, so that a file of a hundred bytes takes all memory that there is. The child is a fork, which costs
milliseconds, has limits of its own, and hands back nothing but bytes. Importing this module imports onnx.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
import warnings
from pathlib import Path
from typing import Final, NoReturn

import onnx
from onnx import GraphProto, ModelProto

ROOM_BYTES: Final = 2**30  # beside what this process has already
CPU_S: Final = 15
_WALL_S: Final = 120.0
_LARGEST_ANSWER: Final = 2**28
_DONE, _FAILED = b"+", b"-"


def inferred(written: bytes) -> tuple[GraphProto, str]:
    """Return the graph of a model with the shapes that can be inferred, and in words what hindered it, or nothing.

    What constants and shapes say of further shapes is followed, and where that takes too much, left out.

    Args:
        written: The model, serialised.
    """
    answer, found = b"", ModelProto()
    for follow in (True, False):
        kind, answer = _asked(written, follow=follow)
        if kind == _DONE:
            found.ParseFromString(answer)
            return found.graph, ""
        if kind == _FAILED:
            break
    found.ParseFromString(written)
    return found.graph, f"shapes could not be inferred: {' '.join(answer.decode('utf-8', 'replace').split())[:300]}"


def _asked(written: bytes, *, follow: bool) -> tuple[bytes, bytes]:
    """Let a child infer: what became of it, and the model or words. Nothing became of it where it took too much."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # A fork leaves other threads behind. The child touches nothing of theirs, and its time is limited.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(reading)
        _answer(written, writing, follow=follow)
    os.close(writing)
    try:
        answer, late = _read(reading)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    kind = answer[:1]
    if kind in (_DONE, _FAILED) and not late:
        return kind, answer[1:]
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS):
        return b"", f"onnx crashed over them ({signal.Signals(-code).name})".encode()
    limits = f"{CPU_S} s or {ROOM_BYTES / 2**30:g} GiB of memory"
    return b"", f"that would take more than {limits}".encode()


def _read(reading: int) -> tuple[bytes, bool]:
    """Read to the end, and tell whether that came too late or never."""
    parts: list[bytes] = []
    size, deadline = 0, time.monotonic() + _WALL_S
    while size <= _LARGEST_ANSWER:
        if not select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return b"", True
        part = os.read(reading, 2**20)
        if not part:
            return b"".join(parts), False
        parts.append(part)
        size += len(part)
    return b"", True


def _answer(written: bytes, writing: int, *, follow: bool) -> NoReturn:
    """Infer, answer and end, in the child."""
    try:
        _limit()
        try:
            model = onnx.shape_inference.infer_shapes(written, data_prop=follow)
            answer = _DONE + model.SerializeToString()
        except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
            answer = _FAILED + str(error).encode()
        rest = memoryview(answer)
        while rest:
            rest = rest[os.write(writing, rest) :]
    finally:  # nothing of the parent's is to be closed, flushed or told here
        os._exit(0)


def _limit() -> None:
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    for kind, most in ((resource.RLIMIT_AS, taken + ROOM_BYTES), (resource.RLIMIT_CPU, CPU_S)):
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (soft, soft))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
