"""The web API of the Green Software Foundation's Carbon Aware SDK, as somebody hosts it.

Shapes: https://carbon-aware-sdk.greensoftware.foundation/docs/tutorial-basics/carbon-aware-webapi, and in its source
`EmissionsForecastDTO.cs` and `EmissionsDataDTO.cs` (a forecast's `duration` is in minutes). Its answers do not say
whether their intensities are averages or marginal: that follows from the data source that it was set up with, and has
to be declared. No `windowSize` is asked for, because points would come as overlapping means; nor are bounds, because it
refuses those that lie outside its forecast. In actual points `location` is the data source's own name of the place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.carbon.live.courier import PACE, Courier, Letter, Pace, Question
from greengate.carbon.live.reading import Odd, entry, moment, number, rows, same, updated
from greengate.errors import UsageError, nearest
from greengate.ports import Point
from greengate.settings import LiveAccess

NAME = "carbon-aware"
_FRESH = timedelta(minutes=5)
_SIGNALS = (Signal.AVERAGE, Signal.MARGINAL)
_REFUSALS = {
    404: ("it knows no such location, or is no Carbon Aware SDK", "its `/locations` lists those that it knows")
}


class CarbonAware:
    """Asks the SDK at `GREENGATE_CARBON_AWARE_URL`, whose signal `GREENGATE_CARBON_AWARE_SIGNAL` declares."""

    def __init__(self, access: LiveAccess, pace: Pace = PACE) -> None:
        if not access.address:
            problem = "it has no address of its own: it is whoever hosts the SDK"
            raise UsageError(NAME, problem, "set GREENGATE_CARBON_AWARE_URL, or give --address")
        self._basis = Basis(_signal(access.signal), Boundary.UNKNOWN, Mix.UNKNOWN, Gases.UNKNOWN)
        self._courier = Courier(NAME, access.address, access, refusals=_REFUSALS, pace=pace)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell the whole of the newest forecast."""
        del start, end
        question = Question("/emissions/forecasts/current", {"location": zone}, _FRESH)
        return self._courier.read(question, lambda letter: self._forecast(letter, zone))

    def actual(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell what was between two times."""
        span = {"time": _written(start), "toTime": _written(end)}
        question = Question("/emissions/bylocation", {"location": zone, **span}, _FRESH)
        return self._courier.read(question, lambda letter: self._actual(letter, zone))

    def close(self) -> None:
        """Close the connection."""
        self._courier.close()

    def _forecast(self, letter: Letter, zone: str) -> Sequence[Point]:
        found = rows(letter.told, "answer")
        if len(found) != 1:
            raise Odd(f"it was asked for one forecast, and answers with {len(found)}")
        whole = found[0]
        same(entry(whole, "location"), zone, "location")
        generated = updated(whole.get("generatedAt"), "generatedAt")
        told = rows(entry(whole, "forecastData"), "forecastData")
        _one_place(told)
        return [
            self._point(zone, row, ("timestamp", "value"), _minutes(row), letter, generated)
            for row in told
            if entry(row, "value") is not None
        ]

    def _actual(self, letter: Letter, zone: str) -> Sequence[Point]:
        told = rows(letter.told, "answer")
        _one_place(told)
        lengths = _lengths(told)
        return [
            self._point(zone, row, ("time", "rating"), lasts, letter, None)
            for row, lasts in zip(told, lengths, strict=True)
            if entry(row, "rating") is not None
        ]

    def _point(  # noqa: PLR0913 - one argument a part of the point
        self,
        zone: str,
        row: Mapping[str, Any],
        keys: tuple[str, str],
        lasts: timedelta,
        letter: Letter,
        generated: datetime | None,
    ) -> Point:
        start, value = moment(entry(row, keys[0]), keys[0]), number(entry(row, keys[1]), keys[1])
        assert value is not None
        ahead = keys[1] == "value"
        return Point(zone, start, lasts, value, self._basis, NAME, ahead, None, generated, letter.sha256)


def _signal(declared: str) -> Signal:
    if declared in _SIGNALS:
        return Signal(declared)
    what = f"its signal is declared to be `{declared}`" if declared else "it does not say which signal it tells of"
    hint = "set GREENGATE_CARBON_AWARE_SIGNAL to `average` (Electricity Maps behind it) or to `marginal` (WattTime)"
    raise UsageError(NAME, what, (nearest(declared, _SIGNALS) if declared else "") or hint)


def _one_place(told: Sequence[Mapping[str, Any]]) -> None:
    places = {str(row.get("location")) for row in told}
    if len(places) > 1:
        raise Odd("its points are of several places, such as {} and {}", *sorted(places)[:2])


def _minutes(row: Mapping[str, Any]) -> timedelta:
    minutes = number(entry(row, "duration"), "duration")
    if minutes is None or not 0 < minutes <= 1440:
        raise Odd("its `duration` is {}, expected minutes", minutes)
    return timedelta(minutes=float(minutes))


def _lengths(told: Sequence[Mapping[str, Any]]) -> list[timedelta]:
    """Take a point to last until the next one; the last, as long as the one before."""
    times = [moment(entry(row, "time"), "time") for row in told]
    steps = [other - one for one, other in pairwise(times)]
    if told and not steps:
        raise Odd("it tells of one point, and not how long that lasts")
    return [*steps, *steps[-1:]]


def _written(moment_: datetime) -> str:
    return f"{moment_:%Y-%m-%dT%H:%M:00Z}"
