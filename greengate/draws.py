"""What a change draws on a budget, and what the budget had at that moment: all that a verdict on it rests on.

Amounts of the account are whole numbers of its `unit` (`ugCO2e`, `mJ` or `uEUR`), as the book of budgets keeps them; in
JSON they are decimal strings, since they may be larger than what other languages read exactly.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from greengate.values import Real, Value

GRANTED, REFUSED, WITHHELD, INSISTED = "granted", "refused", "withheld", "insisted"
MERGED, PREVIEWED = "merged", "previewed"

Whole = Annotated[
    int,
    BeforeValidator(lambda text: int(text) if isinstance(text, str) else text),
    PlainSerializer(str, return_type=str, when_used="json"),
]


class Draw(Value):
    """One part of what a change draws.

    Attributes:
        what: "deployment" or "training".
        model: What it is booked under: `project:model`, or of a training its record.
        before: A year's figure of what is merged, in the base unit of the metric; 0 where nothing is.
        after: A year's figure of the candidate, by the ratio that the pairs tell; of a training, what it took.
        years: The part of a year that is left of the period; 1 of a training, which is drawn once.
        amount: (after - before) x years, in whole units, rounded up; below 0 for a saving.
    """

    what: str
    model: str
    before: Real
    after: Real
    years: Real
    amount: Whole


class Drawn(Value):
    """What a change draws on one budget.

    Attributes:
        budget: Key of the budget, as in `prod-nlp/quarter-carbon`.
        scope: Whose it is, as in `team=nlp`; "" for all that its policy covers.
        period: Name of the period, as in `2026-Q4`.
        starts: First instant of the period, UTC, ISO 8601.
        ends: First instant of the next one.
        maximum: The most that may be drawn in the period.
        spent: What is used up: deployments of models that are merged, trainings, true-ups.
        reserved: What others' open changes hold.
        asked: What this change asks for: the sum of its draws that are above 0.
        outcome: "granted", "refused", "withheld" (it fits, but another budget refused), "insisted" (reserved over the
            maximum, since the policy lets it pass), "merged" (drawn already) or "previewed" (no change is named, so
            that nothing was reserved).
        booked: What a change that is merged has drawn.
        holders: Who holds the largest reservations, where this one was refused, in words.
        unknown: Models of the scope whose use in this period nobody knows.
        missing: Why there is no draw, or nothing.
    """

    budget: str
    scope: str
    period: str
    starts: str
    ends: str
    unit: str
    maximum: Whole
    spent: Whole = 0
    reserved: Whole = 0
    asked: Whole = 0
    draws: tuple[Draw, ...] = ()
    outcome: str = PREVIEWED
    booked: Whole = 0
    holders: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    missing: str = ""

    @property
    def total(self) -> int:
        """What the budget would hold with this change."""
        return self.spent + self.reserved + self.asked

    @property
    def left(self) -> int:
        """What the budget has left for this change; below 0 where it is overdrawn."""
        return self.maximum - self.spent - self.reserved

    @property
    def saved(self) -> int:
        """What this change gives back once it is merged, 0 where it asks for something."""
        return max(0, -sum(draw.amount for draw in self.draws))
