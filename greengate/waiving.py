"""Asking for a waiver: the smallest that lets a failed rule through, tried before it is offered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from greengate import gate, packs
from greengate.decision import Decision
from greengate.errors import PolicyError, UsageError, nearest
from greengate.evidence import Evidence
from greengate.history import Record
from greengate.ledger.canonical import digest
from greengate.packs.waivers import reviewed
from greengate.policy import REVIEW, Enforce, Policy, Waiver
from greengate.ports import Tree
from greengate.records import WaiverGranted
from greengate.report import remedies
from greengate.report.account import Entry
from greengate.report.remedies import Request, requests
from greengate.trees import Overlaid, matches
from greengate.verdict import Finding, Outcome, Verdict, gravest

USUAL = "waivers/*.yaml"
_MOST = 2000
_PLAIN = '"\\'


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for.

    Attributes:
        today: The day of asking, YYYY-MM-DD.
        until: The waiver's last day, YYYY-MM-DD.
        why: Why the rule may be broken.
        granted_by: Who answers for it; `REVIEW` for whichever owner approves the change that brings it.
        by: Who asks, or "".
    """

    today: str
    until: str
    why: str
    granted_by: str = REVIEW
    by: str = ""

    def __post_init__(self) -> None:
        _day(self.until)
        if self.until < self.today:
            raise UsageError(
                "--until", f"{self.until} is past", f"a waiver's last day is today ({self.today}) or later"
            )
        if not self.why.strip() or len(self.why) > _MOST:
            problem = f"found {len(self.why):,} characters, expected 1 to {_MOST:,}" if self.why.strip() else "is empty"
            raise UsageError("--why", problem, "say in a sentence why the rule may be broken")
        if not self.granted_by.strip():
            raise UsageError("--granted-by", "is empty", f"leave it out for `{REVIEW}`")


@dataclass(frozen=True, slots=True)
class Draft:
    """A waiver that lets one rule through.

    Attributes:
        name: Its id.
        file: Where it belongs, relative to the project's folder.
        named: Whether the project's `policies` name that file already.
        text: The document.
    """

    name: str
    request: Request
    model: str
    file: str
    named: bool
    text: str


@dataclass(frozen=True, slots=True)
class Stand:
    """The policies of a project with their waivers, and what a recorded decision comes to under them.

    Attributes:
        paths: What the project names as its policies.
    """

    record: Record
    evidence: Evidence
    tree: Tree
    paths: tuple[str, ...]
    policies: tuple[Policy, ...]
    verdict: Verdict

    def findings(self, rule: str) -> list[Finding]:
        """List what a rule found."""
        return [finding for finding in self.verdict.findings if finding.name == rule]

    def outcome(self, rule: str) -> Outcome:
        """Name the gravest outcome of a rule."""
        return gravest(finding.outcome for finding in self.findings(rule))

    @property
    def entry(self) -> Entry:
        """The decision as reports tell it."""
        return Entry(self.record.entry_id, self.verdict, self.evidence)


def stand(record: Record, tree: Tree, paths: Sequence[str]) -> Stand:
    """Judge a recorded decision under the policies of a project as they are today.

    Raises:
        UsageError: Its model could not be evaluated, so that there is nothing to judge.
        GreengateError: A policy is wrong.
    """
    evidence = record.decision.evidence
    if evidence is None:
        hint = "mend the model and run the gate again; nothing lets through what was not measured"
        raise UsageError(f"entry {record.entry_id[:12]}", f"has no evidence: {record.decision.problem}", hint)
    policies = packs.load(tree, paths, evidence.model.quality)
    return Stand(record, evidence, tree, tuple(paths), policies, gate.judge(policies, evidence))


def chosen(held: Stand, rule: str, *, every: bool) -> list[Request]:
    """Choose the rules to ask for.

    Args:
        held: The decision.
        rule: The one that is meant, as `policy/rule`; "" for the only one that failed.
        every: Whether all that failed are meant.

    Raises:
        UsageError: There is nothing to ask for, or several rules failed and none was chosen.
    """
    if rule:
        return [_of_rule(held, rule)]
    found = list(requests(held.entry))
    askable = [request for request in found if not request.remedy.obstacle]
    if not found:
        raise UsageError(_where(held), *_nothing(held))
    if not askable:
        return [_of_rule(held, found[0].finding.name)]
    if len(askable) > 1 and not every:
        names = ", ".join(f"`{request.finding.name}`" for request in askable)
        hint = f"choose one with --rule {askable[0].finding.name}, or ask for one each with --all"
        raise UsageError(_where(held), f"{len(askable)} rules failed: {names}", hint)
    return askable


