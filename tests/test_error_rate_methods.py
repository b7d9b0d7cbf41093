import importlib
import json
import math
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "error_rates"
NAMES = ("judging", "methods", "pools", "scenarios", "tables", "traces", "wald")


@pytest.fixture(scope="module")
def parts():
    """The benchmarks' modules, which lie in no package and are forgotten afterwards."""
    pytest.importorskip("scipy")
    before = set(sys.modules)
    sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    del sys.path[:2]
    for name in set(sys.modules) - before:
        if str(FOLDER.parent) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def rows(parts, ratios, wall=None):
    """Pairs in rounds of two, by the candidate's cost over a baseline of one second."""
    walls = wall or ratios
    return [
        parts.traces.Row(place // 2, place % 2 == 0, (cpu, 1.0), (clock, 1.0), (clock, 1.0))
        for place, (cpu, clock) in enumerate(zip(ratios, walls, strict=True))
    ]


def trace(parts, ratios, **other):
    known = {"scenario": "identical-5", "model": "m", "beside": "nothing", "seed": 1, "verdict": "passed"}
    times = {"seconds": 6.0, "whole_s": 7.0, "load": 0.5}
    return parts.traces.Trace(**{**known, **times, "rows": tuple(rows(parts, ratios)), **other})


def scattered(middle, spread, count, seed=1):
    coin = random.Random(seed)
    return [math.exp(coin.gauss(math.log(middle), spread)) for _ in range(count)]


def method(parts, name):
    return next(one for one in parts.methods.METHODS if one.name == name)


def test_wald_bounds_are_those_of_his_paper(parts):
    stakes = parts.wald.Stakes(false_fail=0.01, false_pass=0.05)
    failing = parts.wald.Oracle(tau=0.05, mean=0.10, variance=1e-4, stakes=stakes)
    passing = parts.wald.Oracle(tau=0.05, mean=0.0, variance=1e-4, stakes=stakes)
    assert failing.bounds == pytest.approx((math.log(0.05 / 0.99), math.log(0.95 / 0.01)))
    assert passing.bounds == pytest.approx((math.log(0.01 / 0.95), math.log(0.99 / 0.05)))


def test_wald_decides_when_the_likelihood_ratio_says_so(parts):
    oracle = parts.wald.Oracle(tau=0.0, mean=1.0, variance=1.0, stakes=parts.wald.Stakes())
    # Each observation of 1 adds 1/2; ln(95) = 4.55 takes ten of them.
    assert oracle.decide([1.0] * 20) == (True, 10)
    assert oracle.decide([0.0] * 20) == (False, 6)
    assert oracle.decide([0.5] * 20) == (None, 20)


def test_wald_needs_about_as_many_as_he_says(parts):
    oracle = parts.wald.Oracle(tau=0.0, mean=0.2, variance=1.0, stakes=parts.wald.Stakes())
    coin = random.Random(3)
    needed = [oracle.decide([coin.gauss(0.2, 1.0) for _ in range(2000)])[1] for _ in range(300)]
    assert sum(needed) / 300 == pytest.approx(oracle.expected, rel=0.15)


def test_no_sign_test_is_quicker_than_its_floor(parts):
    setting = parts.judging.Setting(parts.judging.Stakes(false_fail=0.01, false_pass=0.05), least=1)
    assert setting.floor == (7, 5)
    assert parts.judging.judged([-1.0] * 50, 0.05, setting).used >= 5
    assert parts.judging.judged([+1.0] * 50, 0.05, setting).used >= 7


@pytest.mark.parametrize(
    ("name", "ratios", "verdict"),
    [
        ("mean of wall time", [1.0, 1.0, 1.0, 1.3], True),
        ("mean of wall time", [1.0, 1.0, 1.0, 1.1], False),
        ("minimum of wall time", [1.0, 1.3, 1.3, 1.3], False),
        ("minimum of wall time", [1.06, 1.07, 1.3, 1.3], True),
        ("Welch on wall time, 5%, any difference", [1.02, 1.021, 1.019, 1.02], True),
        ("Welch on wall time, 5%, any difference", [0.98, 0.981, 0.979, 0.98], False),
        ("Welch on wall time, 5%, over the tolerance", [1.02, 1.021, 1.019, 1.02], False),
        ("Welch on wall time, 5%, over the tolerance", [1.07, 1.071, 1.069, 1.07], True),
        ("CodeCarbon around both runs", [1.3, 1.3, 1.0, 1.0], False),
        ("CodeCarbon around both runs", [1.0, 1.0, 1.1, 1.1], True),
    ],
)
def test_rules_on_the_clock_decide_as_they_do(parts, name, ratios, verdict):
    sample = parts.methods.Sample(rows(parts, ratios), rows(parts, ratios), 0.05)
    assert method(parts, name).decide(sample) is verdict


@pytest.mark.parametrize(
    ("candidate", "verdict"), [([1.05, 1.05], False), ([1.0501, 1.0501], True), ([1.0, 1.11], True)]
)
def test_pytest_benchmark_fails_above_the_percentage_and_not_at_it(parts, candidate, verdict):
    stored = [parts.traces.Row(0, candidate_first=True, cpu_s=(9.0, 9.0), wall_s=(9.0, 1.0), run_p50_s=(9.0, 9.0))] * 2
    sample = parts.methods.Sample(rows(parts, candidate), stored, 0.05)
    assert method(parts, "pytest-benchmark, compare-fail=mean").decide(sample) is verdict


@pytest.mark.parametrize("unit", ["pair", "round"])
@pytest.mark.parametrize("test", ["paired t", "Wilcoxon", "bootstrap median"])
@pytest.mark.parametrize(("middle", "verdict"), [(1.0, False), (1.10, True), (1.05, None)])
def test_tests_on_pairs_tell_worse_from_not(parts, test, unit, middle, verdict):
    sample = parts.methods.Sample(rows(parts, scattered(middle, 0.005, 40)), (), 0.05)
    assert method(parts, f"{test} on our CPU {unit}s").decide(sample) is verdict


def test_paired_t_fails_from_the_quantile_of_the_table_on(parts):
    # t of 4 pairs about the tolerance: 4.541 is the 99% quantile at 3 degrees of freedom.
    def sample(shift):
        tau = math.log(1.05)
        return parts.methods.Sample(rows(parts, [math.exp(tau + shift + x) for x in (-1e-3, 1e-3) * 2]), (), 0.05)

    decide = method(parts, "paired t on our CPU pairs").decide
    error = 1e-3 * math.sqrt(4 / 3) / 2
    assert decide(sample(4.53 * error)) is None
    assert decide(sample(4.55 * error)) is True


def test_rounds_are_means_of_their_pairs(parts):
    ratios = [math.exp(x) for x in (0.1, 0.3, -0.2, 0.0)]
    assert trace(parts, ratios).round_means() == pytest.approx([0.2, -0.1])
    assert trace(parts, ratios).round_s == 3.0
    sample = parts.methods.Sample(rows(parts, ratios), (), 0.05)
    assert list(sample.cpu("round")) == pytest.approx([0.2, -0.1])


def test_drawn_rounds_are_whole_ones_of_the_pool(parts):
    pool = parts.pools.Pool("identical-5", "m", "nothing", [trace(parts, scattered(1.0, 0.1, 20))])
    setting = parts.judging.Setting(most=50)
    known = set(pool.observations(setting))
    drawn = list(parts.pools.drawn(pool, setting, 3, seed=1))
    assert [len(one.values) for one in drawn] == [50] * 3
    assert {pair for one in drawn for pair in zip(one.values, one.seconds, strict=True)} <= known
    assert drawn == list(parts.pools.drawn(pool, setting, 3, seed=1))


def test_drawn_within_a_trial_come_from_one_trial(parts):
    traces = [trace(parts, [math.exp(level)] * 8) for level in (0.1, 0.2)]
    pool = parts.pools.Pool("identical-5", "m", "nothing", traces)
    drawn = parts.pools.drawn(pool, parts.judging.Setting(most=20), 10, seed=1, within=True)
    assert {len({round(value, 6) for value in one.values}) for one in drawn} == {1}


def test_the_centre_is_not_moved_by_a_few_disturbed_rounds(parts):
    values = [*(0.01 * x for x in range(-10, 11)), 5.0]
    assert parts.pools.centre_of(values) == pytest.approx(0.0, abs=0.02)
    assert parts.pools.centre_of([x + 1.0 for x in (-0.1, 0.0, 0.1)]) == pytest.approx(1.0)


def test_what_is_at_the_tolerance_by_a_coin_rarely_fails(parts):
    coin, setting = random.Random(5), parts.judging.Setting()
    verdicts = [
        parts.judging.judged([0.05 + coin.choice((-1, 1)) * 0.01 for _ in range(300)], 0.05, setting).verdict
        for _ in range(400)
    ]
    assert verdicts.count("failed") <= 10


@pytest.mark.parametrize(("count", "trials", "limit"), [(0, 100, 0.02951), (0, 1500, 0.001995), (5, 100, 0.10225)])
def test_the_upper_limit_of_a_share_is_clopper_and_pearsons(parts, count, trials, limit):
    assert parts.tables.upper(count, trials) == pytest.approx(limit, rel=1e-3)


def test_a_campaign_continues_after_a_line_that_was_cut_off(parts, tmp_path):
    path = tmp_path / "identical-5.nothing.jsonl.gz"
    about = {"scenario": "identical-5", "model": "m", "beside": "nothing", "verdict": "passed"}
    times = {"seconds": 1.0, "whole_s": 2.0, "load": 0.1}
    pair = [[0, 1, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]
    file = parts.traces.TraceFile(path)
    file.begin(machine="this one")
    file.add(pair, seed=1, **about, **times)
    with (tmp_path / "identical-5.nothing.jsonl").open("a", encoding="utf-8") as half:
        half.write(json.dumps({"seed": 2})[:-3])
    file = parts.traces.TraceFile(path)
    file.begin(machine="this one")
    file.add(pair, seed=2, **about, **times)
    file.fold()
    kept = parts.traces.TraceFile(path)
    assert [one.seed for one in kept.traces] == [1, 2]
    assert kept.campaigns == [{"machine": "this one"}]
    assert kept.traces[0].rows[0].ratio() == pytest.approx(-math.log(2))
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert [one.path for one in parts.traces.stored("", tmp_path)] == [path]


def test_every_scenario_has_one_right_verdict(parts):
    found = {name: scenario.right for name, scenario in parts.scenarios.SCENARIOS.items()}
    assert found == {
        "identical-5": "passed",
        "plus20-5": "failed",
        "plus10-5": "failed",
        "plus7-5": "failed",
        "identical-2": "passed",
        "plus4-2": "failed",
    }
