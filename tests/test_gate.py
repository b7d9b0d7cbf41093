from dataclasses import replace

import pytest
from made import (
    ADVISORY,
    HARD,
    MODELLED,
    evidence,
    exact,
    growth,
    maximum,
    pairs,
    policy,
    tradeoff,
    uncertain,
    waiver,
)  # fmt: skip

from greengate.betting import Stakes
from greengate.evidence import Class, Provenance
from greengate.gate import judge, shared, unsettled
from greengate.metrics import lookup
from greengate.policy import Condition, Gain, Limit, Match, Rule, Tolerance, Tradeoff
from greengate.quantities import Duration, Points, Share, Size
from greengate.verdict import Outcome

ENERGY, FLOPS, P95 = "energy_per_1k_inferences", "flops_per_inference", "latency_p95"

GRANTED = (waiver(),)


def only(verdict):
    (finding,) = verdict.findings
    return finding


def outcome(rule, found, **plan):
    return str(only(judge([policy(rule, **plan)], found)).outcome)


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (uncertain(30e-3, 29e-3, 31e-3), "passed"),
        (uncertain(50e-3, 49e-3, 51e-3), "failed"),
        (uncertain(40e-3, 39e-3, 41e-3), "inconclusive"),
        (uncertain(39e-3, 38e-3, 40e-3), "passed"),
        (exact(40e-3), "passed"),
    ],
    ids=["inside", "outside", "straddling", "touching", "exactly at the limit"],
)
def test_an_interval_is_held_against_a_limit(figure, expected):
    assert outcome(maximum(P95, "40 ms"), evidence({P95: figure})) == expected


METERED = Provenance(kind=Class.COUNTER, method="RAPL", type_a=0.2, type_b=0.05)
STRADDLING, INSIDE = uncertain(39e-3, 37e-3, 41e-3), uncertain(30e-3, 29e-3, 31e-3)


@pytest.mark.parametrize(
    ("rule", "figures", "open_"),
    [
        (maximum(P95, "40 ms"), {P95: STRADDLING}, True),
        (maximum(P95, "40 ms"), {P95: INSIDE}, False),
        (maximum(P95, "40 ms"), {}, True),
        (growth(P95, "9 ms"), {P95: STRADDLING}, True),
        (growth(P95, "2 ms"), {P95: STRADDLING}, False),
        (growth(P95, "2 ms"), {}, True),
        (maximum(ENERGY, "40 J"), {ENERGY: uncertain(40, 20, 80)}, False),
        (growth(ENERGY, "2 J"), {ENERGY: uncertain(40, 20, 80)}, False),
        (maximum("peak_memory", "1 GiB"), {}, False),
    ],
    ids=[
        "straddles",
        "decided",
        "too few runs yet",
        "a difference straddles",
        "a difference is decided",
        "a difference of too few runs",
        "known to a factor",
        "a difference known to a factor",
        "of one run alone",
    ],
)
def test_what_is_timed_is_measured_on_until_its_interval_leaves_the_bound(rule, figures, open_):
    assert unsettled([policy(rule)], evidence(figures, {P95: INSIDE, ENERGY: exact(38)}, measured_s=2.0)) is open_


@pytest.mark.parametrize(
    ("rule", "figure", "said"),
    [
        (maximum(P95, "40 ms"), STRADDLING, ": about 6 s more would settle it"),
        (maximum(P95, "39.4 ms"), STRADDLING, ": about 48 s more (`budget`) would settle it"),
        (maximum(P95, "39.01 ms"), STRADDLING, ": it lies 0.026% from it, where this runner tells 1.3% apart in 30 s"),
        (maximum(P95, "39 ms"), STRADDLING, ": it lies on it, where this runner tells 1.3% apart in 30 s"),
        (growth(P95, "10.5 ms"), STRADDLING, ": about 6 s more would settle it"),
        (maximum(ENERGY, "40 J"), uncertain(40, 20, 80), ", and no longer budget narrows it"),
        (maximum(ENERGY, "40 J"), uncertain(40, 20, 80, METERED), ", and a longer `budget` narrows it"),
    ],
    ids=[
        "soon",
        "beyond the budget",
        "hardly ever",
        "never",
        "a difference",
        "known to a factor",
        "metered too briefly",
    ],
)
def test_a_limit_inside_the_interval_says_what_would_settle_it(rule, figure, said):
    found = evidence({rule.metric.name: figure}, {P95: INSIDE}, measured_s=2.0)
    finding = only(judge([policy(rule, budget_s=30.0)], found))
    assert finding.reason.removeprefix("the interval straddles the ") in {f"limit{said}", f"tolerance{said}"}


