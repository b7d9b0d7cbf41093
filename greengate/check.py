"""The walk of one check.

What can be wrong is looked at before anything is measured; what was concluded is written down before it is told.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from greengate import (
    __version__,
    asking,
    deployments,
    gate,
    git,
    grounds,
    meters,
    packs,
    preparation,
    preview,
    profiles,
    purses,
    sealing,
)
from greengate.carbon.factors import FactorSet
from greengate.case import Case
from greengate.changes import NO_CHANGE
from greengate.conversion import Conversion
from greengate.decision import Basis, Decision
from greengate.errors import GreengateError, MeasurementError, ModelError, UsageError, nearest
from greengate.gathering import Watch, gather
from greengate.grounds import Grounds
from greengate.history import History, Record, opened
from greengate.ledger.places import below, is_address
from greengate.measure import machine
from greengate.packs.project import HISTORY, Project, load_project
from greengate.packs.project_entry import ModelEntry
from greengate.policy import Policy
from greengate.profiles import Recognised
from greengate.purses import Brought, Purse
from greengate.report.account import Account, Entry
from greengate.settings import MeterAccess, Settings, meter_access
from greengate.training import training_phase
from greengate.trees import WorkingTree
from greengate.verdict import Verdict

__all__ = ["Account", "Watch", "account", "history_of", "judge_again", "placed", "run"]


def run(settings: Settings, watch: Watch) -> Account:
    """Judge every chosen model of a project, write each decision down, and give the account of it.

    Raises:
        GreengateError: Something must be put right before anything can be judged.
    """
    taken_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not settings.root.is_dir():
        raise UsageError(str(settings.root), "there is no such folder")
    project = load_project(WorkingTree(settings.root), settings.project).on(settings.leg)
    held = grounds.read(settings, project)
    grounds.refuse_strangers(held.policies, held.known(project))
    entries = _chosen(project, settings.models)
    grounds.refuse_uncovered(held, entries, settings.branch)
    place = settings.history or below(settings.root, held.project.history)
    if not settings.history or is_address(place):
        preparation.own_folder(settings.root)
    with opened(place) as history:
        history.check_writable()
        behind = history.behind(taken_at)
        base = "" if held.project is project else held.base
        here = profiles.recognise(held.project.profiles, settings.root, base, taken_at[:10], machine.here())
        found = meters.survey(held.project.meters, _access(settings, held, project), preparation.device(held.project))
        factors = deployments.pinned(settings.root, held.project, base)
        notary = sealing.notary(history, settings.ledger)
        with purses.opened(settings, held, history) as purse:
            pinned = deployments.pinned(settings.root, project) if base else factors
            own = _Own(project, pinned, preview.edited(settings, held, project))
            walk = _Walk(
                settings, held, own, history, found, here, factors, purse, taken_at, watch, token_hex(8), behind
            )  # fmt: skip
            cases = [walk.prepared(entry) for entry in entries]
            records = walk.decided(cases)
            more = purse.finish(records)
            purse.write_down(records)
            seal = sealing.signed(notary, settings.ledger, taken_at, built=any(map(_built, entries)))
            told = account(records, [*more, *seal], history)
            return placed(told, settings.root / settings.project)


@dataclass(frozen=True, slots=True)
class _Own:
    """The change's own project file, the factor set that it pins, and its policies where it edits them."""

    project: Project
    factors: FactorSet | None
    edited: preview.Edited | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One model before it is measured: its files or what is wrong with them, and what budgets want to know of it."""

    entry: ModelEntry
    case: Case | ModelError
    unlike: str = ""
    said: Conversion | None = None


@dataclass(frozen=True, slots=True)
class _Walk:
    settings: Settings
    held: Grounds
    own: _Own
    history: History
    meters: Sequence[meters.Found]
    here: Recognised
    factors: FactorSet | None
    purse: Purse
    taken_at: str
    watch: Watch
    check: str
    behind: str = ""

    def prepared(self, entry: ModelEntry) -> _Prepared:
        """Find a model's files, or what is wrong with them; anything else that is wrong ends the check here."""
        policies = grounds.covering(self.held, entry, self.settings.branch)
        converted = deployments.conversion(self.held.judged(entry), self.factors, self.taken_at)
        about = (self.settings, self.held, entry, policies, self.history, self.meters, self.here, converted)
        said = self._own_word(entry)
        unlike = preparation.unlike_merged(self.settings, self.held, entry, policies) if self.purse.book else ""
        try:
            return _Prepared(entry, preparation.case(*about), unlike, said)
        except ModelError as error:
            return _Prepared(entry, error, unlike, said)

    def decided(self, cases: Sequence[_Prepared]) -> list[Record]:
        """Measure, judge and write down model by model; with budgets, measure all before any of them is drawn on."""
        if self.purse.book is None:
            return [self._written(one, self._brought(one)) for one in cases]
        brought = [(one, self._brought(one)) for one in cases]
        self.purse.opens([told for _, told in brought if isinstance(told, Brought)])
        return [self._written(one, told) for one, told in brought]

    def _own_word(self, entry: ModelEntry) -> Conversion | None:
        """Return what the change says of a deployment, where that is another word than the one it is judged by."""
        judged = self.held.judged(entry)
        same = entry.deployment == judged.deployment and self.own.project.factors == self.held.project.factors
        return None if same else deployments.conversion(entry, self.own.factors, self.taken_at)

    def _brought(self, one: _Prepared) -> Brought | GreengateError:
        """Measure one model; one that cannot be is a decision too."""
        if isinstance(one.case, ModelError):
            return one.case
        policies = grounds.covering(self.held, one.entry, self.settings.branch)
        schedule = preparation.schedule(self.settings, policies)
        try:
            gathered = gather(one.case, policies, schedule, self.taken_at, self.watch)
            judged = self.held.judged(one.entry)
            phase = training_phase(self.settings.root, judged) if purses.by_phase(policies) else ""
        except (ModelError, MeasurementError) as error:
            return error
        return Brought(judged, gathered, policies, one.unlike, one.said, phase)

    def _written(self, one: _Prepared, told: Brought | GreengateError) -> Record:
        """Judge one model and write the decision down."""
        decision = self._judged(one.entry, told) if isinstance(told, Brought) else self._unjudged(one.entry, told)
        policies = grounds.covering(self.held, one.entry, self.settings.branch)
        return Record(-1, self.history.append(decision, self._basis(policies)), decision)

    def _basis(self, policies: Sequence[Policy]) -> Basis:
        """Collect what a decision rests on besides its evidence."""
        signed = self.here.signed
        return Basis(
            texts={policy.digest: policy.text for policy in policies if policy.text},
            waivers=tuple(waiver for policy in policies for waiver in policy.waivers),
            profile=signed.payload if signed else b"",
            sealed=signed.sealed if signed else b"",
        )

    def _judged(self, entry: ModelEntry, brought: Brought) -> Decision:
        self.watch.begins(f"{entry.name}: judging")
        drawn = self.purse.drawn(brought)
        evidence, notes = self.purse.settled(brought, drawn, gate.judge(brought.policies, drawn))
        verdict = gate.judge(brought.policies, evidence)
        would = self.own.edited.would_say(evidence, verdict) if self.own.edited else ()
        return self._decision(entry, verdict, evidence=evidence, notes=notes, preview=would)

    def _unjudged(self, entry: ModelEntry, error: GreengateError) -> Decision:
        return self._decision(entry, Verdict(model=entry.name, findings=()), problem=str(error))

    def _decision(self, entry: ModelEntry, verdict: Verdict, **rest: object) -> Decision:
        policies = grounds.covering(self.held, entry, self.settings.branch)
        commit = git.toplevel_commit(self.settings.root)
        return Decision(
            model=entry.name,
            path=entry.path,
            taken_at=self.taken_at,
            version=__version__,
            verdict=verdict,
            evidence=rest.get("evidence"),  # type: ignore[arg-type]
            policies=tuple((policy.name, policy.digest) for policy in policies),
            commit=commit,
            problem=str(rest.get("problem", "")),
            notes=(
                *self.held.notes,
                *asking.untold(self.settings.asked),
                *packs.warnings(policies, self.taken_at[:10]),
                *filter(None, [self.behind]),
                *rest.get("notes", ()),
            ),  # type: ignore[misc]
            check=self.check,
            change=self.settings.about or NO_CHANGE,
            preview=rest.get("preview", ()),  # type: ignore[arg-type]
            project=self.held.project.name,
            branch=self.settings.branch,
            team=self.held.judged(entry).team,
            in_force=self._in_force(commit, entry),
        )

    def _in_force(self, commit: str, entry: ModelEntry) -> bool:
        """Tell whether what was judged is on the base branch already, as git says; without a base nobody knows."""
        if not self.held.base or not git.is_ancestor(self.settings.root, commit, self.held.base):
            return False
        return not isinstance(entry.source, str) or git.is_unchanged(self.settings.root, entry.source)


