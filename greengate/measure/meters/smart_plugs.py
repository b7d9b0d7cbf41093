"""Smart plugs: power at the wall, asked over HTTP in the local network.

Sources: shelly-api-docs.shelly.cloud (Gen1: /status and meters[]; Gen2 and later: the Switch and PM1 components),
tasmota.github.io/docs/Commands (Status 8, EnergyRes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greengate.measure.meters.http_readings import HttpReadings
from greengate.measure.meters.registers import Register, RegisterMeter
from greengate.measure.meters.wall_readings import JOULES_A_WH, WHAT, NoReading, NotThere, fine, given, last_place
from greengate.settings import MeterAccess

# Plugs renew their power about once a second, and an answer takes their small processors some milliseconds.
_INTERVAL_S = 1.0
_OTHERS = "what draws through another socket"


class ShellyMeter(RegisterMeter):
    """A Shelly plug or relay with a power meter, of any generation.

    Gen2 and later count energy in steps of 0.001 Wh. Gen1 counts whole watt-minutes, 60 J each, too coarse for windows
    of two minutes: its power is read, in steps of 0.01 W.

    Args:
        address: Such as `http://192.0.2.7`.
        access: User and password, where they are set; the user of Gen2 and later is `admin`.
        switch: Which of the device's outlets, from 0.
        what: What is plugged in, in words.
        interval_s: How often to ask.
    """

    gain = 0.01
    source = "maker's data sheet: within 1% of the reading"
    excludes = _OTHERS

    def __init__(
        self, address: str, access: MeterAccess, *, switch: int = 0, what: str = WHAT, interval_s: float = _INTERVAL_S
    ) -> None:
        super().__init__(HttpReadings(address, access), what, interval_s)
        self._switch = switch

    def _find(self) -> Register:
        generation = given(self._http.get("/shelly"), "gen")
        if not isinstance(generation, int):  # Gen1 does not name its own
            return Register(
                f"shelly-gen1 switch {self._switch}", "/status", ("meters", self._switch, "power"), "power", 0.01
            )
        for component in ("Switch", "PM1"):
            found = self._metered(generation, component)
            if found is not None:
                return found
        hint = "name another `switch`, or a device with a power meter in its data sheet"
        raise NoReading("unreadable", f"{self._http.address} has no power meter at switch {self._switch}", hint)

    def _metered(self, generation: int, component: str) -> Register | None:
        name, route = f"shelly-gen{generation} switch {self._switch}", f"/rpc/{component}.GetStatus?id={self._switch}"
        try:
            status = self._http.get(route)
        except NotThere:
            return None
        if given(status, "aenergy", "total") is not None:
            return Register(name, route, ("aenergy", "total"), "energy", 0.001 * JOULES_A_WH, JOULES_A_WH)
        if given(status, "apower") is not None:
            return Register(name, route, ("apower",), "power", 0.1)
        return None

    def _check(self, answer: Any) -> None:
        if given(answer, "meters", self._switch, "is_valid") is False:
            raise NoReading("device-error", f"{self._http.address} calls its own reading invalid")


class TasmotaMeter(RegisterMeter):
    """A plug with Tasmota firmware and an energy sensor.

    Its counter is read where it is written with five decimals of a kWh (`EnergyRes 5`: steps of 36 J), else its power.

    Args:
        address: Such as `http://plug.lab`.
        access: User and password of its web pages, where they are set; Tasmota takes them as a part of the URL.
        what: What is plugged in, in words.
        interval_s: How often to ask.
    """

    gain = 0.02
    source = "2% once calibrated as in tasmota.github.io/docs/Power-Monitoring-Calibration; nobody knows before"
    excludes = _OTHERS

    def __init__(self, address: str, access: MeterAccess, *, what: str = WHAT, interval_s: float = _INTERVAL_S) -> None:
        params = {"user": access.user, "password": access.password} if access.user else {}
        super().__init__(HttpReadings(address, MeterAccess(ca_file=access.ca_file), params=params), what, interval_s)
        self._known = bool(access.user)

    def _find(self) -> Register:
        route, sensor = "/cm?cmnd=Status%208", ("StatusSNS", "ENERGY")
        answer = self._http.get(route)
        self._check(answer)
        energy = given(answer, *sensor)
        if not isinstance(energy, Mapping):
            hint = "choose a module or template with power monitoring in its configuration"
            raise NoReading("unreadable", f"{self._http.address} has no energy sensor", hint)
        total = energy.get("Total")
        step_j = last_place(total) * 1000 * JOULES_A_WH
        if fine(step_j):
            return Register("tasmota", route, (*sensor, "Total"), "energy", step_j, 1000 * JOULES_A_WH)
        return Register("tasmota", route, (*sensor, "Power"), "power", last_place(energy.get("Power")))

    def _check(self, answer: Any) -> None:
        if given(answer, "WARNING") is None:
            return
        if self._known:
            raise NoReading("unreadable", f"{self._http.address} refuses the user or the password")
        hint = "set GREENGATE_METER_USER and GREENGATE_METER_PASSWORD"
        raise NoReading("unreadable", f"{self._http.address} asks for a user and a password", hint)
