"""What a policy means, in sentences: its rules after `extends` and `params`, how evidence is taken, and its waivers."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Any

from greengate.packs import phrases
from greengate.policy import Budget, Drift, Enforce, Match, Plan, Policy, ReferenceRunner, Rule, Tolerance, Waiver
from greengate.quantities import Duration, Share

_WIDTH = 110
_BASELINES = {
    "path": "the baseline that the project file names",
    "merge-base": "the model at the merge base of the change",
    "last-release": "the model of the last release",
    "last-pass": "the model of the last entry of the history that passed",
}
_FAILS = {
    Enforce.ADVISORY: "Where this is broken, the check only warns.",
    Enforce.SOFT: "Where this is broken, the check fails, unless a waiver lets it through.",
    Enforce.HARD: "Where this is broken, the check fails; nothing lets it through.",
}


def words(policy: Policy, today: str) -> str:
    """Explain a policy in lines of plain text.

    Args:
        policy: The policy, as loaded.
        today: The date, YYYY-MM-DD, to tell which waivers are over.
    """
    lines = [f"{policy.name} ({policy.place.file})"]
    lines += [_wrapped(line, "  ") for line in (policy.description, *_about(policy)) if line]
    parts = [(f"{rule.id} ({rule.enforce})", rule_words(policy, rule)) for rule in policy.rules]
    parts += [("How evidence is taken", plan_words(policy.plan))]
    granted = [waiver_words(policy, waiver, today) for waiver in policy.waivers]
    parts += [("Waivers", granted)] if granted else []
    for title, said in parts:
        lines += ["", f"  {title}", *(_wrapped(line, "    ") for line in said)]
    return "\n".join(lines)


def _wrapped(line: str, indent: str) -> str:
    return textwrap.fill(
        line,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def rule_words(policy: Policy, rule: Rule) -> list[str]:
    """Explain a rule: what it asks, what happens where it is broken, and where it is written."""
    asked = [_sentence(phrases.check(rule.metric, check)) for check in rule.checks]
    inherited = ", inherited" if rule.place.file != policy.place.file else ""
    written = f"Written at {rule.place.file}:{rule.place.line}{inherited}."
    said = [f'It then says: "{rule.message}"'] if rule.message else []
    return [*asked, _tradeoff(rule) if rule.unless else _fails(rule), *said, written]


def _fails(rule: Rule) -> str:
    if not any(isinstance(check, Budget) for check in rule.checks):
        return _FAILS[rule.enforce]
    outcome = "only warns" if rule.enforce is Enforce.ADVISORY else "fails; no waiver lets it through"
    return f"Where a change asks for more than is left, the check {outcome}."


def plan_words(plan: Plan) -> list[str]:
    """Explain how a policy takes its evidence, error rates included."""
    same = " and ".join([", ".join(plan.comparable[:-1]), *plan.comparable[-1:]]).removeprefix(" and ")
    wrong, missed = Share(plan.stakes.false_fail), Share(plan.stakes.false_pass)
    estimated = "only warn" if plan.evidence == "measured" else "count like measured ones"
    return [
        f"A change is compared with {_BASELINES[plan.baseline]}.",
        f"Both sides must have the same {same}; else nothing is concluded." if same else "Both sides may differ.",
        (
            "Where figures are measured in pairs, a change that is worse than its tolerance passes in at most "
            f"{missed} of cases, and one that is not fails in at most {wrong}."
        ),
        f"Measuring takes at most {Duration(plan.budget_s)} or {plan.max_pairs} pairs a model.",
        *_runner_words(plan.runner),
        f"Estimated figures {estimated}.",
        "What cannot be decided, or has no figure, "
        + ("only warns." if plan.inconclusive == "warn" else "does not pass: the check ends as inconclusive."),
    ]


def waiver_words(policy: Policy, waiver: Waiver, today: str) -> str:
    """Explain a waiver of a policy: what it lets through, how far, until when, by whom and why."""
    ends = "expired on" if waiver.expired(today) else "until"
    ceilings = " and ".join(phrases.ceiling(check) for check in waiver.ceilings)
    whose = "" if waiver.match == Match() else f" for {phrases.match(waiver.match)}"
    since = _since(policy, waiver) if any(isinstance(check, Tolerance) for check in waiver.ceilings) else ""
    return (
        f"{waiver.id} lets {waiver.rule} be broken{whose}, as far as {ceilings}{since}, {ends} {waiver.expires}; "
        f"granted by {waiver.granted_by}: {waiver.reason} ({waiver.place.file}:{waiver.place.line})"
    )


def values(policy: Policy, today: str) -> dict[str, Any]:
    """Explain a policy as plain values, for programs; amounts are texts with their unit."""
    return {
        "name": policy.name,
        "description": policy.description,
        "owners": list(policy.owners),
        "file": policy.place.file,
        "digest": f"sha256:{policy.digest}",
        "extends": [{"name": name, "digest": f"sha256:{digest}"} for name, digest in policy.parents],
        "match": asdict(policy.match),
        "rules": [_rule_values(policy, rule) for rule in policy.rules],
        "measurement": _plan_values(policy.plan),
        "override": asdict(policy.override) if policy.override else None,
        "waivers": [_waiver_values(waiver, today) for waiver in policy.waivers],
    }


def _about(policy: Policy) -> list[str]:
    """Say whose a policy is, where it applies, what it extends, and who may let a failure through."""
    owners = f"Owners: {', '.join(policy.owners)}." if policy.owners else ""
    extended = f"Extends {', '.join(name for name, _ in policy.parents)}." if policy.parents else ""
    who = policy.override
    override = ""
    if who:
        many = "approval lets" if who.approvals == 1 else "approvals let"
        author = "; the author's own does not count" if who.not_author else ""
        override = f"On the forge, {who.approvals} {many} a soft failure through, given by the {who.whose}{author}."
    return [owners, f"Applies to {phrases.match(policy.match)}.", extended, override]


def _tradeoff(rule: Rule) -> str:
    assert rule.unless is not None
    grows = any(isinstance(check, Tolerance) and check.side == "max_increase" for check in rule.checks)
    needed = [f"a waiver of the type {rule.unless.approval} has been granted"]
    needed += [phrases.gain(rule.unless.gain)] if rule.unless.gain else []
    needed += [f"the {'growth' if grows else 'fall'} stays within {phrases.amount(rule.unless.ceiling)}"]
    outcome = "warns" if rule.enforce is Enforce.ADVISORY else "fails"
    return f"Where this is broken, the check {outcome}. Let through only if {', '.join(needed[:-1])} and {needed[-1]}."


def _since(policy: Policy, waiver: Waiver) -> str:
    """Say what a waiver's growth is counted from, where the rule has a drift."""
    (rule,) = (rule for rule in policy.rules if waiver.rule == f"{policy.name}/{rule.id}")
    starts = [phrases.start(check) for check in rule.checks if isinstance(check, Drift)]
    beside = "the baseline, and over " if any(isinstance(check, Tolerance) for check in rule.checks) else ""
    return f" over {beside}{starts[0]}" if starts else ""


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _rule_values(policy: Policy, rule: Rule) -> dict[str, Any]:
    unless = rule.unless
    return {
        "id": rule.id,
        "enforce": str(rule.enforce),
        "metric": rule.metric.name if rule.metric else None,
        "checks": [str(check) for check in rule.checks],
        "unless": {
            "approval": unless.approval,
            "gain": str(unless.gain) if unless.gain else None,
            "ceiling": str(unless.ceiling),
        }
        if unless
        else None,
        "message": rule.message,
        "file": rule.place.file,
        "line": rule.place.line,
        "inherited": rule.place.file != policy.place.file,
        "words": rule_words(policy, rule),
    }


