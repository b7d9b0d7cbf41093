"""Policy tests: given figures are judged, and what was expected and not found is shown with its place."""

import pytest
from packs_made import Files, pinned, policy

from greengate.errors import Place, Problems
from greengate.packs.proving import Mismatch, nearby, prove
from greengate.verdict import Outcome

LATENCY = "{id: latency, metric: latency_p95, max: 40 ms, enforce: hard}"
GROWTH = "{id: growth, metric: energy_per_1k_inferences, max_increase: 5%, enforce: soft}"
SHARP = "{id: sharp, metric: quality.accuracy, min: 90%, enforce: advisory}"
HEAD = "apiVersion: greengate/v1\nkind: PolicyTest\npolicy: demo.yaml\ncases:\n"
DEMO = policy([LATENCY, GROWTH, SHARP])
GIVEN = (
    "baseline: {energy_per_1k_inferences: 100 J}, "
    "candidate: {latency_p95: 20 ms, energy_per_1k_inferences: %s, quality.accuracy: 95%%}"
)
WAIVER = "{id: W-1, rule: demo/growth, ceiling: {max_increase: 30%}, expires: 2026-06-30, reason: r, granted_by: me}"


def cases(*lines):
    return HEAD + "".join(f"  - {{{line}}}\n" for line in lines)


def proved(*lines, demo=DEMO):
    return prove(Files({"demo.yaml": demo, "demo.test.yaml": cases(*lines)}), ["demo.test.yaml"])


def given(energy, rest, name="a"):
    return f"name: {name}, {GIVEN % energy}, {rest}"


def complaint(*lines, demo=DEMO):
    with pytest.raises(Problems) as told:
        proved(*lines, demo=demo)
    return str(told.value)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        pytest.param(given("105 J", "expect: passed"), "passed", id="at its tolerance"),
        pytest.param(given("106 J", "expect: failed"), "failed", id="above its tolerance"),
        pytest.param(
            given("{value: 104 J, low: 101 J, high: 107 J}", "expect: inconclusive"), "inconclusive", id="an interval"
        ),
        pytest.param(given("120 J", f"date: 2026-06-30, waivers: [{WAIVER}], expect: waived"), "waived", id="waived"),
        pytest.param(given("120 J", f"date: 2026-07-01, waivers: [{WAIVER}], expect: failed"), "failed", id="too late"),
        pytest.param(
            "name: a, candidate: {latency_p95: 20 ms}, expect: inconclusive", "inconclusive", id="no baseline"
        ),
    ],
)
def test_a_case_is_judged_by_its_figures(line, outcome):
    (result,) = proved(line)
    assert (result.policy, result.verdict.outcome, result.mismatches) == ("demo", outcome, ())


def test_the_waivers_of_a_case_have_been_granted_by_whichever_review_they_wait_for():
    line = f"date: 2026-06-30, waivers: [{WAIVER.replace('by: me', 'by: review')}], expect: waived"
    (result,) = proved(given("120 J", line), demo=DEMO.replace("{name: demo}", "{name: demo, owners: [green]}"))
    assert result.verdict.outcome is Outcome.WAIVED


def test_an_expectation_that_is_not_met_is_shown_with_its_line_and_the_reason():
    (result,) = proved(given("106 J", "expect: passed, findings: {latency: passed, growth: passed}"))
    assert [(one.rule, one.expected, one.found, one.place.line, one.reason) for one in result.mismatches] == [
        ("growth", "passed", Outcome.FAILED, 5, "growth: 106 J (+6.0%), max_increase 5%"),
        ("", "passed", Outcome.FAILED, 5, "growth: 106 J (+6.0%), max_increase 5%"),
    ]


def test_a_missing_figure_is_named_as_the_reason():
    (result,) = proved("name: a, candidate: {latency_p95: 20 ms}, expect: inconclusive, findings: {sharp: passed}")
    assert result.mismatches == (
        Mismatch(
            Place("demo.test.yaml", 5, 88, "cases[0].findings.sharp"),
            "sharp",
            "passed",
            Outcome.WARNED,
            "sharp: unavailable, min 90%, no figure for quality.accuracy in the evidence",
        ),
    )


def test_of_several_checks_of_a_rule_the_gravest_outcome_counts():
    demo = policy(["{id: both, metric: latency_p95, max: 40 ms, max_increase: 5%, enforce: soft}"])
    figures = "baseline: {latency_p95: 10 ms}, candidate: {latency_p95: 20 ms}"
    line = f"name: a, {figures}, expect: failed, findings: {{both: failed}}"
    assert proved(line, demo=demo)[0].mismatches == ()


