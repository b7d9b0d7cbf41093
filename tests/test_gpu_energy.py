"""What is compared on a GPU: its counter around each block, on a scripted machine with a scripted counter."""

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from drifts_made import ENERGY, chained, drift, link
from gpu_made import GpuMeter, GpuWorkload, look, quiet
from made import evidence, growth, policy
from meters_made import PowerMeter, after, dies, sticks
from nvml_made import Device, installed

from greengate import energy, gathering, known, meters, registry
from greengate.case import Case
from greengate.evidence import Block, Class, Model, Pair
from greengate.gate import judge, unsettled
from greengate.measure import device_blocks
from greengate.measure.device_blocks import BLOCK_S, DeviceMeter, choose, watched
from greengate.measure.figures import Figures
from greengate.measure.meters.nvml import NvmlMeter
from greengate.measure.modelled import Watts
from greengate.measure.protocol import Schedule, measure
from greengate.measure.windows import Plan, Work, take
from greengate.paired import log_ratios
from greengate.ports import Examination, ModelSpec, NotHere, StaticCosts

NOT_SETTLED = lambda _: True  # noqa: E731 - as short as it is
WATTS = Watts(0.5, 2.0, "a table")


def measured(machine, meter, budget_s=120.0, unsettled=NOT_SETTLED, hosted=1, parent=lambda _: None, **workloads):
    """Measure candidate and baseline on a scripted GPU as a gate does."""
    here = machine.surroundings()
    with watched(meter, meter.probe(), seed=0, hosted=hosted, here=here, parent=parent) as device:
        left_s = budget_s - device.settle(budget_s)
        schedule = Schedule(budget_s=left_s, block_wall_s=BLOCK_S)
        batches = dict.fromkeys(workloads, 8)
        trace = measure(workloads, batches, schedule, unsettled, look=look(machine), device=device)
        trace.events += device.events()
        trace.remarks += device.remarks()
    return trace


def two(machine, candidate, seed=0):
    return {
        "candidate": GpuWorkload(machine, seed=f"c{seed}", **candidate),
        "baseline": GpuWorkload(machine, seed=f"b{seed}"),
    }


def as_evidence(trace, **rest):
    return evidence({}, {}, pairs=tuple(trace.pairs), measured_s=trace.seconds, device="cuda:0", **rest)


def verdict(found, limit="5%"):
    (finding,) = judge([policy(growth(ENERGY, limit))], found).findings
    return finding


def kept(machine, meter, **rest):
    trace = measured(machine, meter, **rest, **two(machine, {}))
    return trace, [pair for pair in trace.pairs if pair.candidate.device_j is not None]


# Blocks


def test_a_block_s_energy_is_its_power_above_idle_times_its_length():
    machine = quiet()
    trace, _ = kept(machine, GpuMeter(machine))
    for block in trace.blocks["candidate"]:
        assert block.device_j == pytest.approx((300 - 60) * block.wall_s, rel=0.03)


def test_blocks_are_long_enough_for_the_counter_and_begin_a_random_time_apart():
    machine = quiet()
    workload = GpuWorkload(machine, noise=0.0)
    trace = measured(machine, GpuMeter(machine), candidate=workload)
    assert min(block.wall_s for block in trace.blocks["candidate"]) >= 1.5 - 1e-9
    assert machine.now_s - 1000 > sum(workload.blocks) + device_blocks.IDLE_S


def test_the_length_of_blocks_goes_by_the_clock_where_cpu_seconds_say_nothing():
    machine = quiet()
    trace = measured(machine, GpuMeter(machine), candidate=GpuWorkload(machine, run_s=1e-4, noise=0.0))
    assert {block.inferences for block in trace.blocks["candidate"]} == {8 * 15_000}


@pytest.mark.parametrize(
    ("candidate", "outcome"),
    [
        ({}, "passed"),
        ({"watts": 300 + 0.1 * 240}, "failed"),
        ({"run_s": 0.011}, "failed"),
        ({"watts": 300 - 0.1 * 240}, "passed"),
    ],
    ids=["identical", "+10% power", "+10% time", "-10% power"],
)
@pytest.mark.parametrize("seed", range(5))
def test_the_verdict_on_a_gpu_comes_out_right(candidate, outcome, seed):
    machine = quiet()
    works = two(machine, candidate, seed)
    rule = policy(growth(ENERGY, "5%"))
    trace = measured(machine, GpuMeter(machine), unsettled=lambda t: unsettled([rule], as_evidence(t)), **works)
    assert str(verdict(as_evidence(trace)).outcome) == outcome
    assert trace.seconds < 90


