"""From model files to evidence: examine each alone, count it, then measure all side by side."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from greengate import energy, gate, registry
from greengate.energy import Energies, Traffic
from greengate.errors import ModelError, nearest
from greengate.evidence import Class, Earlier, Event, Evidence, Figure, Model, Provenance, Runner, Subject
from greengate.measure import device_blocks, figures, machine, protocol, windows
from greengate.measure.campaign import Campaign
from greengate.measure.device_blocks import DeviceBlocks
from greengate.measure.figures import Figures
from greengate.measure.modelled import Watts
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule, Trace
from greengate.metrics import NOT_MADE
from greengate.policy import Policy
from greengate.ports import CONTROL, Examination, Meter, MeterFacts, ModelLoader, ModelSpec, Port, Workload

_JUDGED = (CANDIDATE, BASELINE)
_OTHER_WIDTH = 1.2


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate, what it is held against, and what is known of them beforehand.

    Attributes:
        specs: Models by subject: "candidate", "baseline" if there is one, and `arm(since)` for each earlier model that
            is measured beside them.
        quality: Makes the quality figures of candidate or baseline from its spec and loader.
        training: Makes the training figures of candidate or baseline.
        earlier: What drift rules start from, as far as it is known before measuring.
        counted: Subjects of which only exact figures are asked, so that they need no measuring.
        meters: The meters that can be read here.
        unmetered: Why the meter of the GPU that models run on cannot be read, if so.
        metered: Whether a rule is about a figure that they would make surer.
        runner: This machine, with its profile where it has one.
        events: What was found of it beforehand.
    """

    model: Model
    specs: dict[str, ModelSpec]
    quality: Callable[[str, ModelSpec, ModelLoader], Figures]
    training: Callable[[str], Figures] = field(default=lambda _: Figures())
    traffic: Traffic = field(default_factory=Traffic)
    watts: Watts | None = None
    earlier: tuple[Earlier, ...] = ()
    counted: frozenset[str] = frozenset()
    meters: tuple[tuple[Meter, MeterFacts], ...] = ()
    unmetered: str = ""
    metered: bool = False
    runner: Runner = field(default_factory=lambda: machine.here().runner)
    events: tuple[Event, ...] = ()
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


@dataclass(frozen=True, slots=True)
class Watch:
    """Whoever looks on while it takes its time: is told what begins, and how far it has come, from 0 to 1."""

    begins: Callable[[str], None] = field(default=lambda _: None)
    moves: Callable[[float], None] = field(default=lambda _: None)


def arm(since: str) -> str:
    """Name the subject that is the earlier model of a drift rule."""
    return f"model of {since}"


def gather(case: Case, policies: Sequence[Policy], schedule: Schedule, taken_at: str, watch: Watch) -> Evidence:
    """Gather all that the policies may ask about one change.

    Raises:
        ModelError: A model cannot be read, loaded or run.
        MeasurementError: The runner gives no figures.
    """
    confidence = gate.confidence(policies)
    known = _Known(case, taken_at, schedule)
    for subject, spec in case.specs.items():
        watch.begins(f"{case.model.name}: looking at the {subject}")
        known.look(subject, spec, confidence)
    watch.begins(f"{case.model.name}: measuring")
    with known.running() as (workloads, control):
        batches = {subject: case.specs[subject].batch for subject in workloads}

        def unsettled(trace: Trace) -> bool:
            return gate.unsettled(policies, known.evidence(trace))

        with _device(case, schedule, known.processes) as device:
            schedule = _on_device(case, schedule, device)
            pairs = _leaving_room(case, schedule)
            trace = protocol.measure(workloads, batches, pairs, unsettled, control, watch.moves, device=device)
        campaign = _windows(case, workloads, batches, trace, schedule, watch)
        if device is not None:
            device.look_around()
            trace.events += device.events()
            trace.remarks += device.remarks()
    return known.measured(trace, campaign, confidence)


def _device(case: Case, schedule: Schedule, processes: int) -> AbstractContextManager[DeviceBlocks | None]:
    """Look at the GPU's meter while pairs are measured, where one runs the models and a rule asks for its energy."""
    chosen = device_blocks.choose(case.meters) if case.on_gpu and case.metered else None
    return device_blocks.watched(*chosen, schedule.seed, processes) if chosen else nullcontext()