def test_a_finding_says_figure_interval_margin_and_counterfactual():
    found = only(judge([policy(maximum(P95, "40 ms"))], evidence({P95: uncertain(50e-3, 49e-3, 52e-3)})))
    assert (found.figure, found.interval, found.limit, found.margin, found.counterfactual) == (
        "50 ms",
        "49 ms to 52 ms",
        "max 40 ms",
        "25% above the limit",
        "would pass at <= 38.46 ms",
    )


@pytest.mark.parametrize(
    ("candidate", "baseline", "expected"),
    [(103, 100, "passed"), (105, 100, "passed"), (106, 100, "failed"), (0, 0, "passed"), (1, 0, "inconclusive")],
)
def test_exact_figures_are_compared_to_the_digit(candidate, baseline, expected):
    found = evidence({FLOPS: exact(candidate)}, {FLOPS: exact(baseline)})
    assert outcome(growth(FLOPS), found) == expected


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1.0, "passed"), (1.1, "failed"), (1.05, "inconclusive")], ids=["same", "+10%", "at it"]
)
def test_measured_ratios_are_decided_by_their_pairs(ratio, expected):
    energy = {ENERGY: uncertain(4, 2, 8, MODELLED)}
    found = evidence(energy, energy, pairs=pairs(ratio, noise=0.0 if ratio == 1.05 else 0.02))
    assert outcome(growth(ENERGY), found) == expected


def test_a_ratio_stands_though_no_coefficient_gives_the_joules():
    found = only(judge([policy(growth(ENERGY))], evidence({}, {}, pairs=pairs(1.2), missing={ENERGY: "no watts"})))
    assert (found.outcome, found.figure) == (Outcome.FAILED, "+20.0%")
    assert found.counterfactual == "would pass at a change of +5.0%"


def test_a_falling_throughput_is_a_regression():
    rate = {"throughput": uncertain(100, 99, 101)}
    rule = Rule("slower", (Tolerance("max_decrease", Share(0.05)),), lookup("throughput"))
    assert outcome(rule, evidence(rate, rate, pairs=pairs(1.2))) == "failed"
    assert outcome(rule, evidence(rate, rate, pairs=pairs(1.0))) == "passed"


@pytest.mark.parametrize(
    ("side", "delta", "expected"),
    [("max_decrease", 0.002, "failed"), ("max_decrease", 0.004, "passed"), ("max_increase", 0.0, "passed")],
)
def test_quality_may_fall_by_so_many_points(side, delta, expected):
    rule = Rule("quality", (Tolerance(side, Points(delta)),), lookup("quality.accuracy"))
    found = evidence({"quality.accuracy": exact(0.967)}, {"quality.accuracy": exact(0.970)})
    assert outcome(rule, found) == expected


@pytest.mark.parametrize(("before", "after"), [(0.95, 0.945), (0.97, 0.965), (0.3, 0.295), (0.1 + 0.2, 0.295)])
def test_a_difference_exactly_at_the_tolerance_passes_whatever_binary_makes_of_it(before, after):
    rule = Rule("quality", (Tolerance("max_decrease", Points(0.005)),), lookup("quality.accuracy"))
    found = evidence({"quality.accuracy": exact(after)}, {"quality.accuracy": exact(before)})
    assert outcome(rule, found) == "passed"


def test_a_figure_that_is_missing_is_inconclusive_and_says_why():
    found = only(judge([policy(maximum(P95, "40 ms"))], evidence(missing={P95: "needs at least 72 runs"})))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "needs at least 72 runs")


def test_without_a_baseline_a_regression_is_inconclusive():
    assert outcome(growth(FLOPS), evidence({FLOPS: exact(1)})) == "inconclusive"