def test_cpu_seconds_are_never_compared_on_a_gpu():
    machine = quiet()
    trace, _ = kept(machine, GpuMeter(machine))
    assert max(abs(x) for x in log_ratios("cpu", trace.pairs)) < 0.05
    wild = [pair.candidate.cpu_s / pair.baseline.cpu_s for pair in trace.pairs]
    assert max(wild) > 2 * min(wild)


def test_a_power_meter_of_the_moment_stands_in_for_a_missing_counter():
    machine = quiet()
    power = PowerMeter(machine, id="nvml-power", shortest_window_s=10.0)
    trace = measured(machine, power, **two(machine, {"watts": 324}))
    assert str(verdict(as_evidence(trace)).outcome) == "failed"


def test_the_counter_is_chosen_and_a_mean_over_a_second_is_not():
    machine = quiet()
    counter, power = GpuMeter(machine), PowerMeter(machine, id="nvml-power", shortest_window_s=10.0)
    mean, package = PowerMeter(machine, shortest_window_s=30.0), GpuMeter(machine, id="rapl", scope="package")
    pairs = [(meter, meter.probe()) for meter in (mean, package, power, counter)]
    assert choose(pairs)[0] is counter
    assert choose(pairs[:3])[0] is power
    assert choose(pairs[:2]) is None


# What goes wrong


@pytest.mark.parametrize(
    ("twist", "name"),
    [
        (sticks(40), "stuck"),
        (after(40, 0.0), "zero"),
        (dies(40, "device-error", "gpu-0 (NVIDIA L4): GPU_IS_LOST"), "device-error"),
        (dies(40, "timeout", "no answer"), "timeout"),
    ],
    ids=["frozen", "zero", "lost", "slow"],
)
def test_a_block_whose_reading_is_spoiled_has_no_energy_and_the_event_a_name(twist, name):
    machine = quiet()
    trace, good = kept(machine, GpuMeter(machine, twist=twist))
    assert 0 < len(good) < len(trace.pairs)
    assert all(block.device_j is None or block.device_j > 0 for block in trace.blocks["baseline"])
    (event,) = [event for event in trace.events if event.name == name]
    assert "blocks, whose rounds do not count for energy: " in event.words
    usable = {pair.round for pair in trace.pairs} - {
        pair.round for pair in trace.pairs if None in (pair.candidate.device_j, pair.baseline.device_j)
    }
    assert len(log_ratios("cpu", trace.pairs)) == len(usable)


@pytest.mark.parametrize("twist", [sticks(0), after(0, 0.0), dies(0)], ids=["frozen", "zero", "dead"])
def test_with_every_block_spoiled_it_is_inconclusive_and_never_a_pass(twist):
    machine = quiet()
    trace, good = kept(machine, GpuMeter(machine, twist=twist))
    found = verdict(as_evidence(trace, missing={ENERGY: "the GPU's meter gave no figure"}))
    assert (good, str(found.outcome), found.reason) == ([], "inconclusive", "the GPU's meter gave no figure")
    assert any("in the idle window, so that no block's energy is known" in event.words for event in trace.events)


def test_measuring_does_not_go_on_in_vain_where_the_meter_is_dead():
    machine = quiet()
    rule = policy(growth(ENERGY, "5%"))
    meter = GpuMeter(machine, twist=dies(0))
    trace = measured(machine, meter, unsettled=lambda t: unsettled([rule], as_evidence(t)), **two(machine, {}))
    assert len(trace.pairs) == 12


@pytest.mark.parametrize("watts", [59.0, 60.0, 60.5])
def test_a_model_that_cannot_be_told_from_idle_is_no_zero(watts):
    machine = quiet()
    meter = GpuMeter(machine)
    trace = measured(machine, meter, **two(machine, {"watts": watts}))
    assert [block.device_j for block in trace.blocks["candidate"]] == [None] * len(trace.blocks["candidate"])
    assert [event.name for event in trace.events] == ["at-idle"]


