"""One pass of a model with ONNX Runtime's profiler on, in the child process: how long each operator took.

The profiler writes a file, which is read here and removed; only sums leave the child. Times are whole microseconds,
as the profiler keeps them. Source: onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from greengate.errors import ModelError
from greengate.models import onnx_words
from greengate.models.onnx_session import Sessions, session_options

WARM_UPS: Final = 2
_MOST_ROWS: Final = 10_000
_NODE, _ENDING = "Node", "_kernel_time"
# What these take holds what the nodes of their bodies take, which have entries of their own.
_CONTROL: Final = frozenset({"If", "Loop", "Scan", "SequenceMap"})

Row = list[Any]


class Profiles(Sessions):
    """Models by ONNX Runtime on the CPU, which can be run under its profiler too."""

    def profile(self, subject: str, path: str, threads: int, runs: int, folder: str) -> dict[str, Any]:
        """Run a model so many times under the profiler.

        Args:
            subject: The model, loaded and fed.
            path: Its file.
            threads: Intra-operator threads.
            runs: Runs that are told of, after two that are not.
            folder: An empty folder where a file may be written.

        Returns:
            See `summed`.

        Raises:
            ModelError: The profile is larger than may be written.
        """
        options = session_options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        file = Path(onnx_words.translated(_written, path, options, self._feeds[subject], WARM_UPS + runs))
        try:
            events = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            problem = "its profile is larger than may be written: it runs too many operators, in loops perhaps"
            raise ModelError("", problem) from error
        finally:
            file.unlink(missing_ok=True)
        return summed(events, runs)


def _written(path: str, options: Any, feeds: Mapping[str, np.ndarray], runs: int) -> str:
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for _ in range(runs):
        session.run(None, feeds)
    return str(session.end_profiling())


def summed(events: Iterable[Mapping[str, Any]], runs: int) -> dict[str, Any]:
    """Add up what the profiler wrote of the last so many runs.

    Returns:
        `rows`: for each operator its name and kind as run, how often it ran and for how many seconds, in all runs
        together; `run_s`: seconds of the runs themselves.
    """
    timed = sorted((each for each in events if "ts" in each), key=lambda each: (each["ts"], -each["dur"]))
    whole = [each for each in timed if each.get("name") == "model_run"][-runs:]
    nodes = [each for each in timed if each.get("cat") == _NODE and each["name"].endswith(_ENDING)]
    rows: dict[tuple[str, str], Row] = {}
    around: list[tuple[int, Row]] = []  # the control flow that an operator runs in: when it ends, and its row
    for each in nodes:
        if each["ts"] < whole[0]["ts"]:
            continue
        op, end = each["args"].get("op_name", ""), each["ts"] + each["dur"]
        key = each["name"].removesuffix(_ENDING), op
        if key not in rows and len(rows) >= _MOST_ROWS:
            key = "", op
        row = rows.setdefault(key, [*key, 0, 0])
        row[2] += 1
        row[3] += each["dur"]
        while around and around[-1][0] < end:
            around.pop()
        if around:
            around[-1][1][3] -= each["dur"]
        if op in _CONTROL:
            around.append((end, row))
    found = [[name, op, calls, max(0, micros) / 1e6] for name, op, calls, micros in rows.values()]
    return {"rows": found, "run_s": sum(each["dur"] for each in whole) / 1e6}
