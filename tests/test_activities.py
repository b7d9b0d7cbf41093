"""What deployments really did, from a CSV file: all of it or nothing."""

import pytest
from histories_made import BASIS, decision, history, said
from projects_made import PROJECT

from greengate import cli
from greengate.ledger.canonical import digest
from greengate.records import Kind

HEAD = "project,model,start,end,inferences,it_kwh,idle_kwh,source\n"
JANUARY = "acme/shop,nlp/x,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,1250000,12.5,0.000000001,meter 7\n"
FEBRUARY = JANUARY.replace("2026-02-01", "2026-03-01").replace("2026-01-01", "2026-02-01")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greengate.yaml").write_text(PROJECT.replace("policies:", "name: acme/shop\npolicies:"))
    with history(tmp_path) as made:
        made.append(decision(), BASIS)
    return tmp_path


def imported(place, capsys, text):
    (place / "a.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    code = cli.run(["activity", "import", "a.csv", "--history", "h.db"])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def written(place):
    with history(place) as made:
        return said(made, Kind.ACTIVITY)


def test_kilowatt_hours_become_whole_millijoules(place, capsys):
    assert imported(place, capsys, HEAD + JANUARY) == (0, "a.csv: 1 activities written\n")
    (one,) = written(place)
    assert (one["inferences"], one["it_energy_mj"], one["idle_energy_mj"]) == ("1250000", "45000000000", "4")
    assert (one["start"], one["end"], one["source"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "meter 7")


def test_the_file_is_kept_beside(place, capsys):
    text = (HEAD + JANUARY).encode()
    imported(place, capsys, text)
    with history(place) as made:
        (one,) = said(made, Kind.ACTIVITY)
        assert (one["digest"], made._store.body(one["digest"])) == (digest(text), text)


def test_the_same_again_writes_nothing_and_more_writes_the_rest(place, capsys):
    imported(place, capsys, HEAD + JANUARY)
    assert imported(place, capsys, HEAD + JANUARY) == (0, "a.csv: the history says all of it already\n")
    assert imported(place, capsys, HEAD + JANUARY + FEBRUARY) == (0, "a.csv: 1 activities written\n")


@pytest.mark.parametrize(
    "text",
    [
        "source,model,end,start,inferences\nmeter,nlp/x,2026-02-01T00:00:00Z,2026-01-01T00:00:00Z,5\n",
        "\ufeff" + HEAD.upper() + JANUARY,
        HEAD.replace("\n", "\r\n") + JANUARY.replace("\n", "\r\n") + "\r\n,,,,,,,\r\n",
        HEAD + JANUARY.replace("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"),
    ],
    ids=["other order", "a mark and capitals", "lines of Windows", "another zone"],
)
def test_harmless_forms_are_read(place, capsys, text):
    assert imported(place, capsys, text)[0] == 0
    assert written(place)[0]["start"] == "2026-01-01T00:00:00Z"


BAD = {
    "empty": ("", "a.csv: the file is empty"),
    "no rows": (HEAD, "a.csv:2:1: the file has no rows"),
    "semicolons": ((HEAD + JANUARY).replace(",", ";"), "a.csv:1:1: its columns are not parted by commas"),
    "unknown column": (HEAD.replace("it_kwh", "kwh") + JANUARY, "a.csv:1:6: `kwh` is no column of activities"),
    "column twice": (HEAD.replace("idle_kwh", "it_kwh") + JANUARY, "a.csv:1:7: the column `it_kwh` is there twice"),
    "no model": (HEAD.replace("model,", "") + JANUARY, "the column `model` is missing"),
    "shifted": (HEAD + "," + JANUARY, "a.csv:2:8: the line has 9 cells, and there are 8 columns"),
    "a cell less": (HEAD + JANUARY.replace(",meter 7", ""), "a.csv:2:7: the line has 7 cells"),
    "decimal comma": (HEAD + JANUARY.replace("12.5", '"12,5"'), "a.csv:2:6: `12,5` is no amount of kWh"),
    "negative": (HEAD + JANUARY.replace("12.5", "-1"), "a.csv:2:6: `-1` is no amount of kWh"),
    "not a number": (HEAD + JANUARY.replace("12.5", "nan"), "a.csv:2:6: `nan` is no amount of kWh"),
    "thousands": (HEAD + JANUARY.replace("1250000", '"1,250,000"'), "a.csv:2:5: `1,250,000` is no whole number"),
    "half an inference": (HEAD + JANUARY.replace("1250000", "0.5"), "a.csv:2:5: `0.5` is no whole number"),
    "nothing told": (HEAD + JANUARY.replace("1250000,12.5", ","), "neither `inferences` nor `it_kwh` is told"),
    "no zone": (HEAD + JANUARY.replace("00Z,2026-02", "00,2026-02"), "a.csv:2:3: `2026-01-01T00:00:00` has no time"),
    "a day": (HEAD + JANUARY.replace("2026-01-01T00:00:00Z", "January"), "a.csv:2:3: `January` is no time"),
    "ends before": (HEAD + JANUARY.replace("2026-02-01", "2025-02-01"), "a.csv:2:4: it ends at 2025-02-01T00:00:00Z"),
    "the future": (HEAD + JANUARY.replace("2026-02-01", "2999-02-01"), "has not come yet"),
    "no source": (HEAD + JANUARY.replace("meter 7", ""), "a.csv:2:8: `source` is empty"),
    "unknown model": (HEAD + JANUARY.replace("nlp/x", "nlp/xx"), "a.csv:2:2: the history knows no model `nlp/xx`"),
    "unknown project": (HEAD + JANUARY.replace("acme/shop", "acme/shp"), "no model `nlp/x` of acme/shp"),
    "overlap": (
        HEAD + JANUARY + FEBRUARY.replace("2026-02-01", "2026-01-31"),
        "a.csv:3:3: nlp/x from 2026-01-31T00:00:00Z to 2026-03-01T00:00:00Z overlaps line 2",
    ),
    "another encoding": ((HEAD + JANUARY).encode("utf-16"), "a.csv: the file is no UTF-8 text"),
    "a quote": (HEAD + JANUARY.replace("meter 7", '"meter'), "this is no line of CSV"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_told_with_its_place_and_nothing_is_written(place, capsys, text, words):
    code, told = imported(place, capsys, text)
    assert (code, words in told) == (2, True), told
    assert written(place) == []


def test_what_the_history_says_otherwise_is_no_second_account(place, capsys):
    imported(place, capsys, HEAD + JANUARY)
    code, told = imported(place, capsys, HEAD + JANUARY.replace("12.5", "13"))
    assert (code, "overlaps what the history says by meter 7" in told) == (2, True)
    assert len(written(place)) == 1


def test_a_file_that_is_not_there_is_told(place, capsys):
    assert cli.run(["activity", "import", "no.csv", "--history", "h.db"]) == 2
    assert "no.csv: cannot be read: No such file or directory" in capsys.readouterr().err
