import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import evidence, growth, maximum, pairs, policy, uncertain

from greengate.betting import Stakes
from greengate.effort import Effort
from greengate.evidence import Block, Pair
from greengate.gate import confidence, judge, shared
from greengate.metrics import lookup
from greengate.paired import Series, log_ratios
from greengate.policy import Drift, Enforce, Rule, Tolerance
from greengate.quantities import Share

TAU = math.log(1.05)
ENERGY, CARBON, P50, P95, RATE = (
    "energy_per_1k_inferences",
    "carbon_per_1k_inferences",
    "latency_p50",
    "latency_p95",
    "throughput",
)
COLUMNS = ["cpu", "wall", "run", "p95"]


def block(cpu_s, wall_s=None, shares=(1.0,) * 8):
    wall_s = wall_s or 2 * cpu_s
    run_s = tuple(wall_s / 10 * share for share in shares)
    return Block(inferences=10, cpu_s=cpu_s, wall_s=wall_s, run_p50_s=wall_s / 10, run_s=run_s)


def measured(ratio, rounds=40, noise=0.02, seed=0, scale=1.0):
    """Rounds of two pairs in both orders, in which cpu, wall and run time scatter together and a little apart."""
    chance = random.Random(seed)
    found = []
    for number in range(rounds):
        luck = chance.gauss(0, noise)
        for turn in range(2):
            ours = 0.01 * ratio * math.exp(luck + chance.gauss(0, noise / 3))
            wall_s = 2 * ours * math.exp(chance.gauss(0, noise / 3))
            shares = [[1 + abs(chance.gauss(0, 0.1)) for _ in range(8)] for _ in range(2)]
            found.append(
                Pair(
                    round=number,
                    candidate_first=(number + turn) % 2 == 0,
                    candidate=block(scale * ours, scale * wall_s, shares[0]),
                    baseline=block(scale * 0.01, None, shares[1]),
                )
            )
    return tuple(found)


def test_a_round_counts_once_with_the_mean_of_its_pairs():
    both = (
        Pair(round=0, candidate_first=True, candidate=block(0.02), baseline=block(0.01)),
        Pair(round=0, candidate_first=False, candidate=block(0.01), baseline=block(0.02)),
        Pair(round=3, candidate_first=False, candidate=block(0.03), baseline=block(0.01)),
    )
    assert log_ratios("cpu", both) == pytest.approx([0.0, math.log(3)])


def test_what_belongs_to_a_place_in_the_order_cancels_within_a_round():
    first_is_slower = tuple(
        Pair(
            round=number // 2,
            candidate_first=number % 2 == 0,
            candidate=block(0.01 * (1.2 if number % 2 == 0 else 1.0)),
            baseline=block(0.01 * (1.0 if number % 2 == 0 else 1.2)),
        )
        for number in range(24)
    )
    assert log_ratios("cpu", first_is_slower) == pytest.approx([0.0] * 12)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize(("ratio", "worse"), [(1.0, False), (1.3, True)])
def test_every_column_decides_a_clear_ratio(column, ratio, worse):
    series = Series(column, measured(ratio, rounds=80))
    assert series.decide(TAU, Stakes()).worse is worse
    assert series.ratio == pytest.approx(ratio, rel=0.03)


@pytest.mark.parametrize("column", COLUMNS)
def test_scaling_both_costs_changes_nothing(column):
    plain, scaled = (Series(column, measured(1.04, scale=scale)) for scale in (1.0, 1024.0))
    assert scaled.decide(TAU, Stakes()) == plain.decide(TAU, Stakes())
    assert scaled.interval(Stakes()) == plain.interval(Stakes())


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("ratio", [0.9, 1.0, 1.2])
def test_exchanging_the_models_turns_the_series(column, ratio):
    found = measured(ratio)
    exchanged = tuple(
        pair.model_copy(update={"candidate": pair.baseline, "baseline": pair.candidate}) for pair in found
    )
    turned, there = Series(column, found, turned=True), Series(column, exchanged)
    assert turned.decide(TAU, Stakes()) == there.decide(TAU, Stakes())
    assert turned.interval(Stakes()) == there.interval(Stakes())
    assert turned.ratio == pytest.approx(there.ratio)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_wider_tolerance_never_turns_a_pass_into_a_fail(column):
    series = Series(column, measured(1.05, rounds=60))
    verdicts = [series.decide(math.log1p(tolerance / 100), Stakes(0.01, 1e-12)).worse for tolerance in range(15)]
    assert verdicts[0] is True
    assert verdicts == sorted(verdicts, key=lambda worse: worse is not True)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("ratio", [0.98, 1.03, 1.05, 1.08])
