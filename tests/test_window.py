"""When a job may start: what is decided by points, and what keeps points from deciding."""

# ruff: noqa: E501 - one case is one line of its table

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from points_made import GRID, HOUR, MARGINAL, NOW, hours, point, wanted

from greengate.window import Go, Inconclusive, NoWindow, Span, WaitUntil, decide, plain, told

BERLIN = ZoneInfo("Europe/Berlin")


def at(hour, minute=0):
    return HOUR.replace(hour=hour, minute=minute)


def span(start, lasting, value):
    return Span(start, start + timedelta(hours=lasting), Decimal(str(value)))


def rounded(decision):
    """The decision with means to a millionth of a gram."""
    spans = {name: getattr(decision, name) for name in ("span", "lowest") if hasattr(decision, name)}
    return replace(
        decision, **{name: replace(one, g_per_kwh=Decimal(plain(one.g_per_kwh))) for name, one in spans.items()}
    )


@pytest.mark.parametrize(
    ("values", "asked", "decision"),
    [
        ((100, 120, 130, 90), wanted(150), Go(span(NOW, 0, 100), span(at(15), 0, 90))),
        ((200, 140, 130, 190), wanted(150), WaitUntil(span(at(13), 0, 140), span(at(14), 0, 130))),
        ((200, 180, 160, 190), wanted(150), NoWindow(span(at(14), 0, 160))),
        ((150, 150, 150, 150), wanted(150), NoWindow(span(NOW, 0, 150))),
        ((100, 400), wanted(150, 1.5, 1), NoWindow(span(NOW, 1, 200))),
        ((200, 100, 100, 200), wanted(150, 3, 2), Go(span(NOW, 2, "133.333333"), span(at(13), 2, 100))),
        ((240, 100, 100, 200), wanted(120, 3, 2), WaitUntil(span(at(13), 2, 100), span(at(13), 2, 100))),
        ((200, 140, 130, 190), wanted(None), WaitUntil(span(at(14), 0, 130), span(at(14), 0, 130))),
        ((120, 140, 130, 190), wanted(None), Go(span(NOW, 0, 120), span(NOW, 0, 120))),
        ((120, 120, 120, 120), wanted(None, 3, 2), Go(span(NOW, 2, 120), span(NOW, 2, 120))),
        ((300, 120, 100, 300), wanted(None, 3, 1.5), WaitUntil(span(at(13, 30), 1.5, "106.666667"), span(at(13, 30), 1.5, "106.666667"))),
        ((99,), wanted(100, 0), Go(span(NOW, 0, 99), span(NOW, 0, 99))),
        ((99,), wanted(99, 0), NoWindow(span(NOW, 0, 99))),
        ((0, 300), wanted(100, 1), Go(span(NOW, 0, 0), span(NOW, 0, 0))),
    ],
    ids=[
        "green now", "green later", "never green", "the limit itself is not below it", "green for a part of the job",
        "the mean over the job counts", "the job waits for its mean", "the greenest time", "the greenest is now",
        "of equals the first", "as it ends with the lowest", "now alone", "now alone, and not green", "nothing burnt",
    ],
)  # fmt: skip
def test_a_job_starts_when_its_mean_is_below_the_limit(values, asked, decision):
    basis = MARGINAL if 0 in values else GRID
    assert rounded(decide("DE", hours(*values, basis=basis), NOW, asked)) == decision


SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)


@pytest.mark.parametrize("midnight", [SPRING, AUTUMN], ids=["the hour that is left out", "the hour that comes twice"])
def test_a_change_of_clocks_changes_nothing(midnight):
    points = hours(300, 200, 100, 200, 300, start=midnight, updated_at=midnight)
    local = [replace(one, start=one.start.astimezone(BERLIN)) for one in points]
    decision = decide("DE", local, midnight.astimezone(BERLIN), wanted(150, 5, 1))
    lowest = Span(midnight + timedelta(hours=2), midnight + timedelta(hours=3), Decimal(100))
    assert decision == WaitUntil(lowest, lowest)


GOOD = hours(100, 100, 100, 100)
EARLY, LATE = HOUR - timedelta(hours=9), NOW + timedelta(minutes=11)


