"""What a check stands on, settled before anything is measured: policies, trust, files, quality, a baseline.

Policies, waivers, trust, baselines and what else a candidate is held against are read from the base branch, never from
the change under judgement; without a base they are read from the working tree, and the account says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from greengate import git, packs
from greengate.errors import GreengateError, HistoryError, PolicyError, Problems, ProjectError, UsageError
from greengate.evidence import QualityScale
from greengate.gathering import Case, Traffic
from greengate.grading import Grader, wanted
from greengate.history import History
from greengate.measure.figures import runs_needed
from greengate.measure.modelled import Watts
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule
from greengate.models import sources
from greengate.packs.project import Project, load_project
from greengate.packs.project_entry import Build, ModelEntry, Source
from greengate.policy import PROJECT_SAYS, Enforce, Policy
from greengate.ports import ModelSpec
from greengate.settings import Settings, harmless_environment
from greengate.trees import GitTree, WorkingTree

FOLDER = ".greengate"
_NARROWER = 4


@dataclass(frozen=True, slots=True)
class Grounds:
    """The policies that hold for this check, what the base says of the models, and what is worth saying about it.

    Attributes:
        policies: Policies with their waivers.
        project: The project whose word counts: of the base commit, or of the working tree where no base is given.
        base: The base commit, or "".
        fork: The merge base of the change and the base, or "".
    """

    policies: tuple[Policy, ...]
    project: Project
    base: str = ""
    fork: str = ""
    notes: tuple[str, ...] = ()

    def trusts(self, model: str) -> bool:
        """Tell whether the base commit, never the change itself, trusts a model to run code when it is loaded."""
        entry = self.project.model(model) if self.base else None
        return entry is not None and entry.trusted

    def known(self, project: Project) -> list[ModelEntry]:
        """List the models of a change as they are judged, and those of the base that it takes away."""
        gone = [entry for entry in self.project.models if project.model(entry.name) is None]
        return [*(self.judged(entry) for entry in project.models), *gone]

    def judged(self, entry: ModelEntry) -> ModelEntry:
        """Return a model as it is judged: what it is comes from the change, what it is held against from the base.

        From the change: the file or its build, its inputs and its batch, which belong to the file. From the base:
        labels, team, baseline, quality, deployment.
        """
        before = self.project.model(entry.name)
        if before is None:
            return entry
        return replace(before, source=entry.source, inputs=entry.inputs, batch=entry.batch)


def grounds(settings: Settings, project: Project) -> Grounds:
    """Read policies, waivers, trust and terms at the base, or from the working tree where no base is given.

    It is the tip of the base branch that counts: the commit where a change forked off is its author's choice.

    Raises:
        GreengateError: A policy or the base's project file is wrong, or there is no such commit.
    """
    here = WorkingTree(settings.root)
    if not settings.base:
        policies = packs.load(here, settings.policies or project.policies, scales_of(project))
        note = "policies and waivers were read from the working tree; --base reads them where a change cannot edit them"
        return Grounds(policies, project, notes=(note,))
    tree = GitTree(settings.root, settings.base, UsageError)
    fork = git.merge_base(settings.root, settings.base, UsageError)
    if tree.read(settings.project) is None:
        policies = packs.load(here, settings.policies or project.policies, scales_of(project))
        note = f"{tree.name} has no {settings.project} yet: policies were read from the change itself"
        return Grounds(policies, project, tree.commit, fork, (note,))
    before = load_project(tree, settings.project)
    policies = packs.load(tree, settings.policies or before.policies, scales_of(before))
    note = f"policies, waivers, trust and terms are those of {tree.name}"
    return Grounds(policies, before, tree.commit, fork, (note, *_edits(before, project)))


def _edits(before: Project, after: Project) -> Iterator[str]:
    """Say what a change does to the project file that a reviewer should know; none of it loosens this check."""
    for entry in before.models:
        now = after.model(entry.name)
        if now is None:
            yield f"this change takes the model {entry.name} away from the gate"
            continue
        for part in ("path", "batch", "inputs"):
            if getattr(now, part) != getattr(entry, part):
                yield f"this change edits {part} of {entry.name}: {getattr(entry, part)} -> {getattr(now, part)}"
        for part in ("labels", "team", "baseline", "quality", "scales", "deployment", "trusted"):
            if getattr(now, part) != getattr(entry, part):
                yield f"this change edits {part} of {entry.name}; this check holds to the base's"
    if before.cpu != after.cpu:
        yield "this change edits the runner's watts; this check holds to the base's"
    for entry in after.models:
        if before.model(entry.name) is None:
            yield f"the model {entry.name} is new: all that is said of it is the change's own word"


def scales_of(project: Project) -> dict[str, QualityScale]:
    """Collect how the project reads its quality figures.

    Raises:
        ProjectError: Two models read one figure in different ways.
    """
    scales: dict[str, QualityScale] = {}
    for entry in project.models:
        for name, scale in entry.scales.items():
            if scales.setdefault(name, scale) != scale:
                found = f"`{entry.name}` reads the quality figure `{name}` otherwise than another model does"
                raise ProjectError(entry.quality_place, found, "give it the same unit and direction, or another name")
    return scales


def refuse_strangers(policies: Sequence[Policy], entries: Sequence[ModelEntry]) -> None:
    """Refuse policies and waivers that match no model, and models that no policy matches.

    Raises:
        Problems: Each of them, with its place.
    """
    models = [entry.identity for entry in entries]
    problems: list[GreengateError] = []
    for policy in policies:
        parts = [(f"policy `{policy.name}`", policy.match, policy.place)]
        parts += [(f"waiver `{waiver.id}`", waiver.match, waiver.place) for waiver in policy.waivers]
        for name, match, place in parts:
            if not any(match.covers(model, "") for model in models):
                known = ", ".join(f"`{model.name}`" for model in models)
                found = f"the {name} matches no model of the project and can never hold"
                problems.append(PolicyError(place, found, f"the models are {known}"))
    for entry in entries:
        if not any(policy.match.covers(entry.identity, "") for policy in policies):
            found = f"no policy covers the model `{entry.name}`"
            problems.append(ProjectError(entry.place, found, "add a policy whose `match` covers it"))
    if problems:
        raise Problems(problems)


def covering(held: Grounds, entry: ModelEntry, branch: str) -> tuple[Policy, ...]:
    """Choose the policies that judge a model on a branch."""
    identity = held.judged(entry).identity
    return tuple(policy for policy in held.policies if policy.match.covers(identity, branch))


def refuse_uncovered(held: Grounds, entries: Sequence[ModelEntry], branch: str) -> None:
    """Refuse models that no policy judges on this branch.

    Raises:
        Problems: Each of them.
    """
    hint = "add a policy whose `match.branches` covers it, or name another branch with --branch"
    problems = [
        ProjectError(entry.place, f"no policy covers the model `{entry.name}` on the branch `{branch}`", hint)
        for entry in entries
        if not covering(held, entry, branch)
    ]
    if problems:
        raise Problems(problems)


def schedule(settings: Settings, policies: Sequence[Policy]) -> Schedule:
    """Give the measurement the longest budget that any of the policies allows, and the runs their quantiles need.

    A quantile by which a rule may fail gets four times the runs, which makes its interval about half as wide. The
    number is fixed before measuring: looking at such an interval until it suits would spoil its confidence.
    """
    plans = [policy.plan for policy in policies]
    rules = [rule for policy in policies for rule in policy.rules if rule.metric]
    names = [rule.metric.name for rule in rules if rule.metric]
    deciding = [rule.metric.name for rule in rules if rule.metric and rule.enforce is not Enforce.ADVISORY]
    confidence = max(plan.confidence for plan in plans)
    budget_s = max(plan.budget_s for plan in plans) if settings.budget_s is None else settings.budget_s
    return Schedule(
        budget_s=budget_s,
        max_pairs=max(plan.max_pairs for plan in plans),
        min_runs=max(runs_needed(names, confidence), _NARROWER * runs_needed(deciding, confidence)),
        seed=settings.seed,
    )


def case(  # noqa: PLR0913 - all that a check knows beforehand
    settings: Settings,
    project: Project,
    held: Grounds,
    entry: ModelEntry,
    policies: Sequence[Policy],
    history: History,
) -> Case:
    """Find the files of one model and everything that is declared about it.

    Raises:
        GreengateError: A file is not there, or something declared cannot be read.
    """
    entry = held.judged(entry)
    site = _site(settings.root, history)
    paths = {CANDIDATE: sources.resolve(entry.source, site, model=entry.name, where=entry.source_place)}
    source = _baseline(settings, held, entry, policies)
    notes: tuple[str, ...] = ()
    if source is None:
        notes = ("there is no baseline: what may not grow cannot be judged",)
    elif new := _not_there_yet(source, settings.root):
        notes = (f"there is no baseline: {new}",)
    else:
        paths[BASELINE] = sources.resolve(source, site, model=entry.name, where=entry.baseline_place)
    trusted = held.trusts(entry.name)
    return Case(
        model=entry.identity,
        specs={subject: _spec(settings, project, entry, path, trusted=trusted) for subject, path in paths.items()},
        quality=Grader(settings.root, entry, wanted(policies), held.base if held.project.model(entry.name) else ""),
        traffic=_traffic(entry),
        watts=_watts(held.project),
        branch=settings.branch,
        notes=notes,
    )


def _watts(project: Project) -> Watts | None:
    cpu = project.cpu
    return Watts(cpu.idle.amount, cpu.max.amount, cpu.source) if cpu else None


def own_folder(root: Path) -> None:
    """Make the folder where greengate keeps its files, and keep git from seeing it.

    Raises:
        HistoryError: It cannot be made.
    """
    folder = root / FOLDER
    if folder.is_symlink():
        raise HistoryError(str(folder), "is a symbolic link; greengate writes there", "replace it by a folder")
    try:
        folder.mkdir(exist_ok=True)
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except FileExistsError as error:
        raise HistoryError(str(folder), "is a file; greengate needs a folder of that name", "move it away") from error
    except OSError as error:
        hint = "greengate keeps its history and its cache there; `--history FILE` names another place"
        raise HistoryError(str(folder), f"cannot be written: {error.strerror}", hint) from error


def _site(root: Path, history: History) -> sources.Site:
    def last_pass(model: str) -> sources.PassedModel | None:
        record = history.last_passed(model)
        if record is None:
            return None
        decision = record.decision
        return sources.PassedModel(record.entry_id, decision.commit, decision.path, decision.sha256)

    environment = harmless_environment()
    return sources.Site(root, root / FOLDER / "cache", last_pass=last_pass, build_environment=environment)


def _baseline(settings: Settings, held: Grounds, entry: ModelEntry, policies: Sequence[Policy]) -> Source | None:
    """Take the baseline that the policies ask for, else the one that the project names."""
    asked = {policy.plan.baseline: policy for policy in policies if policy.plan.baseline != PROJECT_SAYS}
    if len(asked) > 1:
        found = " and ".join(f"`{word}` ({policy.name})" for word, policy in sorted(asked.items()))
        raise PolicyError(entry.place, f"its policies ask for different baselines: {found}", "let them ask for one")
    if not asked:
        return _as_committed(entry.baseline, held)
    ((word, policy),) = asked.items()
    if word == "last-pass":
        return sources.LAST_PASS
    if isinstance(entry.source, Build) and not isinstance(entry.baseline, str):
        return entry.baseline
    ref = held.fork if word == "merge-base" else git.last_release(settings.root, held.base or "HEAD")
    if not ref:
        found = f"the policy `{policy.name}` compares with {word}, and no base is known"
        raise UsageError(policy.place, found, "name the branch that the change goes to: --base origin/main")
    return f"{sources.GIT}{ref}:{entry.path}"


def _as_committed(source: Source | None, held: Grounds) -> Source | None:
    """With a base, a baseline that is a path means the file of the base: the one of the change is the change's own."""
    if not held.base or not isinstance(source, str) or source == sources.LAST_PASS or source.startswith(sources.GIT):
        return source
    return f"{sources.GIT}{held.base}:{source}"


