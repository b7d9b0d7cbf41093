"""What greengate's figures of a GPU are worth, measured on one.

    python benchmarks/gpu/run.py [GATES]

Needs an NVIDIA GPU, `onnxruntime-gpu` and `nvidia-ml-py`; without them it says what is missing and writes nothing.
About a quarter of an hour with 10 gates of each kind. Writes RESULT.md beside this file:

1. the energy counter against integrated power, in the same windows of 10 s, idle and at work;
2. what looking at the counter costs: the time of a run with the sampler and without, interleaved in random order;
3. gates at a tolerance of 5%: identical models, and one with 10% more work.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from greengate.betting import Stakes, decide, ratio_interval
from greengate.errors import GreengateError
from greengate.measure.device_blocks import BLOCK_S, watched
from greengate.measure.meters.nvml import NvmlMeter, NvmlPowerMeter
from greengate.measure.protocol import Schedule, measure, runs_a_block
from greengate.measure.trace import Trace
from greengate.measure.windows import Plan, Work, take
from greengate.models.onnx import OnnxLoader
from greengate.paired import log_ratios
from greengate.ports import Meter, MeterFacts, ModelSpec, NotHere, Workload

GPU, BATCH, WIDTH, LAYERS, MORE = "0", 512, 2048, 40, 44
TAU, BUDGET_S, LOOKS, MOST_COST = np.log1p(0.05), 180.0, 30, 0.01
Probed = tuple[Meter, MeterFacts]


def layers(path: Path, count: int) -> Path:
    """Write a chain of products of square matrices with random weights."""
    scatter, last = np.random.default_rng(0), "x"
    nodes, weights = [], []
    for index in range(count):
        matrix = scatter.normal(size=(WIDTH, WIDTH), scale=(2 / WIDTH) ** 0.5).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{index}"))
        nodes += [
            helper.make_node("MatMul", [last, f"w{index}"], [f"m{index}"]),
            helper.make_node("Relu", [f"m{index}"], [f"r{index}"]),
        ]
        last = f"r{index}"
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, WIDTH]) for name in ("x", last)]
    graph = helper.make_graph(nodes, "layers", ports[:1], ports[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def spec(path: Path) -> ModelSpec:
    """Say how a model is run."""
    return ModelSpec(path=path, folder=path.parent, batch=BATCH, device=f"cuda:{GPU}")


def counter_against_power(works: Mapping[str, Workload], meters: list[Probed]) -> list[str]:
    """Take windows with both meters, and compare what they say of each."""
    batches = {name: Work(work, BATCH, runs_a_block(work, 1.0, by_clock=True)) for name, work in works.items()}
    campaign = take(batches, meters, Plan(budget_s=600, windows=5))
    rows = ["| window | counter | integrated power | ratio |", "| --- | --- | --- | --- |"]
    for turn in [*([campaign.idle] if campaign.idle else []), *campaign.turns]:
        told = [turn.meters[facts.id] for _, facts in meters if facts.id in turn.meters]
        watts = [window.power_w for window in told]
        events = ", ".join(event.name for window in told for event in window.events)
        if len(watts) < 2 or None in watts:
            rows.append(f"| {turn.subject} | | | {events or 'no reading'} |")
        else:
            rows.append(f"| {turn.subject} | {watts[0]:.2f} W | {watts[1]:.2f} W | {watts[0] / watts[1]:.4f} |")
    return rows


def overhead(work: Workload, probed: Probed) -> list[str]:
    """Compare the time of blocks with and without the sampler, in pairs of random order."""
    order, runs, logs = random.Random(0), runs_a_block(work, BLOCK_S, by_clock=True), []
    for _ in range(LOOKS):
        took = {}
        for sampled in order.sample((True, False), 2):
            if sampled:
                with watched(*probed, seed=0):
                    took[sampled] = work.block(runs).wall_s
            else:
                took[sampled] = work.block(runs).wall_s
        logs.append(float(np.log(took[True] / took[False])))
    low, high = ratio_interval(logs, Stakes(0.025, 0.025))
    middle = np.exp(statistics.median(logs)) - 1
    verdict = "below 1%" if high - 1 < MOST_COST else "not shown to be below 1%"
    return [f"{LOOKS} pairs of {BLOCK_S:g} s: {middle:+.2%} (95%: {low - 1:+.2%} to {high - 1:+.2%}), {verdict}"]


def gates(models: Mapping[str, Path], probed: Probed, times: int) -> list[str]:
    """Run gates of identical models and of a heavier candidate, each in a fresh process."""
    rows = ["| candidate | gates | verdicts | median of seconds | median of the ratio |", "|" + " --- |" * 5]
    for name, candidate in (("identical", "base"), ("+10% layers", "more")):
        found, seconds, ratios = Counter[str](), [], []
        for seed in range(times):
            specs = {"candidate": spec(models[candidate]), "baseline": spec(models["base"])}
            begun_s = time.monotonic()
            trace = _gate(specs, probed, seed)
            rounds = log_ratios("cpu", trace.pairs)
            worse = decide(rounds, TAU, Stakes()).worse
            found[{True: "fail", False: "pass", None: "inconclusive"}[worse]] += 1
            seconds.append(time.monotonic() - begun_s)
            ratios += [float(np.exp(statistics.median(rounds)))] if rounds else []
        told = ", ".join(f"{count} {verdict}" for verdict, count in found.most_common())
        ratio = f"{statistics.median(ratios):.4f}" if ratios else "none"
        rows.append(f"| {name} | {times} | {told} | {statistics.median(seconds):.0f} s | {ratio} |")
    return rows


def _gate(specs: Mapping[str, ModelSpec], probed: Probed, seed: int) -> Trace:
    def unsettled(trace: Trace) -> bool:
        return decide(log_ratios("cpu", trace.pairs), TAU, Stakes()).worse is None

    with OnnxLoader().bench(specs) as hosted, watched(*probed, seed=seed) as device:
        left_s = BUDGET_S - device.settle(BUDGET_S)
        schedule = Schedule(budget_s=left_s, block_wall_s=BLOCK_S, seed=seed)
        workloads = {subject: hosted[subject] for subject in specs}
        trace = measure(workloads, dict.fromkeys(specs, BATCH), schedule, unsettled, device=device)
        for event in device.events():
            print(f"{event.name}: {event.words}")
    return trace


def main(times: int) -> None:
    """Measure all there is to measure, and write it down."""
    meters = [NvmlMeter([GPU]), NvmlPowerMeter([GPU])]
    looks = [(meter, meter.probe()) for meter in meters]
    found: list[Probed] = [(meter, told) for meter, told in looks if not isinstance(told, NotHere)]
    for _, told in looks:
        if isinstance(told, NotHere):
            print(f"{told.why}; {told.hint}")
    if len(found) < len(meters):
        print("no GPU whose energy can be read: nothing was measured, and no result written")
        return
    with tempfile.TemporaryDirectory() as folder:
        models = {
            name: layers(Path(folder, f"{name}.onnx"), count) for name, count in (("base", LAYERS), ("more", MORE))
        }
        try:
            seen = OnnxLoader().examine(spec(models["base"]))
        except GreengateError as error:
            print(f"{error}\nno model runs on this GPU: nothing was measured, and no result written")
            return
        name = ", ".join(found[0][1].domains.values())
        lines = ["# Figures of a GPU", "", machine.described(), "", name, "", str(dict(seen.runtime)), ""]
        with OnnxLoader().bench({"base": spec(models["base"])}) as hosted:
            works = {"base": hosted["base"]}
            lines += ["## The counter against integrated power", "", *counter_against_power(works, found), ""]
            lines += ["## What looking costs", "", *overhead(works["base"], found[0]), ""]
        lines += ["## Gates, tolerance 5%", "", *gates(models, found[0], times), ""]
    text = "\n".join(lines)
    print(text)
    Path(__file__).with_name("RESULT.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
