"""Accounts of others, written into a ledger: all of them or none, and each once."""

import json

import pytest
from exports_made import aws, aws_row, codecarbon, google
from waivers_made import PLACE, folder, passage, write

from greengate.cli.ledger.importing import import_
from greengate.errors import GreengateError
from greengate.ledger.canonical import digest
from greengate.ledger.store import Store
from greengate.recorded import records
from greengate.records import External

HELP = {"help_option_names": ["-h", "--help"]}  # as the whole program has them: click keeps what it is first called by


@pytest.fixture
def project(tmp_path):
    """A project with a ledger."""
    path = folder(tmp_path / "p")
    write(path, passage())
    return path


def file(path, name, text):
    (path / name).write_text(text)
    return str(path / name)


def imported(path, *words, source="aws"):
    """Run the command, and return its exit code."""
    options = ["--from", source, "--history", str(path / PLACE)]
    return import_.main([*options, *words], prog_name="import", standalone_mode=False, **HELP)


def kept(path):
    store = Store(path / PLACE)
    found = [one.record for one in records(store, External)]
    bodies = [store.body(record.digest) for record in found]
    store.close()
    return found, bodies


def refused(path, *words, **rest):
    with pytest.raises(GreengateError) as told:
        imported(path, *words, **rest)
    return str(told.value)


def test_an_export_is_written_down_with_its_file_beside(project, capsys):
    assert imported(project, file(project, "march.csv", aws())) == 0
    ((record,), bodies) = kept(project)
    assert (record.source, record.name, bodies) == ("aws", "march.csv", [aws().encode()])
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("march.csv: entry ")
    assert told[1:] == [
        "  months       2026-03",
        "  rows         1 in 1 sums by month, service and region",
        "  by location  1.5 tCO2e",
        "  by market    0 gCO2e",
    ]


def test_the_record_is_about_the_file(project):
    imported(project, file(project, "march.csv", aws()))
    store = Store(project / PLACE)
    leaf = json.loads(next(store.newest_first()).leaf)
    store.close()
    assert leaf["subject"] == [{"name": "march.csv", "digest": {"sha256": digest(aws().encode())}}]


def test_the_same_file_again_changes_nothing(project, capsys):
    words = file(project, "march.csv", aws())
    imported(project, words)
    before = (project / PLACE).read_bytes()
    assert imported(project, words) == 0
    assert (project / PLACE).read_bytes() == before
    assert "march.csv: in the ledger already, nothing was written" in capsys.readouterr().out


def test_one_bad_file_keeps_all_from_being_written(project):
    good, bad = file(project, "a.csv", aws()), file(project, "b.csv", aws(aws_row("x", month="2026-04")))
    assert "b.csv:2:1" in refused(project, good, bad)
    assert kept(project)[0] == []


def test_two_files_of_one_month_are_refused(project):
    one, other = file(project, "a.csv", aws()), file(project, "b.csv", aws(aws_row("2")))
    assert "b.csv: 2026-03 of 444455556666, AmazonEC2, eu-central-1 is in a.csv too" in refused(project, one, other)


def test_a_month_that_the_ledger_has_is_replaced_only_where_that_is_said(project, capsys):
    imported(project, file(project, "a.csv", aws()))
    newer = file(project, "b.csv", aws(aws_row("2"), aws_row("3", month="2026-04")))
    assert "b.csv: the ledger has 2026-03 of aws already, in entry " in refused(project, newer)
    assert imported(project, newer, "--replace") == 0
    (_, record), _ = kept(project)
    (older,) = record.supersedes
    assert record.remarks[-1] == f"takes the place of entry {older[:12]} for 2026-03"
    assert "note         takes the place of entry" in capsys.readouterr().out


def test_several_sources_stand_beside_one_another(project):
    imported(project, file(project, "a.csv", aws()))
    imported(project, file(project, "g.csv", google()), source="google")
    imported(project, file(project, "c.csv", codecarbon()), source="codecarbon")
    assert [record.source for record in kept(project)[0]] == ["aws", "google", "codecarbon"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("nowhere.csv",), "nowhere.csv: cannot be read: No such file or directory"),
        ((".",), "cannot be read: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(project, words, problem):
    assert problem in refused(project, *words)


def test_a_ledger_that_is_not_there_is_not_made(tmp_path):
    text = file(tmp_path, "a.csv", aws())
    assert "there is no history here yet" in refused(tmp_path, text)
    assert not (tmp_path / PLACE).exists()


def test_the_ledger_of_the_project_is_meant_where_none_is_named(project, monkeypatch):
    monkeypatch.chdir(project)
    words = ["--from", "aws", file(project, "a.csv", aws())]
    assert import_.main(words, prog_name="import", standalone_mode=False, **HELP) == 0
    assert len(kept(project)[0]) == 1
