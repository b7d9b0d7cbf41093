"""Work on bytes that nobody has looked at, in a forked child with limits: it may take too much, crash, or never end.

A parser or a graph that somebody prepared can make any code take any memory and any time. The child is a fork, which
costs milliseconds; it may read what it is told and write nothing, and hands back nothing but JSON. Whatever the work
imports must be imported before.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from greengate.errors import MeasurementError, ModelError
from greengate.models import deaths, landlock
from greengate.models.deaths import plain

ROOM_BYTES: Final = 2**30  # beside what this process has already
CPU_S: Final = 60
WALL_S: Final = 180.0
MOST_BYTES: Final = 2**27
_PR_SET_PDEATHSIG: Final = 1
_END: Final = b"\n"  # JSON on one line: what ends otherwise was cut
_CRASHES: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL})


def limited(work: Callable[[], Mapping[str, Any]], *, where: str, doing: str, reads: Sequence[Path] = ()) -> Any:
    """Do some work in a child and return what came of it, as JSON holds it: to be believed only after a look.

    Args:
        work: Returns what JSON can hold; a `ModelError` that it raises is raised here too.
        where: The model, for errors.
        doing: What the work is, for errors: "counting the model".
        reads: Files that it may read, besides those of Python.

    Raises:
        ModelError: The work found something wrong, took too much, crashed or never ended.
        MeasurementError: There is no child to be had.
    """
    reading, writing = os.pipe()
    with _uninterrupted():
        try:
            child = _forked()
        except OSError as refused:
            os.close(reading)
            os.close(writing)
            problem = f"the child process for {doing} could not be started: {refused.strerror}"
            raise MeasurementError(
                where, problem, "this user may have no more processes, or there is no memory"
            ) from None
        if not child:
            _serve(work, reading, writing, reads)
    try:
        os.close(writing)
        answer = _read(reading)
    except BaseException:
        _kill(child)
        raise
    else:
        if answer is None:
            _kill(child)
    finally:
        code = 0
        os.close(reading)
        with contextlib.suppress(ChildProcessError):  # whoever started this process may have it ignore its children
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return _believed(answer, code, where, doing)


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def _forked() -> int:
    with warnings.catch_warnings():
        # Other threads are left behind. The child touches nothing of theirs, and its time is limited.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep interrupts for later: one that came to the child would unwind what is this process's to unwind."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read(reading: int) -> bytes | None:
    """Read all that the child says; None if that is too much or comes too late."""
    parts: list[bytes] = []
    size, deadline = 0, time.monotonic() + WALL_S
    while size <= MOST_BYTES:
        if not select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return None
        part = os.read(reading, 2**20)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
    return None


def _believed(answer: bytes | None, code: int, where: str, doing: str) -> Any:
    if answer is None or not answer.endswith(_END):
        raise _ended(code if answer is not None else -signal.SIGXCPU, where, doing)
    try:
        told = json.loads(answer)
        if "error" in told:
            problem, hint = (plain(told["error"][name]) for name in ("problem", "hint"))
            raise ModelError(where, problem, hint)
        return told["value"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise deaths.garbage(where, doing, str(error)) from error


def _ended(code: int, where: str, doing: str) -> ModelError:
    if -code in _CRASHES:
        name = signal.Signals(-code).name
        return ModelError(where, f"{doing} crashed ({name})", "the file is damaged, or made to do so: export it again")
    limits = f"{CPU_S} s of processor time, {WALL_S:g} s by the clock or {ROOM_BYTES / 2**30:g} GiB of memory"
    return ModelError(where, f"{doing} takes more than {limits}", "no real model's graph does: export it again")


def _serve(work: Callable[[], Mapping[str, Any]], reading: int, writing: int, reads: Sequence[Path]) -> NoReturn:
    """Do the work, answer and end, in the child; nothing of the parent's is closed, flushed or told here."""
    try:
        os.close(reading)
        for part in (_done(work, reads), _END):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(writing, rest) :]
    except MemoryError:
        pass
    finally:
        os._exit(1)


def _done(work: Callable[[], Mapping[str, Any]], reads: Sequence[Path]) -> bytes:
    try:
        _confine(path for path in reads if path.exists())
        return json.dumps({"value": work()}).encode()
    except ModelError as error:
        told = {"problem": error.problem, "hint": error.hint}
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a file makes of code, there are words for it
        words = f"its graph cannot be followed: {type(error).__name__}: {error}"
        told = {"problem": words, "hint": "export it again; if ONNX Runtime runs it, please report this"}
    return json.dumps({"error": told}).encode()


def _confine(reads: Iterable[Path]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Of its own memory alone: the file that it maps may be larger than any limit, and takes none.
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    limits = {resource.RLIMIT_DATA: taken + ROOM_BYTES, resource.RLIMIT_CPU: CPU_S}
    for kind, most in {**limits, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}.items():
        hard = resource.getrlimit(kind)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (soft, soft))
    # What Python imports late lies in its own folders.
    landlock.confine([*reads, *{Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1]}])
