"""ONNX Runtime in the child process: sessions by subject, and the commands that the parent may give."""

from __future__ import annotations

import gc
import itertools
import platform
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from greengate.models import inputs, onnx_words, wire
from greengate.models.inputs import Declared

WARM_UPS = 2
MOST_TIMES = 10_000


class Sessions:
    """What the parent can ask for; each method is one command, and every argument comes from JSON."""

    runtime: Mapping[str, str]

    def __init__(self) -> None:
        inputs.preload()
        self.runtime = {"onnxruntime": ort.__version__, "numpy": np.__version__, "python": platform.python_version()}
        self._paths: dict[str, tuple[str, int]] = {}
        self._sessions: dict[str, Any] = {}
        self._feeds: dict[str, dict[str, np.ndarray]] = {}

    def open(self, subject: str, path: str, threads: int) -> dict[str, Any]:
        """Load a model under a name and check that its inputs can be fed and its outputs be looked at."""
        self._paths[subject] = (path, threads)
        session = self._sessions[subject] = _session(path, threads)
        inputs.supported(_declared(session.get_inputs()))
        onnx_words.outputs_supported((port.name, port.type) for port in session.get_outputs())
        return {}

    def feed(self, subject: str, **options: Any) -> dict[str, Any]:
        """Read or make the inputs that later runs use, and tell them as run.

        Options: `npz` (path or None), `shapes`, `ranges`, `seed`, `batch`.
        """
        ports = _declared(self._sessions[subject].get_inputs())
        shapes = {name: tuple(shape) for name, shape in options["shapes"].items()}
        if options["npz"] is not None:
            feeds = inputs.fit(ports, inputs.read(Path(options["npz"])), shapes)
        else:
            filled = inputs.sizes(ports, shapes, options["batch"])
            feeds = inputs.generate(ports, filled, options["ranges"], options["seed"])
        self._feeds[subject] = feeds
        return {"inputs": [[port.name, port.dtype, list(feeds[port.name].shape)] for port in ports]}

    def run(self, subject: str) -> dict[str, Any]:
        """Run once and tell each output's name, element type, shape, elements and how many of them are not finite."""
        session = self._sessions[subject]
        outputs = onnx_words.translated(session.run, None, self._feeds[subject])
        ports = session.get_outputs()
        return {"outputs": [_summary(port, value) for port, value in zip(ports, outputs, strict=True)]}

    def renew(self, subject: str) -> dict[str, Any]:
        """Throw the session away, open a fresh one and warm it up."""
        del self._sessions[subject]
        gc.collect()
        self._sessions[subject] = _session(*self._paths[subject])
        self.block(subject, WARM_UPS)
        return {}

    def block(self, subject: str, runs: int) -> dict[str, Any]:
        """Run back to back and tell CPU and wall seconds, the time of each run (10,000 at most), and preemptions."""
        return onnx_words.translated(_block, self._sessions[subject].run, self._feeds[subject], runs)

    def predict(self, subject: str, batch: int, arrays: Mapping[str, np.ndarray]) -> wire.Frame:
        """Run over all rows, a batch at a time, and return the outputs that have a row for each of them."""
        session = self._sessions[subject]
        ports = _declared(session.get_inputs())
        fixed = [port.shape[0] for port in ports if port.shape and isinstance(port.shape[0], int)]
        batch, rows = fixed[0] if fixed else batch, len(next(iter(arrays.values())))
        names = [port.name for port in session.get_outputs()]
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for start in range(0, rows, batch):
            count = min(batch, rows - start)
            size = batch if fixed else count
            feeds = inputs.fit(ports, {name: _rows(array, start, size) for name, array in arrays.items()}, {})
            for name, value in zip(names, onnx_words.translated(session.run, None, feeds), strict=True):
                table = _table(value)
                if table is not None and table.ndim and len(table) == size:
                    parts[name].append(table[:count])
        return wire.Frame({}, {name: np.concatenate(tables) for name, tables in parts.items() if tables})


def _session(path: str, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    # Spinning threads burn CPU time that no inference needed; denormals make equal work unequal.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnx_words.translated(ort.InferenceSession, path, options, providers=["CPUExecutionProvider"])


def _declared(ports: Sequence[Any]) -> list[Declared]:
    return [
        Declared(
            port.name,
            port.type,
            tuple(axis if isinstance(axis, int) and axis >= 0 else str(axis or "") for axis in port.shape),
        )
        for port in ports
    ]


def _block(run: Any, feeds: dict[str, np.ndarray], runs: int) -> dict[str, Any]:
    clock = time.perf_counter_ns
    timed = min(runs, MOST_TIMES)
    stamps = [0] * (timed + 1)
    gc.collect()
    gc.disable()
    try:
        before = resource.getrusage(resource.RUSAGE_SELF)
        stamps[0] = clock()
        for place in range(1, timed + 1):
            run(None, feeds)
            stamps[place] = clock()
        for _ in range(runs - timed):
            run(None, feeds)
        end = clock()
        after = resource.getrusage(resource.RUSAGE_SELF)
    finally:
        gc.enable()
    run_s = [(later - earlier) / 1e9 for earlier, later in itertools.pairwise(stamps)]
    # Not time.process_time(): under a CPU limit (RLIMIT_CPU) Linux moves that clock only at scheduler ticks (4 ms).
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    preempted = after.ru_nivcsw - before.ru_nivcsw
    return {
        "runs": runs,
        "cpu_s": max(0.0, cpu_s),
        "wall_s": (end - stamps[0]) / 1e9,
        "run_s": run_s,
        "preempted": preempted,
    }


def _summary(port: Any, value: Any) -> dict[str, Any]:
    elements, nonfinite = _count(value)
    plain = isinstance(value, np.ndarray)
    shape = list(value.shape) if plain else [len(value)] if isinstance(value, list | dict) else []
    dtype = ("str" if value.dtype.kind in "OUS" else value.dtype.name) if plain else port.type
    return {"name": port.name, "dtype": dtype, "shape": shape, "elements": elements, "nonfinite": nonfinite}


def _count(value: Any) -> tuple[int, int]:
    """Return how many elements a tensor, sequence or map has in all, and how many of them are not finite."""
    if isinstance(value, list | dict):
        counts = [_count(part) for part in (value.values() if isinstance(value, dict) else value)]
        return sum(count for count, _ in counts), sum(bad for _, bad in counts)
    if value is None:
        return 0, 0
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return array.size, 0
    return array.size, int(array.size - np.count_nonzero(np.isfinite(array)))


def _rows(array: np.ndarray, start: int, size: int) -> np.ndarray:
    part = array[start : start + size]
    # A model of fixed batch takes the last rows filled up with copies of the very last.
    return part if len(part) == size else np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])


def _table(value: Any) -> np.ndarray | None:
    """Return an output as an array; a sequence of maps (a classifier's probabilities) becomes columns by sorted key."""
    if isinstance(value, np.ndarray):
        return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(row, dict) and row.keys() == value[0].keys() for row in value)
    ):
        keys = sorted(value[0])
        return np.array([[row[key] for key in keys] for row in value])
    return None
