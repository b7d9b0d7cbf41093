"""Commands in fresh child processes, each with its seconds and the peak of its resident memory.

Linux starts a child's peak at that of the process which starts it: scripts that measure must stay small, so they import
nothing but the standard library, and leave the making of graphs to children too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_LIMIT_S = 900.0


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a command.

    Attributes:
        code: Its exit code; negative if a signal ended it.
        seconds: From its start to its end.
        cpu_s: Processor seconds of it and of those it waited for.
        peak_bytes: The largest resident size of it or of any process that it started and waited for.
        out: What it wrote on standard output.
        problem: The last line on standard error, if it failed.
    """

    code: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    out: str
    problem: str

    def told(self) -> dict[str, Any]:
        """Return the JSON that it printed, or nothing if it failed."""
        return json.loads(self.out) if not self.code else {}


def run(*command: str | Path, folder: Path | None = None, limit_s: float = _LIMIT_S) -> Ran:
    """Run a command to its end, or kill it at the limit."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        child = subprocess.Popen(list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        clock = threading.Timer(limit_s, child.kill)
        clock.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        clock.cancel()
        child.returncode = code = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    problem = (texts[1].strip().splitlines() or [f"exit code {code}"])[-1] if code else ""
    return Ran(code, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, texts[0], problem)


def again(times: int, *command: str | Path, folder: Path | None = None) -> Ran:
    """Run a command so many times: medians of its seconds, the highest peak."""
    return by_turns(times, [command], folder)[0]


def by_turns(times: int, commands: Sequence[Sequence[str | Path]], folder: Path | None = None) -> list[Ran]:
    """Run commands by turns; what one run cannot do is not tried again."""
    rounds: list[list[Ran]] = [[] for _ in commands]
    for _ in range(times):
        for ran, command in zip(rounds, commands, strict=True):
            if not ran or not ran[-1].code:
                ran.append(run(*command, folder=folder))
    return [_median(ran) for ran in rounds]


def _median(ran: Sequence[Ran]) -> Ran:
    seconds, cpu_s = (statistics.median(part) for part in zip(*((one.seconds, one.cpu_s) for one in ran), strict=True))
    nearest = min(ran, key=lambda one: abs(one.cpu_s - cpu_s))  # the rest is of one run
    return replace(nearest, seconds=seconds, cpu_s=cpu_s, peak_bytes=max(one.peak_bytes for one in ran))


def made(*command: str | Path) -> None:
    """Run a command that must succeed.

    Raises:
        SystemExit: It did not.
    """
    ran = run(*command)
    if ran.code:
        raise SystemExit(f"{' '.join(map(str, command))}: {ran.problem}")


def size(number: int) -> str:
    """Write bytes for a table, in units of a million."""
    return f"{number / 1e6:,.0f} MB"
