from dataclasses import replace

import pytest
from budgets_made import YEAR_KG, advising, budget, changed, policy, request, rule
from conversions_made import conversion
from made import pairs

from greengate import budgeting
from greengate.accounts import Account, Note
from greengate.evidence import Class, Figure, Model, Provenance
from greengate.forecasts import Own, Standing
from greengate.ledger import book as books
from greengate.metrics import lookup

KG = 10**9
QUARTER = YEAR_KG / 4 * KG
ACCOUNT = Account("p/q", "team=nlp", "2026-Q4", "ugCO2e lifecycle")
EMPTY = changed().candidate.model_copy(update={"figures": {}})
NOTE = Note("a test", budgeting._instant(changed()), "why")


@pytest.fixture
def book(tmp_path):
    with books.opened(tmp_path / "book.db") as found:
        yield found


def drawn(book, **more):
    (one,) = budgeting.draw(request(**more), book)
    return one


def near(kilograms):
    return pytest.approx(kilograms * KG, rel=1e-3)


def test_a_change_draws_what_it_adds_for_the_rest_of_the_period(book):
    one = drawn(book)
    assert (one.outcome, one.period, one.scope) == ("granted", "2026-Q4", "team=nlp")
    assert one.asked == near(YEAR_KG * 92 / 365)
    assert (one.draws[0].before, one.draws[0].after) == pytest.approx((YEAR_KG * 1e3, 2 * YEAR_KG * 1e3))


def test_a_draw_can_be_worked_out_by_hand(book):
    part = drawn(book).draws[0]
    assert part.amount == pytest.approx((part.after - part.before) * part.years * 1e6, rel=1e-9)
    assert part.years == pytest.approx(92 / 365)


def test_what_is_merged_is_booked_for_the_whole_period_once(book):
    one, again = drawn(book), drawn(book, found=changed(after=9000.0))
    assert one.spent == again.spent == near(YEAR_KG * 92 / 365)
    assert book.status(ACCOUNT).balance.opened == one.spent


def test_a_new_model_opens_nothing_and_draws_all_of_its_use(book):
    one = drawn(book, found=changed(before=None), own=Own(new=True))
    assert (one.spent, one.asked) == (0, near(2 * YEAR_KG * 92 / 365))


def test_other_models_of_the_scope_count_with_their_accepted_figures(book):
    others = (
        Standing(Model(name="nlp/y", team="nlp"), {"deployment_carbon": YEAR_KG * 1e3}),
        Standing(Model(name="nlp/z", team="nlp"), None),
        Standing(Model(name="cv/x", team="vision"), {"deployment_carbon": 1e9}),
    )
    one = drawn(book, others=others)
    assert (one.spent, one.unknown) == (near(2 * YEAR_KG * 92 / 365), ("nlp/z",))


def test_two_changes_cannot_both_take_the_last_kilogram(book):
    tight = (policy(rule(budget("600 kgCO2e"))),)
    first = drawn(book, policies=tight)
    second = drawn(book, policies=tight, change="acme/shop#2", found=changed(name="nlp/y"))
    assert (first.outcome, second.outcome) == ("granted", "refused")
    assert second.holders == (f"acme/shop#1 ({YEAR_KG * 92 / 365:.4g} kgCO2e)",)
    assert second.spent + second.reserved + second.asked > second.maximum


def test_a_saving_asks_for_nothing_and_is_given_back_when_it_is_merged(book):
    one = drawn(book, found=changed(before=7200.0, after=3600.0))
    assert (one.outcome, one.asked) == ("granted", 0)
    book.consume("acme/shop#1", NOTE, budgeting.finals([one]))
    assert book.status(ACCOUNT).balance.consumed == pytest.approx(-YEAR_KG * 92 / 365 * KG, rel=1e-3)


def test_a_second_push_replaces_the_first(book):
    drawn(book)
    one = drawn(book, found=changed(after=5400.0))
    assert one.reserved == 0
    assert book.status(ACCOUNT).balance.reserved == one.asked == near(YEAR_KG / 2 * 92 / 365)


def test_without_a_change_nothing_is_reserved_or_booked(book):
    one = drawn(book, change="")
    assert (one.outcome, one.spent) == ("previewed", near(YEAR_KG * 92 / 365))
    assert book.accounts() == ()
    assert drawn(None, change="").spent == one.spent


def test_a_merged_change_draws_nothing_again(book):
    first = drawn(book)
    book.consume("acme/shop#1", NOTE)
    again = drawn(book)
    assert (again.outcome, again.booked, again.spent) == ("merged", first.asked, first.spent)


