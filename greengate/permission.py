"""What lets a broken rule through: a waiver, an approving review of the type that the rule asks for, or an override.

Whatever of it is not wholly proven changes nothing. A hard rule is never let through; a budget by nothing but a larger
budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from greengate.changes import PSEUDONYM, Approval, Grant
from greengate.evidence import Evidence
from greengate.metrics import Metric
from greengate.policy import Budget, Check, Drift, Enforce, Gain, Limit, Override, Policy, Rule, Tolerance, Waiver
from greengate.rules import regression, remedies
from greengate.rules.assessment import Assessment
from greengate.rules.kinds import assess
from greengate.verdict import Outcome, Remedy


@dataclass(frozen=True, slots=True)
class Permission:
    """What is left of an outcome after all that may let it through.

    Attributes:
        reason: Why it is let through, or why something that was meant to do so does not.
        waiver: The id of the waiver that did, or "".
        waived_to: How far that waiver reaches.
        approvals: The reviews that did, or those of the waiver that did.
    """

    outcome: Outcome
    reason: str = ""
    waiver: str = ""
    waived_to: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()


def permitted(policy: Policy, rule: Rule, check: Check, found: Assessment, evidence: Evidence) -> Permission:
    """Ask whether anything lets through what was found."""
    if found.outcome not in (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.WARNED) or rule.enforce is Enforce.HARD:
        return Permission(found.outcome)
    case = _Case(policy, rule, check, evidence)
    reasons: list[str] = []
    for ask in (case.waived, case.approved, case.overridden):
        answer = ask(found)
        if isinstance(answer, Permission):
            return answer
        reasons += answer
    return Permission(found.outcome, "; ".join(reasons))


def questions(policy: Policy, rule: Rule, evidence: Evidence) -> Iterable[tuple[Check, Metric]]:
    """Go through what a verdict on a rule may ask, and of which metric: its checks, and what lets it through."""
    if rule.metric is None:
        return
    for check in (*rule.checks, *_ceilings(policy, rule, evidence)):
        yield check, rule.metric
    if rule.unless and rule.unless.gain and (any(_waivers(policy, rule, evidence)) or _counted(policy, rule, evidence)):
        yield _wanted(rule.unless.gain), rule.unless.gain.metric


def remedy(policy: Policy, rule: Rule, evidence: Evidence) -> Remedy | None:
    """Say what would let a failed rule through, by trying it; None where nothing could."""
    if rule.enforce is not Enforce.SOFT or any(isinstance(check, Budget) for check in rule.checks):
        return None
    found = [(check, assess(check, rule, evidence, policy)) for check in rule.checks]
    broken = [_Case(policy, rule, check, evidence) for check, one in found if one.outcome is not Outcome.PASSED]
    ceilings = remedies.ceilings(rule, found)
    obstacles = [words for case in broken for words in case.conditions(ceilings or ())]
    review = bool(
        rule.unless and policy.owners_of(rule) and not any(True for case in broken for _ in case.conditions(()))
    )
    return remedies.remedy(policy, rule, ceilings, obstacles, review=review)


@dataclass(frozen=True, slots=True)
class _Case:
    policy: Policy
    rule: Rule
    check: Check
    evidence: Evidence

    def waived(self, found: Assessment) -> Permission | list[str]:
        """Ask the waivers that are on the base branch."""
        reasons = []
        for waiver in _waivers(self.policy, self.rule, self.evidence):
            grant = next((one for one in self.evidence.grants if one.waiver == waiver.id), None)
            obstacles = [*self._obstacles(waiver, grant)] or [*self.conditions(waiver.ceilings)]
            if not obstacles:
                told = f"waived until {waiver.expires} by {waiver.granted_by}: {waiver.reason}{_as_reviewed(grant)}"
                return Permission(Outcome.WAIVED, told, waiver.id, tuple(map(str, waiver.ceilings)))
            reasons += [f"waiver {waiver.id} {words}" for words in obstacles]
        approvable = self.rule.unless and not _counted(self.policy, self.rule, self.evidence)
        if self.rule.unless and approvable and not reasons and found.outcome is Outcome.FAILED:
            reasons = [f"no waiver of type {self.rule.unless.approval} has been granted"]
        return reasons

    def approved(self, found: Assessment) -> Permission | list[str]:
        """Ask the reviews of the change for the approval that a trade-off needs; its gain and ceiling bind as ever."""
        approvals = _counted(self.policy, self.rule, self.evidence)
        if self.rule.unless is None or not approvals or found.outcome is Outcome.WARNED:
            return []
        if obstacles := [*self.conditions(())]:
            return [f"the approval {_of(approvals[:1])} {words}" for words in obstacles]
        told = f"{self.rule.unless.approval} approved {_of(approvals[:1])}"
        return Permission(Outcome.WAIVED, told, approvals=approvals[:1])

    def overridden(self, found: Assessment) -> Permission | list[str]:
        """Ask the reviews for as many approvals as let a soft failure through; never one without a figure."""
        override = self.policy.override
        if override is None or self.rule.enforce is not Enforce.SOFT or isinstance(self.check, Budget):
            return []
        if found.outcome is not Outcome.FAILED and found.amount is None:
            return []
        owners = self.policy.owners_of(self.rule)
        approvals = _counted(self.policy, self.rule, self.evidence, override)
        if len(approvals) < override.approvals:
            return [_wanting(override, len(approvals), owners)] if owners else []
        used = approvals[: override.approvals]
        return Permission(Outcome.WAIVED, f"overridden {_of(used)}", approvals=used)

    def _obstacles(self, waiver: Waiver, grant: Grant | None) -> Iterator[str]:
        if waiver.match.branches and not self.evidence.branch:
            yield f"is for the branches {', '.join(waiver.match.branches)}; name the branch with --branch"
        if waiver.expired(self.evidence.today):
            yield f"expired on {waiver.expires} ({waiver.place})"
        if self.rule.unless and waiver.type != self.rule.unless.approval:
            yield f"is of type {waiver.type or 'none'}, the rule asks for {self.rule.unless.approval}"
        if grant is not None and grant.reviewed is False:
            yield f"was not approved by an owner of the rule who is not its author: {grant.words}"
        if waiver.by_review and (grant is None or grant.reviewed is None):
            told = grant.words if grant else "the forge was not asked (`greengate approvals`)"
            yield f"is granted by review, and who approved it is not known: {told}"

    def conditions(self, granted: Iterable[Limit | Tolerance]) -> Iterator[str]:
        """Go through the gain and all ceilings; yield what does not hold."""
        policy, rule, evidence = self.policy, self.rule, self.evidence
        if rule.unless and rule.unless.gain:
            gain = rule.unless.gain
            found = regression.assess(_wanted(gain), gain.metric, evidence, policy.plan)
            if found.outcome is not Outcome.PASSED:
                yield f"needs a gain of {gain}, found {_words(found)}"
        for ceiling in _on(self.check, (*_rule_ceiling(rule), *granted)):
            found = assess(ceiling, rule, evidence, policy)
            if found.outcome is not Outcome.PASSED:
                yield f"has a ceiling of {ceiling}, found {_words(found)}"


def _waivers(policy: Policy, rule: Rule, evidence: Evidence) -> Iterable[Waiver]:
    return (
        waiver
        for waiver in policy.waivers
        if waiver.rule == f"{policy.name}/{rule.id}" and waiver.match.covers(evidence.model, evidence.branch)
    )


def _counted(policy: Policy, rule: Rule, evidence: Evidence, override: Override | None = None) -> tuple[Approval, ...]:
    """List the approvals by owners of a rule, one of each person; the author's own only where an override says so."""
    owners = {owner.casefold() for owner in policy.owners_of(rule)}
    own = override is not None and not override.not_author
    found: dict[str, Approval] = {}
    for one in evidence.approvals:
        if (own or not one.author) and one.owns(f"{policy.name}/{rule.id}", owners):
            found.setdefault(one.by.casefold(), one)
    return tuple(found.values())


