"""From a row of looks at a meter to the energy of a window; a look that is wrong is an event with a name, never a zero.

Counters are read from tick to tick (`greengate.measure.counters`); power is integrated by the trapezoidal rule over
the readings, cut to the window. Readings that are no number, negative or more than can be, and 0 W, are left out and
noted. A window with too long a gap is spoiled: what is let pass is this project's choice.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from greengate.measure.counters import Span, counted
from greengate.measure.events import Case, Event, Row
from greengate.ports import Fault, MeterFacts, Sample

_FEWEST_READINGS = 10
_FROZEN_PERIODS = 20


@dataclass(frozen=True, slots=True)
class Window:
    """What a meter says of a span of time.

    Attributes:
        joules: Energy of all domains over `seconds`; None where an event has spoiled it.
        seconds: For counters from the first tick within the span to the last one, else the whole span.
        domains: Joules of each domain that could be read; where ticks of several domains lie apart, at the mean power
            between its own ticks.
        ticks: Changes of the counter, or readings of power, of the domain that had the fewest.
        events: What happened: "missing", "stuck", "zero", "negative", "implausible", "wrapped", "maybe-wrapped-twice",
            "too-short", "not-finite", or a fault by its own name.
    """

    joules: float | None
    seconds: float
    domains: Mapping[str, float]
    ticks: int
    events: tuple[Event, ...]

    @property
    def power_w(self) -> float | None:
        """Mean power over `seconds`, in watts; None where the energy is not known."""
        return None if self.joules is None or self.seconds <= 0 else self.joules / self.seconds


def energy(facts: MeterFacts, samples: Sequence[Sample | Fault], start_s: float, end_s: float) -> Window:
    """Work out the energy of the span from `start_s` to `end_s`, by the clock of the samples.

    Samples around the span may be given and help: one before it tells whether the first one inside is a tick.
    """
    whole = Case(facts, "", start_s, end_s)
    if whole.seconds < facts.shortest_window_s * (1 - 1e-9):
        whole.spoil("too-short", f"{whole.seconds:.3g} s were measured, the meter needs {facts.shortest_window_s:g} s")
    for look in samples:
        if isinstance(look, Fault) and whole.holds(look.at_s):
            whole.note(look.name, look.words)
    cases = [Case(facts, domain, start_s, end_s) for domain in facts.domains]
    spans = {case.domain: _span(case, samples) for case in cases}
    return _together(spans, [whole, *cases])


def _together(spans: Mapping[str, Span | None], cases: Sequence[Case]) -> Window:
    read = {domain: span for domain, span in spans.items() if span is not None}
    seconds = max((span.seconds for span in read.values()), default=0.0)
    domains = {domain: span.joules * (seconds / span.seconds) for domain, span in read.items()}
    known = bool(spans) and not any(case.spoiled for case in cases)
    return Window(
        joules=sum(domains.values()) if known else None,
        seconds=seconds,
        domains=domains,
        ticks=min((span.ticks for span in read.values()), default=0),
        events=tuple(event for case in cases for event in case.events()),
    )


def _span(case: Case, samples: Sequence[Sample | Fault]) -> Span | None:
    row = _readings(case, samples)
    inside = [at_s for at_s, _ in row if case.holds(at_s)]
    longest_s = case.longest_gap_s(inside)
    if not inside or longest_s > case.patience_s:
        case.spoil(
            "missing",
            f"no usable reading for {longest_s:.3g} s of {case.seconds:.3g} s, at most {case.patience_s:.3g} s may be",
        )
        return None
    return counted(case, row) if case.facts.reading == "energy" else _integrated(case, row)


def _readings(case: Case, samples: Sequence[Sample | Fault]) -> Row:
    """Take the usable readings of one domain in order of time."""
    row: Row = []
    for look in sorted((look for look in samples if isinstance(look, Sample)), key=lambda look: look.at_s):
        value = look.values.get(case.domain)
        if value is None or (row and look.at_s <= row[-1][0]):
            continue
        problem = _problem(case, value)
        if problem is None:
            row.append((look.at_s, value))
        elif case.holds(look.at_s):
            case.note(*problem)
    return row


def _problem(case: Case, value: float) -> tuple[str, str] | None:
    watts = case.facts.reading == "power"
    if not math.isfinite(value):
        return "not-finite", f"a reading was {value}"
    if value < 0:
        return "negative", f"a reading was {value:g} {'W' if watts else 'J'}"
    if watts and value == 0:
        return "zero", "a reading was 0 W"
    if watts and value > case.plausible_w:
        return "implausible", f"a reading was {value:g} W, at most {case.plausible_w:g} W can be"
    return None


def _integrated(case: Case, row: Row) -> Span | None:
    inside = [(at_s, watts) for at_s, watts in row if case.start_s < at_s < case.end_s]
    if len(inside) < _FEWEST_READINGS:
        case.spoil("too-short", f"{len(inside)} readings of power, it takes {_FEWEST_READINGS} at least")
        return None
    if _frozen(case, inside):
        case.spoil("stuck", f"all {len(inside)} readings are {inside[0][1]:g} W, told to {case.facts.resolution:g} W")
        return None
    points = [(case.start_s, _at(row, case.start_s)), *inside, (case.end_s, _at(row, case.end_s))]
    joules = sum((later - earlier) * (low + high) / 2 for (earlier, low), (later, high) in pairwise(points))
    return Span(joules=joules, seconds=case.seconds, ticks=len(inside))


def _frozen(case: Case, inside: Row) -> bool:
    """Notice readings of fine steps that never differ, for a time in which they should have been renewed often."""
    watts = inside[0][1]
    fine = case.facts.resolution < watts / 1000 and case.seconds >= _FROZEN_PERIODS * case.facts.period_s
    return fine and all(value == watts for _, value in inside)


def _at(row: Row, at_s: float) -> float:
    """Interpolate power at a time; beyond either end the nearest reading holds."""
    place = bisect_left(row, (at_s, -math.inf))
    if place in {0, len(row)}:
        return row[min(place, len(row) - 1)][1]
    (earlier, low), (later, high) = row[place - 1], row[place]
    return low + (high - low) * (at_s - earlier) / (later - earlier)
