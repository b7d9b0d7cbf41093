"""The workbook: numbers are numbers, text is never obeyed, and the same report is the same bytes."""

import datetime as dt
import importlib.util
import io
import zipfile

import openpyxl
import pytest
import quarterly_made as made

from greengate.errors import MissingExtra, ReportError
from greengate.report.quarterly import sheet_cells, sheets, xlsx_file


def book(report):
    return openpyxl.load_workbook(io.BytesIO(xlsx_file.render(report)))


@pytest.fixture(scope="module")
def rich():
    return book(made.quarterly())


@pytest.fixture(scope="module")
def hostile():
    return book(made.hostile())


def with_table(table):
    return made.quarterly(sections=(made.Section(id="C", title="Activity", tables=(table,)),))


def table(*rows, kind="number", unit="kWh"):
    columns = (made.column("a", "model"), made.column("b", "energy", kind, unit))
    return made.Table(id="t", title="Models", columns=columns, rows=rows)


def column(sheet, head):
    at = next(cell.column for cell in sheet[1] if cell.value == head)
    return [row[at - 1] for row in sheet.iter_rows(min_row=2)]


def test_there_is_a_sheet_for_each_part_and_table(rich):
    assert rich.sheetnames == [
        "About", "Figures", "Statements", "C Models in force", "I Waivers that let something th",
        "J Beside earlier periods", "Charts",
    ]  # fmt: skip


def test_the_first_sheet_tells_what_it_is_and_rests_on(rich):
    told = dict(rich["About"].iter_rows(values_only=True))
    assert told["report"] == "Energy and emissions of machine learning, 2026-Q3"
    assert (told["ledger"], told["Merkle root"]) == (made.EVIDENCE.origin, made.ROOT)
    assert told["checkpoint"] == made.CHECKPOINT
    assert told["reproduced by"] == made.EVIDENCE.command


def test_every_figure_is_a_number_or_says_why_it_is_missing(rich):
    sheet, data = rich["Figures"], [one for part in made.SECTIONS for one in part.data]
    values = [cell.value for cell in column(sheet, "value")]
    numbers = [float(one.value) for one in data if one.value and one.unit]
    assert [value for value in values if isinstance(value, (int, float))] == numbers
    assert [cell.value or "" for cell in column(sheet, "missing")] == [one.missing for one in data]


def test_what_a_spreadsheet_would_round_stands_exactly_beside_it():
    sheet = book(with_table(table(("a", "0.1234567890123456789"), ("b", "12.5"), ("c", None))))["C Models"]
    assert [cell.value for cell in sheet[1]] == ["model", "energy (kWh)", "energy (kWh), exact"]
    assert [row[1:] for row in sheet.iter_rows(min_row=2, values_only=True)] == [
        (0.1234567890123457, "0.1234567890123456789"), (12.5, None), (None, None),
    ]  # fmt: skip


def test_shares_and_days_are_what_they_are(rich):
    sheet = rich["C Models in force"]
    share, day = column(sheet, "share of the total")[1], column(sheet, "in force since")[0]
    assert (share.value, share.number_format) == (0.0001, "0.0%")
    assert (day.value, day.number_format) == (dt.datetime(2026, 7, 10), "yyyy-mm-dd")  # noqa: DTZ001 - as read


def test_heads_stay_in_sight_and_rows_can_be_filtered(rich):
    sheet = rich["C Models in force"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:G13")
    assert [cell.value for cell in sheet[14]][:3] == ["all models", None, 1009318.425]


def test_a_workbook_has_every_row_of_a_long_table():
    sheet = book(with_table(made.long_table()))["C Models in force"]
    assert sheet.max_row == 1 + 2000 + 1


def test_nothing_in_a_workbook_is_a_formula_or_a_link(hostile):
    cells = [cell for sheet in hostile for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert [cell.coordinate for cell in cells if cell.hyperlink] == []
    assert [cell.value for cell in column(hostile[hostile.sheetnames[3]], hostile.worksheets[3]["A1"].value)][1:4] == [
        "=1+1", "@SUM(A1)", "+1",
    ]  # fmt: skip


def test_what_cannot_be_seen_is_shown_as_its_escape(hostile):
    told = hostile["About"]["B2"].value
    assert "\\u202egnp.exe\\u202c\\x00\\x1b[31m" in told


def test_sheets_of_one_name_are_told_apart():
    one = table(("a", "1"))
    parts = made.Section(id="C", title="x", tables=(one, one, one.model_copy(update={"title": "models"})))
    assert book(made.quarterly(sections=(parts,))).sheetnames[3:6] == ["C Models", "C Models 2", "C models 3"]


@pytest.mark.parametrize("title", ["", "[a]:*?/\\'", "x" * 300, "\x00"], ids=["none", "signs", "long", "unseen"])
def test_every_title_makes_a_sheet(title):
    named = book(with_table(table(("a", "1")).model_copy(update={"title": title}))).sheetnames[3]
    assert 0 < len(named) <= 31


def test_the_same_report_is_the_same_bytes():
    told = xlsx_file.render(made.quarterly())
    assert told == xlsx_file.render(made.quarterly())
    assert {one.date_time for one in zipfile.ZipFile(io.BytesIO(told)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("12.5", "number", 12.5), ("12.5", "text", "12.5"), ("many", "number", "many"), (None, "number", None),
        ("2026-07-01", "date", dt.datetime(2026, 7, 1)),  # noqa: DTZ001 - as spreadsheets have them
        ("2026-07-01T08:30:00Z", "date", dt.datetime(2026, 7, 1, 8, 30)),  # noqa: DTZ001 - likewise
        ("1899-01-01", "date", "1899-01-01"), ("2026-02-30", "date", "2026-02-30"), ("soon", "date", "soon"),
        ("1e999", "number", "1e999"), ("a\nb", "text", "a\nb"),
    ],
)  # fmt: skip
def test_a_cell_is_what_its_column_says_or_text(text, kind, told):
    assert sheet_cells.cell(text, kind) == told


def test_a_text_that_is_too_long_for_a_cell_says_so():
    told = sheet_cells.plain("x" * 40_000)
    assert told.endswith("x… (8,000 more characters, which JSON has)")
    assert len(told) < 32_767


def test_a_table_that_no_sheet_can_hold_is_refused(monkeypatch):
    monkeypatch.setattr(sheets, "MOST_ROWS", 1)
    with pytest.raises(ReportError, match="`C Models` has 2 rows, more than a sheet can have\n  hint: ask for `csv`"):
        xlsx_file.render(with_table(table(("a", "1"), ("b", "2"))))


def test_what_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra) as refused:
        xlsx_file.refuse_unable("quarter.xlsx")
    assert str(refused.value) == (
        "--report xlsx: xlsxwriter must be installed to write it\n  hint: pip install 'greengate-ci[reports]'"
    )
