import itertools
import math

import pytest
from made import evidence, growth, policy
from rounds_made import Bench, Model, course

from greengate.betting import Stakes
from greengate.errors import MeasurementError
from greengate.gate import judge, unsettled
from greengate.measure.protocol import Schedule, measure
from greengate.measure.trace import drift
from greengate.paired import Series
from greengate.ports import Reading

ENERGY = "energy_per_1k_inferences"
LONG = Schedule(min_pairs=40)


def always(_):
    return True


class TestRounds:
    """The order of things."""

    def test_hold_both_orders(self):
        pairs = course(schedule=LONG).pairs
        firsts = [[pair.candidate_first for pair in pairs if pair.round == number] for number in range(20)]
        assert all(sorted(orders) == [False, True] for orders in firsts)

    def test_begin_with_either_model_by_chance(self):
        firsts = [pair.candidate_first for pair in course(schedule=LONG).pairs[::2]]
        assert 4 < sum(firsts) < 16

    def test_are_in_the_same_order_for_the_same_seed(self):
        orders = [
            [pair.candidate_first for pair in course(schedule=Schedule(min_pairs=40, seed=seed)).pairs]
            for seed in (1, 1, 2)
        ]
        assert orders[0] == orders[1] != orders[2]

    def test_begin_with_fresh_sessions_of_both_in_random_order(self):
        bench = Bench()
        course(bench, LONG)
        renewed = [name for what, name in bench.log if what == "renew"]
        assert len(renewed) == 2 * 20
        assert all(sorted(both) == ["baseline", "candidate"] for both in zip(renewed[::2], renewed[1::2], strict=True))
        assert 4 < renewed[::2].count("candidate") < 16

    def test_renew_before_they_measure_and_not_between(self):
        bench = Bench()
        course(bench, Schedule(min_pairs=4))
        words = "".join({"renew": "r", "block": "b"}[what] for what, name in bench.log if name != "control")
        assert words.endswith("bbbb" + "rr" + "bbbb")

    def test_end_with_the_control_workload(self):
        bench = Bench()
        trace = course(bench, LONG)
        assert bench.log[-1] == ("block", "control")
        assert len(trace.control_s) == trace.rounds == 20
        assert set(trace.control_s) == {0.001}

    def test_of_a_third_arm_give_pairs_with_both(self):
        bench = Bench()
        names = ("candidate", "baseline", "model of v1")
        models = {
            name: bench.model(name, 0.010 * (1.1 if name == "model of v1" else 1.0), scatter=0.001) for name in names
        }
        trace = course(bench, LONG, **models)
        third = trace.against["model of v1"]
        assert len(trace.pairs) == len(third) == 40
        assert [pair.candidate for pair in third] == [pair.candidate for pair in trace.pairs]
        assert third[0].candidate.cpu_s / third[0].baseline.cpu_s == pytest.approx(1 / 1.1, rel=0.01)
        assert sorted(pair.candidate_first for pair in third) == [False] * 20 + [True] * 20

    def test_without_a_baseline_hold_blocks_and_no_pairs(self):
        bench = Bench()
        trace = course(bench, candidate=bench.model("candidate"), batch=4)
        assert (trace.pairs, trace.against, len(trace.blocks["candidate"])) == ([], {}, 12)
        assert trace.blocks["candidate"][0].inferences == 4

    def test_note_what_else_the_machine_did(self):
        block = course(Bench({"always": ("stolen", 0.1)})).pairs[0].candidate
        assert (block.preempted, block.yielded) == (3, 4)
        assert (block.foreign_s, block.steal_s) == pytest.approx((0.0, 0.002), abs=1e-9)

    def test_make_up_no_foreign_load_where_the_system_does_not_tell(self):
        block = course(Bench(tells_load=False)).pairs[0].candidate
        assert (block.foreign_s, block.steal_s) == (None, None)


