"""What a quarter took, from the records of a ledger: what was in force when, and every figure of it."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quarter_made import GRID, PLAIN, Ledger, deployment, exact, machines, read, table, year

from greengate.conversion import Part
from greengate.esg import decimals
from greengate.esg.company import Assurer, Known, Said
from greengate.esg.instants import NotAnInstant, instant
from greengate.esg.leaves import NotALeaf
from greengate.ledger.canonical import encode
from greengate.periods import Calendar, zone
from greengate.records import (
    Activity,
    Amount,
    BudgetEvent,
    Delivered,
    External,
    ExternalLine,
    Override,
    Retirement,
    Short,
    SignedOff,
    WaiverGranted,
    Year,
)

EARLY, JULY, LATE = "2026-02-01T00:00:00Z", "2026-07-11T00:00:00Z", "2026-09-21T00:00:00Z"
Q3_S = 92 * 86400
Q3 = (instant("2026-07-01T00:00:00Z"), instant("2026-10-01T00:00:00Z"))
EMITTED = "emissions.scope_3_1_location"


def tonnes(seconds, rate=100):
    """What a model of so many ugCO2e a second emits, in tonnes as they are written."""
    return decimals.tonnes(seconds * rate)


def seconds(start, end):
    return int((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())


@pytest.fixture
def ledger():
    return Ledger()


# In force


def test_what_was_in_force_before_the_period_counts_from_its_start(ledger):
    ledger.decided(EARLY, in_force=True)
    assert ledger.value(EMITTED) == tonnes(Q3_S)


def test_a_decision_on_the_base_branch_counts_from_its_moment(ledger):
    ledger.decided(JULY, in_force=True)
    assert ledger.value(EMITTED) == tonnes(seconds(JULY, "2026-10-01T00:00:00Z"))


def test_a_change_counts_from_its_merge_by_its_newest_decision_whatever_that_concluded(ledger):
    ledger.decided(EARLY, change="a/b#1", converted={"candidate": year(location=PLAIN)})
    ledger.decided(EARLY, change="a/b#1", outcome="failed", converted={"candidate": year(location=PLAIN * 7)})
    ledger.settled(JULY, "a/b#1")
    assert ledger.value(EMITTED) == tonnes(seconds(JULY, "2026-10-01T00:00:00Z"), 7)


def test_what_a_settlement_names_counts_and_nothing_else_of_the_change(ledger):
    first = ledger.decided(EARLY, change="a/b#1", converted={"candidate": year(location=PLAIN)})
    ledger.decided(EARLY, change="a/b#1", converted={"candidate": year(location=PLAIN * 7)})
    ledger.settled(JULY, "a/b#1", decisions=(first,))
    assert ledger.value(EMITTED) == tonnes(seconds(JULY, "2026-10-01T00:00:00Z"), 1)


def test_a_decision_without_a_change_comes_into_force_where_a_settlement_names_it(ledger):
    entry = ledger.decided(EARLY)
    ledger.settled(JULY, "", decisions=(entry,))
    assert ledger.value(EMITTED) == tonnes(seconds(JULY, "2026-10-01T00:00:00Z"))


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_change_that_is_open_or_closed_emits_nothing(ledger, state):
    ledger.decided(EARLY, change="a/b#1")
    if state == "closed":
        ledger.settled(JULY, "a/b#1", "closed")
    missing = "nothing that the ledger knows was in force in this time"
    datum = ledger.report().datum(EMITTED)
    assert (datum.value, datum.missing) == (None, missing)


def test_a_change_is_merged_once(ledger):
    ledger.decided(EARLY, change="a/b#1")
    ledger.settled(JULY, "a/b#1")
    ledger.decided(JULY, change="a/b#1", converted={"candidate": year(location=PLAIN * 7)})
    ledger.settled(LATE, "a/b#1")
    assert ledger.value(EMITTED) == tonnes(seconds(JULY, "2026-10-01T00:00:00Z"))


def test_a_change_that_was_closed_and_is_merged_later_counts(ledger):
    ledger.decided(EARLY, change="a/b#1", outcome="failed")
    ledger.settled(EARLY, "a/b#1", "closed")
    ledger.settled(JULY, "a/b#1")
    report = ledger.report()
    assert report.datum(EMITTED).value == tonnes(seconds(JULY, "2026-10-01T00:00:00Z"))
    assert report.datum("avoided.blocked").value == "0"


def test_the_next_version_takes_the_place_of_the_one_before(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.decided(JULY, in_force=True, converted={"candidate": year(location=PLAIN)})
    told = 100 * seconds("2026-07-01T00:00:00Z", JULY) + seconds(JULY, "2026-10-01T00:00:00Z")
    assert ledger.value(EMITTED) == decimals.tonnes(told)


def test_a_retired_model_emits_no_more(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.add(Retirement(at=JULY, project="p", model="m", why="done"))
    assert ledger.value(EMITTED) == tonnes(seconds("2026-07-01T00:00:00Z", JULY))


@pytest.mark.parametrize("edge", ["", "sold"])
def test_what_a_quarter_compares_itself_with_is_what_that_one_told_of_itself(ledger, edge):
    for number, kind in enumerate(("cloud", "own", "edge", "service"), 1):
        said = {"conversion": deployment(kind, embodied=machines() if kind in ("cloud", "own") else None),
                "candidate": year(location=PLAIN * 10**number, embodied_ugco2e=exact(PLAIN * 3 * number))}  # fmt: skip
        ledger.decided(EARLY, kind, in_force=True, converted=said)
    before, now = (ledger.report(period, Said(edge=edge)) for period in ("2026-Q3", "2026-Q4"))
    told = [before.datum(f"emissions.total_{way}").value for way in ("location", "market")]
    rates = (10, 100, 10_000, 3, 12), (5, 50, 5_000, 3, 12)  # cloud, own, service; hardware of the cloud and service
    sold = (1000, 500) if edge else (0, 0)
    assert told == [tonnes(Q3_S, sum(some) + more) for some, more in zip(rates, sold, strict=True)]
    assert [now.datum(f"comparatives.previous_{way}").value for way in ("location", "market")] == told


@pytest.mark.parametrize(("begins", "told"), [("2026-07-01T00:00:00Z", "0"), ("2026-07-05T00:00:00Z", "1")])
def test_what_never_stood_for_an_instant_at_the_beginning_of_a_quarter_is_not_looked_up(ledger, begins, told):
    ledger.decided(EARLY, in_force=True)
    ledger.judged(begins, in_force=True, outcome="errored")
    ledger.decided(begins, in_force=True)
    assert ledger.value("quality.unusable") == told


@pytest.mark.parametrize(
    ("said", "instead", "problem"),
    [
        (b'"amount":"7","confidence":"1.0"', b'"amount":"7.5","confidence":"1.0"', "invalid literal for int"),
        (b'"amount":"7","confidence":"1.0"', b'"amount":7.0,"confidence":"1.0"', "Expected `int | str`, got `float`"),
        (b'"amount":"7","confidence":"1.0"', b'"amount":"7","confidence":"nan"', "a confidence of nan"),
        (b'"amount":"7","confidence":"1.0"', b'"amount":"7","confidence":"much"', "could not convert string to float"),
        (b'"amount":"7","confidence":"1.0"', b'"amount":"7","certainty":"1.0"', "unknown field `certainty`"),
        (b'"amount":"7",', b"", "missing required field `amount`"),
    ],
)
def test_a_year_that_cannot_be_read_is_told(ledger, said, instead, problem):
    ledger.decided(EARLY, in_force=True, converted={"candidate": year(energy=7)})
    ledger.entries = [(name, leaf.replace(said, instead)) for name, leaf in ledger.entries]
    with pytest.raises(NotALeaf, match=problem):
        ledger.report()


@pytest.mark.parametrize(
    "unusable", [{"conversion": None, "candidate": Year()}, {"candidate": Year(missing={"energy_mj": "no meter"})}]
)
def test_a_version_without_figures_leaves_the_earlier_one_in_force_and_is_told(ledger, unusable):
    ledger.decided(EARLY, in_force=True)
    ledger.decided(JULY, in_force=True, converted=unusable)
    ledger.judged(LATE, in_force=True, outcome="errored", problem="cannot be loaded")
    report = ledger.report()
    assert report.datum(EMITTED).value == tonnes(Q3_S)
    why = [
        "no deployment is declared" if "conversion" in unusable else "no meter",
        "its decision (errored) has no conversion",
    ]
    assert [row["why"] for row in table(report, "quality.unusable")] == why


def test_a_version_whose_conversion_is_gone_is_told(ledger):
    ledger.judged(EARLY, in_force=True, conversion="9" * 64)
    datum = ledger.report().datum("emissions.total_location")
    assert (datum.value, datum.missing) == (None, "in force without figures: its conversion is not in the ledger")
    ledger.decided(JULY, in_force=True)
    ledger.judged(LATE, in_force=True, conversion="9" * 64)
    (row,) = table(ledger.report(), "quality.unusable")
    assert row["why"] == "its conversion is not in the ledger"


def test_models_of_one_name_in_two_projects_are_two(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.decided(EARLY, in_force=True, project="q")
    assert (ledger.value("boundary.models"), ledger.value(EMITTED)) == ("2", tonnes(2 * Q3_S))


def test_a_period_without_a_version_in_force_says_so(ledger):
    ledger.decided(JULY, change="a/b#1")
    (boundary,) = [one for one in ledger.report().sections if one.id == "B"]
    assert boundary.statements[-1].startswith("No version of a model was in force in this period")


# Shares of a year


def test_a_stretch_over_new_year_is_cut_there_since_years_differ_in_length(ledger):
    ledger.decided("2027-11-01T00:00:00Z", in_force=True, converted={"candidate": year(location=366 * 365 * 86400)})
    told = ledger.value(EMITTED, "2027"), ledger.value(EMITTED, "2028-Q1")  # 2028 is a leap year
    assert told == (decimals.tonnes(61 * 366 * 86400), decimals.tonnes(91 * 365 * 86400))


@pytest.mark.parametrize(
    ("exact_", "rounded"), [(Fraction(1, 2), 1), (Fraction(3, 2), 2), (Fraction(5, 4), 1), (Fraction(-1, 2), 0)]
)
def test_halves_are_rounded_up(exact_, rounded):
    assert decimals.rounded(exact_) == rounded


@settings(max_examples=15)
@given(
    amounts=st.lists(st.integers(0, 10**15), min_size=1, max_size=4),
    offsets=st.lists(st.integers(0, 364 * 86_400_000_000), min_size=4, max_size=4),
)
def test_months_add_up_to_quarters_and_quarters_to_the_year(amounts, offsets):
    ledger = Ledger()
    for amount, offset in zip(amounts, offsets, strict=False):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=offset)
        ledger.decided(at.isoformat(), in_force=True, converted={"candidate": year(energy=amount, location=amount)})

    def units(period):
        account = ledger.account(period)
        return account.totals(account.start, account.end).location.amount

    quarters = [units(f"2026-Q{number}") for number in range(1, 5)]
    assert sum(quarters) == units("2026")
    assert [sum(units(f"2026-{month:02}") for month in range(first, first + 3)) for first in (1, 4, 7, 10)] == quarters


def test_months_of_a_fiscal_calendar_in_a_zone_begin_at_its_midnight(ledger):
    ledger.decided(EARLY, in_force=True)
    said = Said(calendar=Calendar(zone("Europe/Berlin"), 4))
    report = ledger.report("FY2026-04-Q3", said)
    assert (report.start, report.end) == ("2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z")
    assert report.datum(EMITTED).value == tonnes(92 * 86400 + 3600)


def test_a_period_that_is_not_over_counts_up_to_where_it_is_looked_at(ledger):
    ledger.decided(EARLY, in_force=True)
    assert ledger.value(EMITTED, until=JULY) == tonnes(seconds("2026-07-01T00:00:00Z", JULY))


def test_the_ends_of_intervals_are_shared_out_and_added_up(ledger):
    amount = exact(PLAIN * 100).model_copy(update={"low": PLAIN * 80, "high": PLAIN * 150, "confidence": 0.98})
    for model in "mn":
        ledger.decided(EARLY, model, in_force=True, converted={"candidate": year(location_ugco2e=amount)})
    datum = ledger.report().datum(EMITTED)
    assert (datum.low, datum.high, datum.confidence) == (tonnes(2 * Q3_S, 80), tonnes(2 * Q3_S, 150), None)
    assert datum.note == "the ends of the intervals are added up: figures of one runner share their coefficients"


def test_one_interval_keeps_its_confidence(ledger):
    amount = exact(PLAIN * 100).model_copy(update={"low": PLAIN * 80, "high": PLAIN * 150, "confidence": 0.98})
    ledger.decided(EARLY, in_force=True, converted={"candidate": year(location_ugco2e=amount)})
    assert ledger.report().datum(EMITTED).confidence == 0.98


# Conversions that take the place of others


def test_the_newest_conversion_of_a_chain_counts(ledger):
    ledger.decided(EARLY, in_force=True)
    first, measurement = ledger.entries[1][0], ledger.entries[0][0]
    second = superseded(ledger, first, measurement, 200)
    superseded(ledger, second, measurement, 300)
    assert ledger.value(EMITTED) == tonnes(Q3_S, 300)


def test_a_conversion_of_another_measurement_takes_no_place(ledger):
    ledger.decided(EARLY, in_force=True)
    superseded(ledger, ledger.entries[1][0], "8" * 64, 200)
    assert ledger.value(EMITTED) == tonnes(Q3_S)


def superseded(ledger, entry, measurement, rate):
    from greengate.records import Converted  # noqa: PLC0415 - beside its one use

    return ledger.add(
        Converted(
            at=LATE,
            measurement=measurement,
            supersedes=entry,
            conversion=deployment(),
            candidate=year(location=PLAIN * rate),
        )
    )


# Activity


def active(ledger, start="2026-07-01T00:00:00Z", end="2026-10-01T00:00:00Z", **rest):
    ledger.add(Activity(at=LATE, project="p", model="m", start=start, end=end, source="a meter", **rest))


def test_counted_inferences_scale_the_year(ledger):
    ledger.decided(EARLY, in_force=True)
    active(ledger, inferences=3 * Q3_S)
    assert (ledger.value("activity.inferences"), ledger.value(EMITTED)) == (str(3 * Q3_S), tonnes(Q3_S, 300))
    assert ledger.value("activity.counted") == "100"


def test_metered_energy_takes_the_place_of_what_was_modelled_and_goes_through_the_factors(ledger):
    ledger.decided(EARLY, in_force=True)
    active(ledger, it_energy_mj=Q3_S * 1000)  # x PUE 1.5, x 360 / 3600 ugCO2e a mJ, x 0.2 / 3600 uEUR a mJ
    assert (ledger.value("activity.energy"), ledger.value(EMITTED)) == (decimals.kwh(Q3_S * 1500), tonnes(Q3_S, 150))
    assert ledger.value("activity.cost") == decimals.money(Q3_S * 1500 // 18000)
    assert ledger.value("quality.class_metered") == "100"


def test_idle_energy_is_added(ledger):
    ledger.decided(EARLY, in_force=True)
    active(ledger, it_energy_mj=Q3_S * 1000, idle_energy_mj=Q3_S * 500)
    report = ledger.report()
    told = [report.datum(f"activity.{name}").value for name in ("energy", "it_energy", "idle_energy", "pue")]
    assert told == [*(decimals.kwh(Q3_S * amount) for amount in (2250, 1500, 750)), "1.5"]


def test_an_activity_counts_for_its_own_time_and_traffic_is_declared_outside(ledger):
    ledger.decided(EARLY, in_force=True)
    active(ledger, start="2026-06-01T00:00:00Z", end="2026-08-01T00:00:00Z", inferences=0)
    assert ledger.value(EMITTED) == tonnes(61 * 86400)


def test_of_activities_that_overlap_the_newest_entry_counts(ledger):
    ledger.decided(EARLY, in_force=True)
    active(ledger, inferences=5 * Q3_S)
    active(ledger, start="2026-08-01T00:00:00Z", end="2026-09-01T00:00:00Z", inferences=0)
    assert ledger.value("activity.inferences") == str(5 * 61 * 86400)


def test_counted_inferences_cannot_scale_a_year_without_traffic(ledger):
    ledger.decided(EARLY, in_force=True, converted={"conversion": deployment(inferences_per_year=0.0)})
    active(ledger, inferences=9)
    datum = ledger.report().datum(EMITTED)
    assert (datum.value, datum.missing) == (
        None, "inferences were counted, but the deployment declares no traffic to scale a year by (3 parts)",
    )  # fmt: skip


# Trainings


def test_a_training_counts_once_in_the_period_in_which_its_version_comes_into_force(ledger):
    figures = {"training_energy": read(3.6e6, "declared"), "training_carbon": read(500.0, "declared")}
    for at in (EARLY, JULY, LATE):
        ledger.decided(at, in_force=True, training="7" * 64, figures=figures)
    assert [ledger.value("emissions.training", period) for period in ("2026-Q1", "2026-Q3")] == ["0.0005", "0"]
    assert ledger.value("model.training_energy", "2026-Q1") == "0.001"


def test_a_training_without_figures_is_told_as_missing(ledger):
    ledger.decided(JULY, in_force=True, training="7" * 64)
    datum = ledger.report().datum("emissions.training")
    assert (datum.value, datum.missing) == (None, "its tracker tells no emissions")


# Scopes and bases


@pytest.mark.parametrize(
    ("kind", "said", "name"),
    [
        ("own", Said(), "scope_2_location"),
        ("cloud", Said(), "scope_3_1_location"),
        ("api", Said(), "scope_3_1_location"),
        ("edge", Said(edge="sold"), "scope_3_11"),
        ("edge", Said(), "edge"),
    ],
)
def test_electricity_is_booked_by_whose_machines_they_are(ledger, kind, said, name):
    ledger.decided(EARLY, in_force=True, converted={"conversion": deployment(kind)})
    report = ledger.report(said=said)
    assert report.datum(f"emissions.{name}").value == tonnes(Q3_S)
    assert report.datum("emissions.total_location").value == ("0" if name == "edge" else tonnes(Q3_S))


def test_the_share_of_the_providers_hardware_is_in_the_totals_and_that_of_own_hardware_is_not(ledger):
    for model, kind in (("m", "cloud"), ("n", "own")):
        converted = {
            "conversion": deployment(kind, embodied=machines()),
            "candidate": year(embodied_ugco2e=exact(PLAIN)),
        }
        ledger.decided(EARLY, model, in_force=True, converted=converted)
    report = ledger.report()
    assert report.datum("emissions.scope_3_1_embodied").value == tonnes(Q3_S, 1)
    assert report.datum("emissions.total_location").value == tonnes(Q3_S, 201)
    assert report.datum("emissions.scope_3_2").value is None


def test_two_bases_are_not_added_up(ledger):
    ledger.decided(EARLY, "m", in_force=True)
    other = GRID.model_copy(update={"basis": "average, operational, production"})
    ledger.decided(EARLY, "n", in_force=True, converted={"conversion": deployment(intensity=other)})
    report = ledger.report()
    assert report.datum("emissions.total_location").value is None
    assert [(row["basis"], row["location"]) for row in table(report, "emissions.by_basis")] == [
        ("lifecycle", tonnes(Q3_S)), ("operational", tonnes(Q3_S)),
    ]  # fmt: skip


def test_what_is_not_known_of_some_is_told_with_the_sum_of_the_others(ledger):
    ledger.decided(EARLY, "m", in_force=True)
    lacking = year(market_ugco2e=None, missing={"market_ugco2e": "no contracts are declared"})
    ledger.decided(EARLY, "n", in_force=True, converted={"candidate": lacking})
    datum = ledger.report().datum("emissions.scope_3_1_market")
    assert (datum.value, datum.note) == (
        tonnes(Q3_S, 50), "incomplete: not in the sum: no contracts are declared (3 parts)",
    )  # fmt: skip


def test_every_figure_has_a_value_or_says_why_not(ledger):
    ledger.decided(EARLY, in_force=True)
    report = ledger.report()
    data = [datum for section in report.sections for datum in section.data]
    assert [datum.id for datum in data if datum.value is None and not datum.missing] == []
    assert len({datum.id for datum in data}) == len(data)
    assert [section.id for section in report.sections] == list("ABCDEFGHIJKLMN")


def test_a_figure_names_the_entries_behind_it(ledger):
    ledger.decided(EARLY, in_force=True)
    datum = ledger.report().datum(EMITTED)
    assert (datum.entries, datum.of) == ((ledger.entries[1][0], ledger.entries[2][0]), 2)


def test_sci_is_of_a_thousand_inferences(ledger):
    converted = {"conversion": deployment(embodied=machines()), "candidate": year(embodied_ugco2e=exact(PLAIN * 20))}
    ledger.decided(EARLY, in_force=True, converted=converted)
    told = [ledger.value(f"intensity.sci{part}") for part in ("", "_operational", "_embodied")]
    assert told == ["0.12", "0.1", "0.02"]


def test_emissions_are_divided_by_the_revenue_that_the_company_tells(ledger):
    ledger.decided(EARLY, in_force=True, converted={"candidate": year(location=PLAIN * 10**6)})
    said = Said(revenue={"2026-Q3": "2000000"})
    assert ledger.value("intensity.revenue_location", said=said) == decimals.ratio(Q3_S * 10**6, 2 * 10**12)


def test_contracts_are_told_with_the_electricity_that_they_cover(ledger):
    contract = GRID.model_copy(update={"kind": "supplier", "id": "green-1", "value": "12"})
    market = (Part(share=0.75, factor=contract), Part(share=0.25, factor=GRID))
    ledger.decided(EARLY, in_force=True, converted={"conversion": deployment("own", market=market)})
    report = ledger.report()
    assert report.datum("instruments.covered").value == "75"
    assert [row["id"] for row in table(report, "instruments.used")] == ["DE", "green-1"]


def test_factors_that_changed_since_the_period_before_are_told(ledger):
    ledger.decided(EARLY, in_force=True)
    dearer = deployment(price=None, intensity=GRID.model_copy(update={"value": "400"}))
    ledger.decided(JULY, in_force=True, converted={"conversion": dearer})
    assert [row["kind"] for row in table(ledger.report(), "methodology.changes")] == ["intensity", "price"]


def test_known_models_without_figures_are_named(ledger):
    ledger.decided(EARLY, in_force=True)
    said = Said(models=(Known("m"), Known("m", "other"), Known("ghost")), assurer=Assurer("A", "limited"))
    report = ledger.report(said=said)
    assert report.datum("quality.coverage").value == "33.333333"
    assert [row["model"] for row in table(report, "quality.missing")] == ["m", "ghost"]


# Outcomes


def test_outcomes_are_counted_by_policy_and_only_in_the_period(ledger):
    policies = (("a", "1" * 64), ("b", "2" * 64))
    found = (Short(rule="a/cap", enforce="soft", judged="failed", outcome="failed"),)
    ledger.judged(EARLY, outcome="failed", findings=found, policies=policies)
    ledger.judged(JULY, outcome="failed", findings=found, policies=policies)
    ledger.judged(JULY, policies=policies)
    rows = table(ledger_with(ledger).report(), "gate.policies")
    assert [(row["policy"], row["decisions"], row["passed"], row["failed"]) for row in rows] == [
        ("a", "2", "1", "1"), ("b", "2", "2", "0"),
    ]  # fmt: skip


def ledger_with(ledger):
    ledger.decided(EARLY, "z", in_force=True)
    return ledger


def test_a_waiver_is_told_with_what_came_into_force_by_it(ledger):
    waiver = ledger.add(WaiverGranted(at=JULY, state="granted", waiver="W-1", rule="a/cap", why="w",
        expires="2026-12-31",
                                      granted_by="@acme/green", asked_by="person:" + "0" * 32))  # fmt: skip
    more = {"difference": Year(location_ugco2e=exact(4 * 10**12))}
    ledger.decided(JULY, change="a/b#1", outcome="waived", waivers=(waiver,), converted=more)
    ledger.settled(LATE, "a/b#1")
    (row,) = table(ledger.report(), "gate.waivers")
    assert (row["asked"], row["granted"], row["decisions"], row["versions"], row["more"]) == (
        "person:" + "0" * 32, "@acme/green", "1", "1", "4",
    )  # fmt: skip
    assert ledger.value("gate.waived_emissions") == "4"


def test_overrides_and_budgets_are_told(ledger):
    ledger_with(ledger).add(
        Override(at=JULY, decision="d", rule="a/cap", by="@acme/green", review="9", reviewed_at=JULY, commit="c")
    )
    for number, (event, amount) in enumerate((("open", 5 * 10**12), ("reserve", 2 * 10**12), ("consume", 10**12)), 1):
        ledger.add(BudgetEvent(at=JULY, event=event, budget="p/q", scope="", period="2026-Q3",
            unit="ugCO2e lifecycle", seq=number,
                               what="deployment", amount=amount, change="a/b#1" if number > 1 else "", model="m",
                               by="ci",
                               maximum=8 * 10**12 if event == "reserve" else None))  # fmt: skip
    report = ledger.report()
    assert [row["rule"] for row in table(report, "gate.overrides")] == ["a/cap"]
    (row,) = table(report, "gate.budgets")
    assert (row["maximum"], row["spent"], row["reserved"], row["left"]) == ("8", "6", "0", "2")


# What is not known is never 0


NO_DEPLOYMENT = {"conversion": None, "candidate": Year()}
WITHOUT = "in force without figures: no deployment is declared"


@pytest.mark.parametrize("name", ["activity.energy", "activity.energy_total", "activity.cost", EMITTED,
                                  "emissions.scope_2_market", "emissions.total_location",
                                  "emissions.total_market"])  # fmt: skip
def test_what_is_in_force_without_figures_makes_no_figure_0(ledger, name):
    ledger.decided(EARLY, in_force=True, converted=NO_DEPLOYMENT)
    datum = ledger.report().datum(name)
    assert (datum.value, datum.missing) == (None, WITHOUT)


def test_what_is_in_force_without_figures_makes_the_sum_of_the_others_incomplete(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.decided(EARLY, "other", in_force=True, converted=NO_DEPLOYMENT)
    datum = ledger.report().datum("emissions.total_location")
    assert (datum.value, datum.note.endswith(f"incomplete: not in the sum: {WITHOUT}")) == (tonnes(Q3_S), True)


def test_of_what_was_retired_before_the_period_nothing_is_missing(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.add(Retirement(at="2026-03-01T00:00:00Z", project="p", model="m", why="w"))
    assert ledger.value("emissions.total_location") == "0"


@pytest.mark.parametrize(("before", "after", "lacks"), [
    (EARLY, JULY, True), (EARLY, EARLY, False), (EARLY, LATE, True), (LATE, "2026-10-01T00:00:00Z", True),
    ("2026-09-30T23:59:59.999999Z", LATE, False), ("2026-10-01T00:00:00Z", EARLY, False),
])  # fmt: skip
def test_figures_are_missing_from_a_version_without_them_to_the_first_with_them(ledger, before, after, lacks):
    ledger.decided(before, in_force=True, converted=NO_DEPLOYMENT)
    ledger.decided(after, in_force=True)
    assert bool(ledger.account().lacking(*Q3).lacking) is lacks


def test_two_models_of_one_settlement_without_figures_are_two(ledger):
    for model in ("m", "n"):
        ledger.decided(EARLY, model, change="a/b#1", converted=NO_DEPLOYMENT)
    ledger.settled(JULY, "a/b#1")
    assert ledger.value("quality.unusable") == "2"


def test_a_total_says_from_when_on_anything_was_in_force(ledger):
    ledger.decided(JULY, in_force=True)
    told = "nothing that the ledger knows was in force before 2026-07-11"
    notes = [ledger.report().datum(name).note for name in ("activity.energy_total", "emissions.total_market")]
    assert [told in note for note in notes] == [True, True]


def test_a_total_says_that_hardware_is_not_known(ledger):
    ledger.decided(EARLY, in_force=True)
    told = "without the provider's hardware of 3 parts, which is not known"
    assert ledger.report().datum("emissions.total_location").note == told


def test_months_of_which_nothing_is_known_are_no_points(ledger):
    ledger.judged(EARLY)
    ledger.decided(JULY, in_force=True)
    (chart,) = [one for part in ledger.report().sections for one in part.charts if one.id == "trend.location"]
    assert [point.x for point in chart.series[0].points] == ["2026-07", "2026-08", "2026-09"]


def test_a_company_that_estimates_no_exclusions_has_none_of_0_percent(ledger):
    ledger.decided(EARLY, in_force=True)
    assert ledger.value("boundary.exclusions") is None


def test_counted_inferences_cannot_scale_a_year_of_declared_0(ledger):
    ledger.decided(EARLY, in_force=True, converted={"conversion": deployment(inferences_per_year=0.0)})
    active(ledger, inferences=5)
    assert ledger.report().datum("activity.energy").missing.startswith("inferences were counted, but the deployment")


# What somebody forgot is told


def test_changes_that_nobody_settled_are_told(ledger):
    for number in (1, 2, 3, 4):
        ledger.decided(EARLY, change=f"a/b#{number}")
    ledger.settled(JULY, "a/b#1")
    ledger.settled(JULY, "a/b#2", "closed")
    ledger.decided(JULY, change="a/b#4", in_force=True)
    datum = ledger.report().datum("quality.unsettled")
    assert (datum.value, datum.note[: len("a/b#3;")]) == ("1", "a/b#3;")


def test_a_closed_change_that_is_judged_again_is_open_again(ledger):
    ledger.decided(EARLY, change="a/b#1")
    ledger.settled(EARLY, "a/b#1", "closed")
    ledger.decided(JULY, change="a/b#1")
    assert ledger.value("quality.unsettled") == "1"


def test_a_change_that_is_judged_after_the_period_is_not_of_it(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.decided("2026-10-01T00:00:00Z", change="a/b#1")
    assert ledger.value("quality.unsettled") == "0"


def test_decisions_that_nothing_brings_into_force_are_told(ledger):
    ledger.decided(EARLY)
    ledger.decided(JULY)
    ledger.settled(LATE, "", decisions=(ledger.decided(LATE),))
    assert ledger.value("quality.loose") == "1"


@pytest.mark.parametrize(("model", "start", "idle"), [
    ("m", EARLY, "0"), ("m", "2026-09-01T00:00:00Z", "1"), ("n", EARLY, "1"),
])  # fmt: skip
def test_activity_of_what_was_not_in_force_is_told(ledger, model, start, idle):
    ledger.decided(start, model, in_force=True)
    active(ledger, end="2026-08-01T00:00:00Z", inferences=1)
    assert ledger.value("quality.unused_activity") == idle


@pytest.mark.parametrize(("since", "count"), [(EARLY, "1"), ("2026-08-01T00:00:00Z", "0")])
def test_a_file_under_two_names_at_once_is_told(ledger, since, count):
    ledger.decided(EARLY, "old", in_force=True)
    ledger.decided(since, "new", in_force=True)
    ledger.add(Retirement(at="2026-08-01T00:00:00Z", project="p", model="old", why="renamed"))
    assert ledger.value("quality.same_file") == count


# Comparatives


def test_a_period_that_is_not_over_is_held_against_nothing(ledger):
    ledger.decided(EARLY, in_force=True)
    note = ledger.report(until=JULY).datum("comparatives.previous_location").note
    assert note == "this period is not over: it is held against nothing yet"


def test_a_period_in_which_the_ledger_begins_is_held_against_nothing(ledger):
    ledger.decided("2026-06-29T00:00:00Z", in_force=True)
    note = ledger.report().datum("comparatives.previous_location").note
    assert note == "nothing that the ledger knows was in force before 2026-06-29"


def test_less_is_told_as_less(ledger):
    ledger.decided("2025-01-01T00:00:00Z", in_force=True)
    ledger.decided("2026-07-01T00:00:00Z", in_force=True, converted={"candidate": year(location=PLAIN)})
    note = ledger.report().datum("comparatives.previous_location").note
    assert note == "this period is 99% less"


# Sign-off


@pytest.fixture
def signed(ledger):
    ledger.decided(EARLY, in_force=True)
    for report in ("a" * 64, "b" * 64):
        ledger.add(Delivered(at=LATE, period="2026-Q3", view="as-reported", size=1, root="r", sha256=report,
                             status="closed"))  # fmt: skip
    ledger.add(SignedOff(at=LATE, period="2026-Q3", report="a" * 64, role="approved", by="cfo"))
    return ledger


def test_who_signed_an_earlier_report_does_not_stand_for_the_newest(signed):
    report = signed.report()
    told = "1 sign-off is of an earlier report, and does not stand for this one."
    (section,) = [one for one in report.sections if one.id == "L"]
    assert (report.datum("sign_off.approved").value, section.statements[-1]) == (None, told)


def test_who_signed_the_newest_report_stands_for_it(signed):
    signed.add(SignedOff(at=LATE, period="2026-Q3", report="b" * 64, role="approved", by="ceo"))
    assert signed.value("sign_off.approved") == "ceo"


# Reconciliation


def test_others_figures_stand_beside_own_ones_of_the_same_month_and_region(ledger):
    ledger.decided(EARLY, in_force=True)
    line = ExternalLine(start="2026-07-01T00:00:00Z", end="2026-08-01T00:00:00Z", service="EC2", region="eu-central-1",
                        location_ugco2e=31 * 86400 * 100 + 7)  # fmt: skip
    ledger.add(
        External(at=LATE, source="aws", name="f", digest="d", start=line.start, end=line.end, rows=1, lines=(line,))
    )
    (row,) = table(ledger.report(), "reconciliation.lines")
    assert (row["ours"], row["difference"]) == (tonnes(31 * 86400), "0.000000000007")


def others(start="2026-07-01T00:00:00Z", end="2026-08-01T00:00:00Z", amount=7, source="aws", **rest):
    """What somebody else says of a month: an account with one line."""
    line = ExternalLine(start=start, end=end, location_ugco2e=amount,
                        region=rest.pop("region", "eu-central-1"))  # fmt: skip
    given = {"at": LATE, "name": "f", "digest": "d", "rows": 1, "lines": (line,), **rest}
    return External(source=source, start=start, end=end, **given)


def reconciled(ledger, column, **rest):
    return [row[column] for row in table(ledger.report(**rest), "reconciliation.lines")]


def test_of_an_account_that_another_takes_the_place_of_the_shared_months_do_not_count(ledger):
    ledger.decided(EARLY, in_force=True)
    august = others("2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z", 5).lines
    old = ledger.add(others(lines=(*others().lines, *august), name="old"))
    ledger.add(others(amount=8, name="new", supersedes=(old,)))
    assert reconciled(ledger, "theirs") == [tonnes(8, 1), tonnes(5, 1)]


def test_an_account_takes_no_place_of_another_sources(ledger):
    ledger.decided(EARLY, in_force=True)
    old = ledger.add(others())
    ledger.add(others(amount=8, source="google", supersedes=(old,)))
    assert reconciled(ledger, "theirs") == [tonnes(7, 1), tonnes(8, 1)]


def test_lines_beside_the_ledger_are_read(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.bodies["b" * 64] = encode([others(amount=5, region="eu-west-1").lines[0].model_dump(mode="json")])
    ledger.add(others(body="b" * 64))
    assert reconciled(ledger, "theirs") == [tonnes(7, 1), tonnes(5, 1)]


def test_lines_beside_the_ledger_that_are_gone_are_told(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.add(others(body="b" * 64))
    told = "1 of them have lines beside the ledger that are not there any more"
    assert ledger.report().datum("reconciliation.accounts").note == told


def test_months_of_others_are_held_against_the_same_time_whatever_the_calendar(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.add(others())
    said = Said(calendar=Calendar(zone("Europe/Berlin"), 1), zone="Europe/Berlin")
    assert reconciled(ledger, "ours", said=said) == [tonnes(31 * 86400)]


def test_what_has_no_region_is_not_held_against_the_figures_of_regions(ledger):
    ledger.decided(EARLY, in_force=True)
    ledger.add(others(lines=(*others().lines, *others(region="").lines)))
    assert reconciled(ledger, "ours") == ["0", tonnes(31 * 86400)]


def test_a_region_is_found_by_the_name_that_people_read(ledger):
    ledger.decided(EARLY, in_force=True, converted={"conversion": deployment(region="azure/westeurope")})
    ledger.add(others(source="azure", region="West Europe"))
    assert reconciled(ledger, "ours") == [tonnes(31 * 86400)]


def test_what_a_tracker_says_is_held_against_trainings_too(ledger):
    trained = {"training_energy": read(2.0), "training_carbon": read(3.0)}
    ledger.decided(JULY, in_force=True, training="a" * 64, figures=trained)
    ledger.add(others(source="codecarbon", region="DE"))
    expected = seconds(JULY, "2026-08-01T00:00:00Z") * 100 + 3_000_000
    assert reconciled(ledger, "ours") == [decimals.tonnes(expected)]


# Words


@pytest.mark.parametrize("text", ["2026-07-01", "soon", "2026-07-01T00:00:00", ""])
def test_a_time_without_a_zone_is_none(text):
    with pytest.raises(NotAnInstant):
        instant(text)


@pytest.mark.parametrize(
    ("units", "written"),
    [
        (0, "0"),
        (1, "0.000000000001"),
        (10**12, "1"),
        (-15 * 10**11, "-1.5"),
        (10**30 + 1, "1000000000000000000.000000000001"),
    ],
)
def test_tonnes_are_written_exactly(units, written):
    assert decimals.tonnes(units) == written


@given(st.integers(0, 10**25))
def test_every_millijoule_is_told_apart_in_kilowatt_hours(amount):
    assert decimals.rounded(decimals.exact(decimals.kwh(amount)) * decimals.MJ_A_KWH) == amount


def test_charts_have_data_and_words(ledger):
    ledger.figures["quality.accuracy"] = read(0.9)
    ledger.decided(EARLY, in_force=True)
    charts = {chart.id: chart for section in ledger.report().sections for chart in section.charts}
    assert [point.x for point in charts["trend.location"].series[0].points] == [
        f"2026-{month:02}" for month in range(2, 10)
    ]
    assert charts["models.pareto.quality.accuracy"].words.endswith("on the front: p m.")
    assert charts["models.top"].series[0].points[0].y == tonnes(Q3_S)
    assert charts["gate.outcomes"].missing == "no decision lies in the period"


# Ratios


UNSURE = Amount(amount=PLAIN * 1000, low=PLAIN * 900, high=PLAIN * 1300, confidence=0.98)
RATIOS = {
    "energy of 1,000 inferences": ("activity.wh_per_1k", "activity.energy"),
    "operational SCI": ("intensity.sci_operational", EMITTED),
    "emissions by revenue": ("intensity.revenue_location", "emissions.total_location"),
    "the cost": ("activity.cost", "activity.energy"),
    "energy with trainings": ("activity.energy_total", "activity.energy"),
}


@pytest.mark.parametrize(("ratio", "above"), RATIOS.values(), ids=RATIOS)
def test_a_ratio_has_the_ends_and_the_entries_of_what_it_is_made_of(ledger, ratio, above):
    amounts = dict.fromkeys(("energy_mj", "location_ugco2e", "market_ugco2e", "cost_ueur"), UNSURE)
    ledger.decided(EARLY, in_force=True, converted={"candidate": year().model_copy(update=amounts)})
    report = ledger.report(said=Said(revenue={"2026-Q3": "2000000"}))
    found, of = report.datum(ratio), report.datum(above)
    ends = [decimals.exact(end) / decimals.exact(found.value) for end in (found.low, found.high)]
    assert [round(float(end), 6) for end in ends] == [0.9, 1.3]
    assert (found.confidence, found.of, found.digest) == (0.98, of.of, of.digest)


def test_what_deployments_state_of_their_electricity_is_told_of_how_many(ledger):
    for name, words in (("a", "no contract applies"), ("b", "")):
        said = deployment().model_copy(update={"statement": words})
        ledger.decided(EARLY, name, in_force=True, converted={"conversion": said})
    (section,) = (one for one in ledger.report().sections if one.id == "F")
    assert section.statements[0] == "Of 3 of 6 parts of the period it is stated: no contract applies."
