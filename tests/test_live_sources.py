"""Live sources of carbon intensity: what each tells, and what is said of every way in which one fails."""

# ruff: noqa: E501 - one case is one line of its table

import hashlib
import json
from contextlib import closing, nullcontext
from datetime import timedelta
from decimal import Decimal

import pytest
from http_made import Answer, device
from points_made import GRID, HOUR, MARGINAL, NOW, wanted
from sources_made import DOUBLES, KEY, VALUES, Clock, asked, decided, later, made, without_place

from greengate import outlook, registry
from greengate.bases import Basis, Boundary, Gases, Mix, Signal
from greengate.errors import SourceError, UsageError
from greengate.ports import Point
from greengate.settings import LiveAccess
from greengate.window import Go, Inconclusive

POUND = Decimal("0.45359237")
CONSUMED = Basis(Signal.AVERAGE, Boundary.OPERATIONAL, Mix.CONSUMPTION, Gases.CO2)
DECLARED = Basis(Signal.MARGINAL, Boundary.UNKNOWN, Mix.UNKNOWN, Gases.UNKNOWN)
TOLD = {
    "electricitymaps": (GRID, [Decimal(value) for value in VALUES], 60, HOUR),
    "watttime": (MARGINAL, [value * POUND for value in VALUES], 60, HOUR),
    "neso": (CONSUMED, [Decimal(value) for value in VALUES for _ in range(2)], 30, None),
    "carbon-aware": (DECLARED, [Decimal(value) for value in VALUES], 60, HOUR),
}
EVERY = list(DOUBLES)


def test_every_source_has_a_double():
    assert set(registry.INTENSITIES) == {*DOUBLES, "file"}


@pytest.mark.parametrize("word", EVERY)
def test_a_source_tells_points_with_all_that_is_known_of_them(word):
    basis, values, minutes, updated = TOLD[word]
    double, step = DOUBLES[word], timedelta(minutes=minutes)
    with asked(word, double.body()) as (source, _):
        points = source.forecast(double.zone, NOW, NOW + timedelta(hours=2))
    sha256 = hashlib.sha256(json.dumps(double.body()).encode()).hexdigest()
    assert points == [
        Point(double.zone, HOUR + at * step, step, value, basis, word, True, None, updated, sha256)
        for at, value in enumerate(values)
    ]


@pytest.mark.parametrize("word", EVERY)
def test_its_points_decide(word):
    assert isinstance(decided(word, DOUBLES[word].body())[0], Go)


@pytest.mark.parametrize("word", EVERY)
def test_closing_twice_does_no_harm(word):
    source = made(word, "http://127.0.0.1:9")
    source.close()
    source.close()


def one_of(word, folder):
    """A source of any kind that knows a zone, and that zone."""
    if word != "file":
        return asked(word, DOUBLES[word].body()), DOUBLES[word].zone
    rows = [{"zone": "DE", "start": later(at), "minutes": 60, "g_per_kwh": "9"} for at in range(4)]
    told = {"signal": "average", "boundary": "lifecycle", "mix": "consumption", "gases": "CO2e", "points": rows}
    told["updated_at"] = later(0)
    (folder / "i.json").write_text(json.dumps(told))
    source = registry.intensity_source("file", LiveAccess(str(folder / "i.json")))
    return nullcontext((source, None)), "DE"


@pytest.mark.parametrize("word", registry.INTENSITIES)
def test_whatever_the_source_a_point_is_whole(word, tmp_path):
    made_, zone = one_of(word, tmp_path)
    with made_ as (source, _):
        points = source.forecast(zone, NOW, NOW + timedelta(hours=2))
        source.close()
    assert points
    for point in points:
        assert (point.zone, point.source, point.start.utcoffset()) == (zone, word, timedelta(0))
        assert point.lasts > timedelta(0)
        assert len(bytes.fromhex(point.sha256)) == 32
        assert point.unfit()


# What a source is asked, and with what


def question(word):
    with asked(word, DOUBLES[word].body()) as (source, server):
        source.forecast(DOUBLES[word].zone, NOW, NOW + timedelta(hours=12))
    return server


