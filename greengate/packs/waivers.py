"""Waiver documents, attached to the policies whose rules they name; one that could never take effect is an error."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from greengate.changes import Grant
from greengate.errors import Place, nearest
from greengate.packs import amounts, documents, plans
from greengate.packs.mistakes import fitting, shaped
from greengate.packs.sources import Source
from greengate.packs.translate import LIMITS, TOLERANCES
from greengate.packs.yaml_text import KeyPath
from greengate.policy import REVIEW, Budget, Condition, Drift, Enforce, Limit, Policy, Rule, Tolerance, Waiver
from greengate.quantities import Quantity

# An absolute ceiling bounds growth; a share of a baseline that is itself beyond the limit would bound nothing.
_BOUND_BY = {
    "max": ("max",),
    "min": ("min",),
    "max_increase": ("max_increase", "max"),
    "max_decrease": ("max_decrease", "min"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """The policies whose rules a waiver may name.

    Attributes:
        policies: Those that could be read.
        unread: Names of those that could not, of whose rules nothing is known; None if not even the names are.
    """

    policies: Sequence[Policy]
    unread: frozenset[str] | None = frozenset()


def attach(known: Known, sources: Iterable[Source]) -> tuple[Policy, ...]:
    """Return the policies with the waivers that name their rules; complain of waivers that fit none."""
    granted: dict[str, list[Waiver]] = {policy.name: [] for policy in known.policies}
    first: dict[str, Place] = {}
    for source in sources:
        waiver = read(source, (), source.value, known)
        name = source.value.get("id")
        if isinstance(name, str) and name in first:
            problem = f"the waiver `{name}` is given twice; first at {first[name]}"
            source.complain(("id",), problem, "rename one of them")
        elif isinstance(name, str):
            first[name] = source.place(("id",))
        if waiver is not None:
            granted[waiver.rule.split("/")[0]].append(waiver)
    return tuple(replace(policy, waivers=(*policy.waivers, *granted[policy.name])) for policy in known.policies)


def read(source: Source, path: KeyPath, value: object, known: Known) -> Waiver | None:
    """Read one waiver for the rule that it names; complain of what cannot be.

    Args:
        source: The document.
        path: Where in it the waiver stands; () if the document is the waiver.
        value: The waiver as plain values.
        known: The policies whose rules it may name.
    """
    model = documents.WaiverBody if path else documents.Waiver
    before = len(source.problems)
    shaped(model, value, source, path)
    raw = value if isinstance(value, dict) else {}
    _check_date(source, (*path, "expires"), raw.get("expires"))
    rule = _rule(source, (*path, "rule"), raw.get("rule"), known)
    if rule is None:
        return None
    _check_fits(source, path, raw, rule)
    _check_granted(source, path, raw, rule, known)
    ceilings = _ceilings(source, (*path, "ceiling"), raw.get("ceiling"), rule)
    shape = fitting(model, value)
    if shape is None or len(source.problems) > before:
        return None
    return Waiver(
        id=shape.id,
        rule=shape.rule,
        ceilings=ceilings,
        expires=shape.expires,
        reason=shape.reason,
        granted_by=shape.granted_by,
        type=shape.type or "",
        match=plans.match(shape.match),
        place=source.place(path),
    )


def reviewed(waivers: Iterable[Waiver]) -> tuple[Grant, ...]:
    """Take it that an owner has approved what waits for a review."""
    return tuple(Grant(waiver=one.id, reviewed=True, by="an owner", change="given") for one in waivers if one.by_review)


def _check_date(source: Source, path: KeyPath, written: object) -> None:
    if not isinstance(written, str) or len(written) != 10:
        return
    try:
        dt.date.fromisoformat(written)
    except ValueError:
        source.complain(path, f"`{written}` is no day of the calendar", "write it as year-month-day: `2026-12-31`")


def _rule(source: Source, path: KeyPath, name: object, known: Known) -> Rule | None:
    """Find the rule that a waiver names, or say which name is nearest."""
    if not isinstance(name, str) or name.count("/") != 1:
        return None
    rules = {f"{policy.name}/{rule.id}": rule for policy in known.policies for rule in policy.rules}
    owner, own_name = name.split("/")
    if name in rules or known.unread is None or owner in known.unread:
        return rules.get(name)
    own = [rule for rule in rules if rule.startswith(f"{owner}/")]
    problem = f"the policy `{owner}` has no rule `{own_name}`" if own else f"no policy `{owner}` is read here"
    source.complain(path, problem, nearest(name, own or rules))
    return None


def _check_fits(source: Source, path: KeyPath, raw: dict[str, object], rule: Rule) -> None:
    """Complain of a waiver that the gate would never heed."""
    if rule.enforce is Enforce.HARD:
        problem = f"the rule is hard, so that this waiver can never take effect; the rule is at {rule.place}"
        source.complain((*path, "rule"), problem, "only soft and advisory rules can be waived")
    elif _is_budget(rule):
        problem = f"the rule is a budget, which no waiver lets be overdrawn; it is at {rule.place}"
        source.complain((*path, "rule"), problem, "raise its `max` on the base branch, where everybody sees it")
    elif rule.metric is None:
        problem = "the rule is an expression, to which no ceiling can be given, so that it cannot be waived"
        source.complain((*path, "rule"), problem, "limit a metric instead, or make the rule advisory")
    wanted, given = rule.unless.approval if rule.unless else "", raw.get("type")
    if wanted and given is None:
        problem = f"`type` is missing: the rule asks for an approval of type `{wanted}`"
        source.complain(path, problem, f"write `type: {wanted}` if that is what was approved")
    elif wanted and isinstance(given, str) and given != wanted:
        problem = f"the rule asks for an approval of type `{wanted}`, this waiver is of type `{given}`"
        source.complain((*path, "type"), problem)


def _check_granted(source: Source, path: KeyPath, raw: dict[str, object], rule: Rule, known: Known) -> None:
    """Complain of a waiver that waits for a review by owners that nobody names."""
    owner = str(raw.get("rule")).partition("/")[0]
    owners = [one for policy in known.policies if policy.name == owner for one in policy.owners_of(rule)]
    if raw.get("granted_by") == REVIEW and not owners:
        problem = f"the policy `{owner}` names no owners, so that no review could ever grant it"
        source.complain((*path, "granted_by"), problem, "name its `owners`, or say who answers for the waiver")


def _ceilings(source: Source, path: KeyPath, written: object, rule: Rule) -> tuple[Limit | Tolerance, ...]:
    raw = fitting(documents.Ceiling, written)
    if raw is None or rule.metric is None or rule.enforce is Enforce.HARD or _is_budget(rule):
        return ()
    found: list[Limit | Tolerance] = []
    for side, value in raw.model_dump(exclude_none=True).items():
        granted = _ceiling(source, (*path, side), side, value, rule)
        found += [granted] if granted else []
    given = set(raw.model_dump(exclude_none=True))
    for check in rule.checks:
        if not isinstance(check, Condition | Budget) and not given & set(_BOUND_BY[check.side]):
            key = "max_drift" if isinstance(check, Drift) else check.side
            problem = f"the ceiling does not say how far `{key}` may be broken"
            source.complain(path, problem, "give it " + " or ".join(f"`{bound}`" for bound in _BOUND_BY[check.side]))
            break
    return tuple(found)


def _is_budget(rule: Rule) -> bool:
    return any(isinstance(check, Budget) for check in rule.checks)


def _ceiling(source: Source, path: KeyPath, side: str, written: object, rule: Rule) -> Limit | Tolerance | None:
    assert rule.metric is not None
    check: Limit | Tolerance | None = None
    if side in LIMITS:
        bound = amounts.limit(source, path, rule.metric, written)
        check = Limit(side, bound) if bound else None
    elif side in TOLERANCES:
        delta = amounts.difference(source, path, rule.metric, written, falls=side == "max_decrease")
        check = Tolerance(side, delta) if delta else None
    if check is not None:
        _compare(source, path, check, rule)
    return check


def _compare(source: Source, path: KeyPath, check: Limit | Tolerance, rule: Rule) -> None:
    """Hold a waiver's ceiling against the rule: wider than its bounds, and no wider than its own ceiling."""
    amount = _amount(check)
    bound = [own for own in rule.checks if not isinstance(own, Condition | Budget) and own.side == check.side]
    # where a drift stands beside a tolerance, a ceiling between the two still waives the tolerance
    for own in [own for own in bound if not isinstance(own, Drift)] or bound:
        allowed = _amount(own)
        if isinstance(own, Drift) and type(allowed) is not type(amount):
            source.complain(path, f"the ceiling {amount} cannot be compared with `{own}`", "write it as a share")
        if type(allowed) is type(amount) and _tighter(check.side, amount, allowed):
            problem = f"the ceiling {amount} is tighter than the rule's own `{own}`, so that it would waive nothing"
            source.complain(path, problem, f"the rule is at {rule.place}")
    outermost = rule.unless.ceiling if rule.unless and isinstance(check, Tolerance) else None
    if outermost is not None and type(outermost) is type(amount) and amount.amount > outermost.amount:
        problem = f"the ceiling {amount} is above {outermost}, the most that the rule's `unless` lets through"
        source.complain(path, problem, f"the rule is at {rule.place}")


def _amount(check: Limit | Tolerance | Drift) -> Quantity:
    return check.bound if isinstance(check, Limit) else check.delta


def _tighter(side: str, ceiling: Quantity, allowed: Quantity) -> bool:
    return ceiling.amount > allowed.amount if side == "min" else ceiling.amount < allowed.amount
