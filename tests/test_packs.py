"""Policy files in, policies out; and every mistake with its place, in words that can be acted on."""

import hashlib

import pytest
from bad_policies import BAD_DOCUMENTS, BAD_PARTS, BAD_RULES, BAD_WAIVERS, GOOD, LATENCY
from packs_made import POLICY, WAIVER, Files, complaint, load, policy

from greengate import packs, shipped
from greengate.betting import Stakes
from greengate.errors import MissingExtra, Problems
from greengate.evidence import QualityScale
from greengate.policy import Enforce, Limit, Match, Override, Plan, Tolerance
from greengate.quantities import Count, Duration, Energy, Points, Share


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch):
    """Shipped packs of our own, so that those in `policies/` may change."""
    (tmp_path / "starter.yaml").write_text(policy([LATENCY], name="starter"))
    (tmp_path / "starter.test.yaml").write_text("not a pack")
    monkeypatch.setattr("greengate.shipped.policies", lambda: tmp_path)


@pytest.mark.parametrize(("rule", "message"), BAD_RULES)
def test_a_rule_is_refused_in_plain_words_when(rule, message):
    assert complaint(policy([rule])) == message


@pytest.mark.parametrize(("parts", "message"), BAD_PARTS)
def test_a_policy_is_refused_in_plain_words_for(parts, message):
    assert complaint(policy([LATENCY], **parts)) == message


@pytest.mark.parametrize(("text", "message"), BAD_DOCUMENTS)
def test_a_file_is_refused_in_plain_words_for(text, message):
    assert complaint(text) == message


@pytest.mark.parametrize(("old", "new", "message"), BAD_WAIVERS)
def test_a_waiver_is_refused_in_plain_words_for(old, new, message):
    assert complaint(POLICY, WAIVER.replace(old, new)) == message


def test_the_rules_of_a_policy_become_checks_with_quantities():
    (found,) = load(POLICY)
    checks = {rule.id: rule.checks for rule in found.rules if rule.metric}
    assert checks == {
        "energy-cap": (Limit("max", Energy(850.0)),),
        "energy-regression": (Tolerance("max_increase", Share(0.05)),),
        "carbon-cap": (Limit("max", found.rules[2].metric.kind(120.0)),),
        "flops-growth": (Tolerance("max_increase", Share(0.15)),),
        "latency": (Limit("max", Duration(0.04)),),
        "size": (Limit("max", found.rules[5].metric.kind(500 * 2.0**20)),),
    }


def test_a_policy_keeps_what_it_says_beside_its_rules():
    (found,) = load(POLICY)
    assert found.match == Match(("nlp/*",), {"tier": "prod"}, ("main", "release/*"))
    assert found.plan == Plan(baseline="merge-base", evidence="measured", stakes=Stakes(0.01, 0.05))
    assert found.override == Override(approvals=1, whose="owners", not_author=True)
    assert found.owners == ("@acme/ml-platform", "@acme/green")
    assert (found.name, found.description) == ("prod-nlp", "What ships to production NLP")


def test_measurement_is_read_in_full():
    said = "{baseline: last-pass, comparable: [runner], confidence: 99%, false_fail: 2%, budget: 2 min, max_pairs: 9}"
    (found,) = load(policy([LATENCY], measurement=said))
    assert found.plan == Plan(
        baseline="last-pass", comparable=("runner",), stakes=Stakes(0.02, 0.01), budget_s=120.0, max_pairs=9
    )


@pytest.mark.parametrize("level", Enforce)
def test_a_rule_is_enforced_as_it_says(level):
    (found,) = load(GOOD.replace("soft", level))
    assert found.rules[0].enforce is level


def test_evidence_may_be_estimated_unless_said_otherwise():
    assert load(GOOD)[0].plan == Plan()


def test_a_trade_off_keeps_its_approval_gain_and_ceiling():
    unless = load(POLICY)[0].rules[3].unless
    assert (unless.approval, unless.gain.metric.name, unless.gain.side, unless.gain.delta, unless.ceiling) == (
        "accuracy-tradeoff",
        "quality.accuracy",
        "min_increase",
        Points(0.005),
        Share(0.4),
    )


def test_an_expression_is_compiled_and_its_names_are_known():
    condition = load(POLICY)[0].rules[6].checks[0]
    assert condition.expression.names == {"candidate.latency_p50", "baseline.latency_p50"}
    assert condition.expression.evaluate({"candidate.latency_p50": 0.03, "baseline.latency_p50": 0.02})


def test_an_expression_without_its_package_says_what_to_install(monkeypatch):
    def absent(*_):
        raise MissingExtra("", "rules with `cel:` need the package cel-expr-python", "pip install it")

    monkeypatch.setattr("greengate.cel.compile_expression", absent)
    with pytest.raises(Problems) as told:
        load(POLICY)
    assert (str(told.value), told.value.exit_code) == (
        "rules with `cel:` need the package cel-expr-python\n  hint: pip install it",
        2,
    )


