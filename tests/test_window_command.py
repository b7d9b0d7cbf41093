"""`greengate window`: its answers, exit codes and messages, against a file and against doubles of live sources."""

# ruff: noqa: E501 - one case is one line of its table

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from http_made import Answer, device
from points_made import HOUR, NOW
from sources_made import DOUBLES, KEY, PASSWORD, TOKEN, later

from greengate.carbon.live import courier
from greengate.cli import run
from greengate.cli import window as command
from greengate.cli.outlooks import when

BASIS = {"signal": "average", "boundary": "lifecycle", "mix": "consumption", "gases": "CO2e"}


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """A machine without variables of its own, whose clock stands, in Berlin."""
    monkeypatch.chdir(tmp_path)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    monkeypatch.setattr(command, "now", lambda: NOW)
    yield
    monkeypatch.undo()
    time.tzset()


def rows(zone, *values, **changes):
    return [
        {"zone": zone, "start": later(at), "minutes": 60, "g_per_kwh": value, **changes}
        for at, value in enumerate(values)
    ]


def written(*points, **changes):
    told = {**BASIS, "updated_at": later(0), "points": [row for some in points for row in some], **changes}
    with open("i.json", "w", encoding="utf-8") as file:  # noqa: PTH123 - in the folder of the test
        json.dump(told, file)


DE, FR = rows("DE", "200", "142.5", "120", "190"), rows("FR", "60", "40", "50", "55")


def window(capsys, *words, source="file", address="i.json"):
    code = run(["window", "--source", source, "--address", address, *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_go_is_0(capsys):
    written(DE)
    assert window(capsys, "--zone", "DE", "--below", "250", "--within", "2h") == (
        0,
        (
            "DE: go\n"
            "  intensity    200 gCO2e/kWh from 2026-11-21 12:20 UTC (13:20 CET)\n"
            "  limit        below 250 gCO2e/kWh\n"
            "  lowest       120 gCO2e/kWh from 2026-11-21 14:00 UTC (15:00 CET)\n"
            "  within       2 h\n"
            "  basis        average, lifecycle, consumption\n"
            "  source       file: 4 points, updated 2026-11-21 12:00 UTC (13:00 CET)\n"
        ),
        "",
    )


def test_later_is_1(capsys):
    written(DE)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "150 gCO2e/kWh", "--within", "3h", "--for", "90min")
    assert code == 1
    assert out.startswith(
        "DE: wait until 2026-11-21 13:00 UTC (14:00 CET)\n"
        "  intensity    135 gCO2e/kWh from 2026-11-21 13:00 UTC (14:00 CET), mean over 1 h 30 min\n"
    )


def test_no_window_is_1_and_says_the_lowest_and_when(capsys):
    written(DE)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "100", "--within", "3h")
    assert (code, out.splitlines()[:3]) == (
        1,
        [
            "DE: no window",
            "  limit        below 100 gCO2e/kWh",
            "  lowest       120 gCO2e/kWh from 2026-11-21 14:00 UTC (15:00 CET)",
        ],
    )


@pytest.mark.parametrize(("setting", "code"), [("closed", 3), ("open", 0)])
def test_what_is_not_known_is_3_or_by_setting_0_with_a_warning(capsys, setting, code):
    written(DE)
    found = window(capsys, "--zone", "DE", "--below", "500", "--within", "4h", "--on-failure", setting)
    why = "what is told ends at 2026-11-21 16:00 UTC, and the window at 2026-11-21 16:20 UTC"
    assert found[:2] == (code, f"DE: inconclusive\n  why          {why}\n")
    warning = "WARNING: whether this is green is not known: --on-failure open lets it start all the same"
    assert found[2] == (f"{warning}\n  why: {why}\n" if setting == "open" else "")


def test_the_greenest_zone_is_named_and_the_others_beside_it(capsys):
    written(DE, FR)
    code, out, _ = window(capsys, "--zones", "DE, FR,SE", "--within", "3h")
    assert code == 1
    assert out.startswith("FR: wait until 2026-11-21 13:00 UTC (14:00 CET)\n  intensity    40 gCO2e/kWh from")
    assert out.endswith(
        "\n"
        "other zones\n"
        "  DE           wait until 2026-11-21 14:00 UTC (15:00 CET), 120 gCO2e/kWh\n"
        "  SE           inconclusive: i.json: it knows no zone `SE`\n"
    )


