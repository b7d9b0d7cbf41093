"""Any number that a Prometheus server has, in the unit that the project says."""

# ruff: noqa: E501 - one case is one line of its table

from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from http_made import Answer, device, without_place

from greengate.evidence import Class
from greengate.measure.meters.prometheus import PrometheusMeter
from greengate.ports import Fault, MeterFacts, NotHere, Sample
from greengate.settings import MeterAccess

NOBODY = MeterAccess()
PDU = 'pdu_outlet_watts{outlet="7"}'


def vector(*values):
    series = [{"metric": {"instance": str(index)}, "value": [1772359200.1, text]} for index, text in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": series}}


def looked(answer, query=PDU, unit="W", **options):
    with device({"/api/v1/query": answer}) as made:
        meter = PrometheusMeter(made.address, NOBODY, query=query, unit=unit, **options)
        with closing(meter):
            return meter.probe(), meter.sample()


@pytest.mark.parametrize(
    ("answer", "options", "reading", "resolution", "value"),
    [
        (vector("174.5"), {}, "power", 0.1, 174.5),
        (vector("174"), {}, "power", 1.0, 174.0),
        (vector("1.74e+02"), {}, "power", 1.0, 174.0),
        (vector("174.50000000000003"), {}, "power", 0.001, 174.50000000000003),
        (vector("174.5", "80"), {"sum": True}, "power", 1.0, 254.5),
        ({"status": "success", "data": {"resultType": "scalar", "result": [1772359200.1, "174.5"]}}, {}, "power", 0.1, 174.5),
        (vector("915000123.25"), {"query": "rack_joules_total", "unit": "J"}, "energy", 0.01, 915000123.25),
    ],
    ids=["a series", "whole watts", "exponent", "binary digits", "a sum", "a scalar", "a counter"],
)  # fmt: skip
def test_a_query_is_read(answer, options, reading, resolution, value):
    facts, sample = looked(answer, **options)
    assert isinstance(facts, MeterFacts)
    assert (facts.reading, facts.resolution) == (reading, pytest.approx(resolution))
    assert isinstance(sample, Sample)
    assert sample.values == {"host": value}


def test_the_query_is_asked_as_it_is_written():
    query = 'sum(kepler_node_cpu_watts{zone="package", node_name=~"runner.+"}) + 1'
    with device({"/prom/api/v1/query": vector("1")}) as made:
        with closing(PrometheusMeter(f"{made.address}/prom/", NOBODY, query=query, unit="W")) as meter:
            assert isinstance(meter.sample(), Sample)
        assert parse_qs(urlsplit(made.asked[0]).query) == {"query": [query]}


def test_a_token_is_given():
    with device({"/api/v1/query": vector("1")}) as made:
        with closing(PrometheusMeter(made.address, MeterAccess(token="t0ken"), query=PDU, unit="W")) as meter:
            meter.sample()
        assert made.headers[0]["Authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("query", "kind", "scope"),
    [
        (PDU, Class.METERED, "host"),
        ('sum(kepler_node_cpu_watts{zone="package"})', Class.COUNTER, "package"),
        ("rate(kepler_node_platform_joules_total[1m])", Class.METERED, "host"),
        ("scaph_host_power_microwatts / 1e6", Class.COUNTER, "package"),
    ],
    ids=["a metered rack", "kepler", "kepler's platform", "scaphandre"],
)
def test_exporters_that_read_rapl_are_no_power_meters(query, kind, scope):
    facts, _ = looked(vector("35.25"), query)
    assert (facts.id, facts.kind, facts.scope) == (f"prometheus {query}", kind, scope)


def test_a_scrape_takes_long_and_so_does_a_window():
    facts, _ = looked(vector("35.25"), what="rack 3", interval_s=30.0)
    assert (facts.domains, facts.period_s, facts.shortest_window_s) == ({"host": "rack 3"}, 30.0, 300.0)


QUERY = "the query to PLUG"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (vector(), ("unreadable", f"{QUERY} finds no series")),
        (vector("1", "2"), ("malformed", f"{QUERY} finds 2 series, expected one")),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, ("malformed", f"{QUERY} gives a matrix, expected one series or a scalar")),
        ({"status": "success"}, ("malformed", f"{QUERY} gives nothing known, expected one series or a scalar")),
        (vector("many"), ("malformed", f"{QUERY} gives a value that is no number")),
        (vector(None), ("malformed", f"{QUERY} gives a value that is no number")),
        (vector([0, [1, 2], 3]), ("malformed", f"{QUERY} gives a value that is no number")),
        (vector("NaN"), ("not-finite", f"{QUERY} gives `NaN`, which is no finite number")),
        (vector("+Inf"), ("not-finite", f"{QUERY} gives `Infinity`, which is no finite number")),
        (vector("174500000"), ("wrong-unit", f"{QUERY} gives 1.745e+08 W, more than a machine draws: it is in another unit")),
        (Answer({"status": "error", "errorType": "bad_data", "error": "1:5: parse error: unexpected end"}, 400), ("unreadable", "PLUG/api/v1/query answers with status 400: 1:5: parse error: unexpected end")),
        (Answer({"status": "error", "error": "query timed out"}, 503), ("device-error", "PLUG/api/v1/query answers with status 503: query timed out")),
    ],
    ids=["none", "two", "a range", "no data", "text", "null", "a list", "nan", "infinite", "microwatts", "no query", "busy"],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_fault(answer, found):
    absent, fault = looked(answer)
    assert isinstance(absent, NotHere)
    assert isinstance(fault, Fault)
    assert without_place(fault) == found


@pytest.mark.parametrize(
    ("query", "unit", "why"),
    [
        ("scaph_host_power_microwatts", "W", "`scaph_host_power_microwatts` is not in W"),
        ('sum(scaph_host_energy_microjoules{path="a/b"})', "J", "`scaph_host_energy_microjoules` is not in J"),
        ("shelly_device_aenergy_watt_hours_total", "J", "`shelly_device_aenergy_watt_hours_total` is not in J"),
        ("kepler_node_platform_joules_total", "W", "the query gives `kepler_node_platform_joules_total` not in W"),
        (
            "rate(kepler_node_platform_joules_total[1m])",
            "J",
            "the query gives `kepler_node_platform_joules_total` not in J",
        ),
        ("kepler_node_cpu_watts", "J", "`kepler_node_cpu_watts` is a power, not in J"),
    ],
)
def test_a_query_whose_name_says_another_unit_is_refused(query, unit, why):
    absent, fault = looked(vector("35.25"), query, unit)
    assert absent.why == why
    assert absent.hint
    assert (fault.name, fault.words) == ("wrong-unit", why)


def test_no_power_at_all_is_no_meter():
    absent, sample = looked(vector("0"))
    assert without_place(Fault("", absent.why, 0.0))[1] == f"{QUERY} gives 0 W, while this machine draws some"
    assert sample.values == {"host": 0.0}
