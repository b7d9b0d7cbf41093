"""ONNX Runtime in the child process: how it loads a model, runs it, and throws its session away."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from greengate.models import inputs, onnx_words
from greengate.models.inputs import Declared
from greengate.models.serving import Service


class Sessions(Service):
    """Models by ONNX Runtime."""

    def __init__(self) -> None:
        inputs.preload()
        super().__init__(OnnxModel, onnx_words.translated, {"onnxruntime": ort.__version__})


class OnnxModel:
    """A session of ONNX Runtime: a `serving.Served`.

    Args:
        path: The model file.
        threads: Intra-operator threads.

    Raises:
        ModelError: ONNX Runtime refuses it.
    """

    def __init__(self, path: str, threads: int) -> None:
        self._path, self._threads = path, threads
        self._session = _session(path, threads)
        self.inputs = _declared(self._session.get_inputs())
        self.outputs = [(port.name, port.type) for port in self._session.get_outputs()]

    def bound(self, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
        """Return one run of the session."""
        return functools.partial(self._session.run, None, feeds)

    def values(self, result: Sequence[Any]) -> Sequence[Any]:
        """Return the outputs as they came."""
        return result

    def renew(self) -> None:
        """Throw the session away and open a fresh one."""
        del self._session
        gc.collect()
        self._session = _session(self._path, self._threads)


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