class TestItEnds:
    """When measuring stops."""

    def test_when_all_is_settled(self):
        assert len(course(unsettled=lambda trace: len(trace.pairs) < 20).pairs) == 20

    def test_not_before_the_fewest_pairs(self):
        assert len(course(schedule=Schedule(min_pairs=16)).pairs) == 16

    def test_not_before_the_quantiles_have_their_runs(self):
        trace = course(schedule=Schedule(min_runs=50))
        assert len(trace.runs("candidate")) == len(trace.runs("baseline")) == 50

    @pytest.mark.parametrize(("most", "pairs"), [(15, 14), (14, 14), (1, 2)])
    def test_with_the_last_whole_round_of_the_most_pairs(self, most, pairs):
        assert len(course(schedule=Schedule(max_pairs=most), unsettled=always).pairs) == pairs

    def test_at_once_in_a_budget_of_nothing(self):
        trace = course(schedule=Schedule(budget_s=0), unsettled=always)
        assert (trace.pairs, trace.rounds, trace.discarded_pairs) == ([], 0, 0)
        (event,) = trace.events
        assert event.name == "budget"
        assert event.words == (
            "the budget of 0 s ended before the first round of pairs, which takes about 0.04 s; "
            "`measurement: {budget: …}` gives more"
        )

    def test_without_a_round_where_the_budget_is_too_short_for_one(self):
        bench = Bench()
        slow = {name: bench.model(name, 5.0) for name in ("candidate", "baseline")}
        trace = course(bench, Schedule(budget_s=15), always, **slow)
        assert (trace.pairs, bench.now_s <= 15) == ([], True)
        assert "which takes about 40 s" in trace.events[0].words

    def test_as_soon_as_a_single_run_is_longer_than_the_budget(self):
        bench = Bench()
        candidate, baseline = bench.model("candidate", 100.0), bench.model("baseline", 100.0)
        course(bench, Schedule(budget_s=10), always, candidate=candidate, baseline=baseline)
        assert (candidate.blocks, baseline.blocks) == ([1], [])

    @pytest.mark.parametrize(
        ("ours_s", "theirs_s", "load_s", "rounds"),
        [
            (50e-6, 50e-6, 0.01, 300),
            (0.009, 0.009, 0.05, 283),
            (0.105, 0.105, 0.3, 42),
            (5.0, 5.0, 0.5, 1),
            (9.0, 0.009, 0.1, 1),
            (0.05, 50e-6, 0.01, 245),
        ],
        ids=["50 us", "9 ms", "105 ms", "5 s", "1000x slower and slow", "1000x slower and quick"],
    )
    def test_within_the_budget_however_long_a_run_takes(self, ours_s, theirs_s, load_s, rounds):
        bench = Bench()
        models = {
            "candidate": bench.model("candidate", ours_s, load_s=load_s, scatter=0.01),
            "baseline": bench.model("baseline", theirs_s, load_s=load_s, scatter=0.01),
        }
        trace = course(bench, Schedule(budget_s=60), always, **models)
        assert trace.rounds == pytest.approx(rounds, abs=2)
        assert bench.now_s <= 60.0
        assert trace.seconds <= bench.now_s

    def test_and_tells_how_far_it_has_come(self):
        bench, told = Bench(), []
        models = {name: bench.model(name) for name in ("candidate", "baseline")}
        batches = dict.fromkeys(models, 1)
        measure(models, batches, Schedule(budget_s=4, max_pairs=60), always, None, told.append, bench.look)
        assert told == sorted(told)
        assert (0.0 < told[0] < 0.1, told[-1]) == (True, 1.0)


def verdict(bench, budget_s=60.0, **models):
    """Measure under a rule of 5% until it is settled; return the trace and the finding."""
    judged = [policy(growth(ENERGY), budget_s=budget_s)]

    def facts(trace):
        return evidence(
            {}, {}, pairs=tuple(trace.pairs), measured_s=trace.seconds, voided=trace.voided, events=tuple(trace.events)
        )

    trace = course(bench, Schedule(budget_s=budget_s), lambda trace: unsettled(judged, facts(trace)), **models)
    return trace, judge(judged, facts(trace)).findings[0]


@pytest.mark.parametrize(
    ("ours_s", "theirs_s", "outcome"),
    [
        (50e-6, 50e-6, "passed"),
        (50e-6, 45e-6, "failed"),
        (0.105, 0.105, "passed"),
        (0.05, 50e-6, "failed"),
        (0.001, 1.0, "passed"),
    ],
    ids=["50 us", "50 us, +11%", "105 ms", "1000x slower", "1000x faster"],
)
def test_models_of_any_speed_have_their_verdict(ours_s, theirs_s, outcome):
    bench = Bench()
    models = {"session": 0.01, "scatter": 0.01}
    _, finding = verdict(
        bench,
        candidate=bench.model("candidate", ours_s, **models),
        baseline=bench.model("baseline", theirs_s, **models),
    )
    assert str(finding.outcome) == outcome
    assert bench.now_s < 60


@pytest.mark.parametrize(
    ("ours_s", "theirs_s", "advice"),
    [
        (
            5.0,
            5.0,
            "still open after 1 round of pairs, and no verdict takes fewer than 6: about 3.3 min more (`budget`)",
        ),
        (
            9.0,
            0.009,
            "still open after 1 round of pairs, and no verdict takes fewer than 6: about 3 min more (`budget`)",
        ),
    ],
    ids=["5 s", "1000x slower, 9 s a run"],
)
def test_models_too_slow_for_the_budget_are_honestly_inconclusive(ours_s, theirs_s, advice):
    bench = Bench()
    _, finding = verdict(bench, candidate=bench.model("candidate", ours_s), baseline=bench.model("baseline", theirs_s))
    assert (str(finding.outcome), finding.reason) == ("inconclusive", advice)


