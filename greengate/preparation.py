"""What is looked up before anything is measured: files, baselines, inputs, quality and the schedule.

With a base, a baseline comes from there, as all that a candidate is held against (`greengate.grounds`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from greengate import gate, git
from greengate.case import Case
from greengate.changes import Grant
from greengate.conversion import Conversion
from greengate.earlier import Past, starts
from greengate.energy import wants_meters
from greengate.errors import HistoryError, PolicyError, ProjectError, UsageError
from greengate.grading import Grader, wanted
from greengate.grounds import Grounds
from greengate.history import History, Record
from greengate.ledger.places import as_file
from greengate.measure import machine
from greengate.measure.figures import blocks_needed, rounds_needed, runs_needed
from greengate.measure.modelled import Watts
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule
from greengate.meters import Found, missed, unreadable
from greengate.models import sources
from greengate.packs.project import Project
from greengate.packs.project_entry import Build, ModelEntry, Source
from greengate.policy import PROJECT_SAYS, Enforce, Limit, Policy, Rule
from greengate.ports import MeterFacts, ModelSpec
from greengate.profiles import Recognised
from greengate.settings import Settings, harmless_environment, visible_gpus
from greengate.training import training_figures
from greengate.trees import GitTree, WorkingTree

FOLDER = ".greengate"


def schedule(settings: Settings, policies: Sequence[Policy]) -> Schedule:
    """Give the measurement the longest budget that any of the policies allows, and the runs their quantiles need.

    Where a rule may fail by the interval of a quantile, there are as many rounds as the interval of a median of rounds
    takes, since runs of one round are alike.
    """
    plans = [policy.plan for policy in policies]
    sure = gate.confidence(policies)
    rules = [rule for policy in policies for rule in policy.rules]
    names = [rule.metric.name for rule in rules if rule.metric]
    rounds = rounds_needed(sure) if any(map(_by_interval, rules)) else 0
    budget_s = max(plan.budget_s for plan in plans) if settings.budget_s is None else settings.budget_s
    return Schedule(
        budget_s=budget_s,
        max_pairs=max(plan.max_pairs for plan in plans),
        min_pairs=max(Schedule().min_pairs, blocks_needed(sure), Schedule().pairs_a_round * rounds),
        min_runs=runs_needed(names, sure),
        seed=settings.seed,
    )


def _by_interval(rule: Rule) -> bool:
    """Tell whether a rule may fail by a measured interval; what is compared with a baseline is settled in pairs."""
    measured = rule.metric is not None and rule.metric.paired
    return (
        bool(measured)
        and rule.enforce is not Enforce.ADVISORY
        and any(isinstance(check, Limit) for check in rule.checks)
    )


def case(  # noqa: PLR0913 - all that a model is judged by
    settings: Settings,
    held: Grounds,
    entry: ModelEntry,
    policies: Sequence[Policy],
    history: History,
    found: Sequence[Found] = (),
    here: Recognised | None = None,
    conversion: Conversion | None = None,
) -> Case:
    """Find the files of one model and everything that is declared about it.

    Raises:
        GreengateError: A file is not there, or something declared cannot be read.
    """
    entry = held.judged(entry)
    site = _site(settings, held, history)
    paths = {CANDIDATE: sources.resolve(entry.source, site, model=entry.name, where=entry.source_place)}
    source = _baseline(settings, held, entry, policies)
    notes: tuple[str, ...] = ()
    if source is None:
        notes = ("there is no baseline: what may not grow cannot be judged",)
    elif new := _not_there_yet(source, entry, site):
        notes = (f"there is no baseline: {new}",)
    else:
        paths[BASELINE] = sources.resolve(source, site, model=entry.name, where=entry.baseline_place)
    here = here or Recognised(machine.here().runner)
    past = Past(
        site,
        settings.project,
        held,
        entry,
        baseline=paths.get(BASELINE),
        history=history,
        merged=functools.partial(_merged, settings.root, held),
        untrusted=_untrusted(settings.root, held, history),
    )
    begun = starts(past, policies)
    paths |= begun.files
    trusted = held.trusts(entry.name)
    base = held.base if held.project.model(entry.name) else ""
    inputs = _inputs_file(site, entry, base)
    return Case(
        model=entry.identity,
        specs={
            subject: _spec(settings, held.project, entry, path, inputs, trusted=trusted)
            for subject, path in paths.items()
        },
        quality=Grader(settings.root, entry, wanted(policies), base),
        training=lambda subject: training_figures(settings.root, entry, subject, base),
        conversion=conversion,
        watts=_watts(held.project),
        meters=tuple((one.meter, one.told) for one in found if isinstance(one.told, MeterFacts)),
        earlier=begun.earlier,
        counted=begun.counted,
        unmetered=unreadable(found),
        metered=wants_meters(rule.metric.name for policy in policies for rule in policy.rules if rule.metric),
        runner=here.runner,
        events=(*here.events, *missed(found, limited=_energy_limited(policies))),
        branch=settings.branch,
        approvals=settings.asked.approvals if settings.asked else (),
        grants=_grants(settings, policies),
        notes=(*notes, *here.notes, *(conversion.remarks if conversion else ())),
    )


def _grants(settings: Settings, policies: Sequence[Policy]) -> tuple[Grant, ...]:
    """Take what the forge says of the waivers that these policies have."""
    known = {waiver.id for policy in policies for waiver in policy.waivers}
    return tuple(grant for grant in (settings.asked.grants if settings.asked else ()) if grant.waiver in known)


def unlike_merged(settings: Settings, held: Grounds, entry: ModelEntry, policies: Sequence[Policy]) -> str:
    """Say why the baseline of a model is not what is merged of it, or nothing.

    Without a base, and of what is built, nobody can tell: the baseline then counts as what is merged.
    """
    entry, before = held.judged(entry), held.project.model(entry.name)
    if not held.base or before is None:
        return ""
    source = _baseline(settings, held, entry, policies)
    if source is None:
        return f"the model {entry.name} has no baseline, and {before.path} is merged"
    if isinstance(source, Build) or source == sources.LAST_PASS or isinstance(before.source, Build):
        return ""
    ref, _, path = source.removeprefix(sources.GIT).partition(":")
    theirs = GitTree(settings.root, held.base).blob(before.path)
    if theirs is not None and GitTree(settings.root, ref).blob(path) == theirs:
        return ""
    return f"the baseline `{source}` is another model than {before.path} on the base branch"


def _energy_limited(policies: Sequence[Policy]) -> bool:
    """Tell whether a rule is about joules or what follows from them, rather than a ratio, which needs no meter."""
    rules = [rule for policy in policies for rule in policy.rules]
    limited = [rule for rule in rules if any(isinstance(check, Limit) for check in rule.checks)]
    return wants_meters(rule.metric.name for rule in limited if rule.metric)


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


def _site(settings: Settings, held: Grounds, history: History) -> sources.Site:
    root = settings.root

    def last_pass(model: str) -> sources.PassedModel | None:
        """With a base, only what was merged counts: a change must not creep up on its own earlier passes."""
        if problem := _untrusted(root, held, history):
            raise HistoryError(history.place, problem, "keep it out of git, or name another with --history")
        record = next(_merged(root, held, history.passed(model)), None)
        if record is None:
            return None
        decision = record.decision
        return sources.PassedModel(record.entry_id, decision.commit, decision.path, decision.sha256)

    # Whoever names another place for the history wants nothing of ours in the project's folder.
    named = as_file(settings.history) if settings.history else None
    cache = Path(f"{named}.cache").resolve() if named else root / FOLDER / "cache"
    return sources.Site(root, cache, last_pass=last_pass, build_environment=harmless_environment())


def _untrusted(root: Path, held: Grounds, history: History) -> str:
    file = as_file(history.place)
    if held.base and file and git.is_tracked(root, file):
        return "the history is part of the change, so that what has passed in it proves nothing"
    return ""


def _merged(root: Path, held: Grounds, records: Iterable[Record]) -> Iterator[Record]:
    """Go through the entries that count: with a base, those whose commits were merged."""
    return (record for record in records if not held.base or git.is_ancestor(root, record.decision.commit, held.base))


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


def _spec(  # noqa: PLR0913 - what makes a model run
    settings: Settings, project: Project, entry: ModelEntry, path: Path, inputs: Path | None, *, trusted: bool
) -> ModelSpec:
    return ModelSpec(
        path=path,
        folder=path.parent,
        inputs=inputs,
        shapes=entry.inputs.shapes,
        ranges=entry.inputs.ranges,
        seed=entry.inputs.seed or settings.seed,
        batch=entry.batch,
        threads=project.threads,
        limits=project.limits,
        trusted=trusted,
        device=device(project),
    )


def device(project: Project) -> str:
    """Find what models run on: "cpu", or "cuda:" and the GPU's number or UUID, counted among those that are visible.

    Raises:
        UsageError: `CUDA_VISIBLE_DEVICES` shows fewer GPUs than the project file counts on.
    """
    visible = visible_gpus() if project.device != "cpu" else None
    if visible is None:
        return project.device
    number = int(project.device.removeprefix("cuda:"))
    if number >= len(visible):
        many = "no GPU" if not visible else "1 GPU" if len(visible) == 1 else f"{len(visible)} GPUs"
        found = f"it shows {many} to this process, and greengate.yaml runs models on `{project.device}`"
        hint = "show it another one, or change `runner: {device: …}`, which counts from 0"
        raise UsageError("CUDA_VISIBLE_DEVICES", found, hint)
    return f"cuda:{visible[number]}"


def _inputs_file(site: sources.Site, entry: ModelEntry, base: str) -> Path | None:
    """Find the inputs; with a base, the ones that lie there: what a model is run with decides what it costs."""
    if entry.inputs.file is None:
        return None
    if base:
        return sources.resolve(f"{sources.GIT}{base}:{entry.inputs.file}", site, where=entry.place)
    found = WorkingTree(site.root).locate(entry.inputs.file)
    if found is None:
        raise ProjectError(entry.place, f"the inputs `{entry.inputs.file}` are not there", "check `inputs: {file: …}`")
    return found
