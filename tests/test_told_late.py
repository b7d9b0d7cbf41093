"""Settlements and retirements that are told late change what could be read before: a report tells which."""

import pytest
from closed_made import NOW, Quarter
from quarter_made import Ledger, table

from greengate import closing
from greengate.quarters import Wanted, made
from greengate.records import Retirement, Settlement

MAY, JULY, SEPTEMBER, LATER = ("2026-05-01", "2026-07-11", "2026-09-21", "2026-12-01")


def at(day):
    return f"{day}T00:00:00Z"


@pytest.fixture
def ledger():
    """A model in force, a change on it, and a decision of September."""
    found = Ledger()
    found.decided(at("2026-02-01"), in_force=True)
    found.decided(at("2026-04-01"), change="a/b#1")
    found.decided(at(SEPTEMBER))
    return found


def test_a_settlement_that_is_told_late_is_listed(ledger):
    entry = ledger.settled(at(JULY), "a/b#1")
    report = ledger.report()
    assert (report.value("quality.late"), report.datum("quality.late").entries) == ("1", (entry,))
    assert table(report, "quality.late_told") == [
        {"at": JULY, "told": SEPTEMBER, "what": "merged: a/b#1", "reported": "", "entry": entry}
    ]


def test_a_retirement_that_is_told_late_is_listed(ledger):
    ledger.add(Retirement(at=at(JULY), project="p", model="m", why="done"))
    (row,) = table(ledger.report(), "quality.late_told")
    assert row["what"] == "retired: p/m"


@pytest.mark.parametrize(("when", "count"), [("2026-09-20T00:00:00Z", "0"), ("2026-09-19T23:59:59Z", "1")])
def test_late_is_by_more_than_a_day(ledger, when, count):
    ledger.settled(when, "a/b#1")
    assert ledger.value("quality.late") == count


@pytest.mark.parametrize(("period", "count"), [("2026-Q1", "0"), ("2026-Q2", "1"), ("2026-Q3", "1"), ("2026-Q4", "0")])
def test_it_is_told_of_its_period_and_the_next(ledger, period, count):
    ledger.settled(at(MAY), "a/b#1")
    assert ledger.value("quality.late", period) == count


def test_a_change_that_was_settled_before_is_not_told_late(ledger):
    ledger.settled(at(SEPTEMBER), "a/b#1")
    ledger.settled(at(JULY), "a/b#1")
    assert ledger.value("quality.late") == "0"


@pytest.fixture
def quarter(tmp_path):
    """A ledger whose third quarter is closed, and that goes on."""
    found = Quarter(tmp_path / "h.db")
    entries = Ledger()
    entries.decided(at(LATER))
    found.store.append_all([(leaf, None) for _, leaf in entries.entries])
    yield found
    found.store.close()


def reported(quarter, period="2026-Q3"):
    report = made(quarter.store, Wanted(period, NOW)).report
    return report.value("quality.late_reported"), report.datum("quality.late_reported").note


def test_what_reaches_into_a_period_that_was_reported_is_told_until_it_is_restated(quarter):
    quarter.wrote(Retirement(at=at(JULY), project="p", model="m", why="done"))
    note = "`greengate period restate` tells anew, where a total changed: 2026-Q3"
    assert reported(quarter) == ("1", note)
    closing.restate(quarter.store, Wanted("2026-Q3", NOW), "late_data", "w", "cfo")
    assert reported(quarter) == ("0", "")


def test_what_took_effect_long_before_is_told_of_a_period_that_was_reported(quarter):
    quarter.wrote(Retirement(at="2026-02-01T00:00:00Z", project="p", model="m", why="done"))
    assert [reported(quarter, period)[0] for period in ("2026-Q3", "2026-Q4", "2026-05")] == ["1", "1", "0"]


def test_what_was_closed_without_being_merged_changes_no_total(quarter):
    quarter.wrote(Settlement(at=at(JULY), state="closed", change="a/b#1"))
    assert reported(quarter) == ("0", "")
