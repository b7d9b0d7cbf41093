"""Which machine a result was made on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from greengate.measure.modelled import Processor


def described() -> str:
    """One line: processor, threads, load, Python and the packages that matter."""
    processor = Processor.parse(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    packages = ", ".join(filter(None, map(_version, ("onnxruntime", "onnxruntime-gpu", "onnx", "numpy"))))
    return f"{processor}; load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {packages}"


def sync_ms(folder: Path) -> float:
    """Measure what it takes to write a page and wait until it is on the disk."""
    taken = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _ in range(300):
            begun = time.monotonic()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            taken.append(time.monotonic() - begun)
    return statistics.median(taken) * 1e3


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
