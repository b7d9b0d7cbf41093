"""Avoided emissions: told with their counterfactual, counted once, and never taken off anything."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quarter_made import PLAIN, Ledger, exact, table, year

from greengate.esg.decimals import tonnes
from greengate.records import Year

BEGUN, OPENED, CLOSED, LATER = (
    "2026-01-01T00:00:00Z",
    "2026-07-02T00:00:00Z",
    "2026-07-11T00:00:00Z",
    "2026-08-10T00:00:00Z",
)
MONSTER = PLAIN * 10**6
REST_S = 82 * 86400


def more(amount):
    return {"candidate": year(location=PLAIN * 100 + amount), "difference": Year(location_ugco2e=exact(amount))}


def closed(ledger, change, amount=MONSTER, outcome="failed", at=CLOSED, sha256="d" * 64):
    ledger.decided(OPENED, change=change, outcome=outcome, converted=more(amount), sha256=sha256)
    ledger.settled(at, change, "closed")


@pytest.fixture
def ledger():
    found = Ledger()
    found.decided(BEGUN, in_force=True)
    return found


def told(ledger):
    report = ledger.report()
    return [report.datum(f"avoided.{name}").value for name in ("blocked", "improved", "period", "year")]


def test_a_change_that_failed_and_was_closed_avoids_what_it_would_have_cost_from_then_on(ledger):
    closed(ledger, "a/b#1")
    assert told(ledger) == ["1", "0", tonnes(REST_S * 10**6), tonnes(MONSTER)]


def test_a_change_that_passed_and_was_closed_avoids_nothing(ledger):
    closed(ledger, "a/b#1", outcome="passed")
    assert told(ledger) == ["0", "0", "0", "0"]


def test_a_change_that_would_have_saved_something_avoids_nothing(ledger):
    closed(ledger, "a/b#1", amount=-5)
    assert told(ledger)[2:] == ["0", "0"]
    assert table(ledger.report(), "avoided.changes")[0]["counted"] == "it would not have cost more"


def test_what_was_improved_before_the_merge_avoids_the_difference(ledger):
    ledger.decided(OPENED, change="a/b#1", outcome="failed", converted=more(MONSTER))
    ledger.decided(OPENED, change="a/b#1", converted=more(MONSTER // 4))
    ledger.settled(CLOSED, "a/b#1")
    assert told(ledger) == ["0", "1", tonnes(REST_S * 750_000), tonnes(MONSTER * 3 // 4)]


def test_opening_and_closing_the_same_change_ten_times_earns_once(ledger):
    for _ in range(10):
        closed(ledger, "a/b#1")
    assert told(ledger)[2:] == [tonnes(REST_S * 10**6), tonnes(MONSTER)]


def test_the_same_file_in_ten_changes_earns_once(ledger):
    for number in range(1, 11):
        closed(ledger, f"a/b#{number}")
    assert told(ledger)[2:] == [tonnes(REST_S * 10**6), tonnes(MONSTER)]


def test_ten_different_monsters_of_one_model_are_never_counted_at_one_time(ledger):
    for number in range(1, 11):
        closed(ledger, f"a/b#{number}", sha256=f"{number:064x}", at=f"2026-07-{10 + number}T00:00:00Z")
    assert told(ledger)[2:] == [tonnes(REST_S * 10**6), tonnes(MONSTER)]


def test_it_counts_until_another_version_comes_into_force(ledger):
    closed(ledger, "a/b#1")
    ledger.decided(LATER, in_force=True)
    assert told(ledger)[2] == tonnes(30 * 86400 * 10**6)


def test_a_change_without_a_known_difference_is_told_and_avoids_nothing(ledger):
    ledger.decided(OPENED, change="a/b#1", outcome="failed")
    ledger.settled(CLOSED, "a/b#1", "closed")
    (row,) = table(ledger.report(), "avoided.changes")
    assert (row["counted"], row["year"]) == ("nothing tells what it would have cost more", None)


@settings(max_examples=10)
@given(st.lists(st.integers(-(10**15), 10**15), max_size=5))
def test_no_total_is_another_one_for_what_was_avoided(amounts):
    plain, other = Ledger(), Ledger()
    for one in (plain, other):
        one.decided(BEGUN, in_force=True)
    for number, amount in enumerate(amounts, 1):
        closed(other, f"a/b#{number}", max(amount, -PLAIN * 100), sha256=f"{number:064x}")
    assert counted(other.report()) == counted(plain.report())


def counted(report):
    return [(datum.id, datum.value) for one in report.sections if one.id in "BCDEFGN" for datum in one.data]