def test_without_a_window_the_greenest_zone_is_that_of_now(capsys):
    written(DE, FR)
    code, out, _ = window(capsys, "--zones", "DE,FR")
    assert (code, out.splitlines()[0]) == (0, "FR: go")


def test_a_zone_that_is_a_go_now_comes_before_one_that_is_greener_later(capsys):
    written(rows("A", "140", "140", "140", "140"), rows("B", "200", "50", "50", "50"))
    code, out, _ = window(capsys, "--zones", "B,A", "--below", "150", "--within", "2h")
    assert (code, out.splitlines()[0]) == (0, "A: go")


def test_where_one_zone_is_unknown_and_none_is_green_nothing_is_decided(capsys):
    written(DE)
    code, out, _ = window(capsys, "--zones", "DE,FR", "--below", "50", "--within", "2h")
    assert (code, out.splitlines()[0]) == (3, "FR: inconclusive")


def test_zones_of_different_signals_are_not_compared(capsys):
    written(DE, rows("FR", "1", "1", "1", "1", signal="marginal"))
    assert window(capsys, "--zones", "DE,FR", "--within", "2h") == (
        2,
        "",
        (
            "error: --zones: DE and FR cannot be compared: signal average beside marginal\n"
            "  hint: ask for zones of one kind, or for one zone\n"
        ),
    )


def test_json_has_every_point_with_where_it_is_from(capsys):
    written(DE)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "150", "--within", "2h", "--json")
    told = json.loads(out)
    (place,) = told.pop("places")
    lowest = {"start": "2026-11-21T14:00:00+00:00", "end": "2026-11-21T14:00:00+00:00", "intensity": "120"}
    start = {"start": "2026-11-21T13:00:00+00:00", "end": "2026-11-21T13:00:00+00:00", "intensity": "142.5"}
    best = {"answer": "wait-until", "zone": "DE", **start, "unit": "gCO2e/kWh", "lowest": lowest, "basis": BASIS}
    best |= {"why": None, "hint": None}
    assert code == 1
    assert told == {
        **best, "asked_at": "2026-11-21T12:20:00+00:00", "source": "file", "below": "150 gCO2e/kWh", "within_s": 7200,
        "for_s": 0, "on_failure": "closed", "waited_in_vain": False,
    }  # fmt: skip
    points = place.pop("points")
    assert place == best
    assert [point["g_per_kwh"] for point in points] == ["200", "142.5", "120", "190"]
    assert points[0] == {
        "zone": "DE", "start": "2026-11-21T12:00:00+00:00", "seconds": 3600, "g_per_kwh": "200", "forecast": True,
        "estimated": None, "updated_at": "2026-11-21T12:00:00+00:00", "sha256": points[1]["sha256"], "basis": BASIS,
        "unfit_for_accounts": "it is live, and emissions are accounted for by a factor set that is pinned",
    }  # fmt: skip


def test_json_of_nothing_known_says_why(capsys):
    written(DE)
    code, out, _ = window(capsys, "--zone", "SE", "--within", "2h", "--json")
    told = json.loads(out)
    assert (code, told["answer"], told["why"], told["start"], told["basis"]) == (
        3, "inconclusive", "i.json: it knows no zone `SE`", None, None,
    )  # fmt: skip


def test_a_marginal_source_is_asked_and_its_basis_told(capsys, monkeypatch):
    monkeypatch.setenv("GREENGATE_WATTTIME_USER", "me")
    monkeypatch.setenv("GREENGATE_WATTTIME_PASSWORD", PASSWORD)
    with device(DOUBLES["watttime"].answers(DOUBLES["watttime"].body())) as server:
        found = window(
            capsys,
            "--zone",
            "CAISO_NORTH",
            "--below",
            "60",
            "--within",
            "2h",
            source="watttime",
            address=server.address,
        )
    assert found[0] == 0
    assert "  intensity    45.359237 gCO2/kWh from" in found[1]
    assert "  basis        marginal, operational, unknown, CO2 only\n" in found[1]


