"""The quarterly report as JSON and CSV: whole, exact, and nothing in it is obeyed."""

import csv
import io
import json
from pathlib import Path

import pytest
import quarterly_made as made
from jsonschema import Draft202012Validator

from greengate import registry
from greengate.errors import UsageError
from greengate.esg.document import Quarterly
from greengate.report.quarterly import csv_file, json_file
from greengate.report.quarterly.schema import schema

REPORTS = {"rich": made.quarterly(), "bare": made.bare(), "hostile": made.hostile()}
PUBLISHED = Path(__file__).resolve().parent.parent / "docs" / "quarterly-v1.schema.json"
VALIDATOR = Draft202012Validator(schema())


def written(report):
    return json.loads(json_file.render(report))


def rows(report, kind=None):
    found = [*csv.DictReader(io.StringIO(csv_file.render(report).decode(), newline=""))]
    return [row for row in found if kind in (None, row["kind"])]


def complaints(value):
    return [error.message for error in VALIDATOR.iter_errors(value)]


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_what_is_written_reads_back_as_the_same_report(report):
    assert Quarterly.model_validate_json(json_file.render(report)) == report


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_what_is_written_keeps_to_the_schema(report):
    assert complaints(written(report)) == []


def test_the_published_schema_is_that_of_the_shapes():
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == schema()
    Draft202012Validator.check_schema(schema())


def test_json_is_canonical():
    told = json_file.render(made.quarterly())
    again = json.dumps(json.loads(told), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert told == again.encode()


@pytest.mark.parametrize(
    "changed",
    [
        {"value": None, "missing": ""},
        {"value": "about 12"},
        {"low": "1", "high": None},
        {"digest": "c0ffee"},
        {"more": 1},
    ],
    ids=["missing without a reason", "no number", "half an interval", "no digest", "an unknown key"],
)
def test_the_schema_refuses_a_figure_that_is_incoherent(changed):
    whole = written(made.quarterly())
    whole["sections"][2]["data"][0] |= changed
    assert complaints(whole) != []


def test_the_schema_refuses_a_section_that_is_omitted_and_has_something():
    whole = written(made.quarterly())
    whole["sections"][3]["omitted"] = "not wanted"
    assert len(complaints(whole)) == 2


def test_csv_has_every_figure_with_its_exact_value():
    told = [
        (row["section"], row["id"], row["value"], row["low"], row["missing"])
        for row in rows(made.quarterly(), "figure")
    ]
    data = [(part.id, one) for part in made.SECTIONS for one in part.data]
    assert told == [(part, one.id, one.value or "", one.low or "", one.missing) for part, one in data]


def test_csv_has_every_cell_of_every_table():
    table = made.long_table()
    told = rows(made.quarterly(sections=(made.Section(id="C", title="Activity", tables=(table,)),)))
    cells = [row["value"] for row in told if row["kind"] == "cell"]
    assert cells == [cell for row in table.rows for cell in row]
    assert [row["value"] for row in told if row["kind"] == "total"] == [cell or "" for cell in table.total]


def test_csv_has_every_point_of_every_chart():
    told = [
        (row["column"], row["label"], row["value"]) for row in rows(made.quarterly(), "point") if row["id"] == "front"
    ]
    assert told == [(series.name, point.x, point.y) for series in made.pareto().series for point in series.points]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+1", "+1"), ("-2.5", "-2.5"), ("-2.5e9", "'-2.5e9"),
        ("-cmd|x", "'-cmd|x"), (" =1", "' =1"), ("\t=1", "'\t=1"), ("\uff1d1", "'\uff1d1"), ("a=b", "a=b"), (None, ""),
        ("a\0b", "a\\x00b"),
    ],
)  # fmt: skip
def test_csv_is_not_obeyed_by_a_spreadsheet(given, told):
    assert csv_file.harmless(given) == told


def test_csv_keeps_to_rfc_4180():
    lines = csv_file.render(made.hostile())
    assert lines.endswith(b"\r\n")
    assert lines.replace(b"\r\n", b"").count(b"\r") == 0
    assert {len(row) for row in csv.reader(io.StringIO(lines.decode(), newline=""))} == {len(csv_file.COLUMNS)}


def test_an_unknown_format_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="`cvs` is no format of the quarterly report\n  hint: did you mean `csv`"):
        registry.quarterly("cvs")


@pytest.mark.parametrize("word", registry.QUARTERLY)
def test_every_format_is_known_by_its_name(word):
    named = registry.quarterly(word).NAME
    assert named == word
