"""What waivers have let through, by the records of a ledger."""

import pytest
from made import waiver
from waivers_made import converted, granted, measured, passage, settled, write, year

from greengate.ledger.store import Store
from greengate.policy import REVIEW
from greengate.recorded import records
from greengate.records import Converted, Decided, Measurement, Settlement, WaiverGranted
from greengate.waived import Fate, State, Sum, Use, gone, state, uses

NONE = "nobody wrote down what it means a year"


def told(*given):
    """Name each record by its number, as `#1`."""
    return uses((f"#{number}", record) for number, record in enumerate(given, 1))


def sums(use, fate=Fate.MERGED):
    return [use.sum(name, fate).amount for name in ("energy_mj", "location_ugco2e", "cost_ueur")]


def test_a_merged_change_counts_with_its_year():
    use = told(converted(year()), passage(change="a/b#1", conversion="#1"), settled(change="a/b#1"))["W-1"]
    assert (use.decisions, use.changes(Fate.MERGED), sums(use)) == (("#2",), ["a/b#1"], [3_600_000, 400_000, 21_000])


@pytest.mark.parametrize(
    ("after", "fate"),
    [
        pytest.param((), Fate.OPEN, id="not settled"),
        pytest.param((settled("closed", change="a/b#1"),), Fate.CLOSED, id="closed"),
        pytest.param((settled("closed", change="a/b#1"), settled(change="a/b#1")), Fate.MERGED, id="opened again"),
        pytest.param((settled(decisions=("#1",)),), Fate.MERGED, id="named alone"),
    ],
)
def test_a_change_ends_as_it_was_settled_last(after, fate):
    (one,) = told(passage(change="a/b#1"), *after)["W-1"].passages
    assert one.fate is fate


def test_a_change_that_is_checked_ten_times_counts_once():
    ten = [passage(change="a/b#1", conversion="#1", commit=f"{number}") for number in range(10)]
    use = told(converted(year()), *ten, settled(change="a/b#1"))["W-1"]
    assert (len(use.decisions), sums(use)) == (10, [3_600_000, 400_000, 21_000])


def test_a_change_that_passes_in_the_end_was_let_through_by_no_waiver():
    use = told(passage(change="a/b#1"), passage("", change="a/b#1"), settled(change="a/b#1"))["W-1"]
    assert (use.decisions, use.passages) == (("#1",), ())


def test_what_was_measured_against_one_baseline_is_not_added_up():
    facts = [measured(), converted(year(1)), converted(year(2))]
    changes = [passage(change=f"a/b#{n}", measurement="#1", conversion=f"#{n}") for n in (2, 3)]
    use = told(*facts, *changes, settled(change="a/b#2"), settled(change="a/b#3"))["W-1"]
    assert sums(use) == [2, 400_000, 21_000]


def test_what_follows_on_a_baseline_that_moved_is_added_up():
    facts = [measured(), measured("d" * 64), converted(year(1)), converted(year(2))]
    changes = [passage(change=f"a/b#{n}", measurement=f"#{n - 2}", conversion=f"#{n}") for n in (3, 4)]
    use = told(*facts, *changes, settled(change="a/b#3"), settled(change="a/b#4"))["W-1"]
    assert sums(use) == [3, 800_000, 42_000]


def test_the_base_branch_counts_only_where_no_merged_change_did():
    base = passage(in_force=True, conversion="#1")
    assert sums(told(converted(year(7)), base, base)["W-1"])[0] == 7
    both = told(converted(year(7)), passage(change="a/b#1", conversion="#1"), settled(change="a/b#1"), base)["W-1"]
    assert sums(both)[0] == 7


def test_the_newest_conversion_is_taken():
    given = [converted(year(1)), converted(year(2), supersedes="#1"), converted(year(3), supersedes="#2")]
    use = told(*given, passage(change="a/b#1", conversion="#1"), settled(change="a/b#1"))["W-1"]
    assert sums(use)[0] == 3


def test_what_is_missing_is_told_with_its_reason():
    given = [converted(year(market=None, market_ugco2e="no contract")), converted(None)]
    changes = [passage(change=f"a/b#{n}", conversion=f"#{n}") for n in (1, 2)]
    use = told(*given, *changes, settled(change="a/b#1"), settled(change="a/b#2"))["W-1"]
    assert use.sum("market_ugco2e", Fate.MERGED) == Sum(0, 0, ("no contract", NONE))
    assert use.sum("energy_mj", Fate.MERGED) == Sum(3_600_000, 1, (NONE,))


def test_a_decision_names_its_waivers_where_its_findings_had_no_room():
    use = told(granted(), passage("", waivers=("#1",), change="a/b#1"))["W-1"]
    assert (use.decisions, use.granted) == (("#2",), granted())


@pytest.mark.parametrize(
    ("given", "use", "reviewed", "found"),
    [
        pytest.param({}, Use(decisions=("#1",)), None, State.IN_FORCE, id="it let something through"),
        pytest.param({}, Use(), True, State.UNUSED, id="nothing yet"),
        pytest.param({"expires": "2026-01-01"}, Use(), True, State.EXPIRED, id="over"),
        pytest.param({}, Use(decisions=("#1",)), False, State.UNREVIEWED, id="no owner approved it"),
        pytest.param({"granted_by": REVIEW}, Use(), None, State.UNREVIEWED, id="nobody knows of a review"),
        pytest.param({"granted_by": REVIEW}, Use(), True, State.UNUSED, id="by review"),
    ],
)
def test_a_waiver_stands(given, use, reviewed, found):
    assert state(waiver(**given), use, reviewed=reviewed, today="2026-11-21") is found


@pytest.mark.parametrize(
    ("use", "found"),
    [
        pytest.param(Use(asked=granted("requested")), State.REQUESTED, id="asked for"),
        pytest.param(Use(asked=granted("requested", expires="2026-01-01")), State.REMOVED, id="never granted in time"),
        pytest.param(Use(asked=granted("requested"), granted=granted()), State.REMOVED, id="granted once"),
        pytest.param(Use(decisions=("#1",)), State.REMOVED, id="known by its decisions alone"),
    ],
)
def test_a_waiver_without_a_document_stands(use, found):
    assert gone(use, "2026-11-21") is found


def test_records_are_read_back_in_their_order(tmp_path):
    given = [granted("requested"), granted(), measured(), converted(year()), passage(), settled(change="a/b#1")]
    names = write(tmp_path, *given)
    store = Store(tmp_path / ".greengate" / "history.db")
    found = list(records(store, WaiverGranted, Measurement, Converted, Decided, Settlement))
    some = list(records(store, Settlement))
    store.close()
    assert [(one.index, one.entry_id, one.record) for one in found] == [*zip(range(6), names, given, strict=True)]
    assert [one.record for one in some] == given[-1:]
