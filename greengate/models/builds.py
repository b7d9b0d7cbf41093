"""Building a model with the project's own command."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from greengate.errors import ModelError, Place, ProjectError

LAST_LINES = 10
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_LAST_BYTES = 8192
_INVISIBLE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[^\S \t]|[\x00-\x08\x0e-\x1f\x7f]")


def build(
    command: Sequence[str], root: Path, wall_s: float, *, environment: Mapping[str, str] | None, where: Place | str
) -> None:
    """Run a command in the project's folder, without a shell; whatever it started is gone when this returns.

    Args:
        command: The program and its arguments.
        root: The folder it runs in.
        wall_s: Seconds it may take.
        environment: Its environment variables, or None for those of this process.
        where: Where the command is written.

    Raises:
        ProjectError: There is no such program.
        ModelError: It failed, or took too long; the message ends with its last words.
    """
    with tempfile.TemporaryFile() as said, _closed_to_others():
        code = _waited(_started(command, root, environment, where, said), wall_s)
        if code is None:
            problem = f"`{shlex.join(command)}` was stopped after {wall_s:g} s"
        elif code:
            how = f"ended with exit code {code}" if code > 0 else f"was ended by {_signal(-code)}"
            problem = f"`{shlex.join(command)}` {how}"
        else:
            return
        raise ModelError(where, problem + _last_words(said), f"run it yourself in {root}")


@contextlib.contextmanager
def _closed_to_others() -> Iterator[None]:
    """Keep a command that runs with our rights from reading our environment, keys included, in /proc (prctl(2))."""
    libc = ctypes.CDLL(None)
    before = libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_DUMPABLE, 1 if before == 1 else 0, 0, 0, 0)


def _started(
    command: Sequence[str], root: Path, environment: Mapping[str, str] | None, where: Place | str, said: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as refused:
        hint = "write the program and each argument as one item: [python, export.py]"
        raise ProjectError(where, f"`{command[0]}` cannot be started: {refused.strerror}", hint) from refused


def _waited(child: subprocess.Popen[bytes], wall_s: float) -> int | None:
    """Return the exit code, or None where the time was up; end whatever is left of the child's session."""
    try:
        return child.wait(wall_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(said: IO[bytes]) -> str:
    """The last lines of the output, each behind a bar so that no reader of logs takes them for commands."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST_BYTES))
    text = said.read().decode("utf-8", "replace")
    lines = [_INVISIBLE.sub("", line).rstrip() for line in text.splitlines()]
    kept = [line for line in lines if line][-LAST_LINES:]
    return "".join(f"\n  | {line}" for line in kept) if kept else ", without a word"
