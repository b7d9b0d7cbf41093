"""Count one model by greengate as a library and print how long the count alone took.

    python probe_greengate.py MODEL [AXIS=SIZE,...]

Prints JSON: multiply-accumulates, operators, and seconds without the start of Python and imports.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import greengate.models.onnx_counter
import greengate.models.onnx_graph  # noqa: F401 - both are imported late otherwise, which is no counting
from greengate import costing
from greengate.cli import amounts


def main(path: str, at: str = "") -> None:
    """Count."""
    sizes = amounts.sizes(at)
    started = time.perf_counter()
    costs = costing.costed(Path(path), sizes, trusted=True).costs
    seconds = time.perf_counter() - started
    print(json.dumps({"macs": costs.macs, "operators": len(costs.nodes), "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
