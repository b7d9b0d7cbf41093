"""What is asked about green windows, read from what a person wrote: on the command line, in a DAG, in a workflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from greengate.errors import UsageError
from greengate.outlook import Ask
from greengate.quantities import Duration, Intensity, NotAQuantity
from greengate.window import STALE_AFTER, Wanted, told, when

STALE = told(STALE_AFTER)
_MOST = timedelta(days=7)
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MOST_ZONES = 20


def option(name: str) -> str:
    """Name an option of the command line."""
    return f"--{name}"


def ask(  # noqa: PLR0913 - one argument a word
    source: str,
    zones: Sequence[str],
    *,
    below: str | None,
    within: str | None,
    lasting: str | None,
    stale_after: str = STALE,
    address: str = "",
    named: Callable[[str], str] = option,
) -> Ask:
    """Return what is asked; `named` says how its errors call the option of a name.

    Raises:
        UsageError: A word is none, or they do not fit together.
    """
    if below is None and within is None and len(zones) == 1:
        hint = f"give {named('below')} 150 for a limit, or {named('within')} 12h for the greenest time"
        raise UsageError(named("zone"), "there is nothing to decide", hint)
    runs = length(lasting, named("for")) if lasting else timedelta(0)
    room = length(within, named("within")) if within else runs
    if runs > room:
        raise UsageError(named("for"), f"a job of {told(runs)} does not fit into {named('within')} {told(room)}")
    wanted = Wanted(_limit(below, named("below")), room, runs, length(stale_after, named("stale-after")))
    return Ask(source, _zones(zones, named("zones")), wanted, address)


def length(written: str, where: str) -> timedelta:
    """Read a length of time, such as `12h`, to the second.

    Raises:
        UsageError: It is none, or not between a second and a week.
    """
    try:
        amount = Duration.parse(written).amount
    except NotAQuantity as error:
        raise UsageError(where, str(error).replace("40 ms", "12h"), "write it like 12h or 90min") from None
    if not 1 <= amount <= _MOST.total_seconds():
        raise UsageError(where, f"`{written}` is not between 1 s and 7 d")
    return timedelta(seconds=round(amount))


def deadline(written: str, now: datetime, last: datetime, where: str) -> datetime:
    """Read when waiting ends: after a length of time, or at a time with its zone.

    Raises:
        UsageError: It is neither, or does not lie between `now` and the last start in the window.
    """
    try:
        found = now + length(written, where)
    except UsageError:
        found = _time(written, where)
    if not now < found <= last:
        problem = f"`{written}` does not lie between now and {when(last)}, the last start in the window"
        raise UsageError(where, problem, "change it, or the window")
    return found


def _time(written: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        problem = f"`{written}` is neither a length of time nor a time"
        raise UsageError(where, problem, "write 6h, or 2026-11-22T06:00Z") from None
    if found.utcoffset() is None:
        raise UsageError(where, f"`{written}` has no time zone", "write 2026-11-22T06:00Z for UTC")
    return found


def _limit(below: str | None, where: str) -> Intensity | None:
    """Read a limit; a bare number is in gCO2e/kWh, because the option says so."""
    if below is None:
        return None
    bare = re.fullmatch(r"\s*[+-]?[\d.]+\s*", below, re.ASCII)
    try:
        found = Intensity.parse(f"{below} gCO2e/kWh" if bare else below)
    except NotAQuantity as error:
        raise UsageError(where, str(error), error.hint) from None
    if found.amount <= 0:
        raise UsageError(where, f"`{below}`: nothing is below that", "give more than 0 gCO2e/kWh")
    return found


def _zones(zones: Sequence[str], where: str) -> tuple[str, ...]:
    for one in zones:
        if not _ZONE.fullmatch(one):
            raise UsageError(where, f"`{one}` is no zone", "zones are written like DE, US-CAL-CISO or CAISO_NORTH")
    if len(set(zones)) < len(zones):
        raise UsageError(where, "a zone is named twice")
    if not 1 <= len(zones) <= _MOST_ZONES:
        raise UsageError(where, f"{len(zones)} zones are named, and at least 1 and at most {_MOST_ZONES} can be")
    return tuple(zones)