@pytest.mark.parametrize(
    ("match", "model", "outcome"),
    [
        ('{models: ["nlp/*"], labels: {tier: prod}}', "", "passed"),
        ('{models: ["nlp/*"], labels: {tier: prod}}', "model: {name: nlp/x, labels: {tier: prod}}, ", "passed"),
        ('{models: ["nlp/*"], labels: {tier: prod}}', "model: {name: nlp/x}, ", "errored"),
        ("{branches: [main]}", "branch: main, ", "passed"),
        ("{branches: [main]}", "branch: dev, ", "errored"),
    ],
    ids=["made up", "given", "without its label", "on a branch", "on another branch"],
)
def test_a_case_is_about_a_model_that_the_policy_covers_unless_it_names_another(match, model, outcome):
    demo = policy([LATENCY], match=match)
    line = f"name: a, {model}candidate: {{latency_p95: 20 ms}}, expect: {outcome}"
    assert proved(line, demo=demo)[0].mismatches == ()


def test_waivers_that_lie_beside_the_policy_are_left_aside():
    demo = f"{DEMO}---\n{{apiVersion: greengate/v1, kind: Waiver, {WAIVER[1:]}\n"
    assert proved(given("120 J", "expect: failed"), demo=demo)[0].mismatches == ()


def test_the_figures_of_an_expression_may_be_given():
    pytest.importorskip("cel_expr_python")
    demo = policy(["{id: own, cel: candidate.quality.bleu > 30.0, message: too low, enforce: soft}"])
    line = "name: a, candidate: {quality.bleu: 31}, expect: passed"
    assert proved(line, demo=demo)[0].mismatches == ()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(
            "name: a, candidate: {latncy_p95: 20 ms}, expect: passed",
            "demo.test.yaml:5:27 (cases[0].candidate.latncy_p95): `latncy_p95` is no metric\n"
            "  hint: did you mean `latency_p95`?",
            id="unknown metric",
        ),
        pytest.param(
            "name: a, candidate: {quality.acuracy: 95%}, expect: passed",
            'demo.test.yaml:5:27 (cases[0].candidate["quality.acuracy"]): '
            "no rule of the policy `demo` reads the figure `quality.acuracy`\n  hint: did you mean `quality.accuracy`?",
            id="unknown quality figure",
        ),
        pytest.param(
            given("106 J", "expect: failed, findings: {grwth: failed}"),
            "demo.test.yaml:5:176 (cases[0].findings.grwth): the policy `demo` has no rule `grwth`\n"
            "  hint: did you mean `growth`?",
            id="unknown rule",
        ),
        pytest.param(
            "name: a, candidate: {latency_p95: 20}, expect: passed",
            "demo.test.yaml:5:40 (cases[0].candidate.latency_p95): `20` has no unit\n"
            "  hint: a duration is written like `40 ms`",
            id="no unit",
        ),
        pytest.param(
            "name: a, candidate: {flops_per_inference: 4 G}, expect: passed",
            "demo.test.yaml:5:48 (cases[0].candidate.flops_per_inference): `4 G` is a plain number, "
            "expected a number of FLOPs\n  hint: write it like `4 GFLOP`",
            id="FLOPs without a unit",
        ),
        pytest.param(
            "name: a, baseline: {}, candidate: {latency_p95: 20 ms}, expect: passed",
            "demo.test.yaml:5:25 (cases[0].baseline): the mapping is empty\n  hint: fill it, or leave the key out",
            id="a baseline without figures",
        ),
        pytest.param(
            "name: a, candidate: {latency_p95: {value: 20 ms, low: 30 ms, high: 40 ms}}, expect: passed",
            "demo.test.yaml:5:48 (cases[0].candidate.latency_p95.value): "
            "`20 ms` does not lie between `low` 30 ms and `high` 40 ms",
            id="a figure outside its interval",
        ),
        pytest.param(
            given("120 J", f"waivers: [{WAIVER}], expect: waived"),
            "demo.test.yaml:5:5 (cases[0]): `date` is missing: without it, the case would change its outcome when its "
            "waivers expire\n  hint: give the day of the judgement, such as `date: 2026-06-01`",
            id="waivers without a date",
        ),
        pytest.param(
            given("120 J", "date: 2026-02-30, expect: waived"),
            "demo.test.yaml:5:155 (cases[0].date): `2026-02-30` is no day of the calendar\n"
            "  hint: write it as `2026-12-31`",
            id="no such day",
        ),
        pytest.param(
            given("120 J", f"date: 2026-06-01, waivers: [{WAIVER.replace('growth', 'latency')}], expect: waived"),
            "the rule is hard, so that this waiver can never take effect; the rule is at demo.yaml:5:5 (rules[0])\n"
            "  hint: only soft and advisory rules can be waived",
            id="a waiver that could never take effect",
        ),
        pytest.param(
            "name: a, candidate: {latency_p95: 20 ms}, expect: pased",
            "demo.test.yaml:5:56 (cases[0].expect): found `pased`, expected `passed`, `warned`, `waived`, "
            "`inconclusive`, `errored` or `failed`\n  hint: did you mean `passed`?",
            id="no such outcome",
        ),
    ],
)
def test_a_case_is_refused_in_plain_words_for(line, told):
    assert told in complaint(line)


