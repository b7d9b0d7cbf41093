"""What may be asked of the book of budgets, and how quantities are counted in it."""

from datetime import datetime

import pytest
from book_made import MONDAY, NLP
from hypothesis import given
from hypothesis import strategies as st

from greengate.accounts import Account, Claim, Entry, Final, Kind, Note, in_utc, refuse_unknown_form
from greengate.errors import UsageError
from greengate.quantities import Emissions, Energy, Money
from greengate.smallest_units import allowed, quantity, unit_of, used


@pytest.mark.parametrize("change", ["acme/shop#12", "acme/ml/vision/shop!7", "a.b-c_d/e#1", "über/straße#99"])
def test_the_id_of_a_change_names_its_repository(change):
    refuse_unknown_form(change)


@pytest.mark.parametrize("change", ["", "12", "#12", "shop#12", "acme/shop", "acme/shop#0", "acme/shop#1 ", "a b/c#1"])
def test_what_is_no_id_of_a_change_is_refused_with_how_one_is_written(change):
    with pytest.raises(UsageError) as caught:
        refuse_unknown_form(change)
    assert str(caught.value) == (
        f"the change: `{change}` is no id of one\n  hint: it is written like `owner/repo#12` or `group/project!12`"
    )


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Account("", "", "2026", "mJ"), "an account without a budget was asked for"),
        (lambda: Account("b", "a\0b", "2026", "mJ"), r"the scope of an account has a control character: 'a\\x00b'"),
        (lambda: Account("b", "\ud800", "2026", "mJ"), "the scope of an account has a control character"),
        (lambda: Account("b" * 501, "", "2026", "mJ"), "the budget of an account has 501 characters"),
        (lambda: Claim(NLP, "m", -1, 10), "what is asked of prod/carbon team=nlp 2026-Q4 is -1"),
        (lambda: Claim(NLP, "m", 10**18 + 1, 10), "is 1,000,000,000,000,000,001"),
        (lambda: Claim(NLP, "m", 1, -1), "the maximum of prod/carbon team=nlp 2026-Q4 is -1"),
        (lambda: Final(NLP, "m\n", 1), "the name of a model has a control character"),
        (lambda: Entry(Kind.SPEND, NLP, -1, "s"), "what is booked to prod/carbon team=nlp 2026-Q4 is -1"),
        (lambda: Entry(Kind.SPEND, NLP, 1, ""), "`spend` of `` is no entry"),
        (lambda: Entry(Kind.RESERVE, NLP, 1, "s"), "`reserve` of `s` is no entry"),
        (lambda: Note("", MONDAY), "nobody is named who writes"),
        (lambda: Note("ci", datetime.fromisoformat("2026-11-16")), "the time 2026-11-16T00:00:00 has no time zone"),
    ],
    ids=[
        "no budget", "a zero byte", "half a letter", "too long", "below zero", "too much", "a maximum below zero",
        "a line break", "spending less than nothing", "no source", "no entry", "nobody", "no time zone",
    ],
)  # fmt: skip
def test_what_cannot_be_written_down_is_refused(make, told):
    with pytest.raises(UsageError, match=told):
        make()


def test_an_account_is_told_in_words_and_an_instant_in_utc():
    assert str(NLP) == "prod/carbon team=nlp 2026-Q4"
    assert in_utc(datetime.fromisoformat("2026-11-16T10:00+01:00")) == "2026-11-16T09:00:00Z"


@pytest.mark.parametrize(
    ("text", "kind", "up", "down", "unit"),
    [
        ("1200 kgCO2e", Emissions, 1_200_000_000_000, 1_200_000_000_000, "ugCO2e"),
        ("0.07 gCO2e", Emissions, 70_000, 70_000, "ugCO2e"),
        ("0.1 ugCO2e", Emissions, 1, 0, "ugCO2e"),
        ("-0.1 ugCO2e", Emissions, 0, -1, "ugCO2e"),
        ("1 kWh", Energy, 3_600_000_000, 3_600_000_000, "mJ"),
        ("310.25 EUR", Money, 310_250_000, 310_250_000, "uEUR"),
    ],
)
def test_what_is_used_is_rounded_up_and_what_is_allowed_down(text, kind, up, down, unit):
    amount = kind.parse(text)
    assert (used(amount), allowed(amount), unit_of(kind)) == (up, down, unit)


@given(st.sampled_from([Emissions, Energy, Money]), st.integers(-(2**50), 2**50))
def test_whole_units_are_the_same_there_and_back(kind, amount):
    told = quantity(amount, unit_of(kind))
    assert isinstance(told, kind)
    assert allowed(told) <= amount <= used(told)
    assert used(told) - allowed(told) <= 1
