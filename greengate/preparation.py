"""What is looked up before anything is measured: files, baselines, inputs, quality and the schedule.

With a base, a baseline comes from there, as all that a candidate is held against (`greengate.grounds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from greengate import git
from greengate.errors import HistoryError, PolicyError, ProjectError, UsageError
from greengate.gathering import Case, Traffic
from greengate.grading import Grader, wanted
from greengate.grounds import Grounds
from greengate.history import History
from greengate.measure.figures import runs_needed
from greengate.measure.modelled import Watts
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule
from greengate.models import sources
from greengate.packs.project import Project
from greengate.packs.project_entry import Build, ModelEntry, Source
from greengate.policy import PROJECT_SAYS, Enforce, Policy
from greengate.ports import ModelSpec
from greengate.settings import Settings, harmless_environment
from greengate.trees import GitTree, WorkingTree

FOLDER = ".greengate"
_NARROWER = 4


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


def case(settings: Settings, held: Grounds, entry: ModelEntry, policies: Sequence[Policy], history: History) -> Case:
    """Find the files of one model and everything that is declared about it.

    Raises:
        GreengateError: A file is not there, or something declared cannot be read.
    """
    entry = held.judged(entry)
    site = _site(settings.root, held, history)
    paths = {CANDIDATE: sources.resolve(entry.source, site, model=entry.name, where=entry.source_place)}
    source = _baseline(settings, held, entry, policies)
    notes: tuple[str, ...] = ()
    if source is None:
        notes = ("there is no baseline: what may not grow cannot be judged",)
    elif new := _not_there_yet(source, entry, site):
        notes = (f"there is no baseline: {new}",)
    else:
        paths[BASELINE] = sources.resolve(source, site, model=entry.name, where=entry.baseline_place)
    trusted = held.trusts(entry.name)
    return Case(
        model=entry.identity,
        specs={subject: _spec(settings, held.project, entry, path, trusted=trusted) for subject, path in paths.items()},
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
        for name in (".gitignore", "cache"):
            if (folder / name).is_symlink():
                raise HistoryError(str(folder / name), "is a symbolic link; greengate writes there", "remove it")
        if not (folder / ".gitignore").exists():
            (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except FileExistsError as error:
        raise HistoryError(str(folder), "is a file; greengate needs a folder of that name", "move it away") from error
    except OSError as error:
        hint = "greengate keeps its history and its cache there; `--history FILE` names another place"
        raise HistoryError(str(folder), f"cannot be written: {error.strerror}", hint) from error


def _site(root: Path, held: Grounds, history: History) -> sources.Site:
    def last_pass(model: str) -> sources.PassedModel | None:
        """With a base, only what was merged counts: a change must not creep up on its own earlier passes."""
        if held.base and git.is_tracked(root, str(history.path)):
            problem = "the history is part of the change, so that a last pass in it proves nothing"
            raise HistoryError(str(history.path), problem, "keep it out of git, or name another with --history")
        merged = (
            record
            for record in history.passed(model)
            if not held.base or git.is_ancestor(root, record.decision.commit, held.base)
        )
        record = next(merged, None)
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
    before = held.project.model(entry.name)
    return f"{sources.GIT}{ref}:{before.path if before else entry.path}"


def _as_committed(source: Source | None, held: Grounds) -> Source | None:
    """With a base, a baseline that is a path means the file of the base: the one of the change is the change's own."""
    if not held.base or not isinstance(source, str) or source == sources.LAST_PASS or source.startswith(sources.GIT):
        return source
    return f"{sources.GIT}{held.base}:{source}"


def _not_there_yet(source: Source, entry: ModelEntry, site: sources.Site) -> str:
    """Say why a model is new: its own path is not in the commit yet, or no entry of it has passed."""
    if source == sources.LAST_PASS and site.last_pass is not None and site.last_pass(entry.name) is None:
        return "the history holds no passed entry of this model"
    if not isinstance(source, str) or not source.startswith(sources.GIT):
        return ""
    ref, _, path = source.removeprefix(sources.GIT).partition(":")
    if path != entry.path:
        return ""
    tree = GitTree(site.root, ref)
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
