"""NESO, the Carbon Intensity API of Great Britain's system operator: half-hours, two days ahead, without a key.

Shapes: https://carbon-intensity.github.io/api-definitions (GET /intensity/{from}/{to}, CC BY 4.0). It is an average of
what is consumed: power stations, imports and losses, CO2 of generation only. It does not say when it was worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.carbon.live.courier import PACE, Courier, Letter, Pace, Question
from greengate.carbon.live.reading import entry, moment, number, rows
from greengate.errors import UsageError
from greengate.ports import Point
from greengate.settings import LiveAccess

NAME = "neso"
ADDRESS = "https://api.carbonintensity.org.uk"
ZONE = "GB"
BASIS = Basis(Signal.AVERAGE, Boundary.OPERATIONAL, Mix.CONSUMPTION, Gases.CO2)
_FRESH = timedelta(minutes=10)
_STEP = timedelta(minutes=30)


class Neso:
    """Asks for Great Britain's intensity."""

    def __init__(self, access: LiveAccess, pace: Pace = PACE) -> None:
        self._courier = Courier(NAME, ADDRESS, access, pace=pace)

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell what was forecast for the half-hours between two times."""
        return self._points(zone, start, end, "forecast")

    def actual(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell what the operator afterwards estimated; half-hours to come have nothing."""
        return self._points(zone, start, end, "actual")

    def close(self) -> None:
        """Close the connection."""
        self._courier.close()

    def _points(self, zone: str, start: datetime, end: datetime, which: str) -> Sequence[Point]:
        if zone != ZONE:
            raise UsageError(NAME, f"it knows Great Britain only, not `{zone}`", f"ask it of `{ZONE}`")
        # Whole half-hours, so that the same is asked for as long as it is the same.
        question = Question(f"/intensity/{_floor(start)}/{_floor(end + _STEP)}", {}, _FRESH)
        return self._courier.read(question, lambda letter: _read(letter, which))


def _read(letter: Letter, which: str) -> Sequence[Point]:
    points = []
    for row in rows(entry(letter.told, "data"), "data"):
        value = number(entry(entry(row, "intensity"), which), which)
        start, end = moment(entry(row, "from"), "from"), moment(entry(row, "to"), "to")
        if value is None:
            continue  # what is to come has no actual value
        ahead = which == "forecast"
        estimated = None if ahead else True
        points.append(Point(ZONE, start, end - start, value, BASIS, NAME, ahead, estimated, None, letter.sha256))
    return points


def _floor(moment_: datetime) -> str:
    minute = moment_.minute - moment_.minute % 30
    return f"{moment_.replace(minute=minute):%Y-%m-%dT%H:%MZ}"