def test_a_budget_too_short_for_the_idle_power_says_so_and_the_rest_is_measured():
    machine = quiet()
    trace, good = kept(machine, GpuMeter(machine), budget_s=30.0)
    assert (good, [event.name for event in trace.events]) == ([], ["budget"])
    assert trace.events[0].words.startswith("nvml: budget: to find its idle power takes 12 s")
    assert len(log_ratios("wall", trace.pairs)) > 0


# Who else is there


@pytest.mark.parametrize(
    ("pids", "parents", "hosted", "words"),
    [
        ([], {}, 1, ""),
        (None, {}, 1, ""),
        ([7], {7: os.getpid()}, 1, ""),
        ([7, 8], {7: os.getpid(), 8: 1}, 1, "another process (pid 8)"),
        ([8], {8: 1}, 1, "another process (pid 8)"),
        ([70], {}, 1, ""),
        ([70, 71], {}, 2, ""),
        ([70, 71, 72], {}, 1, "2 other processes"),
    ],
    ids=["nobody", "not told", "ours", "ours and one", "one alone", "ours unseen", "two of ours", "and others"],
)
def test_whoever_else_computes_on_the_gpu_is_told(pids, parents, hosted, words):
    machine = quiet()
    meter = GpuMeter(machine, processes=pids)
    trace = measured(machine, meter, hosted=hosted, parent=parents.get, candidate=GpuWorkload(machine))
    told = [event.words for event in trace.events if event.name == "foreign-load"]
    assert told == (
        [f"foreign-load: {words} had work on the GPU meanwhile, and what that drew is in the readings"] if words else []
    )


def test_the_parent_of_a_process_is_read_where_it_can_be_seen():
    assert device_blocks.parent_of(os.getpid()) == os.getppid()
    assert device_blocks.parent_of(2**22 + 1) is None


def test_idle_power_and_temperature_are_told():
    machine = quiet()
    trace = measured(machine, GpuMeter(machine), candidate=GpuWorkload(machine))
    assert trace.remarks == [
        "all drew 60 W when idle, which is taken off",
        "all was at 40.5 °C before measuring, and at 63 °C at most",
    ]


@pytest.mark.parametrize(
    ("devices", "found"),
    [
        ([Device(processes=(11, 12)), Device(processes=(13,))], [11, 12, 13]),
        ([Device()], []),
        ([Device(processes="NOT_SUPPORTED")], None),
    ],
    ids=["on two GPUs", "nobody", "not told"],
)
def test_who_computes_is_asked_of_nvml(monkeypatch, devices, found):
    installed(monkeypatch, *devices)
    meter = NvmlMeter()
    meter.probe()
    assert meter.processes() == found
    assert isinstance(meter, DeviceMeter)


# Figures


def case(**rest):
    given = {"model": Model(name="m"), "quality": lambda *_: Figures(), "metered": True}
    specs = {"candidate": ModelSpec(Path("c.onnx"), Path(), device=rest.pop("device", "cuda:0"))}
    return Case(**{"specs": specs, **given, **rest})


@pytest.mark.parametrize(
    ("device", "read"), [("cuda:0", ["nvml", "plug"]), ("cpu", ["rapl", "plug"])], ids=["on a GPU", "on the CPU"]
)
def test_the_meters_of_what_does_the_work_are_read(monkeypatch, device, read):
    machine = quiet()
    meters_ = [
        GpuMeter(machine, id=name, scope=scope)
        for name, scope in (("nvml", "device"), ("rapl", "package"), ("plug", "host"))
    ]
    seen = []
    monkeypatch.setattr(energy, "windows", lambda *given: seen.extend(facts.id for _, facts in given[3]))
    found = case(device=device, meters=tuple((meter, meter.probe()) for meter in meters_))
    gathering._windows(found, {}, {}, SimpleNamespace(seconds=0.0), Schedule(), gathering.Watch())
    assert seen == read


