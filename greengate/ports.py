"""The seams: what an adapter must offer so that the walk of a check can use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from greengate.bases import Basis

if TYPE_CHECKING:  # the child that runs models imports this module, and nothing heavy with it
    import numpy as np

    from greengate.accounts import Account, Claim, Entry, Final, Note
    from greengate.balances import Booked, Event, Granted, Held, Merged, Refused, Settled, Status
    from greengate.evidence import Class


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child process that runs an untrusted model may use up."""

    address_space_bytes: int = 16 * 2**30
    cpu_s: int = 600
    wall_s: float = 300.0
    open_files: int = 64
    file_size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model file and everything that is needed to run it.

    Attributes:
        path: The model file, inside `folder`.
        folder: The only folder that the model may read.
        inputs: An `.npz` with one array an input, or None to generate inputs from `seed`.
        shapes: Declared sizes by input name; they fill the axes that the model leaves open.
        sizes: For counting alone, sizes by the name that the model gives to an open axis, or by `input.axis`.
        ranges: For generated integer inputs, the half-open range [low, high) by input name.
        seed: Seed of generated inputs.
        batch: How many inferences one run of the model carries.
        threads: Intra-operator threads.
        limits: Limits of the child process.
        trusted: Whether the base branch's project file trusts this model to be unpickled.
        device: What runs it: "cpu", or "cuda:" and the GPU as CUDA and NVML both know it: its number in the order of
            the PCI bus, or its UUID.
    """

    path: Path
    folder: Path
    inputs: Path | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    seed: int = 0
    batch: int = 1
    threads: int = 1
    limits: Limits = Limits()
    trusted: bool = False
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a model: its name, element type (NumPy's name) and shape as run."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Examination:
    """What one careful first run of a model, alone in its child process, told.

    Attributes:
        digest: SHA-256 (hex) over the model file and its external data files.
        size_bytes: Model file and external data together.
        peak_memory_bytes: Peak resident size of the child, runtime included.
        runtime: Names and versions of what ran it.
        degraded: Protections or settings this machine could not give, in words.
    """

    digest: str
    size_bytes: int
    peak_memory_bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    runtime: Mapping[str, str]
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeCost:
    """What one operator of a graph costs in one run, all its turns in loops together; None where that is not known.

    Attributes:
        name: Its name, or that of its first output.
        kind: "matmul", "element-wise", "activation", "normalisation", "reduction", "movement", "text" or "unknown".
        macs: Multiply-accumulates, which only those of kind "matmul" have.
        integer: Whether it multiplies integers.
        operations: Elements that element-wise operators, activations, normalisations and reductions work on.
        read_bytes: Bytes of its inputs, weights included.
        written_bytes: Bytes of its outputs.
        parameters: Elements of the weights that it is the first to use.
        weight_bytes: Bytes of those as stored.
        times: How often it runs.
    """

    name: str
    op: str
    domain: str
    kind: str
    macs: int | None
    integer: bool
    operations: int | None
    read_bytes: int | None
    written_bytes: int | None
    parameters: int
    weight_bytes: int
    times: int | None = 1


CONVENTION = "macs-matmul-v1"  # how multiply-accumulates are counted: docs/costs.md


@dataclass(frozen=True, slots=True)
class StaticCosts:
    """Exact counts from the graph alone, for one run at the sizes of the spec; None where they could not be counted.

    Attributes:
        macs: Multiply-accumulates of matmul-like operators.
        parameters: Elements of unique weights (integer constants and shape arithmetic apart).
        weight_bytes: Bytes of those weights as stored.
        activation_bytes: Bytes of all intermediate tensors written in one run.
        convention: Identifier of the counting convention.
        uncovered: Operators or dimensions that could not be counted, in words; if any, `macs` is None.
        by_dtype: Parameters by element type, as the format calls it.
        statistics: Elements of running statistics, which are no parameters.
        constants: Elements of other constants that are none.
        open_sizes: Names of the sizes that are open still, which `ModelSpec.sizes` can fill.
        peak_bytes: Bytes of intermediate tensors, inputs and outputs that are live at once, each in memory of its own.
        nodes: The operators one by one, in the order in which they run, those that are folded left out.
        remarks: What a reader should know of how it was counted, such as that two counters disagree, in words.
    """

    macs: int | None
    parameters: int | None
    weight_bytes: int | None
    activation_bytes: int | None
    convention: str
    uncovered: tuple[str, ...] = ()
    by_dtype: Mapping[str, int] = field(default_factory=dict)
    statistics: int = 0
    constants: int = 0
    open_sizes: tuple[str, ...] = ()
    peak_bytes: int | None = None
    nodes: tuple[NodeCost, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One block: `runs` runs of a workload back to back, metered around the whole.

    Attributes:
        cpu_s: CPU seconds of the whole process, all threads.
        wall_s: Wall-clock seconds.
        run_s: Wall-clock seconds of each run.
        preempted: Involuntary context switches during the block.
        yielded: Voluntary ones.
    """

    runs: int
    cpu_s: float
    wall_s: float
    run_s: tuple[float, ...]
    preempted: int = 0
    yielded: int = 0


