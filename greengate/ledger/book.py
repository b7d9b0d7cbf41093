"""The book of budgets: what open changes hold of every budget and what is used up, never a unit more than the maximum.

Every method is one transaction, and safe to call again when its answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from greengate import ports
from greengate.accounts import Account, Claim, Entry, Final, Note, refuse_unknown_form
from greengate.balances import (
    Balance,
    Booked,
    Event,
    Figures,
    Granted,
    Held,
    Merged,
    Refused,
    Settled,
    Status,
    oldest_first,
)
from greengate.errors import BookError, UsageError
from greengate.ledger import book_audit, book_pages
from greengate.ledger import book_tables as sql
from greengate.ledger.book_file import BookFile
from greengate.ledger.book_pages import Execute, Keeper, Page, id_of
from greengate.ledger.places import Kind, in_database, no_psycopg

KIND = Kind(
    name="book of budgets",
    where="the book",
    error=BookError,
    elsewhere="point at a place that can be written to",
    locked="account",
    password="GREENGATE_BOOK_PASSWORD",  # noqa: S106 - the name of a variable
    page="docs/budgets.md",
)
_ELSEWHERE = "the change asks for other budgets now"
_REFUSED = "the change asked for {asked:,} {unit}, and {left:,} were left"


class Book:
    """The book in one place, as `ports.Book`; for one thread.

    Every method raises `BookError` when the book cannot be read, written or reached, `UsageError` for what cannot be
    written into it, and `PolicyError` where an account is kept in another unit than is asked for.
    """

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def reserve(
        self, change: str, claims: Sequence[Claim], note: Note, *, drop_elsewhere: bool = False
    ) -> Granted | Refused | Merged:
        """Reserve all that a change claims, or nothing.

        A claim replaces what the change held of that account for that model. A refusal lets that go too, so that a
        change that grew keeps no right to what it was before. The same claim again, still fitting, writes nothing.

        Args:
            change: Such as `owner/repo#12` or `group/project!12`.
            claims: One for an account and model; several models of one account share one maximum.
            note: Who asks, when and why.
            drop_elsewhere: Let go what these models of the change hold of all other accounts, of other periods say.
        """
        refuse_unknown_form(change)
        asked = _by_account(claims)
        models = {claim.model for claim in claims}
        with self.keeper.writing(change) as execute:
            merged = [event for event in book_pages.events(execute, sql.MERGED, change) if event.model in models]
            if merged:
                return Merged(tuple(merged))
            own = [
                one
                for one in book_pages.held(execute, sql.HELD_BY, change)
                if (one.account, one.model) in {(claim.account, claim.model) for claim in claims}
                or (drop_elsewhere and one.model in models)
            ]
            pages = self._locked(execute, {*asked, *(one.account for one in own)})
            figures = [_figures(pages[account], of, own) for account, of in asked.items()]
            if not all(one.fits for one in figures):
                _let_go(pages, own, note, next(one for one in figures if not one.fits))
                return Refused(tuple(_with_holders(execute, one, own) for one in figures))
            held = {(one.account, one.model): one for one in own}
            for claim in claims:
                earlier = held.pop((claim.account, claim.model), None)
                pages[claim.account].reserve(change, (claim.model, claim.amount, claim.max_amount), note, earlier)
            for one in held.values():
                pages[one.account].release(one, note, _ELSEWHERE)
        return Granted(tuple(figures))

    def release(self, change: str, note: Note, model: str = "") -> Settled:
        """Let go all that a closed change holds, or what it holds for one model; again, or unknown, it does nothing."""
        refuse_unknown_form(change)
        with self.keeper.writing(change) as execute:
            own = [one for one in book_pages.held(execute, sql.HELD_BY, change) if model in {"", one.model}]
            pages = self._locked(execute, {one.account for one in own})
            booked = [pages[one.account].release(one, note) for one in _in_order(own)]
            return Settled(tuple(booked), _merged(execute, change, model, booked))

    def consume(self, change: str, note: Note, finals: Sequence[Final] = (), model: str = "") -> Settled:
        """Turn all that a merged change holds, or what it holds for one model, into what is used.

        What was merged for an account and model before stays as it was booked then, whatever is given now: `adjust`
        corrects it. A change that holds nothing and comes without `finals` books nothing; with them it is booked
        though it was never reserved, since it was merged, even over the maximum.

        Args:
            change: Such as `owner/repo#12` or `group/project!12`.
            note: Who says so, when and why.
            finals: What it uses in the end, where that is not what it reserved.
            model: The only model to do it for; "" for all.
        """
        refuse_unknown_form(change)
        with self.keeper.writing(change) as execute:
            own = [one for one in book_pages.held(execute, sql.HELD_BY, change) if model in {"", one.model}]
            held = {(one.account, one.model): one for one in own}
            due = {key: one.amount for key, one in held.items()}
            due |= {(final.account, final.model): final.amount for final in finals if model in {"", final.model}}
            pages = self._locked(execute, {account for account, _ in due})
            done = {(event.account, event.model) for event in _merged(execute, change, model, ())}
            booked = [
                pages[account].consume(change, name, due[account, name], note, held.get((account, name)))
                for account, name in sorted(set(due) - done, key=lambda key: (id_of(key[0]), key[1]))
            ]
            return Settled(tuple(booked), _merged(execute, change, model, booked))

    def enter(self, entries: Sequence[Entry], note: Note) -> tuple[Booked, ...]:
        """Book what needs no reservation, all of it or nothing: it was used, even over the maximum.

        An entry of an account, kind and source that is booked already stays as it was booked then.

        Raises:
            UsageError: A true-up comes without a reason.
        """
        if not note.why and any(entry.kind == "adjust" for entry in entries):
            raise UsageError("the book", "a true-up needs a reason", "say why the account is adjusted")
        booked = []
        with self.keeper.writing() as execute:
            pages = self._locked(execute, {entry.account for entry in entries})
            for entry in entries:
                key = (id_of(entry.account), str(entry.kind), entry.source)
                known = book_pages.events(execute, sql.FROM_SOURCE, *key)
                event = known[0] if known else pages[entry.account].book(entry, note)
                booked.append(Booked(event, fresh=not known))
        return tuple(booked)

    def status(self, account: Account) -> Status:
        """Tell the state of an account: its sums and who holds what; one without events is empty."""
        with self.keeper.reading() as execute:
            balance = book_pages.balance_of(execute, account) or Balance()
            held = book_pages.held(execute, sql.HELD_OF, id_of(account))
        return Status(account, balance, oldest_first(held))

    def history(self, account: Account) -> tuple[Event, ...]:
        """List the events of an account in their order; replaying them gives every state that it was in."""
        with self.keeper.reading() as execute:
            return tuple(book_pages.events(execute, sql.EVENTS, id_of(account)))

    def accounts(self) -> tuple[Account, ...]:
        """List all accounts that have events, by budget, scope and period."""
        with self.keeper.reading() as execute:
            found = [Account(*row) for row in execute(sql.ACCOUNTS)]
        return tuple(sorted(found, key=lambda one: (one.budget, one.scope, one.period)))

    def held(self, change: str = "") -> tuple[Held, ...]:
        """List the open reservations of a change, or of all: those of changes that are closed long since, say."""
        with self.keeper.reading() as execute:
            values = (sql.HELD_BY, change) if change else (sql.HELD,)
            return oldest_first(book_pages.held(execute, *values))

    def verify(self) -> tuple[str, ...]:
        """Tell all that is wrong with the book, in words, account by account; nothing where it is sound.

        Every event is hashed again and must name the one before it; sums and reservations must follow from the events.
        """
        with self.keeper.reading() as execute:
            return tuple(book_audit.faults(execute))

    def rebuild(self) -> None:
        """Work out all sums and reservations from the events again.

        Raises:
            BookError: The events themselves are not sound.
        """
        with self.keeper.reading() as execute:
            known = [row[0] for row in execute(sql.ALL_ACCOUNTS)]
        for account_id in known:
            with self.keeper.writing() as execute:
                book_audit.rebuild(execute, account_id, self.keeper)

    def _locked(self, execute: Execute, accounts: set[Account]) -> dict[Account, Page]:
        return book_pages.locked(execute, accounts, self.keeper.for_update)


@contextmanager
def opened(place: str | Path, *, password: str = "", passfile: str = "", make: bool = True) -> Iterator[ports.Book]:
    """Open the book at a place for as long as the block lasts.

    Args:
        place: Path of an SQLite file, or the URL of a PostgreSQL database, `postgresql://user@host/database`.
        password: Password of the database's user, for a URL that has none; see `settings.book_access`.
        passfile: A file in the form of `.pgpass` that may have it; "" for the usual one.
        make: Whether a book is made where there is none.

    Raises:
        BookError: It cannot be opened, or something else is there.
        UsageError: There is none and none may be made, or it is the URL of something else.
        MissingExtra: It is in PostgreSQL, and psycopg is not installed.
    """
    keeper = _keeper(str(place), password, passfile, make=make)
    try:
        yield Book(keeper)
    finally:
        keeper.close()


def _keeper(place: str, password: str, passfile: str, *, make: bool) -> Keeper:
    if not in_database(place, KIND):
        if not make and not Path(place).is_file():
            raise UsageError(place, "there is no book of budgets here yet")
        return BookFile(Path(place), KIND)
    try:
        from greengate.ledger.book_server import BookServer  # noqa: PLC0415 - an optional part
        from greengate.ledger.postgres_server import PostgresServer  # noqa: PLC0415 - likewise
    except ImportError as missing:
        raise no_psycopg(KIND) from missing
    return BookServer(PostgresServer(place, password, passfile, KIND), KIND, make=make)


def _by_account(claims: Sequence[Claim]) -> dict[Account, list[Claim]]:
    asked: dict[Account, list[Claim]] = {}
    for claim in claims:
        asked.setdefault(claim.account, []).append(claim)
    for account, of in asked.items():
        if len({claim.model for claim in of}) < len(of) or len({claim.max_amount for claim in of}) > 1:
            raise ValueError(f"{account} is claimed twice for one model, or under two maxima")
    return asked


def _figures(page: Page, claims: Sequence[Claim], own: Sequence[Held]) -> Figures:
    mine = sum(one.amount for one in own if one.account == page.account)
    asked = sum(claim.amount for claim in claims)
    return Figures(
        page.account, claims[0].max_amount, page.balance.spent, page.balance.reserved - mine, asked
    )  # fmt: skip


def _let_go(pages: dict[Account, Page], own: Sequence[Held], note: Note, refused: Figures) -> None:
    why = _REFUSED.format(asked=refused.asked, unit=refused.account.unit, left=refused.left)
    for one in _in_order(own):
        pages[one.account].release(one, note, why)


def _with_holders(execute: Execute, figures: Figures, own: Sequence[Held]) -> Figures:
    if figures.fits:
        return figures
    holders = book_pages.largest_others(execute, figures.account, own)
    return Figures(
        figures.account, figures.max_amount, figures.spent, figures.reserved, figures.asked, holders
    )  # fmt: skip


def _in_order(own: Sequence[Held]) -> list[Held]:
    return sorted(own, key=lambda one: (id_of(one.account), one.model))


def _merged(execute: Execute, change: str, model: str, booked: Sequence[Event]) -> tuple[Event, ...]:
    fresh = {event.event_id for event in booked}
    return tuple(
        event
        for event in book_pages.events(execute, sql.MERGED, change)
        if model in {"", event.model} and event.event_id not in fresh
    )
