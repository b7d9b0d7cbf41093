"""What a change's own policies would say, were they merged: shown beside the verdict, and never the verdict itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greengate import gate, packs
from greengate.errors import GreengateError, PolicyError, Problems, ProjectError
from greengate.evidence import Evidence
from greengate.grounds import Grounds, scales_of
from greengate.packs.project import Project
from greengate.packs.waivers import reviewed
from greengate.policy import Policy
from greengate.settings import Settings
from greengate.trees import WorkingTree
from greengate.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Edited:
    """The policies and waivers of a change that edits them.

    Attributes:
        policies: They, or () where something is wrong with them.
        wrong: What is wrong with them, or "".
    """

    project: Project
    policies: tuple[Policy, ...] = ()
    wrong: str = ""

    def would_say(self, evidence: Evidence, verdict: Verdict) -> tuple[str, ...]:
        """Tell in words what would be judged otherwise, rule by rule; nothing where all would be the same."""
        entry = self.project.model(evidence.model.name)
        if self.wrong or entry is None:
            return (f"its own policies cannot be read: {self.wrong}",) if self.wrong else ()
        model = entry.identity
        covering = [policy for policy in self.policies if policy.match.covers(model, evidence.branch)]
        waiting = reviewed([waiver for policy in covering for waiver in policy.waivers if waiver.by_review])
        known = [grant for grant in evidence.grants if grant.reviewed is not None]
        grants = {grant.waiver: grant for grant in (*waiting, *known)}
        own = gate.judge(covering, evidence.model_copy(update={"model": model, "grants": tuple(grants.values())}))
        told = (*_differences(verdict, own), *_waiting(own, {grant.waiver for grant in waiting} - _granted(evidence)))
        if told and own.outcome is not verdict.outcome:
            return (f"the verdict would be {own.outcome} instead of {verdict.outcome}", *told)
        return told


def edited(settings: Settings, held: Grounds, project: Project) -> Edited | None:
    """Read the policies of the change itself; None where they are those that judge it, or it does not edit them."""
    if not held.base or held.project is project:
        return None
    try:
        tree = WorkingTree(settings.root)
        policies = packs.load(tree, settings.policies or project.policies, scales_of(project))
    except (PolicyError, ProjectError, Problems) as error:
        return Edited(project, wrong=_first(error))
    return None if _stand(policies) == _stand(held.policies) else Edited(project, policies)


def _stand(policies: tuple[Policy, ...]) -> list[tuple[object, ...]]:
    return sorted((policy.name, policy.digest, policy.parents, repr(policy.waivers)) for policy in policies)


def _first(error: GreengateError) -> str:
    first = error.problems[0] if isinstance(error, Problems) else error
    more = len(error.problems) - 1 if isinstance(error, Problems) else 0
    return f"{first.where}: {first.problem}" + (f" (and {more} more)" if more else "")


def _differences(verdict: Verdict, own: Verdict) -> Iterator[str]:
    before, after = _by_check(verdict), _by_check(own)
    for key in dict.fromkeys((*before, *after)):
        then, now = before.get(key), after.get(key)
        if then is None and now is not None:
            yield f"{now.name}: new, {now.outcome} ({now.limit or now.reason})"
        elif then is not None and now is None:
            yield f"{then.name}: gone, {then.outcome} today ({then.limit})"
        elif then is not None and now is not None and (then.outcome, then.limit) != (now.outcome, now.limit):
            yield f"{now.name}: {_changed(then, now)}"


def _granted(evidence: Evidence) -> set[str]:
    return {grant.waiver for grant in evidence.grants if grant.reviewed}


def _waiting(own: Verdict, names: set[str]) -> Iterator[str]:
    """Say which waivers are taken to be approved, as they would be where an owner approves the change."""
    for name in dict.fromkeys(finding.waiver for finding in own.findings if finding.waiver in names):
        yield f"the waiver {name} counts once an owner has approved the change that brings it"


def _by_check(verdict: Verdict) -> dict[tuple[object, ...], Finding]:
    """Key findings by what they check, without the amount; of several alike, by their order."""
    found: dict[tuple[object, ...], Finding] = {}
    for finding in verdict.findings:
        key = (finding.name, finding.kind, finding.limit.partition(" ")[0])
        found[(*key, sum(other[:3] == key for other in found))] = finding
    return found


def _changed(then: Finding, now: Finding) -> str:
    outcome = f"{now.outcome} instead of {then.outcome}" if then.outcome is not now.outcome else f"still {now.outcome}"
    return f"{outcome} ({then.limit} -> {now.limit})" if then.limit != now.limit else outcome