def _on_device(case: Case, schedule: Schedule, device: DeviceBlocks | None) -> Schedule:
    """Measure by the clock where a GPU does the work, after its idle power has been found."""
    if not case.on_gpu:
        return schedule
    if device is None:
        return replace(schedule, block_wall_s=device_blocks.UNMETERED_BLOCK_S)
    left_s = schedule.budget_s - device.settle(schedule.budget_s)
    return replace(schedule, budget_s=left_s, block_wall_s=device_blocks.BLOCK_S)


def _useful(case: Case) -> list[tuple[Meter, MeterFacts]]:
    """List the meters whose figures a rule is about, and which see what runs the models."""
    # What an accelerator draws is none of a model's on the CPU, and of one on a GPU a processor draws the least part.
    scopes = {"device", "host"} if case.on_gpu else {"process", "package", "host"}
    return [(meter, facts) for meter, facts in case.meters if facts.scope in scopes] if case.metered else []


def _leaving_room(case: Case, schedule: Schedule) -> Schedule:
    """Keep part of the budget for meters: a candidate whose pairs stay open must not cost them their windows."""
    subjects = sum(subject in _JUDGED for subject in case.specs)
    kept_s = windows.reserved_s([facts for _, facts in _useful(case)], subjects, windows.Plan(schedule.budget_s))
    return replace(schedule, budget_s=schedule.budget_s - kept_s)


def _windows(  # noqa: PLR0913 - what is run, on what, for how long
    case: Case,
    workloads: Mapping[str, Workload],
    batches: Mapping[str, int],
    trace: Trace,
    schedule: Schedule,
    watch: Watch,
) -> Campaign:
    meters = _useful(case)
    if not meters:
        return Campaign()
    watch.begins(f"{case.model.name}: reading {', '.join(facts.id for _, facts in meters)}")
    plan = windows.Plan(schedule.budget_s - trace.seconds, seed=schedule.seed)
    judged = {subject: workload for subject, workload in workloads.items() if subject in _JUDGED}
    return energy.windows(judged, batches, trace, meters, plan)