def test_a_finding_that_a_case_cannot_have_is_refused():
    demo = policy([LATENCY], match='{models: ["nlp/*"]}')
    line = "name: a, model: {name: cv/x}, candidate: {latency_p95: 20 ms}, expect: errored, findings: {latency: passed}"
    assert "the rule `latency` gives no finding: the policy does not cover `cv/x`" in complaint(line, demo=demo)


def test_two_cases_of_one_name_are_refused():
    line = "name: a, candidate: {latency_p95: 20 ms}, expect: inconclusive"
    assert "two cases are called `a`" in complaint(line, line)


def test_everything_wrong_with_several_cases_is_told_at_once():
    told = complaint(
        "name: a, candidate: {latency: 20 ms}, expect: passed", "name: b, candidate: {size: 20 ms}, expect: passed"
    )
    assert ("`latency` is no metric" in told, "`size` is no metric" in told) == (True, True)


def test_what_is_wrong_with_the_policy_under_test_is_told_in_its_own_place():
    told = complaint("name: a, candidate: {latency_p95: 20 ms}, expect: passed", demo=DEMO.replace("40 ms", "40"))
    assert told.startswith("demo.yaml:5:45 (rules[0].max): `40` has no unit")


def test_a_policy_under_test_that_is_not_there_is_told_where_it_is_named():
    with pytest.raises(Problems) as told:
        prove(
            Files({"p/demo.test.yaml": cases("name: a, candidate: {latency_p95: 1 s}, expect: failed")}),
            ["p/demo.test.yaml"],
        )
    assert str(told.value) == "p/demo.test.yaml:3:9 (policy): `demo.yaml`: no such file in working tree"


def test_a_file_of_two_policies_cannot_be_under_test():
    two = f"{DEMO}---\n{policy([LATENCY], name='other')}"
    told = complaint("name: a, candidate: {latency_p95: 1 s}, expect: failed", demo=two)
    assert told == (
        "demo.test.yaml:3:9 (policy): demo.yaml holds 2 policies, expected one to test\n  hint: give each a file"
    )


def test_a_test_that_leaves_the_project_is_refused():
    tests = cases("name: a, candidate: {latency_p95: 1 s}, expect: failed").replace("demo.yaml", "../../demo.yaml")
    with pytest.raises(Problems) as told:
        prove(Files({"p/t.test.yaml": tests}), ["p/t.test.yaml"])
    assert "p/t.test.yaml:3:9 (policy): `../../demo.yaml`" in str(told.value)


def test_the_tests_beside_a_policy_are_found_by_the_policy():
    tree = Files({"p/demo.yaml": DEMO, "p/demo.test.yaml": cases(given("105 J", "expect: passed"))})
    assert [result.case for result in prove(tree, ["p/demo.yaml"])] == ["a"]
    assert [result.case for result in prove(tree, ["p/*.yaml"])] == ["a"]


def test_a_policy_without_tests_is_an_error_and_no_silent_success():
    with pytest.raises(Problems) as told:
        prove(Files({"demo.yaml": DEMO}), ["demo.yaml"])
    assert str(told.value) == (
        "demo.yaml: no policy test is written here, nor beside it\n  hint: write its tests into demo.test.yaml"
    )


def test_a_policy_that_extends_another_is_tested_with_what_it_inherits():
    child = policy(name="child", extends=pinned("demo.yaml", DEMO))
    tests = cases(given("106 J", "expect: failed, findings: {growth: failed}")).replace("demo.yaml", "child.yaml")
    (result,) = prove(Files({"demo.yaml": DEMO, "child.yaml": child, "t.test.yaml": tests}), ["t.test.yaml"])
    assert (result.policy, result.mismatches) == ("child", ())


def test_the_tests_of_a_project_are_those_of_its_packs_and_beside_its_policies():
    tree = Files({"p/a.yaml": DEMO, "p/a.test.yaml": "", "q/b.test.yaml": ""})
    assert nearby(tree, ["starter", "p/a.yaml", "p/*.yaml"]) == ["starter", "p/a.test.yaml"]


OVERRIDDEN = DEMO.replace("metadata: {name: demo", 'metadata: {name: demo, owners: ["@olga", "@acme/green"]') + (
    "enforcement:\n  soft: {override: {approvals: 2, from: owners}}\n"
)


@pytest.mark.parametrize(
    ("owners", "outcome"),
    [('["@olga"]', "failed"), ('["@olga", "@acme/green"]', "waived"), ('["@acme/green", "@acme/green"]', "waived")],
    ids=["one", "two", "two of one team"],
)
def test_an_override_can_be_tried_out(owners, outcome):
    (result,) = proved(given("120 J", f"approvals: {owners}, expect: {outcome}"), demo=OVERRIDDEN)
    assert (result.verdict.outcome, result.mismatches) == (outcome, ())


def test_an_approval_by_nobody_who_owns_the_policy_is_a_mistake():
    words = "`@otto` is no owner of the policy `demo`, so that the approval would not count"
    assert words in complaint(given("120 J", 'approvals: ["@otto"], expect: waived'), demo=OVERRIDDEN)