def test_what_is_not_comparable_is_inconclusive():
    found = evidence({FLOPS: exact(1)}, {FLOPS: exact(1)}, incomparable=("inputs: baseline takes y",))
    assert only(judge([policy(growth(FLOPS))], found)).reason == "not comparable: inputs: baseline takes y"


@pytest.mark.parametrize(("enforce", "expected"), [(ADVISORY, "warned"), (HARD, "failed")], ids=["advisory", "hard"])
def test_enforcement_decides_what_a_failure_does(enforce, expected):
    rule = replace(growth(FLOPS), enforce=enforce)
    assert outcome(rule, evidence({FLOPS: exact(2)}, {FLOPS: exact(1)})) == expected


def test_estimates_may_only_warn_where_the_policy_wants_measurements():
    rule, found = maximum(ENERGY, "1 J"), evidence({ENERGY: uncertain(8, 4, 16, MODELLED)})
    assert outcome(rule, found, evidence="measured") == "warned"
    assert outcome(rule, found) == "failed"


def test_the_inconclusive_warns_where_the_policy_says_so():
    found = evidence(missing={P95: "?"})
    assert outcome(maximum(P95, "40 ms"), found, inconclusive="warn") == "warned"


def test_no_rule_at_all_is_never_a_pass():
    for policies in ([], [policy()], [replace(policy(growth(FLOPS)), match=Match(models=("vision/*",)))]):
        assert judge(policies, evidence({FLOPS: exact(1)}, {FLOPS: exact(1)})).outcome is Outcome.ERRORED


class TestATradeoff:
    """A rule that grew by 20% where 15% is allowed, with and without what lets it through."""

    def found(self, accuracy=0.98, flops=120, waivers=GRANTED, **terms):
        rule = growth(FLOPS, "15%", unless=tradeoff(**terms))
        facts = evidence(
            {FLOPS: exact(flops), "quality.accuracy": exact(accuracy)},
            {FLOPS: exact(100), "quality.accuracy": exact(0.97)},
        )
        return only(judge([policy(rule, waivers=waivers)], facts))

    def test_is_waived_when_all_of_it_holds(self):
        found = self.found()
        assert (found.judged, found.outcome, found.waiver) == (Outcome.FAILED, Outcome.WAIVED, "W-1")
        assert found.reason == "waived until 2026-12-31 by @acme/green: sharper"

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"waivers": ()}, "no waiver of type accuracy has been granted"),
            ({"accuracy": 0.974}, "waiver W-1 needs a gain of quality.accuracy min_increase 0.5 pp"),
            ({"flops": 129}, "waiver W-1 has a ceiling of max_increase 28%"),
            ({"flops": 141, "waivers": (waiver("60%"),)}, "waiver W-1 has a ceiling of max_increase 40%"),
            ({"waivers": (waiver(expires="2026-11-20"),)}, "waiver W-1 expired on 2026-11-20"),
            ({"waivers": (waiver(type="other"),)}, "waiver W-1 is of type other, the rule asks for accuracy"),
        ],
        ids=["no waiver", "too little gain", "above the waiver", "above the rule", "expired", "another type"],
    )
    def test_fails_when_one_part_is_missing(self, changes, words):
        found = self.found(**changes)
        assert found.outcome is Outcome.FAILED
        assert words in found.reason

    def test_holds_on_the_last_day_of_the_waiver(self):
        assert self.found(waivers=(waiver(expires="2026-11-21"),)).outcome is Outcome.WAIVED

    def test_does_not_look_at_other_models_waivers(self):
        assert self.found(waivers=(waiver(match=Match(models=("vision/*",))),)).outcome is Outcome.FAILED


def test_a_hard_rule_is_never_waived():
    rule = replace(growth(FLOPS), enforce=HARD)
    found = evidence({FLOPS: exact(2)}, {FLOPS: exact(1)})
    assert only(judge([policy(rule, waivers=(waiver("200%"),))], found)).outcome is Outcome.FAILED


def test_a_plain_waiver_lets_a_soft_limit_through_up_to_its_ceiling():
    rule = replace(maximum("model_size", "1 MiB"), id="growth")
    granted = waiver(ceilings=(Limit("max", Size.parse("2 MiB")),), type="")
    for size, expected in ((1.5, Outcome.WAIVED), (2.5, Outcome.FAILED)):
        found = evidence({"model_size": exact(size * 2**20)})
        assert only(judge([policy(rule, waivers=(granted,))], found)).outcome is expected