def test_an_unchanged_model_draws_exactly_nothing_whatever_was_measured(book):
    found = changed(after=3700.0)
    same = found.candidate.model_copy(update={"sha256": found.baseline.sha256})
    assert drawn(book, found=found.model_copy(update={"candidate": same})).asked == 0


def test_a_draw_goes_by_the_ratio_of_the_pairs(book):
    one = drawn(book, found=changed(after=3600.0, pairs=pairs(1.5)))
    assert one.asked == near(YEAR_KG * 0.5 * 92 / 365)


def test_what_was_merged_in_the_period_is_not_opened(book):
    drawn(book, found=changed(before=None), own=Own(new=True))
    book.consume("acme/shop#1", NOTE)
    drawn(book, change="acme/shop#2")
    assert book.status(ACCOUNT).balance.opened == 0


def test_where_the_baseline_is_not_what_is_merged_the_accepted_figure_counts(book):
    own = Own(paired=False, figures={"deployment_carbon": YEAR_KG * 1.5e3})
    one = drawn(book, own=own)
    assert (one.asked, one.spent) == (near(YEAR_KG * 0.5 * 92 / 365), near(YEAR_KG * 1.5 * 92 / 365))


def test_where_nobody_knows_what_is_merged_nothing_is_drawn(book):
    one = drawn(book, own=Own(paired=False, why="the baseline is another model than m.onnx on the base branch"))
    assert one.missing.startswith("the baseline is another model")


def test_more_traffic_that_a_change_declares_is_drawn(book):
    one = drawn(book, found=changed(after=3600.0), scales={"deployment_carbon": 3.0})
    assert one.asked == near(YEAR_KG * 2 * 92 / 365)


def test_a_basis_that_a_change_declares_is_not_mixed_in(book):
    assert drawn(book, basis="operational").missing.startswith("its emissions are operational")


def test_what_a_policy_lets_pass_over_the_maximum_is_held_all_the_same(book):
    asked = request(policies=(policy(rule(budget("1 kgCO2e"))),))
    (one,) = budgeting.insist(asked, budgeting.draw(asked, book), book)
    assert (one.outcome, book.status(ACCOUNT).balance.reserved) == ("insisted", one.asked)


def test_where_one_budget_refuses_nothing_is_held_of_another(book):
    checks = (rule(budget("100 kgCO2e")), replace(rule(budget(key="p/r")), id="r"))
    small, large = budgeting.draw(request(policies=(policy(*checks),)), book)
    assert (small.outcome, large.outcome) == ("refused", "withheld")
    assert book.held() == ()


def test_an_advisory_budget_refuses_nobody(book):
    (one,) = budgeting.draw(request(policies=(policy(advising(bound=budget("1 kgCO2e").bound)),)), book)
    assert (one.outcome, one.maximum) == ("granted", KG)


def test_the_tightest_of_several_policies_counts_for_one_account(book):
    policies = (policy(), policy(rule(budget("700 kgCO2e"))))
    assert drawn(book, policies=policies).maximum == 700 * KG


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (changed(voided="the machine drifted"), "the machine drifted"),
        (
            changed().model_copy(update={"candidate": changed().candidate.model_copy(update={"figures": {}})}),
            "no figure",
        ),
        (
            changed().model_copy(update={"baseline": changed().candidate.model_copy(update={"figures": {}})}),
            "baseline:",
        ),
    ],
)
def test_without_a_figure_nothing_is_drawn_and_it_says_why(found, why, book):
    one = drawn(book, found=found)
    assert why in one.missing
    assert book.held() == ()


def trained(run, grams=50e3, file="f00"):
    origin = Provenance(kind=Class.DECLARED, method=f"run {run}", source=f"emissions.csv sha256:{file}")
    return {"training_carbon": Figure.exact(grams, origin)}


def with_training(candidate, baseline=None, **more):
    found = changed(**more)
    side = found.candidate.model_copy(update={"figures": {**found.candidate.figures, **candidate}})
    other = found.baseline.model_copy(update={"figures": {**found.baseline.figures, **(baseline or {})}})
    return found.model_copy(update={"candidate": side, "baseline": other})


TRAINED = (policy(rule(budget(training=True))),)


def test_a_new_training_is_drawn_besides_the_deployment(book):
    one = drawn(book, policies=TRAINED, found=with_training(trained("aaa")))
    assert [(part.what, part.amount) for part in one.draws][1] == ("training", 50 * KG)
    assert one.asked == sum(part.amount for part in one.draws)


def test_the_training_of_the_baseline_is_not_drawn_again(book):
    one = drawn(book, policies=TRAINED, found=with_training(trained("aaa"), trained("aaa")))
    assert [part.what for part in one.draws] == ["deployment"]


