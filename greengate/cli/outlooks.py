"""How an outlook is told: in words, and while a job waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from greengate import answer
from greengate.cli import sheet
from greengate.outlook import Ask, Outlook, Place
from greengate.report.escaping import plain as safe
from greengate.window import Inconclusive, NoWindow, Span, WaitUntil, plain, told


def when(moment: datetime) -> str:
    """Write a time in UTC, to the minute, and as the clock on the wall here shows it where that is another."""
    utc, local = moment.astimezone(UTC), moment.astimezone()
    words = f"{utc:%Y-%m-%d %H:%M} UTC"
    if local.utcoffset() == utc.utcoffset():
        return words
    day = "" if local.date() == utc.date() else f"{local:%Y-%m-%d} "
    return f"{words} ({day}{local:%H:%M %Z})"


def echo(outlook: Outlook, ask: Ask, *, late: bool) -> None:
    """Print the answer, what it rests on, and what was found of other zones."""
    best = outlook.best
    sheet.echo(f"{best.zone}: {_title(best)}", _rows(best, ask))
    others = [place for place in outlook.places if place is not best]
    if others:
        click.echo("")
        sheet.echo("other zones", ((place.zone, _short(place)) for place in others))
    if late:
        click.echo("")
        sheet.say("the time to wait is over: there was no go")


def _title(place: Place) -> str:
    decision = place.decision
    if isinstance(decision, WaitUntil):
        return f"wait until {when(decision.span.start)}"
    return answer.WORDS[type(decision)].replace("-", " ")


def _short(place: Place) -> str:
    if isinstance(place.decision, Inconclusive):
        return f"inconclusive: {place.decision.why}"
    assert place.span is not None
    return f"{_title(place)}, {_grams(place, place.span)}"


def _rows(place: Place, ask: Ask) -> Iterator[tuple[str, str]]:
    decision, wanted = place.decision, ask.wanted
    if isinstance(decision, Inconclusive):
        yield "why", decision.why
        yield "what to do", decision.hint
        return
    mean = f", mean over {told(wanted.lasting)}" if wanted.lasting else ""
    if not isinstance(decision, NoWindow):
        yield "intensity", f"{_grams(place, decision.span)} from {when(decision.span.start)}{mean}"
    yield "limit", f"below {wanted.below.in_words()}" if wanted.below is not None else ""
    if isinstance(decision, NoWindow) or decision.lowest != decision.span:
        lowest = decision.lowest
        yield "lowest", f"{_grams(place, lowest)} from {when(lowest.start)}{mean}"
    yield "within", told(wanted.within) if wanted.within > wanted.lasting else ""
    yield "basis", str(place.points[0].basis)
    yield "source", _provenance(place, ask)


def _provenance(place: Place, ask: Ask) -> str:
    times = [point.updated_at for point in place.points if point.updated_at is not None]
    updated = f"updated {when(max(times))}" if times else "does not say when it was updated"
    estimates = sum(point.estimated is True for point in place.points)
    some = f", {estimates} of them estimated" if estimates else ""
    return f"{ask.source}: {len(place.points)} points{some}, {updated}"


def _grams(place: Place, span: Span) -> str:
    return f"{plain(span.g_per_kwh)} {answer.unit(place)}"


class Voice:
    """What a waiting job says on stderr: a line a plan, and on a terminal the time that is left."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._said = ""

    def tell(self, outlook: Outlook, again: datetime) -> None:
        """Say what is planned, where that has changed."""
        words = safe(f"{outlook.best.zone}: {_short(outlook.best)}")
        if words != self._said:
            self.clear()
            click.echo(f"{words}; the source is asked again by {when(again)}", err=True)
        self._said = words

    def tick(self, outlook: Outlook, again: datetime, now: datetime) -> None:
        """Show how long it still is until the source is asked again."""
        if self._terminal:
            start = outlook.decision.span.start if isinstance(outlook.decision, WaitUntil) else now
            job = f"start in {told(start - now)}, " if start > now else ""
            click.echo(f"\r\x1b[K{job}the source is asked again in {told(again - now)}", err=True, nl=False, color=True)

    def clear(self) -> None:
        """Leave a clean line behind."""
        if self._terminal:
            click.echo("\r\x1b[K", err=True, nl=False, color=True)
