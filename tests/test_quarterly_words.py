"""How figures, dates and money are written: no more digits than are known, in the locale asked for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from greengate.errors import UsageError
from greengate.report.quarterly import dates
from greengate.report.quarterly.rounding import number, places, rounded
from greengate.report.quarterly.wording import Wording, locale_of, unit_words

WHOLE = some.decimals(-(10**9), 10**9, places=6)


def wording(word="en"):
    return Wording(locale_of(word))


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (("138944.2718", "kWh", "127828", "150059"), "139,000 kWh"),
        (("0.0010851", "gCO2e/1k", "0.00095", "0.0012"), "0.00109 gCO₂e/1k"),
        (("3.2", "kWh", "0.03", "400"), "3.2 kWh"),
        (("123456.789", "kWh", "123456.788", "123456.790"), "123,457 kWh"),
        (("12.5", "kWh", "12.4", "12.6"), "12.5 kWh"),
        (("12.3456", "kWh"), "12.35 kWh"),
        (("48211907113", "1"), "48,211,907,113"),
        (("1234567.891", "kWh"), "1,234,568 kWh"),
        (("0.00001234567", "kWh"), "0.00001235 kWh"),
        (("0", "kWh"), "0 kWh"),
        (("-3.25", "kWh"), "-3.25 kWh"),
        (("61.2", "%"), "61.2%"),
        (("31420.139", "EUR"), "€31,420.14"),
        (("31420.139", "EUR", "30000", "32000"), "€31,400"),
        (("0.00423", "EUR"), "€0.00423"),
        (("5", "EUR"), "€5.00"),
        (("12.4", "JPY"), "¥12"),
        (("Meridian Freight", ""), "Meridian Freight"),
        (("1e5", "kWh"), "1e5"),
        (("9" * 61, "kWh"), "9" * 61),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0][:12],
)  # fmt: skip
def test_a_figure_has_the_digits_that_its_interval_supports(figure, told):
    assert wording().figure(*figure) == told


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (("138944.2718", "kWh", "127828", "150059"), "128,000 to 150,000 kWh"),
        (("3.2", "kWh", "0.03", "400"), "0.03 to 400.0 kWh"),
        (("31420.1", "EUR", "30000", "32000"), "€30,000 to €32,000"),
        (("61.2", "%", "60.04", "62.8"), "60.0% to 62.8%"),
        (("some", "kWh", "few", "many"), "few to many"),
    ],
    ids=["as the figure", "never to nothing", "money", "percent", "words"],
)
def test_an_interval_has_as_many_places_as_its_figure(figure, told):
    assert wording().interval(*figure) == told


@pytest.mark.parametrize(
    ("word", "energy", "money", "share", "day"),
    [
        ("en", "1,234,567 kWh", "€31,420.14", "-11.0%", "Sep 30, 2026"),
        ("de", "1.234.567 kWh", "31.420,14 €", "-11,0 %", "30.09.2026"),
        ("de-CH", "1\u2019234\u2019567 kWh", "EUR 31\u2019420.14", "-11.0%", "30.09.2026"),
        ("fr_FR", "1 234 567 kWh", "31 420,14 €", "-11,0 %", "30 sept. 2026"),
        ("pt_BR", "1.234.567 kWh", "€ 31.420,14", "-11,0%", "30 de set. de 2026"),
        ("en_IN", "12,34,567 kWh", "€31,420.14", "-11.0%", "30 Sept 2026"),
    ],
)  # fmt: skip
def test_numbers_money_and_days_are_written_in_the_locale(word, energy, money, share, day):
    one = wording(word)
    told = [one.figure("1234567", "kWh"), one.figure("31420.139", "EUR"), *one.shares(["-0.11"])]
    told.append(dates.written("2026-09-30", one.locale))
    assert [" ".join(text.split()) for text in told] == [energy, money, share, day]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("de_XX", "did you mean `de`?"), ("pt-XX", "did you mean `pt`?"), ("en_EN", "did you mean `en`?"),
        ("", "for example `en`, `en_GB`, `de` or `pt_BR`"), ("../../etc", "for example `en`, `en_GB`, `de` or `pt_BR`"),
    ],
)  # fmt: skip
def test_an_unknown_locale_is_refused_with_the_nearest(word, hint):
    with pytest.raises(UsageError) as refused:
        locale_of(word)
    assert (refused.value.problem, refused.value.hint) == (f"`{word}` is no locale", hint)


def test_the_numbers_of_a_column_have_as_many_places_each():
    assert wording().amounts(["407.4", "0.025", "", "many", "-1"]) == ["407.400", "0.025", "", "many", "-1.000"]
    assert wording().amounts(["12", "7"]) == ["12", "7"]
    assert wording().amounts(["12.5", "0.3"], "EUR") == ["€12.50", "€0.30"]


def test_a_share_that_is_small_is_not_called_nothing():
    assert wording().shares(["0.25", "0.0001", "0", "-0.00042"]) == ["25.0%", "0.010%", "0.0%", "-0.042%"]


def test_units_are_written_as_people_do():
    assert [unit_words(unit) for unit in ("tCO2e", "kWh", "1", "")] == ["tCO₂e", "kWh", "", ""]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-07", "Jul 2026"),
        ("2026-09-30", "Sep 30, 2026"),
        ("2026-10-09T08:30:00Z", "Oct 9, 2026, 8:30:00 AM UTC"),
        ("2026-10-09T08:30:00+02:00", "Oct 9, 2026, 6:30:00 AM UTC"),
        ("2026-13", "2026-13"),
        ("2026-02-30", "2026-02-30"),
        ("To be decided", "To be decided"),
    ],
)
def test_days_and_instants_are_written_and_words_stay(text, told):
    assert " ".join(dates.written(text, locale_of("en")).split()) == told


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z", "July 1, 2026 to September 30, 2026 (UTC)"),
        (
            "2026-06-30T22:00:00Z",
            "2026-09-30T22:00:00Z",
            "Jun 30, 2026, 10:00:00 PM UTC to Sep 30, 2026, 10:00:00 PM UTC",
        ),
    ],
    ids=["days", "a zone's days"],
)
def test_a_period_is_told_by_its_days_where_it_has_whole_ones(start, end, told):
    assert " ".join(dates.span(start, end, locale_of("en")).split()) == told


@given(WHOLE, WHOLE, WHOLE)
def test_rounding_never_makes_a_nothing_of_something(amount, one, other):
    low, high = sorted((one, other))
    shown = rounded(amount, places(amount, low, high))
    assert bool(shown) == bool(amount)


@given(WHOLE)
def test_a_figure_without_an_interval_is_off_by_less_than_a_thousandth(amount):
    assert abs(rounded(amount, places(amount)) - amount) <= abs(amount) / 1000


@pytest.mark.parametrize("text", ["", "+1", "1.", ".5", "1e3", "NaN", "1,5", " 1", "1\n", "\u0661"])
def test_what_is_no_decimal_string_is_no_number(text):
    assert number(text) is None


def test_a_long_exact_number_is_read_exactly():
    assert number("0.1234567890123456789012345678901234567890") == Decimal("0.1234567890123456789012345678901234567890")