def test_a_training_that_another_change_has_drawn_is_not_drawn_again(book):
    found = with_training(trained("aaa"))
    drawn(book, policies=TRAINED, found=found)
    book.consume("acme/shop#1", NOTE)
    one = drawn(book, policies=TRAINED, found=found, change="acme/shop#2")
    assert [part.what for part in one.draws] == ["deployment"]


def test_a_training_that_was_made_anew_replaces_the_one_that_was_asked_for(book):
    drawn(book, policies=TRAINED, found=with_training(trained("aaa")))
    one = drawn(book, policies=TRAINED, found=with_training(trained("bbb", 20e3)))
    assert book.status(ACCOUNT).balance.reserved == one.asked
    assert sum("training" in held.model and held.amount > 0 for held in book.held()) == 1


OF_PHASE = (policy(rule(budget(phase="final"), "training_carbon")),)


@pytest.mark.parametrize(("phase", "drawn_"), [("final", 1), ("tuning", 0)])
def test_a_budget_of_a_phase_draws_trainings_of_that_phase(phase, drawn_, book):
    one = drawn(book, policies=OF_PHASE, found=with_training(trained("aaa")), phase=phase)
    assert (len(one.draws), one.missing) == (drawn_, "")


def test_a_training_of_which_nobody_says_what_it_was_for_is_not_let_by_a_budget_of_a_phase(book):
    one = drawn(book, policies=OF_PHASE, found=with_training(trained("aaa")))
    assert one.missing.startswith("nobody says what the training was for")
    assert not drawn(book, policies=OF_PHASE, found=with_training(trained("aaa"), trained("aaa"))).missing


def test_a_budget_of_trainings_opens_nothing(book):
    policies = (policy(rule(budget(), "training_carbon")),)
    assert drawn(book, policies=policies, found=with_training(trained("aaa"))).spent == 0


@pytest.mark.parametrize(
    ("zone", "period"), [("UTC", "2026-Q3"), ("Pacific/Kiritimati", "2026-Q4"), ("America/New_York", "2026-Q3")]
)
def test_a_period_begins_at_midnight_of_the_budget_s_time_zone(zone, period, book):
    found = changed().model_copy(update={"taken_at": "2026-09-30T12:00:00Z"})
    assert drawn(book, policies=(policy(rule(budget(zone=zone))),), found=found).period == period


@pytest.mark.parametrize(
    ("metric", "unit", "limit"),
    [
        ("deployment_energy", "mJ", "9 MWh"),
        ("deployment_cost", "uEUR", "900 EUR"),
        ("deployment_carbon_market", "ugCO2e", "1 tCO2e"),
    ],
)
def test_energy_and_money_are_drawn_like_carbon(metric, unit, limit, book):
    check = budget(bound=lookup(metric).kind.parse(limit))
    assert drawn(book, policies=(policy(rule(check, metric)),)).unit.split()[0] == unit


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        ("average, operational, production", "its emissions are operational, and the budget adds up lifecycle ones"),
        ("average, lifecycle, consumption, CO2 only", "its emissions are lifecycle CO2 only, and"),
        ("", "its emissions are on a basis that nobody tells, and"),
    ],
)
def test_emissions_on_another_basis_are_not_added_up(basis, words, book):
    said = conversion(intensity=conversion().intensity.model_copy(update={"basis": basis}))
    one = drawn(book, found=changed().model_copy(update={"conversion": said}))
    assert one.missing.startswith(words)


def test_an_account_never_mixes_two_bases(book):
    drawn(book)
    said = conversion(intensity=conversion().intensity.model_copy(update={"basis": "average, operational, production"}))
    found = changed().model_copy(update={"conversion": said})
    one = drawn(book, found=found, policies=(policy(rule(budget(basis="operational"))),))
    words = "its account of 2026-Q4 is kept in ugCO2e lifecycle, and ugCO2e operational is asked: rename the budget"
    assert one.missing == words


def test_a_model_on_another_basis_is_not_in_the_sum(book):
    other = Standing(Model(name="nlp/y", team="nlp"), {"deployment_carbon": 1e6}, "operational")
    assert drawn(book, others=(other,)).unknown == ("nlp/y",)


def test_a_training_is_the_same_however_its_file_grows_and_whichever_model_names_it(book):
    drawn(book, policies=TRAINED, found=with_training(trained("aaa")))
    book.consume("acme/shop#1", NOTE)
    found = with_training(trained("aaa", file="f01"), name="nlp/y")
    one = drawn(book, policies=TRAINED, found=found, change="acme/shop#2")
    assert [part.what for part in one.draws] == ["deployment"]
