"""Whether a policy is at least as strict as what it extends.

A rule that is restated keeps its metric and all its checks, each bound at least as strict, and is enforced as hard or
harder. A drift keeps what it starts from. An `unless` may be taken away, its ceiling lowered, its gain raised; it may
not be added, or ask for another approval. An expression cannot be compared with another, so it must be the same text.

Of `measurement`, `confidence` may only rise: a pass must be surer. `false_fail` may only rise too: the rarer a false
failure has to be, the more proof a failure needs and the more stays open. `comparable` may only grow. `evidence` may
not go from `any` to `measured`, after which estimated figures would only warn; `inconclusive` may not go from `fail` to
`warn`. `baseline` may be given where the parent leaves it to the project file, and then stays: a change must not choose
what it is compared with. `runner` may be asked for and asked for more narrowly, never less. `budget` and `max_pairs`
say how long to look, not how strictly, and are free, but where the inconclusive only warns they may only rise, or
nothing would ever be decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from greengate.packs.plans import Setting, plan
from greengate.policy import (
    PROJECT_SAYS,
    Budget,
    Check,
    Condition,
    Drift,
    Enforce,
    Gain,
    Limit,
    Override,
    ReferenceRunner,
    Rule,
    Tolerance,
    Tradeoff,
)
from greengate.quantities import Duration, Quantity, Share


@dataclass(frozen=True, slots=True)
class Loosening:
    """Something that a child says less strictly than its parent: which key, and both values in words."""

    key: str
    parent: str
    child: str


def of_rule(parent: Rule, child: Rule) -> Iterator[Loosening]:
    """Yield what a restated rule loosens."""
    if parent.metric != child.metric:
        yield Loosening("metric", _metric(parent), _metric(child))
        return
    if list(Enforce).index(child.enforce) < list(Enforce).index(parent.enforce):
        yield Loosening("enforce", parent.enforce, child.enforce)
    restated = {_side(check): check for check in child.checks}
    for check in parent.checks:
        own = restated.get(_side(check))
        if own is None or not _as_strict(check, own):
            yield Loosening(_side(check), _bound(check), _bound(own) if own else "nothing")
    if child.unless is not None:
        yield from _of_tradeoff(parent.unless, child.unless)


def _metric(rule: Rule) -> str:
    return rule.metric.name if rule.metric else "an expression"


def _side(check: Check) -> str:
    if isinstance(check, Drift):
        return "max_drift"
    if isinstance(check, Budget):
        return "budget"
    return "cel" if isinstance(check, Condition) else check.side


def _bound(check: Check) -> str:
    if isinstance(check, Condition):
        return f"`{check.text}`"
    if isinstance(check, Drift):
        return str(check).removeprefix("max_drift ")
    if isinstance(check, Budget):
        return str(check)
    return str(check.bound if isinstance(check, Limit) else check.delta)


def _as_strict(parent: Check, child: Check) -> bool:
    if isinstance(parent, Condition) or isinstance(child, Condition):
        return parent == child
    if isinstance(parent, Drift) and isinstance(child, Drift):
        same = (child.side, child.since) == (parent.side, parent.since)
        return same and child.delta.amount <= parent.delta.amount
    if isinstance(parent, Budget) and isinstance(child, Budget):
        return _budget_as_strict(parent, child)
    if isinstance(parent, Tolerance) and isinstance(child, Tolerance):
        return type(child.delta) is type(parent.delta) and child.delta.amount <= parent.delta.amount
    assert isinstance(parent, Limit)  # one side is of one kind
    assert isinstance(child, Limit)
    below = child.bound.amount <= parent.bound.amount
    return below if parent.side == "max" else child.bound.amount >= parent.bound.amount


def _budget_as_strict(parent: Budget, child: Budget) -> bool:
    """Tell whether a budget is the same account with no more in it, and warns no later."""
    same = replace(child, bound=parent.bound, warn_at=parent.warn_at, key=parent.key) == parent
    warns = parent.warn_at is None or (child.warn_at is not None and child.warn_at <= parent.warn_at)
    return same and child.bound.amount <= parent.bound.amount and warns


def _of_tradeoff(parent: Tradeoff | None, child: Tradeoff) -> Iterator[Loosening]:
    if parent is None:
        yield Loosening("unless", "nothing", f"approval {child.approval}")
        return
    if child.approval != parent.approval:
        yield Loosening("unless.approval", parent.approval, child.approval)
    if not _no_more(child.ceiling, parent.ceiling):
        yield Loosening("unless.ceiling", str(parent.ceiling), str(child.ceiling))
    if parent.gain is not None and (child.gain is None or not _as_much(parent.gain, child.gain)):
        yield Loosening("unless.gain", str(parent.gain), str(child.gain) if child.gain else "nothing")


def _no_more(child: Quantity, parent: Quantity) -> bool:
    return type(child) is type(parent) and child.amount <= parent.amount


def _as_much(parent: Gain, child: Gain) -> bool:
    same = (child.metric, child.side, type(child.delta)) == (parent.metric, parent.side, type(parent.delta))
    return same and child.delta.amount >= parent.delta.amount


def of_measurement(parent: Mapping[str, Setting], child: Mapping[str, Setting]) -> Iterator[Loosening]:
    """Yield what a child's measurement loosens, defaults included."""
    old, new = plan(parent), plan(child)
    if new.stakes.false_pass > old.stakes.false_pass:
        yield Loosening("confidence", str(Share(old.confidence)), str(Share(new.confidence)))
    if new.stakes.false_fail < old.stakes.false_fail:
        yield Loosening("false_fail", str(Share(old.stakes.false_fail)), str(Share(new.stakes.false_fail)))
    if not set(new.comparable) >= set(old.comparable):
        yield Loosening("comparable", ", ".join(old.comparable), ", ".join(new.comparable) or "nothing")
    if (old.evidence, new.evidence) == ("any", "measured"):
        yield Loosening("evidence", old.evidence, new.evidence)
    if (old.inconclusive, new.inconclusive) == ("fail", "warn"):
        yield Loosening("inconclusive", old.inconclusive, new.inconclusive)
    if new.baseline != old.baseline != PROJECT_SAYS:
        yield Loosening("baseline", old.baseline, new.baseline)
    if not _asks_as_much(old.runner, new.runner):
        yield Loosening("runner", str(old.runner), str(new.runner) or "any")
    if new.inconclusive == "warn" and new.budget_s < old.budget_s:
        yield Loosening("budget", str(Duration(old.budget_s)), str(Duration(new.budget_s)))
    if new.inconclusive == "warn" and new.max_pairs < old.max_pairs:
        yield Loosening("max_pairs", str(old.max_pairs), str(new.max_pairs))


def _asks_as_much(parent: ReferenceRunner, child: ReferenceRunner) -> bool:
    labels = parent.labels.items() <= child.labels.items()
    return labels and parent.profile in ("", child.profile) and parent.key in ("", child.key)


def of_override(parent: Override | None, child: Override | None) -> Iterator[Loosening]:
    """Yield what a child loosens in who may let a soft failure through; where nothing is said, nobody may."""
    if child is None:
        return
    if parent is None:
        yield Loosening("enforcement.soft.override", "nobody", f"approvals {child.approvals}")
        return
    if child.approvals < parent.approvals:
        yield Loosening("enforcement.soft.override.approvals", str(parent.approvals), str(child.approvals))
    if parent.not_author and not child.not_author:
        yield Loosening("enforcement.soft.override.not_author", "true", "false")
