"""The models that drift rules start from: which they are, and whether their files can be had or only their records.

A release or another git ref is the model's file in that commit. An entry of the history is the file that it judged,
known by its SHA-256. Where the file cannot be had, there is what the history recorded of it and of the changes since
(`greengate.chain`).

With a base, nothing of the change decides what it starts from: a ref must name a commit of the base branch, and only
entries whose commits were merged count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from greengate import git
from greengate.case import arm
from greengate.chain import Broken, chain
from greengate.errors import GreengateError, ModelError, Place, PolicyError, ProjectError, nearest
from greengate.evidence import Class, Earlier, Link, Subject
from greengate.grounds import Grounds
from greengate.history import Decision, History, Record
from greengate.models import sources
from greengate.models.sources import PassedModel, Site
from greengate.packs.project import load_project
from greengate.packs.project_entry import Build, ModelEntry, Source
from greengate.policy import LAST_RELEASE, Drift, Policy
from greengate.trees import GitTree

_ENTRY = re.compile(r"[0-9a-fA-F]{7,64}$")
_FETCH = "tags and the whole history have to be fetched (actions/checkout: `fetch-depth: 0`)"


@dataclass(frozen=True, slots=True)
class Past:
    """Where the earlier models of one model are looked for.

    Attributes:
        project_file: Name of the project file, which says in each commit where the model was.
        baseline: The file that the candidate is compared with, from which a chain goes back.
        merged: Of some entries, goes through those that count.
        untrusted: Why the history proves nothing, or nothing.
    """

    site: Site
    project_file: str
    held: Grounds
    entry: ModelEntry
    baseline: Path | None
    history: History
    merged: Callable[[Iterable[Record]], Iterator[Record]]
    untrusted: str = ""


@dataclass(frozen=True, slots=True)
class Starts:
    """What the drift rules of one model start from.

    Attributes:
        earlier: One for each start that a rule names, as far as it is known before measuring.
        files: Files of those that can be had, by subject (`greengate.case.arm`).
        counted: Subjects of which only exact figures are asked.
    """

    earlier: tuple[Earlier, ...] = ()
    files: dict[str, Path] = field(default_factory=dict)
    counted: frozenset[str] = frozenset()


def starts(past: Past, policies: Sequence[Policy]) -> Starts:
    """Find what the drift rules of the policies that judge a model start from.

    Raises:
        PolicyError: A start is the name of two things.
        HistoryError: The history cannot be read.
    """
    asked: dict[str, Place] = {}
    measured: set[str] = set()
    for rule in (rule for policy in policies for rule in policy.rules):
        for check in rule.checks:
            if isinstance(check, Drift):
                asked.setdefault(check.since, rule.place)
                measured |= {arm(check.since)} if rule.metric and rule.metric.paired else set()
    found = [_Search(past, since).found(place) for since, place in asked.items()]
    files = {arm(one.earlier.since): one.file for one in found if one.file is not None}
    return Starts(tuple(one.earlier for one in found), files, frozenset(files) - measured)


@dataclass(frozen=True, slots=True)
class _Found:
    earlier: Earlier
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    past: Past
    since: str

    def found(self, place: Place) -> _Found:
        """Find what the start names; where it names nothing, that is what was found."""
        if self.since == LAST_RELEASE:
            return self._release()
        entries = self.past.history.beginning(self.since) if _ENTRY.match(self.since) else []
        try:
            tree = GitTree(self._root, self.since)
        except ProjectError as unknown:
            if not entries:
                return self._missing("", f"{unknown.problem}, and the history no such entry{self._advice(unknown)}")
        else:
            if entries:
                problem = f"`{self.since}` begins both a commit of git and an entry of the history"
                raise PolicyError(place, problem, "write more of its digits")
            return self._commit(tree.name, tree)
        if len(entries) > 1:
            return self._missing("", f"{len(entries)} entries of the history begin with it")
        return self._entry(entries[0])

    @property
    def _root(self) -> Path:
        return self.past.site.root

    def _advice(self, unknown: ProjectError) -> str:
        near = nearest(self.since, [LAST_RELEASE])
        hint = near if near.startswith("did") else unknown.hint
        return f"; {hint}" if hint else ""

    def _missing(self, label: str, words: str) -> _Found:
        return _Found(Earlier(since=self.since, label=label, missing=words))

    def _arm(self, label: str, file: Path) -> _Found:
        return _Found(Earlier(since=self.since, label=label), file)

    def _release(self) -> _Found:
        base = self.past.held.base
        tag = git.last_release(self._root, base or "HEAD")
        if not tag:
            where = "the base" if base else "the commit that is checked out"
            return self._missing("", f"there is no tag at or before {where}; {_FETCH}")
        tree = GitTree(self._root, tag)
        return self._commit(f"release {tree.name}", tree)

    def _commit(self, label: str, tree: GitTree) -> _Found:
        base = self.past.held.base
        if base and not git.is_ancestor(self._root, tree.commit, base):
            return self._missing(label, "it is no commit of the base branch, and a change must not choose its start")
        source = self._source(tree)
        if isinstance(source, Build):
            return self._judged(label, tree, "", "it is built, and git does not keep it")
        try:
            return self._arm(label, sources.resolve(f"{sources.GIT}{tree.commit}:{source}", self.past.site))
        except (ModelError, ProjectError) as refused:
            return self._judged(label, tree, self._pointer(tree, source), refused.problem)

    def _source(self, tree: GitTree) -> Source:
        """Find where the model was in a commit: as its project file said, else as the base, or the change, says."""
        try:
            named = load_project(tree, self.past.project_file).model(self.past.entry.name)
        except GreengateError:  # of another version of greengate, or none at all
            named = None
        return (named or self.past.held.project.model(self.past.entry.name) or self.past.entry).source

    def _pointer(self, tree: GitTree, path: str) -> str:
        try:
            return sources.pointed_at(tree.commit, path, self.past.site)
        except ProjectError:
            return ""

    def _judged(self, label: str, tree: GitTree, pointer: str, why: str) -> _Found:
        """Find the entry that judged the model of a commit: at that commit, of the file it points at, or before it."""
        if self.past.untrusted:
            return self._missing(label, f"{why}; {self.past.untrusted}")
        record = self._newest(lambda one: one.commit == tree.commit)
        if record is None and pointer:
            record = self._newest(lambda one: one.sha256 == pointer)
        elif record is None:
            record = self._newest(lambda one: git.is_ancestor(self._root, one.commit, tree.commit))
        if record is None:
            return self._missing(label, f"{why}, and the history holds no accepted entry of it")
        return self._recorded(f"{label}, as entry {record.entry_id[:10]} judged it", record, why)

    def _newest(self, wanted: Callable[[Decision], bool]) -> Record | None:
        accepted = self.past.merged(self.past.history.passed(self.past.entry.name))
        return next((record for record in accepted if wanted(record.decision)), None)

    def _entry(self, record: Record) -> _Found:
        label, decision = f"entry {record.entry_id[:10]}", record.decision
        if self.past.untrusted:
            return self._missing(label, self.past.untrusted)
        if decision.model != self.past.entry.name:
            return self._missing(label, f"it is about the model {decision.model}, not about {self.past.entry.name}")
        if decision.evidence is None:
            return self._missing(label, f"it holds no evidence: {decision.problem}")
        return self._recorded(label, record, "its file is neither in the working tree nor in the commit of its entry")

    def _recorded(self, label: str, record: Record, why: str) -> _Found:
        """Find the file of an entry by its digest, or else the chain that leads back to it."""
        decision, baseline = record.decision, self.past.baseline
        known = PassedModel(record.entry_id, decision.commit, decision.path, decision.sha256)
        file = sources.recorded(known, self.past.site)
        if isinstance(file, Path):
            return self._arm(label, file)
        if baseline is not None and sources.digest(baseline) == decision.sha256:
            return self._arm(label, baseline)
        assert decision.evidence is not None
        links = self._links(decision.sha256)
        chained = Earlier(
            since=self.since,
            label=label,
            origin="chain",
            subject=_counted(decision.evidence.candidate),
            links=() if isinstance(links, Broken) else links,
            missing=f"{why}, and {links.words}" if isinstance(links, Broken) else "",
        )
        return _Found(chained)

    def _links(self, sha256: str) -> tuple[Link, ...] | Broken:
        if self.past.baseline is None:
            return Broken("there is no baseline from which a chain would go back")
        judged = self.past.merged(self.past.history.about(self.past.entry.name))
        return chain(judged, sources.digest(self.past.baseline), sha256)


def _counted(subject: Subject) -> Subject:
    """Keep the figures that do not depend on when, and on what machine, they were taken."""
    figures = {name: figure for name, figure in subject.figures.items() if figure.provenance.kind is Class.STATIC}
    return Subject(path=subject.path, sha256=subject.sha256, figures=figures)
