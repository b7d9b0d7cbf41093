"""From windows to energy per 1,000 inferences, as each meter tells it.

In a window, energy = (power - idle power) x seconds, over the inferences made in it. The figure is the mean over the
windows. Type A uncertainty: the scatter of the windows (t interval) and of the parts of the idle window; type B: the
scale of the meter; combined in quadrature: JCGM 100:2008 (GUM), sections 4 and 5. Windows in which others used the
machine are dropped where the meter sees others' work too; with fewer than three left there is no figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, mean, stdev

from greengate.evidence import Figure, Interval, Provenance
from greengate.measure.campaign import IDLE, Campaign, Turn
from greengate.measure.events import Event
from greengate.ports import MeterFacts
from greengate.student import factor

FEWEST_WINDOWS = 3
_MOST_SAMPLING = 0.01
_MOST_STEAL = 0.05


@dataclass(slots=True)
class Metered:
    """Energy per 1,000 inferences in joules by subject and meter, why meters have none, and what happened, in words."""

    figures: dict[str, dict[str, Figure]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class _Idle:
    """Mean power of the idle window, and that of its parts."""

    watts: float
    parts_w: tuple[float, ...]

    def uncertainty(self, windows_w: Sequence[float]) -> tuple[float, int]:
        """Give its standard uncertainty in watts and the degrees of freedom; if need be, as windows of work scatter."""
        if len(self.parts_w) < 2:
            return stdev(windows_w), len(windows_w) - 1
        return stdev(self.parts_w) / math.sqrt(len(self.parts_w)), len(self.parts_w) - 1


@dataclass(frozen=True, slots=True)
class _Estimate:
    """Joules per 1,000 inferences, half of the interval by scatter alone and in all, relative type A, mean power."""

    joules: float
    noise: float
    half: float
    type_a: float
    watts: float


def metered(campaign: Campaign, confidence: float) -> Metered:
    """Make figures of every meter and subject of a campaign."""
    found = Metered(missing={name: f"{event.name}: {event.words}" for name, event in campaign.left_out.items()})
    events = [Event(left.name, f"{name}: {left.name}: {left.words}") for name, left in campaign.left_out.items()]
    for name, facts in campaign.facts.items():
        idle = _idle(campaign, facts)
        if campaign.idle is not None:
            events += _told(facts, [campaign.idle])
        for subject in dict.fromkeys(turn.subject for turn in campaign.turns):
            turns = campaign.of(subject)
            events += _told(facts, turns)
            figure = idle if isinstance(idle, str) else _figure(facts, turns, idle, confidence)
            if isinstance(figure, str):
                found.missing.setdefault(name, figure)
            else:
                looking = _looking(campaign.sampling.get(name, 0.0))
                found.figures.setdefault(subject, {})[name] = _degraded(figure, looking)
    found.events = tuple(events)
    return found


def _idle(campaign: Campaign, facts: MeterFacts) -> _Idle | str | None:
    """Find the idle power to take off: None for a meter of one process, words where it is not known."""
    if facts.scope == "process":
        return None
    turn = campaign.idle
    watts = None if turn is None else _power_w(facts, turn)
    if turn is None or watts is None:
        return f"idle power is not known ({_names(facts, [turn]) if turn else 'no idle window'})"
    return _Idle(watts, campaign.idle_parts_w.get(facts.id, ()))


def _figure(facts: MeterFacts, turns: Sequence[Turn], idle: _Idle | None, confidence: float) -> Figure | str:
    """Make the figure of one meter and one subject, or say why there is none."""
    subject = turns[0].subject
    used = [turn for turn in turns if _power_w(facts, turn) is not None]
    dropped = [turn for turn in turns if _power_w(facts, turn) is None]
    of_which = f" ({len(dropped)} dropped: {_names(facts, dropped)})" if dropped else ""
    if len(used) < FEWEST_WINDOWS:
        count = f"{len(used)} of {len(turns)} windows of the {subject} can be used{of_which}"
        return f"{count}; it takes {FEWEST_WINDOWS} at least"
    estimate = _estimate(facts, used, idle, confidence)
    if estimate.joules <= estimate.noise:
        idle_w = idle.watts if idle else 0.0
        return f"the {subject} draws {estimate.watts:.4g} W, which cannot be told from {idle_w:.4g} W when idle"
    seconds = sum(turn.seconds for turn in used)
    how = "counter read from tick to tick" if facts.reading == "energy" else "power integrated"
    net = f", less {idle.watts:.4g} W idle" if idle else ""
    low, high = max(0.0, estimate.joules - estimate.half), estimate.joules + estimate.half
    return Figure(
        amount=estimate.joules,
        interval=Interval(low=low, high=high, confidence=confidence),
        provenance=Provenance(
            kind=facts.kind,
            method=f"{how}, mean of {len(used)} windows of {seconds / len(used):.3g} s{net}{of_which}",
            source=facts.source,
            meter=facts.id,
            scope=facts.scope,
            boundary=_boundary(facts),
            net_of_idle=None if idle is None else True,
            type_a=estimate.type_a,
            type_b=facts.gain,
            blocks=len(used),
            window_s=seconds,
            degraded=(*facts.degraded, *_stolen(used)),
        ),
    )


def _estimate(facts: MeterFacts, used: Sequence[Turn], idle: _Idle | None, confidence: float) -> _Estimate:
    powers_w = [watts for turn in used if (watts := _power_w(facts, turn)) is not None]
    idle_w, idle_u_w, idle_freedom = (idle.watts, *idle.uncertainty(powers_w)) if idle else (0.0, 0.0, 1)
    seconds_per_1k = [1000 * turn.seconds / turn.inferences for turn in used]
    values = [(watts - idle_w) * seconds for watts, seconds in zip(powers_w, seconds_per_1k, strict=True)]
    joules = mean(values)
    scatter, idle_scatter = stdev(values) / math.sqrt(len(values)), idle_u_w * mean(seconds_per_1k)
    noise = math.hypot(factor(confidence, len(values) - 1) * scatter, factor(confidence, idle_freedom) * idle_scatter)
    half = math.hypot(noise, NormalDist().inv_cdf((1 + confidence) / 2) * facts.gain * joules)
    type_a = math.hypot(scatter, idle_scatter) / joules if joules > 0 else math.inf
    return _Estimate(joules=joules, noise=noise, half=half, type_a=type_a, watts=mean(powers_w))


def _power_w(facts: MeterFacts, turn: Turn) -> float | None:
    """Give the power of a window that can be used."""
    return None if turn.disturbance(facts.scope) else turn.meters[facts.id].power_w


def _boundary(facts: MeterFacts) -> str:
    inside = "; ".join(f"{name}: {what}" if what else name for name, what in facts.domains.items())
    return f"{inside}; without {facts.excludes}" if facts.excludes else inside


def _stolen(turns: Sequence[Turn]) -> tuple[str, ...]:
    steal = mean(turn.shares.steal if turn.shares else 0.0 for turn in turns)
    return (f"the hypervisor took {steal:.0%} of the machine",) if steal > _MOST_STEAL else ()


def _looking(share: float) -> tuple[str, ...]:
    return (f"looking at the meter took {share:.1%} of a processor",) if share > _MOST_SAMPLING else ()


def _degraded(figure: Figure, reasons: tuple[str, ...]) -> Figure:
    provenance = figure.provenance
    return figure.model_copy(
        update={"provenance": provenance.model_copy(update={"degraded": (*provenance.degraded, *reasons)})}
    )


def _events(facts: MeterFacts, turn: Turn) -> tuple[Event, ...]:
    disturbance = turn.disturbance(facts.scope)
    return (*turn.meters[facts.id].events, *((disturbance,) if disturbance else ()))


def _told(facts: MeterFacts, turns: Sequence[Turn]) -> list[Event]:
    """Tell each kind of event once: in how many windows it was, and the words of the first."""
    seen: dict[str, list[str]] = {}
    for turn in turns:
        for name, words in {event.name: event.words for event in reversed(_events(facts, turn))}.items():
            seen.setdefault(name, []).append(words)
    subject, count = turns[0].subject, len(turns)
    where = {
        name: "the idle window" if subject == IDLE else f"{len(words)} of {count} windows of the {subject}"
        for name, words in seen.items()
    }
    return [Event(name, f"{facts.id}: {name} in {where[name]}: {words[0]}") for name, words in seen.items()]


def _names(facts: MeterFacts, turns: Iterable[Turn]) -> str:
    return ", ".join(dict.fromkeys(event.name for turn in turns for event in _events(facts, turn)))
