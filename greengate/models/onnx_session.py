"""ONNX Runtime in the child process: how it loads a model, runs it, and throws its session away."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort

from greengate.models import inputs, onnx_cuda, onnx_words
from greengate.models.inputs import Declared
from greengate.models.serving import Service


class Sessions(Service):
    """Models by ONNX Runtime, on the CPU or by its CUDA provider."""

    def __init__(self, device: str = "cpu") -> None:
        inputs.preload()
        if device == "cpu":
            super().__init__(OnnxModel, onnx_words.translated, {"onnxruntime": ort.__version__})
            return
        onnx_cuda.start()
        facts = {"onnxruntime": ort.__version__, **onnx_cuda.facts()}
        super().__init__(OnnxCudaModel, onnx_words.translated, facts, onnx_cuda.WARM_UP_S)


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
        self._session = self._opened()
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
        self._session = self._opened()

    def _opened(self) -> Any:
        options = session_options(self._threads)
        return onnx_words.translated(ort.InferenceSession, self._path, options, providers=["CPUExecutionProvider"])


class OnnxCudaModel(OnnxModel):
    """A session on a GPU.

    Attributes:
        degraded: Which of its nodes run on the CPU, in words.
    """

    def __init__(self, path: str, threads: int) -> None:
        self._feeds: Mapping[str, np.ndarray] | None = None
        self._run: Callable[[], Any] | None = None
        super().__init__(path, threads)
        self.degraded = onnx_cuda.placed(self._session)

    def bound(self, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
        """Return one run of the session; its inputs are brought to the GPU once."""
        if self._run is None or feeds is not self._feeds:
            self._feeds, self._run = feeds, onnx_words.translated(onnx_cuda.bound, self._session, feeds)
        return self._run

    def values(self, result: Any) -> Sequence[Any]:
        """Fetch the outputs."""
        return onnx_words.translated(onnx_cuda.values, result)

    def renew(self) -> None:
        """Throw the session and what is bound to it away, and open a fresh one."""
        self._run = self._feeds = None
        super().renew()

    def _opened(self) -> Any:
        return onnx_words.translated(onnx_cuda.session, self._path, session_options(self._threads))


def session_options(threads: int) -> Any:
    """Return how a session is opened, so that equal work takes equal time."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 4
    # Spinning threads burn CPU time that no inference needed; denormals make equal work unequal.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options


def _declared(ports: Sequence[Any]) -> list[Declared]:
    return [
        Declared(
            port.name,
            port.type,
            tuple(axis if isinstance(axis, int) and axis >= 0 else str(axis or "") for axis in port.shape),
        )
        for port in ports
    ]