@pytest.mark.parametrize(
    ("word", "paths"),
    [
        (
            "electricitymaps",
            [
                "/v3/carbon-intensity/forecast?zone=DE&emissionFactorType=lifecycle&temporalGranularity=hourly&horizonHours=24"
            ],
        ),
        ("watttime", ["/login", "/v3/forecast?region=CAISO_NORTH&signal_type=co2_moer&horizon_hours=13"]),
        ("neso", ["/intensity/2026-11-21T12:00Z/2026-11-22T00:30Z"]),
        ("carbon-aware", ["/emissions/forecasts/current?location=westus"]),
    ],
    ids=EVERY,
)
def test_a_source_is_asked_in_its_own_words(word, paths):
    assert question(word).asked == paths


def test_keys_travel_in_headers():
    assert question("electricitymaps").headers[0]["auth-token"] == KEY
    login, data = question("watttime").headers
    assert login["Authorization"] == "Basic bWU6cGFzcy9Xb3JkK1NlY3JldA=="
    assert data["Authorization"] == "Bearer eyJ.Token-Secret"
    assert {"Authorization", "auth-token"}.isdisjoint(question("neso").headers[0])


def test_a_token_is_used_for_25_minutes():
    clock = Clock()
    with asked("watttime", DOUBLES["watttime"].body(), clock=clock) as (source, server):
        for minutes in (0, 24, 2):
            clock.slept.append(minutes * 60)
            source.forecast("CAISO_NORTH", clock.now(), clock.now())
    assert [path.partition("?")[0] for path in server.asked] == [
        "/login", "/v3/forecast", "/v3/forecast", "/login", "/v3/forecast",
    ]  # fmt: skip


# What was


ROW = {"zone": "DE", "carbonIntensity": 302, "datetime": later(0), "updatedAt": later(0)}
ROW |= {"emissionFactorType": "lifecycle", "isEstimated": True, "estimationMethod": "TIME_SLICER_AVERAGE"}
OTHER = ROW | {"datetime": later(-1), "isEstimated": False, "emissionFactorType": "direct"}


@pytest.mark.parametrize(
    ("hours", "path", "body"),
    [
        (1, "latest", ROW),
        (3, "history", {"zone": "DE", "history": [ROW | {"datetime": later(-9)}, ROW]}),
        (30, "past-range", {"data": [ROW]}),
    ],
)
def test_electricity_maps_is_asked_for_the_past_where_that_is(hours, path, body):
    with (
        device({f"/v3/carbon-intensity/{path}": body}) as server,
        closing(made("electricitymaps", server.address)) as source,
    ):
        (told,) = source.actual("DE", NOW - timedelta(hours=hours), NOW)
    assert (told.start, told.g_per_kwh, told.estimated, told.forecast) == (HOUR, 302, True, False)


def test_electricity_maps_says_what_its_factors_are_of():
    body = {"zone": "DE", "history": [OTHER]}
    with device({"*": body}) as server, closing(made("electricitymaps", server.address)) as source:
        (told,) = source.actual("DE", NOW - timedelta(hours=3), NOW)
    assert (told.basis.boundary, told.estimated) == (Boundary.OPERATIONAL, False)


def test_watttime_tells_history_in_the_same_shape():
    body = DOUBLES["watttime"].body()
    with (
        device({"/login": {"token": "t"}, "/v3/historical": body}) as server,
        closing(made("watttime", server.address)) as source,
    ):
        told = source.actual("CAISO_NORTH", HOUR, NOW)
    assert [point.forecast for point in told] == [False] * 4
    assert server.asked[1].endswith("start=2026-11-21T12%3A00%3A00%2B00%3A00&end=2026-11-21T12%3A20%3A00%2B00%3A00")


def test_of_half_hours_to_come_nothing_actual_is_told():
    body = DOUBLES["neso"].body()
    body["data"][0]["intensity"]["actual"] = 87
    with asked("neso", body) as (source, _):
        (told,) = source.actual("GB", HOUR, NOW)
    assert (told.g_per_kwh, told.estimated, told.forecast) == (87, True, False)


