"""Energy where no counter can be read: process CPU seconds times net watts a hardware thread.

E = C x (Pmax - Pidle), with watts by CPUID family and model, since brand strings are masked in virtual machines. Joules
of this kind are known to a factor of two only, and say so; the ratio of two models on one runner needs no watts.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from importlib import resources
from typing import Self

from greengate.errors import MeasurementError

FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor as CPUID tells it."""

    vendor: str
    family: int
    model: int
    stepping: int
    name: str
    threads: int

    @classmethod
    def parse(cls, cpuinfo: str) -> Self:
        """Read the first processor of a `/proc/cpuinfo` text; fields that it lacks are -1 or "unknown"."""
        first, _, _ = cpuinfo.partition("\n\n")
        fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}

        def number(key: str) -> int:
            return int(fields[key]) if fields.get(key, "").isdecimal() else -1

        return cls(
            vendor=fields.get("vendor_id", "unknown"),
            family=number("cpu family"),
            model=number("model"),
            stepping=number("stepping"),
            name=fields.get("model name", "unknown"),
            threads=cpuinfo.count("processor\t:") or 1,
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.vendor} family {self.family} model {self.model}, {self.threads} threads)"


@dataclass(frozen=True, slots=True)
class Watts:
    """Power of one hardware thread, idle and fully loaded, and where the figures are from."""

    idle_w: float
    max_w: float
    source: str

    def joules(self, cpu_s: float) -> float:
        """Turn CPU seconds into joules above idle."""
        return cpu_s * (self.max_w - self.idle_w)

    def widened(self, low: float, high: float) -> tuple[float, float]:
        """Widen an interval of CPU seconds by the uncertainty of the watts, in quadrature of logarithms."""
        middle = math.sqrt(low * high)
        spread = math.exp(math.hypot(math.log(FACTOR), math.log(high / low) / 2))
        return middle / spread, middle * spread


def watts_of(processor: Processor) -> Watts:
    """Look the processor up in the table of coefficients.

    Raises:
        MeasurementError: The table has no row for it.
    """
    for row in _rows():
        if _fits(row, processor):
            source = f"{row['architecture']}: {row['source']}, {row['year']}, {row['licence']}"
            return Watts(float(row["idle_w"]), float(row["max_w"]), source)
    raise MeasurementError(
        "runner",
        f"no watts are known for {processor}",
        "declare them in greengate.yaml: runner: {cpu: {idle: 0.5 W, max: 2 W, source: …}}, per hardware thread",
    )


def _rows() -> list[dict[str, str]]:
    text = resources.files("greengate.measure").joinpath("cpu_watts.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _fits(row: dict[str, str], processor: Processor) -> bool:
    return (
        row["vendor"] == processor.vendor
        and int(row["family"]) == processor.family
        and _within(row["models"], processor.model)
        and (not row["steppings"] or _within(row["steppings"], processor.stepping))
    )


def _within(ranges: str, number: int) -> bool:
    spans = [span.partition("-") for span in ranges.split()]
    return any(int(low) <= number <= int(high or low) for low, _, high in spans)
