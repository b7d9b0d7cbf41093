"""What a check stands on: policies, waivers, trust and terms, from the base branch.

They are never read from the change under judgement; without a base they are read from the working tree, and the account
says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from greengate import git, packs
from greengate.errors import GreengateError, PolicyError, Problems, ProjectError, UsageError
from greengate.evidence import QualityScale
from greengate.packs.project import Project, load_project
from greengate.packs.project_entry import Build, ModelEntry, Training
from greengate.policy import Policy
from greengate.settings import Settings
from greengate.trees import GitTree, WorkingTree


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

        From the change: the file or its build, and the tracker's file of its training. From the base: inputs and batch,
        by which all is counted, labels, team, baseline, quality, the training's baseline, deployment.
        """
        before = self.project.model(entry.name)
        if before is None:
            return entry
        training = entry.training.held_to(before.training) if entry.training else before.training
        return replace(before, source=entry.source, training=training)


def read(settings: Settings, project: Project) -> Grounds:
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
    before = load_project(tree, settings.project).on(settings.leg)
    policies = packs.load(tree, settings.policies or before.policies, scales_of(before))
    note = f"policies, waivers, trust and terms are those of {tree.name}"
    return Grounds(policies, before, tree.commit, fork, (note, *_edits(before, project)))


_HELD_TO = {
    "labels": "labels",
    "team": "team",
    "baseline": "baseline",
    "batch": "batch",
    "inputs": "inputs",
    "quality": "quality",
    "scales": "quality figures",
    "deployment": "deployment",
    "trusted": "trust",
}


def _edits(before: Project, after: Project) -> Iterator[str]:
    """Say what a change does to the project file that a reviewer should know; none of it loosens this check."""
    for entry in before.models:
        now = after.model(entry.name)
        if now is None:
            yield f"this change takes the model {entry.name} away from the gate"
        else:
            yield from _believed(entry, now)
            yield from _not_believed(entry, now)
    for part in ("cpu", "meters", "profiles", "device", "threads", "legs", "limits", "factors", "history"):
        if getattr(before, part) != getattr(after, part):
            yield f"this change edits {part} in greengate.yaml; this check holds to the base's"
    for entry in after.models:
        if before.model(entry.name) is None:
            yield f"the model {entry.name} is new: all that is said of it is the change's own word"


def _believed(entry: ModelEntry, now: ModelEntry) -> Iterator[str]:
    """Say what is taken from the change, since it belongs to the candidate's file."""
    if now.path != entry.path:
        yield f"this change edits path of {entry.name}: {entry.path} -> {now.path}"
    elif now.source != entry.source:
        yield f"this change edits how {entry.name} is built"
    if now.training and now.training.candidate != (entry.training and entry.training.candidate):
        yield f"this change edits training of {entry.name}: its tracker's file is read as the change says"
    if isinstance(entry.baseline, Build):
        yield f"the baseline of {entry.name} is built by what lies in the change"


def _not_believed(entry: ModelEntry, now: ModelEntry) -> Iterator[str]:
    for part, word in _HELD_TO.items():
        if getattr(now, part) != getattr(entry, part):
            yield f"this change edits {word} of {entry.name}; this check holds to the base's"
    if entry.training and (not now.training or _compared(now.training) != _compared(entry.training)):
        part = "the baseline of training" if now.training else "training"
        yield f"this change edits {part} of {entry.name}; this check holds to the base's"


def _compared(training: Training) -> str | None:
    return training.baseline.file if training.baseline else None


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