@dataclass(slots=True)
class _Known:
    """All that has been found out so far about one case."""

    case: Case
    taken_at: str
    schedule: Schedule
    loaders: dict[str, ModelLoader] = field(default_factory=dict)
    seen: dict[str, Examination] = field(default_factory=dict)
    found: dict[str, Figures] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    def look(self, subject: str, spec: ModelSpec, confidence: float) -> None:
        """Examine one model and make the figures that need no measuring; an earlier one that cannot be run is lost."""
        try:
            loader = self.loaders[subject] = loader_of(spec.path)
            seen = _of(subject, lambda: loader.examine(spec))
            self.found[subject] = _before_measuring(self.case, subject, loader, seen, confidence)
        except ModelError as error:
            if subject in _JUDGED:
                raise
            self.lost[subject] = f"it cannot be run: {error.problem.removeprefix(f'the {subject}: ')}"
        else:
            self.seen[subject] = seen

    @contextmanager
    def running(self) -> Iterator[tuple[dict[str, Workload], Workload | None]]:
        """Host all models that are measured, and the control workload beside them."""
        subjects = [subject for subject in self.case.specs if self._own_arm(subject)]
        kinds = {type(self.loaders[subject]): self.loaders[subject] for subject in subjects}
        with ExitStack() as stack:
            hosted: dict[str, Workload] = {}
            for kind, loader in kinds.items():
                specs = {name: self._to_measure(name) for name in subjects if type(self.loaders[name]) is kind}
                hosted = {**stack.enter_context(loader.bench(specs)), **hosted}
            yield {subject: hosted[subject] for subject in subjects}, hosted.get(CONTROL)

    def _to_measure(self, subject: str) -> ModelSpec:
        """Let a model use the CPU seconds of the budget besides its own, which are meant for a look at it."""
        spec = self.case.specs[subject]
        cpu_s = spec.limits.cpu_s + math.ceil(self.schedule.budget_s * spec.threads)
        return replace(spec, limits=replace(spec.limits, cpu_s=cpu_s))

    @property
    def processes(self) -> int:
        """How many processes host the models."""
        return len({type(loader) for loader in self.loaders.values()})

    def evidence(self, trace: Trace) -> Evidence:
        """Put together what is known while measuring goes on."""
        return self._evidence(trace, {}, Energies())

    def measured(self, trace: Trace, campaign: Campaign, confidence: float) -> Evidence:
        """Put together all that is known in the end."""
        subjects = [subject for subject in _JUDGED if subject in self.case.specs]
        gpu = energy.Gpu(self.case.unmetered) if self.case.on_gpu else None
        energies = energy.energies(trace, campaign, subjects, confidence, self.case.watts, gpu)
        found = {subject: Figures() for subject in subjects}
        for subject in subjects:
            found[subject].add(figures.timed(trace, subject, confidence))
            found[subject].add(energies.figures[subject])
            energy.derived(found[subject], self.case.traffic)
        return self._evidence(trace, found, energies)

    def _own_arm(self, subject: str) -> bool:
        """Tell whether a model must be measured itself: an earlier one that is the baseline need not be."""
        if subject in _JUDGED:
            return True
        return subject not in self.lost and subject not in self.case.counted and not self._is_baseline(subject)

    def _is_baseline(self, subject: str) -> bool:
        return BASELINE in self.seen and self.seen[subject].digest == self.seen[BASELINE].digest

    def _earlier(self, trace: Trace) -> Iterator[Earlier]:
        for earlier in self.case.earlier:
            subject = arm(earlier.since)
            if subject not in self.case.specs:
                yield earlier
                continue
            if subject in self.lost:
                yield earlier.model_copy(update={"missing": self.lost[subject]})
                continue
            differing = "; ".join(_incomparable(self.seen, subject))
            pairs = trace.against.get(BASELINE if self._is_baseline(subject) else subject, [])
            yield earlier.model_copy(
                update={
                    "subject": self._subject(subject, Figures(), Figures()),
                    "pairs": tuple(pairs),
                    "missing": f"not comparable: {differing}" if differing else "",
                }
            )

    def _subject(self, name: str, measured: Figures, crosschecks: Figures) -> Subject:
        whole = Figures()
        whole.add(self.found[name])
        whole.add(measured)
        return Subject(
            path=self.case.specs[name].path.name,
            sha256=self.seen[name].digest,
            figures=dict(whole.figures),
            missing=dict(whole.missing),
            crosschecks=dict(crosschecks.figures),
        )

    def _evidence(self, trace: Trace, measured: Mapping[str, Figures], energies: Energies) -> Evidence:
        case, seen = self.case, self.seen
        judged = {
            name: self._subject(name, measured.get(name, Figures()), energies.crosschecks.get(name, Figures()))
            for name in _JUDGED
            if name in case.specs
        }
        degraded = {words: None for examination in seen.values() for words in examination.degraded}
        degraded |= dict.fromkeys(_same_file(seen))
        degraded |= dict.fromkeys(_other_batch(case.specs[CANDIDATE], seen[CANDIDATE]))
        degraded |= dict.fromkeys(_other_kernels(judged)) if not case.on_gpu else {}
        return Evidence(
            model=case.model,
            taken_at=self.taken_at,
            branch=case.branch,
            candidate=judged[CANDIDATE],
            baseline=judged.get(BASELINE),
            pairs=tuple(trace.pairs),
            earlier=tuple(self._earlier(trace)),
            discarded_pairs=trace.discarded_pairs,
            events=(*case.events, *trace.events, *energies.events),
            voided=trace.voided,
            control_s=tuple(trace.control_s),
            measured_s=round(trace.seconds, 3),
            runner=case.runner.model_copy(update={"runtime": {**seen[CANDIDATE].runtime, **_gpu(case)}}),
            seed=self.schedule.seed,
            incomparable=tuple(_incomparable(seen, BASELINE)),
            notes=(*case.notes, *trace.remarks, *degraded),
            device=case.device,
            terms=_terms(case.specs[CANDIDATE], seen[CANDIDATE]),
        )


def _terms(spec: ModelSpec, examination: Examination) -> str:
    """Tell apart what a run is: two ratios that were measured with different inputs are not of one kind."""
    file = hashlib.sha256(spec.inputs.read_bytes()).hexdigest() if spec.inputs else ""
    said = (_ports(examination.inputs), sorted(spec.ranges.items()), spec.batch, file)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _gpu(case: Case) -> dict[str, str]:
    """Name the GPU that runs the models, as far as a meter knows it."""
    chosen = device_blocks.choose(case.meters) if case.on_gpu else None
    return {"gpu": ", ".join(words.partition(":")[0] for words in chosen[1].domains.values())} if chosen else {}


