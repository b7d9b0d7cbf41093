"""What each live source answers, in its own shape, from the points of `points_made` on."""

import json
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from http_made import Answer, device
from points_made import HOUR, NOW, wanted

from greengate import outlook, registry
from greengate.carbon.live.courier import Pace
from greengate.settings import LiveAccess

KEY, PASSWORD, TOKEN = "sk-Very/Secret+Key", "pass/Word+Secret", "eyJ.Token-Secret"
VALUES = (100, 120, 140, 160)


def later(number, minutes=60):
    return f"{HOUR + timedelta(minutes=number * minutes):%Y-%m-%dT%H:%M:%S}Z"


def electricitymaps(zone="DE", values=VALUES):
    rows = [{"carbonIntensity": value, "datetime": later(at)} for at, value in enumerate(values)]
    return {"zone": zone, "forecast": rows, "updatedAt": later(0), "temporalGranularity": "hourly"}


def watttime(zone="CAISO_NORTH", values=VALUES):
    rows = [{"point_time": later(at), "value": value, "version": "2026-03-01"} for at, value in enumerate(values)]
    meta = {"region": zone, "signal_type": "co2_moer", "units": "lbs_co2_per_mwh", "generated_at": later(0)}
    return {"data": rows, "meta": {**meta, "data_point_period_seconds": 3600, "model": {"date": "2026-03-01"}}}


def neso(values=VALUES):
    pairs = [(at, values[at // 2]) for at in range(2 * len(values))]
    span = [(later(at, 30)[:16] + "Z", later(at + 1, 30)[:16] + "Z", value) for at, value in pairs]
    told = [(start, end, {"forecast": value, "actual": None, "index": "low"}) for start, end, value in span]
    return {"data": [{"from": start, "to": end, "intensity": intensity} for start, end, intensity in told]}


def carbon_aware(zone="westus", values=VALUES):
    rows = [
        {"location": "CAISO_NORTH", "timestamp": later(at), "duration": 60, "value": value}
        for at, value in enumerate(values)
    ]
    whole = {"requestedAt": later(0), "generatedAt": later(0), "location": zone, "windowSize": 60}
    return [{**whole, "optimalDataPoints": rows[:1], "forecastData": rows}]


@dataclass(frozen=True)
class Double:
    """How one source is played."""

    zone: str
    body: object
    path: str
    access: dict = field(default_factory=dict)
    others: dict = field(default_factory=dict)

    def answers(self, told):
        """By path: an answer, or of a tuple one after the other."""
        row = list(told) if isinstance(told, tuple) else [told if isinstance(told, Answer) else Answer(told)]
        return {**self.others, self.path: row}


DOUBLES = {
    "electricitymaps": Double("DE", electricitymaps, "/v3/carbon-intensity/forecast", {"token": KEY}),
    "watttime": Double(
        "CAISO_NORTH",
        watttime,
        "/v3/forecast",
        {"user": "me", "password": PASSWORD},
        {"/login": {"token": TOKEN}},
    ),
    "neso": Double("GB", neso, "*"),
    "carbon-aware": Double("westus", carbon_aware, "/emissions/forecasts/current", {"signal": "marginal"}),
}


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self, now=NOW):
        self.start, self.slept = now, []

    def now(self):
        return self.start + timedelta(seconds=sum(self.slept))

    def monotonic_s(self):
        return sum(self.slept)

    def pace(self, **changes):
        told = {"timeout_s": 5.0, "now": self.now, "monotonic_s": self.monotonic_s, "sleep": self.slept.append}
        return Pace(**(told | changes))


def made(word, address, clock=None, cache=None, access=None, **pace):
    access = LiveAccess(address=address, cache=cache, **(DOUBLES[word].access | (access or {})))
    return registry._resolve(registry.INTENSITIES[word])(access, (clock or Clock()).pace(**pace))


@contextmanager
def asked(word, told, cache=None, clock=None, **pace):
    """A source whose double answers a forecast with what is told, and the double."""
    double = DOUBLES[word]
    with device(double.answers(told)) as server, closing(made(word, server.address, clock, cache, **pace)) as source:
        yield source, server


def decided(word, told, within=2, **pace):
    """What follows from such an answer, and where its double lives."""
    with asked(word, told, **pace) as (source, server):
        place = outlook._place(source, DOUBLES[word].zone, wanted(None, within), NOW)
        return place.decision, server


def without_place(decision, server):
    return decision.why.replace(server.address, "HERE")


def raw(body):
    """A body as text, in which JSON can be written that `json` would not."""
    return body if isinstance(body, Answer) else json.dumps(body)
