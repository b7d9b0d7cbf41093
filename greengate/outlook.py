"""When and where the electricity is green enough: a live source is asked, and `greengate.window` decides.

The command line, the Airflow sensor and the GitHub action all ask here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from greengate import registry, settings, window
from greengate.errors import SourceError, UsageError
from greengate.ports import IntensitySource, Point
from greengate.window import Decision, Go, Inconclusive, NoWindow, Span, WaitUntil, Wanted

_BEFORE = timedelta(hours=1)  # how far back the stretch that holds `now` may have begun


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked: of which source, for which zones, and what the job needs.

    Attributes:
        address: Where the source is asked instead of its own address, or its file.
        fresh: Whether answers that were kept some minutes ago are left aside.
    """

    source: str
    zones: tuple[str, ...]
    wanted: Wanted
    address: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A zone, what was told of it, and what follows."""

    zone: str
    points: tuple[Point, ...]
    decision: Decision

    @property
    def span(self) -> Span | None:
        """The run of the job that was chosen, or the lowest there is."""
        if isinstance(self.decision, Inconclusive):
            return None
        return self.decision.lowest if isinstance(self.decision, NoWindow) else self.decision.span


@dataclass(frozen=True, slots=True)
class Outlook:
    """What follows for all the zones that were asked for.

    Attributes:
        now: When it was asked.
        places: The zones, in the order in which they were asked for.
        best: The one that the answer is about.
    """

    now: datetime
    places: tuple[Place, ...]
    best: Place

    @property
    def decision(self) -> Decision:
        """The answer."""
        return self.best.decision


def look(ask: Ask, now: datetime) -> Outlook:
    """Ask the source of every zone, and decide.

    Raises:
        UsageError: There is no such source, something that it needs is not given, or zones cannot be compared.
    """
    access = settings.live_access(ask.source, ask.address)
    source = registry.intensity_source(ask.source, replace(access, cache=None) if ask.fresh else access)
    try:
        places = tuple(_place(source, zone, ask.wanted, now) for zone in ask.zones)
    finally:
        source.close()
    _refuse_unlike(places)
    return Outlook(now, places, _best(places, ask.wanted))


def _place(source: IntensitySource, zone: str, wanted: Wanted, now: datetime) -> Place:
    try:
        points = _points(source, zone, now, now + wanted.within)
    except SourceError as error:
        return Place(zone, (), Inconclusive(f"{error.where}: {error.problem}", error.hint))
    return Place(zone, points, window.decide(zone, points, now, wanted))


def _points(source: IntensitySource, zone: str, now: datetime, end: datetime) -> tuple[Point, ...]:
    """Take what is forecast; where that begins after now, what is known of now before it."""
    ahead = tuple(source.forecast(zone, now, end))
    if any(point.start <= now for point in ahead):
        return ahead
    known = source.actual(zone, now - _BEFORE, now)
    return (*(point for point in known if not ahead or point.start < ahead[0].start), *ahead)


def _refuse_unlike(places: Sequence[Place]) -> None:
    known = [place for place in places if not isinstance(place.decision, Inconclusive)]
    for place in known[1:]:
        unlike = known[0].points[0].basis.unlike(place.points[0].basis)
        if unlike:
            problem = f"{known[0].zone} and {place.zone} cannot be compared: {unlike}"
            raise UsageError("--zones", problem, "ask for zones of one kind, or for one zone")


def _best(places: Sequence[Place], wanted: Wanted) -> Place:
    """Choose where the job may start now before where it waits, and of those the greenest.

    Without a limit it is the greenest, whenever that is. Where nothing is known there may be a window: that comes
    before a place without one.
    """
    ready = [place for place in places if isinstance(place.decision, Go)]
    later = [place for place in places if isinstance(place.decision, WaitUntil)]
    chosen = ready + later if wanted.below is None else ready or later
    unknown = [place for place in places if isinstance(place.decision, Inconclusive)]
    return unknown[0] if unknown and not chosen else min(chosen or places, key=_greenest)


def _greenest(place: Place) -> tuple[Decimal, datetime]:
    assert place.span is not None
    return place.span.g_per_kwh, place.span.start
