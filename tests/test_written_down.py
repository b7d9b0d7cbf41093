"""What whole commands write into a history, and where that may be."""

import json

import pytest
from histories_made import history, kinds, said
from projects_made import COUNTED, PROJECT, WAIVER, greengate, layers, project
from repositories_made import run_git as git
from test_budget_command import BUDGETS, CHANGE
from test_budget_command import PROJECT as SHOP

from greengate import cli
from greengate.errors import Problems
from greengate.ledger.places import as_file, below, has_password, is_address
from greengate.packs.project import load_project
from greengate.records import Kind
from greengate.settings import history_access
from greengate.trees import WorkingTree

QUICK = ("gate", "--budget", "1 s", "--quiet")


def kept(folder):
    return history(folder / ".greengate", "history.db")


@pytest.fixture
def repository(tmp_path):
    """A project on its main branch, whose history git does not see."""
    text = PROJECT.replace("baseline.onnx", "git:main").replace("path: candidate.onnx", "path: model.onnx")
    project(tmp_path, policy=COUNTED, text=text)
    layers(tmp_path / "model.onnx", 128)
    git(tmp_path, "init", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return tmp_path


def in_force(folder):
    assert greengate(folder, *QUICK, "--base", "main") in {0, 1}
    with kept(folder) as made:
        return said(made, Kind.DECISION)[-1]["in_force"]


def test_what_is_on_the_base_branch_is_in_force(repository):
    assert in_force(repository) is True


def test_what_is_not_committed_is_not_in_force(repository):
    layers(repository / "model.onnx", 256)
    assert in_force(repository) is False


def test_a_change_on_a_branch_is_not_in_force(repository):
    git(repository, "checkout", "-b", "wider")
    layers(repository / "model.onnx", 256)
    git(repository, "commit", "-am", "wider")
    assert in_force(repository) is False


def test_without_a_base_nobody_knows_what_is_in_force(tmp_path):
    assert greengate(project(tmp_path, policy=COUNTED), *QUICK) == 0
    with kept(tmp_path) as made:
        assert [one["in_force"] for one in said(made, Kind.DECISION)] == [False]


def test_a_gate_writes_the_policy_the_waiver_and_what_they_let_through(tmp_path):
    policy = COUNTED.replace("[green]", '["@olga"]')
    project(tmp_path, candidate=(256,), policy=policy, text=PROJECT.replace("[policy.yaml]", "[policy.yaml, w.yaml]"))
    (tmp_path / "w.yaml").write_text(WAIVER.replace("granted_by: green", 'granted_by: "@olga"'))
    assert greengate(tmp_path, *QUICK) == 0
    with kept(tmp_path) as made:
        assert kinds(made) == ["policy", "waiver", "measurement", "conversion", "decision"]
        ((name, sha256),) = said(made, Kind.DECISION)[0]["policies"]
        assert (name, made._store.body(sha256)) == ("p", policy.encode())
        assert "by @olga: larger" in made.find("last").decision.verdict.findings[0].reason


def test_a_model_that_cannot_be_judged_is_a_decision_alone(tmp_path):
    project(tmp_path, policy=COUNTED)
    (tmp_path / "candidate.onnx").unlink()
    assert greengate(tmp_path, *QUICK) == 4
    with kept(tmp_path) as made:
        assert kinds(made) == ["policy", "decision"]
        assert (made.find("last").decision.evidence, said(made, Kind.DECISION)[0]["measurement"]) == (None, "")


def test_a_clock_that_went_back_is_in_the_account(tmp_path, capsys):
    assert greengate(project(tmp_path, policy=COUNTED), *QUICK) == 0
    with kept(tmp_path) as made:
        (stored,) = [one for one in made._store.entries() if b":decision:" in one.leaf]
        leaf = stored.leaf.replace(b'"at":"20', b'"at":"29')
        made._store.append(leaf)
    capsys.readouterr()
    assert greengate(tmp_path, "gate", "--budget", "1 s", "--json") == 0
    assert json.loads(capsys.readouterr().out)["notes"][-1].endswith(": one is wrong")


# Budgets


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return project(tmp_path, candidate=(256,), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=SHOP)


def events(folder):
    with kept(folder) as made:
        return [one["what"] for one in said(made, Kind.BUDGET)]


def states(folder):
    with kept(folder) as made:
        return [one["state"] for one in said(made, Kind.SETTLEMENT)]


def test_what_a_gate_reserves_is_in_the_history_and_what_a_merge_books_too(shop):
    assert greengate(shop, *CHANGE, "--quiet") == 0
    assert events(shop) == ["open", "reserve"]
    assert cli.run(["budget", "consume", "acme/shop#1"]) == cli.run(["budget", "consume", "acme/shop#1"]) == 0
    assert (events(shop), states(shop)) == (["open", "reserve", "consume"], ["merged"])


def test_a_release_and_a_true_up_are_in_the_history_too(shop):
    assert greengate(shop, *CHANGE, "--quiet") == 0
    assert cli.run(["budget", "release", "acme/shop#1"]) == 0
    assert cli.run(["budget", "adjust", "green/quarter", "--source", "bill", "--why", "x", "1 kgCO2e"]) == 0
    assert (events(shop), states(shop)) == (["open", "reserve", "release", "adjust"], ["closed"])


def test_what_the_book_says_can_be_written_down_later(shop, capsys):
    assert greengate(shop, *CHANGE, "--quiet", "--history", "other.db") == 0
    assert cli.run(["budget", "record", "--history", "no.db"]) == 2
    assert greengate(shop, *QUICK) in {0, 3}  # so that there is a history
    capsys.readouterr()
    assert cli.run(["budget", "record"]) == cli.run(["budget", "record"]) == 0
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["2 of 2", "0 of 2"]


def test_an_event_in_the_history_is_the_one_in_the_book(shop, capsys):
    assert greengate(shop, *CHANGE, "--quiet") == 0
    capsys.readouterr()
    assert cli.run(["budget", "history", "green/quarter", "--json"]) == 0
    book = json.loads(capsys.readouterr().out)
    with kept(shop) as made:
        told = [(one["event"], one["amount"], one["seq"]) for one in said(made, Kind.BUDGET)]
    assert told == [(one["id"], one["amount"], one["seq"]) for one in book]


# Places


@pytest.mark.parametrize(
    ("place", "address", "secret"),
    [
        ("h.db", False, False), ("/srv/h.db", False, False), ("postgresql://gate@db/green", True, False),
        ("postgres://db/green", True, False), ("postgresql://gate:pw@db/green", True, True),
        ("postgresql://db/green?password=pw", True, True), ("mysql://db", True, False),
    ],
)  # fmt: skip
def test_a_place_is_a_file_or_an_address(tmp_path, place, address, secret):
    assert (is_address(place), has_password(place), as_file(place) is None) == (address, secret, address)
    assert below(tmp_path, place) == (place if address else str(tmp_path / place))


def loaded(folder, history_):
    project(folder, text=f"{PROJECT}history: {history_}\n")
    return load_project(WorkingTree(folder)).history


def test_a_project_may_keep_its_history_in_a_database(tmp_path):
    assert loaded(tmp_path, "postgresql://gate@db/green") == "postgresql://gate@db/green"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("postgresql://gate:pw@db/green", "the address has a password in it, where everybody can read it"),
        ("mysql://db/green", "`mysql:…` is no address of a history"),
        ("../h.db", "the path `../h.db` leaves the project"),
    ],
)
def test_a_place_that_a_project_file_may_not_name_is_told(tmp_path, place, words):
    with pytest.raises(Problems, match="history") as refused:
        loaded(tmp_path, place)
    assert words in str(refused.value)
    assert ":pw@" not in str(refused.value)


def test_the_password_of_a_history_comes_from_the_environment():
    both = {"GREENGATE_HISTORY_PASSWORD": "own", "PGPASSWORD": "all", "PGPASSFILE": "f"}
    assert (history_access(both).password, history_access({"PGPASSWORD": "all"}).password) == ("own", "all")
    assert (history_access(both).passfile, "own" in repr(history_access(both))) == ("f", False)
