"""Plugs are read in joules or watts; whatever else happens has a name, and is never a zero."""

# ruff: noqa: E501 - one case is one line of its table

import socket
from contextlib import closing

import pytest
from http_made import Answer, device, without_place

from greengate.evidence import Class
from greengate.measure.meters import http_readings
from greengate.measure.meters.smart_plugs import ShellyMeter, TasmotaMeter
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess

NOBODY = MeterAccess()
KNOWN = MeterAccess(user="admin", password="s3cret", token="t0ken")
GEN1, GEN3 = {"type": "SHPLG-S", "mac": "A4CF12F45A39", "auth": False}, {"gen": 3, "model": "S3PL-00112EU"}
SWITCH = "/rpc/Switch.GetStatus?id=0"
PM1 = "/rpc/PM1.GetStatus?id=0"
SWITCHED = {"id": 0, "output": True, "apower": 53.2, "aenergy": {"total": 1523.125, "by_minute": [0, 0, 0]}}
STATUS = {"meters": [{"power": 41.37, "is_valid": True, "total": 23389, "counters": [41.0, 41.1, 41.2]}]}
TASMOTA = '{"StatusSNS":{"Time":"2026-03-01T10:00:00","ENERGY":{"Total":%s,"Power":%s,"Voltage":230}}}'


def gen3(status):
    return {"/shelly": GEN3, SWITCH: status}


def gen1(status):
    return {"/shelly": GEN1, "/status": status}


def tasmota(total="167.74321", power="53"):
    return {"/cm": TASMOTA % (total, power)}


def looked(kind, answers, access=NOBODY, **options):
    """Probe a device and sample it once."""
    with device(answers) as made, closing(kind(made.address, access, **options)) as meter:
        return meter.probe(), meter.sample()


@pytest.mark.parametrize(
    ("kind", "answers", "reading", "resolution", "value"),
    [
        (ShellyMeter, gen3(SWITCHED), "energy", 3.6, 1523.125 * 3600),
        (ShellyMeter, gen3({"apower": 53.2}), "power", 0.1, 53.2),
        (ShellyMeter, {"/shelly": GEN3, PM1: SWITCHED}, "energy", 3.6, 1523.125 * 3600),
        (ShellyMeter, gen1(STATUS), "power", 0.01, 41.37),
        (TasmotaMeter, tasmota(), "energy", 36.0, 167.74321 * 3.6e6),
        (TasmotaMeter, tasmota("3.00000"), "energy", 36.0, 3 * 3.6e6),
        (TasmotaMeter, tasmota("167.743"), "power", 1.0, 53.0),
        (TasmotaMeter, tasmota("167.743", "53.27"), "power", 0.01, 53.27),
    ],
    ids=["shelly gen3", "without counter", "metering plug", "shelly gen1", "tasmota", "zeros count", "coarse", "coarse, fine power"],
)  # fmt: skip
def test_the_better_number_is_read(kind, answers, reading, resolution, value):
    facts, sample = looked(kind, answers)
    assert isinstance(facts, MeterFacts)
    assert (facts.reading, facts.resolution) == (reading, pytest.approx(resolution))
    assert isinstance(sample, Sample)
    assert sample.values == {"host": pytest.approx(value)}


def test_a_plug_says_what_it_is():
    with device(gen3(SWITCHED)) as made, closing(ShellyMeter(made.address, NOBODY, what="the whole runner")) as meter:
        assert meter.probe() == MeterFacts(
            id=f"shelly-gen3 switch 0 at {made.address.removeprefix('http://')}",
            kind=Class.METERED,
            scope="host",
            domains={"host": "the whole runner"},
            excludes="what draws through another socket",
            reading="energy",
            resolution=pytest.approx(3.6),
            period_s=1.0,
            shortest_window_s=120.0,
            gain=0.01,
            source="maker's data sheet: within 1% of the reading",
        )


