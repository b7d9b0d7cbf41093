"""`greengate estimate`: what training or using a language model would take, from what is declared of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from greengate.carbon import estimate as equations
from greengate.carbon.estimate import Estimate, Plan
from greengate.cli import plan as plans
from greengate.cli import sheet
from greengate.errors import UsageError

_INPUTS = (
    "parameters", "base-parameters", "tokens", "devices", "device-power", "peak", "efficiency", "pue", "intensity",
    "intensity-source", "lifetime",
)  # fmt: skip


@click.command()
@click.option("--parameters", metavar="NUMBER", help="Parameters of the model, all of them: 175e9 or `175 G`.")
@click.option(
    "--base-parameters", metavar="NUMBER", help="Of a mixture of experts: parameters of its dense base model."
)
@click.option("--tokens", metavar="NUMBER", help="Tokens that it is trained on: 300e9 or `300 G`.")
@click.option("--devices", metavar="NUMBER", help="How many devices work at once.")
@click.option("--device-power", metavar="POWER", help="Mean power of a device with its share of the system: `330 W`.")
@click.option("--peak", metavar="SPEED", help="Most that a device can do: `125 TFLOP/s`.")
@click.option("--efficiency", metavar="SHARE", help="The share of the peak that is reached: 19.7%.")
@click.option("--pue", metavar="NUMBER", help="Power usage effectiveness of the data centre: 1.1.")
@click.option("--intensity", metavar="INTENSITY", help="Carbon intensity of the electricity: `429 gCO2e/kWh`.")
@click.option("--intensity-source", metavar="WORDS", help="Who says so, and of which year.")
@click.option(
    "--embodied",
    multiple=True,
    metavar="PART",
    help="Hardware, for the emissions of making it: `V100 = 512 x 8.15 cm2 x 1.2 kgCO2e/cm2`. Again for each kind.",
)
@click.option("--lifetime", metavar="DURATION", help="How long the hardware is used: `1825 d`.")
@click.option("--inference", is_flag=True, help="Estimate using the model, for so many tokens, not training it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def estimate(*, embodied: tuple[str, ...], inference: bool, as_json: bool, **given: str | None) -> int:
    """Estimate what training a language model would take, before there is anything to measure.

    By LLMCarbon's equations, from what is declared here and from nothing else: what is not declared is left out of the
    answer.

    Exit code 0; 2: something cannot be meant.
    """
    words = {name: given[name.replace("-", "_")] for name in _INPUTS}
    if words["intensity-source"] is not None and words["intensity"] is None:
        raise UsageError(
            "--intensity-source", "is given without `--intensity`", "such as `--intensity '429 gCO2e/kWh'`"
        )
    plan = plans.read(words, embodied, inference=inference)
    found = equations.estimate(plan)
    if as_json:
        declared = {name.replace("-", "_"): text for name, text in words.items() if text is not None}
        click.echo(json.dumps(_values(plan, declared, embodied, found), indent=2, ensure_ascii=False))
    else:
        sheet.echo(f"an estimate of {_of(plan)}: nothing was measured", _rows(found, words["intensity-source"]))
        for note in found.notes:
            click.echo("")
            sheet.say(f"note: {note}")
    return 0


def _rows(found: Estimate, source: str | None) -> Iterator[tuple[str, str]]:
    for step in found.steps:
        yield step.name, f"{_number(step.amount)} {step.unit}"
        yield "", f"= {step.words}"
        yield from _beside(step.name, source)
    for name, why in found.left_out.items():
        yield name, f"left out; {why.replace('_', '-')}"
    yield "equations", equations.SOURCE


def _beside(name: str, source: str | None) -> Iterator[tuple[str, str]]:
    if name == "emissions":
        yield "", f"intensity: {source}" if source else "intensity: declared without a source"
    if name == "embodied":
        yield "", "not to be added to emissions: making the hardware is booked in the year of purchase"


def _of(plan: Plan) -> str:
    return "inference" if plan.inference else "training"


def _number(amount: float) -> str:
    return f"{amount:,.2f}" if 10 <= amount < 1e6 else f"{amount:.4g}"


def _values(plan: Plan, declared: dict[str, str], embodied: tuple[str, ...], found: Estimate) -> dict[str, Any]:
    return {
        "kind": "estimate",
        "of": _of(plan),
        "measured": False,
        "stated_error": None,
        "equations": equations.SOURCE,
        "inputs": {**declared, **({"embodied": list(embodied)} if embodied else {})},
        "figures": [
            {
                "name": step.name,
                "amount": repr(step.amount),
                "unit": step.unit,
                "formula": step.formula,
                "in_numbers": step.words,
            }
            for step in found.steps
        ],
        "left_out": found.left_out,
        "notes": list(found.notes),
    }
