from datetime import UTC, datetime

import pytest
from budgets_made import budget, changed

from greengate import settling
from greengate.accounts import Account, Claim, Note
from greengate.decision import Decision
from greengate.draws import Draw, Drawn
from greengate.history import History
from greengate.ledger import book as books
from greengate.metrics import lookup
from greengate.verdict import Finding, Outcome, Verdict

KG = 10**9
Q4 = Account("p/q", "team=nlp", "2026-Q4", "ugCO2e lifecycle")
KNOWN = {"p/q": (budget(), lookup("deployment_carbon"))}
NOTE = Note("a test", datetime(2026, 11, 1, tzinfo=UTC))


@pytest.fixture
def book(tmp_path):
    with books.opened(tmp_path / "book.db") as found:
        yield found


@pytest.fixture
def history(tmp_path):
    found = History(tmp_path / "h.db")
    yield found
    found.close()


def drawn(*parts, **more):
    usual = {
        "budget": "p/q", "scope": "team=nlp", "period": "2026-Q4", "starts": "2026-10-01T00:00:00Z",
        "ends": "2027-01-01T00:00:00Z", "unit": "ugCO2e lifecycle", "maximum": 9 * KG, "draws": parts,
    }  # fmt: skip
    return Drawn(**{**usual, **more})


def deployed(kilograms, model="nlp/x"):
    a_year = kilograms * 4e3
    return Draw(what="deployment", model=model, before=0, after=a_year, years=0.25, amount=kilograms * KG)


def trained(kilograms, name="training abc"):
    return Draw(what="training", model=name, before=0, after=kilograms * 1e3, years=1, amount=kilograms * KG)


def entry(history, one, *, outcome=Outcome.PASSED, change="acme/shop#1", model="nlp/x"):
    evidence = changed(name=model).model_copy(update={"budgets": (one,), "change": change})
    finding = Finding(rule="r", policy="p", metric="", kind="limit", enforce="soft", judged=outcome, outcome=outcome)
    history.append(
        Decision(model, "c", "2026-11-01T00:00:00Z", "1", Verdict(model=model, findings=(finding,)), evidence)
    )


def settled(history, book, at=datetime(2026, 11, 1, tzinfo=UTC), change="acme/shop#1"):
    found = settling.finals(settling.entries_of(history, change), KNOWN, at, book)
    return {(one.account.period, one.model): one.amount / KG for one in found}


def test_a_merged_change_uses_what_its_newest_entry_says(history, book):
    entry(history, drawn(deployed(5)))
    entry(history, drawn(deployed(-3)))
    entry(history, drawn(deployed(7)), change="acme/shop#2")
    assert settled(history, book) == {("2026-Q4", "nlp/x"): -3}


def test_it_was_merged_whatever_its_check_said(history, book):
    entry(history, drawn(deployed(5)), outcome=Outcome.FAILED)
    assert settled(history, book) == {("2026-Q4", "nlp/x"): 5}


def test_of_what_could_not_be_forecast_nothing_is_booked(history, book):
    entry(history, drawn(deployed(5), missing="no meter"))
    assert settled(history, book) == {}


def test_each_model_of_a_change_is_booked(history, book):
    entry(history, drawn(deployed(5)))
    entry(history, drawn(deployed(2, "nlp/y")), model="nlp/y")
    assert settled(history, book) == {("2026-Q4", "nlp/x"): 5, ("2026-Q4", "nlp/y"): 2}


def test_a_change_that_is_merged_in_a_later_period_uses_what_is_left_of_that(history, book):
    entry(history, drawn(deployed(5)))
    found = settled(history, book, datetime(2027, 1, 1, tzinfo=UTC))
    assert found == {("2026-Q4", "nlp/x"): 0, ("2027-Q1", "nlp/x"): pytest.approx(20 * 90 / 365, rel=1e-9)}


def test_a_budget_that_the_project_has_no_more_is_booked_where_it_was_drawn(history, book):
    entry(history, drawn(deployed(5), budget="p/gone"))
    assert settled(history, book, datetime(2027, 1, 1, tzinfo=UTC)) == {("2026-Q4", "nlp/x"): 5}


def test_a_training_that_another_change_has_drawn_meanwhile_is_not_drawn_again(history, book):
    entry(history, drawn(trained(4)))
    assert settled(history, book) == {("2026-Q4", "training abc"): 4}
    book.reserve("acme/shop#2", [Claim(Q4, "training abc", 4 * KG, 9 * KG)], NOTE)
    book.consume("acme/shop#2", NOTE)
    assert settled(history, book) == {("2026-Q4", "training abc"): 0}
