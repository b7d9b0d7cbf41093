"""Evidence: all that a rule may look at, and enough to judge again without hardware.

Amounts are plain numbers in the base unit of their metric (see `greengate.metrics`); in JSON they are decimal strings
that read back to the same number, so that no other language rounds them.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

Real = Annotated[
    float,
    BeforeValidator(lambda text: float(text) if isinstance(text, str) else text),
    PlainSerializer(repr, return_type=str, when_used="json"),
]


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Class(StrEnum):
    """How a figure came to be, from the surest to the least sure."""

    STATIC = "static"  # counted from the file: exact
    METERED = "metered"  # an outside power meter
    COUNTER = "counter"  # an energy counter of the hardware
    MEASURED = "measured"  # read directly from the clock or the operating system
    MODELLED = "modelled"  # a measured activity times a coefficient
    DECLARED = "declared"  # written down by somebody else

    @property
    def estimated(self) -> bool:
        """Whether the figure rests on a coefficient rather than on a reading."""
        return self is Class.MODELLED


class Interval(Value):
    """Where the true figure lies with the stated confidence; exact figures have low = high and confidence 1."""

    low: Real
    high: Real
    confidence: Real = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    @property
    def exact(self) -> bool:
        """Whether there is no uncertainty left."""
        return self.low == self.high

    def scaled(self, factor: float) -> Interval:
        """Multiply both ends by a positive factor."""
        return Interval(low=self.low * factor, high=self.high * factor, confidence=self.confidence)


class Provenance(Value):
    """Where a figure comes from, in words that can be checked."""

    kind: Class
    method: str
    source: str = ""
    degraded: tuple[str, ...] = ()


class Figure(Value):
    """One amount with its interval and provenance."""

    amount: Real
    interval: Interval
    provenance: Provenance

    @classmethod
    def exact(cls, amount: float, provenance: Provenance) -> Self:
        """Make a figure that has no uncertainty."""
        return cls(amount=amount, interval=Interval(low=amount, high=amount), provenance=provenance)

    @property
    def finite(self) -> bool:
        """Whether the amount is a number that can be compared."""
        return math.isfinite(self.amount)


class Block(Value):
    """One metered run of a workload: `inferences` back to back.

    `cpu_s` and `wall_s` are seconds of the whole block; `run_p50_s` is the median of its single runs.
    """

    inferences: int = Field(gt=0)
    cpu_s: Real
    wall_s: Real
    run_p50_s: Real
    preempted: int = 0


class Pair(Value):
    """Candidate and baseline, one block each, back to back in random order, in one round of fresh sessions."""

    round: int
    candidate_first: bool
    candidate: Block
    baseline: Block


class Subject(Value):
    """What is known of one model: its file, its figures by metric name, and why others are `missing`."""

    path: str
    sha256: str = ""
    figures: dict[str, Figure] = {}
    missing: dict[str, str] = {}


class Model(Value):
    """What the project says of the model under judgement."""

    name: str
    team: str = ""
    labels: dict[str, str] = {}
    quality: dict[str, QualityScale] = {}


class QualityScale(Value):
    """How a quality figure is read: a ratio (in % and pp) or a plain score, and which way is better."""

    unit: str = "ratio"
    better: str = "higher"


class Runner(Value):
    """The machine that measured: how it is told from others, and what can be said of it."""

    fingerprint: str
    description: str
    runtime: dict[str, str] = {}


class Evidence(Value):
    """Everything known about one change of one model.

    `taken_at` is UTC in ISO 8601; the clock is read once, so that judging again gives the same answer. `pairs` are the
    interleaved blocks; `incomparable` names what differed between the two measurements.
    """

    model: Model
    taken_at: str
    branch: str = ""
    candidate: Subject
    baseline: Subject | None = None
    pairs: tuple[Pair, ...] = ()
    discarded_pairs: int = 0
    runner: Runner
    seed: int = 0
    incomparable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def today(self) -> str:
        """The UTC date on which the evidence was taken, as YYYY-MM-DD."""
        return self.taken_at[:10]


Model.model_rebuild()
