"""Holding a job until the electricity is green enough, or until a deadline.

The window does not move while a job waits: it is what is left of the one that was asked for. A forecast moves, so the
source is asked again every half-hour, and always before the job starts. Time is looked at after every slice of sleep,
so that a machine that slept longer, or a clock that was set, is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from greengate.outlook import Outlook
from greengate.window import Go, Inconclusive, WaitUntil

ASK_AGAIN = timedelta(minutes=30)
TRY_AGAIN = timedelta(minutes=5)
SLICE_S = 20.0
_GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Watch:
    """What waiting needs of the world.

    Attributes:
        now: The time, in UTC.
        sleep: Sleeps so many seconds.
        tell: Is told of each answer, and when it is asked again.
        tick: Is told, before each slice of sleep, when it is asked again, and the time.
    """

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    tell: Callable[[Outlook, datetime], None]
    tick: Callable[[Outlook, datetime, datetime], None]


@dataclass(frozen=True, slots=True)
class Held:
    """How waiting ended: by the last answer, and perhaps because there was no time left for the job."""

    outlook: Outlook
    late: bool


def hold(look: Callable[[datetime, bool], Outlook], last: datetime, watch: Watch) -> Held:
    """Wait for a go.

    A first answer that is inconclusive ends it at once; a later one does not, as long as there is time.

    Args:
        look: Asks at a time; the second argument says whether answers of some minutes ago are left aside.
        last: When the job may start at the latest.
        watch: Clock and voice.
    """
    outlook = look(watch.now(), False)
    if isinstance(outlook.decision, Go | Inconclusive):
        return Held(outlook, late=False)
    while (now := watch.now()) < last:
        again = _again(outlook, now, last)
        watch.tell(outlook, again)
        _sleep(outlook, again, watch)
        now = watch.now()
        if now > last + _GRACE:
            break
        outlook = look(now, True)
        if isinstance(outlook.decision, Go):
            return Held(outlook, late=False)
    return Held(outlook, late=True)


def _again(outlook: Outlook, now: datetime, last: datetime) -> datetime:
    decision = outlook.decision
    pause = TRY_AGAIN if isinstance(decision, Inconclusive) else ASK_AGAIN
    start = decision.span.start if isinstance(decision, WaitUntil) else last
    return min(now + pause, start, last)


def _sleep(outlook: Outlook, again: datetime, watch: Watch) -> None:
    while (now := watch.now()) < again:
        watch.tick(outlook, again, now)
        watch.sleep(min((again - now).total_seconds(), SLICE_S))
