"""What a change draws on budgets: each budget once, in words and as a bar of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greengate import smallest_units
from greengate.draws import GRANTED, INSISTED, MERGED, PREVIEWED, REFUSED, WITHHELD, Drawn

_CELLS = 12
_SPENT, _HELD, _ASKED, _LEFT = "█", "▓", "▒", "░"
_MANY = 10
_WORDS = {  # the gravest first
    REFUSED: "refused: it does not fit",
    WITHHELD: "not reserved, as another budget refused",
    INSISTED: "reserved over the maximum, since the policy lets it pass",
    PREVIEWED: "a preview: nothing is reserved",
    GRANTED: "it fits",
    MERGED: "merged already",
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the models of a change draw on one budget together; amounts are whole numbers of its unit.

    Attributes:
        drawn: As the last of the models found it.
        outcome: The gravest of what became of what they asked for.
        asked: What all of them ask for; of a change that is merged, what it has drawn.
        saved: What they give back once the change is merged.
        others: What other open changes hold.
        holders: Which of them hold most, where one of the models was refused.
        missing: Why it is not known what some of them draw.
    """

    drawn: Drawn
    outcome: str
    asked: int
    saved: int
    others: int
    holders: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def left(self) -> int:
        """What is left of it with this change; below 0 where it is overdrawn."""
        return self.drawn.maximum - self.drawn.spent - self.others - self.asked

    @property
    def share(self) -> str:
        """Say how much of it is gone with this change: `80.2%`, `12 times`."""
        if not self.drawn.maximum:
            return "of nothing"
        share = 1 - self.left / self.drawn.maximum
        return f"{share:,.0f} times" if share >= _MANY else f"{share * 100:.3g}%"

    @property
    def bar(self) -> str:
        """Draw what is spent, held by others, asked for and left, in a dozen signs."""
        ends, sofar = [0], 0
        for part in (self.drawn.spent, self.others, self.asked):
            sofar += max(0, part)
            cells = round(_CELLS * sofar / self.drawn.maximum) if self.drawn.maximum else _CELLS * (sofar > 0)
            least = ends[-1] + (part > 0)  # what is there can be seen
            ends.append(min(max(cells, least), _CELLS))
        parts = zip((_SPENT, _HELD, _ASKED), ends, ends[1:], strict=False)
        return "".join(sign * (end - start) for sign, start, end in parts) + _LEFT * (_CELLS - ends[-1])

    @property
    def state(self) -> str:
        """Say what became of what was asked."""
        return _WORDS.get(self.outcome, "") if self.asked else ""

    def words(self, amount: int) -> str:
        """Write an amount of it with its unit."""
        return smallest_units.quantity(amount, self.drawn.unit).in_words()


def drawings(models: Sequence[Sequence[Drawn]]) -> Iterator[Drawing]:
    """Add up what several models draw, in the order in which they drew."""
    accounts: dict[tuple[str, str, str, str], list[Drawn]] = {}
    for drawn in models:
        for one in drawn:
            accounts.setdefault((one.budget, one.scope, one.period, one.unit), []).append(one)
    return map(_together, accounts.values())


def _together(parts: Sequence[Drawn]) -> Drawing:
    *earlier, last = parts
    held = sum(one.asked for one in earlier if one.outcome in {GRANTED, INSISTED})
    outcomes = [one.outcome for one in parts]
    return Drawing(
        drawn=last,
        outcome=next((word for word in _WORDS if word in outcomes), last.outcome),
        asked=sum(one.booked if one.outcome == MERGED else one.asked for one in parts),
        saved=sum(one.saved for one in parts),
        others=max(0, last.reserved - held),  # the book counts this change's other models among the others
        holders=tuple(dict.fromkeys(held for one in parts for held in one.holders)),
        missing=tuple(dict.fromkeys(one.missing for one in parts if one.missing)),
    )
