import math
import random
from statistics import NormalDist

import pytest

from greengate.errors import MeasurementError
from greengate.evidence import Block, Class, Event
from greengate.measure.figures import examined, modelled_energy, runs_needed, static, timed
from greengate.measure.intervals import quantile, values_needed
from greengate.measure.modelled import Processor, Watts, watts_of
from greengate.measure.protocol import Trace, runs_a_block
from greengate.ports import Examination, Reading, StaticCosts

MILAN = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nstepping\t: 1\n\nprocessor\t: 1\n"
WATTS = Watts(0.5, 2.5, "a table")


class Scripted:
    """A workload whose runs take a scripted number of CPU seconds."""

    def __init__(self, cpu_s=0.001):
        self.cpu_s, self.blocks = cpu_s, []

    def renew(self):
        raise AssertionError("a block is sized in one session")

    def block(self, runs):
        self.blocks.append(runs)
        total = runs * self.cpu_s
        return Reading(runs, total, 2 * total, (2 * self.cpu_s,) * runs)


@pytest.mark.parametrize(("cpu_s", "runs"), [(0.001, 10), (0.05, 1), (1e-5, 1000), (0.0, 20_000)])
def test_a_block_is_long_enough_for_the_clock(cpu_s, runs):
    assert runs_a_block(Scripted(cpu_s), 0.010) == pytest.approx(runs, rel=0.01)


def test_a_model_of_seconds_is_run_once_to_find_that_out():
    slow = Scripted(5.0)
    runs_a_block(slow, 0.010)
    assert slow.blocks == [1]


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_quantile_intervals_cover_as_often_as_they_say(share):
    scatter, truth = random.Random(5), NormalDist().inv_cdf(share)
    hits = 0
    for _ in range(500):
        _, low, high = quantile([scatter.gauss(0, 1) for _ in range(120)], share, 0.95)
        hits += low <= truth <= high
    assert 0.93 * 500 <= hits <= 0.995 * 500


@pytest.mark.parametrize(("rounds", "runs"), [(7, 16), (30, 16), (30, 2)])
@pytest.mark.parametrize("session", [0.0, 1.0, 3.0], ids=["independent", "alike", "all but equal"])
def test_the_interval_of_a_median_covers_as_often_where_runs_of_a_round_are_alike(rounds, runs, session):
    scatter, misses = random.Random(3), 0
    for _ in range(400):
        lucks = [scatter.gauss(0, session) for _ in range(rounds)]
        values = [luck + scatter.gauss(0, 1) for luck in lucks for _ in range(runs)]
        _, low, high = quantile(values, 0.5, 0.98, rounds)
        misses += not low <= 0.0 <= high
    assert misses <= 0.04 * 400


def test_rounds_that_differ_widen_the_interval_and_never_beyond_the_extremes():
    values = [float(round_) for round_ in range(7) for _ in range(16)]
    assert quantile(values, 0.5, 0.98) == (3.0, 2.0, 4.0)
    assert quantile(values, 0.5, 0.98, 7) == (3.0, 0.0, 6.0)


def test_too_few_values_have_no_interval_and_say_how_many_it_takes():
    assert quantile([1.0] * 71, 0.95, 0.95) == 72
    assert quantile([1.0] * 72, 0.95, 0.95) == (1.0, 1.0, 1.0)
    assert values_needed(0.5, 0.95) == 6


def test_a_processor_is_known_by_its_cpuid():
    processor = Processor.parse(MILAN)
    assert (processor.family, processor.threads) == (25, 2)
    watts = watts_of(processor)
    assert (watts.idle_w, watts.max_w) == (0.456, 1.957)
    assert watts.source.startswith("EPYC 3rd Gen: Cloud Carbon Footprint")


@pytest.mark.parametrize(("stepping", "name"), [(4, "Skylake"), (7, "Cascade Lake")])
def test_steppings_tell_apart_what_shares_a_model_number(stepping, name):
    assert watts_of(Processor("GenuineIntel", 6, 85, stepping, "", 1)).source.startswith(name)


@pytest.mark.parametrize("cpuinfo", ["", MILAN.replace("25", "99"), "processor : 0\nCPU part : 0xd0c\n"])
def test_an_unknown_processor_has_no_watts_and_is_told_how_to_get_them(cpuinfo):
    with pytest.raises(MeasurementError, match=r"no watts are known for .*\n  hint: declare them in greengate.yaml"):
        watts_of(Processor.parse(cpuinfo))


def test_modelled_joules_are_known_to_a_factor_of_two():
    trace = Trace(blocks={"candidate": [Block(inferences=10, cpu_s=0.01, wall_s=0.02, run_p50_s=0.002)] * 9})
    figure = modelled_energy(trace, "candidate", 0.95, WATTS).figures["energy_per_1k_inferences"]
    assert figure.amount == pytest.approx(2.0)
    assert (figure.interval.low, figure.interval.high) == pytest.approx((1.0, 4.0))
    assert figure.provenance.kind is Class.MODELLED


def test_scatter_and_watts_are_both_in_the_interval():
    low, high = WATTS.widened(0.5, 2.0)
    assert math.log(high) == pytest.approx(math.hypot(math.log(2), math.log(2)))
    assert low * high == pytest.approx(1.0)


def test_without_watts_energy_is_missing_and_never_zero():
    found = modelled_energy(Trace(), "candidate", 0.95, "no watts are known")
    assert (found.figures, found.missing) == ({}, {"energy_per_1k_inferences": "no watts are known"})


def test_where_nothing_was_measured_figures_are_missing_with_the_reason():
    trace = Trace(blocks={"candidate": []}, events=[Event(name="budget", words="the budget ended")])
    words = "nothing was measured; the budget ended"
    assert set(timed(trace, "candidate", 0.95).missing.values()) == {words}
    assert modelled_energy(trace, "candidate", 0.95, WATTS).missing == {"energy_per_1k_inferences": words}


def test_static_figures_are_per_inference_and_exact():
    found = static(StaticCosts(4000, 10, 40, None, "macs-1", ("node Foo: unknown",)), batch=4)
    assert found.figures["flops_per_inference"].amount == 2000
    assert found.figures["flops_per_inference"].interval.exact
    assert found.missing == {"activation_bytes": "cannot be counted: node Foo: unknown"}


def test_latency_quantiles_without_enough_runs_are_missing():
    blocks = [Block(inferences=4, cpu_s=0.1, wall_s=0.2, run_p50_s=0.2, run_s=(0.2,) * 10)] * 10
    found = timed(Trace(blocks={"candidate": blocks}), "candidate", 0.95)
    assert sorted(found.figures) == ["latency_p50", "latency_p95", "throughput"]
    assert found.figures["throughput"].amount == 20
    assert "needs at least 448 runs, 100 were measured" in found.missing["latency_p99"]
    assert runs_needed(["latency_p95", "model_size"], 0.95) == 89


def test_an_examination_gives_size_and_peak_memory():
    found = examined(Examination("d", 1000, 5000, (), (), {}, ("no Landlock",)), 0.95).figures
    assert found["model_size"].interval.exact
    assert found["peak_memory"].interval.low < 5000 < found["peak_memory"].interval.high
    assert found["peak_memory"].provenance.degraded == ("no Landlock",)