def test_models_of_5_s_have_their_verdict_where_the_budget_is_what_was_advised():
    bench = Bench()
    _, finding = verdict(
        bench, 300.0, candidate=bench.model("candidate", 5.5, scatter=0.005), baseline=bench.model("baseline", 5.0)
    )
    assert str(finding.outcome) == "failed"
    assert bench.now_s < 300


class TestADisturbedRound:
    """What is dropped, counted and told."""

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            (("suspended", 5.0), "round 8 was dropped: the machine was suspended for 5.0 s"),
            (
                ("stolen", 0.7),
                "round 8 was dropped: the hypervisor kept 0.06 CPU s of the 0.08 s that the processors have",
            ),
            (("slowed", 3.0), "round 8 was dropped: the control workload cost 3.0 times the usual"),
        ],
        ids=lambda what: what[0] if isinstance(what, tuple) else "",
    )
    def test_is_dropped_as_a_whole_and_told(self, what, words):
        trace = course(Bench({7: what}), LONG)
        assert (trace.rounds, len(trace.pairs), trace.discarded_pairs, len(trace.control_s)) == (20, 40, 2, 21)
        assert 7 not in {pair.round for pair in trace.pairs}
        assert [(event.name, event.words) for event in trace.events] == [(what[0], words)]
        assert len(trace.blocks["candidate"]) == len(trace.runs("baseline")) == 40

    def test_is_counted_for_every_arm(self):
        bench = Bench({7: ("suspended", 1.0)})
        models = {name: bench.model(name) for name in ("candidate", "baseline", "model of v1")}
        trace = course(bench, LONG, **models)
        assert trace.discarded_pairs == 4
        assert len(trace.against["model of v1"]) == 40

    def test_is_told_once_and_the_rest_counted(self):
        trace = course(Bench({3: ("suspended", 1.0), 5: ("suspended", 1.0), 8: ("suspended", 1.0)}), LONG)
        assert [(event.name, event.words) for event in trace.events] == [
            ("suspended", "round 4 was dropped: the machine was suspended for 1.0 s"),
            ("discarded", "2 more rounds were dropped for the same reasons (suspended)"),
        ]

    def test_leaves_the_verdict_to_the_others(self):
        bench = Bench({4: ("suspended", 900.0)})
        trace, finding = verdict(bench)
        assert (str(finding.outcome), trace.discarded_pairs) == ("passed", 2)

    def test_is_nothing_to_go_by_if_all_are(self):
        trace = course(Bench({"always": ("suspended", 1.0)}), Schedule(budget_s=1.0), always)
        assert (trace.rounds, trace.pairs) == (0, [])
        assert [event.name for event in trace.events] == ["suspended", "budget", "discarded"]
        assert trace.events[1].words == "the budget of 1 s ended before a round of pairs was left that counts"
        assert trace.unmeasured.startswith(
            "nothing was measured; round 1 was dropped: the machine was suspended for 1.0 s; the budget of 1 s ended"
        )


class TestAMachineThatDrifts:
    """The control workload's word on the whole run."""

    def test_voids_the_run(self):
        trace = course(Bench(dict.fromkeys(range(10, 20), ("slowed", 1.4))), LONG)
        assert trace.voided == (
            "the machine drifted: the control workload cost +40% in the second half of the run, "
            "and more than 30% voids it"
        )

    def test_that_only_wavers_voids_nothing(self):
        assert course(Bench(dict.fromkeys(range(0, 20, 3), ("slowed", 1.4))), LONG).voided == ""

    @pytest.mark.parametrize(
        ("costs", "voided"),
        [
            ([1.0] * 20, False),
            ([1.0] * 10 + [1.29] * 10, False),
            ([1.0] * 10 + [1.31] * 10, True),
            ([1.31] * 10 + [1.0] * 10, True),
            ([1.0, 9.0], False),
            ([0.0] * 10, False),
            ([0.0] * 5 + [1.0] * 5, False),
            ([], False),
        ],
        ids=["steady", "+29%", "+31%", "faster", "too few to tell", "a coarse clock", "a coarser one", "none"],
    )
    def test_is_told_from_the_two_halves(self, costs, voided):
        assert bool(drift(costs)) is voided