def test_the_source_may_come_from_a_variable(capsys, monkeypatch):
    written(DE)
    monkeypatch.setenv("GREENGATE_WINDOW_SOURCE", "file")
    monkeypatch.setenv("GREENGATE_FILE_URL", "i.json")
    assert run(["window", "--zone", "DE", "--below", "500"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--below", "1"), "--zone: either --zone or --zones is needed\n  hint: as in --zone DE, or --zones DE,FR,SE"),
        (("--zone", "DE", "--zones", "FR", "--below", "1"), "--zone: either --zone or --zones is needed\n  hint: as in --zone DE, or --zones DE,FR,SE"),
        (("--zone", "DE"), "--zone: there is nothing to decide\n  hint: give --below 150 for a limit, or --within 12h for the greenest time"),
        (("--zone", "D E", "--below", "1"), "--zones: `D E` is no zone\n  hint: zones are written like DE, US-CAL-CISO or CAISO_NORTH"),
        (("--zone", "DE\nx=1", "--below", "1"), "--zones: `DE\nx=1` is no zone\n  hint: zones are written like DE, US-CAL-CISO or CAISO_NORTH"),
        (("--zones", "DE,", "--below", "1"), "--zones: `` is no zone\n  hint: zones are written like DE, US-CAL-CISO or CAISO_NORTH"),
        (("--zones", "DE,FR,DE"), "--zones: a zone is named twice"),
        (("--zones", ",".join(f"Z{at}" for at in range(21))), "--zones: 21 zones are named, and at least 1 and at most 20 can be"),
        (("--zone", "DE", "--below", "150 g"), "--below: `g` in `150 g` is no unit of a carbon intensity\n  hint: known here: `gCO2e/kWh`, `kgCO2e/MWh`, `kgCO2e/kWh`, `lbCO2e/MWh`, `tCO2e/GWh`, `tCO2e/MWh`"),
        (("--zone", "DE", "--below", "150 W"), "--below: `150 W` is a power, expected a carbon intensity\n  hint: write it like `350 gCO2e/kWh`"),
        (("--zone", "DE", "--below", "low"), "--below: found `low`, expected a carbon intensity such as `350 gCO2e/kWh`"),
        (("--zone", "DE", "--below", "-5"), "--below: `-5`: nothing is below that\n  hint: give more than 0 gCO2e/kWh"),
        (("--zone", "DE", "--within", "12"), "--within: `12` has no unit\n  hint: write it like 12h or 90min"),
        (("--zone", "DE", "--within", "soon"), "--within: found `soon`, expected a duration such as `12h`\n  hint: write it like 12h or 90min"),
        (("--zone", "DE", "--within", "0h"), "--within: `0h` is not between 1 s and 7 d"),
        (("--zone", "DE", "--within", "8d"), "--within: `8d` is not between 1 s and 7 d"),
        (("--zone", "DE", "--within", "2h", "--for", "3h"), "--for: a job of 3 h does not fit into --within 2 h"),
        (("--zone", "DE", "--within", "2h", "--deadline", "1h"), "--deadline: nothing waits without --wait\n  hint: give both, or neither"),
        (("--zone", "DE", "--below", "1", "--for", "1h", "--wait"), "--wait: there is no time to wait in\n  hint: give a window that is longer than the job: --within 12h"),
        (("--zone", "DE", "--within", "2h", "--wait", "--deadline", "3h"), "--deadline: `3h` does not lie between now and 2026-11-21 14:20 UTC, the last start in the window\n  hint: change it, or the window"),
        (("--zone", "DE", "--within", "2h", "--wait", "--deadline", "2026-11-21T12:00Z"), "--deadline: `2026-11-21T12:00Z` does not lie between now and 2026-11-21 14:20 UTC, the last start in the window\n  hint: change it, or the window"),
        (("--zone", "DE", "--within", "2h", "--wait", "--deadline", "2026-11-21T13:00"), "--deadline: `2026-11-21T13:00` has no time zone\n  hint: write 2026-11-22T06:00Z for UTC"),
        (("--zone", "DE", "--within", "2h", "--wait", "--deadline", "noon"), "--deadline: `noon` is neither a length of time nor a time\n  hint: write 6h, or 2026-11-22T06:00Z"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_2_and_says_what_would_be_right(capsys, words, said):
    written(DE)
    assert window(capsys, *words) == (2, "", f"error: {said}\n")


def test_no_source_lists_them(capsys, monkeypatch):
    monkeypatch.delenv("GREENGATE_WINDOW_SOURCE", raising=False)
    assert run(["window", "--zone", "DE", "--below", "1"]) == 2
    assert capsys.readouterr().err == (
        "error: --source: no source of carbon intensity is named\n"
        "  hint: known here: `carbon-aware`, `electricitymaps`, `file`, `neso`, `watttime`\n"
    )


def test_a_misspelt_source_is_not_taken_for_another(capsys):
    assert window(capsys, "--zone", "DE", "--below", "1", source="wattime")[0::2] == (
        2, "error: --source: `wattime` is no source of carbon intensity\n  hint: did you mean `watttime`?\n",
    )  # fmt: skip


# The file

POINT = {"zone": "DE", "start": later(0), "minutes": 60, "g_per_kwh": "100"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"points": 7}, "its `points` is no list of points"),
        ({"signal": "unknown"}, "its `signal` is unknown, and has to be said: `average` or `marginal`"),
        ({"signal": "avarage"}, 'its `signal` is `"avarage"`, expected one of average, marginal, unknown'),
        ({"gases": None}, "its `gases` is `None`, expected one of CO2e, CO2, unknown"),
        ({"points": [{**POINT, "g_per_kwh": 100}]}, "its `g_per_kwh` is no decimal string: `100`"),
        ({"points": [{**POINT, "g_per_kwh": "many"}]}, 'its `g_per_kwh` is no decimal string: `"many"`'),
        ({"points": [{**POINT, "minutes": 0}]}, "its `minutes` are `0`"),
        ({"points": [{**POINT, "start": "noon"}]}, 'its `start` is no time: `"noon"`'),
        ({"points": [{**POINT, "forecast": "no"}]}, 'its `forecast` is neither true nor false: `"no"`'),
        ({"points": [{"zone": "DE"}]}, "its answer has no `minutes`"),
    ],
)
def test_a_file_that_says_something_else_is_inconclusive(capsys, change, why):
    written(DE, **change)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "500")
    assert (code, out) == (
        3,
        f"DE: inconclusive\n  why          i.json: {why}\n  what to do   docs/window.md shows how it is written\n",
    )