def test_the_sdks_actual_points_last_until_the_next():
    body = [{"location": "CAISO_NORTH", "time": later(at, 5), "rating": 70 + at} for at in range(3)]
    with (
        device({"/emissions/bylocation": Answer(body)}) as server,
        closing(made("carbon-aware", server.address)) as source,
    ):
        told = source.actual("westus", HOUR, NOW)
    assert [(point.lasts, point.g_per_kwh) for point in told] == [(timedelta(minutes=5), 70 + at) for at in range(3)]
    assert server.asked == [
        "/emissions/bylocation?location=westus&time=2026-11-21T12%3A00%3A00Z&toTime=2026-11-21T12%3A20%3A00Z"
    ]


def test_where_the_forecast_begins_later_the_present_is_asked_for():
    body = DOUBLES["electricitymaps"].body()
    del body["forecast"][0]
    answers = {"/v3/carbon-intensity/forecast": body, "/v3/carbon-intensity/latest": ROW}
    with device(answers) as server, closing(made("electricitymaps", server.address)) as source:
        place = outlook._place(source, "DE", wanted(None, 2), NOW)
    assert [(point.g_per_kwh, point.forecast) for point in place.points] == [
        (302, False), (120, True), (140, True), (160, True),
    ]  # fmt: skip
    assert place.decision.lowest.g_per_kwh == 120


# Every source, every failure

