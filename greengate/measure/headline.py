"""Which of several meters is believed first, and where the others contradict it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greengate.evidence import Class, Figure
from greengate.measure.events import Event

_WIDTH = {"process": 0, "device": 1, "package": 1, "host": 2}


@dataclass(frozen=True, slots=True)
class Headline:
    """The meter whose figures come first, for all subjects alike, and where other meters contradict it, in words."""

    meter: str
    events: tuple[Event, ...]


def headline(figures: Mapping[str, Mapping[str, Figure]]) -> Headline | None:
    """Choose the meter of the surest class; of one class the one that sees most.

    Args:
        figures: Figures of one metric by subject and meter; modelled ones may be among them.

    Returns:
        None where no meter has a figure of every subject.
    """
    shared = set.intersection(*(set(by_meter) for by_meter in figures.values())) if figures else set()
    if not shared:
        return None
    best = _surest({meter: [by_meter[meter] for by_meter in figures.values()] for meter in sorted(shared)})
    told = (
        _disagreement(subject, best, by_meter[best], meter, by_meter[meter])
        for subject, by_meter in figures.items()
        for meter in sorted(by_meter)
        if meter != best
    )
    return Headline(best, tuple(Event("meters-disagree", words) for words in told if words))


def _surest(meters: Mapping[str, list[Figure]]) -> str:
    """Order by class and width of scope; of one scope by gain, and of parts beside one another by what they draw."""
    champions: dict[str, str] = {}
    surest = min(_rank(figures[0]) for figures in meters.values())
    for meter, figures in meters.items():
        if _rank(figures[0]) == surest:
            champion = champions.setdefault(figures[0].provenance.scope, meter)
            if _gain(figures) < _gain(meters[champion]):
                champions[figures[0].provenance.scope] = meter
    return max(champions.values(), key=lambda meter: sum(figure.amount for figure in meters[meter]))


def _rank(figure: Figure) -> tuple[int, int]:
    return list(Class).index(figure.provenance.kind), -_WIDTH.get(figure.provenance.scope, -1)


def _gain(figures: list[Figure]) -> float:
    return figures[0].provenance.type_b or 0.0


def _disagreement(subject: str, name: str, one: Figure, other_name: str, other: Figure) -> str:
    """Tell where two cannot both be right: the same scope read twice should agree, and no part exceeds the whole."""
    scope, other_scope = one.provenance.scope, other.provenance.scope
    width, other_width = _WIDTH.get(scope, -1), _WIDTH.get(other_scope, -1)
    above = one.interval.low > other.interval.high
    below = other.interval.low > one.interval.high
    if scope == other_scope:
        contradicted = above or below
    else:
        contradicted = (above and width < other_width) or (below and other_width < width)
    if not contradicted or min(width, other_width) < 0:
        return ""
    return f"meters-disagree: {subject}: {_in_words(name, one)}, but {_in_words(other_name, other)}"


def _in_words(name: str, figure: Figure) -> str:
    low, high = figure.interval.low, figure.interval.high
    return f"{name} ({figure.provenance.scope}) says {figure.amount:.4g} J ({low:.4g} to {high:.4g} J)"
