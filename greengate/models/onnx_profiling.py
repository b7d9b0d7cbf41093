"""Where the time of an ONNX model goes: a pass of its own under ONNX Runtime's profiler, in a confined child.

Nothing else is measured in that pass, since a profiler takes time itself. The child may write one folder, which is new
and empty, and is removed afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from greengate.errors import MeasurementError
from greengate.models import deaths, onnx_file, onnx_names
from greengate.models.costs_answer import NAME
from greengate.models.deaths import number, plain
from greengate.models.hosted import Hosted
from greengate.models.limited import limited
from greengate.models.sandbox import Sandbox
from greengate.ports import ModelSpec, NodeTime, Profile

ENTRY: Final = "greengate.models.onnx_profile:Profiles"
_FILE_BYTES: Final = 2**28
_SECONDS: Final = 1.0
_MOST_RUNS: Final = 200
_MOST_EVENTS: Final = 40_000
_ALONE: Final = "model"
_SHORTEST_S: Final = 1e-9  # that a clock tells

Opened = Callable[[ModelSpec, Path], AbstractContextManager[Sandbox]]


def profile(spec: ModelSpec, operators: int, opened: Opened) -> Profile:
    """Run a model with the profiler on, for about a second.

    Args:
        spec: The model.
        operators: About how many operators one run has.
        opened: Starts a child that serves `ENTRY` and may write a folder.

    Raises:
        ModelError: The model cannot be run, or its profile is too large.
    """
    limits = dataclasses.replace(spec.limits, file_size_bytes=_FILE_BYTES)
    with (
        _folder(str(spec.path)) as folder,
        opened(dataclasses.replace(spec, limits=limits), Path(folder)) as sandbox,
    ):
        model = Hosted(sandbox, _ALONE, spec)
        remarks = model.open()
        model.feed()
        model.warm_up()
        runs = _runs(model.block(1).wall_s, operators)
        alone = model.block(runs)
        path = str(spec.path.resolve())
        fields = model.ask("profile", "profiling", path=path, threads=spec.threads, runs=runs, folder=folder)
        runtime, degraded = sandbox.runtime, (*sandbox.degraded, *remarks)
    where, doing = str(spec.path), "profiling the model"
    try:
        rows = [_row(row) for row in fields["rows"]]
        watched_s = number(fields, "run_s") / runs
        ran = [(name, op) for name, op, _, _ in rows]
        named = limited(
            lambda: {"nodes": _named(spec.path, ran)}, where=where, doing=doing, reads=[spec.path.resolve()]
        )
        nodes = [
            NodeTime(plain(name, NAME), op, plain(node, NAME), calls / runs, total / runs)
            for (name, op, calls, total), node in zip(rows, named["nodes"], strict=True)
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise deaths.garbage(where, doing, str(error)) from error
    return Profile(
        runs=runs,
        run_s=max(alone.wall_s, _SHORTEST_S) / runs,
        cpu_s=alone.cpu_s / runs,
        watched_s=watched_s,
        nodes=tuple(sorted(nodes, key=lambda node: -node.seconds)),
        runtime=runtime,
        degraded=degraded,
    )


def _runs(run_s: float, operators: int) -> int:
    """Choose how many runs make about a second, and no larger file than can be read in one."""
    by_time = _SECONDS / max(run_s, 1e-6)
    return max(2, min(round(by_time), _MOST_RUNS, _MOST_EVENTS // max(operators, 1)))


def _row(row: Any) -> tuple[str, str, float, float]:
    name, op, calls, total = row
    if not isinstance(name, str) or not isinstance(op, str):
        raise TypeError("an operator without a name")
    return name, plain(op), number({"calls": calls}, "calls"), number({"seconds": total}, "seconds")


def _named(path: Path, ran: list[tuple[str, str]]) -> list[str]:
    """Return the graph's node of each operator that ran."""
    names = onnx_names.Names(onnx_file.graph_of(path))
    return [names.node(name, op) for name, op in ran]


@contextlib.contextmanager
def _folder(where: str) -> Iterator[str]:
    try:
        made = tempfile.TemporaryDirectory(prefix="greengate-", ignore_cleanup_errors=True)
    except OSError as error:
        problem = f"there is no temporary folder to write a profile to: {error.strerror}"
        raise MeasurementError(where, problem, "set TMPDIR to a folder that can be written") from error
    with made as folder:
        yield folder
