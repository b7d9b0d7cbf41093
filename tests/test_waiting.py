"""Holding a job: when it is asked again, when it ends, and what it says meanwhile."""

# ruff: noqa: E501 - one case is one line of its table

from datetime import timedelta

import pytest
from points_made import NOW, hours, wanted
from sources_made import Clock

from greengate.cli.outlooks import Voice
from greengate.outlook import Outlook, Place
from greengate.waiting import Watch, hold
from greengate.window import Go, Inconclusive, NoWindow, WaitUntil, decide

POINTS = tuple(hours(200, 190, 140, 130, updated_at=None))
GO = decide("DE", POINTS, NOW, wanted(500))
GOOD_AT_14 = decide("DE", POINTS, NOW, wanted(150))
NONE = decide("DE", POINTS, NOW, wanted(50))
UNKNOWN = Inconclusive("it fails")


class Script:
    """A source that decides one thing after another, and the time at which it was asked each."""

    def __init__(self, *decisions):
        self.clock, self.asked, self.left = Clock(), [], list(decisions)
        self.told, self.ticks = [], 0

    def look(self, now, fresh):
        self.asked.append((round((now - NOW) / timedelta(minutes=1)), fresh))
        decision = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        place = Place("DE", POINTS, decision)
        return Outlook(now, (place,), place)

    def tell(self, _, again):
        self.told.append(round((again - NOW) / timedelta(minutes=1)))

    def tick(self, *_):
        self.ticks += 1

    def held(self, minutes):
        watch = Watch(self.clock.now, self.clock.slept.append, self.tell, self.tick)
        found = hold(self.look, NOW + timedelta(minutes=minutes), watch)
        return type(found.outlook.decision), found.late, self.asked


@pytest.mark.parametrize(
    ("decisions", "last", "held"),
    [
        ((GO,), 60, (Go, False, [(0, False)])),
        ((UNKNOWN, GO), 60, (Inconclusive, False, [(0, False)])),
        ((GOOD_AT_14, GOOD_AT_14, GOOD_AT_14, GOOD_AT_14, GO), 180, (Go, False, [(0, False), (30, True), (60, True), (90, True), (100, True)])),
        ((GOOD_AT_14, GO), 180, (Go, False, [(0, False), (30, True)])),
        ((NONE, NONE, GO), 180, (Go, False, [(0, False), (30, True), (60, True)])),
        ((NONE,), 45, (NoWindow, True, [(0, False), (30, True), (45, True)])),
        ((NONE, UNKNOWN, UNKNOWN, GO), 180, (Go, False, [(0, False), (30, True), (35, True), (40, True)])),
        ((NONE, UNKNOWN), 40, (Inconclusive, True, [(0, False), (30, True), (35, True), (40, True)])),
        ((GOOD_AT_14,), 20, (WaitUntil, True, [(0, False), (20, True)])),
        ((NONE,), 0, (NoWindow, True, [(0, False)])),
    ],
    ids=[
        "a go at once", "nothing known at first", "asked again before it starts", "the forecast moves to now",
        "a window opens", "no window until the end", "a source that fails for a while", "and for ever",
        "a deadline before the window", "no time at all",
    ],
)  # fmt: skip
def test_a_job_is_held_until_it_is_a_go_or_too_late(decisions, last, held):
    assert Script(*decisions).held(last) == held


def test_it_sleeps_in_slices_and_each_is_told():
    script = Script(NONE, GO)
    script.held(60)
    assert (set(script.clock.slept), script.ticks, script.told) == ({20.0}, 90, [30])


def test_a_machine_that_slept_through_the_deadline_does_not_start():
    script = Script(NONE, GO)
    watch = Watch(script.clock.now, lambda _: script.clock.slept.append(7200), lambda *_: None, script.tick)
    found = hold(script.look, NOW + timedelta(minutes=60), watch)
    assert (found.late, script.asked) == (True, [(0, False)])


def place(decision):
    one = Place("DE", POINTS, decision)
    return Outlook(NOW, (one,), one)


@pytest.fixture
def utc(monkeypatch):
    import time  # noqa: PLC0415 - only here

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_on_a_terminal_the_time_that_is_left_is_shown(capsys, utc):
    voice = Voice(terminal=True)
    voice.tell(place(GOOD_AT_14), NOW + timedelta(minutes=30))
    voice.tick(place(GOOD_AT_14), NOW + timedelta(minutes=30), NOW)
    voice.clear()
    line = "DE: wait until 2026-11-21 14:00 UTC, 140 gCO2e/kWh; the source is asked again by 2026-11-21 12:50 UTC\n"
    clear = "\r\x1b[K"
    told = f"{clear}{line}{clear}start in 1 h 40 min, the source is asked again in 30 min{clear}"
    assert capsys.readouterr().err == told


def test_elsewhere_each_plan_is_a_line_and_said_once(capsys, utc):
    voice = Voice(terminal=False)
    for decision in (NONE, NONE, UNKNOWN):
        voice.tell(place(decision), NOW)
        voice.tick(place(decision), NOW, NOW)
    voice.clear()
    assert capsys.readouterr().err == (
        "DE: no window, 130 gCO2e/kWh; the source is asked again by 2026-11-21 12:20 UTC\n"
        "DE: inconclusive: it fails; the source is asked again by 2026-11-21 12:20 UTC\n"
    )
