import json

import pytest
from projects_made import greengate, project

from greengate.cli import run

BUDGETS = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: green, owners: ["@acme/green"]}
budgets:
  - {id: quarter, metric: deployment_carbon, per: {team: nlp}, period: quarter, max: LIMIT, warn_at: 80%, enforce: soft}
"""
PROJECT = """\
apiVersion: greengate/v1
kind: Project
name: acme/shop
policies: [policy.yaml]
factors: greengate-2026.11
models:
  - name: m
    path: candidate.onnx
    baseline: baseline.onnx
    batch: 8
    team: nlp
    deployment: {kind: own, zone: DE, pue: 1.2, inferences_per_year: 1e12}
runner: {cpu: {idle: 1 W, max: 3 W, source: a test}}
"""
MORE = """\
  - name: n
    path: candidate.onnx
    baseline: baseline.onnx
    batch: 8
    team: nlp
    deployment: {kind: own, zone: DE, pue: 1.2, inferences_per_year: 1e12}
"""
CHANGE = ("gate", "--change", "acme/shop#1", "--budget", "3 s")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return project(tmp_path, candidate=(256,), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=PROJECT)


def told(capsys, *words):
    capsys.readouterr()
    assert run(["budget", *words]) == 0
    return capsys.readouterr().out


def test_a_change_reserves_and_is_booked_when_it_is_merged(shop, capsys):
    assert greengate(shop, *CHANGE) == 0
    assert "✓ passed  quarter" in capsys.readouterr().out
    (before,) = json.loads(told(capsys, "status", "--json"))
    assert [one["change"] for one in before["held"]] == ["acme/shop#1"]
    assert "of acme/shop:m booked" in told(capsys, "consume", "acme/shop#1")
    (after,) = json.loads(told(capsys, "status", "--json"))
    assert after["consumed"] == before["reserved"] == before["held"][0]["amount"]
    assert told(capsys, "consume", "acme/shop#1") == "acme/shop#1: it was merged already\n"


def test_a_change_that_is_closed_lets_go(shop, capsys):
    greengate(shop, *CHANGE)
    assert "of acme/shop:m let go" in told(capsys, "release", "acme/shop#1")
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"
    assert told(capsys, "release", "acme/shop#1") == "acme/shop#1: it holds nothing of a budget\n"


def test_a_change_that_is_too_large_fails_and_holds_nothing(shop, capsys):
    (shop / "policy.yaml").write_text(BUDGETS.replace("LIMIT", "1 gCO2e"), encoding="utf-8")
    assert greengate(shop, *CHANGE) == 1
    assert "green/quarter" in capsys.readouterr().out
    assert json.loads(told(capsys, "status", "--json"))[0]["held"] == []


def test_a_change_that_fails_by_another_rule_lets_go_again(shop, capsys):
    rule = "rules:\n  - {id: flops, metric: flops_per_inference, max_increase: 1%, enforce: soft}\n"
    (shop / "policy.yaml").write_text(BUDGETS.replace("LIMIT", "900 tCO2e") + rule, encoding="utf-8")
    assert greengate(shop, *CHANGE) == 1
    assert "what was reserved of budgets was let go again" in " ".join(capsys.readouterr().out.split())
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"


def test_a_saving_is_booked_as_one(shop, capsys):
    project(shop, candidate=(64,), baseline=(512,), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=PROJECT)
    assert greengate(shop, *CHANGE) == 0
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"
    told(capsys, "consume", "acme/shop#1")
    assert json.loads(told(capsys, "status", "--json"))[0]["consumed"].startswith("-")


def test_without_a_change_it_only_says_what_would_be_drawn(shop, capsys):
    assert greengate(shop, "gate", "--budget", "3 s") == 0
    assert not (shop / ".greengate" / "book.db").exists()
    assert run(["budget", "status"]) == 2
    assert "there is no book of budgets here yet" in capsys.readouterr().err


def test_a_book_that_only_this_runner_sees_is_noted(shop, capsys):
    assert greengate(shop, *CHANGE) == 0
    assert "which other runners do not see: --book" in " ".join(capsys.readouterr().out.split())
    assert greengate(shop, *CHANGE, "--book", str(shop / "shared.db")) == 0
    assert "which other runners do not see" not in " ".join(capsys.readouterr().out.split())


def test_the_entry_holds_all_that_the_verdict_on_a_budget_rests_on(shop, capsys):
    assert greengate(shop, *CHANGE, "--json") == 0
    evidence = json.loads(capsys.readouterr().out)["models"][0]["evidence"]
    (drawn,) = evidence["budgets"]
    (part,) = drawn["draws"]
    exact = (float(part["after"]) - float(part["before"])) * float(part["years"]) * 1e6
    assert int(part["amount"]) == pytest.approx(exact, abs=1, rel=1e-9)
    assert (evidence["project"], evidence["change"]) == ("acme/shop", "acme/shop#1")


def test_events_are_listed_and_the_book_is_sound(shop, capsys):
    greengate(shop, *CHANGE)
    lines = told(capsys, "history", "green/quarter").splitlines()
    assert [line.split()[3] for line in lines] == ["open", "reserve"]
    assert [one["kind"] for one in json.loads(told(capsys, "history", "green/quarter", "--json"))] == [
        "open",
        "reserve",
    ]
    assert told(capsys, "verify") == "sound: 1 accounts\n"


def test_a_true_up_is_booked_once(shop, capsys):
    words = ("adjust", "green/quarter", "--source", "invoice 7", "--why", "measured", "12 kgCO2e")
    assert "12 kgCO2e adjusted" in told(capsys, *words)
    assert "12 kgCO2e stands since `invoice 7` was booked" in told(capsys, *words)
    assert json.loads(told(capsys, "status", "--json"))[0]["adjusted"] == str(12 * 10**9)


def test_the_burn_down_is_drawn(shop, capsys):
    greengate(shop, *CHANGE)
    told(capsys, "status", "--picture", "b.svg")
    text = (shop / "b.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "green/quarter" in text
    assert "an even pace" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("status", "--only", "green/quartr"), "did you mean `green/quarter`?"),
        (("status", "--at", "yesterday"), "--at: `yesterday` is no time\n  hint: write it like `2026-11-21T10:00:00Z`"),
        (("status", "--at", "2026-11-21"), "--at: `2026-11-21` has no time zone"),
        (("status", "--picture", "b.gif"), "`b.gif` is no picture"),
        (("history", "green/quartr"), "did you mean `green/quarter`?"),
        (("release", "shop"), "`shop` is no id of one"),
        (("adjust", "green/quarter", "--source", "x", "--why", "y", "12 kWh"), "`12 kWh` is an energy"),
        (("status", "--book", "mysql://db"), "is no address of a book of budgets"),
    ],
)
def test_what_cannot_be_done_is_told(shop, capsys, words, message):
    greengate(shop, *CHANGE)
    capsys.readouterr()
    assert run(["budget", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_project_without_budgets_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(project(tmp_path))
    assert run(["budget", "status"]) == 2
    assert "no policy of the project has budgets" in capsys.readouterr().err


def test_a_change_that_leaves_the_model_alone_passes_whatever_is_left(shop, capsys):
    project(shop, candidate=(128,), policy=BUDGETS.replace("LIMIT", "1 gCO2e"), text=PROJECT)
    for number in range(1, 4):
        assert greengate(shop, "gate", "--change", f"acme/shop#{number}", "--budget", "3 s") == 0
    assert json.loads(told(capsys, "status", "--json"))[0]["reserved"] == "0"


def test_what_is_merged_in_a_period_is_not_opened_again(shop, capsys):
    greengate(shop, *CHANGE)
    told(capsys, "consume", "acme/shop#1")
    (before,) = json.loads(told(capsys, "status", "--json"))
    greengate(shop, "gate", "--change", "acme/shop#2", "--budget", "3 s")
    assert json.loads(told(capsys, "status", "--json"))[0]["opened"] == before["opened"]


def test_a_change_is_booked_though_its_last_check_failed(shop, capsys):
    greengate(shop, *CHANGE)
    rule = "rules:\n  - {id: flops, metric: flops_per_inference, max_increase: 1%, enforce: soft}\n"
    (shop / "policy.yaml").write_text(BUDGETS.replace("LIMIT", "900 tCO2e") + rule, encoding="utf-8")
    assert greengate(shop, *CHANGE) == 1
    assert "of acme/shop:m booked" in told(capsys, "consume", "acme/shop#1")


def test_a_change_of_an_earlier_period_is_booked_to_the_present_one(shop, capsys):
    greengate(shop, *CHANGE)
    told(capsys, "consume", "acme/shop#1", "--at", "2099-02-01T00:00:00Z")
    (later,) = json.loads(told(capsys, "status", "--json", "--at", "2099-02-02T00:00:00Z"))
    assert later["period"] == "2099-Q1"


def test_two_projects_of_one_repository_do_not_replace_each_other(tmp_path, capsys, monkeypatch):
    book, reserved = str(tmp_path / "book.db"), []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = PROJECT.replace("acme/shop", f"acme/{name}")
        project(tmp_path / name, candidate=(256,), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=text)
        assert greengate(tmp_path / name, *CHANGE, "--book", book) == 0
        monkeypatch.chdir(tmp_path / name)
        reserved.append(len(json.loads(told(capsys, "status", "--json", "--book", book))[0]["held"]))
    assert reserved == [1, 2]


def test_a_project_without_a_name_is_refused_by_a_book_that_others_use(shop, capsys):
    (shop / "greengate.yaml").write_text(PROJECT.replace("name: acme/shop\n", ""), encoding="utf-8")
    assert greengate(shop, *CHANGE, "--book", str(shop / "shared.db")) == 2
    assert "the project has no `name`, and others may use this book of budgets" in capsys.readouterr().err


def test_a_change_that_grows_after_it_was_merged_does_not_pass(shop, capsys):
    greengate(shop, *CHANGE)
    told(capsys, "consume", "acme/shop#1")
    project(shop, candidate=(512, 512), policy=BUDGETS.replace("LIMIT", "900 tCO2e"), text=PROJECT)
    assert greengate(shop, *CHANGE) == 3
    assert "what it asks for beyond that needs a change of its own" in " ".join(capsys.readouterr().out.split())


def test_what_one_model_reserved_is_let_go_where_another_of_the_change_fails(shop, capsys):
    more = PROJECT.replace("runner:", MORE + "runner:")
    tight = BUDGETS.replace("LIMIT", "900 tCO2e") + BUDGETS.partition("budgets:\n")[2].replace(
        "LIMIT", "1 gCO2e"
    ).replace("id: quarter", "id: small").replace("{team: nlp}", "{model: n}")
    (shop / "policy.yaml").write_text(tight, encoding="utf-8")
    (shop / "greengate.yaml").write_text(more, encoding="utf-8")
    assert greengate(shop, *CHANGE) == 1
    assert "let go again, as the check did not pass" in " ".join(capsys.readouterr().out.split())
    assert json.loads(told(capsys, "status", "--json", "--only", "green/quarter"))[0]["held"] == []


def test_all_that_is_merged_is_opened_before_any_model_asks(shop, capsys):
    (shop / "greengate.yaml").write_text(PROJECT.replace("runner:", MORE + "runner:"), encoding="utf-8")
    greengate(shop, *CHANGE)
    kinds = [line.split()[3] for line in told(capsys, "history", "green/quarter").splitlines()]
    assert kinds == ["open", "open", "reserve", "reserve"]


def test_a_history_that_is_named_and_not_there_is_told(shop, capsys):
    greengate(shop, *CHANGE)
    assert run(["budget", "consume", "acme/shop#1", "--history", "nope.db"]) == 2
    assert "there is no history here yet" in capsys.readouterr().err


def test_an_old_entry_is_judged_by_the_maximum_of_today_s_policy(shop, capsys):
    greengate(shop, *CHANGE)
    (shop / "tight.yaml").write_text(BUDGETS.replace("LIMIT", "1 gCO2e"), encoding="utf-8")
    assert greengate(shop, "judge", "last", "--policy", "tight.yaml") == 1
