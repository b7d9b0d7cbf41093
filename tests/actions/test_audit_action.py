"""The action that reports on a quarter."""

import pytest
from expressions import ROOT
from greengate_made import double

AUDIT = ROOT / "actions" / "audit"
GIVEN = {"history": "h.db"}


@pytest.fixture
def quarterly(world, machine):
    """A runner on which every report can be made."""
    runner = machine(world.opened(world.change())).checked_out()
    files = {f"--report={name}": name for name in ("html", "pdf", "xlsx", "csv", "json")}
    return double(runner, ledger={}, report={"files": files})


def test_the_ledger_is_verified_and_then_reported_on(quarterly):
    ended = quarterly.action(AUDIT, **GIVEN)
    folder = ended.outputs["folder"]
    assert (ended.result, quarterly.annotations) == ("success", [])
    assert [told["greengate"] for told in quarterly.asked()] == [
        ["ledger", "verify", "--history=h.db"],
        ["report", "--quarter=last", "--history=h.db"]
        + [f"--report={name}={folder}/report.{name}" for name in ("html", "pdf", "xlsx", "csv", "json")],
    ]


def test_every_file_of_the_report_is_in_the_artifact(quarterly):
    quarterly.action(AUDIT, **GIVEN, formats="html\n\n json \n")
    kept = quarterly.store / "greengate-quarter"
    assert {file.name: file.read_text() for file in kept.iterdir()} == {"report.html": "html", "report.json": "json"}


def test_what_auditors_keep_goes_to_the_verifier_and_the_company_to_the_report(quarterly):
    quarterly.action(AUDIT, **GIVEN, checkpoint="a\nb", verifier="k+1+x", company="report.yaml", quarter="2026Q3")
    assert quarterly.words("ledger")[3:] == ["--checkpoint=a", "--checkpoint=b", "--verifier=k+1+x"]
    assert quarterly.words("report")[1:4] == ["--quarter=2026Q3", "--history=h.db", "--company=report.yaml"]


def test_of_a_ledger_that_is_not_sound_no_report_is_made(quarterly):
    double(quarterly, ledger={"code": 4, "err": "error: h.db: entry 3 was changed\n"}, report={})
    assert quarterly.action(AUDIT, **GIVEN).code == 4
    assert quarterly.annotations == [("error", "h.db: entry 3 was changed")]
    assert [told["greengate"][0] for told in quarterly.asked()] == ["ledger"]
    assert not (quarterly.store / "greengate-quarter").exists()


def test_a_report_that_cannot_be_made_says_why(quarterly):
    double(quarterly, ledger={}, report={"code": 2, "err": "error: report.yaml:3:1: no such key\n"})
    assert quarterly.action(AUDIT, **GIVEN).code == 2
    assert quarterly.annotations == [("error", "report.yaml:3:1: no such key")]


@pytest.mark.parametrize("formats", ["", "\n", "../x", "html=/etc/x", "--help", "$(touch evil)"])
def test_a_format_that_is_none_is_refused(quarterly, formats):
    assert quarterly.action(AUDIT, **GIVEN, formats=formats).code == 2
    assert quarterly.annotations[0][1].startswith("formats: ")
    assert [told["greengate"][0] for told in quarterly.asked()] == ["ledger"]


def test_a_ledger_that_is_not_named_is_no_success(quarterly):
    assert quarterly.action(AUDIT, history="").code == 2
    assert (quarterly.annotations[0][1].startswith("history: no ledger is named"), quarterly.asked()) == (True, [])


@pytest.mark.parametrize("name", ["GREENGATE_LEDGER_KEY", "GITHUB_TOKEN", "GREENGATE_BOOK_SECRET"])
def test_no_token_and_no_key_comes_in(world, machine, name):
    runner = double(machine(world.opened(world.change()), **{name: "hidden"}).checked_out(), ledger={}, report={})
    runner.action(AUDIT, **GIVEN)
    assert [name in told["environment"] for told in runner.asked()] == [False, False]


def test_the_databases_password_comes_in(world, machine):
    runner = machine(world.opened(world.change()), GREENGATE_HISTORY_PASSWORD="open").checked_out()
    double(runner, ledger={}, report={}).action(AUDIT, **GIVEN)
    assert {told["environment"]["GREENGATE_HISTORY_PASSWORD"] for told in runner.asked()} == {"open"}