def test_a_waiver_is_attached_to_the_policy_that_it_names():
    first, second = load(POLICY, GOOD, WAIVER)
    (waiver,) = first.waivers
    assert (waiver.rule, waiver.type, waiver.ceilings, waiver.expires, waiver.match.models, second.waivers) == (
        "prod-nlp/flops-growth",
        "accuracy-tradeoff",
        (Tolerance("max_increase", Share(0.28)),),
        "2026-12-31",
        ("nlp/summariser",),
        (),
    )


def test_a_policy_and_its_waivers_may_share_a_file():
    (found,) = load(POLICY + "---\n" + WAIVER)
    assert [waiver.id for waiver in found.waivers] == ["W-2026-014"]


def test_two_waivers_may_not_have_one_id():
    assert complaint(POLICY, WAIVER + "---\n" + WAIVER) == (
        "p1.yaml:14:5 (id): the waiver `W-2026-014` is given twice; first at p1.yaml:3:5 (id)\n"
        "  hint: rename one of them"
    )


def test_a_waiver_by_review_wants_owners_who_could_give_one():
    waiver = WAIVER.replace('"@acme/green"', "review")
    assert load(POLICY, waiver)[0].waivers[0].by_review
    nobody = POLICY.replace('owners: ["@acme/ml-platform", "@acme/green"], ', "")
    assert complaint(nobody, waiver) == (
        "p1.yaml:10:13 (granted_by): the policy `prod-nlp` names no owners, so that no review could ever grant it\n"
        "  hint: name its `owners`, or say who answers for the waiver"
    )


def test_a_rule_with_bounds_on_both_sides_is_waived_on_both():
    text = policy(["{id: a, metric: throughput, min: 10 /s, max_increase: 5%, enforce: soft}"])
    waiver = WAIVER.replace("prod-nlp/flops-growth", "demo/a")
    assert complaint(text, waiver) == (
        "p1.yaml:7:10 (ceiling): the ceiling does not say how far `min` may be broken\n  hint: give it `min`"
    )
    (found,) = load(text, waiver.replace("28%", "28%, min: 8 /s"))
    assert {str(ceiling) for ceiling in found.waivers[0].ceilings} == {"max_increase 28%", "min 8 /s"}


def test_a_floor_is_waived_downwards_only():
    text = policy(["{id: a, metric: quality.accuracy, min: 97%, enforce: soft}"])
    waiver = WAIVER.replace("prod-nlp/flops-growth", "demo/a").replace("max_increase: 28%", "min: 98%")
    assert complaint(text, waiver) == (
        "p1.yaml:7:16 (ceiling.min): the ceiling 98% is tighter than the rule's own `min 97%`, "
        "so that it would waive nothing\n  hint: the rule is at p.yaml:5:5 (rules[0])"
    )


def test_an_expired_waiver_is_a_warning_and_one_about_to_end_too():
    policies = load(POLICY, WAIVER)
    assert packs.warnings(policies, "2026-12-16") == []
    assert packs.warnings(policies, "2026-12-31") == [
        "p1.yaml:1:1: the waiver W-2026-014 for prod-nlp/flops-growth ends on 2026-12-31"
    ]
    assert packs.warnings(policies, "2027-01-01") == [
        "p1.yaml:1:1: the waiver W-2026-014 for prod-nlp/flops-growth expired on 2026-12-31"
    ]


def test_all_mistakes_of_all_files_are_told_at_once():
    files = {
        "a.yaml": policy(
            [
                "{id: a, metric: latency_p95, max: 40, enforce: soft}",
                "{id: b, metric: latency_p5, max: 4 ms, enforce: soft}",
            ],
            name="one",
        ),
        "b.yaml": policy(["{id: a, metric: latency_p95, max: 40 J, enforce: hrad}"], name="two", mach="{}"),
        "c.yaml": WAIVER.replace("2026-12-31", "soon").replace("prod-nlp/flops-growth", "one/a"),
        "d.yaml": "a: [",
    }
    with pytest.raises(Problems) as told:
        packs.load(Files(files), ["*.yaml", "e.yaml", "startr", "x/*.yaml"])
    assert [f"{problem.where.file}:{problem.where.line} {problem.where.path}" for problem in told.value.problems] == [
        ":0 ",
        "a.yaml:5 rules[0].max",
        "a.yaml:6 rules[1].metric",
        "b.yaml:4 mach",
        "b.yaml:6 rules[0].max",
        "b.yaml:6 rules[0].enforce",
        "c.yaml:8 expires",
        "d.yaml:1 ",
        "e.yaml:0 ",
        "x/*.yaml:0 ",
    ]


def test_nothing_is_read_twice_when_paths_overlap():
    files = Files({"policies/a.yaml": GOOD})
    assert [found.name for found in packs.load(files, ["policies/*.yaml", "./policies/a.yaml"])] == ["demo"]


def test_a_shipped_pack_is_named_without_an_ending():
    (found,) = packs.load(Files({}), ["starter"])
    assert (found.name, found.rules[0].place.file) == ("starter", "shipped/starter.yaml")


def test_the_nearest_shipped_pack_is_named():
    with pytest.raises(Problems, match=r"no shipped pack is called `startr`\n  hint: did you mean `starter`\?"):
        packs.load(Files({}), ["startr"])