def test_measuring_goes_on_until_rules_and_ceilings_are_settled():
    rule = growth(ENERGY, "5%", unless=tradeoff())
    for ratio, granted, expected in ((1.0, (), False), (1.2, (), False), (1.05, (), True), (1.28, (waiver(),), True)):
        found = evidence({}, {}, pairs=pairs(ratio))
        assert unsettled([policy(rule, waivers=granted)], found) is expected


def test_measuring_does_not_go_on_where_pairs_can_settle_nothing():
    rule = policy(growth(ENERGY))
    assert unsettled([rule], evidence({}, {}))
    assert not unsettled([rule], evidence({}))
    assert not unsettled([rule], evidence({}, {}, incomparable=("inputs: other names",)))


def test_a_waiver_that_is_not_proven_changes_nothing():
    rule = growth(FLOPS, "15%", unless=tradeoff(ceiling="400%"))
    facts = evidence({FLOPS: exact(200)}, {FLOPS: exact(100)})
    found = only(judge([policy(rule, waivers=(waiver("300%"),), inconclusive="warn")], facts))
    assert found.outcome is Outcome.FAILED
    assert "needs a gain of quality.accuracy min_increase 0.5 pp, found unavailable" in found.reason


def test_a_waiver_that_holds_counts_wherever_it_stands_among_others():
    rule = replace(growth(FLOPS), unless=None)
    open_ceiling = waiver(id="W-0", ceilings=(Limit("max", Size(1)),), type="")
    facts = evidence({FLOPS: exact(120)}, {FLOPS: exact(100)})
    for waivers in ((open_ceiling, waiver(type="")), (waiver(type=""), open_ceiling)):
        assert only(judge([policy(rule, waivers=waivers)], facts)).waiver == "W-1"


def test_a_waiver_for_some_branches_needs_to_know_the_branch():
    rule, facts = growth(FLOPS), evidence({FLOPS: exact(120)}, {FLOPS: exact(100)})
    granted = policy(rule, waivers=(waiver(type="", match=Match(branches=("hotfix",))),))
    found = only(judge([granted], facts))
    assert (found.outcome, found.reason) == (
        Outcome.FAILED,
        "waiver W-1 is for the branches hotfix; name the branch with --branch",
    )
    assert only(judge([granted], facts.model_copy(update={"branch": "hotfix"}))).outcome is Outcome.WAIVED


def test_no_gain_at_all_is_no_gain():
    rule = growth(FLOPS, "15%", unless=tradeoff())
    gain = replace(rule.unless.gain, delta=Share(0.1))
    rule = replace(rule, unless=replace(rule.unless, gain=gain))
    sides = [{FLOPS: exact(flops), "quality.accuracy": exact(0.0)} for flops in (120, 100)]
    assert only(judge([policy(rule, waivers=(waiver(),))], evidence(*sides))).outcome is Outcome.FAILED


def test_an_interval_less_sure_than_the_policy_asks_for_settles_nothing():
    figure = uncertain(30e-3, 29e-3, 31e-3, confidence=0.95)
    assert outcome(maximum(P95, "40 ms"), evidence({P95: figure}), stakes=Stakes(false_pass=0.01)) == "inconclusive"
    assert (
        outcome(growth(P95), evidence({P95: figure}, {P95: figure}), stakes=Stakes(false_pass=0.01)) == "inconclusive"
    )


@pytest.mark.parametrize(("confidence", "expected"), [(0.98, "failed"), (0.97, "inconclusive")])
def test_an_interval_may_fail_only_if_it_errs_as_seldom_as_a_failure_may(confidence, expected):
    figure, other = uncertain(50e-3, 49e-3, 51e-3, confidence=confidence), uncertain(30e-3, 29e-3, 31e-3)
    assert outcome(maximum(P95, "40 ms"), evidence({P95: figure})) == expected
    assert outcome(growth(P95), evidence({P95: figure}, {P95: other})) == expected


