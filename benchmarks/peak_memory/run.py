"""How far the peak memory of one model scatters from run to run.

    python benchmarks/peak_memory/run.py [TIMES]

Examines an example model and three architectures again and again, each time in a fresh child. Writes RESULT.md beside
this file; `greengate.measure.figures.PEAK_SPREAD` is rounded up from it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import light_models
import machine
import onnx

from greengate.models.onnx import OnnxLoader
from greengate.ports import ModelSpec

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "models" / "baseline.onnx"


def row(name: str, path: Path, times: int) -> str:
    """Examine one model so many times and give the row of the table."""
    spec = ModelSpec(path=path, folder=path.parent)
    peaks = [OnnxLoader().examine(spec).peak_memory_bytes for _ in range(times)]
    middle = statistics.median(peaks)
    widest = max(abs(peak / middle - 1) for peak in peaks)
    return f"| {name} | {times} | {middle / 2**20:.1f} MiB | {statistics.stdev(peaks) / middle:.2%} | {widest:.2%} |"


def main(times: int) -> None:
    """Measure all models and write the table."""
    lines = ["# Peak memory of one examination, again and again", "", machine.described(), ""]
    lines += ["| model | times | median | standard deviation | widest |", "|" + " --- |" * 5]
    lines.append(row("digits/baseline", DIGITS, times))
    for name in ("squeezenet", "shufflenet", "resnet50"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            onnx.save(light_models.with_random_weights(name), path)
            lines.append(row(name, path, times))
    text = "\n".join([*lines, ""])
    print(text)
    Path(__file__).with_name("RESULT.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
