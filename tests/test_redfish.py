"""A management controller's own reading of its server's power, by Redfish."""

# ruff: noqa: E501 - one case is one line of its table

from contextlib import closing

import pytest
from http_made import Answer, device, without_place

from greengate.evidence import Class
from greengate.measure.meters.redfish import RedfishMeter
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess

POWER = "/redfish/v1/Chassis/1/Power"
METRICS = "/redfish/v1/Chassis/1/EnvironmentMetrics"
WHOLE = {"MemberId": "0", "Name": "Server Power Control", "PhysicalContext": "Chassis", "PowerConsumedWatts": 214}
PART = {"MemberId": "1", "Name": "CPU Sub-system Power", "PhysicalContext": "CPU", "PowerConsumedWatts": 90}
KNOWN = MeterAccess(user="reader", password="s3cret")


def power(*controls):
    return {POWER: {"PowerControl": list(controls)}}


def looked(answers, access=KNOWN, **options):
    with device(answers) as made, closing(RedfishMeter(made.address, access, chassis="1", **options)) as meter:
        return meter.probe(), meter.sample()


@pytest.mark.parametrize(
    ("answers", "reading", "resolution", "value"),
    [
        (power(WHOLE), "power", 1.0, 214.0),
        (power(PART, WHOLE), "power", 1.0, 214.0),
        ({METRICS: {"TemperatureCelsius": {"Reading": 39}}, **power(WHOLE)}, "power", 1.0, 214.0),
        ({METRICS: {"PowerWatts": {"Reading": 374}, "EnergykWh": {"Reading": 3638}}}, "power", 1.0, 374.0),
        ({METRICS: '{"PowerWatts": {"Reading": 374.50}, "EnergykWh": {"Reading": 12.5}}'}, "power", 0.01, 374.5),
        ({METRICS: {"PowerWatts": {"Reading": 374}, "EnergykWh": {"Reading": 3638.12345}}}, "energy", 36.0, 3638.12345 * 3.6e6),
        ({METRICS: {"PowerWatts": {"Reading": 374}, "EnergyJoules": {"Reading": 915_000_123}}}, "energy", 1.0, 915_000_123.0),
    ],
    ids=["older", "older with parts", "newer without power", "coarse counter", "finer power", "fine counter", "joules"],
)  # fmt: skip
def test_the_best_number_of_a_controller_is_read(answers, reading, resolution, value):
    facts, sample = looked(answers)
    assert isinstance(facts, MeterFacts)
    assert (facts.reading, facts.resolution) == (reading, pytest.approx(resolution))
    assert sample.values == {"host": pytest.approx(value)}


def test_a_controller_says_what_it_is():
    with device(power(WHOLE)) as made, closing(RedfishMeter(made.address, KNOWN, chassis="1")) as meter:
        facts = meter.probe()
        assert facts.id == f"redfish chassis 1 at {made.address.removeprefix('http://')}"
    assert (facts.kind, facts.scope, facts.gain) == (Class.METERED, "host", 0.05)
    assert facts.source.startswith("ENERGY STAR Computer Servers 3.0")
    assert (facts.period_s, facts.shortest_window_s) == (1.0, 120.0)


@pytest.mark.parametrize(
    ("answers", "why", "hint"),
    [
        ({}, "PLUG reads no power of /redfish/v1/Chassis/1", "PLUG/redfish/v1/Chassis lists what there is: name another `chassis`"),
        (power(), "PowerControl of PLUG should name one whole server, and names none", "name the `chassis` of this machine alone"),
        (power(WHOLE, {**WHOLE, "Name": "Node 2"}), "PowerControl of PLUG should name one whole server, and names `Server Power Control`, `Node 2`", "name the `chassis` of this machine alone"),
        (power({"Name": "x"}), "PLUG answers without PowerControl[0].PowerConsumedWatts", ""),
        (power({**WHOLE, "PowerConsumedWatts": None}), "PowerControl[0].PowerConsumedWatts of PLUG has no value to give (null)", ""),
        (power({**WHOLE, "PowerConsumedWatts": 0}), "PLUG gives 0 W, while this machine draws some", "look what is plugged into it, and which way round"),
        ({POWER: Answer("", 401)}, "PLUG/redfish/v1/Chassis/1/Power refuses the credentials (401)", ""),
        ({METRICS: Answer("", 503)}, "PLUG/redfish/v1/Chassis/1/EnvironmentMetrics answers with status 503", ""),
    ],
    ids=["no such chassis", "empty", "two servers", "no watts", "null", "zero", "refused", "busy"],
)  # fmt: skip
def test_why_there_is_no_reading_is_told(answers, why, hint):
    absent, _ = looked(answers)
    assert isinstance(absent, NotHere)
    told = [without_place(Fault("", words, 0.0))[1] for words in (absent.why, absent.hint)]
    assert told == [why, hint]


def test_a_controller_that_falls_silent_is_a_fault():
    answers = {POWER: [*power(WHOLE).values()] * 2 + [Answer({"error": "booting"}, 503)]}
    with device(answers) as made, closing(RedfishMeter(made.address, KNOWN, chassis="1")) as meter:
        assert isinstance(meter.probe(), MeterFacts)
        assert without_place(meter.sample()) == ("device-error", f"PLUG{POWER} answers with status 503: booting")


def test_user_and_password_go_to_who_asks_for_them():
    answers = {POWER: [Answer("", 401, {"WWW-Authenticate": "Basic realm=bmc"}), *power(WHOLE).values()]}
    with device(answers) as made, closing(RedfishMeter(made.address, KNOWN, chassis="1")) as meter:
        assert isinstance(meter.probe(), MeterFacts)
        assert [headers.get("Authorization", "") for headers in made.headers] == [
            "", "", "Basic cmVhZGVyOnMzY3JldA==", "Basic cmVhZGVyOnMzY3JldA==",
        ]  # fmt: skip


def test_an_open_session_is_used():
    token = MeterAccess(token="t0ken")
    with device(power(WHOLE)) as made, closing(RedfishMeter(made.address, token, chassis="1")) as meter:
        assert isinstance(meter.sample(), Sample)
        assert {headers["X-Auth-Token"] for headers in made.headers} == {"t0ken"}


def test_what_does_not_speak_tls_is_told():
    with device(power(WHOLE)) as made:
        address = made.address.replace("http:", "https:")
        with closing(RedfishMeter(address, KNOWN, chassis="1")) as meter:
            assert meter.probe() == NotHere(f"{address} does not speak TLS", "is it an `http://` address?")
