"""Meters that are one number in the JSON of one address: found once, then asked for again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from greengate.evidence import Class
from greengate.measure.meters.http_readings import HttpReadings
from greengate.measure.meters.wall_readings import (
    DOMAIN,
    NoReading,
    given,
    number,
    probed,
    refuse_idle,
    sampled,
    shortest_window_s,
    watts,
)
from greengate.ports import Fault, MeterFacts, NotHere, Sample


@dataclass(frozen=True, slots=True)
class Register:
    """Where a number stands, and what it means.

    Attributes:
        meter: What kind of meter has it.
        route: What to ask the address for.
        path: Keys and indices that lead to it in the answer.
        reading: "energy" or "power".
        resolution: Its smallest step, in J or W.
        scale: Factor to J or W.
    """

    meter: str
    route: str
    path: tuple[str | int, ...]
    reading: str
    resolution: float
    scale: float = 1.0

    def value(self, answer: Any, address: str) -> float:
        """Read it from an answer, in J or W.

        Raises:
            NoReading: It is not there, or no plausible number.
        """
        name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")
        parent = given(answer, *self.path[:-1])
        if parent is None or (isinstance(parent, dict) and self.path[-1] not in parent):
            raise NoReading("malformed", f"{address} answers without {name}")
        value, where = given(parent, self.path[-1]), f"{name} of {address}"
        if self.reading == "power":
            return watts(value, where, self.scale)
        return number(value, where) * self.scale


class RegisterMeter:
    """What such meters do alike; each says how its register is found, and what is known about it.

    Args:
        http: Where it is asked.
        what: What draws through it, in words.
        interval_s: How often to ask, in seconds.
    """

    gain: ClassVar[float]
    source: ClassVar[str]
    excludes: ClassVar[str]

    def __init__(self, http: HttpReadings, what: str, interval_s: float) -> None:
        self._http = http
        self._what = what
        self._interval_s = interval_s
        self._register: Register | None = None

    def probe(self) -> MeterFacts | NotHere:
        """Find out which of its numbers is the best one, and read it once."""
        return probed(self._facts)

    def sample(self) -> Sample | Fault:
        """Ask for that number."""
        return sampled(self._look)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _find(self) -> Register:
        """Choose the number to read, or raise `NoReading`."""
        raise NotImplementedError

    def _check(self, answer: Any) -> None:
        """Raise `NoReading` where the device itself says that its answer is none."""

    def _look(self) -> float:
        if self._register is None:
            self._register = self._find()
        answer = self._http.get(self._register.route)
        self._check(answer)
        return self._register.value(answer, self._http.address)

    def _facts(self) -> MeterFacts:
        self._register = self._find()
        value = self._look()
        if self._register.reading == "power":
            refuse_idle(value, self._http.address)
        return MeterFacts(
            id=f"{self._register.meter} at {self._http.address.partition('://')[2]}",
            kind=Class.METERED,
            scope="host",
            domains={DOMAIN: self._what},
            excludes=self.excludes,
            reading=self._register.reading,
            resolution=self._register.resolution,
            period_s=self._interval_s,
            shortest_window_s=shortest_window_s(self._interval_s),
            gain=self.gain,
            source=self.source,
        )
