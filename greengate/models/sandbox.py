"""A child process for code that nobody has looked at: few rights, hard limits, and a clear word about every death."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from greengate.errors import MeasurementError, ModelError
from greengate.models import deaths, gpu, wire
from greengate.models.deaths import plain
from greengate.ports import Limits

if TYPE_CHECKING:
    import numpy as np

# The package is pinned by its own folder and nothing of that folder can stand in for the standard library.
_BOOT = """
import sys, json
config = json.loads(sys.argv[1])
sys.path.insert(0, config["root"])
import greengate
del sys.path[0]
sys.path += [path for path in config["paths"] if path not in sys.path]
from greengate.models.worker import main
main(config)
"""
_STDERR_KEPT_BYTES = 16 * 2**10
_DEATH_S = 5.0


class Sandbox:
    """A child process that serves the commands of one class, confined before it sees anything untrusted.

    Use it as a context manager; leaving it kills the child and whatever the child started.

    Args:
        entry: "module:class" of what serves in the child; its methods are the commands, its `runtime` says what runs.
        where: The file that messages speak of while the child starts.
        reads: The only files and folders that the child may read once it serves.
        limits: What the child may use up; `wall_s` holds for each command.
        packages: Packages that the entry imports, to be found in the child where they are found here.
        device: What its models run on: "cpu", or "cuda:" and which GPU; see `greengate.models.gpu`.
        paths: Further folders to import from.
        writes: Folders in which the child may make files, as large as its limits say.
    """

    degraded: tuple[str, ...] = ()
    runtime: Mapping[str, str]

    def __init__(  # noqa: PLR0913 - each is one fact about the child
        self,
        entry: str,
        *,
        where: str,
        reads: Sequence[Path],
        limits: Limits,
        packages: Sequence[str] = (),
        paths: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        device: str = "cpu",
    ) -> None:
        self._where, self._limits, self._device = where, limits, device
        self._config = {
            "entry": entry,
            "reads": [str(path.resolve()) for path in reads],
            "writes": [str(path.resolve()) for path in writes],
            "limits": dataclasses.asdict(limits),
            "root": str(Path(__file__).resolve().parents[2]),
            "paths": [*_homes(packages), *map(str, paths)],
            "parent": os.getpid(),
        }
        self._environment = _environment()
        if device != "cpu":
            gpu.admit(self._config, self._environment, device, packages)
        self._stderr = b""
        self.runtime = {}

    def __enter__(self) -> Self:
        self._connection, theirs = socket.socketpair()
        self._noise, stderr = os.pipe()
        # The child must never wait for a reader of its complaints: what does not fit is lost.
        os.set_blocking(self._noise, False)
        os.set_blocking(stderr, False)
        command = [sys.executable, "-I", "-B", "-c", _BOOT, json.dumps({**self._config, "fd": theirs.fileno()})]
        try:
            with theirs:
                self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    pass_fds=(theirs.fileno(),),
                    env=self._environment,
                    cwd="/",
                    start_new_session=True,
                )
        except OSError as refused:
            self._connection.close()
            os.close(self._noise)
            problem = f"the child process for models could not be started: {refused.strerror}"
            raise MeasurementError(sys.executable, problem, "greengate runs its own interpreter again") from refused
        finally:
            os.close(stderr)
        try:
            hello = self._receive(self._where, "starting").fields
        except BaseException:
            self._close()
            raise
        told = tuple(plain(word) for word in hello.get("degraded", ()))
        self.degraded = told if self._device == "cpu" else (*told, *gpu.unconfined(self._limits))
        self.runtime = {plain(name): plain(version) for name, version in dict(hello.get("runtime", {})).items()}
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def pid(self) -> int:
        """The child's process id, which is also its process group's."""
        return self._child.pid

    def ask(
        self,
        command: str,
        arguments: Mapping[str, Any],
        *,
        where: str,
        doing: str,
        arrays: Mapping[str, np.ndarray] | None = None,
    ) -> wire.Frame:
        """Give one command and wait for its answer, at most `limits.wall_s` seconds.

        Args:
            command: A method of the entry's class.
            arguments: Its arguments, as JSON can hold them.
            where: The file that a message about this command speaks of.
            doing: What the child is at, for the same message ("loading the candidate").
            arrays: Arrays to send along.

        Raises:
            ModelError: The command found something wrong, or the child died, hung or answered garbage.
        """
        if self._child.returncode is not None:
            raise ModelError(where, f"its process ended before {doing}", "see the message before this one")
        request = wire.pack(wire.Frame({"command": command, "arguments": dict(arguments)}, arrays or {}))
        self._drain()
        try:
            self._connection.settimeout(self._limits.wall_s)
            self._connection.sendall(request)
        except TimeoutError:
            self._close()
            raise deaths.hung(where, doing, self._limits) from None
        except OSError:
            raise self._death(where, doing) from None
        answer = self._receive(where, doing)
        if "error" in answer.fields:
            raise self._told(answer.fields["error"], where, doing)
        return answer

    def peak_memory_bytes(self) -> int:
        """Return the child's peak resident size so far, as the kernel tells it (VmHWM).

        Raises:
            MeasurementError: The kernel does not tell.
        """
        # getrusage would not do: its peak survives exec, so it starts at the size of this process.
        try:
            for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError as error:
            raise MeasurementError(self._where, f"its peak memory cannot be read: {error.strerror}") from error
        raise MeasurementError(self._where, "its peak memory cannot be read: its process has ended")

    def _receive(self, where: str, doing: str) -> wire.Frame:
        deadline = time.monotonic() + self._limits.wall_s
        try:
            return wire.unpack(lambda count: self._read(count, deadline))
        except TimeoutError:
            self._close()
            raise deaths.hung(where, doing, self._limits) from None
        except wire.Garbage as error:
            self._close()
            raise deaths.garbage(where, doing, str(error)) from error
        except (EOFError, OSError):
            raise self._death(where, doing) from None

    def _read(self, count: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
            part = self._connection.recv(min(count - len(data), 2**20))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def _told(self, error: Any, where: str, doing: str) -> ModelError:
        if not isinstance(error, dict) or not isinstance(error.get("problem", ""), str):
            return deaths.garbage(where, doing, "an error without words")
        if error.get("memory"):
            return deaths.out_of_memory(where, doing, self._limits, on_gpu=self._device != "cpu")
        return ModelError(where, plain(error.get("problem", "")), plain(error.get("hint", "")))

    def _death(self, where: str, doing: str) -> ModelError:
        try:
            code = self._child.wait(timeout=_DEATH_S)
        except subprocess.TimeoutExpired:
            self._close()
            return deaths.garbage(where, doing, "it closed the connection")
        self._drain()
        self._close()
        return deaths.explain(where, doing, code, self._stderr, self._limits)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            while part := os.read(self._noise, 2**16):
                self._stderr = (self._stderr + part)[-_STDERR_KEPT_BYTES:]

    def _close(self) -> None:
        # The child keeps nothing worth a goodbye, and its group may hold more than itself.
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._connection.close()
        if self._noise >= 0:
            os.close(self._noise)
            self._noise = -1


def _homes(packages: Sequence[str]) -> list[str]:
    homes = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            homes.append(str(Path(spec.origin).resolve().parents[1]))
    return homes


def _environment() -> dict[str, str]:
    """Return all of the child's environment: nothing of this process's own, so no secret either."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # ONNX Runtime 1.29 and later would report to its maker, write below the home folder and start a thread for it.
        "ORT_DISABLE_TELEMETRY": "1",
    }
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        environment["LD_LIBRARY_PATH"] = str(sysconfig.get_config_var("LIBDIR"))
    return environment
