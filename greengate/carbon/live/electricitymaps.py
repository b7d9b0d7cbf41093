"""Electricity Maps, API v3: the average intensity of what a zone consumes, over the life cycle, by the hour.

Shapes: https://portal.electricitymaps.com/developer-hub/api/reference (carbon-intensity: latest, history, past-range,
forecast) and https://docs.electricitymaps.com (errors; lifecycle factors unless others are asked for). A forecast's
points lack what is told of actual ones; a plan that does not include a zone is refused like a wrong key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from greengate.bases import Basis, Boundary, Mix, Signal
from greengate.carbon.live.courier import PACE, Courier, Letter, Pace, Question
from greengate.carbon.live.reading import Odd, entry, moment, number, rows, same, updated, yes_or_no
from greengate.errors import UsageError
from greengate.ports import Point
from greengate.settings import LiveAccess
from greengate.web import addresses

NAME = "electricitymaps"
ADDRESS = "https://api.electricitymaps.com"
TOKEN = "GREENGATE_ELECTRICITYMAPS_TOKEN"  # noqa: S105 - the variable's name
_FRESH = timedelta(minutes=5)
_HORIZONS_H = (6, 24, 48, 72)
_HOUR = timedelta(hours=1)
_RECENT = timedelta(minutes=90)
_DAY = timedelta(days=1)
_STEPS = {"hourly": _HOUR, "15_minutes": timedelta(minutes=15), "5_minutes": timedelta(minutes=5)}
_BOUNDARIES = {"lifecycle": Boundary.LIFECYCLE, "direct": Boundary.OPERATIONAL}
_ASKED = {"emissionFactorType": "lifecycle", "temporalGranularity": "hourly"}
_REFUSALS = {
    401: (
        "it refuses the key, or its plan does not include the zone",
        f"look at {TOKEN}, and at what its plan includes",
    ),
    403: ("its plan does not include that", f"look at {TOKEN}, and at what its plan includes"),
    404: ("it knows no such zone", "zones are written like `DE`, `FR` or `US-CAL-CISO`"),
}


class ElectricityMaps:
    """Asks Electricity Maps, with the key of `GREENGATE_ELECTRICITYMAPS_TOKEN`."""

    def __init__(self, access: LiveAccess, pace: Pace = PACE) -> None:
        if not access.token:
            raise UsageError(NAME, "it is asked with a key, and there is none", f"set {TOKEN}")
        headers = {"auth-token": addresses.header(NAME, TOKEN, access.token)}
        self._courier = Courier(NAME, ADDRESS, access, headers=headers, refusals=_REFUSALS, pace=pace)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell the hours that are forecast, from the present one on."""
        hours = (end - start) / _HOUR + 1
        horizon = next((most for most in _HORIZONS_H if hours <= most), _HORIZONS_H[-1])
        return self._points("forecast", zone, {"horizonHours": str(horizon)}, "forecast")

    def actual(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell the present hour alone, the last day, or an earlier time, by whichever way leads there."""
        now = self._courier.pace.now()
        if start < now - _DAY:
            span = {"start": _written(start), "end": _written(end)}
            return self._points("past-range", zone, span, "data")
        points = self._points("history", zone, {}, "history") if start < now - _RECENT else self._latest(zone)
        return [point for point in points if point.start < end and point.end > start]

    def close(self) -> None:
        """Close the connection."""
        self._courier.close()

    def _latest(self, zone: str) -> Sequence[Point]:
        question = self._question("latest", zone, {})
        return self._courier.read(
            question, lambda letter: _read(rows([letter.told], "answer"), zone, letter, letter.told)
        )

    def _points(self, path: str, zone: str, params: Mapping[str, str], key: str) -> Sequence[Point]:
        def reading(letter: Letter) -> Sequence[Point]:
            return _read(rows(entry(letter.told, key), key), zone, letter, letter.told, forecast=path == "forecast")

        return self._courier.read(self._question(path, zone, params), reading)

    @staticmethod
    def _question(path: str, zone: str, params: Mapping[str, str]) -> Question:
        return Question(f"/v3/carbon-intensity/{path}", {"zone": zone, **_ASKED, **params}, _FRESH)


def _read(
    found: list[dict[str, Any]], zone: str, letter: Letter, whole: Mapping[str, Any], *, forecast: bool = False
) -> Sequence[Point]:
    if forecast or "zone" in whole:
        same(entry(whole, "zone"), zone, "zone")
    step = whole.get("temporalGranularity", "hourly")
    if not isinstance(step, str) or step not in _STEPS:
        raise Odd("its `temporalGranularity` is {}", step)
    points = []
    for row in found:
        same(row.get("zone", zone), zone, "zone")
        value = number(entry(row, "carbonIntensity"), "carbonIntensity")
        if value is None:
            continue  # a gap, which is told of where it matters
        points.append(
            Point(
                zone=zone,
                start=moment(entry(row, "datetime"), "datetime"),
                lasts=_STEPS[step],
                g_per_kwh=value,
                basis=_basis(row),
                source=NAME,
                forecast=forecast,
                estimated=None if forecast else yes_or_no(row.get("isEstimated"), "isEstimated"),
                updated_at=updated(row.get("updatedAt", whole.get("updatedAt")), "updatedAt"),
                sha256=letter.sha256,
            )
        )
    return points


def _basis(row: Mapping[str, Any]) -> Basis:
    factors = row.get("emissionFactorType", _ASKED["emissionFactorType"])
    if not isinstance(factors, str) or factors not in _BOUNDARIES:
        raise Odd("its `emissionFactorType` is {}", factors)
    return Basis(Signal.AVERAGE, _BOUNDARIES[factors], Mix.CONSUMPTION)


def _written(moment_: datetime) -> str:
    return f"{moment_:%Y-%m-%dT%H:%M:%SZ}"
