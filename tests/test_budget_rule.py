import pytest
from budgets_made import budget, changed, policy, rule

from greengate import gate
from greengate.draws import Draw, Drawn
from greengate.evidence import Model
from greengate.policy import Enforce
from greengate.verdict import Outcome

KG = 10**9  # micrograms


def drawn(spent=0, reserved=0, asked=0, **more):
    """In kilograms, of a budget of 1,200 kg."""
    part = Draw(what="deployment", model="nlp/x", before=0, after=asked, years=1, amount=asked * KG)
    usual = {
        "budget": "p/q", "scope": "team=nlp", "period": "2026-Q4", "starts": "", "ends": "", "unit": "ugCO2e",
        "maximum": 1200 * KG, "spent": spent * KG, "reserved": reserved * KG, "asked": max(0, asked) * KG,
        "draws": (part,), "outcome": "granted",
    }  # fmt: skip
    return Drawn(**{**usual, **more})


def judged(of, policies=None, **more):
    found = changed(**more).model_copy(update={"budgets": (of,) if of else ()})
    return gate.judge(policies or [policy()], found).findings[0]


@pytest.mark.parametrize(
    ("of", "outcome"),
    [
        (drawn(800, 300, 100), Outcome.PASSED),
        (drawn(800, 300, 101, outcome="refused"), Outcome.FAILED),
        (drawn(800, 300, 101, outcome="previewed"), Outcome.FAILED),
        (drawn(800, 300, 100, outcome="previewed"), Outcome.PASSED),
        (drawn(2000, 0, 0), Outcome.PASSED),
        (drawn(2000, 0, -5), Outcome.PASSED),
        (drawn(2000, 0, 5, outcome="merged", booked=5 * KG), Outcome.PASSED),
        (drawn(2000, 0, 7, outcome="merged", booked=5 * KG), Outcome.PASSED),
        (drawn(2000, 0, 8, outcome="merged", booked=5 * KG), Outcome.INCONCLUSIVE),
        (drawn(missing="no meter"), Outcome.INCONCLUSIVE),
        (None, Outcome.INCONCLUSIVE),
    ],
)
def test_a_change_must_fit_into_what_is_left(of, outcome):
    assert judged(of).judged is outcome


def test_above_the_warning_level_it_warns():
    check = budget(warn_at=0.8)
    assert judged(drawn(800, 100, 60), [policy(rule(check))]).judged is Outcome.PASSED
    assert judged(drawn(800, 100, 61), [policy(rule(check))]).judged is Outcome.WARNED
    assert judged(drawn(1100, 0, 0), [policy(rule(check))]).judged is Outcome.PASSED


def test_a_finding_tells_all_figures():
    found = judged(drawn(800, 300, 150, outcome="refused", holders=("acme/shop#7 (300 kgCO2e)",)))
    assert found.kind == "budget"
    assert found.figure == "1.25 tCO2e with 150 kgCO2e of this change"
    assert found.limit == "max 1.2 tCO2e in 2026-Q4, team=nlp, lifecycle"
    assert found.margin == "104% of the budget, 50 kgCO2e over"
    assert found.counterfactual == "would pass if it asked for <= 100 kgCO2e"
    assert found.reason == (
        "spent 800 kgCO2e, reserved by other changes 300 kgCO2e; reserved by acme/shop#7 (300 kgCO2e)"
    )


def test_what_is_many_times_the_budget_is_told_in_times():
    assert judged(drawn(13200, 0, 0)).margin.startswith("11 times the budget, 12 tCO2e over")


def test_a_saving_is_told():
    assert judged(drawn(100, 0, -5)).figure == "100 kgCO2e with this change, which saves 5 kgCO2e"


def test_models_of_unknown_use_are_named():
    found = judged(drawn(1, unknown=("nlp/y", "nlp/z")))
    assert "not in it, as no accepted figure of them is known: nlp/y, nlp/z" in found.reason


def test_a_budget_of_others_says_nothing_of_a_model():
    other = changed(team="vision").model_copy(update={"budgets": (drawn(),)})
    assert [one.rule for one in gate.judge([policy()], other).findings] == ["any-rule"]


def test_an_advisory_budget_only_warns():
    found = judged(drawn(1200, 0, 1), [policy(rule(enforce=Enforce.ADVISORY))])
    assert (found.judged, found.outcome) == (Outcome.FAILED, Outcome.WARNED)


@pytest.mark.parametrize(
    ("per", "covered"),
    [
        ((), True),
        ((("team", "nlp"),), True),
        ((("team", "vision"),), False),
        ((("model", "nlp/*"),), True),
        ((("label tier", "prod"), ("team", "nlp")), True),
        ((("label tier", "test"),), False),
        ((("project", "acme/*"),), True),
        ((("project", "other"),), False),
    ],
)
def test_a_budget_covers_whom_it_names(per, covered):
    model = Model(name="nlp/x", team="nlp", labels={"tier": "prod"})
    assert budget(per=per).covers(model, "acme/shop") is covered


def test_a_draw_reads_back_from_json_to_the_unit():
    one = drawn(10**9 + 1, 3, 2)
    assert Drawn.model_validate_json(one.model_dump_json()) == one
    assert '"spent":"1000000001000000000"' in one.model_dump_json()