def test_a_file_that_does_not_say_how_old_it_is_is_inconclusive(capsys):
    written(DE)
    with open("i.json", encoding="utf-8") as file:  # noqa: PTH123 - in the folder of the test
        told = json.load(file)
    del told["updated_at"]
    with open("i.json", "w", encoding="utf-8") as file:  # noqa: PTH123 - in the folder of the test
        json.dump(told, file)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "500")
    assert (code, "its answer has no `updated_at`" in out) == (3, True)


def test_a_zone_that_the_file_does_not_know_gets_the_one_that_may_be_meant(capsys):
    written(DE, FR)
    code, out, _ = window(capsys, "--zone", "de", "--below", "500")
    assert code == 3
    assert "why          i.json: it knows no zone `de`\n  what to do   did you mean `DE`?\n" in out


@pytest.mark.parametrize("content", ["", "<html>", "[" * 100_000, '{"points": [1e9999999999999999999]}'])
def test_a_file_that_is_no_json_is_inconclusive(capsys, tmp_path, content):
    (tmp_path / "i.json").write_text(content)
    assert "why          i.json: it is no JSON\n" in window(capsys, "--zone", "DE", "--below", "500")[1]


def test_actual_points_of_a_file_stand_before_its_forecast(capsys):
    told = [{**DE[0], "forecast": False, "estimated": True}, *DE[1:]]
    written(told)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "500", "--within", "2h")
    assert code == 0
    assert "file: 4 points, 1 of them estimated, updated" in out


# Failures of a source