def test_an_interval_on_the_right_side_may_pass_with_the_confidence_of_a_pass():
    assert outcome(maximum(P95, "60 ms"), evidence({P95: uncertain(50e-3, 49e-3, 51e-3, confidence=0.95)})) == "passed"


VOIDED = "the machine drifted"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (growth(ENERGY), "inconclusive"),
        (growth(P95), "inconclusive"),
        (maximum(ENERGY, "40 J"), "inconclusive"),
        (growth(FLOPS), "passed"),
        (maximum("peak_memory", "2 GiB"), "passed"),
    ],
    ids=["ratio", "tail", "limit", "static", "of one run alone"],
)
def test_a_voided_run_settles_no_measured_rule_and_leaves_the_others_alone(rule, expected):
    figures = {ENERGY: uncertain(4, 2, 8), P95: uncertain(4, 2, 8), FLOPS: exact(1), "peak_memory": exact(2**30)}
    found = only(judge([policy(rule)], evidence(figures, figures, pairs=pairs(1.0), voided=VOIDED)))
    assert str(found.outcome) == expected
    assert (found.reason == VOIDED) is (expected == "inconclusive")


@pytest.mark.parametrize(
    ("rule", "beside", "expected"),
    [
        (growth(ENERGY), {}, True),
        (maximum(ENERGY, "40 J"), {}, True),
        (growth(FLOPS), {}, False),
        (growth(ENERGY), None, False),
    ],
    ids=["ratio", "limit", "static", "no baseline"],
)
def test_a_voided_run_goes_on_since_the_machine_may_come_to_rest(rule, beside, expected):
    assert unsettled([policy(rule)], evidence({}, beside, pairs=pairs(1.0), voided=VOIDED)) is expected
    assert not unsettled([policy(rule)], evidence({}, beside, pairs=pairs(1.0)))


@pytest.mark.parametrize(("name", "expected"), [(ENERGY, "inconclusive"), (FLOPS, "passed")])
def test_a_voided_run_settles_no_expression_on_what_was_measured(name, expected):
    class Expression:
        names = frozenset({f"candidate.{name}"})

        def evaluate(self, values):
            return values[f"candidate.{name}"] < 5

    rule = Rule("cel", (Condition("small", Expression()),))
    assert outcome(rule, evidence({name: exact(4)}, voided=VOIDED)) == expected


def test_the_gravest_finding_names_the_verdict():
    rules = (growth(FLOPS), replace(growth("parameters"), id="parameters", enforce=ADVISORY))
    found = evidence({FLOPS: exact(1), "parameters": exact(9)}, {FLOPS: exact(1), "parameters": exact(1)})
    verdict = judge([policy(*rules)], found)
    assert [str(item.outcome) for item in verdict.findings] == ["passed", "warned"]
    assert (verdict.outcome, verdict.exit_code) == (Outcome.WARNED, 0)


def test_a_share_and_a_difference_of_one_metric_are_two_questions():
    share = growth(P95)
    difference = Rule("more", (Tolerance("max_increase", Duration.parse("5 ms")),), lookup(P95))
    rates = [shared([policy(*rules)])[0].plan.stakes.false_fail for rules in ((share,), (share, difference))]
    assert rates == [0.01, 0.005]


def test_measuring_goes_on_until_the_gain_of_a_waived_trade_off_is_decided():
    gain = Gain(lookup("latency_p50"), "min_decrease", Share.parse("15%"))
    judged = policy(growth(ENERGY, unless=Tradeoff("speed", gain, Share.parse("40%"))), waivers=(waiver(type="speed"),))
    decided = evidence({}, {}, pairs=tuple(dear_and_quicker(0.85)))
    assert judge([judged], decided).findings[0].judged is Outcome.FAILED
    assert unsettled([judged], decided)
    assert not unsettled([replace(judged, waivers=())], decided)


def dear_and_quicker(ratio):
    """Give pairs that cost 20% more CPU time, and take about so much less by the clock."""
    for pair in pairs(1.2):
        run_s = ratio * (1.001 if pair.round % 2 else 0.999) * pair.baseline.run_p50_s
        yield pair.model_copy(update={"candidate": pair.candidate.model_copy(update={"run_p50_s": run_s})})