def left(held: Stand, asked: Sequence[Request]) -> list[str]:
    """Say which rules keep the decision from passing all the same."""
    names = {request.finding.name for request in asked}
    others = {f.name: f for f in held.verdict.findings if f.outcome in _BLOCKING and f.name not in names}
    return [f"{name} {finding.outcome}{_hard(finding)}" for name, finding in others.items()]


def drafted(held: Stand, request: Request, asked: Asked, file: str = "") -> Draft:
    """Write the waiver that lets a rule through, and try it.

    Args:
        held: The decision.
        request: The rule.
        asked: What is asked for.
        file: Where it is to stand, relative to the project's folder; "" for where waivers of the project stand.

    Raises:
        UsageError: The rule is asked for already, or nobody could grant it.
        PolicyError: The waiver was tried and does not let the rule through.
    """
    _refuse_unowned(held, request, asked)
    _refuse_pending(held, request)
    model = held.verdict.model
    name = remedies.name(asked.today, request.mark)
    lines = remedies.written(request, name, model, asked.until)
    if not lines:
        raise UsageError(_where(held), "its names are too long to be written into a waiver", "write it by hand")
    text = [*lines, f"reason: {remedies.quoted(asked.why, _PLAIN)}", f"granted_by: {_giver(asked.granted_by)}", ""]
    place, named = (file, _named(held.paths, file)) if file else where(held.paths, name)
    draft = Draft(name, request, model, place, named, "\n".join(text))
    _try(held, draft)
    return draft


def recorded(draft: Draft, asked: Asked, decision: Decision, at: str) -> tuple[WaiverGranted, str, str]:
    """Tell the ledger that a waiver was asked for: a record, the document that it is about, and its SHA-256."""
    remedy = draft.request.remedy
    record = WaiverGranted(
        at=at,
        state="requested",
        waiver=draft.name,
        rule=draft.request.finding.name,
        type=remedy.type,
        why=asked.why,
        expires=asked.until,
        ceiling=remedy.ceiling,
        match={"models": draft.model},
        asked_by=asked.by,
        granted_by="" if asked.granted_by == REVIEW else asked.granted_by,
        change=decision.change.id,
    )
    return record, draft.file, digest(draft.text.encode())


def where(paths: Sequence[str], name: str) -> tuple[str, bool]:
    """Find where a waiver belongs: a file of its own that the project's `policies` name, and whether they do."""
    patterns = [path for path in paths if any(sign in path for sign in "*?[")]
    for pattern in sorted(patterns, key=lambda path: "waiver" not in path):
        for file in _fitting(pattern, name):
            return file, True
    return str(PurePosixPath(USUAL).with_name(f"{name}.yaml")), False


_BLOCKING = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.ERRORED)
_WITHOUT = {
    Outcome.PASSED: ("passed", "what passes needs no waiver"),
    Outcome.WARNED: ("only warns", "what does not block needs no waiver"),
    Outcome.INCONCLUSIVE: (
        "is inconclusive: nobody knows yet how far a waiver would have to reach",
        "measure again, for longer or on a quieter machine",
    ),
    Outcome.ERRORED: ("could not be evaluated", "mend what it names; nothing lets through what was not measured"),
}


def _of_rule(held: Stand, rule: str) -> Request:
    found = held.findings(rule)
    if not found:
        known = {finding.name for finding in held.verdict.findings}
        raise UsageError("--rule", f"no rule `{rule}` judges {_where(held)}", nearest(rule, known))
    outcome = held.outcome(rule)
    if outcome is Outcome.WAIVED:
        raise UsageError(_where(held), *_waived([one for one in found if one.outcome is Outcome.WAIVED]))
    if outcome in _WITHOUT:
        word, hint = _WITHOUT[outcome]
        raise UsageError(_where(held), f"`{rule}` {word}", hint)
    request = next((one for one in requests(held.entry) if one.finding.name == rule), None)
    if request is None:
        raise UsageError(_where(held), *_unwaivable(next(one for one in found if one.outcome is Outcome.FAILED)))
    if request.remedy.obstacle:
        problem = f"no waiver lets `{rule}` through: it {request.remedy.obstacle}"
        raise UsageError(_where(held), problem, "make the model cheaper, or change the policy on the base branch")
    return request


def _where(held: Stand) -> str:
    return f"{held.verdict.model} in entry {held.record.entry_id[:12]}"


