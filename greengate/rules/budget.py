"""A budget: what all changes of a team, a model, a label or a project may use in a month, a quarter or a year together.

Why it matters: each change fits on its own, and together they are twice what was agreed. What open changes would use is
reserved, so that two of them cannot both take the last kilogram.

Example:
    budgets:
      - {id: quarter-carbon, metric: deployment_carbon, per: {team: nlp}, period: quarter, max: 1200 kgCO2e,
         warn_at: 80%, enforce: soft}
"""

from __future__ import annotations

from greengate import smallest_units
from greengate.draws import INSISTED, MERGED, PREVIEWED, WITHHELD, Drawn
from greengate.evidence import Evidence
from greengate.metrics import Metric
from greengate.policy import Budget
from greengate.rules.assessment import Assessment, unavailable
from greengate.verdict import Outcome

_GROWN = 1.5  # of what a merged change was booked with; less is scatter
_MANY = 10


def assess(check: Budget, metric: Metric, evidence: Evidence) -> Assessment:
    """Hold what a change draws against what the budget has left; a change that asks for nothing always fits."""
    drawn = next((one for one in evidence.budgets if one.budget == check.key), None)
    if drawn is None:
        return unavailable(str(check), "nothing is known of this budget: it was not looked up")
    if drawn.missing:
        return unavailable(_limit(check, drawn), drawn.missing)
    figure = evidence.candidate.figures.get(metric.name)
    drawn = drawn.model_copy(update={"maximum": smallest_units.allowed(check.bound)})  # of today's policy
    outcome = _outcome(check, drawn)
    return Assessment(
        outcome=outcome,
        limit=_limit(check, drawn),
        figure=f"{_words(drawn, drawn.total)} with {_asked(drawn)}",
        interval="",
        margin=_margin(drawn),
        counterfactual=_counterfactual(drawn) if outcome is Outcome.FAILED else "",
        reason="; ".join(_reasons(check, drawn)),
        amount=smallest_units.quantity(drawn.total, drawn.unit).amount,
        provenance=figure.provenance if figure else None,
        estimated=bool(figure and figure.provenance.kind.estimated),
    )


def _outcome(check: Budget, drawn: Drawn) -> Outcome:
    if drawn.outcome == MERGED:
        grown = drawn.asked > _GROWN * max(drawn.booked, 0) and drawn.asked > drawn.booked
        return Outcome.INCONCLUSIVE if grown else Outcome.PASSED
    if drawn.asked > 0 and drawn.total > drawn.maximum:
        return Outcome.FAILED
    warned = check.warn_at is not None and drawn.total > check.warn_at * drawn.maximum
    return Outcome.WARNED if warned and drawn.asked > 0 else Outcome.PASSED


def _limit(check: Budget, drawn: Drawn) -> str:
    about = "".join(f", {part}" for part in (drawn.scope, check.basis) if part)
    return f"max {check.bound} in {drawn.period}{about}"


def _asked(drawn: Drawn) -> str:
    if drawn.asked:
        return f"{_words(drawn, drawn.asked)} of this change"
    return f"this change, which saves {_words(drawn, drawn.saved)}" if drawn.saved else "nothing of this change"


def _margin(drawn: Drawn) -> str:
    over = drawn.total - drawn.maximum
    return f"{_share(drawn)}, {_words(drawn, abs(over))} {'over' if over > 0 else 'left'}"


def _share(drawn: Drawn) -> str:
    if not drawn.maximum:
        return "of no budget"
    share = drawn.total / drawn.maximum
    return f"{share:,.0f} times the budget" if share >= _MANY else f"{share * 100:.3g}% of the budget"


def _counterfactual(drawn: Drawn) -> str:
    if drawn.left <= 0:
        return "would pass if it asked for nothing: the budget is used up"
    return f"would pass if it asked for <= {_words(drawn, drawn.left)}"


def _reasons(check: Budget, drawn: Drawn) -> list[str]:
    told = [f"spent {_words(drawn, drawn.spent)}, reserved by other changes {_words(drawn, drawn.reserved)}"]
    if drawn.outcome == MERGED:
        booked = f"this change was merged already, with {_words(drawn, drawn.booked)}"
        told.append(f"{booked}: what it asks for beyond that needs a change of its own")
    elif drawn.outcome == WITHHELD:
        told.append("nothing was reserved, as another budget of this change refused")
    elif drawn.outcome == INSISTED:
        told.append("reserved over the maximum, since the policy lets it pass")
    elif drawn.outcome == PREVIEWED:
        told.append("nothing was reserved, as no change is named (--change)")
    if check.warn_at is not None and drawn.total > check.warn_at * drawn.maximum:
        told.append(f"above the {check.warn_at * 100:.3g}% at which it warns")
    if drawn.holders:
        told.append(f"reserved by {', '.join(drawn.holders)}")
    if drawn.unknown:
        told.append(f"not in it, as no accepted figure of them is known: {', '.join(drawn.unknown)}")
    return told


def _words(drawn: Drawn, amount: int) -> str:
    return smallest_units.quantity(amount, drawn.unit).in_words()
