"""Redfish: the power that a server's management controller (BMC) reads at its power supplies.

Sources: DMTF DSP0268 (schemas EnvironmentMetrics, Power) and DSP0266 (protocol, authentication).
"""

from __future__ import annotations

from typing import Any

from greengate.measure.meters.http_readings import HttpReadings
from greengate.measure.meters.registers import Register, RegisterMeter
from greengate.measure.meters.wall_readings import (
    BMC_EXCLUDES,
    BMC_GAIN,
    BMC_INTERVAL_S,
    BMC_SOURCE,
    JOULES_A_WH,
    WHAT,
    NoReading,
    NotThere,
    fine,
    given,
    last_place,
)
from greengate.settings import MeterAccess

_PARTS = frozenset({"CPU", "CPUSubsystem", "Memory", "MemorySubsystem", "GPU", "GPUSubsystem", "Accelerator", "Fan"})


class RedfishMeter(RegisterMeter):
    """A server's own reading of its input power.

    Newer controllers have `EnvironmentMetrics`: its energy counter is read where its steps are small enough
    (`EnergyJoules`, or `EnergykWh` with five decimals), else its power. Older ones have `Power`: its `PowerControl`
    must name one whole server.

    Args:
        address: Such as `https://bmc.lab`.
        access: A user who may log in and read, or the token of an open session (sent as X-Auth-Token).
        chassis: The identifier under `/redfish/v1/Chassis`.
        what: What it feeds, in words.
        interval_s: How often to ask.
    """

    gain = BMC_GAIN
    source = BMC_SOURCE
    excludes = BMC_EXCLUDES

    def __init__(
        self, address: str, access: MeterAccess, *, chassis: str, what: str = WHAT, interval_s: float = BMC_INTERVAL_S
    ) -> None:
        super().__init__(HttpReadings(address, access, "X-Auth-Token"), what, interval_s)
        self._chassis = f"/redfish/v1/Chassis/{chassis}"
        self._name = f"redfish chassis {chassis}"

    def _find(self) -> Register:
        return self._newer() or self._older()

    def _newer(self) -> Register | None:
        route = f"{self._chassis}/EnvironmentMetrics"
        try:
            metrics = self._http.get(route)
        except NotThere:
            return None
        for key, scale in (("EnergyJoules", 1.0), ("EnergykWh", 1000 * JOULES_A_WH)):
            total = given(metrics, key, "Reading")
            step_j = last_place(total) * scale
            if total is not None and fine(step_j):
                return Register(self._name, route, (key, "Reading"), "energy", step_j, scale)
        power = given(metrics, "PowerWatts", "Reading")
        if power is None:
            return None
        return Register(self._name, route, ("PowerWatts", "Reading"), "power", last_place(power))

    def _older(self) -> Register:
        route = f"{self._chassis}/Power"
        try:
            controls = given(self._http.get(route), "PowerControl")
        except NotThere:
            hint = f"{self._http.address}/redfish/v1/Chassis lists what there is: name another `chassis`"
            words = f"{self._http.address} reads no power of {self._chassis}"
            raise NoReading("unreadable", words, hint) from None
        path = ("PowerControl", self._whole(controls), "PowerConsumedWatts")
        return Register(self._name, route, path, "power", 1.0)

    def _whole(self, controls: Any) -> int:
        """Choose the entry of the whole server among those of its parts."""
        entries = controls if isinstance(controls, list) else []
        whole = [index for index, entry in enumerate(entries) if given(entry, "PhysicalContext") not in _PARTS]
        if len(whole) != 1:
            names = ", ".join(f"`{given(entry, 'Name')}`" for entry in entries) or "none"
            words = f"PowerControl of {self._http.address} should name one whole server, and names {names}"
            raise NoReading("malformed", words, "name the `chassis` of this machine alone")
        return whole[0]
