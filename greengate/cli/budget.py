"""`greengate budget`: what budgets have left, who holds what, and what becomes of a change's reservations."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from greengate import bookings, packs, purses, settings, settlements, settling, smallest_units
from greengate.accounts import Entry, Kind, Note
from greengate.balances import Event
from greengate.balances import Settled as BookSettled
from greengate.cli import sheet
from greengate.cli.budget_sheet import Told, account_of, draw
from greengate.cli.moments import in_words, moment
from greengate.errors import BookError, UsageError, nearest
from greengate.history import opened
from greengate.ledger import book as books
from greengate.ledger.places import at_hand, below
from greengate.metrics import Metric
from greengate.packs.project import load_project
from greengate.policy import Budget
from greengate.ports import Book
from greengate.quantities import NotAQuantity
from greengate.report import picture
from greengate.report.escaping import plain
from greengate.settings import book_access, from_environment
from greengate.settlements import CLOSED, MERGED, Wanted
from greengate.trees import WorkingTree

_project = click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file.")
_book = click.option("--book", metavar="FILE|URL", help="The book of budgets. Default: .greengate/book.db.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_by = click.option("--by", default="greengate budget", metavar="WHO", help="Who writes; a role rather than a person.")
_history = click.option("--history", "path", metavar="FILE|URL", help="The history, instead of the project's.")
_why = click.option("--why", default="", metavar="WORDS", help="Why, in words.")


@click.group(short_help="Tell what budgets have left, and settle what changes hold of them.")
def budget() -> None:
    """Tell what budgets have left, and settle what changes hold of them."""


@budget.command(short_help="Tell what the budgets of the project have left.")
@_project
@_book
@click.option("--at", metavar="TIME", help="The moment, such as 2026-11-21T10:00:00Z. Default: now.")
@click.option(
    "--picture", "drawing", type=click.Path(path_type=Path), metavar="FILE", help="Draw the burn-down: .svg or .png."
)
@click.option("--only", metavar="POLICY/BUDGET", help="Only this one.")
@_json
def status(  # noqa: PLR0913 - one argument an option
    *, project: str, book: str | None, at: str | None, drawing: Path | None, only: str | None, as_json: bool
) -> int:
    """Tell what the budgets of the project have left in their periods, and who holds what of them."""
    if drawing is not None:
        picture.refuse_unable(drawing)
    now = moment(at)
    wanted = _budgets(project, only)
    if drawing is not None and len(wanted) > 1:
        raise UsageError("--picture", "the project has several budgets", f"choose one: --only {wanted[0][0].key}")
    with _opened(project, book, make=False) as kept:
        told = [Told(check, metric, now, kept) for check, metric in wanted]
        if drawing is not None and told:
            draw(told[0], drawing)
    if as_json:
        click.echo(json.dumps([one.values() for one in told], indent=2, ensure_ascii=False))
        return 0
    for one in told:
        sheet.echo(
            f"{one.check.key}  {one.account.period}{f', {one.check.scope}' if one.check.per else ''}", one.rows()
        )
    return 0


@budget.command(short_help="List what happened to a budget, event by event.")
@click.argument("name", metavar="POLICY/BUDGET")
@_project
@_book
@click.option("--period", metavar="NAME", help="Such as 2026-Q4. Default: all.")
@_json
def history(*, name: str, project: str, book: str | None, period: str | None, as_json: bool) -> int:
    """List what happened to a budget, event by event."""
    with _opened(project, book, make=False) as kept:
        known = [one for one in kept.accounts() if one.budget == name]
        if not known:
            raise UsageError(
                name, "the book has no such budget", nearest(name, {one.budget for one in kept.accounts()})
            )
        accounts = [one for one in known if period in {None, one.period}]
        if not accounts:
            raise UsageError("--period", f"it has no `{period}`", nearest(str(period), {one.period for one in known}))
        events = [event for account in accounts for event in kept.history(account)]
    if as_json:
        click.echo(json.dumps([_event(event) for event in events], indent=2, ensure_ascii=False))
        return 0
    for event in events:
        what = plain(" ".join(part for part in (event.change, event.model or event.source, event.why) if part))
        amount = smallest_units.quantity(event.amount, event.account.unit).in_words()
        click.echo(f"{event.at:%Y-%m-%d %H:%M}  {event.account.period}  {event.kind:<8}{amount:>14}  {what}")
    return 0


@budget.command(short_help="Let go of what a closed change holds.")
@click.argument("change")
@_project
@_book
@_history
@_by
@_why
def release(  # noqa: PLR0913 - one argument an option
    *, change: str, project: str, book: str | None, path: str | None, by: str, why: str
) -> int:
    """Let go of all that a closed change holds; CHANGE is written like owner/repo#12 or group/project!12.

    The history, where it is at hand, is told of it too.
    """
    _refuse_absent(path)
    with _opened(project, book, make=False) as kept:
        settled = kept.release(change, Note(by, datetime.now(UTC), why or "the change was closed"))
    _write_down(project, path, settled, Wanted(CLOSED, change, at=in_words(datetime.now(UTC)), by=by))
    return _settled(change, settled, "let go", "it holds nothing of a budget")


@budget.command(short_help="Book what a merged change uses.")
@click.argument("change")
@_project
@_book
@_history
@click.option("--at", metavar="TIME", help="When it was merged. Default: now.")
@_by
@_why
def consume(  # noqa: PLR0913 - one argument an option
    *, change: str, project: str, book: str | None, path: str | None, at: str | None, by: str, why: str
) -> int:
    """Turn what a merged change holds into what is used; CHANGE is written like owner/repo#12 or group/project!12.

    What it uses is read from the newest entry of each of its models in the history, savings included, whatever its
    check said; without an entry it is what was reserved. What was checked in an earlier period is booked to this one.
    The history is told of the merge too.
    """
    now = moment(at)
    place = _place(project, path)
    records = []
    if path or at_hand(place):
        with opened(place, make=False) as kept_history:
            records = settling.entries_of(kept_history, change)
    budgets = {check.key: (check, metric) for check, metric in _budgets(project, None)}
    with _opened(project, book, make=False) as kept:
        finals = settling.finals(records, budgets, now, kept)
        settled = kept.consume(change, Note(by, datetime.now(UTC), why or "the change was merged"), finals)
    merged = Wanted(MERGED, change, at=in_words(min(now, datetime.now(UTC))), by=by)
    _write_down(project, path, settled, merged)
    return _settled(change, settled, "booked", "neither the book nor the history knows it here")


@budget.command(short_help="Book a true-up.")
@click.argument("name", metavar="POLICY/BUDGET")
@click.argument("amount", metavar="AMOUNT")
@_project
@_book
@click.option("--source", required=True, metavar="WORDS", help="What it comes from, such as an invoice; booked once.")
@click.option("--why", required=True, metavar="WORDS", help="Why, in words.")
@_history
@_by
@click.option("--at", metavar="TIME", help="A moment of the period that is meant. Default: now.")
def adjust(  # noqa: PLR0913 - one argument an option
    *,
    name: str,
    amount: str,
    project: str,
    book: str | None,
    path: str | None,
    source: str,
    why: str,
    by: str,
    at: str | None,
) -> int:
    """Book a true-up to a budget: what was used more, such as "12 kgCO2e", or less ("-12 kgCO2e"; after --)."""
    ((check, metric),) = _budgets(project, name)
    _refuse_absent(path)
    sign, size = (-1, amount[1:]) if amount.startswith("-") else (1, amount)
    if size[:1] in {"-", "+"}:
        raise UsageError("AMOUNT", f"found `{amount}`, expected one sign at most", f"such as `{metric.kind.example}`")
    try:
        units = sign * smallest_units.used(metric.kind.parse(size))
    except NotAQuantity as refused:
        raise UsageError("AMOUNT", str(refused), refused.hint) from refused
    account, _ = account_of(check, metric, moment(at))
    with _opened(project, book) as kept:
        (booked,) = kept.enter([Entry(Kind.ADJUST, account, units, source)], Note(by, datetime.now(UTC), why))
    _write_down(project, path, BookSettled((booked.event,), ()))
    told = smallest_units.quantity(booked.event.amount, account.unit)
    word = "adjusted" if booked.fresh else f"stands since `{plain(source)}` was booked"
    click.echo(f"{account}: {told} {word}")
    return 0


@budget.command(short_help="Write what the book says into the history.")
@_project
@_book
@_history
def record(*, project: str, book: str | None, path: str | None) -> int:
    """Write what the book says into the history, event by event; what stands there already is not written again.

    The gate, `consume`, `release` and `adjust` do so by themselves where the history is at hand.
    """
    with _opened(project, book, make=False) as kept:
        events = bookings.everything(kept)
    with opened(_place(project, path), make=False) as history:
        fresh = bookings.write(history, events)
    click.echo(f"{fresh} of {len(events)} events written; the history had the others")
    return 0


@budget.command(short_help="Work the book out again, and tell every difference.")
@_project
@_book
def verify(*, project: str, book: str | None) -> int:
    """Work the book out again from its events, and tell every difference.

    Exit code 0: it is sound; 4: it is not.
    """
    with _opened(project, book, make=False) as kept:
        faults = kept.verify()
        accounts = len(kept.accounts())
    if faults:
        raise BookError(book or str(purses.USUAL), "; ".join(faults), "restore a backup")
    click.echo(f"sound: {accounts} accounts")
    return 0


def _budgets(project: str, only: str | None) -> list[tuple[Budget, Metric]]:
    tree = WorkingTree(Path(project).parent)
    policies = packs.load(tree, load_project(tree, Path(project).name).policies)
    found: dict[str, tuple[Budget, Metric]] = {}
    also: dict[str, str] = {}
    for policy in policies:
        for check, metric in purses.budgets_of(policy):
            also |= {f"{policy.name}/{check.key.partition('/')[2]}": check.key}
            if check.key not in found or check.bound.amount < found[check.key][0].bound.amount:
                found[check.key] = (check, metric)
    only = also.get(only, only) if only else only
    if not found:
        hint = "`greengate policy new` and docs/budgets.md show how one is written"
        raise UsageError(project, "no policy of the project has budgets", hint)
    if only is not None and only not in found:
        raise UsageError(only, "no policy of the project has this budget", nearest(only, found))
    return [told for key, told in found.items() if only in {None, key}]


def _opened(project: str, book: str | None, *, make: bool = True) -> AbstractContextManager[Book]:
    place = book or from_environment()["book"] or str(Path(project).parent / purses.USUAL)
    access = book_access()
    return books.opened(place, password=access.password, passfile=access.passfile, make=make)


def _place(project: str, path: str | None) -> str:
    if named := path or from_environment()["history"]:
        return named
    tree = WorkingTree(Path(project).parent)
    return below(Path(project).parent, load_project(tree, Path(project).name).history)


def _refuse_absent(path: str | None) -> None:
    """Refuse a history that is named and not there, before anything is booked.

    Raises:
        UsageError: It is not there.
    """
    if path and not at_hand(path):
        raise UsageError(path, "there is no history here yet", "`greengate gate` writes one")


def _write_down(project: str, path: str | None, settled: BookSettled, wanted: Wanted | None = None) -> None:
    """Tell the history of what was booked, and of what became of a change; where none is at hand, nothing is told."""
    place = _place(project, path)
    if path or at_hand(place):
        with opened(place, make=False) as history:
            bookings.write(history, [*settled.merged, *settled.booked])
            if wanted is not None:
                settlements.settle(history, wanted)


def _settled(change: str, settled: BookSettled, word: str, nothing: str) -> int:
    for event in settled.booked:
        told = smallest_units.quantity(event.amount, event.account.unit)
        click.echo(f"{event.account}: {told} of {plain(event.model)} {word}")
    if not settled.booked:
        click.echo(f"{plain(change)}: {'it was merged already' if settled.merged else nothing}")
    return 0


def _event(event: Event) -> dict[str, Any]:
    return {
        "period": event.account.period,
        "scope": event.account.scope,
        "unit": event.account.unit,
        "seq": event.seq,
        "kind": str(event.kind),
        "amount": str(event.amount),
        "change": event.change,
        "model": event.model,
        "source": event.source,
        "by": event.by,
        "at": event.at.isoformat(),
        "why": event.why,
        "id": event.event_id,
    }