def judge_again(record: Record, root: Path, project_file: str, paths: Sequence[str]) -> Account:
    """Judge recorded evidence under the policies of today, or under others; nothing is measured or written down.

    Raises:
        UsageError: The entry has no evidence, because its model could not be evaluated.
        GreengateError: A policy is wrong.
    """
    evidence = record.decision.evidence
    if evidence is None:
        raise UsageError("", f"entry {record.entry_id[:12]} has no evidence: {record.decision.problem}")
    tree = WorkingTree(root)
    chosen = paths or load_project(tree, project_file).policies
    policies = packs.load(tree, chosen, evidence.model.quality)
    verdict = gate.judge(policies, evidence)
    pedigree = tuple((policy.name, policy.digest) for policy in policies)
    note = f"judged again from the evidence of entry {record.entry_id[:12]}; this verdict is not written down"
    entry = Entry("", verdict, evidence, policies=pedigree)
    return Account((entry,), evidence.taken_at, __version__, notes=(note,))


def account(records: Sequence[Record], more: Sequence[str] = (), history: History | None = None) -> Account:
    """Give the account of some decisions, with more notes on all of them; as entries, by the history that has them."""
    entries = tuple(
        Entry(
            record.entry_id,
            record.decision.verdict,
            record.decision.evidence,
            record.decision.problem,
            record.decision.policies,
            record.decision.preview,
            record.decision.change.leg,
            history.line(record.entry_id) if history else "",
            sealing.proof(history, record.entry_id) if history else None,
        )
        for record in records
    )
    notes = {note: None for record in records for note in record.decision.notes} | dict.fromkeys(more)
    newest = records[-1].decision
    return Account(entries, newest.taken_at, newest.version, notes=tuple(notes), change=newest.change)


