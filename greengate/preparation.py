"""What a check stands on, settled before anything is measured: policies, trust, files, quality, a baseline.

Policies, waivers and trust are read at the merge base with the base ref, never from the change under judgement; without
a base ref they are read from the working tree, and the account says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from greengate.policy import Policy
from greengate.ports import ModelSpec
from greengate.settings import Settings, harmless_environment
from greengate.trees import GitTree, WorkingTree

FOLDER = ".greengate"
_PROJECT_SAYS = "path"


@dataclass(frozen=True, slots=True)
class Grounds:
    """The policies and the trust that hold for this check, and what is worth saying about where they are from."""

    policies: tuple[Policy, ...]
    trusted: frozenset[str] = frozenset()
    base: str = ""
    notes: tuple[str, ...] = ()


def grounds(settings: Settings, project: Project) -> Grounds:
    """Read policies and trust from the base commit, or from the working tree where no base is given.

    Raises:
        GreengateError: A policy or the base's project file is wrong, or there is no such commit.
    """
    if not settings.base:
        policies = packs.load(WorkingTree(settings.root), settings.policies or project.policies, scales_of(project))
        note = "policies and waivers were read from the working tree; --base reads them where a change cannot edit them"
        return Grounds(policies, notes=(note,))
    commit = git.merge_base(settings.root, settings.base, UsageError)
    tree = GitTree(settings.root, commit)
    if tree.read(settings.project) is None:
        policies = packs.load(WorkingTree(settings.root), settings.policies or project.policies, scales_of(project))
        note = f"{settings.base} has no {settings.project} yet: policies were read from the change itself"
        return Grounds(policies, base=commit, notes=(note,))
    before = load_project(tree, settings.project)
    policies = packs.load(tree, settings.policies or before.policies, {**scales_of(project), **scales_of(before)})
    trusted = frozenset(entry.name for entry in before.models if entry.trusted)
    return Grounds(policies, trusted, commit, (f"policies, waivers and trust are those of {commit[:10]}",))


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


def refuse_strangers(policies: Sequence[Policy], project: Project) -> None:
    """Refuse policies and waivers that match no model of the project, and models that no policy matches.

    Raises:
        Problems: Each of them, with its place.
    """
    models = [entry.identity for entry in project.models]
    problems: list[GreengateError] = []
    for policy in policies:
        parts = [(f"policy `{policy.name}`", policy.match, policy.place)]
        parts += [(f"waiver `{waiver.id}`", waiver.match, waiver.place) for waiver in policy.waivers]
        for name, match, place in parts:
            if not any(match.covers(model, "") for model in models):
                known = ", ".join(f"`{model.name}`" for model in models)
                found = f"the {name} matches no model of the project and can never hold"
                problems.append(PolicyError(place, found, f"the models are {known}"))
    for entry in project.models:
        if not any(policy.match.covers(entry.identity, "") for policy in policies):
            found = f"no policy covers the model `{entry.name}`"
            problems.append(ProjectError(entry.place, found, "add a policy whose `match` covers it"))
    if problems:
        raise Problems(problems)


def covering(policies: Sequence[Policy], entry: ModelEntry, branch: str) -> tuple[Policy, ...]:
    """Choose the policies that judge a model on a branch."""
    return tuple(policy for policy in policies if policy.match.covers(entry.identity, branch))


def schedule(settings: Settings, policies: Sequence[Policy]) -> Schedule:
    """Give the measurement the longest budget that any of the policies allows, and the runs their quantiles need."""
    plans = [policy.plan for policy in policies]
    metrics = [rule.metric.name for policy in policies for rule in policy.rules if rule.metric]
    budget_s = max(plan.budget_s for plan in plans) if settings.budget_s is None else settings.budget_s
    return Schedule(
        budget_s=budget_s,
        max_pairs=max(plan.max_pairs for plan in plans),
        min_runs=runs_needed(metrics, max(plan.confidence for plan in plans)),
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
    trusted = entry.name in held.trusted
    return Case(
        model=entry.identity,
        specs={subject: _spec(settings, project, entry, path, trusted=trusted) for subject, path in paths.items()},
        quality=Grader(settings.root, entry, wanted(policies)),
        traffic=_traffic(entry),
        watts=Watts(project.cpu.idle.amount, project.cpu.max.amount, project.cpu.source) if project.cpu else None,
        branch=settings.branch,
        notes=notes,
    )


def own_folder(root: Path) -> None:
    """Make the folder where greengate keeps its files, and keep git from seeing it.

    Raises:
        HistoryError: It cannot be made.
    """
    note = root / FOLDER / ".gitignore"
    try:
        note.parent.mkdir(exist_ok=True)
        if not note.exists():
            note.write_text("*\n", encoding="utf-8")
    except OSError as error:
        hint = "greengate keeps its history and its cache there; run it where it may write"
        raise HistoryError(str(note.parent), f"cannot be written: {error.strerror}", hint) from error


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
    asked = {policy.plan.baseline: policy for policy in policies if policy.plan.baseline != _PROJECT_SAYS}
    if len(asked) > 1:
        found = " and ".join(f"`{word}` ({policy.name})" for word, policy in sorted(asked.items()))
        raise PolicyError(entry.place, f"its policies ask for different baselines: {found}", "let them ask for one")
    if not asked:
        return entry.baseline
    ((word, policy),) = asked.items()
    if word == "last-pass":
        return sources.LAST_PASS
    if isinstance(entry.source, Build) and not isinstance(entry.baseline, str):
        return entry.baseline
    ref = held.base if word == "merge-base" else git.last_release(settings.root, held.base or "HEAD")
    if not ref:
        found = f"the policy `{policy.name}` compares with {word}, and no base is known"
        raise UsageError(policy.place, found, "name the branch that the change goes to: --base origin/main")
    return f"{sources.GIT}{ref}:{entry.path}"


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
