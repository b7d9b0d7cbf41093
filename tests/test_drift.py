"""The drift rule: an earlier model measured in the same run, or the ratios of the history multiplied."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from drifts_made import ENERGY, arm, chained, drift, link, rounds
from made import evidence, exact, growth, policy, waiver

from greengate.betting import Stakes
from greengate.evidence import Earlier
from greengate.gate import fixed_rounds, judge, shared, unsettled
from greengate.links import FIRST
from greengate.measure.protocol import Schedule
from greengate.policy import Tolerance
from greengate.quantities import Share

FLOPS, P50, P95, THROUGHPUT = "flops_per_inference", "latency_p50", "latency_p95", "throughput"
GONE = "v1 has no m.onnx, and the history holds no accepted entry of it"


def only(rule, *earlier, pairs=None, candidate=None, waivers=(), **plan):
    found = evidence(candidate, {}, pairs=rounds(1.0) if pairs is None else pairs, earlier=earlier)
    (finding,) = judge([policy(rule, waivers=waivers, **plan)], found).findings
    return finding


def ten(ratio, seed=0, noise=0.015):
    """Nine accepted changes, each measured for as long as a drift rule asks for."""
    links = (link(ratio, f"{seed} {number}", count=20, noise=noise, fixed_rounds=20) for number in range(9))
    return chained(*links)


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (arm(rounds(1.0)), "passed"),
        (arm(rounds(1.22, count=12)), "failed"),
        (arm(rounds(1.1, count=3)), "inconclusive"),
        (chained(), "passed"),
        (ten(1.0), "passed"),
        (ten(1.02), "failed"),
        (ten(1.011), "inconclusive"),
        (arm((), missing=GONE), "inconclusive"),
        (chained(missing="the chain breaks"), "inconclusive"),
        (Earlier(since="another"), "inconclusive"),
    ],
    ids=[
        "an arm like the candidate",
        "an arm that was far lighter",
        "an arm with too few rounds",
        "a chain without links",
        "a chain of equal models",
        "a chain of small increases",
        "a chain at the limit",
        "an arm that cannot be had",
        "a chain that breaks",
        "a start of another name",
    ],
)
def test_a_drift_is(earlier, expected):
    pairs = rounds(1.011) if expected == "inconclusive" else rounds(1.0)
    assert str(only(drift(), earlier, pairs=pairs).outcome) == expected


@pytest.mark.parametrize(
    ("earlier", "reason"),
    [
        (arm(rounds(1.0)), "measured beside v1 (3f2a1b) in the same run"),
        (chained(link(1.0)), "chained from the history: 1 accepted change since v1 (3f2a1b), and this one"),
        (
            chained(link(1.0), link(1.0, runner="g")),
            (
                "chained from the history: 2 accepted changes since v1 (3f2a1b), and this one; "
                "1 of them measured on another kind of machine"
            ),
        ),
        (arm((), missing=GONE), f"v1 (3f2a1b): {GONE}"),
        (Earlier(since="another"), "nothing is known of v1"),
    ],
    ids=["an arm", "a chain", "a chain over two kinds of machine", "missing", "unknown"],
)
def test_a_drift_says_which_way_it_was_told(earlier, reason):
    assert only(drift(), earlier).reason == reason


def test_a_drift_finding_says_limit_kind_figure_and_margin():
    found = only(drift(), arm(rounds(1.22, count=12, noise=0)), candidate={ENERGY: exact(2e-3)})
    assert (found.kind, found.limit, found.figure, found.margin, found.counterfactual) == (
        "drift",
        "max_drift increase 10% since v1",
        "2 mJ (+22.0%)",
        "12 points above the tolerance",
        "would pass at a change of +10.0%",
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("way", ["arm", "chain"])
def test_ten_changes_of_two_percent_are_caught_though_each_passes_its_own_tolerance(way, seed):
    last = rounds(1.02, seed=f"{seed} last")
    earlier = arm(rounds(1.02**10, seed=seed, count=12)) if way == "arm" else ten(1.02, seed)
    each = growth(ENERGY)
    found = evidence({}, {}, pairs=rounds(1.02, seed=seed, count=40), earlier=(earlier,))
    assert str(only(drift(), earlier, pairs=last).outcome) == "failed"
    assert str(judge([policy(each)], found).outcome) == "passed"


def twenty_alike(way, seed):
    links = [link(1.0, f"{seed} {number}") for number in range(19)]
    earlier = arm(rounds(1.0, seed=seed, count=12)) if way == "arm" else chained(*links)
    return str(only(drift(), earlier, pairs=rounds(1.0, seed=f"{seed} last")).outcome)


@pytest.mark.parametrize("way", ["arm", "chain"])
def test_twenty_changes_that_change_nothing_never_fail_and_nearly_always_pass(way):
    outcomes = Counter(twenty_alike(way, seed) for seed in range(40))
    assert outcomes["failed"] == 0
    assert outcomes["passed"] >= 34


@pytest.mark.parametrize(
    ("rule", "ratio", "expected"),
    [
        (drift(THROUGHPUT, side="max_decrease"), 1.3, "failed"),
        (drift(THROUGHPUT, side="max_decrease"), 0.8, "passed"),
        (drift(ENERGY, side="max_decrease"), 0.8, "failed"),
        (drift(P50), 1.3, "failed"),
    ],
    ids=["slower", "faster", "lighter where that is what is limited", "a median"],
)
@pytest.mark.parametrize("way", ["arm", "chain"])
def test_a_drift_heeds_which_way_a_metric_counts(way, rule, ratio, expected):
    earlier = arm(rounds(ratio, count=12)) if way == "arm" else chained(link(ratio))
    assert str(only(rule, earlier).outcome) == expected


def test_a_chain_takes_this_run_for_its_last_link():
    assert str(only(drift(), chained(link(1.07)), pairs=rounds(1.07)).outcome) == "failed"
    assert "too few pairs to be the last link" in only(drift(), chained(link(1.07)), pairs=rounds(1.0, count=1)).reason


def test_a_chain_takes_of_each_run_the_rounds_that_are_measured_whatever_they_say():
    assert Schedule().min_pairs == FIRST * Schedule().pairs_a_round
    steady = rounds(1.0, count=FIRST, noise=0.001)
    later = tuple(pair.model_copy(update={"round": pair.round + FIRST}) for pair in rounds(2.0, count=9))
    alone, longer = only(drift(), chained(), pairs=steady), only(drift(), chained(), pairs=steady + later)
    assert longer.figure == alone.figure
    wanted = evidence({}, {}, pairs=steady + later, earlier=(chained(),), fixed_rounds=FIRST + 1)
    (found,) = judge([policy(drift())], wanted).findings
    assert found.amount > 1.09


def test_a_link_takes_the_rounds_that_its_own_run_was_to_have():
    first, then = rounds(1.0, count=FIRST, noise=0), (math.log(1.5),) * 4
    x = (0.001, -0.001) * 3 + then
    usual, longer = (link(1.0).model_copy(update={"rounds": {"cpu": x}, "fixed_rounds": fixed}) for fixed in (0, 10))
    assert only(drift(), chained(usual), pairs=first).amount == pytest.approx(1.0)
    assert only(drift(), chained(longer), pairs=first).amount == pytest.approx(1.5**0.4)


@pytest.mark.parametrize(
    ("noise", "count", "open_"),
    [(0.001, FIRST, False), (0.03, FIRST, True), (0.03, 30, True), (0.03, 90, False)],
    ids=["steady", "scattered", "not long enough", "long enough"],
)
def test_a_drift_is_measured_until_a_chain_could_take_it(noise, count, open_):
    found = evidence({}, {}, pairs=rounds(1.0, count=count, noise=noise), earlier=(chained(link(1.0)),))
    assert unsettled([policy(drift())], found) is open_


@pytest.mark.parametrize(
    ("rules", "count", "fixed"),
    [((growth(ENERGY),), 40, 0), ((drift(),), 90, 43), ((drift(),), 20, 20), ((drift(limit="20%"),), 90, 12)],
    ids=["no drift", "as many as the scatter asks for", "no more than there were", "a wider bound"],
)
def test_how_many_rounds_were_measured_whatever_they_said_is_known(rules, count, fixed):
    found = evidence({}, {}, pairs=rounds(1.0, count=count, noise=0.03, seed=3))
    assert fixed_rounds([policy(*rules)], found) == fixed


def test_a_tail_is_told_by_an_arm_and_not_by_a_chain():
    assert only(drift(P95), ten(1.0)).reason.endswith(
        "quantiles such as latency_p95 cannot be multiplied along a chain"
    )


@pytest.mark.parametrize(
    ("earlier", "way"),
    [
        (arm(rounds(1.0), {FLOPS: exact(100)}), "beside v1 (3f2a1b)"),
        (chained(figures={FLOPS: exact(100)}), "beside v1 (3f2a1b), as the history recorded it"),
        (
            chained(figures={FLOPS: exact(100)}, missing="the chain breaks"),
            "beside v1 (3f2a1b), as the history recorded it",
        ),
    ],
    ids=["from the file", "from the history", "from the history, though there is no chain"],
)
@pytest.mark.parametrize(("flops", "expected"), [(110, "passed"), (111, "failed")])
def test_exact_figures_need_neither_pairs_nor_a_chain(earlier, way, flops, expected):
    found = only(drift(FLOPS), earlier, candidate={FLOPS: exact(flops)}, pairs=())
    assert (str(found.outcome), found.reason) == (expected, way)


def test_nothing_that_a_drifting_machine_measured_counts():
    found = evidence({}, {}, pairs=rounds(1.3), earlier=(ten(1.02),), voided="the machine drifted")
    assert str(judge([policy(drift())], found).outcome) == "inconclusive"


def test_a_drift_without_a_baseline_is_told_by_an_arm():
    found = evidence({}, earlier=(arm(rounds(1.3, count=12)),))
    assert str(judge([policy(drift())], found).outcome) == "failed"


BOTH = replace(drift(), checks=(Tolerance("max_increase", Share.parse("5%")), *drift().checks))


@pytest.mark.parametrize(
    ("rule", "ceiling", "expected"),
    [
        (drift(), "30%", ["waived"]),
        (drift(), "15%", ["failed"]),
        (BOTH, "30%", ["passed", "waived"]),
    ],
    ids=["below the ceiling", "above the ceiling", "beside a tolerance that is kept"],
)
@pytest.mark.parametrize("earlier", [arm(rounds(1.22, count=12)), ten(1.022)], ids=["arm", "chain"])
def test_a_waiver_of_a_drift_binds_the_change_since_the_earlier_model(earlier, rule, ceiling, expected):
    granted = (waiver(ceiling, type=""),)
    found = evidence({}, {}, pairs=rounds(1.0, count=12), earlier=(earlier,))
    verdict = judge([policy(rule, waivers=granted)], found)
    assert [str(finding.outcome) for finding in verdict.findings] == expected


def test_a_waiver_that_a_drift_exceeds_says_so_in_terms_of_the_drift():
    found = only(drift(), arm(rounds(1.22, count=12, noise=0)), waivers=(waiver("15%", type=""),))
    assert "waiver W-1 has a ceiling of max_drift increase 15% since v1, found +22.0%" in found.reason


@pytest.mark.parametrize(
    ("earlier", "open_"),
    [
        (arm(rounds(1.0, count=2)), True),
        (arm(rounds(1.0, count=12)), False),
        (arm((), missing=GONE), False),
        (chained(link(1.1)), False),
    ],
    ids=["an arm with few rounds", "an arm that is decided", "nothing to measure", "a chain"],
)
def test_measuring_goes_on_while_an_arm_may_be_settled(earlier, open_):
    steady = rounds(1.0, noise=0.001)
    assert unsettled([policy(drift())], evidence({}, {}, pairs=steady, earlier=(earlier,))) is open_


def test_a_waived_drift_is_measured_until_its_ceiling_is_settled_too():
    near = evidence({}, {}, pairs=rounds(1.0, count=40), earlier=(arm(rounds(1.2, count=12)),))
    assert not unsettled([policy(drift())], near)
    assert unsettled([policy(drift(), waivers=(waiver("20%", type=""),))], near)


def test_a_drift_takes_its_part_of_the_family_s_error():
    one, two = policy(growth(ENERGY)), policy(growth(ENERGY), drift())
    assert [found.plan.stakes for found in (*shared([one]), *shared([two]))] == [Stakes(0.01), Stakes(0.005)]


@pytest.mark.parametrize(("then", "expected"), [("a", "passed"), ("", "passed"), ("b", "inconclusive")])
def test_a_chain_multiplies_only_what_was_measured_with_the_same_inputs(then, expected):
    found = evidence(None, {}, pairs=rounds(1.0), earlier=(chained(link(1.0, terms=then)),), terms="a")
    (finding,) = judge([policy(drift())], found).findings
    assert str(finding.outcome) == expected
    assert ("with other inputs or another batch" in finding.reason) == (expected == "inconclusive")
