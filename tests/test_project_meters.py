"""How a project names its power meters, and what becomes of an entry."""

# ruff: noqa: E501 - one case is one line of its table

import socket
from contextlib import closing

import pytest
from test_project import HEAD, load, mistakes

from greengate import registry, settings
from greengate.packs import project_file, project_meters
from greengate.packs.project_meters import MeterEntry
from greengate.ports import Fault, NotHere
from greengate.settings import MeterAccess

MODELS = "models: [{name: m, path: m.onnx}]\n"
FULL = """\
runner:
  meters:
    - {shelly: "http://192.0.2.7", switch: 1, what: "the whole runner"}
    - {tasmota: "http://plug.lab", interval: 2 s}
    - {redfish: "https://bmc.lab", chassis: "System.Embedded.1"}
    - {ipmi: local}
    - {prometheus: "http://prom.lab:9090/prom", query: "sum(pdu_watts)", unit: W, sum: true, interval: 500 ms}
"""
SECRET = "put them into GREENGATE_METER_USER and GREENGATE_METER_PASSWORD, and change them: they were in a file"
LIKE = "write it like `http://192.0.2.7` or `https://bmc.lab`"
KINDS = "known here: `ipmi`, `prometheus`, `redfish`, `shelly`, `tasmota`"


def project(text):
    return load(f"{HEAD}{MODELS}{text}")


def with_meter(entry):
    return project(f"runner:\n  meters:\n    - {entry}\n")


def test_meters_are_read():
    assert project(FULL).meters == (
        MeterEntry("shelly", "http://192.0.2.7", {"switch": 1, "what": "the whole runner"}),
        MeterEntry("tasmota", "http://plug.lab", {"interval_s": 2.0}),
        MeterEntry("redfish", "https://bmc.lab", {"chassis": "System.Embedded.1"}),
        MeterEntry("ipmi", "local"),
        MeterEntry(
            "prometheus",
            "http://prom.lab:9090/prom",
            {"query": "sum(pdu_watts)", "unit": "W", "sum": True, "interval_s": 0.5},
        ),
    )
    assert [entry.place.line for entry in project(FULL).meters] == [7, 8, 9, 10, 11]


def test_a_project_without_meters_has_none():
    assert project("").meters == ()


@pytest.mark.parametrize(
    ("entry", "problem", "hint"),
    [
        ('{shely: "http://a"}', "unknown key `shely`", "did you mean `shelly`?"),
        ("{what: everything}", "the entry says no kind of meter", KINDS),
        ('{shelly: "http://a", tasmota: "http://b"}', "there is a `shelly` and a `tasmota` in one entry", "write an entry for each meter"),
        ("shelly", "found `shelly`, expected a mapping of keys to values", ""),
        ("{ipmi: bmc.lab}", "found `bmc.lab`, expected `local`", ""),
        ('{shelly: "192.0.2.7"}', "`192.0.2.7` is no address that begins with `http://` or `https://`", LIKE),
        ('{shelly: "ftp://plug.lab"}', "`ftp://plug.lab` is no address that begins with `http://` or `https://`", LIKE),
        ('{shelly: "http://"}', "`http://` is no address that begins with `http://` or `https://`", LIKE),
        ('{shelly: "http://a b"}', "`http://a b` is no address that begins with `http://` or `https://`", LIKE),
        ('{shelly: "http://[::1"}', "`http://[::1` is no address that begins with `http://` or `https://`", LIKE),
        ('{shelly: "http://a:99999"}', "`http://a:99999` is no address that begins with `http://` or `https://`", LIKE),
        ('{shelly: "http://admin:s3cret@plug.lab"}', "the address holds a user or a password", SECRET),
        ('{shelly: "admin:s3cret@plug.lab"}', "the address holds a user or a password", SECRET),
        ('{shelly: "http://a/?password=s3cret"}', "the address goes on after its path, with `?` or `#`", "end it before that"),
        ('{shelly: "http://a", switch: -1}', "found `-1`, expected at least 0", ""),
        ('{tasmota: "http://a", switch: 1}', "`switch` does not go with `tasmota`", "leave it out"),
        ('{shelly: "http://a", sum: true}', "`sum` does not go with `shelly`", "leave it out"),
        ('{redfish: "https://a"}', "`chassis` is missing: `redfish` needs it", "Chassis of a Redfish controller, such as 1."),
        ('{redfish: "https://a", chassis: 1}', "found `1`, expected text", "put it in quotes"),
        ('{redfish: "https://a", chassis: "../Systems/1"}', "`../Systems/1` is no chassis", "give its identifier under /redfish/v1/Chassis, such as `1` in quotes"),
        ('{prometheus: "http://a", query: x}', "`unit` is missing: `prometheus` needs it", "Unit of the query: W (a power) or J (a counter)."),
        ('{prometheus: "http://a", unit: W}', "`query` is missing: `prometheus` needs it", "PromQL that gives one series or a scalar."),
        ('{prometheus: "http://a", query: x, unit: kWh}', "found `kWh`, expected `W` or `J`", ""),
        ("{ipmi: local, interval: 10}", "`10` has no unit", "a duration is written like `40 ms`"),
        ("{ipmi: local, interval: 1 ms}", "found `1 ms`, expected from 100 ms to 5 min", "plugs and controllers have a new reading about once a second"),
        ("{ipmi: local, interval: 3 W}", "`3 W` is a power, expected a duration", "write it like `40 ms`"),
    ],
)  # fmt: skip
def test_mistakes_in_a_meter_are_told(entry, problem, hint):
    found = mistakes(with_meter, entry)
    assert found == [(7, problem, hint)]
    assert "s3cret" not in str(found)


def test_the_same_meter_twice_is_told():
    text = "runner:\n  meters:\n    - {ipmi: local}\n    - {ipmi: local}\n"
    assert mistakes(project, text) == [(8, "the same meter stands in line 7", "keep one of the two")]


def test_an_empty_list_is_told():
    text = "runner: {meters: []}\n"
    assert mistakes(project, text) == [(5, "the list is empty", "fill it, or leave the key out")]


def test_every_kind_has_its_key():
    assert set(registry.WALL_METERS) <= set(project_file.Meter.model_fields)
    assert tuple(registry.WALL_METERS) == project_meters.KINDS


@pytest.mark.parametrize("entry", project(FULL).meters, ids=lambda entry: entry.kind)
def test_every_kind_is_made_from_its_entry_and_never_raises(entry, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
    meter = registry.wall_meter(entry.kind, nowhere, entry.options, MeterAccess())
    assert isinstance(meter.probe(), NotHere)
    assert isinstance(meter.sample(), Fault)
    meter.close()
    meter.close()


def test_credentials_come_from_the_environment(monkeypatch):
    told = {"USER": "u", "PASSWORD": "p", "TOKEN": "t\n", "CA": "/ca.pem"}
    environment = {f"GREENGATE_METER_{name}": value for name, value in told.items()}
    assert settings.meter_access(environment) == MeterAccess("u", "p", "t", "/ca.pem")
    assert repr(settings.meter_access(environment)) == "MeterAccess(user='u', ca_file='/ca.pem')"
    for name in environment:
        monkeypatch.delenv(name, raising=False)
    assert settings.meter_access() == MeterAccess()