class Frozen(Model):
    """A model whose clock stands still."""

    def block(self, runs):
        super().block(runs)
        return Reading(runs, 0.0, 0.001, (0.001 / runs,) * runs)


def test_a_model_faster_than_the_clock_is_an_error_and_no_zero():
    bench = Bench()
    with pytest.raises(MeasurementError, match="does not resolve the model; give it a larger batch"):
        course(bench, candidate=Frozen(bench, "candidate", 1e-9), baseline=bench.model("baseline"))


class Instant(Model):
    """A model whose single runs begin and end at one tick of the clock."""

    def block(self, runs):
        reading = super().block(runs)
        return Reading(runs, reading.cpu_s, reading.wall_s, (0.0,) * runs)


def test_single_runs_that_the_clock_does_not_resolve_are_an_error_too():
    bench = Bench()
    with pytest.raises(MeasurementError, match="does not resolve the model"):
        course(bench, candidate=Instant(bench, "candidate", 1e-3), baseline=bench.model("baseline"))


class Coarse(Model):
    """A control workload below the clock's ticks."""

    def block(self, runs):
        super().block(runs)
        return Reading(runs, 0.0, 0.001, (0.001 / runs,) * runs)


def test_a_control_workload_below_the_clock_voids_and_drops_nothing():
    bench = Bench()
    models = {name: bench.model(name) for name in ("candidate", "baseline")}
    trace = measure(models, dict.fromkeys(models, 1), LONG, always, Coarse(bench, "c", 1e-9), look=bench.look)
    assert (trace.voided, trace.events, trace.discarded_pairs) == ("", [], 0)


class Counting(Model):
    """Its runs take as many seconds as their place in the block says."""

    def block(self, runs):
        reading = super().block(runs)
        return Reading(runs, reading.cpu_s, reading.wall_s, tuple(float(place) for place in range(1, runs + 1)))


def test_of_a_block_with_many_runs_those_kept_lie_evenly():
    bench = Bench()
    block = course(bench, candidate=Counting(bench, "candidate", 1e-4)).blocks["candidate"][0]
    assert len(block.run_s) == 8
    assert {later - earlier for earlier, later in itertools.pairwise(block.run_s)} <= {12.0, 13.0}
    assert block.run_p50_s == 51.0


@pytest.mark.parametrize("run_s", [1e-4, 0.00063, 0.005], ids=["100 runs", "16 runs", "2 runs"])
def test_each_run_of_a_block_is_kept_as_often_as_another(run_s):
    bench = Bench()
    blocks = course(bench, LONG, candidate=Counting(bench, "candidate", run_s)).blocks["candidate"]
    kept = [run / block.inferences for block in blocks for run in block.run_s]
    assert sum(share <= 0.5 for share in kept) == pytest.approx(len(kept) / 2, rel=0.1)
    assert sum(block.run_s[0] == 1.0 for block in blocks) == pytest.approx(
        len(blocks) * min(1.0, 8 / blocks[0].inferences), abs=len(blocks) / 5
    )


class Cold(Model):
    """Its first run of a block is dearer than the others, and each is a little off."""

    def block(self, runs):
        self.blocks.append(runs)
        luck = math.exp(self.bench.chance.gauss(0, self.scatter))
        each = [self.run_s * luck * math.exp(self.bench.chance.gauss(0, self.scatter)) for _ in range(runs)]
        each[0] *= 1.3
        self.bench.work(sum(each), sum(each))
        return Reading(runs, sum(each), sum(each), tuple(each))


def test_identical_models_have_equally_many_runs_a_block_whatever_their_sizing_said():
    for seed in range(20):
        bench = Bench(seed=seed)
        models = {name: Cold(bench, name, 0.00065, scatter=0.01) for name in ("candidate", "baseline")}
        course(bench, Schedule(min_pairs=2), **models)
        assert models["candidate"].blocks[-1] == models["baseline"].blocks[-1]


def test_a_first_run_that_is_dearer_fails_no_identical_model():
    for seed in range(8):
        bench = Bench(seed=seed)
        models = {name: Cold(bench, name, 0.00065, scatter=0.01) for name in ("candidate", "baseline")}
        pairs = course(bench, Schedule(min_pairs=60, seed=seed), **models).pairs
        assert Series("p95", tuple(pairs)).decide(math.log(1.05), Stakes()).worse is not True


def test_models_that_cost_far_more_or_less_have_blocks_of_their_own_size():
    bench = Bench()
    models = {"candidate": bench.model("candidate", 9.0), "baseline": bench.model("baseline", 0.009)}
    course(bench, Schedule(min_pairs=2), **models)
    assert [model.blocks[-1] for model in models.values()] == [1, 2]
