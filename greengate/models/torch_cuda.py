"""Where torch runs a program: on the CPU, or on a GPU, in the child process.

On a GPU a call returns before the work is done. So a run waits for the GPU (`torch.cuda.synchronize`), and with it the
clock that times it; weights and inputs lie on the GPU before.

TF32 is off, for products of matrices as is torch's own default, and for convolutions, where torch's default is on: a
program of float32 is then measured in float32 on every generation of GPU, and by torch as by ONNX Runtime. cuDNN's
benchmark mode, which would choose algorithms by trying them, is off as is torch's default.

Source: docs.pytorch.org, "CUDA semantics" and `torch.export.passes.move_to_device_pass`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import torch

from greengate.errors import ModelError
from greengate.models.cuda_words import DRIVER

WARM_UP_S = 0.5
DEVICE = "cuda:0"  # the child sees one GPU


class Place(Protocol):
    """Where programs run."""

    def program(self, program: Any) -> Any:
        """Bring an exported program there, with its weights and constants."""

    def tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """Bring a tensor there."""

    def whole(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """Return a run that ends when all of it has been done."""


class OnCpu:
    """This process's own processor: all is there already, and a call returns when it is done."""

    def program(self, program: Any) -> Any:
        """Return the program."""
        return program

    def tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the tensor."""
        return tensor

    def whole(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """Return the run."""
        return run


class OnCuda:
    """The one GPU that this process sees; it is looked for when the first program comes."""

    def __init__(self) -> None:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False

    @property
    def facts(self) -> dict[str, str]:
        """What runs the programs, and how."""
        return {"device": "cuda", "cuda": torch.version.cuda or "none", "tf32": "off", "cudnn benchmark": "off"}

    def program(self, program: Any) -> Any:
        """Bring a program to the GPU, with the devices that are written into its graph.

        Raises:
            ModelError: There is no GPU that torch can use.
        """
        _require_cuda()
        return _mover()(program, DEVICE)

    def tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """Bring a tensor to the GPU."""
        return tensor.to(DEVICE)

    def whole(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """Return a run that waits for the GPU; what was begun before it does not count as its own."""
        torch.cuda.synchronize(DEVICE)

        def through() -> Any:
            result = run()
            torch.cuda.synchronize(DEVICE)
            return result

        return through


def _require_cuda() -> None:
    if torch.version.cuda is None:
        raise ModelError(
            "",
            f"this torch ({torch.__version__}) is built without CUDA, and `device: cuda` asks for it",
            "install a build with CUDA (pytorch.org, Get started, Compute Platform), or set `device: cpu`",
        )
    if not torch.cuda.is_available():
        raise ModelError("", f"torch ({torch.__version__}) finds no GPU that it can use", DRIVER)


def _mover() -> Callable[[Any, str], Any]:
    try:
        passes = import_module("torch.export.passes")
    except ImportError:  # torch 2.6 may keep it where it first was
        passes = import_module("torch._export.passes.move_to_device_pass")
    moved: Callable[[Any, str], Any] = passes.move_to_device_pass
    return moved
