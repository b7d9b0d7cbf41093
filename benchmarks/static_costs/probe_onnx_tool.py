"""Count an ONNX file by onnx-tool and print what it says; for the Python of the scratch environment.

    .venv/bin/python probe_onnx_tool.py MODEL.onnx [INPUT=float32:1x3x224x224 ...]

Prints JSON: multiply-accumulates, parameters, and seconds without the start of Python and imports.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

import numpy as np
import onnx_tool


def fed(written: str) -> tuple[str, np.ndarray]:
    """Return an input's name and zeros of its type and shape."""
    name, _, kind = written.partition("=")
    dtype, _, dims = kind.partition(":")
    return name, np.zeros([int(size) for size in dims.split("x")], dtype)


def main(path: str, *inputs: str) -> None:
    """Load, infer shapes and profile, as its own documentation shows."""
    started = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        graph = onnx_tool.Model(path).graph
        graph.shape_infer(dict(map(fed, inputs)) or None)
        graph.profile()
    seconds = time.perf_counter() - started
    print(json.dumps({"macs": round(graph.macs[0]), "parameters": graph.params, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
