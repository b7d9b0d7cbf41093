"""How often the energy rule is wrong: live measurements of identical and of heavier models, each in a fresh child.

    python benchmarks/verdicts/run.py [TRIALS]

A multilayer perceptron against itself with other random weights, and against one with 10% more multiply-accumulates, at
a tolerance of 5%; once quietly, once beside a process that comes and goes on every core. Writes RESULT.md beside this
file. A short campaign: it shows that nothing is broken, and bounds error rates only to a few percent.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from greengate.betting import Stakes, decide
from greengate.measure.protocol import Schedule, measure
from greengate.metrics import lookup
from greengate.models.onnx import OnnxLoader
from greengate.ports import ModelSpec
from greengate.rules.regression import log_ratios

WIDTH, ROWS = 512, 16
TAU = math.log(1.05)
ENERGY = lookup("energy_per_1k_inferences")


def perceptron(path: Path, width: int, seed: int) -> Path:
    """Write a perceptron with two hidden layers of a width, 256 wide in and out."""
    scatter, nodes, weights, last = np.random.default_rng(seed), [], [], "x"
    for index, (rows, columns) in enumerate(((256, width), (width, width), (width, 256))):
        matrix = scatter.normal(size=(rows, columns), scale=rows**-0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{index}"))
        nodes += [
            helper.make_node("MatMul", [last, f"w{index}"], [f"m{index}"]),
            helper.make_node("Relu", [f"m{index}"], [f"r{index}"]),
        ]
        last = f"r{index}"
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [ROWS, 256])]
    outputs = [helper.make_tensor_value_info(last, TensorProto.FLOAT, [ROWS, 256])]
    graph = helper.make_graph(nodes, "perceptron", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def heavier(share: float) -> int:
    """Find the width that has so much more work: 512 w + w^2 multiply-accumulates a row."""
    work = (512 * WIDTH + WIDTH**2) * (1 + share)
    return round((-512 + math.sqrt(512**2 + 4 * work)) / 2)


def trial(folder: Path, width: int, seed: int) -> tuple[str, float, int]:
    """Measure once from nothing; return the verdict, the seconds of measuring and the pairs."""
    files = {
        "candidate": perceptron(folder / "candidate.onnx", width, seed),
        "baseline": perceptron(folder / "baseline.onnx", WIDTH, seed + 1),
    }
    specs = {subject: ModelSpec(path=path, folder=folder, seed=seed, batch=ROWS) for subject, path in files.items()}

    def decision(pairs: object) -> bool | None:
        return decide(log_ratios(ENERGY, pairs), TAU, Stakes()).worse  # type: ignore[arg-type]

    with OnnxLoader().bench(specs) as workloads:
        trace = measure(
            workloads, dict.fromkeys(specs, ROWS), Schedule(seed=seed), lambda pairs: decision(pairs) is None
        )
    verdict = {True: "failed", False: "passed", None: "inconclusive"}[decision(trace.pairs)]
    return verdict, trace.seconds, len(trace.pairs)


def _disturb(seed: int) -> None:
    scatter = random.Random(seed)
    while True:
        end = time.monotonic() + scatter.uniform(0.05, 0.5)
        while time.monotonic() < end:
            pass
        time.sleep(scatter.uniform(0.05, 0.5))


@contextmanager
def neighbours(*, wanted: bool) -> Iterator[None]:
    """Let a process come and go on every core for as long as the block lasts."""
    crowd = [multiprocessing.Process(target=_disturb, args=(core,), daemon=True) for core in range(os.cpu_count() or 1)]
    for one in crowd if wanted else ():
        one.start()
    try:
        yield
    finally:
        for one in crowd if wanted else ():
            one.terminate()
            one.join()


def campaign(trials: int) -> list[str]:
    """Run all four campaigns and give the rows of the table."""
    rows = ["| models | beside | trials | passed | failed | inconclusive | seconds, median / p95 | pairs, median |"]
    rows.append("|" + " --- |" * 8)
    for beside in ("nothing of ours", "a process that comes and goes on every core"):
        for name, width in (("identical", WIDTH), ("+10% work", heavier(0.10))):
            with neighbours(wanted=beside.startswith("a ")), tempfile.TemporaryDirectory() as folder:
                done = [trial(Path(folder), width, 2 * seed) for seed in range(trials)]
            found = Counter(verdict for verdict, _, _ in done)
            seconds = sorted(seconds for _, seconds, _ in done)
            counts = " | ".join(str(found[verdict]) for verdict in ("passed", "failed", "inconclusive"))
            spread = f"{statistics.median(seconds):.2f} / {seconds[int(0.95 * len(seconds))]:.2f}"
            pairs = statistics.median(pairs for _, _, pairs in done)
            rows.append(f"| {name} | {beside} | {trials} | {counts} | {spread} | {pairs:g} |")
    return rows


def main(trials: int) -> None:
    """Run the campaign and write the table."""
    head = f"# Verdicts of a 5% energy rule on live measurements\n\n{machine.described()}\n\n"
    text = head + "\n".join(campaign(trials)) + "\n"
    print(text)
    Path(__file__).with_name("RESULT.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