def _nothing(held: Stand) -> tuple[str, str]:
    """Say why there is no rule to ask for."""
    failed = [finding for finding in held.verdict.findings if finding.outcome is Outcome.FAILED]
    if failed:
        return _unwaivable(failed[0])
    waived = [finding for finding in held.verdict.findings if finding.outcome is Outcome.WAIVED]
    if held.verdict.outcome is Outcome.WAIVED:
        return _waived(waived)
    word, hint = _WITHOUT[held.verdict.outcome]
    return f"{word} under the policies of today", hint


def _waived(found: Sequence[Finding]) -> tuple[str, str]:
    first = found[0]
    by = f"the waiver {first.waiver}" if first.waiver else "a review"
    return f"`{first.name}` is let through already, by {by}", "`greengate waiver list` tells until when"


def _unwaivable(finding: Finding) -> tuple[str, str]:
    if finding.enforce == Enforce.HARD:
        return f"`{finding.name}` is hard, and nobody may let it through", "make the model fit the rule"
    if finding.kind == "budget":
        hint = "raise its `max` on the base branch, where everybody sees it"
        return f"`{finding.name}` is a budget, which no waiver lets be overdrawn", hint
    return f"`{finding.name}` has no ceiling that a waiver could name", "make the model fit the rule"


def _hard(finding: Finding) -> str:
    return ", and is hard" if finding.enforce == Enforce.HARD else ""


def _refuse_unowned(held: Stand, request: Request, asked: Asked) -> None:
    if asked.granted_by == REVIEW and not request.remedy.owners:
        policy = next(one for one in held.policies if one.name == request.finding.policy)
        problem = f"the policy `{policy.name}` names no owners, so that nobody's review could grant a waiver"
        raise UsageError(str(policy.place), problem, "name its `owners`, or say who answers for it with --granted-by")


def _refuse_pending(held: Stand, request: Request) -> None:
    """Refuse to ask twice: were its waivers reviewed, one of them would let the rule through."""
    granted = [waiver for policy in held.policies for waiver in policy.waivers]
    verdict = gate.judge(held.policies, _as_reviewed(held.evidence, granted))
    found = [one for one in verdict.findings if one.name == request.finding.name and one.outcome is Outcome.WAIVED]
    if found and not any(one.name == request.finding.name and one.outcome in _BLOCKING for one in verdict.findings):
        place = next(waiver.place for waiver in granted if waiver.id == found[0].waiver)
        problem = f"the waiver {found[0].waiver} asks for `{request.finding.name}` already"
        raise UsageError(str(place), problem, "it counts once an owner has approved the change that brings it")


def _as_reviewed(evidence: Evidence, waivers: Sequence[Waiver]) -> Evidence:
    """Take it that an owner has approved what waits for a review."""
    taken = reviewed(waivers)
    named = {grant.waiver for grant in taken}
    return evidence.model_copy(
        update={"grants": (*(grant for grant in evidence.grants if grant.waiver not in named), *taken)}
    )


def _try(held: Stand, draft: Draft) -> None:
    tree = Overlaid(held.tree, draft.file, draft.text.encode())
    paths = held.paths if draft.named else (*held.paths, draft.file)
    policies = packs.load(tree, paths, held.evidence.model.quality)
    evidence = _as_reviewed(held.evidence, [waiver for policy in policies for waiver in policy.waivers])
    rule = draft.request.finding.name
    found = [finding for finding in gate.judge(policies, evidence).findings if finding.name == rule]
    if not any(one.waiver == draft.name for one in found) or any(one.outcome in _BLOCKING for one in found):
        told = "; ".join(finding.reason for finding in found if finding.reason)
        raise PolicyError(
            draft.file, f"a waiver was tried and does not let `{rule}` through: {told}", "write it by hand"
        )


def _giver(word: str) -> str:
    return word if word == REVIEW else remedies.quoted(word, _PLAIN)


def _named(paths: Sequence[str], file: str) -> bool:
    return any(file == path or matches(path, file) for path in paths)


def _fitting(pattern: str, name: str) -> Iterator[str]:
    """List the files of that name that a pattern finds, the likeliest first."""
    folders = [part for part in PurePosixPath(pattern).parts[:-1] if not set(part) & set("*?[")]
    for file in (f"waivers/{name}.yaml", f"{name}.yaml", f"waivers/{name}.yml", f"{name}.yml"):
        path = str(PurePosixPath(*folders, file))
        if matches(pattern, path):
            yield path


def _day(written: str) -> None:
    try:
        found = dt.date.fromisoformat(written).isoformat()
    except ValueError:
        found = ""
    if found != written:
        raise UsageError(
            "--until", f"`{written}` is no day of the calendar", "write it as year-month-day: `2027-03-31`"
        )