SECRET_WORDS = {
    "electricitymaps": "it refuses the key, or its plan does not include the zone",
    "watttime": "it refuses user and password",
}
FORBIDDEN = {
    "electricitymaps": "its plan does not include that",
    "watttime": "its plan does not include the region",
}
UNKNOWN = {
    "electricitymaps": "it knows no such zone",
    "watttime": "it knows no such region",
    "carbon-aware": "it knows no such location, or is no Carbon Aware SDK",
}
REFUSED = dict.fromkeys(EVERY, "it refuses the question")
FAILURES = {
    "401": (Answer({"message": "no\x1b!"}, 401), {word: f"{words} (401): no!" for word, words in (REFUSED | SECRET_WORDS).items()}),
    "403": (Answer("", 403), {word: f"{words} (403)" for word, words in (REFUSED | FORBIDDEN).items()}),
    "404": (Answer("", 404), {word: f"{words} (404)" for word, words in (dict.fromkeys(EVERY, "it knows no such thing") | UNKNOWN).items()}),
    "400": (Answer({"error": {"code": "400 Bad Request", "message": "Please enter a valid date"}}, 400), "it refuses the question (400): Please enter a valid date"),
    "429": (Answer({"error": "slow down"}, 429), "it was asked too often (429): slow down"),
    "429 for long": (Answer("", 429, {"Retry-After": "3600"}), "it was asked too often (429)"),
    "500": (Answer({"title": "Oh", "detail": "no"}, 500), "it fails (500): no"),
    "503": (Answer("<html>", 503), "it fails (503)"),
    "too slow": (Answer("{}", delay_s=60), "HERE gave no whole answer within 0.2 s"),
    "byte by byte": (Answer("{" + " " * 999, slowly_s=0.05), "HERE gave no whole answer within 0.2 s"),
    "nothing": (Answer(closes=True), "HERE closed the connection without an answer"),
    "broken off": (Answer("half", announced=99), "HERE broke its answer off, or does not speak HTTP"),
    "no HTTP": (Answer(raw=b"hello\r\n\r\n"), "HERE broke its answer off, or does not speak HTTP"),
    "a page": (Answer("<html>login</html>"), "its answer is no JSON"),
    "too deep": (Answer("[" * 100_000), "its answer is no JSON"),
    "beyond numbers": (Answer("1e9999999999999999999"), "its answer is no JSON"),
    "huge": (Answer(" " * (2**20 + 1)), "HERE answers with more than 1 MiB"),
    "led astray": (Answer("", 302, {"Location": "http://elsewhere.example/x"}), "HERE redirects to another host, which is not followed"),
    "led nowhere": (Answer("", 302, {"Location": "http://[::bad/"}), "HERE redirects to something that is no address"),
    "in a circle": (Answer("", 302, {"Location": "/v3/forecast"}), "HERE redirects again and again"),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("word", EVERY)
def test_a_failure_is_inconclusive_and_says_what_it_was(word, failure):
    answer, words = FAILURES[failure]
    double = DOUBLES[word]
    words = words if isinstance(words, str) else words[word]
    with (
        device({**double.others, "*": answer, double.path: answer}) as server,
        closing(made(word, server.address, timeout_s=0.2)) as source,
    ):
        decision = outlook._place(source, double.zone, wanted(None, 2), NOW).decision
    assert without_place(decision, server) == f"{word}: {words}"


def changed(word, path, value):
    """The double's answer with one place changed; `...` takes the place away."""
    body = DOUBLES[word].body()
    *steps, last = path
    place = body
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(body)


EM, WT, SDK = ("forecast", 1), ("data", 1), (0, "forecastData", 1)
SHAPES = [
    ("electricitymaps", ("zone",), "FR", 'it was asked of `DE`, and its `zone` is `"FR"`'),
    ("electricitymaps", ("zone",), ..., "its answer has no `zone`"),
    ("electricitymaps", ("forecast",), ..., "its answer has no `forecast`"),
    ("electricitymaps", ("forecast",), {}, "its `forecast` is no list of points"),
    ("electricitymaps", ("forecast", 1), 7, "its `forecast` is no list of points"),
    ("electricitymaps", (*EM, "carbonIntensity"), "120", 'its `carbonIntensity` is no number: `"120"`'),
    ("electricitymaps", (*EM, "carbonIntensity"), True, "its `carbonIntensity` is no number: `True`"),
    ("electricitymaps", (*EM, "carbonIntensity"), ..., "its answer has no `carbonIntensity`"),
    ("electricitymaps", (*EM, "datetime"), "2026-11-21T13:00:00", 'its `datetime` has no time zone: `"2026-11-21T13:00:00"`'),
    ("electricitymaps", (*EM, "datetime"), 1795266000, "its `datetime` is no time: `1795266000`"),
    ("electricitymaps", (*EM, "datetime"), "0001-01-01T00:00:00+23:00", 'its `datetime` is of another century: `"0001-01-01T00:00:00+23:00"`'),
    ("electricitymaps", (*EM, "datetime"), "9999-12-31T23:30:00Z", 'its `datetime` is of another century: `"9999-12-31T23:30:00Z"`'),
    ("watttime", (*WT, "value"), 10**31, "its `value` is beyond all measure: `1" + "0" * 31 + "`"),
    ("electricitymaps", (*EM, "zone"), "FR", 'it was asked of `DE`, and its `zone` is `"FR"`'),
    ("electricitymaps", (*EM, "emissionFactorType"), "marginal", 'its `emissionFactorType` is `"marginal"`'),
    ("electricitymaps", ("updatedAt",), "2026-11-21T12:00", 'its `updatedAt` has no time zone: `"2026-11-21T12:00"`'),
    ("electricitymaps", ("temporalGranularity",), "daily", 'its `temporalGranularity` is `"daily"`'),
    ("watttime", ("meta", "region"), "PJM", 'it was asked of `CAISO_NORTH`, and its `region` is `"PJM"`'),
    ("watttime", ("meta", "signal_type"), "co2_aoer", 'it was asked of `co2_moer`, and its `signal_type` is `"co2_aoer"`'),
    ("watttime", ("meta", "units"), "g_co2_per_kwh", 'its `units` are `"g_co2_per_kwh"`, and only `lbs_co2_per_mwh` is converted'),
    ("watttime", ("meta", "units"), ..., "its answer has no `units`"),
    ("watttime", ("meta", "data_point_period_seconds"), ..., "its answer has no `data_point_period_seconds`"),
    ("watttime", ("meta", "data_point_period_seconds"), 0, "its `data_point_period_seconds` is `0`"),
    ("watttime", ("meta",), [], "its answer has no `region`"),
    ("watttime", ("data",), ..., "its answer has no `data`"),
    ("watttime", (*WT, "value"), "870", 'its `value` is no number: `"870"`'),
    ("watttime", (*WT, "point_time"), "2026-11-21T13:00:00", 'its `point_time` has no time zone: `"2026-11-21T13:00:00"`'),
    ("neso", ("data",), ..., "its answer has no `data`"),
    ("neso", (*WT, "intensity"), None, "its answer has no `forecast`"),
    ("neso", (*WT, "intensity", "forecast"), "87", 'its `forecast` is no number: `"87"`'),
    ("neso", (*WT, "from"), "2026-11-21T12:30", 'its `from` has no time zone: `"2026-11-21T12:30"`'),
    ("neso", (*WT, "to"), ..., "its answer has no `to`"),
    ("carbon-aware", (0, "location"), "eastus", 'it was asked of `westus`, and its `location` is `"eastus"`'),
    ("carbon-aware", (0, "forecastData"), None, "its `forecastData` is no list of points"),
    ("carbon-aware", (0, "forecastData"), ..., "its answer has no `forecastData`"),
    ("carbon-aware", (*SDK, "location"), "IE", 'its points are of several places, such as `"CAISO_NORTH"` and `"IE"`'),
    ("carbon-aware", (*SDK, "duration"), "00:05:00", 'its `duration` is no number: `"00:05:00"`'),
    ("carbon-aware", (*SDK, "duration"), 0, "its `duration` is `0`, expected minutes"),
    ("carbon-aware", (*SDK, "value"), "120", 'its `value` is no number: `"120"`'),
    ("carbon-aware", (*SDK, "timestamp"), "2026-11-21T13:00:00", 'its `timestamp` has no time zone: `"2026-11-21T13:00:00"`'),
]  # fmt: skip


@pytest.mark.parametrize(("word", "path", "value", "words"), SHAPES)
def test_another_shape_is_said_to_be_one(word, path, value, words):
    decision, _ = decided(word, changed(word, path, value))
    assert decision == Inconclusive(f"{word}: {words}", "look whether it is that service, and report it if it is")


BELIEFS = {
    "electricitymaps": ((*EM, "carbonIntensity"), ("updatedAt",)),
    "watttime": ((*WT, "value"), ("meta", "generated_at")),
    "neso": (("data", 2, "intensity", "forecast"), None),
    "carbon-aware": ((*SDK, "value"), (0, "generatedAt")),
}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "the point of 2026-11-21 13:00 UTC is no finite number"),
        (float("inf"), "the point of 2026-11-21 13:00 UTC is no finite number"),
        (-5, "the point of 2026-11-21 13:00 UTC is negative: {:.6g} g/kWh"),
        (90000, "the point of 2026-11-21 13:00 UTC is absurd: {:.6g} g/kWh, more than 2000"),
    ],
)
@pytest.mark.parametrize("word", EVERY)
def test_a_value_that_cannot_be_is_not_believed(word, value, why):
    grams = Decimal(str(value)) * (POUND if word == "watttime" else 1)
    decision, _ = decided(word, changed(word, BELIEFS[word][0], value))
    assert decision == Inconclusive(why.format(grams))


