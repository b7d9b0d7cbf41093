"""The book of budgets held against a trivial one in memory, through whatever happens in any order."""

import tempfile
from pathlib import Path

import pytest
from book_made import ALL, MONEY, NLP, NOTE
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from greengate.accounts import Claim, Entry, Final, Kind
from greengate.balances import Granted, Merged, Refused
from greengate.ledger import book

ACCOUNTS = (NLP, ALL, MONEY)
accounts = st.sampled_from(ACCOUNTS)
changes = st.sampled_from(["acme/x#1", "acme/x#2", "acme/group/y!3"])
models = st.sampled_from(["m", "n"])
maxima = st.fixed_dictionaries({account: st.sampled_from([40, 60]) for account in ACCOUNTS})


def asked(amounts):
    return st.dictionaries(st.tuples(accounts, models), amounts, min_size=1, max_size=4)


class BookMachine(RuleBasedStateMachine):
    """Everything that can be done to a book, done to dictionaries too."""

    place = None

    def __init__(self):
        super().__init__()
        self.opened = book.opened(self.place())
        self.book = self.opened.__enter__()
        self.held, self.used, self.merged, self.sources = {}, dict.fromkeys(ACCOUNTS, 0), {}, {}

    def teardown(self):
        faults = self.book.verify()
        self.opened.__exit__(None, None, None)
        assert faults == ()

    @rule(change=changes, wanted=asked(st.integers(0, 45)), most=maxima, drop=st.booleans())
    def reserve(self, change, wanted, most, drop):
        claims = [Claim(account, model, amount, most[account]) for (account, model), amount in wanted.items()]
        answer = self.book.reserve(change, claims, NOTE, drop_elsewhere=drop)
        named = {model for _, model in wanted}
        if any((change, model) == (other, name) for _, other, name in self.merged for model in named):
            assert isinstance(answer, Merged)
            return
        for account, other, model in list(self.held):
            if other == change and ((account, model) in wanted or (drop and model in named)):
                del self.held[account, other, model]
        fits = all(self.fits(account, wanted, most[account]) for account, _ in wanted)
        assert isinstance(answer, Granted if fits else Refused)
        if fits:
            self.held |= {(account, change, model): amount for (account, model), amount in wanted.items()}

    def fits(self, account, wanted, most):
        more = sum(amount for (named, _), amount in wanted.items() if named == account)
        return more == 0 or self.used[account] + self.reserved(account) + more <= most

    def reserved(self, account):
        return sum(amount for (named, _, _), amount in self.held.items() if named == account)

    @rule(change=changes, model=models | st.just(""))
    def release(self, change, model):
        self.book.release(change, NOTE, model)
        for key in [key for key in self.held if key[1] == change and model in {"", key[2]}]:
            del self.held[key]

    @rule(change=changes, model=models | st.just(""), finals=st.just({}) | asked(st.integers(-20, 45)))
    def consume(self, change, model, finals):
        self.book.consume(change, NOTE, [Final(*key, amount) for key, amount in finals.items()], model)
        due = {key: amount for key, amount in self.held.items() if key[1] == change and model in {"", key[2]}}
        due |= {
            (account, change, name): amount for (account, name), amount in finals.items() if model in {"", name}
        }  # fmt: skip
        for key, amount in due.items():
            if key not in self.merged:
                self.merged[key] = amount
                self.used[key[0]] += amount
                self.held.pop(key, None)

    @rule(
        kind=st.sampled_from([Kind.OPEN, Kind.SPEND, Kind.ADJUST]),
        account=accounts,
        amount=st.integers(0, 9),
        source=st.sampled_from(["a", "b", "c"]),
    )
    def enter(self, kind, account, amount, source):
        signed = -amount if kind is Kind.ADJUST else amount
        (booked,) = self.book.enter([Entry(kind, account, signed, source)], NOTE)
        assert booked.fresh == ((kind, account, source) not in self.sources)
        if booked.fresh:
            self.used[account] += signed
        assert self.sources.setdefault((kind, account, source), signed) == booked.event.amount

    @precondition(lambda self: self.held)
    @rule()
    def rebuild(self):
        self.book.rebuild()

    @invariant()
    def both_books_say_the_same(self):
        for account in ACCOUNTS:
            status = self.book.status(account)
            assert (status.balance.spent, status.balance.reserved) == (self.used[account], self.reserved(account))
            assert {(account, one.change, one.model): one.amount for one in status.held} == {
                key: amount for key, amount in self.held.items() if key[0] == account
            }


@pytest.fixture
def sqlite_machine(tmp_path):
    BookMachine.place = staticmethod(lambda: str(Path(tempfile.mkdtemp(dir=tmp_path), "book.db")))
    return BookMachine


@pytest.fixture
def postgres_machine(postgres):
    BookMachine.place = staticmethod(postgres.schema)
    return BookMachine


def test_the_sqlite_book_is_what_a_dictionary_would_be(sqlite_machine):
    run_state_machine_as_test(sqlite_machine, settings=settings(max_examples=150, stateful_step_count=30))


def test_the_postgres_book_is_what_a_dictionary_would_be(postgres_machine):
    run_state_machine_as_test(postgres_machine, settings=settings(max_examples=50, stateful_step_count=25))
