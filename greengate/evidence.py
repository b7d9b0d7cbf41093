"""Evidence: all that a rule may look at, and enough to judge again without hardware.

Amounts are plain numbers in the base unit of their metric (see `greengate.metrics`).
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from greengate.changes import Approval, Grant
from greengate.conversion import Conversion
from greengate.draws import Drawn
from greengate.values import Real, Value


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
    """Where a figure comes from, in words that can be checked.

    Attributes:
        kind: How the figure came to be.
        method: What was done, in words.
        source: Who says the coefficients that went into it.
        meter: Identifier of the meter that was read.
        scope: What was metered: "process", "device", "package" or "host".
        boundary: What is in the figure and what is not, in words.
        net_of_idle: Whether what the machine draws anyway has been taken off; None where that means nothing.
        type_a: Relative standard uncertainty from the scatter of the readings.
        type_b: Relative standard uncertainty from everything else: the meter's scale, coefficients.
        blocks: How many blocks or windows it rests on.
        window_s: Seconds of metering in all.
        degraded: What kept it from being as good as its kind, in words.
    """

    kind: Class
    method: str
    source: str = ""
    meter: str = ""
    scope: str = ""
    boundary: str = ""
    net_of_idle: bool | None = None
    type_a: Real | None = None
    type_b: Real | None = None
    blocks: int = 0
    window_s: Real | None = None
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

    Attributes:
        cpu_s: CPU seconds of the whole block, user and system, all threads.
        wall_s: Seconds of the whole block by the clock.
        run_p50_s: Median of its single runs, in seconds by the clock.
        run_s: Some of its single runs, evenly spaced, to six digits.
        preempted: Involuntary context switches.
        yielded: Voluntary context switches.
        foreign_s: CPU seconds that others used on this machine meanwhile; None where the system does not tell. It
            counts in ticks: of a short block the figure scatters, even below zero, and only sums mean something.
        steal_s: CPU seconds that the hypervisor kept from this machine meanwhile; None where it does not tell.
        on_device: Whether an accelerator did the work, so that CPU seconds do not tell its cost.
        device_j: What that drew in the block above its idle power, in joules; None where it could not be read.
    """

    # What is read back from a history may be anybody's: ratios of these costs must be numbers.
    inferences: int = Field(gt=0, lt=10**15)
    cpu_s: Real = Field(gt=1e-12, lt=1e9)
    wall_s: Real = Field(gt=1e-12, lt=1e9)
    run_p50_s: Real = Field(gt=1e-12, lt=1e9)
    run_s: tuple[Real, ...] = ()
    preempted: int = 0
    yielded: int = 0
    foreign_s: Real | None = None
    steal_s: Real | None = None
    on_device: bool = False
    device_j: Real | None = Field(None, gt=1e-12, lt=1e12)


class Pair(Value):
    """Candidate and baseline, one block each, back to back, in one round of fresh sessions.

    A round has as many pairs in one order as in the other. `baseline` is whatever the candidate is held against.
    """

    round: int
    candidate_first: bool
    candidate: Block
    baseline: Block


class Event(Value):
    """Something that happened while measuring and that a reader should know: a name to count by, and words."""

    name: str
    words: str


class Link(Value):
    """One accepted change between an earlier model and the baseline: the history's entry, and what it measured.

    `rounds` holds ln(candidate / baseline) of each round by what was measured ("cpu", "wall", "run"); `runner` is the
    fingerprint of the kind of machine that measured them, `device` what ran the models, `terms` what they were run with
    and `fixed_rounds` how many were measured whatever they said, as in `Evidence`.
    """

    entry: str
    candidate: str
    baseline: str
    rounds: dict[str, tuple[Real, ...]]
    runner: str = ""
    device: str = "cpu"
    terms: str = ""
    fixed_rounds: int = 0


class Earlier(Value):
    """The model that a drift rule starts from, as the rule names it (`since`).

    Attributes:
        since: A commit, or an entry of the history, as the policy names it.
        label: What it was resolved to, in words: "release v1.2 (3f2a…)".
        origin: "arm" where it was measured beside the candidate, "chain" where the history's pairs are chained, "given"
            in a policy test.
        subject: Its file and exact figures, where it could be had.
        pairs: Candidate and earlier model, where it was an arm.
        links: The changes accepted since, the oldest first, where it is a chain; the pairs of this run come last.
        missing: Why there is neither.
    """

    since: str
    label: str = ""
    origin: str = "arm"
    subject: Subject | None = None
    pairs: tuple[Pair, ...] = ()
    links: tuple[Link, ...] = ()
    missing: str = ""


