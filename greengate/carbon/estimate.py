"""What training or using a language model would take, before there is anything to measure: LLMCarbon's equations.

Source: Faiz et al., "LLMCarbon: Modeling the End-to-End Carbon Footprint of Large Language Models", ICLR 2024,
arXiv:2309.14393, with its repository SotaroKaneda/MLCarbon (Apache-2.0), whose columns settle what the paper leaves
open. Its own figures come out only where operations are 6 x P x D, not the operations that its table gives; where the
speed is peak x efficiency, not the achieved one, which is rounded; where the power is the mean of the system, not the
rated power of the device; and where the days follow from these, not from its table. Its embodied figure alone rests on
the days of the table (20.4 for XLM, where its own equation gives 19.7). Emissions of making the hardware are a figure
of their own: the GHG Protocol books them in the year of purchase, so that they are never added to those of electricity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from greengate.quantities import Duration, Emissions, Energy, Intensity, Power, Quantity, Share

SOURCE = "Faiz et al., LLMCarbon, ICLR 2024, arXiv:2309.14393"
# tests/test_estimate.py works it out from the figures that LLMCarbon took over.
DIFFERENCES = (
    "the error is not stated; of five trainings with published figures LLMCarbon's estimates differ by -3.5% to +7.9%, "
    "with the efficiency and the power that were known afterwards"
)
INFERENCE = (
    "inference reaches less of the peak than training, and how much varies with the length of prompts, the batch and "
    "the phase, so that equations like this one are inaccurate for it: Fu et al., LLMCO2, arXiv:2410.02950 (2024)"
)
_TRAINING, _INFERENCE = 6, 2  # operations a parameter and token: forward and backward, or forward alone
_DAY_S = 86_400.0
_LONG_D = 3650.0
_FEW = 1e6


class Speed(Quantity):
    """Floating-point operations a second."""

    dimension, example = "a speed", "125 TFLOP/s"
    units: ClassVar = {
        "FLOP/s": 1.0, "MFLOP/s": 1e6, "GFLOP/s": 1e9, "TFLOP/s": 1e12, "PFLOP/s": 1e15, "EFLOP/s": 1e18,
    }  # fmt: skip
    shown = ("FLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s")


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of hardware: its name, how many, and what making one emitted."""

    name: str
    count: int
    made: Emissions


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody declares of a model that is not there yet; what is None leaves out the figures that need it.

    Attributes:
        parameters: All of them.
        tokens: Those that it is trained on, or that it reads and writes in use.
        base_parameters: Of a mixture of experts: those of the dense base model, which set the operations.
        device_power: Mean power of a device with its share of the system, not the rated power of the device.
        peak: Most that a device can do.
        efficiency: The share of the peak that is reached.
        pue: Power usage effectiveness of the data centre.
        embodied: The hardware, for its embodied emissions.
        lifetime: How long the hardware is used; the estimate bears its share of that.
        inference: Whether the model is used, not trained.
    """

    parameters: float
    tokens: float
    base_parameters: float | None = None
    devices: int | None = None
    device_power: Power | None = None
    peak: Speed | None = None
    efficiency: Share | None = None
    pue: float | None = None
    intensity: Intensity | None = None
    embodied: tuple[Part, ...] = ()
    lifetime: Duration | None = None
    inference: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One figure: its name, amount and unit, the equation, and the same in numbers."""

    name: str
    amount: float
    unit: str
    formula: str
    words: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """Figures in the order of the equations, what is left out and why, and what a reader should know."""

    steps: tuple[Step, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]


def operations(parameters: float, tokens: float, *, inference: bool = False) -> float:
    """Floating-point operations of a dense transformer: 6PD in training, 2PD in use."""
    return (_INFERENCE if inference else _TRAINING) * parameters * tokens


def duration(flop: float, devices: int, peak: Speed, efficiency: Share) -> Duration:
    """Time that so many operations take."""
    return Duration(flop / (devices * peak.amount * efficiency.amount))


def energy(power: Power, devices: int, time: Duration, pue: float) -> Energy:
    """Electricity of the devices and of the data centre around them."""
    return Energy(power.amount * devices * time.amount * pue)


def emissions(electricity: Energy, intensity: Intensity) -> Emissions:
    """Emissions of making that electricity."""
    return Emissions(electricity.amount / 3.6e6 * intensity.amount)


