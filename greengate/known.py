"""All that has been found out so far about one case, and the evidence that it makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from greengate import comparability, difference, energy, looks, projection
from greengate.case import JUDGED, Case, arm
from greengate.difference import Change
from greengate.energy import Energies
from greengate.errors import ModelError
from greengate.evidence import Earlier, Evidence, Grown, Subject
from greengate.measure import device_blocks, figures
from greengate.measure.campaign import Campaign
from greengate.measure.figures import Figures
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule, Trace
from greengate.ports import CONTROL, Examination, ModelLoader, ModelSpec, NodeCost, StaticCosts, Workload
from greengate.registry import loader_of

_MOST_GROWN = 12

T = TypeVar("T")


@dataclass(slots=True)
class Known:
    """All that has been found out so far about one case."""

    case: Case
    taken_at: str
    schedule: Schedule
    loaders: dict[str, ModelLoader] = field(default_factory=dict)
    seen: dict[str, Examination] = field(default_factory=dict)
    found: dict[str, Figures] = field(default_factory=dict)
    costs: dict[str, StaticCosts] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    looks: int = 0
    grown: list[Change] | None = None
    timed: dict[str, Figures] = field(default_factory=dict)

    def look(self, subject: str, spec: ModelSpec, confidence: float) -> None:
        """Examine one model and make the figures that need no measuring; an earlier one that cannot be run is lost."""
        try:
            loader = self.loaders[subject] = loader_of(spec.path)
            # Counted first: what is wrong with a graph is told before a runtime sees it, and in better words.
            costs = self.costs[subject] = _of(subject, lambda: loader.count(spec))
            seen = _of(subject, lambda: loader.examine(spec))
            self.found[subject] = _before_measuring(self.case, subject, loader, seen, costs, confidence)
        except ModelError as error:
            if subject in JUDGED:
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

    def evidence(self, trace: Trace, confidence: float) -> Evidence:
        """Put together what is known while measuring goes on; what is timed is looked at only now and then."""
        if looks.number(trace.rounds) > self.looks:
            self.looks = looks.number(trace.rounds)
            judged = [subject for subject in JUDGED if subject in self.case.specs]
            self.timed = {subject: figures.timed(trace, subject, confidence) for subject in judged}
        return self._evidence(trace, self.timed, Energies())

    def measured(self, trace: Trace, campaign: Campaign, confidence: float) -> Evidence:
        """Put together all that is known in the end."""
        subjects = [subject for subject in JUDGED if subject in self.case.specs]
        gpu = energy.Gpu(self.case.unmetered) if self.case.on_gpu else None
        energies = energy.energies(trace, campaign, subjects, confidence, self.case.watts, gpu)
        found = {subject: Figures() for subject in subjects}
        for subject in subjects:
            found[subject].add(figures.timed(trace, subject, confidence))
            found[subject].add(energies.figures[subject])
            self._project(found[subject])
        return self._evidence(trace, found, energies)

    def _project(self, found: Figures) -> None:
        made = projection.projected(found.figures, found.missing, self.case.conversion)
        found.add(Figures(made.figures, made.missing))

    def _own_arm(self, subject: str) -> bool:
        """Tell whether a model must be measured itself: an earlier one that is the baseline need not be."""
        if subject in JUDGED:
            return True
        return subject not in self.lost and subject not in self.case.counted and not self._is_baseline(subject)

    def _is_baseline(self, subject: str) -> bool:
        return BASELINE in self.seen and self.seen[subject].digest == self.seen[BASELINE].digest

    def _grown(self) -> list[Change]:
        """Find the operators that cost something else than in the baseline, once."""
        if self.grown is None:
            sides = [self.costs[name].nodes if name in self.costs else () for name in (BASELINE, CANDIDATE)]
            self.grown = difference.greatest(difference.changes(*sides)) if all(sides) else []
        return self.grown

    def _earlier(self, trace: Trace) -> Iterator[Earlier]:
        for earlier in self.case.earlier:
            subject = arm(earlier.since)
            if subject not in self.case.specs:
                yield earlier
                continue
            if subject in self.lost:
                yield earlier.model_copy(update={"missing": self.lost[subject]})
                continue
            differing = "; ".join(comparability.incomparable(self.seen, subject))
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
            for name in JUDGED
            if name in case.specs
        }
        degraded = {words: None for examination in seen.values() for words in examination.degraded}
        degraded |= {words: None for costs in self.costs.values() for words in costs.remarks}
        degraded |= dict.fromkeys(comparability.same_file(seen))
        grown = self._grown()
        degraded |= dict.fromkeys(comparability.other_batch(case.specs[CANDIDATE], seen[CANDIDATE]))
        degraded |= dict.fromkeys(comparability.other_kernels(judged)) if not case.on_gpu else {}
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
            incomparable=tuple(comparability.incomparable(seen, BASELINE)),
            grown=tuple(_as_evidence(change, case.specs[CANDIDATE].batch) for change in grown[:_MOST_GROWN]),
            changed_operators=len(grown),
            notes=(*case.notes, *trace.remarks, *degraded),
            device=case.device,
            conversion=case.conversion,
            approvals=case.approvals,
            grants=case.grants,
            terms=comparability.terms(case.specs[CANDIDATE], seen[CANDIDATE]),
        )


def _as_evidence(change: Change, batch: int) -> Grown:
    before, after = change.baseline, change.candidate
    return Grown(
        name=change.node.name,
        op=change.node.op,
        change=change.word,
        macs_before=_macs(before, batch),
        macs=_macs(after, batch),
        parameters_before=before.parameters if before else 0,
        parameters=after.parameters if after else 0,
    )


def _macs(node: NodeCost | None, batch: int) -> float | None:
    """Multiply-accumulates of a node an inference; none where it is not there."""
    if node is None:
        return 0.0
    return None if node.macs is None else node.macs / batch


def _gpu(case: Case) -> dict[str, str]:
    """Name the GPU that runs the models, as far as a meter knows it."""
    chosen = device_blocks.choose(case.meters) if case.on_gpu else None
    return {"gpu": ", ".join(words.partition(":")[0] for words in chosen[1].domains.values())} if chosen else {}


def _of(subject: str, act: Callable[[], T]) -> T:
    """Say in an error which of the two models it is about."""
    try:
        return act()
    except ModelError as error:
        raise ModelError(error.where, f"the {subject}: {error.problem}", error.hint) from error


def _before_measuring(  # noqa: PLR0913 - what figures are made of
    case: Case,
    subject: str,
    loader: ModelLoader,
    examination: Examination,
    costs: StaticCosts,
    confidence: float,
) -> Figures:
    spec = case.specs[subject]
    found = figures.static(costs, spec.batch)
    found.add(figures.examined(examination, confidence))
    if subject in JUDGED:
        found.add(case.quality(subject, spec, loader))
        found.add(case.training(subject))
    return found
