"""The walk through the history, from today's baseline back to an earlier model."""

import pytest
from drifts_made import record

from greengate.chain import Broken, chain
from greengate.verdict import DISBELIEVED


def links(records, baseline="d", earlier="a"):
    found = chain(iter(records), baseline * 64, earlier * 64)
    return found.words if isinstance(found, Broken) else "".join(link.candidate[0] for link in found)


STRAIGHT = [record("d", "c", 3), record("c", "b", 2), record("b", "a", 1)]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (STRAIGHT, "bcd"),
        ([record("d", "d", 5), *STRAIGHT], "bcd"),
        ([record("d", "", 5), *STRAIGHT], "bcd"),
        ([record("d", "c", 5, pairs=()), *STRAIGHT], "bcd"),
        ([record("x", "d", 5), *STRAIGHT], "bcd"),
        ([record("c", "d", 4), *STRAIGHT], "bcd"),
        ([record("d", "e", 6), record("e", "d", 5), record("d", "e", 4), *STRAIGHT], "bcd"),
        ([record("d", "a", 4), *STRAIGHT], "d"),
        ([STRAIGHT[2], STRAIGHT[0], STRAIGHT[1]], "bcd"),
        ([record("d", "c", 3, outcome="inconclusive"), *STRAIGHT[1:]], "bcd"),
        ([record("d", "c", 4), *STRAIGHT], "bcd"),
    ],
    ids=[
        "a change at a time",
        "the same model judged once more",
        "a model judged without a baseline",
        "an entry without pairs",
        "a change beside",
        "a change that was taken back",
        "a circle",
        "a short cut",
        "an older change that was judged again last",
        "a change that was merged though it was inconclusive",
        "a change that was measured twice",
    ],
)
def test_the_chain_goes_over(records, expected):
    assert links(records) == expected


def test_a_model_that_is_the_baseline_needs_no_links():
    assert links(STRAIGHT, baseline="a") == ""


def test_a_link_holds_its_rounds_its_entry_and_its_runner():
    (last,) = chain(iter(STRAIGHT), "d" * 64, "c" * 64)
    assert (last.entry, last.candidate, last.baseline, last.runner) == ("3" * 64, "d" * 64, "c" * 64, "f")
    assert {column: len(x) for column, x in last.rounds.items()} == {"cpu": 8, "wall": 8, "run": 8}


def test_of_two_runs_on_the_same_files_the_first_counts_so_that_running_again_changes_nothing():
    again, first = record("d", "c", 9), record("d", "c", 3, outcome="failed")
    (last,) = chain(iter([again, first, *STRAIGHT[1:]]), "d" * 64, "c" * 64)
    assert last.entry == "3" * 64


def test_of_two_runs_on_the_same_files_one_that_counts_for_nothing_is_left_out():
    (last,) = chain(iter([record("d", "c", 9), record("d", "c", 3, pairs=())]), "d" * 64, "c" * 64)
    assert last.entry == "9" * 64


def test_what_is_not_believed_is_no_link():
    believed, forged = record("d", "c", 9), record("d", "c", 3, outcome="inconclusive", kind=DISBELIEVED)
    (last,) = chain(iter([believed, forged]), "d" * 64, "c" * 64)
    assert last.entry == "9" * 64
    assert links([forged, *STRAIGHT[1:]]) == f"{AT_ONCE}; entry 3333333333 did, but what it says is not believed"


AT_ONCE = (
    "the chain from the history breaks at once: no entry compared the baseline (dddddddddddd…) with a model before it"
)
BACK = (
    "the chain from the history breaks 1 change back, at entry 3333333333: "
    "no entry compared its baseline (cccccccccccc…) with a model before it"
)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], AT_ONCE),
        (STRAIGHT[1:], AT_ONCE),
        (STRAIGHT[:1], BACK),
        ([STRAIGHT[0], record("c", "d", 2)], BACK),
        ([STRAIGHT[0], record("c", "b", 2, pairs=())], f"{BACK}; entry 2222222222 did, but it holds too few pairs"),
        ([STRAIGHT[0], record("c", "", 2)], f"{BACK}; entry 2222222222 did, but it had no baseline"),
        (
            [STRAIGHT[0], record("c", "b", 2, voided="the machine drifted"), STRAIGHT[2]],
            f"{BACK}; entry 2222222222 did, but nothing counts that it measured: the machine drifted",
        ),
        (
            [STRAIGHT[0], record("c", "b", 2, incomparable=("inputs: x against y",))],
            f"{BACK}; entry 2222222222 did, but its two models could not be compared: inputs: x against y",
        ),
    ],
    ids=[
        "no history",
        "a baseline that nobody judged",
        "an entry that is missing",
        "a circle without a way out",
        "an entry without pairs",
        "an entry without a baseline",
        "a voided entry",
        "an entry of models that differ",
    ],
)
def test_a_chain_that_breaks_says_where(records, expected):
    assert links(records) == expected