@pytest.mark.parametrize("word", [word for word in EVERY if BELIEFS[word][1]])
def test_a_stale_forecast_is_not_believed(word):
    decision, _ = decided(word, changed(word, BELIEFS[word][1], later(-9)))
    assert decision.why == "it was updated at 2026-11-21 03:00 UTC, 9 h 20 min ago: more than 3 h"


@pytest.mark.parametrize("word", EVERY)
def test_a_value_that_is_missing_leaves_a_gap(word):
    decision, _ = decided(word, changed(word, BELIEFS[word][0], None))
    assert decision.why.startswith("nothing is told from 2026-11-21 13:00 UTC to 2026-11-21 1")


@pytest.mark.parametrize("word", EVERY)
def test_half_an_answer_is_not_enough(word):
    decision, _ = decided(word, DOUBLES[word].body(values=(100,)))
    assert decision.why == "what is told ends at 2026-11-21 13:00 UTC, and the window at 2026-11-21 14:20 UTC"


@pytest.mark.parametrize("told", [{"token": 7}, {"token": ""}, {"token": "a\nb"}])
def test_a_token_that_is_none_is_said(told):
    with device({"/login": told}) as server, closing(made("watttime", server.address)) as source:
        decision = outlook._place(source, "CAISO_NORTH", wanted(None, 2), NOW).decision
    assert decision.why == "watttime: its `token` is none"


