"""What a project says of one model, already checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from greengate.errors import Place
from greengate.evidence import Model, QualityScale


@dataclass(frozen=True, slots=True)
class Build:
    """A command, run in the project's folder without a shell, and the model file that it writes."""

    command: tuple[str, ...]
    output: str


Source: TypeAlias = str | Build


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model is run with: an `.npz`, or sizes, integer ranges [low, high) and a seed to make them from."""

    file: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluation files: the candidate's path, and the baseline's path or `git:REF:path`, None where there is none."""

    file: str
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class Scoring:
    """A data set (`.npz`), which of its arrays holds the labels, the output to score, and by which scorers."""

    dataset: str
    scorers: tuple[str, ...]
    labels: str = "labels"
    output: str | None = None


@dataclass(frozen=True, slots=True)
class TrackerFile:
    """A tracker's file by its path or `git:REF:path`, and which of its runs count: one, a project's, or `every` one."""

    file: str
    tracker: str
    run: str | None = None
    project: str | None = None
    every: bool = False


@dataclass(frozen=True, slots=True)
class Training:
    """What trackers wrote down of the training of a model and, where it is named, of its baseline's.

    `phase` is what it was trained for: "experiment", "tuning", "final", or "" where nobody says so.
    """

    candidate: TrackerFile
    baseline: TrackerFile | None = None
    phase: str = ""

    def held_to(self, before: Training | None) -> Training:
        """Return it with the baseline that another project file names: what a change is held against is not its own.

        The runs of a file have names of their own, so that each side's run is chosen where its file is named.
        """
        return Training(self.candidate, before.baseline if before else None, self.phase)


@dataclass(frozen=True, slots=True)
class GivenFactor:
    """A factor that the project file itself declares: a decimal string in its base unit, and who says so."""

    value: str
    source: str
    place: Place = field(default_factory=Place, compare=False)
    year: int | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A contract or certificate for a share of the electricity: by its name in the factor set, or declared here."""

    share: float
    place: Place = field(default_factory=Place, compare=False)
    contract: str = ""
    kind: str = ""
    factor: GivenFactor | None = None


@dataclass(frozen=True, slots=True)
class EmbodiedEntry:
    """The hardware that a deployment reserves.

    Attributes:
        resources: The part of the host.
        machine: The host's machine type in the factor set, or "" where `total` is declared (kgCO2e).
        machines: How many such parts are reserved all year, or None where one is reserved only while it infers.
    """

    resources: float
    lifetime_years: float
    place: Place = field(default_factory=Place, compare=False)
    machine: str = ""
    total: GivenFactor | None = None
    machines: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a model runs in production (own, cloud, api or edge), and how often; None or "" where it is not said.

    Attributes:
        region: A cloud's region, as in `aws/eu-central-1`.
        zone: A zone of the factor set, as in `DE`.
        basis: "lifecycle" or "operational", where the factor set has both.
        market: Contracts and certificates, for market-based emissions.
    """

    kind: str
    inferences_per_year: float | None = None
    pue: GivenFactor | None = None
    intensity: GivenFactor | None = None
    region: str = ""
    zone: str = ""
    basis: str = ""
    market: tuple[Instrument, ...] = ()
    price: GivenFactor | None = None
    embodied: EmbodiedEntry | None = None
    place: Place = field(default_factory=Place, compare=False)

    @property
    def looked_up(self) -> str:
        """The first word that stands in a factor set, or nothing where all is declared."""
        machine = self.embodied.machine if self.embodied else ""
        contracts = [one.contract for one in self.market]
        return next((word for word in (self.region, self.zone, *contracts, machine) if word), "")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model under the gate.

    Attributes:
        source: The candidate: a path, or a build.
        baseline: A path, `git:REF:path`, `last-pass`, a build, or None.
        batch: Inferences that one run carries.
        quality: Where its quality figures come from.
        scales: How they are read, where the project says so.
        training: Where the figures of its training come from.
        trusted: Whether this file trusts the model to run code when it is loaded.
        place: Where the entry begins.
        source_place: Where the candidate is named.
        baseline_place: Where the baseline is named.
        quality_place: Where the quality is named.
        training_place: Where the training is named.
    """

    name: str
    source: Source
    baseline: Source | None = None
    inputs: Inputs = Inputs()
    batch: int = 1
    quality: Evaluation | Scoring | None = None
    scales: Mapping[str, QualityScale] = field(default_factory=dict)
    training: Training | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    team: str = ""
    trusted: bool = False
    deployment: Deployment | None = None
    place: Place = field(default_factory=Place)
    source_place: Place = field(default_factory=Place)
    baseline_place: Place = field(default_factory=Place)
    quality_place: Place = field(default_factory=Place)
    training_place: Place = field(default_factory=Place)

    @property
    def path(self) -> str:
        """The candidate's file, relative to the project's folder, whether it is built or not."""
        return self.source if isinstance(self.source, str) else self.source.output

    @property
    def identity(self) -> Model:
        """What evidence says of the model."""
        return Model(name=self.name, team=self.team, labels=dict(self.labels), quality=dict(self.scales))
