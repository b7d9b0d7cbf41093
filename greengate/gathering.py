"""From model files to evidence: examine each alone, count it, then measure both side by side."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from greengate import gate, registry
from greengate.errors import MeasurementError, ModelError, nearest
from greengate.evidence import Class, Evidence, Figure, Model, Pair, Provenance, Runner, Subject
from greengate.measure import figures, protocol
from greengate.measure.figures import Figures
from greengate.measure.modelled import Processor, Watts, watts_of
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule, Trace
from greengate.metrics import NOT_MADE
from greengate.policy import Policy
from greengate.ports import Examination, ModelLoader, ModelSpec, Port, Workload

ENERGY, CARBON = "energy_per_1k_inferences", "carbon_per_1k_inferences"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the project declares of a deployment; what it leaves out is None and leaves figures missing.

    `pue` is power usage effectiveness, `intensity` is gCO2e/kWh, `source` says where the intensity is from.
    """

    inferences_per_year: float | None = None
    pue: float | None = None
    intensity: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One candidate, its baseline if it has one, and what is known of them beforehand.

    `quality` makes the quality figures of a subject ("candidate" or "baseline") from its spec and loader.
    """

    model: Model
    specs: dict[str, ModelSpec]
    quality: Callable[[str, ModelSpec, ModelLoader], Figures]
    traffic: Traffic = Traffic()
    watts: Watts | None = None
    branch: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """Whoever looks on while it takes its time: is told what begins, and how far it has come, from 0 to 1."""

    begins: Callable[[str], None] = field(default=lambda _: None)
    moves: Callable[[float], None] = field(default=lambda _: None)


def gather(case: Case, policies: Sequence[Policy], schedule: Schedule, taken_at: str, watch: Watch) -> Evidence:
    """Gather all that the policies may ask about one change.

    Raises:
        ModelError: A model cannot be read, loaded or run.
        MeasurementError: The runner gives no figures.
    """
    loaders = {subject: loader_of(spec.path) for subject, spec in case.specs.items()}
    confidence = max(policy.plan.confidence for policy in policies)
    seen, found = {}, {}
    for subject, spec in case.specs.items():
        watch.begins(f"{case.model.name}: looking at the {subject}")
        seen[subject] = _of(subject, lambda s=subject, p=spec: loaders[s].examine(p))  # type: ignore[misc]
        found[subject] = _before_measuring(case, subject, loaders[subject], seen[subject], confidence)
    skeleton = _evidence(case, seen, found, Trace(), taken_at, schedule)
    watch.begins(f"{case.model.name}: measuring")
    trace = _measured(case, loaders, schedule, lambda pairs: _unsettled(policies, skeleton, pairs), watch)
    for subject in case.specs:
        found[subject].add(figures.timed(trace, subject, confidence))
        found[subject].add(_energy(case, trace, subject, confidence))
    return _evidence(case, seen, found, trace, taken_at, schedule)


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
    found.add(case.quality(subject, spec, loader))
    found.add(_grid_intensity(case.traffic))
    return found


def _grid_intensity(traffic: Traffic) -> Figures:
    if traffic.intensity is None:
        return Figures()
    provenance = Provenance(kind=Class.DECLARED, method="declared by the project", source=traffic.source)
    return Figures({"grid_intensity": Figure.exact(traffic.intensity, provenance)})


def _unsettled(policies: Sequence[Policy], skeleton: Evidence, pairs: Sequence[Pair]) -> bool:
    return gate.unsettled(policies, skeleton.model_copy(update={"pairs": tuple(pairs)}))


def _measured(
    case: Case,
    loaders: dict[str, ModelLoader],
    schedule: Schedule,
    unsettled: Callable[[Sequence[Pair]], bool],
    watch: Watch,
) -> Trace:
    batches = {subject: spec.batch for subject, spec in case.specs.items()}
    kinds = {type(loader): loader for loader in loaders.values()}
    with ExitStack() as stack:
        workloads: dict[str, Workload] = {}
        for kind, loader in kinds.items():
            specs = {subject: case.specs[subject] for subject in case.specs if type(loaders[subject]) is kind}
            workloads.update(stack.enter_context(loader.bench(specs)))
        ordered = {subject: workloads[subject] for subject in case.specs}
        return protocol.measure(ordered, batches, schedule, unsettled, watch.moves)


def _energy(case: Case, trace: Trace, subject: str, confidence: float) -> Figures:
    """Make energy, and what follows from it by declared factors; what is not declared is missing, never defaulted."""
    found = figures.modelled_energy(trace, subject, confidence, case.watts or _watts())
    traffic, pue = case.traffic, case.traffic.pue
    thousands = None if traffic.inferences_per_year is None else traffic.inferences_per_year / 1000
    grams_a_joule = None if traffic.intensity is None or pue is None else traffic.intensity / 3.6e6 * pue
    years = "a year's inferences"
    derived = (
        (CARBON, ENERGY, grams_a_joule, _grid(traffic), "pue, intensity"),
        ("deployment_energy", ENERGY, _times(pue, thousands), f"PUE {pue} x {years}", "pue, inferences_per_year"),
        ("deployment_carbon", CARBON, thousands, years, "pue, intensity, inferences_per_year"),
    )
    for onto, name, factor, words, needs in derived:
        if factor is None or name not in found.figures:
            reason = found.missing.get(name) or f"greengate.yaml does not declare all of the deployment's {needs}"
            found.missing[onto] = reason
        else:
            found.add(figures.scaled(found, name, onto, factor, words))
    return found


def _grid(traffic: Traffic) -> str:
    return f"PUE {traffic.pue} x {traffic.intensity} gCO2e/kWh ({traffic.source})"


def _times(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first * second


@cache
def _processor() -> Processor:
    file = Path("/proc/cpuinfo")
    return Processor.parse(file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "")


def _watts() -> Watts | str:
    try:
        return watts_of(_processor())
    except MeasurementError as error:
        return f"{error.problem}; {error.hint}"


def _evidence(  # noqa: PLR0913 - the parts of the evidence
    case: Case,
    seen: dict[str, Examination],
    found: dict[str, Figures],
    trace: Trace,
    taken_at: str,
    schedule: Schedule,
) -> Evidence:
    subjects = {subject: _subject(case.specs[subject], seen[subject], found[subject]) for subject in seen}
    degraded = {words: None for examination in seen.values() for words in examination.degraded}
    degraded |= dict.fromkeys(_same_file(seen))
    degraded |= dict.fromkeys(_other_batch(case.specs[CANDIDATE], seen[CANDIDATE]))
    return Evidence(
        model=case.model,
        taken_at=taken_at,
        branch=case.branch,
        candidate=subjects[CANDIDATE],
        baseline=subjects.get(BASELINE),
        pairs=tuple(trace.pairs),
        runner=_runner(seen[CANDIDATE]),
        seed=schedule.seed,
        incomparable=tuple(_incomparable(seen)),
        notes=(*case.notes, *degraded),
    )


def _subject(spec: ModelSpec, examination: Examination, found: Figures) -> Subject:
    return Subject(
        path=spec.path.name, sha256=examination.digest, figures=dict(found.figures), missing=dict(found.missing)
    )


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


def _runner(examination: Examination) -> Runner:
    description = f"{_processor()}, {platform.system()} {platform.machine()}"
    runtime = dict(examination.runtime)
    fingerprint = hashlib.sha256(repr((description, sorted(runtime.items()))).encode()).hexdigest()
    return Runner(fingerprint=fingerprint, description=description, runtime=runtime)


def _incomparable(seen: dict[str, Examination]) -> list[str]:
    if BASELINE not in seen:
        return []
    candidate, baseline = seen[CANDIDATE], seen[BASELINE]
    differing = []
    if candidate.inputs != baseline.inputs:
        words = f"inputs: the candidate takes {_ports(candidate.inputs)}, the baseline {_ports(baseline.inputs)}"
        differing.append(words)
    if candidate.runtime != baseline.runtime:
        differing.append(f"runtime: {_words(candidate.runtime)} against {_words(baseline.runtime)}")
    return differing


def _ports(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.name} {port.dtype}{list(port.shape)}" for port in ports)


def _words(runtime: object) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(dict(runtime).items()))  # type: ignore[call-overload]
