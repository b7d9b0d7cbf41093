"""Budgets that have their shape become rules; whatever they say that cannot be is told with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from greengate import periods, smallest_units
from greengate.accounts import MOST
from greengate.errors import Place
from greengate.metrics import METRICS, Metric
from greengate.packs import amounts, documents
from greengate.packs.mistakes import fitting, remains
from greengate.packs.sources import Source
from greengate.packs.translate import Written
from greengate.packs.yaml_text import KeyPath
from greengate.periods import NotAPeriod
from greengate.policy import Budget, Enforce, Rule
from greengate.quantities import Quantity, Share

_OF_A_BASIS = ("deployment_carbon", "deployment_carbon_market")
TRAINED = {"deployment_energy": "training_energy", "deployment_carbon": "training_carbon"}


def read(source: Source, unfilled: set[KeyPath], taken: Mapping[str, Place]) -> list[Written]:
    """Read the budgets that have their shape; complain of what cannot be, and of an id that is given twice.

    Args:
        source: The policy, its params filled in.
        unfilled: Values that name unknown params, whose budgets are left out.
        taken: The ids of the policy's rules, and where those are.
    """
    found: dict[str, Written] = {}
    raw = source.value.get("budgets")
    known = dict(taken)
    for at, item in enumerate(raw if isinstance(raw, list) else []):
        path = ("budgets", at)
        shape = remains(documents.Budget, item, {"enforce": "soft"})
        if shape is None or any(spot[:2] == path for spot in unfilled):
            continue
        rule = _rule(source, path, shape)
        if shape.id in known:
            problem = f"`{shape.id}` is given twice; first at {known[shape.id]}"
            source.complain((*path, "id"), problem, "rules and budgets share their names: rename one of them")
        elif rule is not None and fitting(documents.Budget, item) is not None:
            keys = {key: source.place((*path, key)) for key in item}
            found[shape.id] = Written(rule, {**keys, "budget": source.place((*path, "max"))})
        known.setdefault(shape.id, source.place(path))
    return list(found.values())


def as_own(written: Written, policy: str) -> Written:
    """Let a budget of all that its policy covers be an account of each policy that inherits it."""
    budget = _budget(written.rule)
    if budget is None or budget.per:
        return written
    return Written(replace(written.rule, checks=(replace(budget, key=f"{policy}/{written.rule.id}"),)), written.places)


def as_inherited(own: Written, inherited: Written | None) -> Written:
    """Let a budget that is restated draw on the account of the one that it tightens."""
    theirs = _budget(inherited.rule) if inherited else None
    mine = _budget(own.rule)
    if mine is None or theirs is None:
        return own
    return Written(replace(own.rule, checks=(replace(mine, key=theirs.key),)), own.places)


def _budget(rule: Rule) -> Budget | None:
    return next((check for check in rule.checks if isinstance(check, Budget)), None)


def _rule(source: Source, path: KeyPath, shape: documents.Budget) -> Rule | None:
    before = len(source.problems)
    metric = METRICS[shape.metric]
    bound = amounts.limit(source, (*path, "max"), metric, shape.max)
    warn_at = _warn_at(source, (*path, "warn_at"), shape.warn_at)
    per = _per(source, (*path, "per"), shape.per)
    _check_owner(source, path, shape)
    _check_kind(source, path, shape)
    _check_zone(source, (*path, "timezone"), shape.timezone)
    if bound is not None and smallest_units.allowed(bound) > MOST:
        most = smallest_units.quantity(MOST, smallest_units.unit_of(metric.kind))
        source.complain((*path, "max"), f"`{shape.max}` is more than an account can hold", f"at most {most}")
    if bound is None or len(source.problems) > before:
        return None
    budget = Budget(
        key=f"{source.name}/{shape.id}",
        per=per,
        period=shape.period,
        bound=bound,
        warn_at=warn_at,
        basis=(shape.basis or "lifecycle") if shape.metric in _OF_A_BASIS else "",
        training=bool(shape.training),
        phase=shape.phase or "",
        zone=shape.timezone or "UTC",
        first_month=shape.year_starts or 1,
    )
    return _written(source, path, shape, metric, budget)


def _written(source: Source, path: KeyPath, shape: documents.Budget, metric: Metric, budget: Budget) -> Rule:
    return Rule(
        id=shape.id,
        checks=(budget,),
        metric=metric,
        enforce=Enforce(shape.enforce),
        message=shape.message or "",
        place=source.place(path),
    )


def _warn_at(source: Source, path: KeyPath, written: str | float | None) -> float | None:
    if written is None:
        return None
    found: Quantity | None = amounts.amount(source, path, Share, written)
    if found is not None and not 0 < found.amount < 1:
        when = "warns at once" if found.amount <= 0 else "never warns before the budget is used up"
        source.complain(path, f"`{written}` {when}", "such as `80%`")
    return found.amount if found else None


def _per(source: Source, path: KeyPath, shape: documents.Per | None) -> tuple[tuple[str, str], ...]:
    """Put what a budget is for in one order, since an account is known by it."""
    if shape is None:
        return ()
    found = {"team": shape.team, "model": shape.model, "project": shape.project}
    found |= {f"label {name}": value for name, value in (shape.labels or {}).items()}
    told = tuple(sorted((word, value) for word, value in found.items() if value is not None))
    if not told:
        source.complain(path, "`per` names nobody", "give it a `team`, `model`, `project` or `labels`")
    return told


def _check_owner(source: Source, path: KeyPath, shape: documents.Budget) -> None:
    metadata = fitting(documents.Metadata, source.value.get("metadata"))
    if shape.owner is None and metadata is not None and not metadata.owners:
        hint = "give the budget an `owner`, or the policy `metadata: {owners: [...]}`"
        source.complain(path, f"the budget `{shape.id}` has no owner: nobody could raise it, or say no", hint)


def _check_kind(source: Source, path: KeyPath, shape: documents.Budget) -> None:
    trains = shape.metric.startswith("training_")
    if shape.training and shape.metric not in TRAINED:
        problem = f"`training` adds to a budget of {' or '.join(TRAINED)}, and this one is of {shape.metric}"
        source.complain((*path, "training"), problem, "take it out", key=True)
    if shape.basis and shape.metric not in _OF_A_BASIS:
        source.complain((*path, "basis"), f"`basis` is of emissions, and this budget is of {shape.metric}", key=True)
    if shape.phase and not (trains or shape.training):
        source.complain((*path, "phase"), "`phase` is of trainings, which this budget does not draw", key=True)


def _check_zone(source: Source, path: KeyPath, written: str | None) -> None:
    try:
        periods.zone(written or "UTC")
    except NotAPeriod as refused:
        source.complain(path, str(refused), refused.hint)