def test_no_key_is_in_what_is_printed(capsys, caplog, monkeypatch):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("GREENGATE_ELECTRICITYMAPS_TOKEN", KEY)
    for answer in (Answer({"error": KEY}, 401), Answer({"zone": KEY, "forecast": []}), {"zone": "DE", KEY: KEY}):
        for form in ((), ("--json",), ("--on-failure", "open")):
            with device({"*": answer}) as server:
                words = ("--zone", "DE", "--below", "1", *form)
                found = window(capsys, *words, source="electricitymaps", address=server.address)
            assert KEY not in str(found) + caplog.text
    assert TOKEN not in caplog.text


def test_a_refused_key_is_inconclusive_and_says_what_to_look_at(capsys, monkeypatch):
    monkeypatch.setenv("GREENGATE_ELECTRICITYMAPS_TOKEN", KEY)
    with device({"*": Answer({"message": "Invalid auth-token"}, 401)}) as server:
        found = window(capsys, "--zone", "DE", "--below", "1", source="electricitymaps", address=server.address)
    assert found == (
        3,
        (
            "DE: inconclusive\n"
            "  why          electricitymaps: it refuses the key, or its plan does not include the zone (401):\n"
            "               Invalid auth-token\n"
            "  what to do   look at GREENGATE_ELECTRICITYMAPS_TOKEN, and at what its plan includes\n"
        ),
        "",
    )


def test_answers_are_kept_between_calls(capsys, monkeypatch):
    monkeypatch.setattr(courier, "PACE", courier.PACE)
    body = DOUBLES["neso"].body()
    with device({"*": body}) as server:
        for _ in range(2):
            assert window(capsys, "--zone", "GB", "--below", "500", source="neso", address=server.address)[0] == 0
    assert len(server.asked) == 1


# Waiting


class Clock:
    def __init__(self, monkeypatch):
        self.time, self.slept = NOW, 0
        monkeypatch.setattr(command, "now", lambda: self.time)
        monkeypatch.setattr(command.time, "sleep", self.sleep)

    def sleep(self, seconds):
        self.slept += 1
        self.time += timedelta(seconds=seconds)


def test_a_waiting_job_ends_with_a_go(capsys, monkeypatch):
    clock = Clock(monkeypatch)
    written(DE)
    code, out, err = window(capsys, "--zone", "DE", "--below", "150", "--within", "3h", "--wait")
    assert (code, out.splitlines()[0], clock.time) == (0, "DE: go", HOUR + timedelta(hours=1))
    assert err == (
        "DE: wait until 2026-11-21 13:00 UTC (14:00 CET), 142.5 gCO2e/kWh; the source is asked again by "
        "2026-11-21 12:50 UTC (13:50 CET)\n"
    )


def test_a_waiting_job_ends_at_its_deadline_with_1(capsys, monkeypatch):
    clock = Clock(monkeypatch)
    written(DE)
    code, out, _ = window(capsys, "--zone", "DE", "--below", "50", "--within", "3h", "--wait", "--deadline", "1h")
    assert (code, clock.time) == (1, NOW + timedelta(hours=1))
    assert out.startswith("DE: no window\n")
    assert out.endswith("\nthe time to wait is over: there was no go\n")


def test_the_greenest_time_is_waited_for(capsys, monkeypatch):
    clock = Clock(monkeypatch)
    written(DE)
    code, _, _ = window(
        capsys, "--zone", "DE", "--within", "3h", "--for", "1h", "--wait", "--deadline", "2026-11-21T15:20+01:00"
    )
    assert (code, clock.time) == (0, HOUR + timedelta(hours=2))


def test_a_waiting_job_can_be_interrupted(capsys, monkeypatch):
    Clock(monkeypatch)
    written(DE)

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.time, "sleep", interrupt)
    code, out, err = window(capsys, "--zone", "DE", "--below", "150", "--within", "3h", "--wait")
    assert (code, out) == (130, "")
    assert "interrupted" in err


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 00:30 UTC (02:30 CEST)"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 01:30 UTC (02:30 CET)"),
        (datetime(2026, 11, 21, 23, 30, tzinfo=UTC), "2026-11-21 23:30 UTC (2026-11-22 00:30 CET)"),
    ],
)
def test_times_are_told_in_utc_and_as_the_wall_shows_them(moment, words):
    assert when(moment) == words
