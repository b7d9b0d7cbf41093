"""The commands that a parent may give to the child that runs its models, whatever the runtime.

This runs in the child process. A runtime's own module says how a model is loaded and run (`Served`), and makes the
`Service` that answers.
"""

from __future__ import annotations

import functools
import gc
import itertools
import platform
import re
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from greengate.errors import ModelError
from greengate.models import inputs, wire
from greengate.models.inputs import Declared
from greengate.ports import CONTROL

WARM_UP_S = 0.5
MOST_TIMES = 10_000
_MOST_WARM_UPS = 2**16
_UNHELD = re.compile(r"bfloat16|float8|float4|int4|int2|complex32")


class Served(Protocol):
    """A loaded model."""

    @property
    def inputs(self) -> Sequence[Declared]:
        """Its inputs as declared."""

    @property
    def outputs(self) -> Sequence[tuple[str, str]]:
        """Name and type of each output, the type in the runtime's own words."""

    def bound(self, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
        """Return one run of the model with these inputs, and with as little else as can be."""

    def values(self, result: Any) -> Sequence[Any]:
        """Return what a run gave as one value for each output: arrays, or lists and maps of them."""

    def renew(self) -> None:
        """Start again from the file: nothing that runs afterwards has run before."""


class Service:
    """What the parent can ask for; each public method is one command, and every argument comes from JSON.

    Args:
        load: Loads the model at a path, to run with a number of threads.
        translated: Does some work of the runtime's and tells its failure as a `ModelError`.
        runtime: Names and versions of what runs the models.
        warm_up_s: Seconds by the clock that warming up takes at least; 0 for a run or two.
    """

    def __init__(
        self,
        load: Callable[[str, int], Served],
        translated: Callable[..., Any],
        runtime: Mapping[str, str],
        warm_up_s: float = 0.0,
    ) -> None:
        self.runtime = {**runtime, "numpy": np.__version__, "python": platform.python_version()}
        self._load, self._translated, self._warm_up_s = load, translated, warm_up_s
        self._models: dict[str, Served] = {}
        self._feeds: dict[str, dict[str, np.ndarray]] = {}

    def open(self, subject: str, path: str, threads: int) -> dict[str, Any]:
        """Load a model under a name and check that its inputs can be fed and its outputs be looked at."""
        model = self._models[subject] = self._load(path, threads)
        inputs.supported(model.inputs)
        _outputs_supported(model.outputs)
        return {"degraded": list(getattr(model, "degraded", ()))}

    def feed(self, subject: str, **options: Any) -> dict[str, Any]:
        """Read or make the inputs that later runs use, and tell them as run.

        Options: `npz` (path or None), `shapes`, `sizes`, `ranges`, `seed`, `batch`.
        """
        ports = self._models[subject].inputs
        shapes = {name: tuple(shape) for name, shape in options["shapes"].items()}
        if options["npz"] is not None:
            feeds = inputs.fit(ports, inputs.read(Path(options["npz"])), shapes)
        else:
            filled = inputs.sizes(ports, shapes, options["batch"], options["sizes"])
            feeds = inputs.generate(ports, filled, options["ranges"], options["seed"])
        self._feeds[subject] = feeds
        return {"inputs": [[port.name, port.dtype, list(feeds[port.name].shape)] for port in ports]}

    def run(self, subject: str) -> dict[str, Any]:
        """Run once and tell each output's name, element type, shape, elements and how many of them are not finite."""
        model = self._models[subject]
        outputs = self._once(model, self._feeds[subject])
        return {"outputs": [_summary(port, value) for port, value in zip(model.outputs, outputs, strict=True)]}

    def renew(self, subject: str) -> dict[str, Any]:
        """Start again from the file and warm up; the control workload is always the same."""
        if subject == CONTROL:
            return {}
        self._models[subject].renew()
        return self.warm_up(subject)

    def warm_up(self, subject: str) -> dict[str, Any]:
        """Run twice, or once if that takes long: what is done once only must not be in what is measured.

        On a GPU longer: its clocks rise, and libraries choose their algorithms, in the first tenths of a second.
        """
        took_s = self.block(subject, 1)["wall_s"]
        if took_s < WARM_UP_S:
            took_s += self.block(subject, 1)["wall_s"]
        runs = 1
        while took_s < self._warm_up_s and runs < _MOST_WARM_UPS:
            took_s += self.block(subject, runs)["wall_s"]
            runs *= 2
        return {}

    def block(self, subject: str, runs: int) -> dict[str, Any]:
        """Run back to back; tell CPU and wall seconds, the time of each run (10,000 at most), and context switches."""
        if subject == CONTROL:
            return _block(_same_control_task(), runs)
        block: dict[str, Any] = self._translated(_block, self._models[subject].bound(self._feeds[subject]), runs)
        return block

    def predict(self, subject: str, batch: int, arrays: Mapping[str, np.ndarray]) -> wire.Frame:
        """Run over all rows, a batch at a time, and return the outputs that have a row for each of them."""
        model = self._models[subject]
        fixed = [port.shape[0] for port in model.inputs if port.shape and isinstance(port.shape[0], int)]
        batch, rows = fixed[0] if fixed else batch, len(next(iter(arrays.values())))
        names = [name for name, _ in model.outputs]
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for start in range(0, rows, batch):
            count = min(batch, rows - start)
            size = batch if fixed else count
            feeds = inputs.fit(model.inputs, {name: _rows(array, start, size) for name, array in arrays.items()}, {})
            for name, value in zip(names, self._once(model, feeds), strict=True):
                table = _table(value)
                if table is not None and table.ndim and len(table) == size:
                    parts[name].append(table[:count])
        return wire.Frame({}, {name: np.concatenate(tables) for name, tables in parts.items() if tables})

    def _once(self, model: Served, feeds: Mapping[str, np.ndarray]) -> Sequence[Any]:
        return model.values(self._translated(model.bound(feeds)))


def _outputs_supported(outputs: Sequence[tuple[str, str]]) -> None:
    for name, kind in outputs:
        if _UNHELD.search(kind):
            raise ModelError(
                "", f"output `{name}` is a {kind}, which NumPy cannot hold", "export the model with a cast to float32"
            )


def control_task() -> Callable[[], Any]:
    """Make the control workload: products of matrices that fit the caches, and a sweep through memory that does not."""
    random = np.random.default_rng(0)
    matrix = random.standard_normal((160, 160), np.float32)
    sweep = random.standard_normal(2**19, np.float32)  # 2 MiB
    product, swept = np.empty_like(matrix), np.empty_like(sweep)

    def task() -> None:
        np.matmul(matrix, matrix, out=product)
        np.multiply(sweep, np.float32(0.5), out=swept)

    return task


_same_control_task = functools.cache(control_task)


def _block(run: Callable[[], Any], runs: int) -> dict[str, Any]:
    clock = time.perf_counter_ns
    timed = min(runs, MOST_TIMES)
    stamps = [0] * (timed + 1)
    gc.collect()
    gc.disable()
    try:
        before = resource.getrusage(resource.RUSAGE_SELF)
        stamps[0] = clock()
        for place in range(1, timed + 1):
            run()
            stamps[place] = clock()
        for _ in range(runs - timed):
            run()
        end = clock()
        after = resource.getrusage(resource.RUSAGE_SELF)
    finally:
        gc.enable()
    run_s = [(later - earlier) / 1e9 for earlier, later in itertools.pairwise(stamps)]
    # Not time.process_time(): under a CPU limit (RLIMIT_CPU) Linux moves that clock only at scheduler ticks (4 ms).
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    preempted, yielded = after.ru_nivcsw - before.ru_nivcsw, after.ru_nvcsw - before.ru_nvcsw
    return {
        "runs": runs,
        "cpu_s": max(0.0, cpu_s),
        "wall_s": (end - stamps[0]) / 1e9,
        "run_s": run_s,
        "preempted": preempted,
        "yielded": yielded,
    }


def _summary(port: tuple[str, str], value: Any) -> dict[str, Any]:
    name, kind = port
    elements, nonfinite = _count(value)
    plain = isinstance(value, np.ndarray)
    shape = list(value.shape) if plain else [len(value)] if isinstance(value, list | dict) else []
    dtype = ("str" if value.dtype.kind in "OUS" else value.dtype.name) if plain else kind
    return {"name": name, "dtype": dtype, "shape": shape, "elements": elements, "nonfinite": nonfinite}


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
