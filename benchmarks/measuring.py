"""Measuring two model files side by side by greengate's protocol, without a policy or a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from greengate.measure.protocol import Schedule, measure
from greengate.measure.trace import Trace
from greengate.models.onnx import OnnxLoader
from greengate.ports import CONTROL, ModelSpec


def measured(
    paths: Mapping[str, Path], batch: int, schedule: Schedule, unsettled: Callable[[Trace], bool] = lambda _: True
) -> Trace:
    """Measure as long as it is unsettled and the schedule allows; `paths` are by "candidate" and "baseline"."""
    specs = {
        subject: ModelSpec(path=path, folder=path.parent, seed=schedule.seed, batch=batch)
        for subject, path in paths.items()
    }
    with OnnxLoader().bench(specs) as hosted:
        workloads = {subject: hosted[subject] for subject in specs}
        return measure(workloads, dict.fromkeys(specs, batch), schedule, unsettled, hosted[CONTROL])