def test_a_slower_one_needs_longer_windows():
    facts, _ = looked(TasmotaMeter, tasmota(), interval_s=30.0)
    assert (facts.period_s, facts.shortest_window_s) == (30.0, 300.0)


def test_another_outlet_is_another_number():
    status = {"meters": [{"power": 1.0, "is_valid": True}, {"power": 77.0, "is_valid": True}]}
    assert looked(ShellyMeter, gen1(status), switch=1)[1].values == {"host": 77.0}


def test_a_sample_is_dated_between_question_and_answer(monkeypatch):
    ticks = iter([10.0, 11.0])
    monkeypatch.setattr("greengate.measure.meters.wall_readings.monotonic", lambda: next(ticks))
    with device(gen1(STATUS)) as made, closing(ShellyMeter(made.address, NOBODY)) as meter:
        assert meter.sample() == Sample(10.5, {"host": 41.37})


def test_a_meter_only_asks():
    with device(gen3(SWITCHED)) as made, closing(ShellyMeter(made.address, KNOWN)) as meter:
        meter.probe()
        assert (made.methods, made.asked) == ({"GET"}, ["/shelly", SWITCH, SWITCH])
        assert all("Authorization" not in headers for headers in made.headers)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ({"meters": [{"power": "41 W", "is_valid": True}]}, ("malformed", "meters[0].power of PLUG gives `41 W`, expected a number")),
        ({"meters": [{"power": True, "is_valid": True}]}, ("malformed", "meters[0].power of PLUG gives `True`, expected a number")),
        ({"meters": [{"power": None, "is_valid": True}]}, ("device-error", "meters[0].power of PLUG has no value to give (null)")),
        ({"meters": [{"power": 3.0, "is_valid": False}]}, ("device-error", "PLUG calls its own reading invalid")),
        ({"meters": []}, ("malformed", "PLUG answers without meters[0].power")),
        ({"meters": {}}, ("malformed", "PLUG answers without meters[0].power")),
        ("[]", ("malformed", "PLUG answers without meters[0].power")),
        ({"meters": [{"total": 3}]}, ("malformed", "PLUG answers without meters[0].power")),
        ({"meters": [{"power": 41.37e6, "is_valid": True}]}, ("wrong-unit", "meters[0].power of PLUG gives 4.137e+07 W, more than a machine draws: it is in another unit")),
        ('{"meters": [{"power": NaN}]}', ("not-finite", "meters[0].power of PLUG gives `nan`, which is no finite number")),
        ('{"meters": [{"power": 1e999}]}', ("not-finite", "meters[0].power of PLUG gives `1E+999`, which is no finite number")),
        ('{"meters": [{"power": 1' + "0" * 400 + "}]}", ("not-finite", "meters[0].power of PLUG gives `1" + "0" * 39 + "...`, which is no finite number")),
        ('{"meters": [{"power": 1e9999999999999999999}]}', ("malformed", "PLUG answers with something that is no JSON")),
        ("<html>login</html>", ("malformed", "PLUG answers with something that is no JSON")),
        ("[" * 100_000, ("malformed", "PLUG answers with something that is no JSON")),
        ("", ("malformed", "PLUG answers with something that is no JSON")),
        ("1" * (2**20 + 1), ("malformed", "PLUG answers with more than 1 MiB")),
        (Answer("half of i", announced=100), ("malformed", "PLUG broke its answer off, or does not speak HTTP")),
        (Answer(closes=True), ("unreadable", "PLUG closed the connection without an answer")),
        (Answer(STATUS, delay_s=60), ("timeout", "PLUG gave no whole answer within 0.2 s")),
        (Answer(STATUS, slowly_s=0.05), ("timeout", "PLUG gave no whole answer within 0.2 s")),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, slowly_s=0.05), ("timeout", "PLUG gave no whole answer within 0.2 s")),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 999, slowly_s=0.05), ("timeout", "PLUG gave no whole answer within 0.2 s")),
        (Answer({"message": "calibration\x1b lost"}, 500), ("device-error", "PLUG/status answers with status 500: calibration lost")),
        (Answer("teapot", 418), ("unreadable", "PLUG/status answers with status 418")),
        (Answer("", 404), ("unreadable", "there is no PLUG/status (404)")),
        (Answer("", 401), ("unreadable", "PLUG/status asks who you are (401)")),
        (Answer("", 302, {"Location": "http://evil.example/status"}), ("unreadable", "PLUG redirects to http://evil.example:80, which is not followed")),
        (Answer("", 302, {"Location": "http://[::bad/status"}), ("malformed", "PLUG redirects to something that is no address")),
        (Answer("", 302, {"Location": "/status"}), ("malformed", "PLUG redirects again and again")),
    ],
    ids=["text", "a truth", "null", "invalid", "no meters", "no list", "no mapping", "no power", "milliwatts", "nan", "too large", "too long", "beyond decimals", "page", "deep", "nothing", "endless", "broken off", "closed", "late", "drop by drop", "header by drops", "chunk by drops", "500", "418", "404", "401", "led astray", "led nowhere", "circle"],
)  # fmt: skip
def test_a_look_that_gives_nothing_is_a_fault_with_a_name(status, found, monkeypatch):
    if found[0] == "timeout":
        monkeypatch.setattr(http_readings, "TIMEOUT_S", 0.2)
    absent, fault = looked(ShellyMeter, gen1(status))
    assert isinstance(absent, NotHere)
    assert isinstance(fault, Fault)
    assert without_place(fault) == found