CONTROL = "control"


class Workload(Protocol):
    """A model with its inputs, ready to be run in metered blocks."""

    def renew(self) -> None:
        """Throw the session away, open a fresh one and warm it up."""

    def block(self, runs: int) -> Reading:
        """Run the model `runs` times back to back."""


@dataclass(frozen=True, slots=True)
class NodeTime:
    """What one operator took while a profiler watched, as the runtime ran it: it fuses, renames and adds operators.

    Attributes:
        name: Its name, as the runtime calls it.
        op: What it is, as the runtime calls it.
        node: The name of the graph's node (`NodeCost.name`) that it does the work of; empty where none is known.
        calls: How often it ran in one run of the model.
        seconds: What it took in one run of the model, without what ran inside of it.
    """

    name: str
    op: str
    node: str
    calls: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of a model goes.

    Attributes:
        runs: How many runs the profiler watched.
        run_s: Seconds of a run that it did not watch.
        cpu_s: CPU seconds of such a run.
        watched_s: Seconds of a run that it watched.
        nodes: The operators; what their seconds do not add up to lies between them.
        runtime: Name and version of the packages that ran it.
        degraded: What this machine could not keep its process from, in words.
    """

    runs: int
    run_s: float
    cpu_s: float
    watched_s: float
    nodes: tuple[NodeTime, ...]
    runtime: Mapping[str, str] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()


@runtime_checkable
class Profiler(Protocol):
    """A loader whose runtime can tell what each operator takes."""

    def profile(self, spec: ModelSpec, operators: int) -> Profile:
        """Run the model with its runtime's profiler on, in a child of its own.

        Args:
            spec: The model.
            operators: About how many operators one run has.
        """


class ModelLoader(Protocol):
    """Everything greengate asks of one kind of model file.

    Every method raises `ModelError` for whatever is wrong with the model or its inputs.
    """

    def examine(self, spec: ModelSpec) -> Examination:
        """Load and run the model once in a child of its own, and check that its outputs are finite."""

    def count(self, spec: ModelSpec) -> StaticCosts:
        """Count the model's static costs without running it."""

    def bench(self, specs: Mapping[str, ModelSpec]) -> AbstractContextManager[Mapping[str, Workload]]:
        """Host several models, by subject ("candidate", "baseline"), in one child, to be measured side by side.

        Beside them stands `CONTROL`: a small task that is always the same, by which the machine is judged.
        """

    def predict(self, spec: ModelSpec, features: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Run the model over a whole data set, `spec.batch` rows at a time, and return its outputs by name."""


@dataclass(frozen=True, slots=True)
class MeterFacts:
    """What a meter is, as far as it knows itself.

    Attributes:
        id: Name and version of the adapter's reading, such as "rapl-powercap"; figures carry it.
        kind: How sure its readings are: METERED (an outside meter), COUNTER (a counter in the hardware), or MEASURED
            (the hardware's word for its power, a cross-check of the counter beside it).
        scope: What it meters: "process", "device", "package" or "host".
        domains: What is in its boundary, by the name of its reading, such as {"package-0": "cores, caches, ..."}.
        excludes: What is outside its boundary, in words.
        reading: "energy" (a counter that only grows, in joules) or "power" (watts at a moment, or their average).
        resolution: Smallest step of a reading, in J or W.
        period_s: How often a reading is renewed, in seconds; it is polled at least that often.
        shortest_window_s: The shortest window over which its energy means anything.
        gain: Relative standard uncertainty of its scale (type B), such as 0.05.
        source: Where resolution, window and gain are from.
        wraps_j: By domain, the joules at which a counter starts again from zero; a domain that is not there never does.
        degraded: What keeps this one from being as good as its kind, in words.
    """

    id: str
    kind: Class
    scope: str
    domains: Mapping[str, str]
    excludes: str
    reading: str
    resolution: float
    period_s: float
    shortest_window_s: float
    gain: float
    source: str
    wraps_j: Mapping[str, float] = field(default_factory=dict)
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotHere:
    """Why a meter cannot be read on this machine, and what would help (a permission, a driver, a mount)."""

    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a meter: joules or watts by domain, at `at_s` of the monotonic clock."""

    at_s: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fault:
    """A look at a meter that gave nothing: an event with a name, never a zero.

    `name` is one of "unreadable", "timeout", "wrong-unit", "malformed", "device-error", "not-finite".
    """

    name: str
    words: str
    at_s: float


class Meter(Protocol):
    """Something that tells energy or power; one is made without arguments, or from its entry in the project file.

    Neither method raises for what the world does: a meter that is not there is `NotHere`, a reading that failed is a
    `Fault`. What follows from a row of samples (wrapped, stuck, negative, missing) is worked out once for all meters,
    in `greengate.measure.metering`.
    """

    def probe(self) -> MeterFacts | NotHere:
        """Look whether it can be read here, and tell what it is."""

    def sample(self) -> Sample | Fault:
        """Look at it once; it must have been probed, and answer or give up within a second or two."""

    def close(self) -> None:
        """Let go of whatever it holds; calling it twice does no harm."""


class Book(Protocol):
    """The book of budgets: what open changes hold of every budget, and what is used up.

    Every method is one transaction, and safe to call again when its answer was lost. None lets an account grant more
    than the maximum that it is asked with.
    """

    def reserve(
        self, change: str, claims: Sequence[Claim], note: Note, *, drop_elsewhere: bool = False
    ) -> Granted | Refused | Merged:
        """Reserve all that a change claims, instead of what it held for that, or nothing."""

    def release(self, change: str, note: Note, model: str = "") -> Settled:
        """Let go all that a closed change holds, or what it holds for one model."""

    def consume(self, change: str, note: Note, finals: Sequence[Final] = (), model: str = "") -> Settled:
        """Turn all that a merged change holds into what is used, with the final amounts where they are given."""

    def enter(self, entries: Sequence[Entry], note: Note) -> tuple[Booked, ...]:
        """Book openings, one-off uses and true-ups, each once for its source."""

    def status(self, account: Account) -> Status:
        """Tell the sums of an account, and who holds what."""

    def history(self, account: Account) -> tuple[Event, ...]:
        """List the events of an account in their order."""

    def accounts(self) -> tuple[Account, ...]:
        """List all accounts that have events."""

    def held(self, change: str = "") -> tuple[Held, ...]:
        """List the open reservations of a change, or of all."""

    def verify(self) -> tuple[str, ...]:
        """Tell all that is wrong with the book, in words."""

    def rebuild(self) -> None:
        """Work out all sums and reservations from the events again."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a live source tells of the electricity of one zone over one stretch of time.

    Attributes:
        zone: The zone, as it was asked for.
        start: When the stretch begins, in UTC.
        lasts: How long it is.
        g_per_kwh: Grams a kilowatt-hour, exactly as told or converted; of CO2e or of CO2, as `basis` says.
        basis: What it is an intensity of.
        source: The source's word.
        forecast: Whether it was told ahead.
        estimated: Whether the source calls it an estimate; None where it does not say.
        updated_at: When the source worked it out, in UTC; None where it does not say.
        sha256: Of the bytes of the answer that told it (hex).
    """

    zone: str
    start: datetime
    lasts: timedelta
    g_per_kwh: Decimal
    basis: Basis
    source: str
    forecast: bool
    estimated: bool | None
    updated_at: datetime | None
    sha256: str

    @property
    def end(self) -> datetime:
        """When the stretch ends, in UTC: a clock on a wall may be put back meanwhile."""
        return self.start.astimezone(UTC) + self.lasts

    def unfit(self) -> str:
        """Say why emissions cannot be accounted for by it; there always is a reason."""
        return self.basis.unfit() or "it is live, and emissions are accounted for by a factor set that is pinned"


class IntensitySource(Protocol):
    """A live source of carbon intensity; one is made from a `settings.LiveAccess`.

    Points come in the order of the answer, and as they are told: what is wrong with a row of them (gaps, order, absurd
    values, age) is worked out once for all sources, in `greengate.window`. Both methods raise `SourceError` for
    whatever the world does, and `UsageError` for a zone that the source cannot know.
    """

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell what is expected between two times, or as much of it as the source knows ahead."""

    def actual(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell what was between two times, as far as it is known yet."""

    def close(self) -> None:
        """Let go of connections; calling it twice does no harm."""


@runtime_checkable
class Tree(Protocol):
    """A readable set of files: the working tree, or one commit."""

    name: str

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes by its path relative to the root, or None where there is no such file."""

    def glob(self, pattern: str) -> Sequence[str]:
        """Return the sorted relative paths that match a pattern."""
