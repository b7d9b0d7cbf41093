"""WattTime, API v3: the marginal operating emissions rate of a region (`co2_moer`), every five minutes.

Shapes: https://docs.watttime.org (GET /login by Basic, a token for 30 minutes; GET /v3/forecast with `horizon_hours`,
up to 72; GET /v3/historical with `start` and `end`). Values are pounds of CO2 a megawatt-hour, and any other unit is
refused: 1 lb is 0.45359237 kg by definition, so that 1 lb/MWh is 0.45359237 g/kWh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.carbon.live.courier import PACE, Courier, Letter, Pace, Question, basic
from greengate.carbon.live.reading import Odd, entry, moment, number, rows, same, updated
from greengate.errors import UsageError
from greengate.ports import Point
from greengate.settings import LiveAccess

NAME = "watttime"
ADDRESS = "https://api.watttime.org"
BASIS = Basis(Signal.MARGINAL, Boundary.OPERATIONAL, Mix.UNKNOWN, Gases.CO2)
_USER, _PASSWORD = "GREENGATE_WATTTIME_USER", "GREENGATE_WATTTIME_PASSWORD"
_FRESH = timedelta(minutes=5)
_TOKEN_GOOD_FOR = timedelta(minutes=25)
_SIGNAL = "co2_moer"
_UNITS = "lbs_co2_per_mwh"
_G_PER_KWH = Decimal("0.45359237")
_MOST_H = 72
_REFUSALS = {
    401: ("it refuses user and password", f"look at {_USER} and {_PASSWORD}"),
    403: ("its plan does not include the region", "look at what the plan of that user includes"),
    404: ("it knows no such region", "regions are written like `CAISO_NORTH`"),
}


class WattTime:
    """Asks WattTime, as the user of `GREENGATE_WATTTIME_USER` and `GREENGATE_WATTTIME_PASSWORD`."""

    def __init__(self, access: LiveAccess, pace: Pace = PACE) -> None:
        if not access.user or not access.password:
            raise UsageError(NAME, "it is asked by a user with a password", f"set {_USER} and {_PASSWORD}")
        self._courier = Courier(NAME, ADDRESS, access, refusals=_REFUSALS, pace=pace)
        self._basic = f"Basic {basic(access)}"
        self._token: tuple[str, datetime] | None = None

    def forecast(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell the newest forecast, as far ahead as it is needed."""
        hours = min(ceil((end - start) / timedelta(hours=1)) + 1, _MOST_H)
        return self._points("/v3/forecast", zone, {"horizon_hours": str(hours)}, forecast=True)

    def actual(self, zone: str, start: datetime, end: datetime) -> Sequence[Point]:
        """Tell what was, from the history."""
        span = {"start": _minute(start).isoformat(), "end": _minute(end).isoformat()}
        return self._points("/v3/historical", zone, span, forecast=False)

    def close(self) -> None:
        """Close the connection."""
        self._courier.close()

    def _points(self, path: str, zone: str, params: Mapping[str, str], *, forecast: bool) -> Sequence[Point]:
        headers = {"Authorization": f"Bearer {self._login()}"}
        question = Question(path, {"region": zone, "signal_type": _SIGNAL, **params}, _FRESH, headers)
        return self._courier.read(question, lambda letter: _read(letter, zone, forecast=forecast))

    def _login(self) -> str:
        now = self._courier.pace.now()
        if self._token is None or now - self._token[1] > _TOKEN_GOOD_FOR:
            question = Question("/login", {}, headers={"Authorization": self._basic})
            token = self._courier.read(question, _token)
            self._courier.hide(token)
            self._token = (token, now)
        return self._token[0]


def _token(letter: Letter) -> str:
    token = entry(letter.told, "token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise Odd("its `token` is none")
    return token


def _read(letter: Letter, zone: str, *, forecast: bool) -> Sequence[Point]:
    meta = entry(letter.told, "meta")
    same(entry(meta, "region"), zone, "region")
    same(entry(meta, "signal_type"), _SIGNAL, "signal_type")
    if entry(meta, "units") != _UNITS:
        raise Odd(f"its `units` are {{}}, and only `{_UNITS}` is converted", meta["units"])
    lasts = _period(meta)
    generated = updated(meta.get("generated_at"), "generated_at")
    points = []
    for row in rows(entry(letter.told, "data"), "data"):
        value = number(entry(row, "value"), "value")
        if value is None:
            continue
        points.append(
            Point(
                zone=zone,
                start=moment(entry(row, "point_time"), "point_time"),
                lasts=lasts,
                g_per_kwh=value * _G_PER_KWH,
                basis=BASIS,
                source=NAME,
                forecast=forecast,
                estimated=None,
                updated_at=generated,
                sha256=letter.sha256,
            )
        )
    return points


def _period(meta: Mapping[str, Any]) -> timedelta:
    seconds = number(entry(meta, "data_point_period_seconds"), "data_point_period_seconds")
    if seconds is None or not 0 < seconds <= 86400:
        raise Odd("its `data_point_period_seconds` is {}", seconds)
    return timedelta(seconds=int(seconds))


def _minute(moment_: datetime) -> datetime:
    return moment_.replace(second=0, microsecond=0)