def test_one_actual_point_of_the_sdk_says_nothing_of_its_length():
    body = [{"location": "CAISO_NORTH", "time": later(0), "rating": 70}]
    with (
        device({"*": Answer(body)}) as server,
        closing(made("carbon-aware", server.address)) as source,
        pytest.raises(SourceError, match="it tells of one point, and not how long that lasts"),
    ):
        source.actual("westus", HOUR, NOW)


# What is refused before anything is asked


@pytest.mark.parametrize(
    ("word", "access", "words"),
    [
        ("electricitymaps", {}, "electricitymaps: it is asked with a key, and there is none\n  hint: set GREENGATE_ELECTRICITYMAPS_TOKEN"),
        ("electricitymaps", {"token": "kéy"}, "electricitymaps: GREENGATE_ELECTRICITYMAPS_TOKEN has characters that no key has\n  hint: copy it again"),
        ("watttime", {"user": "me"}, "watttime: it is asked by a user with a password\n  hint: set GREENGATE_WATTTIME_USER and GREENGATE_WATTTIME_PASSWORD"),
        ("carbon-aware", {"signal": "marginal"}, "carbon-aware: it has no address of its own: it is whoever hosts the SDK\n  hint: set GREENGATE_CARBON_AWARE_URL, or give --address"),
        ("carbon-aware", {"address": "http://sdk"}, "carbon-aware: it does not say which signal it tells of\n  hint: set GREENGATE_CARBON_AWARE_SIGNAL to `average` (Electricity Maps behind it) or to `marginal` (WattTime)"),
        ("carbon-aware", {"address": "http://sdk", "signal": "marginel"}, "carbon-aware: its signal is declared to be `marginel`\n  hint: did you mean `marginal`?"),
        ("electricitymaps", {"token": KEY, "address": "http://proxy.example"}, "electricitymaps: a key would be sent to `http://proxy.example` in the clear\n  hint: use an `https://` address"),
        ("neso", {"address": "https://me:secret@neso.example"}, "neso: its address holds a user or a password\n  hint: give those in variables: see docs/window.md"),
        ("neso", {"address": "https://neso.example/?a=1"}, "neso: its address goes on behind the path\n  hint: leave `?` and `#` out"),
        ("neso", {"address": KEY}, "neso: its address is none\n  hint: write it like `https://host.example:8080`"),
        ("neso", {"address": "http://[::"}, "neso: its address is none\n  hint: write it like `https://host.example:8080`"),
        ("neso", {"proxies": {"https": "socks5://me:secret@proxy:1"}}, "neso: the proxy of the environment is a `socks5` one, which is not spoken here\n  hint: name an HTTP proxy, or the host in `no_proxy`"),
        ("neso", {"ca_file": "/nowhere.pem"}, "GREENGATE_WINDOW_CA: there is no `/nowhere.pem`\n  hint: name a file of certificates (PEM)"),
        ("file", {}, "file: which file is not said\n  hint: name it: --address intensities.json"),
        ("file", {"address": "nowhere.json"}, "nowhere.json: there is no such file"),
    ],
)  # fmt: skip
def test_what_is_missing_is_asked_for(word, access, words):
    with pytest.raises(UsageError) as refused:
        registry.intensity_source(word, LiveAccess(**access))
    assert str(refused.value) == words


def test_another_zone_than_great_britain_is_not_asked_of_neso():
    with asked("neso", {}) as (source, server), pytest.raises(UsageError, match="not `DE`"):
        source.forecast("DE", NOW, NOW)
    assert server.asked == []