def test_intervals_agree_with_decisions(column, ratio):
    series = Series(column, measured(ratio, rounds=30))
    low, high = series.interval(Stakes())
    worse = series.decide(TAU, Stakes()).worse
    assert worse is (True if low > 1.0501 else False if high < 1.0499 else None)


@given(st.sampled_from(["max_increase", "max_decrease"]), st.sampled_from([ENERGY, RATE]), st.integers(0, 3))
def test_a_finding_shows_an_interval_that_bears_its_verdict(side, metric, seed):
    rule = Rule("r", (Tolerance(side, Share(0.05)),), lookup(metric))
    (finding,) = judge([policy(rule)], evidence({}, {}, pairs=measured(0.9 + 0.07 * seed, seed=seed))).findings
    bound = 1.05 if side == "max_increase" else 0.95
    inside, outside = (
        (finding.bounds.high <= bound + 1e-6, finding.bounds.low >= bound - 1e-6)
        if side == "max_increase"
        else (finding.bounds.low >= bound - 1e-6, finding.bounds.high <= bound + 1e-6)
    )
    assert (str(finding.outcome), inside, outside) in {
        ("passed", True, False),
        ("failed", False, True),
        ("inconclusive", False, False),
    }
    assert finding.bounds.low <= finding.amount <= finding.bounds.high


class TestWhatWouldSettleIt:
    """The words of a test that is open."""

    def told(self, rounds, measured_s, column="cpu", budget_s=60.0, max_pairs=600):
        found = []
        for number, x in enumerate(rounds):
            found += [
                Pair(round=number, candidate_first=first, candidate=block(0.01 * math.exp(x)), baseline=block(0.01))
                for first in (True, False)
            ]
        return Series(column, tuple(found)).outlook(TAU, Stakes(), Effort(measured_s, len(found), budget_s, max_pairs))

    def test_is_more_time(self):
        wavering = [TAU - 0.01 + sign * 0.03 for sign in (1, -1) * 10]
        assert self.told(wavering, 60.0) == (
            "still open after 20 rounds of pairs: about 8.3 min more (`budget`) would settle it"
        )

    def test_is_nothing_in_the_policy_where_it_was_measured_under_another(self):
        wavering = [TAU - 0.02 + sign * 0.03 for sign in (1, -1) * 10]
        assert self.told(wavering, 10.0) == ("still open after 20 rounds of pairs: about 15 s more would settle it")

    def test_is_more_pairs_where_they_ended_it(self):
        wavering = [TAU - 0.01 + sign * 0.03 for sign in (1, -1) * 10]
        assert self.told(wavering, 2.0, max_pairs=40) == (
            "still open after 20 rounds of pairs: about 17 s more (`max_pairs`) would settle it"
        )

    def test_is_a_quieter_runner(self):
        wavering = [TAU - 0.001 + sign * 0.05 for sign in (1, -1) * 10]
        assert self.told(wavering, 60.0) == (
            "still open after 20 rounds of pairs: 0.1% from the tolerance, where this runner tells 8.2% apart in 60 s; "
            "use a quieter one"
        )

    def test_is_told_of_the_fewest_rounds_that_any_verdict_takes(self):
        assert self.told([0.0], 30.0) == (
            "still open after 1 round of pairs, and no verdict takes fewer than 6: about 2.5 min more (`budget`)"
        )

    def test_is_nothing_where_one_round_takes_as_long_as_a_verdict_may(self):
        wavering = [TAU - 0.001 + sign * 0.05 for sign in (1, -1) * 3]
        assert self.told(wavering, 300.0) == (
            "still open after 6 rounds of pairs: a round takes 50 s, too long for a budget of 60 s"
        )

    def test_is_not_made_up_for_evidence_that_does_not_tell_how_long_it_took(self):
        assert self.told([TAU, TAU] * 9, 0.0) == (
            "still open after 18 rounds of pairs: more of them may settle it, and how long they take was not kept"
        )

    def test_is_said_of_tails_too(self):
        assert self.told([TAU] * 9, 9.0, column="p95") == (
            "still open after 9 rounds of pairs: tails need many runs, so that a longer `budget` and more `max_pairs` "
            "may settle it"
        )

    @pytest.mark.parametrize("pace_s", [1e-3, 1.0, 16.5, 17.0, 900.0, 9000.0])
    def test_never_comes_with_an_exponent(self, pace_s):
        assert "e+" not in self.told([0.0], 1.0 * pace_s, budget_s=1e7)


def test_a_ratio_of_a_thousand_is_written_plainly():
    (finding,) = judge([policy(growth(ENERGY))], evidence({}, {}, pairs=measured(1000.0))).findings
    assert (str(finding.outcome), finding.figure[:2]) == ("failed", "x1")
    assert "e+" not in f"{finding.figure} {finding.interval} {finding.margin}"