class Subject(Value):
    """What is known of one model: its file, its figures by metric name, and why others are `missing`.

    `crosschecks` are further readings of the energy of 1,000 inferences, by meter.
    """

    path: str
    sha256: str = ""
    figures: dict[str, Figure] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)
    crosschecks: dict[str, Figure] = Field(default_factory=dict)


class Model(Value):
    """What the project says of the model under judgement."""

    name: str
    team: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    quality: dict[str, QualityScale] = Field(default_factory=dict)


class QualityScale(Value):
    """How a quality figure is read: a ratio (in % and pp) or a plain score, and which way is better."""

    unit: str = "ratio"
    better: str = "higher"


class Runner(Value):
    """The machine that measured: how it is told from others, and what can be said of it.

    `fingerprint` is that of the machine's kind alone, without its runtime. `profile` is the SHA-256 of its calibration,
    `signer` the public key that signed that, `labels` what it says of the machine and `resolution` what it can tell
    apart, in words, where it has one.
    """

    fingerprint: str
    description: str
    runtime: dict[str, str] = Field(default_factory=dict)
    profile: str = ""
    signer: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    resolution: str = ""

    @property
    def calibrated(self) -> str:
        """What its profile says of it in a few words, or nothing: `tells 3% apart in 20 s (profile 3fa2c1d09b7e)`."""
        return f"{self.resolution} (profile {self.profile[:12]})" if self.profile else ""


class Grown(Value):
    """An operator of the graph that costs something else than in the baseline; one that is not there costs nothing.

    `change` is "new", "gone" or "changed"; `macs` are those of the candidate, `macs_before` of the baseline, for one
    inference, None where they could not be counted; `parameters` and `parameters_before` likewise.
    """

    name: str
    op: str
    change: str
    macs_before: Real | None
    macs: Real | None
    parameters_before: int
    parameters: int


class Evidence(Value):
    """Everything known about one change of one model.

    Attributes:
        taken_at: UTC in ISO 8601; the clock is read once, so that judging again gives the same answer.
        pairs: The interleaved blocks of candidate and baseline that count.
        earlier: What drift rules start from.
        discarded_pairs: How many pairs were dropped with their disturbed rounds.
        events: What happened while measuring.
        voided: Why nothing that was measured counts, or nothing.
        control_s: CPU seconds of the same small task, after each round.
        measured_s: Seconds of measuring in pairs, by the clock.
        fixed_rounds: How many rounds, from the first one on, were measured whatever they said, because a rule may
            multiply them with those of other runs; 0 where no rule does.
        incomparable: What differed between the two measurements.
        grown: The operators by which the candidate's graph costs more or less than the baseline's, the greatest first.
        changed_operators: How many there are in all.
        device: What ran the models: "cpu", or "cuda:" and which GPU.
        project: The project's name, or "".
        change: The change, as in `owner/repo#12`, or "" where none is named.
        approvals: The approving reviews of the change that the forge was found to have, before anything was measured.
        grants: How the waivers came onto the base branch, as the forge tells it; empty where it was not asked.
        budgets: What the change draws on budgets, and what they had left.
        conversion: Traffic and factors by which emissions and a year's figures were made; None where none are declared.
        terms: SHA-256 of what decides how much work a run is: inputs as run and their file, ranges, batch; "" in
            evidence that does not say.
    """

    model: Model
    taken_at: str
    branch: str = ""
    candidate: Subject
    baseline: Subject | None = None
    pairs: tuple[Pair, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    discarded_pairs: int = 0
    events: tuple[Event, ...] = ()
    voided: str = ""
    control_s: tuple[Real, ...] = ()
    measured_s: Real = 0.0
    runner: Runner
    seed: int = 0
    fixed_rounds: int = 0
    incomparable: tuple[str, ...] = ()
    grown: tuple[Grown, ...] = ()
    changed_operators: int = 0
    notes: tuple[str, ...] = ()
    device: str = "cpu"
    conversion: Conversion | None = None
    project: str = ""
    change: str = ""
    approvals: tuple[Approval, ...] = ()
    grants: tuple[Grant, ...] = ()
    budgets: tuple[Drawn, ...] = ()
    terms: str = ""

    @property
    def today(self) -> str:
        """The UTC date on which the evidence was taken, as YYYY-MM-DD."""
        return self.taken_at[:10]


Model.model_rebuild()
Earlier.model_rebuild()