def _plan_values(plan: Plan) -> dict[str, Any]:
    return {
        "baseline": plan.baseline,
        "comparable": list(plan.comparable),
        "evidence": plan.evidence,
        "confidence": str(Share(plan.confidence)),
        "false_fail": str(Share(plan.stakes.false_fail)),
        "budget": str(Duration(plan.budget_s)),
        "max_pairs": plan.max_pairs,
        "inconclusive": plan.inconclusive,
        "runner": _runner_values(plan.runner),
        "words": plan_words(plan),
    }


def _runner_words(runner: ReferenceRunner) -> list[str]:
    profile = [f"sha256:{runner.profile}"] if runner.profile else []
    labels = [f"labelled {' and '.join(f'{key}: {value}' for key, value in runner.labels.items())}"]
    signed = [f"signed by {runner.key}"] if runner.key else []
    asked = " and ".join([*profile, *(labels if runner.labels else []), *signed])
    return (
        [f"Measured figures count only from a runner whose profile is {asked}; counted ones always do."]
        if asked
        else []
    )


def _runner_values(runner: ReferenceRunner) -> dict[str, Any] | None:
    if not runner.asks:
        return None
    profile = f"sha256:{runner.profile}" if runner.profile else None
    return {"profile": profile, "labels": dict(runner.labels), "key": runner.key or None}


def _waiver_values(waiver: Waiver, today: str) -> dict[str, Any]:
    return {
        "id": waiver.id,
        "rule": waiver.rule,
        "type": waiver.type,
        "ceilings": [str(check) for check in waiver.ceilings],
        "match": asdict(waiver.match),
        "expires": waiver.expires,
        "expired": waiver.expired(today),
        "reason": waiver.reason,
        "granted_by": waiver.granted_by,
        "file": waiver.place.file,
        "line": waiver.place.line,
    }
