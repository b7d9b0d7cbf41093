"""When the electricity of a zone is green enough for a job, by what a live source tells.

Nothing here knows the time or asks anyone: what is decided follows from the points and from `now`. Points that cannot
be trusted, or do not tell of the whole window, are never a reason to start.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from greengate.bases import Boundary
from greengate.ports import Point
from greengate.quantities import Intensity

ABSURD_G = 2000  # the dirtiest coal plant there is emits less a kilowatt-hour
AHEAD = timedelta(minutes=10)  # how far another machine's clock may be ahead of this one's
STALE_AFTER = timedelta(hours=3)
_NONE = timedelta(0)
_TICK = timedelta(microseconds=1)
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job needs.

    Attributes:
        below: The mean intensity over the job must be less than this; None asks for the greenest time there is.
        within: The job lies wholly between now and so much later.
        lasting: How long it runs; zero looks only at the moment in which it starts.
        stale_after: What was worked out longer ago than this is not believed.
    """

    below: Intensity | None
    within: timedelta
    lasting: timedelta = _NONE
    stale_after: timedelta = STALE_AFTER


@dataclass(frozen=True, slots=True)
class Span:
    """A run of the job, and the mean intensity over it, in g/kWh."""

    start: datetime
    end: datetime
    g_per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Go:
    """The job may start now."""

    span: Span
    lowest: Span


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """The job may start later: as soon as it is below the limit, or at the greenest time where there is none."""

    span: Span
    lowest: Span


@dataclass(frozen=True, slots=True)
class NoWindow:
    """At no time in the window is it below the limit; this is the lowest."""

    lowest: Span


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """Nothing can be decided by these points: why, and what may help."""

    why: str
    hint: str = ""


Decision = Go | WaitUntil | NoWindow | Inconclusive


def decide(zone: str, points: Sequence[Point], now: datetime, wanted: Wanted) -> Decision:
    """Decide when a job may start in a zone."""
    if now.utcoffset() is None:
        return Inconclusive("the time at which it is asked has no time zone")
    now = now.astimezone(UTC)
    if wanted.lasting > wanted.within:
        return Inconclusive(f"a job of {told(wanted.lasting)} does not fit into {told(wanted.within)}")
    end = now + wanted.within
    why = next(_faults(zone, points, now, end, wanted.stale_after), "")
    if why:
        return Inconclusive(why)
    return _chosen(_Course(points), now, end, wanted)


def _chosen(course: _Course, now: datetime, end: datetime, wanted: Wanted) -> Decision:
    spans = [course.span(start, wanted.lasting) for start in course.starts(now, end, wanted.lasting)]
    lowest = min(spans, key=lambda span: (span.g_per_kwh, span.start))
    if wanted.below is None:
        chosen = lowest
    else:
        limit = Decimal(str(wanted.below.amount))
        below = next((span for span in spans if span.g_per_kwh < limit), None)
        if below is None:
            return NoWindow(lowest)
        chosen = below
    return Go(chosen, lowest) if chosen.start == now else WaitUntil(chosen, lowest)


