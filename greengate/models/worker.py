"""The program in the child process: give up every right, then answer commands until the parent hangs up.

It runs as `python -I -B`, imports no more than its entry needs, and is told everything by its parent.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greengate.errors import ModelError
from greengate.models import landlock, wire

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def main(config: Mapping[str, Any]) -> None:
    """Serve the commands of one parent.

    Args:
        config: `fd` of the connection, `parent` process id, `entry` ("module:class"), `reads` (the only paths that may
            be read once the entry is imported), `writes` (folders where it may make files), `limits` (fields of
            `ports.Limits`; one that is None is no limit). On a GPU also `uses` (its device files) and `options` of the
            entry.
    """
    _limit(config["limits"])
    _die_with(config["parent"])
    # Packages ask at import where temporary files may lie, and a process that may not write would find no place.
    tempfile.tempdir = "/"
    module, _, name = config["entry"].partition(":")
    service = getattr(importlib.import_module(module), name)(**config.get("options", {}))
    uses = [Path(path) for path in config.get("uses", ())]
    reads, writes = ([Path(path) for path in config.get(kind, ())] for kind in ("reads", "writes"))
    degraded = landlock.confine(reads, uses, writes, names=bool(uses))
    _send(config["fd"], wire.Frame({"degraded": list(degraded), "runtime": service.runtime}))
    while True:
        try:
            request = wire.unpack(lambda count: _read(config["fd"], count))
        except EOFError:
            return
        _send(config["fd"], _answer(service, request))


def _answer(service: Any, request: wire.Frame) -> wire.Frame:
    command, arguments = request.fields["command"], request.fields["arguments"]
    try:
        answer = getattr(service, command)(**arguments, **({"arrays": request.arrays} if request.arrays else {}))
    except ModelError as error:
        return wire.Frame({"error": {"problem": error.problem, "hint": error.hint}})
    except MemoryError:
        return wire.Frame({"error": {"memory": True}})
    return answer if isinstance(answer, wire.Frame) else wire.Frame(answer)


def _limit(limits: Mapping[str, Any]) -> None:
    # SIGXCPU comes at the soft limit and names the reason of death; the hard one follows for those who catch it.
    _lower(resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 5)
    _lower(resource.RLIMIT_AS, limits["address_space_bytes"])
    _lower(resource.RLIMIT_DATA, limits.get("data_bytes"))
    _lower(resource.RLIMIT_NOFILE, limits["open_files"])
    _lower(resource.RLIMIT_FSIZE, limits["file_size_bytes"])
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, soft: int | None, hard: int | None = None) -> None:
    if soft is None:
        return
    ceiling = resource.getrlimit(kind)[1]
    wanted = soft if hard is None else hard
    hard = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    resource.setrlimit(kind, (min(soft, hard), hard))


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # A core limit of 0 does not stop a core handler that is fed through a pipe; this does.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the parent process is gone")


def _read(handle: int, count: int) -> bytes:
    parts, missing = [], count
    while missing:
        part = os.read(handle, min(missing, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _send(handle: int, frame: wire.Frame) -> None:
    rest = memoryview(wire.pack(frame))
    while rest:
        rest = rest[os.write(handle, rest) :]