def changed(**changes):
    return [GOOD[0], replace(GOOD[1], **changes), *GOOD[2:]]


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "the source tells nothing of DE"),
        (changed(zone="FR"), "it was asked of DE and told of FR"),
        (changed(start=HOUR.replace(hour=13, tzinfo=None)), "the time 2026-11-21T13:00:00 has no time zone"),
        (changed(lasts=timedelta(0)), "the point of 2026-11-21 13:00 UTC has no length"),
        (changed(g_per_kwh=Decimal("NaN")), "the point of 2026-11-21 13:00 UTC is no finite number"),
        (changed(g_per_kwh=Decimal("-Infinity")), "the point of 2026-11-21 13:00 UTC is no finite number"),
        (changed(g_per_kwh=Decimal(-1)), "the point of 2026-11-21 13:00 UTC is negative: -1 g/kWh"),
        (changed(g_per_kwh=Decimal(2001)), "the point of 2026-11-21 13:00 UTC is absurd: 2001 g/kWh, more than 2000"),
        (
            changed(g_per_kwh=Decimal("1e9999")),
            "the point of 2026-11-21 13:00 UTC is absurd: 1e+9999 g/kWh, more than 2000",
        ),
        (
            changed(g_per_kwh=Decimal(0)),
            "the point of 2026-11-21 13:00 UTC is 0 g/kWh, which no electricity has over its life cycle",
        ),
        (
            changed(basis=MARGINAL),
            f"points of different bases: {GRID} beside marginal, operational, unknown, CO2 only",
        ),
        (
            [GOOD[0], GOOD[2], GOOD[1], GOOD[3]],
            "the points are not in the order of time: 2026-11-21 14:00 UTC comes before 2026-11-21 13:00 UTC",
        ),
        ([GOOD[0], *GOOD], "the points of 2026-11-21 12:00 UTC and of 2026-11-21 12:00 UTC overlap"),
        (
            changed(lasts=timedelta(minutes=61)),
            "the points of 2026-11-21 13:00 UTC and of 2026-11-21 14:00 UTC overlap",
        ),
        (hours(100, 100, start=EARLY), "what is told ends at 2026-11-21 05:00 UTC, 7 h 20 min ago"),
        (
            changed(updated_at=EARLY),
            "it was updated at 2026-11-21 03:00 UTC, 9 h 20 min ago: more than 3 h",
        ),
        (
            changed(updated_at=LATE),
            "it says that it was updated at 2026-11-21 12:31 UTC, which is still to come: a clock is wrong",
        ),
        (
            changed(updated_at=HOUR.replace(tzinfo=None)),
            "the time of its update, 2026-11-21T12:00:00, has no time zone",
        ),
        (GOOD[1:], "nothing is told from 2026-11-21 12:20 UTC to 2026-11-21 13:00 UTC"),
        ([GOOD[0], *GOOD[2:]], "nothing is told from 2026-11-21 13:00 UTC to 2026-11-21 14:00 UTC"),
        (GOOD[:3], "what is told ends at 2026-11-21 15:00 UTC, and the window at 2026-11-21 15:20 UTC"),
    ],
    ids=[
        "nothing", "another zone", "no time zone", "no length", "not a number", "infinite", "negative", "absurd",
        "beyond all", "nothing over a life cycle", "two bases", "wrong order", "twice", "overlapping", "over", "stale",
        "ahead of time", "an update without zone", "not of now", "a gap", "too short",
    ],
)  # fmt: skip
def test_points_that_cannot_be_believed_are_never_a_go(points, why):
    assert decide("DE", points, NOW, wanted(500, 3)) == Inconclusive(why)
    assert decide("DE", points, NOW, wanted(None, 3)) == Inconclusive(why)


def test_good_points_are_a_go():
    assert isinstance(decide("DE", GOOD, NOW, wanted(500, 3)), Go)


def test_now_alone_needs_points_of_now():
    why = "nothing is told from 2026-11-21 12:20 UTC to 2026-11-21 13:00 UTC"
    assert decide("DE", GOOD[1:], NOW, wanted(500, 0)) == Inconclusive(why)


def test_what_lies_behind_is_no_gap_and_may_be_old():
    past = [point(100, EARLY, updated_at=EARLY)]
    assert isinstance(decide("DE", [*past, *GOOD], NOW, wanted(500, 3)), Go)


def test_a_job_that_does_not_fit_is_no_go():
    assert decide("DE", GOOD, NOW, wanted(500, 1, 2)) == Inconclusive("a job of 2 h does not fit into 1 h")


def test_a_time_without_zone_is_none():
    why = "the time at which it is asked has no time zone"
    assert decide("DE", GOOD, NOW.replace(tzinfo=None), wanted(500)) == Inconclusive(why)


def test_a_source_that_does_not_say_when_it_was_updated_is_believed():
    assert isinstance(decide("DE", hours(1, 1, 1, 1, updated_at=None), NOW, wanted(500)), Go)


VALUES = st.lists(st.integers(1, 600), min_size=8, max_size=8)


@given(VALUES, st.sampled_from([0, 0.5, 1, 2.25]), st.integers(0, 60 * 6))
def test_nowhere_in_the_window_is_it_lower_than_the_lowest(values, lasting, minute):
    points = hours(*values, updated_at=None)
    lowest = decide("DE", points, NOW, wanted(None, 6, lasting)).lowest
    start = NOW + timedelta(minutes=minute)
    if start + timedelta(hours=lasting) <= NOW + timedelta(hours=6):
        there = decide("DE", points, start, wanted(1, lasting, lasting)).lowest
        assert lowest.g_per_kwh <= there.g_per_kwh + Decimal("1e-20")


@given(VALUES, st.integers(1, 600), st.integers(0, 100))
def test_a_higher_limit_is_never_met_later(values, below, more):
    points = hours(*values, updated_at=None)
    first, other = (decide("DE", points, NOW, wanted(limit, 6, 1)) for limit in (below, below + more))
    if not isinstance(first, NoWindow):
        assert other.span.start <= first.span.start


@given(VALUES, st.integers(1, 600))
def test_what_is_chosen_is_below_the_limit_and_in_the_window(values, below):
    decision = decide("DE", hours(*values), NOW, wanted(below, 6, 1))
    if isinstance(decision, NoWindow):
        assert decision.lowest.g_per_kwh >= below
    else:
        assert decision.span.g_per_kwh < below
        assert NOW <= decision.span.start < decision.span.end <= NOW + timedelta(hours=6)


@pytest.mark.parametrize("basis", [GRID, MARGINAL])
def test_no_live_point_is_fit_for_accounts(basis):
    assert point(100, basis=basis).unfit()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (90, "2 min"), (3600, "1 h"), (7500, "2 h 5 min"), (86400 * 3, "72 h")],
)
def test_a_length_of_time_is_told_in_hours_and_minutes(seconds, words):
    assert told(timedelta(seconds=seconds)) == words
