"""Every command that has a history works with one in PostgreSQL, by its address."""

import json

import pytest
from histories_made import BASIS, decision, history
from projects_made import COUNTED, PROJECT, greengate, project

from greengate import cli, lines
from greengate.history import History


@pytest.fixture
def judged(postgres, tmp_path, monkeypatch, capsys):
    """A project whose history is in a database, and the address of that."""
    monkeypatch.chdir(tmp_path)
    address = postgres.schema()
    monkeypatch.setenv("GREENGATE_HISTORY", address)
    project(tmp_path, policy=COUNTED, text=PROJECT)
    assert greengate(tmp_path, "gate", "--budget", "1 s", "--quiet", "--report", "entries=e.jsonl") == 0
    capsys.readouterr()
    return address


@pytest.mark.parametrize(
    "words",
    [
        ["history", "--json"], ["show", "last", "--json"], ["judge", "last"], ["comment", "--dry-run"],
        ["join", "cpu=e.jsonl", "--json"], ["settle", "last", "--merged"], ["retire", "m", "--why", "x"],
        ["factors", "diff", "greengate-2026.11", "greengate-2026.11", "--history", "ADDRESS"],
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_command_reads_and_writes_it(judged, words):
    assert cli.run([judged if word == "ADDRESS" else word for word in words]) in {0, 4 if words[0] == "join" else 0}


def test_nothing_of_it_is_taken_for_a_path(judged, tmp_path):
    assert not any("postgres" in str(path) for path in tmp_path.rglob("*"))


def test_what_deployments_did_goes_there_too(judged, tmp_path, capsys):
    row = "m,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,5,meter"
    (tmp_path / "a.csv").write_text(f"model,start,end,inferences,source\n{row}\n")
    assert cli.run(["activity", "import", "a.csv"]) == 0
    assert capsys.readouterr().out == "a.csv: 1 activities written\n"


def test_persons_are_forgotten_there_too(judged, capsys):
    made = History(judged)
    made.people.pseudonym("olga")
    made.close()
    assert cli.run(["ledger", "forget", "@olga", "--why", "asked for"]) == 0
    assert capsys.readouterr().out.startswith("forgotten: person:")


def test_a_database_without_a_history_is_told_and_left_alone(postgres, capsys):
    address = postgres.schema()
    assert cli.run(["history", "--history", address]) == 2
    assert "there is no history here yet" in capsys.readouterr().err
    assert cli.run(["history", "--history", address]) == 2


def test_lines_go_from_a_file_to_a_database_and_back(postgres, tmp_path):
    made = History(postgres.schema())
    with history(tmp_path) as file:
        entry = file.append(decision(), BASIS)
        for line in lines.read(file.line(entry).encode(), "e.jsonl"):
            made.keep(line)
        assert made.line(entry) == file.line(entry)
        assert json.loads(made.line(entry).splitlines()[-1])["entry"] == entry
    made.close()
