"""What metrics and amounts are called in a sentence."""

from __future__ import annotations

from greengate.metrics import QUALITY, Metric
from greengate.policy import LAST_RELEASE, Budget, Check, Condition, Drift, Gain, Limit, Match, Tolerance
from greengate.quantities import Points, Quantity

_CALLED = {
    "energy_per_1k_inferences": "the energy of 1,000 inferences",
    "carbon_per_1k_inferences": "the emissions of 1,000 inferences",
    "carbon_per_1k_inferences_market": "the market-based emissions of 1,000 inferences",
    "embodied_per_1k_inferences": "the share of the hardware's making in 1,000 inferences",
    "sci_per_1k_inferences": "the emissions of 1,000 inferences, a share of the hardware's making included,",
    "flops_per_inference": "the floating-point operations of an inference",
    "macs_per_inference": "the multiply-accumulates of an inference",
    "parameters": "the number of parameters",
    "model_size": "the size of the model's files",
    "weight_bytes": "the size of the weights",
    "activation_bytes": "the size of the tensors between layers",
    "latency_p50": "the median latency",
    "latency_p95": "the 95th percentile of the latency",
    "latency_p99": "the 99th percentile of the latency",
    "throughput": "the throughput",
    "peak_memory": "the peak memory",
    "training_energy": "the energy of training",
    "training_carbon": "the emissions of training",
    "deployment_energy": "the energy of a year's deployment",
    "deployment_carbon": "the emissions of a year's deployment",
    "deployment_carbon_market": "the market-based emissions of a year's deployment",
    "deployment_cost": "the cost of a year's energy",
    "grid_intensity": "the carbon intensity of the grid",
}


SUMMED = {
    "deployment_energy": "the energy of deployments",
    "deployment_carbon": "the emissions of deployments",
    "deployment_carbon_market": "the market-based emissions of deployments",
    "deployment_cost": "the cost of the energy of deployments",
    "training_energy": "the energy of trainings",
    "training_carbon": "the emissions of trainings",
}


def metric(of: Metric) -> str:
    """Name a metric in a sentence."""
    if of.name.startswith(QUALITY):
        return f"the quality figure {of.name.removeprefix(QUALITY)}"
    return _CALLED[of.name]


def amount(quantity: Quantity) -> str:
    """Write an amount in a sentence."""
    return f"{str(quantity).removesuffix(' pp')} percentage points" if isinstance(quantity, Points) else str(quantity)


def check(of: Metric | None, asked: Check) -> str:
    """Say in a sentence what a check asks, without its full stop."""
    if isinstance(asked, Condition) or of is None:
        return f"this must hold: {asked}"
    if isinstance(asked, Limit):
        word = "at most" if asked.side == "max" else "at least"
        return f"{metric(of)} must be {word} {amount(asked.bound)}"
    if isinstance(asked, Budget):
        whose = f" of {asked.scope}" if asked.per else ""
        added = " with their trainings" if asked.training else ""
        phase = f" of the phase {asked.phase}" if asked.phase else ""
        warned = f", and the check warns from {asked.warn_at * 100:.4g}% of that on" if asked.warn_at else ""
        basis = f", {asked.basis}" if asked.basis else ""
        year = f" of a year that begins in month {asked.first_month}" if asked.first_month > 1 else ""
        told = f"{SUMMED[of.name]}{phase}{added}{basis}, of all models{whose}"
        return f"in a {asked.period}{year} ({asked.zone}), {told} together may be at most {asked.bound}{warned}"
    verb, where = ("grow", "over") if asked.side == "max_increase" else ("fall", "below")
    if isinstance(asked, Drift):
        far = f"{verb} by more than {amount(asked.delta)} {where} {start(asked)}"
        return f"however many changes it takes, {metric(of)} may not {far}"
    if asked.delta.amount == 0:
        return f"{metric(of)} may not {verb} {where} the baseline at all"
    return f"{metric(of)} may not {verb} by more than {amount(asked.delta)} {where} the baseline"


def start(asked: Drift) -> str:
    """Name the model that a drift starts from."""
    return "that of the last release" if asked.since == LAST_RELEASE else f"that of `{asked.since}`"


def ceiling(granted: Limit | Tolerance) -> str:
    """Say how far a waiver goes."""
    if isinstance(granted, Limit):
        return f"{'at most' if granted.side == 'max' else 'at least'} {amount(granted.bound)}"
    return f"a {'growth' if granted.side == 'max_increase' else 'fall'} of {amount(granted.delta)}"


def gain(asked: Gain) -> str:
    """Say what a trade-off must bring."""
    verb = "grows" if asked.side == "min_increase" else "falls"
    return f"{metric(asked.metric)} {verb} by at least {amount(asked.delta)}"


def match(meant: Match) -> str:
    """Say which models and branches are meant."""
    models = f"models named {' or '.join(meant.models)}" if meant.models else "every model"
    labels = " and ".join(f"{key}: {value}" for key, value in meant.labels.items())
    branches = f"on branches {' or '.join(meant.branches)}" if meant.branches else "on every branch"
    return ", ".join(part for part in (models, f"with the label {labels}" if labels else "", branches) if part)
