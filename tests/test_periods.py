"""Periods: where they begin and end in any time zone and fiscal year, and what they are called."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.periods import CIVIL, Calendar, Kind, NotAPeriod, Period, named, period_of, share, years, zone

# Clocks that jump over midnight or show it twice, that skip whole days, and offsets of odd minutes.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/Asuncion",
    "America/St_Johns", "Africa/Cairo", "Africa/Casablanca", "Asia/Beirut", "Asia/Kathmandu", "Asia/Gaza",
    "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia",
)  # fmt: skip
calendars = st.builds(Calendar, st.sampled_from(ZONES).map(zone), st.integers(1, 12))
kinds = st.sampled_from(Kind)
instants = st.datetimes(
    datetime.fromisoformat("1901-01-01"), datetime.fromisoformat("2200-01-01"), timezones=st.just(UTC)
)
BERLIN = Calendar(zone("Europe/Berlin"))
APRIL = Calendar(zone("Europe/Berlin"), 4)
TICK = timedelta(microseconds=1)


def at(text):
    return datetime.fromisoformat(text)


def refused(call, *given):
    with pytest.raises(NotAPeriod) as caught:
        call(*given)
    return str(caught.value), caught.value.hint


@given(kinds, instants, calendars)
def test_every_instant_lies_in_its_period_and_in_none_beside_it(kind, instant, calendar):
    period = period_of(kind, instant, calendar)
    before, after = (period_of(kind, other, calendar) for other in (period.start - TICK, period.end))
    assert [instant in one for one in (before, period, after)] == [False, True, False]


@given(kinds, instants, calendars)
def test_periods_follow_one_another_without_gap_or_overlap(kind, instant, calendar):
    period = period_of(kind, instant, calendar)
    assert period_of(kind, period.end, calendar).start == period.end
    assert period_of(kind, period.start - TICK, calendar).end == period.start
    assert period_of(kind, period.start, calendar) == period_of(kind, period.end - TICK, calendar) == period


@given(kinds, instants, calendars)
def test_a_period_begins_and_ends_within_two_hours_of_a_local_first_day(kind, instant, calendar):
    period = period_of(kind, instant, calendar)
    late = period.start.astimezone(calendar.zone) + timedelta(hours=2)
    assert (late.day, (late.month - calendar.first_month) % kind.months) == (1, 0)


@given(kinds, instants, calendars)
def test_the_parts_of_a_year_add_up_to_one(kind, instant, calendar):
    year = period_of(Kind.YEAR, instant, calendar)
    parts, start = [], year.start
    while start < year.end:
        part = period_of(kind, start, calendar)
        parts.append(years(part.start, part.end, calendar))
        start = part.end
    assert (len(parts), sum(parts), start) == (12 // kind.months, 1, year.end)


@given(instants, instants, instants, calendars)
def test_years_add_up(first, second, third, calendar):
    whole = years(first, third, calendar)
    assert years(first, second, calendar) + years(second, third, calendar) == whole == -years(third, first, calendar)


@given(kinds, instants, calendars)
def test_what_is_past_and_what_is_left_are_the_whole_period(kind, instant, calendar):
    period = period_of(kind, instant, calendar)
    past = Fraction((instant - period.start) // TICK, (period.end - period.start) // TICK)
    assert share(period, instant) + past == 1


@given(kinds, instants, calendars)
def test_a_name_leads_back_to_its_period(kind, instant, calendar):
    period = period_of(kind, instant, calendar)
    assert named(period.name, calendar) == period


@given(kinds, instants, calendars, calendars)
def test_periods_of_one_name_are_the_same_months_in_any_calendar(kind, instant, one, other):
    period = period_of(kind, instant, one)
    same = period_of(kind, instant, other)
    assert period.name != same.name or abs(period.start - same.start) < timedelta(hours=48)


@pytest.mark.parametrize(
    ("kind", "calendar", "name", "start", "end"),
    [
        (Kind.MONTH, CIVIL, "2026-11", "2026-11-01T00:00Z", "2026-12-01T00:00Z"),
        (Kind.QUARTER, CIVIL, "2026-Q4", "2026-10-01T00:00Z", "2027-01-01T00:00Z"),
        (Kind.YEAR, CIVIL, "2026", "2026-01-01T00:00Z", "2027-01-01T00:00Z"),
        (Kind.QUARTER, BERLIN, "2026-Q4", "2026-09-30T22:00Z", "2026-12-31T23:00Z"),
        (Kind.QUARTER, APRIL, "FY2026-04-Q3", "2026-09-30T22:00Z", "2026-12-31T23:00Z"),
        (Kind.YEAR, APRIL, "FY2026-04", "2026-03-31T22:00Z", "2027-03-31T22:00Z"),
    ],
    ids=["month", "quarter", "year", "quarter in Berlin", "fiscal quarter", "fiscal year"],
)
def test_a_period_has_a_name_and_its_instants_in_utc(kind, calendar, name, start, end):
    assert period_of(kind, at("2026-11-21T10:00Z"), calendar) == Period(kind, name, at(start), at(end))


@pytest.mark.parametrize(
    ("instant", "name"),
    [
        ("2026-03-31T21:59:59Z", "2026-Q1"),
        ("2026-03-31T22:00:00Z", "2026-Q2"),
        ("2026-04-01T00:30:00+02:00", "2026-Q2"),
        ("2026-12-31T22:59:59Z", "2026-Q4"),
        ("2026-12-31T23:00:00Z", "2027-Q1"),
    ],
)
def test_midnight_is_that_of_the_zone_in_summer_and_in_winter(instant, name):
    assert period_of(Kind.QUARTER, at(instant), BERLIN).name == name


@pytest.mark.parametrize(("month", "hours"), [("01", 2159), ("04", 2184), ("07", 2208), ("10", 2209)])
def test_quarters_have_the_hours_that_daylight_saving_leaves_them(month, hours):
    period = period_of(Kind.QUARTER, at(f"2026-{month}-15T00:00Z"), BERLIN)
    assert period.end - period.start == timedelta(hours=hours)


@pytest.mark.parametrize("name", ZONES)
def test_the_months_of_sixty_years_follow_one_another_with_every_jump_of_the_clocks(name):
    instant, calendar = at("1975-01-15T00:00Z"), Calendar(zone(name))
    while instant.year < 2035:
        month = period_of(Kind.MONTH, instant, calendar)
        assert period_of(Kind.MONTH, month.end - TICK, calendar) == month
        assert period_of(Kind.MONTH, month.end, calendar).start == month.end
        instant = month.end


def test_a_midnight_that_the_clocks_jump_over_is_the_moment_of_the_jump():
    october = period_of(Kind.MONTH, at("2017-10-15T00:00Z"), Calendar(zone("America/Asuncion")))
    assert (october.start, october.name) == (at("2017-10-01T04:00Z"), "2017-10")


def test_a_midnight_that_the_clocks_show_twice_is_the_first_of_them():
    november = period_of(Kind.MONTH, at("2026-11-15T00:00Z"), Calendar(zone("America/Havana")))
    assert november.start == at("2026-11-01T04:00Z")
    assert november.end - november.start == timedelta(days=30, hours=1)


def test_a_month_that_has_begun_has_begun_though_clocks_go_back_into_the_last_one():
    newfoundland = Calendar(zone("America/St_Johns"))
    instant = at("2009-11-01T02:31Z")
    assert instant.astimezone(newfoundland.zone).isoformat() == "2009-10-31T23:01:00-03:30"
    assert period_of(Kind.MONTH, instant, newfoundland).name == "2009-11"


class Leap(tzinfo):
    """Clocks that go from 23:30 on 31 March 2026 to 0:30 on 1 April."""

    def utcoffset(self, local):
        return timedelta(hours=local.replace(tzinfo=None) >= datetime.fromisoformat("2026-04-01T00:30"))

    def fromutc(self, instant):
        return instant + timedelta(hours=instant.replace(tzinfo=None) >= datetime.fromisoformat("2026-03-31T23:30"))


def test_a_month_that_has_not_begun_has_not_though_clocks_go_on_into_it():
    instant = at("2026-03-31T23:45Z")
    assert instant.astimezone(Leap()).isoformat() == "2026-04-01T00:45:00+01:00"
    assert period_of(Kind.MONTH, instant, Calendar(Leap())).name == "2026-03"
    assert period_of(Kind.MONTH, at("2026-04-01T00:00Z"), Calendar(Leap())).name == "2026-04"


def test_the_share_that_is_left_stays_within_0_and_1():
    november = named("2026-11")
    dates = ("2026-10-01T00:00Z", "2026-11-16T00:00Z", "2026-12-05T00:00Z")
    assert [share(november, at(date)) for date in dates] == [1, Fraction(1, 2), 0]


def test_a_quarter_is_the_part_of_the_year_that_its_days_are():
    quarter = named("2026-Q1")
    assert years(quarter.start, quarter.end) == Fraction(90, 365)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Europe/Berln", ("`Europe/Berln` is no time zone", "did you mean `Europe/Berlin`?")),
        ("europe/berlin", ("`europe/berlin` is no time zone", "did you mean `Europe/Berlin`?")),
        ("Kathmandu", ("`Kathmandu` is no time zone", "did you mean `Asia/Kathmandu`?")),
        ("localtime", ("`localtime` is no time zone", "it is written like `Europe/Berlin`")),
        ("../../etc/passwd", ("`../../etc/passwd` is no time zone", "it is written like `Europe/Berlin`")),
        ("", ("`` is no time zone", "it is written like `Europe/Berlin`")),
    ],
    ids=["misspelt", "in small letters", "a city", "another one everywhere", "a path", "nothing"],
)
def test_an_unknown_zone_is_refused_with_the_nearest_one(name, told):
    assert refused(zone, name) == told


def test_a_machine_without_time_zones_says_what_to_install(monkeypatch):
    monkeypatch.setattr("greengate.periods._zones", frozenset)
    assert refused(zone, "Europe/Berlin") == ("no time zones are installed here", "pip install tzdata")
    assert zone("UTC") is UTC


@pytest.mark.parametrize(
    ("instant", "told"),
    [
        (at("2026-11-21"), ("`2026-11-21 00:00:00` has no time zone", "write it like `2026-11-21T10:00:00Z`")),
        (datetime(1066, 10, 14, tzinfo=UTC), ("the year 1066 is too far away", "")),
        (datetime(9999, 12, 31, tzinfo=timezone(timedelta(hours=-12))), ("the year 9999 is too far away", "")),
    ],
    ids=["naive", "long ago", "the end of time"],
)
def test_an_instant_that_tells_no_period_is_refused(instant, told):
    assert refused(period_of, Kind.MONTH, instant) == told
    assert refused(share, named("2026"), instant) == told


@pytest.mark.parametrize("name", ["2026-Q5", "2026-13", "2026-00", "26", "FY2026-13", "2026-11-Q1", "", "١٩٩٩", "0000"])
def test_a_name_that_a_calendar_has_not_is_refused_with_those_that_it_has(name):
    written = "they are written like `2026-11`, `FY2026-04-Q3`, `FY2026-04`"
    assert refused(named, name, APRIL) == (f"`{name}` is no period", written)


@pytest.mark.parametrize(
    ("name", "calendar", "months"),
    [
        ("2026-Q3", APRIL, (1, 4)),
        ("2026", APRIL, (1, 4)),
        ("FY2026-05", APRIL, (5, 4)),
        ("FY2026-04-Q3", CIVIL, (4, 1)),
    ],
)
def test_a_name_of_another_calendar_tells_where_the_two_part(name, calendar, months):
    told = "`{}` is of years that begin in month {}; this calendar's begin in month {}"
    assert refused(named, name, calendar)[0] == told.format(name, *months)


@pytest.mark.parametrize("month", [0, 13, -1])
def test_a_fiscal_year_begins_with_a_month(month):
    assert refused(Calendar, UTC, month) == (f"`{month}` is no month", "months are numbered from 1 to 12")