def gpu_energies(plan, unmetered="", watts=300.0):
    machine = quiet()
    works = {"candidate": GpuWorkload(machine, watts=watts), "baseline": GpuWorkload(machine, seed=1)}
    meter = GpuMeter(machine, shortest_window_s=10.0)
    trace = measured(machine, meter, **works)
    meters_ = [] if unmetered else [(meter, meter.probe())]
    batches = {subject: Work(work, 8, 100) for subject, work in works.items()}
    campaign = take(batches, meters_, plan, machine.surroundings())
    return energy.energies(trace, campaign, list(works), 0.95, WATTS, energy.Gpu(unmetered))


def test_energy_on_a_gpu_is_its_counter_s_and_the_processor_s_share_a_line_of_its_own():
    found = gpu_energies(Plan(1000))
    figure, share = found.figures["candidate"].figures[ENERGY], found.crosschecks["candidate"].figures
    assert figure.amount == pytest.approx((300 - 60) * 0.01 / 8 * 1000, rel=0.02)
    assert (figure.provenance.kind, figure.provenance.scope) == (Class.COUNTER, "device")
    assert {name: one.provenance.scope for name, one in share.items()} == {"cpu-seconds": "process"}
    assert [event.name for event in found.events] == []


def test_a_budget_too_small_for_windows_leaves_the_figure_missing_and_never_the_processor_s():
    found = gpu_energies(Plan(20))
    assert found.figures["candidate"].figures == {}
    assert found.figures["candidate"].missing[ENERGY].startswith("nvml: budget: 11 windows of 10.2 s or more need")


def test_without_a_meter_the_reason_is_told():
    found = gpu_energies(Plan(1000), "no meter of the GPU can be read: nvml is not installed")
    assert found.figures["baseline"].missing == {ENERGY: "no meter of the GPU can be read: nvml is not installed"}


def test_why_no_meter_of_a_gpu_can_be_read_is_told_once():
    gone = NotHere("the package nvidia-ml-py is not installed", "pip install 'greengate-ci[nvidia]'")
    found = [meters.Found(word, None, gone) for word in ("nvml", "nvml-power", "rapl-powercap")]
    words = f"no meter of the GPU can be read: {gone.why} ({gone.hint})"
    assert meters.unreadable(found) == words
    machine = quiet()
    assert meters.unreadable([*found, meters.Found("nvml", None, GpuMeter(machine).probe())]) == ""


def test_the_meter_of_a_gpu_reads_that_one_alone():
    assert registry.meter("nvml", "3")._wanted == ["3"]
    assert registry.meter("nvml", "0", "GPU-a")._wanted == ["0", "GPU-a"]
    assert registry.meter("nvml")._wanted is None
    assert isinstance(registry.meter("nvml", "GPU-a"), NvmlMeter)
    assert registry.meter("rapl-powercap", "3").probe()


class GpuLoader:
    """A loader whose models run on a scripted GPU."""

    def __init__(self, machine, candidate):
        self.machine, self.candidate = machine, candidate

    def examine(self, spec):
        return Examination(spec.path.name, 1000, 5000, (), (), {"onnxruntime": "1.99"}, ("3 of 5 nodes on the CPU",))

    def count(self, spec):
        return StaticCosts(100 * spec.batch, 10, 40, 40, "macs-1")

    @contextmanager
    def bench(self, specs):
        works = two(self.machine, self.candidate)
        yield {subject: works[subject] for subject in specs}


def gathered(monkeypatch, candidate, budget_s=300.0, **rest):
    """Gather evidence on a scripted machine, whose clock the budget does not see."""
    machine = quiet()
    here = machine.surroundings()
    meter = GpuMeter(machine, shortest_window_s=10.0)
    monkeypatch.setattr(known, "loader_of", lambda _: GpuLoader(machine, candidate))
    monkeypatch.setattr(device_blocks, "watched", partial(watched, here=here, parent=lambda _: os.getpid()))
    monkeypatch.setattr(energy, "take", partial(take, here=here))
    specs = {
        name: ModelSpec(Path(f"{name}.onnx"), Path(), batch=8, device="cuda:0") for name in ("candidate", "baseline")
    }
    meters_ = rest.pop("meters", ((meter, meter.probe()),))
    found = case(specs=specs, meters=meters_, watts=WATTS, **rest)
    rule = policy(growth(ENERGY, "5%"))
    schedule = Schedule(budget_s=budget_s, max_pairs=60)
    return gathering.gather(found, [rule], schedule, "2026-11-21T10:00:00Z", gathering.Watch())