def loader_of(path: Path) -> ModelLoader:
    """Find the loader for a model file by its suffix.

    Raises:
        ModelError: There is none.
    """
    loader: ModelLoader | None = registry.loader(path.suffix)
    if loader is None:
        hint = nearest(path.suffix, registry.MODELS) if path.suffix else "export it to ONNX"
        raise ModelError(
            str(path), f"`{path.suffix or path.name}` is no kind of model file that greengate can run", hint
        )
    return loader


def _of(subject: str, act: Callable[[], Examination]) -> Examination:
    """Say in an error which of the two models it is about."""
    try:
        return act()
    except ModelError as error:
        raise ModelError(error.where, f"the {subject}: {error.problem}", error.hint) from error


def _before_measuring(
    case: Case, subject: str, loader: ModelLoader, examination: Examination, confidence: float
) -> Figures:
    spec = case.specs[subject]
    found = Figures(missing={**NOT_MADE, "grid_intensity": "greengate.yaml declares no intensity of the deployment"})
    found.add(figures.static(loader.count(spec), spec.batch))
    found.add(figures.examined(examination, confidence))
    found.add(_grid_intensity(case.traffic))
    if subject in _JUDGED:
        found.add(case.quality(subject, spec, loader))
        found.add(case.training(subject))
    return found


def _grid_intensity(traffic: Traffic) -> Figures:
    if traffic.intensity is None:
        return Figures()
    provenance = Provenance(kind=Class.DECLARED, method="declared by the project", source=traffic.source)
    return Figures({"grid_intensity": Figure.exact(traffic.intensity, provenance)})


def _same_file(seen: dict[str, Examination]) -> list[str]:
    if BASELINE not in seen or seen[CANDIDATE].digest != seen[BASELINE].digest:
        return []
    return [
        f"candidate and baseline are the same file (SHA-256 {seen[CANDIDATE].digest[:12]}…): nothing could get worse"
    ]


def _other_batch(spec: ModelSpec, examination: Examination) -> list[str]:
    """Say so where every input has the same leading size and it is not the declared batch: one of them may be wrong."""
    sizes = {port.shape[0] if port.shape else 1 for port in examination.inputs}
    if len(sizes) != 1 or sizes == {spec.batch}:
        return []
    return [f"every input has a leading size of {sizes.pop()}, and one run counts as {spec.batch} inferences (`batch`)"]


def _other_kernels(judged: Mapping[str, Subject]) -> list[str]:
    """Say so where weights differ in width: other instructions draw another power than CPU seconds can tell."""
    widths = {name: width for name, subject in judged.items() if (width := _bytes_a_weight(subject))}
    if len(widths) < 2 or max(widths.values()) < _OTHER_WIDTH * min(widths.values()):
        return []
    told = ", ".join(f"{width:.1f} bytes in the {name}" for name, width in widths.items())
    assumed = "the ratio of CPU seconds stands for that of energy only to some 10%, by assumption"
    return [f"a weight takes {told}: their kernels differ, so that {assumed}"]


def _bytes_a_weight(subject: Subject) -> float:
    sizes, counts = (subject.figures.get(name) for name in ("weight_bytes", "parameters"))
    return sizes.amount / counts.amount if sizes and counts and counts.amount else 0.0


def _incomparable(seen: Mapping[str, Examination], other: str) -> list[str]:
    if other not in seen:
        return []
    candidate, baseline = seen[CANDIDATE], seen[other]
    differing = []
    if candidate.inputs != baseline.inputs:
        words = f"inputs: the candidate takes {_ports(candidate.inputs)}, the {other} {_ports(baseline.inputs)}"
        differing.append(words)
    if candidate.runtime != baseline.runtime:
        differing.append(f"runtime: {_words(candidate.runtime)} against {_words(baseline.runtime)}")
    return differing


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {port.dtype}{list(port.shape)}" for port in ports)


def _words(runtime: object) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(dict(runtime).items()))  # type: ignore[call-overload]
