"""The figures a policy may limit: name, dimension, direction, boundary and a one-line formula."""

from __future__ import annotations

from dataclasses import dataclass

from greengate.errors import nearest
from greengate.evidence import QualityScale
from greengate.quantities import (
    Count,
    Duration,
    Emissions,
    Energy,
    Intensity,
    Money,
    Points,
    Quantity,
    Rate,
    Share,
    Size,
)

QUALITY = "quality."


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that a policy may limit.

    `paired` says which column of the interleaved blocks decides this metric's regressions: "cpu" seconds, "wall"
    seconds, the median single "run", or a quantile of the single runs ("p95", "p99"). It is empty where the two figures
    are compared as they stand.
    """

    name: str
    kind: type[Quantity]
    better: str
    boundary: str
    formula: str
    paired: str = ""
    difference: type[Quantity] | None = None

    @property
    def timed(self) -> bool:
        """Whether the clock tells it, run by run, so that more rounds make it surer."""
        return self.paired in {"run", "wall", "p95", "p99"}

    @property
    def of_runner(self) -> bool:
        """Whether the figure is measured, so that another machine would give another one."""
        return bool(self.paired) or self.name in {"peak_memory", _EMBODIED, "sci_per_1k_inferences"}

    def in_words(self, amount: float) -> str:
        """Write an amount of this metric with its unit."""
        return self.kind(amount).in_words()


_ENERGY, _CARBON, _EMBODIED = "energy_per_1k_inferences", "carbon_per_1k_inferences", "embodied_per_1k_inferences"
_OF_PUE = "process x PUE"
_METRICS = (
    Metric(_ENERGY, Energy, "lower", "process", "1000 x CPU seconds an inference x net watts a thread", "cpu"),
    Metric(_CARBON, Emissions, "lower", _OF_PUE, f"{_ENERGY} x PUE x grid intensity", "cpu"),
    Metric(f"{_CARBON}_market", Emissions, "lower", _OF_PUE, f"{_ENERGY} x PUE x intensity of the contracts", "cpu"),
    Metric(_EMBODIED, Emissions, "lower", "host's share", "embodied emissions x share of the host x share of its life"),
    Metric("sci_per_1k_inferences", Emissions, "lower", f"{_OF_PUE} + embodied", f"{_CARBON} + {_EMBODIED}"),
    Metric("flops_per_inference", Count, "lower", "graph", "2 x macs_per_inference"),
    Metric("macs_per_inference", Count, "lower", "graph", "multiply-accumulates of matmul-like operators / batch"),
    Metric("parameters", Count, "lower", "graph", "elements of unique weights"),
    Metric("model_size", Size, "lower", "files", "bytes of the model file and its external data"),
    Metric("weight_bytes", Size, "lower", "graph", "bytes of unique weights as stored"),
    Metric("activation_bytes", Size, "lower", "graph", "bytes of intermediate tensors of one run"),
    Metric("latency_p50", Duration, "lower", "runtime call", "median wall time of one run", "run"),
    Metric("latency_p95", Duration, "lower", "runtime call", "95th percentile of the wall time of one run", "p95"),
    Metric("latency_p99", Duration, "lower", "runtime call", "99th percentile of the wall time of one run", "p99"),
    Metric("throughput", Rate, "higher", "runtime call", "inferences / wall seconds, one caller", "wall"),
    Metric("peak_memory", Size, "lower", "process", "largest resident size of a process that runs only this model"),
    Metric("training_energy", Energy, "lower", "as imported", "imported from a tracker's file"),
    Metric("training_carbon", Emissions, "lower", "as imported", "imported from a tracker's file"),
    Metric("deployment_energy", Energy, "lower", _OF_PUE, f"{_ENERGY} x PUE x inferences a year / 1000", "cpu"),
    Metric("deployment_carbon", Emissions, "lower", _OF_PUE, f"{_CARBON} x inferences a year / 1000", "cpu"),
    Metric(
        "deployment_carbon_market", Emissions, "lower", _OF_PUE, f"{_CARBON}_market x inferences a year / 1000", "cpu"
    ),
    Metric("deployment_cost", Money, "lower", _OF_PUE, "deployment_energy x price of energy", "cpu"),
    Metric("grid_intensity", Intensity, "lower", "grid", "emissions of a kilowatt-hour"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}

KNOWN_SCALES = {
    **dict.fromkeys(("accuracy", "f1", "f1_macro", "precision", "recall", "auc", "map"), QualityScale()),
    **dict.fromkeys(("rmse", "mae", "mse"), QualityScale(unit="score", better="lower")),
}


def lookup(name: str, scales: dict[str, QualityScale] | None = None) -> Metric:
    """Find a metric by name; `scales` says how the project reads its own quality figures.

    Raises:
        KeyError: No such metric; the message is a hint.
    """
    if name.startswith(QUALITY) and name != QUALITY:
        return _quality(name, {**KNOWN_SCALES, **(scales or {})})
    if name not in METRICS:
        raise KeyError(nearest(name, [*METRICS, "quality.accuracy"]))
    return METRICS[name]


def _quality(name: str, scales: dict[str, QualityScale]) -> Metric:
    scale = scales.get(name.removeprefix(QUALITY), QualityScale())
    if scale.unit == "ratio":
        return Metric(name, Share, scale.better, "evaluation set", "declared by the project", difference=Points)
    return Metric(name, Count, scale.better, "evaluation set", "declared by the project")