def proven(told: Account, history: History) -> Account:
    """Return an account whose decisions have the receipts that the history knows of."""
    return replace(told, entries=tuple(replace(one, proof=sealing.proof(history, one.id)) for one in told.entries))


def placed(told: Account, project_file: Path) -> Account:
    """Return an account that knows its project file as the repository does, for reports that forges read."""
    folder = project_file.parent
    inside = git.prefix(folder) if git.is_repository(folder) else ""
    return replace(told, project=f"{inside}{project_file.name}")


def history_of(project_file: Path) -> str:
    """Find the history that a project file names, or the usual one where there is no project file."""
    if not project_file.is_file():
        return str(project_file.parent / HISTORY)
    said = load_project(WorkingTree(project_file.parent), project_file.name).history
    return below(project_file.parent, said)


def _built(entry: ModelEntry) -> bool:
    return not isinstance(entry.source, str) or not isinstance(entry.baseline, str | None)


def _access(settings: Settings, held: Grounds, project: Project) -> MeterAccess:
    """Keep the meters' credentials from addresses that the change alone names, where the base has no project file."""
    access = meter_access()
    return MeterAccess(ca_file=access.ca_file) if settings.base and held.project is project else access


def _chosen(project: Project, patterns: Sequence[str]) -> list[ModelEntry]:
    names = [entry.name for entry in project.models]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise UsageError("--model", f"`{pattern}` matches no model of the project", nearest(pattern, names))
    return [
        entry
        for entry in project.models
        if not patterns or any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in patterns)
    ]
