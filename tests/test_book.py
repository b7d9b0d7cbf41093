"""What the book of budgets answers and keeps, on SQLite and on PostgreSQL alike."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from book_made import ALL, MONDAY, MONEY, NLP, NOTE, claim

from greengate.accounts import Account, Entry, Final, Kind, Note
from greengate.balances import Balance, Figures, Granted, Held, Merged, Refused, Status
from greengate.errors import BookError, PolicyError, UsageError
from greengate.ledger import book

ONE, TWO = "acme/shop#1", "acme/group/shop!2"


@pytest.fixture
def kept(place):
    with book.opened(place) as opened:
        yield opened
        assert opened.verify() == ()


def lines(kept, account=NLP):
    return [(str(event.kind), event.change or event.source, event.amount) for event in kept.history(account)]


def sums(kept, account=NLP):
    status = kept.status(account)
    return status.balance.spent, status.balance.reserved, status.left


def test_what_fits_is_granted_with_the_figures_of_that_moment(kept):
    kept.enter([Entry(Kind.OPEN, NLP, 30, "nlp/x")], NOTE)
    kept.reserve(TWO, [claim(20)], NOTE)
    answer = kept.reserve(ONE, [claim(50)], NOTE)
    assert answer == Granted((Figures(NLP, max_amount=100, spent=30, reserved=20, asked=50),))
    assert (answer.figures[0].left, answer.figures[0].short_by) == (50, 0)


def test_a_unit_too_many_is_refused_and_says_who_holds_what(kept):
    kept.reserve(TWO, [claim(60), claim(1, model="small")], NOTE)
    answer = kept.reserve(ONE, [claim(40)], NOTE)
    holders = (Held(NLP, TWO, "m", 60, 100, MONDAY), Held(NLP, TWO, "small", 1, 100, MONDAY))
    assert answer == Refused((Figures(NLP, 100, spent=0, reserved=61, asked=40, holders=holders),))
    assert (answer.short[0].left, answer.short[0].short_by) == (39, 1)
    assert lines(kept) == [("reserve", TWO, 60), ("reserve", TWO, 1)]


def test_asking_again_replaces_what_was_held_and_keeps_since_when(kept):
    kept.reserve(ONE, [claim(60)], NOTE)
    later = replace(NOTE, at=MONDAY + timedelta(hours=1))
    assert isinstance(kept.reserve(ONE, [claim(100)], later), Granted)
    assert kept.status(NLP).held == (Held(NLP, ONE, "m", 100, 100, MONDAY),)
    assert sums(kept) == (0, 100, 0)


def test_the_same_claim_again_writes_nothing(kept):
    first = kept.reserve(ONE, [claim(60)], NOTE)
    assert kept.reserve(ONE, [claim(60)], NOTE) == first
    assert lines(kept) == [("reserve", ONE, 60)]


def test_a_maximum_that_changed_is_written_down_and_counts(kept):
    kept.reserve(ONE, [claim(60)], NOTE)
    kept.reserve(ONE, [claim(60, most=80)], NOTE)
    assert [event.max_amount for event in kept.history(NLP)] == [100, 80]
    assert isinstance(kept.reserve(ONE, [claim(60, most=59)], NOTE), Refused)


def test_a_change_that_grew_too_much_keeps_no_right_to_what_it_was(kept):
    kept.reserve(ONE, [claim(60)], NOTE)
    assert isinstance(kept.reserve(ONE, [claim(101)], NOTE), Refused)
    assert kept.held() == ()
    assert kept.history(NLP)[-1].why == "the change asked for 101 ugCO2e, and 100 were left"


def test_who_asks_for_nothing_is_granted_it_by_an_overdrawn_account_too(kept):
    kept.enter([Entry(Kind.SPEND, NLP, 150, "training")], NOTE)
    assert isinstance(kept.reserve(ONE, [claim(1)], NOTE), Refused)
    assert kept.reserve(ONE, [claim(0)], NOTE) == Granted((Figures(NLP, 100, 150, 0, 0),))
    assert sums(kept) == (150, 0, -50)


def test_several_models_of_a_change_are_counted_together(kept):
    assert isinstance(kept.reserve(ONE, [claim(50), claim(51, model="n")], NOTE), Refused)
    assert isinstance(kept.reserve(ONE, [claim(50), claim(50, model="n")], NOTE), Granted)
    answer = kept.reserve(ONE, [claim(51)], NOTE)
    assert answer.short[0].holders == (Held(NLP, ONE, "n", 50, 100, MONDAY),)
    assert sums(kept) == (0, 50, 50)


def test_of_several_accounts_all_are_reserved_or_none(kept):
    kept.reserve(TWO, [claim(60, ALL)], NOTE)
    answer = kept.reserve(ONE, [claim(50, NLP), claim(50, ALL)], NOTE)
    assert [one.account for one in answer.short] == [ALL]
    assert [(one.fits, one.left) for one in answer.figures] == [(True, 100), (False, 40)]
    assert (kept.history(NLP), sums(kept, ALL)) == ((), (0, 60, 40))


def test_what_is_held_elsewhere_stays_unless_it_is_to_go(kept):
    old = replace(NLP, period="2026-Q3")
    kept.reserve(ONE, [claim(10, old), claim(10, old, model="n")], NOTE)
    kept.reserve(ONE, [claim(10, NLP)], NOTE)
    assert sums(kept, old) == (0, 20, 80)
    kept.reserve(ONE, [claim(10, NLP)], NOTE, drop_elsewhere=True)
    assert [one.model for one in kept.status(old).held] == ["n"]
    assert kept.history(old)[-1].why == "the change asks for other budgets now"


def test_a_refusal_takes_what_is_held_elsewhere_too_where_that_is_to_go(kept):
    kept.reserve(ONE, [claim(10, ALL)], NOTE)
    kept.reserve(ONE, [claim(101, NLP)], NOTE, drop_elsewhere=True)
    assert kept.held() == ()


def test_a_closed_change_lets_go_all_that_it_holds(kept):
    kept.reserve(ONE, [claim(10), claim(5, ALL, "n")], NOTE)
    booked = kept.release(ONE, NOTE).booked
    assert sorted(event.amount for event in booked) == [5, 10]
    assert (kept.held(ONE), sums(kept)) == ((), (0, 0, 100))


def test_one_model_of_a_change_can_let_go_alone(kept):
    kept.reserve(ONE, [claim(10), claim(5, model="n")], NOTE)
    kept.release(ONE, NOTE, model="n")
    assert [one.model for one in kept.held(ONE)] == ["m"]


def test_a_merged_change_has_used_what_it_reserved(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    assert [event.amount for event in kept.consume(ONE, NOTE).booked] == [10]
    assert (sums(kept), kept.held()) == ((10, 0, 90), ())


def test_a_merged_change_may_have_used_another_amount_in_the_end_or_saved_some(kept):
    kept.reserve(ONE, [claim(10), claim(0, ALL)], NOTE)
    kept.consume(ONE, NOTE, [Final(NLP, "m", 12), Final(ALL, "m", -7)])
    assert (sums(kept), sums(kept, ALL)) == ((12, 0, 88), (-7, 0, 107))


def test_one_model_of_a_change_can_be_merged_alone(kept):
    kept.reserve(ONE, [claim(10), claim(5, model="n")], NOTE)
    kept.consume(ONE, NOTE, [Final(NLP, "n", 7)], model="m")
    assert lines(kept)[2:] == [("consume", ONE, 10)]
    assert isinstance(kept.reserve(ONE, [claim(6, model="n")], NOTE), Granted)


def test_merging_twice_books_once_whatever_is_given_then(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    first = kept.consume(ONE, NOTE)
    again = kept.consume(ONE, NOTE, [Final(NLP, "m", 99)])
    assert (again.booked, again.merged) == ((), first.booked)
    assert lines(kept) == [("reserve", ONE, 10), ("consume", ONE, 10)]


def test_closing_a_merged_change_changes_nothing_and_tells_that_it_is_merged(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    merged = kept.consume(ONE, NOTE).booked
    settled = kept.release(ONE, NOTE)
    assert (settled.booked, settled.merged, sums(kept)) == ((), merged, (10, 0, 90))


def test_a_merged_change_that_is_checked_once_more_reserves_nothing(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    merged = kept.consume(ONE, NOTE).booked
    assert kept.reserve(ONE, [claim(10), claim(1, ALL)], NOTE) == Merged(merged)
    assert (sums(kept), kept.history(ALL)) == ((10, 0, 90), ())


def test_a_change_that_was_merged_without_a_reservation_is_booked_where_its_amount_is_given(kept):
    assert kept.consume(ONE, NOTE).booked == ()
    kept.consume(ONE, NOTE, [Final(NLP, "m", 120)])
    kept.consume(ONE, NOTE, [Final(NLP, "m", 120)])
    assert lines(kept) == [("consume", ONE, 120)]


def test_a_change_that_was_closed_and_opened_again_reserves_anew(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    kept.release(ONE, NOTE)
    later = replace(NOTE, at=MONDAY + timedelta(days=1))
    kept.reserve(ONE, [claim(10)], later)
    assert kept.held() == (Held(NLP, ONE, "m", 10, 100, later.at),)


@pytest.mark.parametrize("close", ["release", "consume"])
def test_a_change_that_the_book_does_not_know_does_nothing(kept, close):
    settled = getattr(kept, close)(ONE, NOTE)
    assert (settled.booked, settled.merged, kept.accounts()) == ((), (), ())


def test_an_entry_is_booked_once_for_its_source_and_kind(kept):
    entries = [Entry(kind, NLP, amount, "sha256:1") for kind, amount in ((Kind.SPEND, 5), (Kind.OPEN, 7))]
    assert [one.fresh for one in kept.enter(entries, NOTE)] == [True, True]
    again = kept.enter([Entry(Kind.SPEND, NLP, 6, "sha256:1")], NOTE)
    assert [(one.fresh, one.event.amount) for one in again] == [(False, 5)]
    assert sums(kept)[0] == 12


def test_one_source_twice_in_one_call_is_booked_once(kept):
    booked = kept.enter([Entry(Kind.SPEND, NLP, 5, "sha256:1")] * 2, NOTE)
    assert [one.fresh for one in booked] == [True, False]


def test_one_source_counts_in_every_account(kept):
    kept.enter([Entry(Kind.SPEND, account, 5, "sha256:1") for account in (ALL, NLP)], NOTE)
    assert (sums(kept)[0], sums(kept, ALL)[0]) == (5, 5)


def test_a_true_up_may_take_away_and_needs_a_reason(kept):
    entry = Entry(Kind.ADJUST, NLP, -5, "invoice 7")
    with pytest.raises(UsageError, match="a true-up needs a reason"):
        kept.enter([entry], Note("@acme/green", MONDAY))
    kept.enter([entry], Note("@acme/green", MONDAY, "the invoice says so"))
    assert sums(kept)[0] == -5
    assert [(event.by, event.at, event.why) for event in kept.history(NLP)] == [
        ("@acme/green", MONDAY, "the invoice says so")
    ]


def test_the_status_tells_every_sum(kept):
    kept.enter([Entry(kind, NLP, amount, "s") for kind, amount in ((Kind.OPEN, 1), (Kind.SPEND, 2))], NOTE)
    kept.enter([Entry(Kind.ADJUST, NLP, 4, "s")], NOTE)
    kept.reserve(ONE, [claim(8)], NOTE)
    kept.consume(ONE, NOTE)
    kept.reserve(TWO, [claim(16)], NOTE)
    head = kept.history(NLP)[-1].event_id
    balance = Balance(1, 8, 2, 4, 16, max_amount=100, events=6, head=head)
    assert kept.status(NLP) == Status(NLP, balance, (Held(NLP, TWO, "m", 16, 100, MONDAY),))
    assert kept.status(NLP).left == 69


def test_an_account_that_nothing_was_written_into_is_empty(kept):
    kept.reserve(ONE, [claim(101)], NOTE)
    assert kept.status(NLP) == Status(NLP, Balance(), ())
    assert (kept.status(NLP).left, kept.accounts()) == (None, ())


def test_accounts_are_listed_in_order(kept):
    for account in (MONEY, NLP, ALL):
        kept.reserve(ONE, [claim(1, account)], NOTE)
    assert kept.accounts() == (ALL, NLP, MONEY)


WRITTEN = (
    '{"_type":"urn:greengate:budget-event:v1","account":["prod/carbon","team=nlp","2026-Q4","ugCO2e"],"amount":"10",'
    '"at":"2026-11-16T09:00:00Z","by":"ci","change":"acme/shop#1","kind":"reserve","max":"100","model":"m",'
    '"previous":"","seq":1,"source":"","why":"a test"}'
)


def test_events_are_named_by_their_content_and_name_the_one_before(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    kept.release(ONE, NOTE)
    first, second = kept.history(NLP)
    assert first.event_id == hashlib.sha256(WRITTEN.encode()).hexdigest()
    assert (first.seq, second.seq, first.previous, second.previous) == (1, 2, "", first.event_id)


def test_an_account_keeps_its_unit(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    other = replace(NLP, unit="mJ")
    for asked in (lambda: kept.reserve(TWO, [claim(1, other)], NOTE), lambda: kept.status(other)):
        with pytest.raises(PolicyError) as caught:
            asked()
        assert str(caught.value) == (
            "prod/carbon team=nlp 2026-Q4: this account is kept in ugCO2e, and mJ was asked for\n"
            "  hint: give a budget of another quantity a name of its own"
        )
    assert lines(kept) == [("reserve", ONE, 10)]


def test_names_may_be_anything_that_can_be_written(kept):
    odd = Account("b'; DROP TABLE book_event; --", "modèle=%s?", "2026-Q4", "ugCO2e")
    kept.reserve(ONE, [claim(1, odd, model='"?%s"\\')], Note("ci", MONDAY, "100% 日本語"))
    assert [(one.account, one.model) for one in kept.held()] == [(odd, '"?%s"\\')]
    assert kept.history(odd)[0].why == "100% 日本語"


def test_the_largest_amounts_are_kept_and_no_sum_runs_over(kept):
    kept.enter([Entry(Kind.SPEND, NLP, 10**18, str(number)) for number in range(9)], NOTE)
    with pytest.raises(UsageError, match="its sum would be too large to be kept"):
        kept.enter([Entry(Kind.SPEND, NLP, 10**18, "ten")], NOTE)
    assert sums(kept)[0] == 9 * 10**18


def test_at_most_a_hundred_holders_are_named_and_all_are_counted(kept):
    for number in range(1, 104):
        kept.reserve(f"acme/x#{number}", [claim(number, most=6000)], NOTE)
    refused = kept.reserve(ONE, [claim(6000, most=6000)], NOTE).short[0]
    assert [one.amount for one in refused.holders] == list(range(103, 3, -1))
    assert refused.reserved == sum(range(1, 104))


@pytest.mark.parametrize(
    "claims",
    [[claim(1), claim(2)], [claim(1), claim(1, model="n", most=99)]],
    ids=["one model twice", "two maxima"],
)
def test_claims_that_contradict_one_another_are_a_bug_of_the_caller(kept, claims):
    with pytest.raises(ValueError, match="claimed twice for one model, or under two maxima"):
        kept.reserve(ONE, claims, NOTE)


def test_sums_and_reservations_are_worked_out_again_from_the_events(kept):
    kept.reserve(ONE, [claim(10)], NOTE)
    with kept.keeper.writing() as execute:
        execute("UPDATE book_account SET reserved = 3, head = 'x'")
        execute("DELETE FROM book_reservation")
    faults = kept.verify()
    kept.rebuild()
    assert [fault.partition(":")[0] for fault in faults] == ["prod/carbon team=nlp 2026-Q4"] * 2
    assert "3 reserved after 1 events, the last x, and its events add up to 0 spent and 10 reserved" in faults[0]
    assert faults[1].endswith("its open reservations do not follow from its events")
    assert sums(kept) == (0, 10, 90)


@pytest.mark.parametrize("statement", ["UPDATE book_event SET amount = 1", "DELETE FROM book_event"])
def test_the_database_itself_refuses_to_change_an_event(kept, statement):
    kept.reserve(ONE, [claim(10)], NOTE)
    with pytest.raises(BookError, match="events never"), kept.keeper.writing() as execute:
        execute(statement)


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("amount", 1, "event 2 was changed after it was written"),
        ("why", "'another'", "event 2 was changed after it was written"),
        ("seq", 9, "event 2 is missing"),
        ("kind", "'stolen'", "it cannot be read: 'stolen' is not a valid Kind"),
    ],
    ids=["an amount", "a reason", "its number", "what it is"],
)
def test_an_event_that_was_changed_behind_the_guards_is_found(place, column, value, fault):
    with book.opened(place) as kept:
        for change in (ONE, TWO, "acme/x#3"):
            kept.reserve(change, [claim(10)], NOTE)
        tamper(kept, f"UPDATE book_event SET {column} = {value} WHERE change_id = '{TWO}'")
        assert kept.verify()[0] == f"prod/carbon team=nlp 2026-Q4: {fault}"


def test_a_tail_that_was_cut_off_is_found_and_no_sum_is_worked_out_over_a_gap(place):
    with book.opened(place) as kept:
        for change in (ONE, TWO):
            kept.reserve(change, [claim(10)], NOTE)
        tamper(kept, f"DELETE FROM book_event WHERE change_id = '{TWO}'")
        assert "20 reserved after 2 events" in kept.verify()[0]
        tamper(kept, "UPDATE book_event SET seq = 2")
        with pytest.raises(BookError, match="2026-Q4: event 1 is missing\n  hint: restore a backup"):
            kept.rebuild()


def test_events_without_their_account_are_found(place):
    with book.opened(place) as kept:
        kept.reserve(ONE, [claim(10)], NOTE)
        with kept.keeper.writing() as execute:
            execute("DELETE FROM book_account")
        assert kept.verify()[0].startswith("an account is missing whose events or reservations are there: ")


def tamper(kept, statement):
    """Change what must not change, as somebody who owns the database could."""
    with kept.keeper.writing() as execute:
        if kept.keeper.for_update:
            execute("ALTER TABLE book_event DISABLE TRIGGER ALL")
            execute(statement)
            execute("ALTER TABLE book_event ENABLE TRIGGER ALL")
        else:
            for name in ("event_no_update", "event_no_delete"):
                execute(f"DROP TRIGGER IF EXISTS {name}")
            execute(statement)