@pytest.mark.parametrize("delta", [1.0, 1.5])
def test_a_decrease_by_all_there_is_can_be_asked_for(delta):
    """As a tolerance it allows everything; as a gain, the negative increase that it is turned into, nothing."""
    rule = Rule("r", (Tolerance("max_decrease", Share(delta)),), lookup(RATE))
    gain = Rule("g", (Tolerance("max_increase", Share(-delta)),), lookup(RATE))
    outcomes = [str(one.outcome) for one in judge([policy(rule, gain)], evidence({}, {}, pairs=measured(1.0))).findings]
    assert outcomes == ["passed", "failed"]


def test_pairs_that_kept_no_single_runs_leave_tails_to_the_figures():
    old = pairs(1.2)
    assert old[0].candidate.run_s == ()
    sides = [{P95: uncertain(*figure)} for figure in ((3, 2.9, 3.1), (1, 0.9, 1.1))]
    (with_figures,) = judge([policy(growth(P95))], evidence(*sides, pairs=old)).findings
    (without,) = judge([policy(growth(P95))], evidence({}, {}, pairs=old, missing={P95: "too few"})).findings
    assert (str(with_figures.outcome), str(without.outcome), without.reason) == ("failed", "inconclusive", "too few")


def rule(metric, side="max_increase", since="", enforce=Enforce.SOFT):
    check = Drift(side, Share(0.05), since) if since else Tolerance(side, Share(0.05))
    return Rule(f"{metric}-{side}-{since}", (check,), lookup(metric), enforce=enforce)


@pytest.mark.parametrize(
    ("rules", "tests"),
    [
        ([rule(ENERGY)], 1),
        ([rule(ENERGY), rule(CARBON)], 1),
        ([rule(ENERGY), rule(P50), rule(P95), rule(RATE, "max_decrease")], 4),
        ([rule(ENERGY), rule(ENERGY, "max_decrease")], 2),
        ([rule(ENERGY), rule(ENERGY, since="last-release")], 2),
        ([rule(ENERGY), maximum(ENERGY, "4 J"), maximum(CARBON, "4 gCO2e")], 2),
        ([rule(ENERGY), rule(P50, enforce=Enforce.ADVISORY)], 1),
        ([rule(ENERGY), maximum("peak_memory", "1 GiB")], 2),
        ([rule("flops_per_inference"), rule("model_size")], 1),
    ],
    ids=["one", "one column", "four columns", "two directions", "two models", "bounds", "advice", "memory", "exact"],
)
def test_every_question_on_a_measured_column_has_its_share_of_the_error(rules, tests):
    (one,) = shared([policy(*rules)])
    assert one.plan.stakes == Stakes(0.01 / tests, 0.05)


def test_the_error_is_shared_over_all_policies():
    first, second = shared([policy(rule(ENERGY)), policy(rule(P50), stakes=Stakes(0.02, 0.1))])
    assert (first.plan.stakes, second.plan.stakes) == (Stakes(0.005, 0.05), Stakes(0.01, 0.1))


def test_intervals_are_as_sure_as_the_strictest_share_asks():
    assert confidence([policy(rule(ENERGY))]) == pytest.approx(0.98)
    assert confidence([policy(rule(ENERGY), rule(P50))]) == pytest.approx(0.99)
    assert confidence([policy(rule(ENERGY), stakes=Stakes(0.05, 0.02))]) == pytest.approx(0.98)


@pytest.mark.parametrize("together", [0.0, 0.7, 1.0], ids=["apart", "alike", "the same"])
def test_a_family_at_the_tolerance_fails_falsely_no_oftener_than_one_rule_may(together):
    rules = [rule(ENERGY), rule(P50), rule(RATE, "max_decrease")]
    (one,) = shared([policy(*rules, stakes=Stakes(0.06, 0.05))])
    fails = 0
    for seed in range(120):
        chance = random.Random(seed)
        rows = []
        for _ in range(40):
            common = chance.gauss(0, 0.03)
            rows.append([together * common + math.sqrt(1 - together**2) * chance.gauss(0, 0.03) for _ in rules])
        found = tuple(
            Pair.model_construct(
                round=number,
                candidate_first=True,
                candidate=Block.model_construct(
                    inferences=1, cpu_s=math.exp(TAU + cpu), wall_s=math.exp(TAU + wall), run_p50_s=math.exp(TAU + run)
                ),
                baseline=Block.model_construct(inferences=1, cpu_s=1.0, wall_s=1.0, run_p50_s=1.0),
            )
            for number, (cpu, wall, run) in enumerate(rows)
        )
        fails += any(Series(column, found).decide(TAU, one.plan.stakes).worse for column in ("cpu", "wall", "run"))
    assert fails <= 0.06 * 120