def embodied(parts: Iterable[Part], time: Duration, lifetime: Duration) -> Emissions:
    """Emissions of making the hardware, by the share of its life that is used."""
    return Emissions(math.fsum(part.count * part.made.amount for part in parts) * time.amount / lifetime.amount)


def estimate(plan: Plan) -> Estimate:
    """Work out all that the plan allows; the rest is left out, and says what it lacks."""
    steps = tuple(_steps(plan))
    there = {step.name for step in steps}
    needs = {
        "time": _lacking(plan, "devices", "peak", "efficiency"),
        "energy": _lacking(plan, "devices", "peak", "efficiency", "device_power", "pue"),
        "emissions": _lacking(plan, "devices", "peak", "efficiency", "device_power", "pue", "intensity"),
        "embodied": _lacking(plan, "devices", "peak", "efficiency", "embodied", "lifetime"),
    }
    left_out = {name: f"not declared: {', '.join(lacks)}" for name, lacks in needs.items() if name not in there}
    return Estimate(steps, left_out, tuple(_notes(plan, steps)))


def _steps(plan: Plan) -> Iterator[Step]:
    factor = _INFERENCE if plan.inference else _TRAINING
    parameters = plan.parameters if plan.base_parameters is None else plan.base_parameters
    whose = "parameters" if plan.base_parameters is None else "base parameters"
    flop = operations(parameters, plan.tokens, inference=plan.inference)
    numbers = f"{factor} x {parameters:.4g} {whose} x {plan.tokens:.4g} tokens"
    yield Step("compute", flop, "FLOP", f"{factor} x {whose} x tokens", numbers)
    if plan.devices is None or plan.peak is None or plan.efficiency is None:
        return
    time = duration(flop, plan.devices, plan.peak, plan.efficiency)
    days = time.amount / _DAY_S
    numbers = f"{flop:.4g} FLOP / ({plan.devices:,} x {plan.peak} x {plan.efficiency} x 86400 s)"
    yield Step("time", days, "d", "compute / (devices x peak x efficiency x 86400)", numbers)
    if plan.device_power is not None and plan.pue is not None:
        yield from _of_electricity(plan, plan.devices, plan.device_power, plan.pue, time)
    if plan.embodied and plan.lifetime is not None:
        made = embodied(plan.embodied, time, plan.lifetime)
        numbers = f"({' + '.join(_made(part) for part in plan.embodied)}) x {days:.4g} d / {_days(plan.lifetime)}"
        yield Step("embodied", made.amount / 1e6, "tCO2e", "sum(count x size x CPA) x time / lifetime", numbers)


def _of_electricity(plan: Plan, devices: int, power: Power, pue: float, time: Duration) -> Iterator[Step]:
    used = energy(power, devices, time, pue)
    numbers = f"{power} x {devices:,} x {_days(time)} x 24 h x {pue:g}"
    yield Step("energy", used.amount / 3.6e9, "MWh", "power x devices x time x 24 x PUE", numbers)
    if plan.intensity is not None:
        emitted = emissions(used, plan.intensity)
        numbers = f"{used.amount / 3.6e9:.4g} MWh x {plan.intensity}"
        yield Step("emissions", emitted.amount / 1e6, "tCO2e", "energy x intensity", numbers)


def _lacking(plan: Plan, *names: str) -> list[str]:
    return [name for name in names if getattr(plan, name) in {None, ()}]


def _notes(plan: Plan, steps: Iterable[Step]) -> Iterator[str]:
    yield DIFFERENCES
    if plan.inference:
        yield INFERENCE
    if plan.parameters < _FEW or plan.tokens < _FEW:
        what, count = min(("parameters", plan.parameters), ("tokens", plan.tokens), key=lambda pair: pair[1])
        yield f"{count:g} {what} are few for a language model: were millions or billions meant, as in 7e9?"
    days = next((step.amount for step in steps if step.name == "time"), 0.0)
    for step in steps:
        if step.name == "time" and step.amount > _LONG_D:
            yield f"it would take {step.amount:,.0f} days, over ten years: look at devices, peak and efficiency again"
        if step.name == "embodied" and plan.lifetime is not None and days * _DAY_S > plan.lifetime.amount:
            yield f"it would take {days:,.0f} days, longer than the {_days(plan.lifetime)} that the hardware is used"


def _days(time: Duration) -> str:
    return f"{time.amount / _DAY_S:.4g} d"


def _made(part: Part) -> str:
    return f"{part.count:,} {part.name} x {part.made}"