@pytest.mark.parametrize(("candidate", "outcome"), [({}, "passed"), ({"watts": 324}, "failed")])
def test_a_gate_on_a_gpu_from_files_to_verdict(monkeypatch, candidate, outcome):
    found = gathered(monkeypatch, candidate)
    assert str(verdict(found).outcome) == outcome
    assert found.candidate.figures[ENERGY].provenance.scope == "device"
    assert list(found.candidate.crosschecks) == ["cpu-seconds"]
    assert (found.device, found.runner.runtime) == ("cuda:0", {"onnxruntime": "1.99", "gpu": "NVIDIA L4"})
    assert (found.events, found.notes[0]) == ((), "all drew 60 W when idle, which is taken off")
    assert "3 of 5 nodes on the CPU" in found.notes


def test_in_a_small_budget_the_pairs_still_decide_and_the_figure_says_why_it_is_missing(monkeypatch):
    found = gathered(monkeypatch, {"watts": 324}, budget_s=60.0)
    assert str(verdict(found).outcome) == "failed"
    assert found.candidate.missing[ENERGY].startswith("nvml: budget: ")


def test_without_a_meter_latency_is_measured_and_energy_is_inconclusive(monkeypatch):
    found = gathered(monkeypatch, {}, meters=(), unmetered="no meter of the GPU can be read: none")
    assert (str(verdict(found).outcome), verdict(found).reason) == (
        "inconclusive",
        "no meter of the GPU can be read: none",
    )
    assert {block.on_device for pair in found.pairs for block in (pair.candidate, pair.baseline)} == {True}
    assert "latency_p50" in found.candidate.figures


# Evidence


def on_gpu(ratio, *, joules=True, number=0):
    cost = {"inferences": 10, "cpu_s": 0.01, "wall_s": 1.5, "run_p50_s": 0.1, "on_device": True}
    sides = {
        "candidate": Block(**cost, device_j=300.0 * ratio if joules else None),
        "baseline": Block(**cost, device_j=300.0),
    }
    return [Pair(round=number, candidate_first=first, **sides) for first in (True, False)]


def many(ratio, count=12, **rest):
    return tuple(pair for number in range(count) for pair in on_gpu(ratio, number=number, **rest))


def test_evidence_of_a_gpu_is_judged_again_by_its_joules():
    found = evidence({}, {}, pairs=many(1.2), device="cuda:0")
    again = type(found).model_validate_json(found.model_dump_json())
    assert again == found
    assert str(verdict(again).outcome) == "failed"


def test_rounds_without_a_reading_do_not_count_and_the_others_do():
    pairs = (*many(1.2, 12), *on_gpu(1.2, joules=False, number=12))
    assert len(log_ratios("cpu", pairs)) == 12
    assert len(log_ratios("wall", pairs)) == 13


def test_without_any_reading_cpu_seconds_do_not_step_in():
    found = evidence({}, {}, pairs=many(1.0, joules=False), device="cuda:0", missing={ENERGY: "no meter"})
    assert (str(verdict(found).outcome), verdict(found).reason) == ("inconclusive", "no meter")


@pytest.mark.parametrize(("device", "outcome"), [("cuda:1", "passed"), ("cpu", "inconclusive")])
def test_a_chain_does_not_mix_joules_of_a_gpu_with_cpu_seconds(device, outcome):
    earlier = chained(link(1.0, device=device))
    found = evidence({}, {}, pairs=many(1.0), device="cuda:0", earlier=(earlier,))
    (finding,) = judge([policy(drift())], found).findings
    assert str(finding.outcome) == outcome
    if device == "cpu":
        assert finding.reason.endswith(
            "a change in between was measured on cpu, this one on cuda:0: their ratios are not of one kind"
        )


def test_evidence_of_old_is_of_the_cpu():
    found = evidence({}, {})
    old = found.model_dump(mode="json")
    del old["device"]
    assert type(found).model_validate(old).device == "cpu"
