"""A command of the user's, run as if nobody stood between: its streams, its signals, its exit code.

While it runs, signals that ask this process to end are held back and passed on, so that what was measured is written
down whatever happens. What a terminal sends (Ctrl-C) it sends to the command too, and that is not passed on twice:
sigaction(2), `si_code` SI_KERNEL.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from greengate.errors import UsageError

PASSED_ON = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_TYPED = (signal.SIGINT, signal.SIGQUIT)
_SI_KERNEL = 0x80
_BY_SIGNAL = 128  # as shells tell it
_MOST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code; 128 and the signal's number where one ended it, as shells have it.
        signal: The name of that signal, or "".
        cpu_s: CPU seconds of it and of all its children that were waited for.
        passed_on: Names of the signals that were passed on to it.
        failed: What went wrong beside it, or "".
    """

    code: int
    signal: str
    cpu_s: float
    passed_on: tuple[str, ...] = ()
    failed: str = ""


def program(word: str) -> str:
    """Find a program as a shell would.

    Raises:
        UsageError: There is none.
    """
    found = shutil.which(word)
    if found is None:
        why = "cannot be run" if os.path.exists(word) else "is no program that can be found"  # noqa: PTH110 - a word
        raise UsageError("COMMAND", f"`{word}` {why}", "write the command after `--`, as in `-- python train.py`")
    return found


class Held:
    """Signals held back from entering to leaving; those that came late are dropped, since the command has ended.

    A thread that was there before may still be woken by one; the handler then hands it to this thread, which waits.
    """

    def __enter__(self) -> Self:
        self._main = threading.get_ident()
        self._handlers = {
            number: signal.signal(number, self._hand_over)
            for number in PASSED_ON
            if signal.getsignal(number) not in {signal.SIG_IGN, None}  # ignored under nohup, and by the command then
        }
        # Where it is ignored, nobody can be waited for.
        self._handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, signal.SIGCHLD))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while signal.sigtimedwait((*PASSED_ON, signal.SIGCHLD), 0) is not None:
            pass
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def _hand_over(self, number: int, frame: object) -> None:
        del frame
        signal.pthread_kill(self._main, number)

    def start(self, found: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start a command and return its process id.

        Raises:
            UsageError: It cannot be started.
            KeyboardInterrupt: A signal came before.
        """
        if signal.sigpending() & set(PASSED_ON):
            raise KeyboardInterrupt
        try:
            return os.posix_spawn(
                found, tuple(words), environment, setsigmask=self._before, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ)
            )
        except OSError as error:
            problem = f"`{words[0]}` cannot be started: {error.strerror}"
            raise UsageError("COMMAND", problem, "a script needs a first line such as `#!/bin/sh`") from error

    def wait(self, pid: int, every_s: float, meanwhile: Callable[[], None]) -> Ended:
        """Wait for a command to end, passing signals on; `meanwhile` is called every so many seconds."""
        due_s = time.monotonic() + every_s
        passed_on: dict[str, None] = {}
        failed = ""
        while True:
            wait_s = min(_MOST_WAIT_S, max(0.0, due_s - time.monotonic()))
            told = signal.sigtimedwait((*PASSED_ON, signal.SIGCHLD), wait_s)
            if told is not None and told.si_signo in PASSED_ON:
                if not (told.si_code == _SI_KERNEL and told.si_signo in _TYPED):
                    os.kill(pid, told.si_signo)
                passed_on[signal.Signals(told.si_signo).name] = None
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                code, name = _ended(status)
                return Ended(code, name, usage.ru_utime + usage.ru_stime, tuple(passed_on), failed)
            if time.monotonic() >= due_s:
                failed = failed or _tried(meanwhile)
                due_s = time.monotonic() + every_s


def _tried(meanwhile: Callable[[], None]) -> str:
    try:
        meanwhile()
    except Exception as error:  # noqa: BLE001 - the command goes on and ends, whatever fails beside it
        return f"{type(error).__name__}: {error}"
    return ""


def _ended(status: int) -> tuple[int, str]:
    code = os.waitstatus_to_exitcode(status)
    return (code, "") if code >= 0 else (_BY_SIGNAL - code, _name(-code))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one
