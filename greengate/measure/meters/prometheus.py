"""Prometheus: any instant query that gives a power or an energy counter, such as those of a metered rack (PDU).

What stands behind a query is the project's word, but for exporters that are known to read RAPL, not a power meter.
Source: prometheus.io/docs/prometheus/latest/querying/api (instant queries).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from greengate.evidence import Class
from greengate.measure.meters.http_readings import HttpReadings
from greengate.measure.meters.wall_readings import (
    DOMAIN,
    WHAT,
    NoReading,
    given,
    last_place,
    number,
    probed,
    refuse_idle,
    sampled,
    shortest_window_s,
    watts,
)
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess

_INTERVAL_S = 15.0
_FINEST = 1e-3


@dataclass(frozen=True, slots=True)
class _Origin:
    """What is known of the exporter behind a query."""

    kind: Class
    scope: str
    excludes: str
    source: str


_RAPL = "memory outside the package, disks, network, fans, and what power supplies lose"
_ORIGINS = {
    "kepler_node_platform": _Origin(
        Class.METERED,
        "host",
        "what the platform's sensor does not see",
        "Kepler: platform energy by ACPI or Redfish; 5%",
    ),
    "kepler_": _Origin(Class.COUNTER, "package", _RAPL, "Kepler reads RAPL, and estimates in a virtual machine; 5%"),
    "scaph_": _Origin(Class.COUNTER, "package", _RAPL, "Scaphandre reads RAPL; 5%"),
    "": _Origin(Class.METERED, "host", "what this query does not see", "the project's word; taken as within 5%"),
}
_LABELS = re.compile(r"\{[^}]*\}|\[[^\]]*\]")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OTHER_UNIT = re.compile(r"(micro|milli|kilo)(watt|joule)|watt_?hour|kwh|(^|_)wh(_|$)", re.IGNORECASE)
_RATES = {"rate", "irate", "deriv"}


class PrometheusMeter:
    """One number from a Prometheus server.

    Args:
        address: Such as `http://prom.lab:9090`, with the path before `/api/v1` if there is one.
        access: User and password, or a bearer token, where the server asks for them.
        query: PromQL that gives one series, or a scalar.
        unit: "W" for a power, "J" for a counter of energy.
        sum: Add up several series instead of refusing them.
        what: What is metered, in words.
        interval_s: How often the exporter is scraped.
    """

    def __init__(  # noqa: PLR0913 - one for each key of an entry
        self,
        address: str,
        access: MeterAccess,
        *,
        query: str,
        unit: str,
        sum: bool = False,  # noqa: A002 - as it is written in the project file
        what: str = WHAT,
        interval_s: float = _INTERVAL_S,
    ) -> None:
        self._http = HttpReadings(address, access, "Authorization")
        self._query = query
        self._unit = unit
        self._sum = sum
        self._what = what
        self._interval_s = interval_s

    def probe(self) -> MeterFacts | NotHere:
        """Ask once, and tell what is known of the exporter behind the query."""
        return probed(self._facts)

    def sample(self) -> Sample | Fault:
        """Ask for the newest value."""
        return sampled(self._look)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _facts(self) -> MeterFacts:
        values = self._values()
        total = self._total(values)
        if self._unit == "W":
            refuse_idle(total, f"the query to {self._http.address}")
        names = _NAME.findall(self._query)
        origin = next(_ORIGINS[start] for start in _ORIGINS if not start or any(n.startswith(start) for n in names))
        return MeterFacts(
            id=f"prometheus {self._query}",
            kind=origin.kind,
            scope=origin.scope,
            domains={DOMAIN: self._what},
            excludes=origin.excludes,
            reading="power" if self._unit == "W" else "energy",
            resolution=max(_FINEST, *map(last_place, values)),
            period_s=self._interval_s,
            shortest_window_s=shortest_window_s(self._interval_s),
            gain=0.05,
            source=origin.source,
        )

    def _look(self) -> float:
        return self._total(self._values())

    def _total(self, values: list[Decimal]) -> float:
        where = f"the query to {self._http.address}"
        total = sum(number(value, where) for value in values)
        return watts(total, where) if self._unit == "W" else total

    def _values(self) -> list[Decimal]:
        self._refuse_other_units()
        data = given(self._http.get("/api/v1/query", {"query": self._query}), "data")
        kind, result = given(data, "resultType"), given(data, "result")
        if kind == "scalar":
            return [self._value(result)]
        if kind != "vector" or not isinstance(result, list):
            words = f"the query to {self._http.address} gives {f'a {kind}' if kind else 'nothing known'}"
            raise NoReading("malformed", f"{words}, expected one series or a scalar", "leave a range like `[5m]` out")
        if not result:
            hint = "try the query in the server's own page; is the exporter scraped?"
            raise NoReading("unreadable", f"the query to {self._http.address} finds no series", hint)
        if len(result) > 1 and not self._sum:
            hint = "choose one by its labels, or write `sum: true` where they add up"
            words = f"the query to {self._http.address} finds {len(result)} series, expected one"
            raise NoReading("malformed", words, hint)
        return [self._value(given(series, "value")) for series in result]

    def _value(self, pair: Any) -> Decimal:
        written = given(pair, 1)
        try:
            return Decimal(written if isinstance(written, str) else "")  # Prometheus writes every value as a string
        except (InvalidOperation, ValueError):
            words = f"the query to {self._http.address} gives a value that is no number"
            raise NoReading("malformed", words) from None

    def _refuse_other_units(self) -> None:
        """Refuse a query whose metric's name says another unit than the entry, where the query does not convert it."""
        bare = _LABELS.sub("", self._query)
        names = _NAME.findall(bare)
        converts = "*" in bare or "/" in bare
        gives_power = bool(_RATES & set(names))
        for name in names:
            if _OTHER_UNIT.search(name) and not converts:
                hint = "convert it in the query: `scaph_host_power_microwatts / 1e6` is in W"
                raise NoReading("wrong-unit", f"`{name}` is not in {self._unit}", hint)
            if "joules" in name and gives_power is not (self._unit == "W"):
                hint = "a counter is `unit: J`, and `rate(…[1m])` of it `unit: W`"
                raise NoReading("wrong-unit", f"the query gives `{name}` not in {self._unit}", hint)
            if "watts" in name and self._unit == "J":
                raise NoReading("wrong-unit", f"`{name}` is a power, not in J", "write `unit: W`")
