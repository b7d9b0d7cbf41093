"""Where the time and the energy of a model go, operator by operator, by a pass under its runtime's profiler.

A profiler takes time itself, most where operators are small, so that its pass decides nothing: the gate measures
without one. No meter sees single operators either. The energy of a run is modelled from its CPU seconds, and an
operator's share of it is its share of the time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import MeasurementError, ModelError
from greengate.measure import machine
from greengate.measure.modelled import FACTOR, watts_of
from greengate.ports import ModelSpec, Profile, Profiler
from greengate.registry import loader_of


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """All nodes together that ran as one operator, in one run."""

    op: str
    nodes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Profiled:
    """A profile, and what a run takes in energy.

    Attributes:
        profile: The pass under the profiler.
        joules: Energy of one run above idle, of the processor, known to a factor of two; None where its watts are not
            known.
        source: How the joules were found, or why there are none.
    """

    profile: Profile
    joules: float | None
    source: str

    @property
    def operators_s(self) -> float:
        """Seconds of all operators in one run."""
        return math.fsum(node.seconds for node in self.profile.nodes)

    def share(self, seconds: float) -> float:
        """Return the share of an operator in the time of all operators, which is its share in the energy too."""
        return seconds / self.operators_s if self.operators_s else 0.0

    def joules_of(self, seconds: float) -> float | None:
        """Return the energy of an operator in one run."""
        return None if self.joules is None else self.joules * self.share(seconds)

    def by_operator(self) -> list[OperatorTime]:
        """Sum up by what ran; what took longest comes first."""
        groups: dict[str, list[float]] = {}
        for node in self.profile.nodes:
            groups.setdefault(node.op, []).append(node.seconds)
        found = [OperatorTime(op, len(seconds), math.fsum(seconds)) for op, seconds in groups.items()]
        return sorted(found, key=lambda one: (-one.seconds, one.op))

    def by_node(self) -> dict[str, float]:
        """Seconds by the graph's nodes, as static costs call them; "" is for what stands for none."""
        found: dict[str, float] = {}
        for node in self.profile.nodes:
            found[node.node] = found.get(node.node, 0.0) + node.seconds
        return found


def profiled(path: Path, sizes: Mapping[str, int], operators: int) -> Profiled:
    """Run a model for about a second under its runtime's profiler, on one thread of this machine's processor.

    Args:
        path: The model file, with its weights.
        sizes: Sizes of its open axes, as for `costing.costed`.
        operators: About how many operators one run has.

    Raises:
        ModelError: It cannot be run, or its runtime has no profiler that is known here.
    """
    loader = loader_of(path)
    if not isinstance(loader, Profiler):
        raise ModelError(str(path), "its runtime has no profiler that is known here", "export it to ONNX too")
    profile = loader.profile(ModelSpec(path, path.parent, sizes=sizes, batch=sizes.get("batch", 1)), operators)
    try:
        watts = watts_of(machine.here().processor)
    except MeasurementError as error:
        return Profiled(profile, None, error.problem)
    words = (
        f"CPU seconds x {watts.max_w - watts.idle_w:g} W a hardware thread above idle, known to a factor of {FACTOR:g}"
    )
    return Profiled(profile, watts.joules(profile.cpu_s), words)
