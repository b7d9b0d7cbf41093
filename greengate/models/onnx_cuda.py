"""ONNX Runtime on a GPU, in the child process: its CUDA provider or nothing.

What is timed is a run with its end: inputs and outputs lie on the GPU, bound before the clock starts, and a run waits
until the GPU has done all of it. `run_with_iobinding` waits by itself, as documented, unless it is told not to;
`synchronize_outputs` says so again and costs nothing then.

ONNX Runtime goes on with the CPU where the provider cannot be loaded, and says so only in its log. Here that is an
error. Single nodes on the CPU are none: ONNX Runtime puts the arithmetic of shapes there on purpose, and with
`session.disable_cpu_ep_fallback` it would refuse most models whose sizes are open. Those nodes are counted and told.

The algorithms of convolutions are chosen by cuDNN's heuristic. The default, trying all of them, is the choice of a
moment: two sessions of one file may choose differently. TF32 is off, as for torch (`greengate.models.torch_cuda`).

Source: onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html; the Python API's `IOBinding`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import onnxruntime as ort

from greengate.errors import ModelError
from greengate.models.cuda_words import DRIVER

PROVIDER = "CUDAExecutionProvider"
OPTIONS = {"device_id": "0", "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
WARM_UP_S = 0.5
_TENSOR = "tensor("
_CPU_PACKAGE, _GPU_PACKAGE = "onnxruntime", "onnxruntime-gpu"
_MOST_KINDS = 6


def start() -> None:
    """Load CUDA's libraries from NVIDIA's packages, before the process is confined; nothing runs on the GPU yet."""
    preload = getattr(ort, "preload_dlls", None)
    if PROVIDER in ort.get_available_providers() and preload is not None:
        preload()


def facts() -> dict[str, str]:
    """Tell what runs the models, and how."""
    return {
        "provider": PROVIDER,
        "cuda": str(getattr(ort, "cuda_version", "") or "unknown"),
        "convolutions": "cuDNN's heuristic",
        "tf32": "off",
    }


def session(path: str, options: Any) -> Any:
    """Open a session on the GPU.

    Raises:
        ModelError: There is no CUDA provider, or it could not be loaded.
    """
    if PROVIDER not in ort.get_available_providers():
        raise _no_provider()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    # ONNX Runtime's Python package would try again on the CPU.
    found = ort.InferenceSession(path, options, providers=[(PROVIDER, OPTIONS)], enable_fallback=0)
    found.disable_fallback()
    if next(iter(found.get_providers()), "") != PROVIDER:
        raise ModelError(
            "",
            "ONNX Runtime has a CUDA provider and could not load it, so that it would have run on the CPU",
            f"it needs CUDA's and cuDNN's libraries: pip install '{_GPU_PACKAGE}[cuda,cudnn]'; {DRIVER}",
        )
    _refuse_what_no_gpu_holds(found)
    return found


def placed(session: Any) -> tuple[str, ...]:
    """Say which nodes do not run on the GPU, in words.

    Raises:
        ModelError: None of them does.
    """
    tell = getattr(session, "get_provider_graph_assignment_info", None)
    nodes: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    for part in tell() if tell else ():
        kinds = [node.op_type for node in part.get_nodes()]
        nodes[part.ep_name] += len(kinds)
        if part.ep_name != PROVIDER:
            elsewhere.update(kinds)
    if not nodes:
        return (f"ONNX Runtime {ort.__version__} does not tell which nodes it runs on the CPU; a newer one may",)
    if not nodes[PROVIDER]:
        raise ModelError(
            "",
            f"none of its {elsewhere.total()} nodes can run on the GPU: {_counted(elsewhere)}",
            "export it with element types and operators that ONNX Runtime has for CUDA, or set `device: cpu`",
        )
    if not elsewhere:
        return ()
    count = f"{elsewhere.total()} of {nodes.total()} nodes"
    return (f"ONNX Runtime runs {count} on the CPU, whose energy is not the GPU's: {_counted(elsewhere)}",)


def bound(session: Any, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
    """Return one run of the session, its inputs on the GPU already, that ends when the GPU has done it."""
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
    for port in session.get_outputs():
        binding.bind_output(port.name, "cuda", 0)
    binding.synchronize_inputs()

    def run() -> Any:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return binding

    return run


def values(binding: Any) -> Sequence[Any]:
    """Fetch the outputs of a run."""
    found: Sequence[Any] = binding.copy_outputs_to_cpu()
    return found


def _no_provider() -> ModelError:
    found = f"this ONNX Runtime ({ort.__version__}) has no CUDA provider, and `device: cuda` asks for one"
    if _installed(_GPU_PACKAGE):
        hint = (
            f"`{_CPU_PACKAGE}` and `{_GPU_PACKAGE}` are both installed and share their files, so that one hides the "
            f"other: pip uninstall {_CPU_PACKAGE} {_GPU_PACKAGE}, then pip install '{_GPU_PACKAGE}[cuda,cudnn]'"
        )
    else:
        hint = (
            f"`{_CPU_PACKAGE}` is built for the CPU alone: pip uninstall {_CPU_PACKAGE}, "
            f"then pip install '{_GPU_PACKAGE}[cuda,cudnn]'; or set `device: cpu`"
        )
    return ModelError("", found, hint)


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _refuse_what_no_gpu_holds(session: Any) -> None:
    for what, ports in (("input", session.get_inputs()), ("output", session.get_outputs())):
        for port in ports:
            if not port.type.startswith(_TENSOR) or "string" in port.type:
                raise ModelError(
                    "",
                    f"{what} `{port.name}` is a {port.type}, which cannot lie on a GPU",
                    "export the model with tensors of numbers (of scikit-learn: `zipmap: False`), or set `device: cpu`",
                )


def _counted(kinds: Counter[str]) -> str:
    told = [f"{kind} x{times}" if times > 1 else kind for kind, times in kinds.most_common(_MOST_KINDS)]
    more = len(kinds) - _MOST_KINDS
    return ", ".join(told) + (f" and {more} more kinds" if more > 0 else "")
