"""The words of an estimate: read and checked all at once, with nothing put in for what is not declared."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from greengate.carbon.estimate import Part, Plan, Speed
from greengate.errors import Problems, UsageError
from greengate.quantities import Duration, Emissions, Intensity, NotAQuantity, Power, Quantity, Share

_PART = re.compile(r"\s*([^=]+?)\s*=\s*(\S+)\s+x\s+(.+?)\s+x\s+(.+?)\s*")
_PART_HINT = "write it like `V100 = 512 x 8.15 cm2 x 1.2 kgCO2e/cm2` or `DRAM = 64 x 256 GB x 0.4 kgCO2e/GB`"
_BILLIONS = re.compile(r"\s*[\d.]+\s*(?:B|bn|billion)\s*", re.IGNORECASE)
_POUNDS = re.compile(r".*\blbs?\b.*", re.IGNORECASE)


class Factor(Quantity):
    """A number that something is multiplied by."""

    dimension, example = "a factor", "1.1"
    units: ClassVar = {"": 1.0}


class Number(Quantity):
    """A number of things."""

    dimension, example = "a count", "300e9"
    units: ClassVar = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    shown = ("",)


class Area(Quantity):
    """Area of silicon in square centimetres."""

    dimension, example = "an area", "8.15 cm2"
    units: ClassVar = {"cm2": 1.0, "mm2": 0.01}


class Memory(Quantity):
    """Memory or storage in gigabytes."""

    dimension, example = "a size", "256 GB"
    units: ClassVar = {"GB": 1.0, "TB": 1e3}


class PerArea(Quantity):
    """Emissions of making a square centimetre, in grams."""

    dimension, example = "emissions an area", "1.2 kgCO2e/cm2"
    units: ClassVar = {"gCO2e/cm2": 1.0, "kgCO2e/cm2": 1e3}


class PerMemory(Quantity):
    """Emissions of making a gigabyte, in grams."""

    dimension, example = "emissions a size", "0.4 kgCO2e/GB"
    units: ClassVar = {"gCO2e/GB": 1.0, "kgCO2e/GB": 1e3}


_Kind = TypeVar("_Kind", bound=Quantity)


@dataclass(frozen=True, slots=True)
class Range:
    """Amounts that can be meant, ends included where they are said to be, and why not others."""

    low: float
    high: float
    words: str
    open: bool = True

    def holds(self, amount: float) -> bool:
        """Whether an amount can be meant."""
        return (self.low < amount if self.open else self.low <= amount) and amount <= self.high


_MANY = Range(0, 1e18, "more than 0 and at most 1e18")
_POWER = Range(0, 1e5, "more than 0 W and at most 100 kW")
_PEAK = Range(0, 1e18, "more than 0 and at most 1 EFLOP/s")
_EFFICIENCY = Range(0, 1, "more than 0% and at most 100%: a share of the peak")
_PUE = Range(1, 3, "1 to 3", open=False)
_LIFETIME = Range(86_400, 30 * 365 * 86_400, "1 d to 10950 d", open=False)
INTENSITY = Range(0, 2000, "more than 0 and at most 2000 gCO2e/kWh: the dirtiest grids are below 1500")


@dataclass(slots=True)
class Reader:
    """Reads options one by one and keeps what is wrong, so that all of it is told in one go."""

    problems: list[UsageError] = field(default_factory=list)

    def complain(self, option: str, problem: str, hint: str = "") -> None:
        """Write down a problem."""
        self.problems.append(UsageError(option, problem, hint))

    def quantity(self, option: str, text: str | None, kind: type[_Kind], meant: Range) -> _Kind | None:
        """Read an amount; None where it is not given or cannot be meant."""
        if text is None:
            return None
        try:
            found = kind.parse(text)
        except NotAQuantity as error:
            self.complain(option, str(error), _hint(text, kind, error.hint))
            return None
        if meant.holds(found.amount):
            return found
        self.complain(option, f"found `{text}`, expected {meant.words}")
        return None

    def number(self, option: str, text: str | None, meant: Range = _MANY) -> float | None:
        """Read a plain number; None where it is not given or cannot be meant."""
        found = self.quantity(option, text, Number, meant)
        return None if found is None else found.amount

    def count(self, option: str, text: str | None) -> int | None:
        """Read a whole number of things."""
        found = self.number(option, text, Range(1, 1e9, "a whole number from 1 to 1e9", open=False))
        if found is not None and found != int(found):
            self.complain(option, f"found `{text}`, expected a whole number")
        return None if found is None else int(found)

    def finish(self) -> None:
        """Tell what was wrong.

        Raises:
            UsageError: One thing was.
            Problems: Several were.
        """
        if len(self.problems) == 1:
            raise self.problems[0]
        if self.problems:
            raise Problems(self.problems)


def read(given: dict[str, str | None], parts: Sequence[str], *, inference: bool) -> Plan:
    """Read a plan from the words of the options, by their names without dashes.

    Raises:
        UsageError, Problems: Something is missing without which there is nothing to estimate, or cannot be meant.
    """
    reader = Reader()
    plan = Plan(
        parameters=_required(reader, "parameters", given),
        tokens=_required(reader, "tokens", given),
        base_parameters=reader.number("--base-parameters", given["base-parameters"]),
        devices=reader.count("--devices", given["devices"]),
        device_power=reader.quantity("--device-power", given["device-power"], Power, _POWER),
        peak=reader.quantity("--peak", given["peak"], Speed, _PEAK),
        efficiency=reader.quantity("--efficiency", given["efficiency"], Share, _EFFICIENCY),
        pue=None if (pue := reader.quantity("--pue", given["pue"], Factor, _PUE)) is None else pue.amount,
        intensity=reader.quantity("--intensity", given["intensity"], Intensity, INTENSITY),
        embodied=tuple(part for text in parts if (part := _part(reader, text)) is not None),
        lifetime=reader.quantity("--lifetime", given["lifetime"], Duration, _LIFETIME),
        inference=inference,
    )
    _compare(reader, plan, given, parts)
    reader.finish()
    return plan


def _required(reader: Reader, name: str, given: dict[str, str | None]) -> float:
    if given[name] is None:
        reader.complain(f"--{name}", "is not given, and there is no estimate without it", "such as 7e9")
    return reader.number(f"--{name}", given[name]) or math.nan


def _compare(reader: Reader, plan: Plan, given: dict[str, str | None], parts: Sequence[str]) -> None:
    """Complain of what does not go together."""
    if plan.base_parameters is not None and plan.base_parameters > plan.parameters:
        problem = f"found `{given['base-parameters']}`, which is more than all parameters (`{given['parameters']}`)"
        reader.complain("--base-parameters", problem, "these are the parameters of the dense model below the experts")
    if parts and given["lifetime"] is None:
        reader.complain("--lifetime", "is not given, and a share of it is borne", "LLMCarbon takes `1825 d`")
    if not parts and given["lifetime"] is not None:
        reader.complain("--lifetime", "is given without `--embodied`, which it belongs to", _PART_HINT)


def _part(reader: Reader, text: str) -> Part | None:
    found = _PART.fullmatch(text)
    if found is None:
        reader.complain("--embodied", f"`{text}` is not NAME = COUNT x SIZE x EMISSIONS", _PART_HINT)
        return None
    name, many, size, made = found.groups()
    kind, per = (Area, PerArea) if size.endswith("m2") else (Memory, PerMemory)
    some = Range(0, 1e9, "more than 0 and at most 1e9")
    count = reader.count("--embodied", many)
    extent, each = reader.quantity("--embodied", size, kind, some), reader.quantity("--embodied", made, per, some)
    if count is None or extent is None or each is None:
        return None
    return Part(name, count, Emissions(extent.amount * each.amount))


def _hint(text: str, kind: type[Quantity], usual: str) -> str:
    if kind is Number and _BILLIONS.fullmatch(text):
        return "`B` is bytes elsewhere; billions are written `300e9` or `300 G`"
    if kind is Intensity and _POUNDS.fullmatch(text):
        return "1 lb/MWh is 0.45359237 gCO2e/kWh"
    return usual
