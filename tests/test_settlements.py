"""What became of changes and models, each written down once, and never a word that takes back a merge."""

import json

import pytest
from histories_made import BASIS, decision, history, said
from projects_made import PROJECT

from greengate import cli
from greengate.records import Kind


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a project, and a history of two models of a change and one decision without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greengate.yaml").write_text(PROJECT.replace("policies:", "name: acme/shop\npolicies:"))
    with history(tmp_path) as made:
        for name, change in (("nlp/x", "acme/shop#1"), ("nlp/y", "acme/shop#1"), ("nlp/z", "")):
            made.append(decision(name=name, change=change), BASIS)
    return tmp_path


def told(capsys, *words):
    code = cli.run([*words, "--history", "h.db"])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def settlements(place):
    with history(place) as made:
        return [(one["state"], one["change"], one["decisions"]) for one in said(made, Kind.SETTLEMENT)]


def newest(place):
    with history(place) as made:
        return made.find("last").entry_id


def test_a_merged_change_is_written_down_once(place, capsys):
    words = ("settle", "acme/shop#1", "--merged", "--at", "2026-10-02T10:00:00+02:00", "--commit", "c" * 40)
    assert told(capsys, *words)[1].startswith("acme/shop#1: merged at 2026-10-02T08:00:00Z (entry ")
    again = told(capsys, "settle", "acme/shop#1", "--merged")
    assert (again[0], again[1].startswith("acme/shop#1: merged already, at 2026-10-02T08:00:00Z")) == (0, True)
    assert settlements(place) == [("merged", "acme/shop#1", [])]


def test_decisions_without_a_change_are_settled_by_their_entries(place, capsys):
    entry = newest(place)
    assert told(capsys, "settle", entry[:8], "--merged")[0] == 0
    assert "merged already" in told(capsys, "settle", "last", "--merged")[1]
    assert settlements(place) == [("merged", "", [entry])]


def test_what_was_closed_may_be_merged_later_and_not_the_other_way_round(place, capsys):
    assert told(capsys, "settle", "acme/shop#1", "--closed")[0] == 0
    assert told(capsys, "settle", "acme/shop#1", "--merged")[0] == 0
    code, words = told(capsys, "settle", "acme/shop#1", "--closed")
    assert (code, "acme/shop#1 was merged at " in words) == (2, True)
    assert [state for state, _, _ in settlements(place)] == ["closed", "merged"]


def test_an_entry_of_a_merged_change_is_merged_already(place, capsys):
    told(capsys, "settle", "acme/shop#1", "--merged")
    with history(place) as made:
        entry = next(made.about("nlp/x")).entry_id
    assert "merged already" in told(capsys, "settle", entry[:8], "--merged")[1]


def test_a_change_that_was_never_judged_is_no_record_and_no_failure(place, capsys):
    code, words = told(capsys, "settle", "acme/shop#99", "--merged")
    assert (code, words) == (0, "the history knows no decision of acme/shop#99: nothing was written\n")
    assert settlements(place) == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("settle", "acme/shop#1"), "it is not said what became of it"),
        (("settle", "acme/shop#1", "--merged", "--at", "2999-01-01T00:00:00Z"), "has not come yet"),
        (("settle", "acme/shop#1", "--merged", "--at", "2026-10-01"), "has no time zone"),
        (("settle", "acme/shop#1", "--merged", "--commit", "HEAD"), "`HEAD` is no commit"),
        (("settle", "shop#1", "--merged"), "`shop#1` is no id of one"),
        (("settle", "acme/shop#1", "acme/shop#2", "--merged"), "settle one change at a time"),
        (("settle", "nothing", "--merged"), "this is neither a change nor an entry"),
        (("settle", "ffffffff", "--merged"), "no entries begin with `ffffffff`"),
        (("retire", "nlp/w", "--why", "x"), "the history knows no model of this name of acme/shop"),
        (("retire", "nlp/x", "--why", " "), "no reason is given"),
        (("retire", "nlp/x", "--why", "x", "--at", "2999-01-01T00:00:00Z"), "has not come yet"),
    ],
)
def test_what_cannot_be_written_down_is_told(place, capsys, words, problem):
    code, said_so = told(capsys, *words)
    assert (code, problem in said_so) == (2, True)
    assert settlements(place) == []


def test_a_history_that_is_not_there_is_told(place, capsys):
    assert cli.run(["settle", "acme/shop#1", "--merged", "--history", "no.db"]) == 2
    assert "no.db: there is no history here yet" in capsys.readouterr().err


def test_a_model_is_retired_once_until_it_is_judged_again(place, capsys):
    words = ("retire", "nlp/x", "--why", "replaced", "--at", "2026-10-05T00:00:00Z")
    assert told(capsys, *words)[1].startswith("nlp/x: retired at 2026-10-05T00:00:00Z (entry ")
    assert told(capsys, *words)[1].startswith("nlp/x was retired already, at 2026-10-05T00:00:00Z")
    with history(place) as made:
        made.append(decision(at="2026-10-06T00:00:00Z"), BASIS)
    assert told(capsys, *words[:-1], "2026-10-07T00:00:00Z")[1].startswith("nlp/x: retired at 2026-10-07T00:00:00Z")
    with history(place) as made:
        assert [(one["project"], one["why"]) for one in said(made, Kind.RETIREMENT)] == [("acme/shop", "replaced")] * 2


def test_who_settles_is_a_role_or_a_pseudonym(place, capsys):
    told(capsys, "settle", "acme/shop#1", "--merged", "--by", "@olga")
    with history(place) as made:
        (one,) = said(made, Kind.SETTLEMENT)
        assert (one["by"], made.people.who(one["by"])) == (made.people.pseudonym("olga"), "olga")


def test_a_clock_that_is_behind_is_noted(place, capsys):
    with history(place) as made:
        made.append(decision(at="2999-01-01T00:00:00Z"), BASIS)
    assert "the newest entry of the history is of 2999-01-01T00:00:00Z" in told(capsys, "settle", "last", "--merged")[1]


def test_settlements_are_statements_about_the_change(place, capsys):
    told(capsys, "settle", "acme/shop#1", "--merged")
    with history(place) as made:
        ((stored, _),) = made.records(Kind.SETTLEMENT)
        assert json.loads(stored.leaf)["subject"][0]["name"] == "acme/shop#1"
