"""CUDA's own errors, whichever runtime passes them on, in words for the person whose runner it is.

Source: CUDA Driver API, CUresult, and CUDA Runtime API, cudaError: the two number these alike.
"""

from __future__ import annotations

import re

from greengate.errors import ModelError

DRIVER = "look with `nvidia-smi`; in a container, start it with `--gpus all` (NVIDIA Container Toolkit)"
_KNOWN = (
    (
        r"no CUDA-capable device|Found no NVIDIA driver|CUDA failure 100\b|cudaErrorNoDevice",
        "CUDA finds no GPU",
        DRIVER,
    ),
    (
        r"invalid device ordinal|CUDA failure 101\b|cudaErrorInvalidDevice",
        "CUDA finds no GPU of that number",
        "list them with `nvidia-smi -L`, and change `runner: {device: …}`, which counts from 0",
    ),
    (
        r"driver version is insufficient|NVIDIA driver on your system is too old|CUDA failure 35\b",
        "NVIDIA's driver is older than the CUDA that the runtime was built with",
        "update the driver, or install a build of the runtime for an older CUDA",
    ),
    (
        r"OS call failed|CUDA failure (?:304|999)\b|cudaErrorOperatingSystem|CUDA error: unknown error",
        "CUDA could not start in the confined process of the model",
        "its device files must be there before: run `nvidia-modprobe -c 0 -u` once as root; then look into `dmesg`",
    ),
    (
        r"no kernel image is available|CUDA failure 209\b",
        "the runtime has no code for this generation of GPU",
        "install a build of the runtime that names it, or use another GPU",
    ),
)


def told(message: str) -> ModelError | None:
    """Translate an error of CUDA's, or return None where it is none that is known."""
    for pattern, problem, hint in _KNOWN:
        if re.search(pattern, message):
            return ModelError("", problem, hint)
    return None