def test_the_nearest_file_is_named():
    with pytest.raises(Problems, match=r"prod.yml: no such file in working tree\n  hint: did you mean `prod.yaml`\?"):
        packs.load(Files({"prod.yaml": GOOD}), ["prod.yml"])


def test_paths_without_any_policy_are_refused():
    tests = (
        "apiVersion: greengate/v1\nkind: PolicyTest\npolicy: x\ncases: [{name: c, candidate: {a: 1}, expect: passed}]\n"
    )
    assert complaint(tests) == "p.yaml: no policy is written here\n  hint: name a shipped pack, such as `starter`"


def test_a_policy_test_is_checked_where_it_is_found():
    tests = "apiVersion: greengate/v1\nkind: PolicyTest\npolicy: x\ncases: [{name: c, candidate: {a: {value: 1}}}]\n"
    assert complaint(GOOD, tests) == (
        "p1.yaml:4:9 (cases[0]): `expect` is missing\n"
        "  hint: The verdict.\n"
        "p1.yaml:4:34 (cases[0].candidate.a): `low` is missing\n"
        "  hint: Lower end of its interval.\n"
        "p1.yaml:4:34 (cases[0].candidate.a): `high` is missing\n"
        "  hint: Upper end of its interval."
    )


def test_a_param_stands_for_a_whole_value_or_a_part_of_one():
    text = policy(
        [
            '{id: a, metric: latency_p95, max: "${cap} ms", message: "above ${cap} on ${dev}", enforce: soft}',
            '{id: b, metric: flops_per_inference, max: "${flops}", enforce: soft}',
        ],
        params="{cap: 40, dev: true, flops: 4 GFLOP}",
    )
    (found,) = load(text)
    assert (found.rules[0].checks[0].bound, found.rules[0].message) == (Duration(0.04), "above 40 on true")
    assert found.rules[1].checks[0].bound == Count(4e9)


def test_a_mistake_in_a_param_is_told_where_the_param_is_written():
    text = policy(['{id: a, metric: latency_p95, max: "${cap}", enforce: soft}'], params="{cap: 40}")
    assert complaint(text) == ("p.yaml:4:15 (params.cap): `40` has no unit\n  hint: a duration is written like `40 ms`")


def test_a_param_is_refused_where_none_is_filled_in():
    assert complaint(policy([LATENCY], match='{models: ["${team}/*"]}')) == (
        "p.yaml:4:18 (match.models[0]): params are not filled in here: `${team}/*`\n"
        "  hint: only in rules, measurement and budgets; write the value"
    )


def test_the_tests_of_a_shipped_pack_are_no_pack():
    assert shipped.pack_names() == ("starter",)
    assert shipped.pack("starter.test") is None


def test_what_ships_is_found_in_the_checkout():
    assert shipped.reports().is_dir()


QUALITIES = {
    "in percent": ("min: 90%", Share),
    "in percentage points": ("max_decrease: 0.5 pp", Points),
    "relative": ("max_decrease: 5%", Share),
    "plain": ("min: 0.3", Count),
}


@pytest.mark.parametrize(("bound", "kind"), QUALITIES.values(), ids=QUALITIES)
def test_without_a_project_the_unit_says_how_an_unknown_quality_figure_is_read(bound, kind):
    (found,) = load(policy([f"{{id: a, metric: quality.bleu, {bound}, enforce: soft}}"]))
    check = found.rules[0].checks[0]
    assert type(check.bound if isinstance(check, Limit) else check.delta) is kind


def test_with_a_project_its_quality_figures_are_all_there_are():
    text = policy(["{id: a, metric: quality.bleuu, min: 90%, enforce: soft}"])
    assert complaint(text, scales={"bleu": QualityScale()}) == (
        "p.yaml:5:21 (rules[0].metric): the project declares no quality figure `bleuu`\n"
        "  hint: did you mean `quality.bleu`?"
    )


def test_a_project_says_how_its_quality_figure_is_read():
    text = policy(["{id: a, metric: quality.bleu, min: 90%, enforce: soft}"])
    assert complaint(text, scales={"bleu": QualityScale(unit="score")}) == (
        "p.yaml:5:40 (rules[0].min): `90%` is a share, expected a plain number\n  hint: write it like `4 G`"
    )


def test_an_expression_may_use_the_quality_figures_of_the_project():
    text = policy(["{id: a, cel: candidate.quality.bleu > 0.3, message: m, enforce: soft}"])
    assert load(text, scales={"bleu": QualityScale()})
    assert load(text)
    assert complaint(text, scales={}).startswith(
        "p.yaml:5:18 (rules[0].cel): there is no field `candidate.quality.bleu`"
    )


def test_the_digest_of_a_policy_is_that_of_its_file():
    assert load(GOOD)[0].digest == hashlib.sha256(GOOD.encode()).hexdigest()


def test_exit_code_of_a_wrong_policy_is_two():
    with pytest.raises(Problems) as told:
        load(policy(["{id: a}"]))
    assert told.value.exit_code == 2
