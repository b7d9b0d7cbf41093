"""One candidate, what it is held against, and what is known of them before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from greengate.changes import Approval, Grant
from greengate.conversion import Conversion
from greengate.evidence import Earlier, Event, Model, Runner
from greengate.measure import machine
from greengate.measure.figures import Figures
from greengate.measure.modelled import Watts
from greengate.measure.protocol import BASELINE, CANDIDATE
from greengate.ports import Meter, MeterFacts, ModelLoader, ModelSpec

JUDGED = (CANDIDATE, BASELINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate, what it is held against, and what is known of them beforehand.

    Attributes:
        specs: Models by subject: "candidate", "baseline" if there is one, and `arm(since)` for each earlier model that
            is measured beside them.
        quality: Makes the quality figures of candidate or baseline from its spec and loader.
        training: Makes the training figures of candidate or baseline.
        conversion: Traffic and factors that its deployment declares, or None.
        earlier: What drift rules start from, as far as it is known before measuring.
        counted: Subjects of which only exact figures are asked, so that they need no measuring.
        meters: The meters that can be read here.
        unmetered: Why the meter of the GPU that models run on cannot be read, if so.
        metered: Whether a rule is about a figure that they would make surer.
        runner: This machine, with its profile where it has one.
        events: What was found of it beforehand.
        approvals: Approving reviews of the change.
        grants: How its waivers came onto the base branch.
    """

    model: Model
    specs: dict[str, ModelSpec]
    quality: Callable[[str, ModelSpec, ModelLoader], Figures]
    training: Callable[[str], Figures] = field(default=lambda _: Figures())
    conversion: Conversion | None = None
    watts: Watts | None = None
    earlier: tuple[Earlier, ...] = ()
    counted: frozenset[str] = frozenset()
    meters: tuple[tuple[Meter, MeterFacts], ...] = ()
    unmetered: str = ""
    metered: bool = False
    runner: Runner = field(default_factory=lambda: machine.here().runner)
    events: tuple[Event, ...] = ()
    approvals: tuple[Approval, ...] = ()
    grants: tuple[Grant, ...] = ()
    branch: str = ""
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """What runs the models: "cpu", or "cuda:" and which GPU."""
        return self.specs[CANDIDATE].device

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU runs the models."""
        return self.device != "cpu"


def arm(since: str) -> str:
    """Name the subject that is the earlier model of a drift rule."""
    return f"model of {since}"
