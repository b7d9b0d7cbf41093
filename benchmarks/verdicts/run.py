"""How often the energy rule is wrong: live measurements of identical and of heavier models, each in a fresh child.

    python benchmarks/verdicts/run.py [TRIALS]

A multilayer perceptron against itself with other random weights, and against one with 10% more multiply-accumulates, at
a tolerance of 5%; once quietly, once beside a process that comes and goes on every core. Writes RESULT.md beside this
file. A short campaign: it shows that nothing is broken, and bounds error rates only to a few percent.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine
import neighbours
import onnx
from measuring import measured
from perceptrons import perceptron

from greengate.betting import Stakes
from greengate.measure.protocol import Schedule
from greengate.measure.trace import Trace
from greengate.paired import Series

WIDTH, ROWS = 512, 16
TAU = math.log(1.05)


def heavier(share: float) -> int:
    """Find the width that has so much more work: 512 w + w^2 multiply-accumulates a row."""
    work = (512 * WIDTH + WIDTH**2) * (1 + share)
    return round((-512 + math.sqrt(512**2 + 4 * work)) / 2)


def trial(folder: Path, width: int, seed: int) -> tuple[str, float, int]:
    """Measure once from nothing; return the verdict, the seconds of measuring and the pairs."""
    models = {"candidate": perceptron(width, seed, ROWS), "baseline": perceptron(WIDTH, seed + 1, ROWS)}
    paths = {subject: folder / f"{subject}.onnx" for subject in models}
    for subject, model in models.items():
        onnx.save(model, paths[subject])
    trace = measured(paths, ROWS, Schedule(seed=seed), lambda trace: decision(trace) is None)
    verdict = {True: "failed", False: "passed", None: "inconclusive"}[decision(trace)]
    return verdict, trace.seconds, len(trace.pairs)


def decision(trace: Trace) -> bool | None:
    """Decide by the rounds so far whether CPU time is above the tolerance."""
    return Series("cpu", tuple(trace.pairs)).decide(TAU, Stakes()).worse


def campaign(trials: int) -> list[str]:
    """Run all four campaigns and give the rows of the table."""
    rows = ["| models | beside | trials | passed | failed | inconclusive | seconds, median / p95 | pairs, median |"]
    rows.append("|" + " --- |" * 8)
    for beside, processes in (
        ("nothing of ours", 0),
        ("a process that comes and goes on every core", neighbours.CORES),
    ):
        for name, width in (("identical", WIDTH), ("+10% work", heavier(0.10))):
            with neighbours.coming_and_going(processes), tempfile.TemporaryDirectory() as folder:
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