def test_nobody_at_home_is_a_fault():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with closing(ShellyMeter(f"http://127.0.0.1:{port}", NOBODY)) as meter:
        assert meter.probe() == NotHere(
            f"http://127.0.0.1:{port} cannot be asked: Connection refused",
            "look whether the address is right and this machine may reach it",
        )
        assert without_place(meter.sample()) == ("unreadable", "PLUG cannot be asked: Connection refused")


def test_a_plug_that_is_back_is_read_again():
    answers = {"/shelly": GEN3, SWITCH: [SWITCHED, SWITCHED, Answer("", 503), Answer(closes=True), SWITCHED]}
    with device(answers) as made, closing(ShellyMeter(made.address, NOBODY)) as meter:
        meter.probe()
        looks = [meter.sample() for _ in range(3)]
    assert [type(look) for look in looks] == [Fault, Fault, Sample]


@pytest.mark.parametrize(
    ("kind", "answers", "found"),
    [
        (ShellyMeter, gen1({"meters": [{"power": 0.0, "is_valid": True}]}), ("PLUG gives 0 W, while this machine draws some", "look what is plugged into it, and which way round")),
        (ShellyMeter, gen3({"id": 0, "output": True}), ("PLUG has no power meter at switch 0", "name another `switch`, or a device with a power meter in its data sheet")),
        (ShellyMeter, {"/shelly": GEN3}, ("PLUG has no power meter at switch 0", "name another `switch`, or a device with a power meter in its data sheet")),
        (TasmotaMeter, {"/cm": {"StatusSNS": {"Time": "2026-03-01T10:00:00"}}}, ("PLUG has no energy sensor", "choose a module or template with power monitoring in its configuration")),
        (TasmotaMeter, {"/cm": {"WARNING": "Need user=<username>&password=<password>"}}, ("PLUG asks for a user and a password", "set GREENGATE_METER_USER and GREENGATE_METER_PASSWORD")),
        (TasmotaMeter, tasmota("1e999", "null"), ("StatusSNS.ENERGY.Power of PLUG has no value to give (null)", "")),
        (TasmotaMeter, tasmota("[1.5,2.5]", "[40,50]"), ("StatusSNS.ENERGY.Power of PLUG gives `[40, 50]`, expected a number", "")),
    ],
    ids=["nothing plugged in", "plain switch", "no such switch", "plain tasmota", "locked tasmota", "counts by nothing known", "three phases"],
)  # fmt: skip
def test_what_is_no_meter_says_what_would_help(kind, answers, found):
    absent, _ = looked(kind, answers)
    assert isinstance(absent, NotHere)
    assert (without_place(Fault("", absent.why, 0.0))[1], absent.hint) == found