class _Course:
    """The course of the intensity: points without a gap, and the sum up to each."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._starts = [point.start.astimezone(UTC) for point in points]
        self._ends = [point.end for point in points]
        self._values = [point.g_per_kwh for point in points]
        self._sums = [Decimal(0)]
        for point in points:
            self._sums.append(self._sums[-1] + point.g_per_kwh * (point.lasts // _TICK))

    def starts(self, now: datetime, end: datetime, lasting: timedelta) -> list[datetime]:
        """List, in order, the starts that matter.

        The mean over the job is linear from one of these to the next, so that the lowest is at one of them.
        """
        edges = {edge for edge in (*self._starts, *self._ends) if now <= edge <= end}
        found = {now, end - lasting, *edges, *(edge - lasting for edge in edges)}
        return sorted(start for start in found if now <= start <= end - lasting)

    def span(self, start: datetime, lasting: timedelta) -> Span:
        """Return the run that begins at `start`, with its mean; of no length, with the value at that moment."""
        if not lasting:
            return Span(start, start, self._values[self._at(start)])
        total = self._up_to(start + lasting) - self._up_to(start)
        return Span(start, start + lasting, total / (lasting // _TICK))

    def _at(self, moment: datetime) -> int:
        """Find the point that holds a moment; at the very end of all, the last."""
        return max(bisect_left(self._starts, moment + _TICK) - 1, 0)

    def _up_to(self, moment: datetime) -> Decimal:
        at = self._at(moment)
        return self._sums[at] + self._values[at] * ((moment - self._starts[at]) // _TICK)


def _faults(zone: str, points: Sequence[Point], now: datetime, end: datetime, stale_after: timedelta) -> Iterator[str]:
    """Say what is wrong with the points, the gravest first."""
    if not points:
        yield f"the source tells nothing of {zone}"
        return
    for point in points:
        yield from _odd(zone, point, points[0])
    yield from _disordered(points)
    yield from _old(points, now, stale_after)
    yield from _gaps(points, now, end)


def _odd(zone: str, point: Point, first: Point) -> Iterator[str]:
    if point.zone != zone:
        yield f"it was asked of {zone} and told of {point.zone}"
    if point.start.utcoffset() is None:
        yield f"the time {point.start.isoformat()} has no time zone"
    if point.lasts <= _NONE:
        yield f"the point of {when(point.start)} has no length"
    yield from _absurd(point)
    if point.basis != first.basis:
        yield f"points of different bases: {first.basis} beside {point.basis}"


def _absurd(point: Point) -> Iterator[str]:
    what, value = f"the point of {when(point.start)}", point.g_per_kwh
    if not value.is_finite():
        yield f"{what} is no finite number"
    elif value < 0:
        yield f"{what} is negative: {value:.6g} g/kWh"
    elif value > ABSURD_G:
        yield f"{what} is absurd: {value:.6g} g/kWh, more than {ABSURD_G}"
    elif not value and point.basis.boundary is Boundary.LIFECYCLE:
        yield f"{what} is 0 g/kWh, which no electricity has over its life cycle"


def _disordered(points: Sequence[Point]) -> Iterator[str]:
    for one, other in pairwise(points):
        # In UTC: two times of one zone compare by what stands on the wall.
        if other.start.astimezone(UTC) < one.start.astimezone(UTC):
            yield f"the points are not in the order of time: {when(one.start)} comes before {when(other.start)}"
        elif other.start.astimezone(UTC) < one.end:
            yield f"the points of {when(one.start)} and of {when(other.start)} overlap"


def _old(points: Sequence[Point], now: datetime, stale_after: timedelta) -> Iterator[str]:
    newest = points[-1].end
    if newest <= now:
        yield f"what is told ends at {when(newest)}, {told(now - newest)} ago"
    for point in points:
        updated = point.updated_at
        if updated is None or point.end <= now:
            continue
        if updated.utcoffset() is None:
            yield f"the time of its update, {updated.isoformat()}, has no time zone"
        elif updated > now + AHEAD:
            yield f"it says that it was updated at {when(updated)}, which is still to come: a clock is wrong"
        elif now - updated > stale_after:
            yield f"it was updated at {when(updated)}, {told(now - updated)} ago: more than {told(stale_after)}"


def _gaps(points: Sequence[Point], now: datetime, end: datetime) -> Iterator[str]:
    known = now
    for point in points:
        if known > now and known >= end:
            return
        start = point.start.astimezone(UTC)
        if start > known:
            yield f"nothing is told from {when(known)} to {when(start)}"
        known = max(known, point.end)
    if known < end:
        yield f"what is told ends at {when(known)}, and the window at {when(end)}"


def when(moment: datetime) -> str:
    """Write a time in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def told(lasting: timedelta) -> str:
    """Write a length of time, such as `2 h 5 min`."""
    if lasting < timedelta(minutes=1):
        return f"{round(lasting.total_seconds())} s"
    minutes = round(lasting / timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min")) if number)


def plain(g_per_kwh: Decimal) -> str:
    """Write an intensity that was believed as a decimal number, to a millionth of a gram."""
    return f"{g_per_kwh.quantize(_PLACES):f}".rstrip("0").rstrip(".")