def _not_there_yet(source: Source, root: Path) -> str:
    if not isinstance(source, str) or not source.startswith(sources.GIT):
        return ""
    ref, _, path = source.removeprefix(sources.GIT).partition(":")
    tree = GitTree(root, ref)
    return f"{tree.name} has no `{path}`, so that this is a new model" if tree.blob(path) is None else ""


def _spec(settings: Settings, project: Project, entry: ModelEntry, path: Path, *, trusted: bool) -> ModelSpec:
    return ModelSpec(
        path=path,
        folder=path.parent,
        inputs=_inputs_file(settings.root, entry),
        shapes=entry.inputs.shapes,
        ranges=entry.inputs.ranges,
        seed=entry.inputs.seed or settings.seed,
        batch=entry.batch,
        threads=project.threads,
        limits=project.limits,
        trusted=trusted,
    )


def _inputs_file(root: Path, entry: ModelEntry) -> Path | None:
    if entry.inputs.file is None:
        return None
    found = WorkingTree(root).locate(entry.inputs.file)
    if found is None:
        raise ProjectError(entry.place, f"the inputs `{entry.inputs.file}` are not there", "check `inputs: {file: …}`")
    return found


def _traffic(entry: ModelEntry) -> Traffic:
    declared = entry.deployment
    if declared is None:
        return Traffic()
    grid = declared.intensity
    return Traffic(
        inferences_per_year=declared.inferences_per_year,
        pue=declared.pue,
        intensity=grid.value.amount if grid else None,
        source=f"{grid.source}, {grid.year}" if grid else "",
    )