def _wanting(override: Override, count: int, owners: tuple[str, ...]) -> str:
    missing = override.approvals - count
    author = " who is not the author" if override.not_author else ""
    which = "more approving" if count else "approving"
    reviews = f"{which} review" if missing == 1 else f"{which} reviews"
    return f"{missing} {reviews} by an owner{author} would let it through ({', '.join(owners)})"


def _of(approvals: Iterable[Approval]) -> str:
    return "by " + ", ".join(f"{_mention(one.by)} in review {one.review} of {one.at}" for one in approvals)


def _as_reviewed(grant: Grant | None) -> str:
    if grant is None or not grant.reviewed:
        return ""
    return f"; approved by {_mention(grant.by)} in review {grant.review} of {grant.change}"


def _mention(who: str) -> str:
    """Name somebody by their handle; a person whom the ledger has forgotten, or may not name, has none."""
    return who if " " in who or who.startswith(PSEUDONYM) else f"@{who.removeprefix('@')}"


def _wanted(gain: Gain) -> Tolerance:
    """Turn a gain into what must hold: an increase of at least d is what a decrease of at most -d would be."""
    side = "max_decrease" if gain.side == "min_increase" else "max_increase"
    return Tolerance(side, replace(gain.delta, amount=-gain.delta.amount))


def _words(found: Assessment) -> str:
    open_ = f" ({found.reason})" if found.outcome is Outcome.INCONCLUSIVE and found.reason else ""
    return f"{found.figure}{open_}"


def _rule_ceiling(rule: Rule) -> tuple[Tolerance, ...]:
    if rule.unless is None:
        return ()
    sides = [check.side for check in rule.checks if isinstance(check, Tolerance)]
    return tuple(Tolerance(side, rule.unless.ceiling) for side in sides)


def _on(check: Check, ceilings: Iterable[Limit | Tolerance]) -> list[Limit | Tolerance | Drift]:
    """Read ceilings as bounds of what the check asks: of a drift, they bind the change since the earlier model."""
    if not isinstance(check, Drift):
        return list(ceilings)
    return [
        Drift(ceiling.side, ceiling.delta, check.since) if isinstance(ceiling, Tolerance) else ceiling
        for ceiling in ceilings
    ]


def _ceilings(policy: Policy, rule: Rule, evidence: Evidence) -> list[Limit | Tolerance | Drift]:
    granted = [check for waiver in _waivers(policy, rule, evidence) for check in waiver.ceilings]
    if not granted and not (rule.unless and _counted(policy, rule, evidence)):
        return []
    return [ceiling for check in rule.checks for ceiling in _on(check, (*_rule_ceiling(rule), *granted))]