@pytest.mark.parametrize(
    ("challenge", "sent"),
    [("Basic realm=plug", "Basic YWRtaW46czNjcmV0"), ("", "Basic YWRtaW46czNjcmV0"), ('Digest qop="auth", realm="shelly", nonce="1", algorithm=SHA-256', 'Digest username="admin", realm="shelly", nonce="1", uri="/status"')],
    ids=["basic", "without a word", "digest"],
)  # fmt: skip
def test_credentials_are_given_when_they_are_asked_for(challenge, sent):
    refusal = Answer("", 401, {"WWW-Authenticate": challenge})
    again = [refusal, refusal, STATUS] if "Digest" in challenge else [refusal, STATUS]
    with device(gen1(again)) as made, closing(ShellyMeter(made.address, KNOWN)) as meter:
        assert isinstance(meter.sample(), Sample)
        assert "Authorization" not in made.headers[0]
        assert made.headers[-1]["Authorization"].startswith(sent)


def test_credentials_that_are_wrong_are_sent_once():
    with device(gen1(Answer("", 401))) as made, closing(ShellyMeter(made.address, KNOWN)) as meter:
        assert without_place(meter.sample()) == ("unreadable", "PLUG/status refuses the credentials (401)")
        assert made.asked == ["/shelly", "/status", "/status"]


@pytest.mark.parametrize("challenge", ["Digest", 'Digest realm="x", qop="auth"'])
def test_a_challenge_that_is_none_is_a_fault(challenge):
    refusal = Answer("", 401, {"WWW-Authenticate": challenge})
    with device(gen1(refusal)) as made, closing(ShellyMeter(made.address, KNOWN)) as meter:
        assert without_place(meter.sample()) == ("malformed", "PLUG asks who you are, and not as RFC 7616 has it")


def test_nothing_that_is_packed_is_asked_for_or_unpacked():
    packed = Answer("{}", headers={"Content-Encoding": "gzip"})
    with device(gen1(packed)) as made, closing(ShellyMeter(made.address, NOBODY)) as meter:
        assert without_place(meter.sample()) == ("malformed", "PLUG answers without meters[0].power")
        assert {headers["Accept-Encoding"] for headers in made.headers} == {"identity"}


def test_tasmota_gets_them_in_the_address_and_tells_nobody():
    with device({"/cm": Answer("", 500)}) as made, closing(TasmotaMeter(made.address, KNOWN)) as meter:
        fault = meter.sample()
        assert made.asked == ["/cm?cmnd=Status%208&user=admin&password=s3cret"]
    assert "s3cret" not in f"{fault} {KNOWN}"
    assert "t0ken" not in f"{fault} {KNOWN}"


def test_a_redirect_within_the_device_is_followed():
    moved = Answer("", 301, {"Location": "/cm/?cmnd=Status%208"})
    facts, sample = looked(TasmotaMeter, {"/cm": moved, "/cm/": TASMOTA % ("1.00001", "9")})
    assert isinstance(facts, MeterFacts)
    assert isinstance(sample, Sample)


def test_proxies_and_netrc_are_left_aside(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("default login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with device(gen1(STATUS)) as made, closing(ShellyMeter(made.address, NOBODY)) as meter:
        assert isinstance(meter.sample(), Sample)
        assert all("Authorization" not in headers for headers in made.headers)


def test_closing_twice_does_no_harm():
    with device(gen1(STATUS)) as made:
        meter = ShellyMeter(made.address, NOBODY)
        meter.probe()
        meter.close()
        meter.close()
