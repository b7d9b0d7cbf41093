import random
from dataclasses import replace

import pytest
from meters_made import CounterMeter, Machine, PowerMeter, ScriptedWorkload, dies, once, sticks

from greengate.evidence import Class, Figure, Interval, Provenance
from greengate.measure.headline import headline
from greengate.measure.metered import metered
from greengate.measure.windows import Plan, Work, take
from greengate.ports import Fault
from greengate.student import factor, within


def found(machine=None, make=CounterMeter, plan=None, works=None, shift=lambda campaign: campaign, **how):
    """The figures of a machine that idles at 50 W, and of a candidate with runs of 0.1 s at 150 W and 4 inferences."""
    machine = machine or Machine()
    meter = make(machine, **how)
    works = works or {"candidate": ScriptedWorkload(machine)}
    works = {subject: Work(workload, inferences=4, runs=10) for subject, workload in works.items()}
    campaign = take(works, [(meter, meter.probe())], plan or Plan(1000), machine.surroundings())
    return metered(shift(campaign), 0.95)


def told(result):
    return tuple(event.words for event in result.events)


def test_energy_is_that_above_idle():
    figure = found().figures["candidate"]["scripted"]
    assert figure.amount == pytest.approx(1000 * 0.1 * 100 / 4, rel=0.005)
    assert figure.interval.confidence == 0.95


@pytest.mark.parametrize("make", [CounterMeter, PowerMeter])
def test_a_heavier_model_draws_as_much_more_as_it_does(make):
    machine = Machine()
    works = {"candidate": ScriptedWorkload(machine, 150.0, 0.11), "baseline": ScriptedWorkload(machine, 150.0, 0.10)}
    figures = found(machine, make, works=works, shortest_window_s=30.0).figures
    assert figures["candidate"]["scripted"].amount / figures["baseline"]["scripted"].amount == pytest.approx(
        1.1, rel=0.01
    )


def test_the_figure_says_where_it_is_from():
    figure = found(degraded=("an old driver",)).figures["candidate"]["scripted"]
    provenance = figure.provenance
    assert (provenance.kind, provenance.meter, provenance.scope) == (Class.COUNTER, "scripted", "device")
    assert provenance.boundary == "all: the whole machine; without nothing"
    assert (provenance.net_of_idle, provenance.blocks, provenance.type_b) == (True, 5, 0.05)
    assert provenance.window_s == pytest.approx(5 * 10.9, rel=0.05)
    assert provenance.method == "counter read from tick to tick, mean of 5 windows of 10.5 s, less 50 W idle"
    assert (provenance.source, provenance.degraded) == ("a script", ("an old driver",))


def test_without_scatter_the_scale_of_the_meter_is_the_interval():
    figure = found(gain=0.10).figures["candidate"]["scripted"]
    assert figure.interval.high / figure.amount == pytest.approx(1.196, abs=0.002)
    assert figure.interval.low / figure.amount == pytest.approx(0.804, abs=0.002)


def test_the_scatter_of_windows_widens_the_interval():
    machine, chance = Machine(), random.Random(3)

    class Restless(ScriptedWorkload):
        def renew(self):
            super().renew()
            self.watts = 150 + chance.gauss(0, 10)

    figure = found(machine, works={"candidate": Restless(machine)}, gain=0.0).figures["candidate"]["scripted"]
    assert 0.01 < figure.provenance.type_a < 0.10
    half = (figure.interval.high - figure.interval.low) / 2
    assert half == pytest.approx(factor(0.95, 4) * figure.provenance.type_a * figure.amount, rel=0.02)


def test_an_unsteady_idle_power_widens_the_interval():
    def unsteady(campaign):
        campaign.idle_parts_w["scripted"] = (40.0, 60.0, 45.0, 55.0)
        return campaign

    calm = found(gain=0.0).figures["candidate"]["scripted"]
    figure = found(gain=0.0, shift=unsteady).figures["candidate"]["scripted"]
    assert calm.provenance.type_a < 0.01 < figure.provenance.type_a
    assert figure.amount == calm.amount


def test_the_low_end_is_never_below_zero():
    assert found(gain=0.9).figures["candidate"]["scripted"].interval.low == 0


def test_of_one_process_nothing_is_taken_off():
    figure = found(scope="process").figures["candidate"]["scripted"]
    assert figure.provenance.net_of_idle is None
    assert figure.amount == pytest.approx(1000 * 0.1 * 150 / 4, rel=0.04)


def test_an_idle_power_that_the_meter_cannot_tell_is_told():
    result = found(twist=sticks(0))
    words = "frozen counter: it stood still for 10.2 s of 10.2 s"
    assert result.events[0].words == f"scripted: stuck in the idle window: all: {words}"
    assert result.events[1].words.startswith("scripted: stuck in 5 of 5 windows of the candidate: all: frozen counter")


@pytest.mark.parametrize("meter", [{"scope": "package"}, {"scope": "host"}])
def test_a_busy_neighbour_leaves_a_shared_meter_without_a_figure(meter):
    result = found(Machine(foreign=0.3), **meter)
    assert result.figures == {}
    words = "foreign-load: idle power is not known: other work took 30% of the machine, at most 5% may be"
    assert result.missing == {"scripted": words}
    assert told(result) == (f"scripted: {words}",)


def test_windows_with_a_neighbour_are_dropped_and_the_rest_counts():
    machine = Machine()

    def visited():
        machine.foreign = 0.2 if 1020 < machine.now_s < 1030 else 0.0

    works = {"candidate": ScriptedWorkload(machine, on_block=visited)}
    figure = found(machine, works=works, scope="package").figures["candidate"]["scripted"]
    assert figure.provenance.blocks == 5
    assert "(1 dropped: foreign-load)" in figure.provenance.method


def test_fewer_than_three_windows_are_no_figure():
    machine = Machine()

    def visited():
        machine.foreign = 0.2 if machine.now_s > 1035 else 0.0

    works = {"candidate": ScriptedWorkload(machine, on_block=visited)}
    result = found(machine, works=works, scope="package", plan=Plan(75))
    words = "2 of 5 windows of the candidate can be used (3 dropped: foreign-load); it takes 3 at least"
    assert result.missing == {"scripted": words}


@pytest.mark.parametrize(
    ("make", "twist", "missing"),
    [
        (CounterMeter, sticks(0), "idle power is not known (stuck)"),
        (CounterMeter, sticks(25), "1 of 5 windows of the candidate can be used (4 dropped: stuck)"),
        (PowerMeter, dies(25, "timeout"), "1 of 5 windows of the candidate can be used (4 dropped: timeout, missing)"),
        (CounterMeter, dies(0), "idle power is not known (unreadable, missing)"),
        (PowerMeter, lambda _, __: 0.0, "idle power is not known (zero, missing)"),
    ],
)
def test_a_meter_that_fails_has_no_figure_and_says_why(make, twist, missing):
    result = found(make=make, twist=twist, shortest_window_s=10.0)
    assert result.figures == {}
    assert result.missing["scripted"].startswith(missing)


def test_one_failed_look_is_told_and_does_no_harm():
    result = found(twist=once(15, Fault("timeout", "no answer within 2 s", 0.0)))
    assert told(result) == ("scripted: timeout in 1 of 5 windows of the candidate: no answer within 2 s",)
    assert result.figures["candidate"]["scripted"].provenance.blocks == 5


@pytest.mark.parametrize(("answers_in_s", "figures"), [(0.5, 1), (1.5, 0)])
def test_a_meter_that_answers_slowly_counts_as_long_as_no_gap_is_too_long(answers_in_s, figures):
    result = found(answers_in_s=answers_in_s)
    assert len(result.figures) == figures
    assert result.missing == ({} if figures else {"scripted": "idle power is not known (missing)"})


def test_a_counter_that_wraps_gives_the_same_figure():
    wrapped = found(wraps_j=3000.0)
    assert wrapped.figures["candidate"]["scripted"].amount == found().figures["candidate"]["scripted"].amount
    assert all(event.words.startswith("scripted: wrapped in ") for event in wrapped.events)


def test_a_meter_without_its_budget_says_so():
    result = found(plan=Plan(0))
    assert result.missing == {
        "scripted": "budget: 6 windows of 10.2 s or more need 61 s, 0 s are left; give it a longer budget"
    }
    assert told(result) == (f"scripted: {result.missing['scripted']}",)


def test_a_model_that_draws_no_more_than_idle_is_no_zero():
    machine = Machine()
    result = found(machine, works={"candidate": ScriptedWorkload(machine, 50.0)})
    words = "the candidate draws 50 W, which cannot be told from 50 W when idle"
    assert result.missing == {"scripted": words}


def test_a_machine_that_was_suspended_loses_that_window():
    def asleep(campaign):
        campaign.turns[1] = replace(campaign.turns[1], asleep_s=100.0)
        return campaign

    result = found(shift=asleep)
    assert told(result) == (
        "scripted: suspended in 1 of 5 windows of the candidate: the machine was suspended for 100.0 s meanwhile",
    )
    assert result.figures["candidate"]["scripted"].provenance.blocks == 4


def test_steal_and_the_cost_of_looking_are_told():
    def costly(campaign):
        campaign.sampling["scripted"] = 0.023
        return campaign

    figure = found(Machine(steal=0.25), shift=costly).figures["candidate"]["scripted"]
    assert figure.provenance.degraded == (
        "the hypervisor took 25% of the machine",
        "looking at the meter took 2.3% of a processor",
    )


def figure(amount, spread, kind=Class.COUNTER, scope="package", gain=0.05):
    interval = Interval(low=amount * (1 - spread), high=amount * (1 + spread), confidence=0.95)
    return Figure(
        amount=amount, interval=interval, provenance=Provenance(kind=kind, method="made", scope=scope, type_b=gain)
    )


MODELLED = figure(40.0, 0.5, Class.MODELLED, "process")
PLUG = figure(150.0, 0.1, Class.METERED, "host")


@pytest.mark.parametrize(
    ("meters", "best"),
    [
        ({"plug": PLUG, "rapl": figure(100, 0.1), "modelled": MODELLED}, "plug"),
        ({"modelled": MODELLED, "rapl": figure(100, 0.1)}, "rapl"),
        ({"modelled": MODELLED}, "modelled"),
        ({"nvml": figure(300, 0.1, scope="device"), "rapl": figure(100, 0.1)}, "nvml"),
        ({"nvml": figure(30, 0.1, scope="device"), "rapl": figure(100, 0.1)}, "rapl"),
        ({"a": figure(101, 0.1, gain=0.10), "b": figure(100, 0.1, gain=0.05)}, "b"),
        ({"b": figure(101, 0.1), "a": figure(100, 0.1)}, "a"),
    ],
)
def test_the_surest_meter_is_the_headline(meters, best):
    assert headline({"candidate": meters}).meter == best


def test_the_headline_is_one_meter_for_all_subjects():
    candidate, baseline = {"plug": PLUG, "rapl": figure(100, 0.1)}, {"rapl": figure(90, 0.1)}
    assert headline({"candidate": candidate, "baseline": baseline}).meter == "rapl"
    assert headline({"candidate": candidate, "baseline": {}}) is None
    assert headline({}) is None


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        (figure(100, 0.1), figure(130, 0.1), True),
        (figure(100, 0.1), figure(115, 0.1), False),
        (figure(100, 0.1, Class.METERED, "host"), figure(130, 0.1), True),
        (figure(150, 0.1, Class.METERED, "host"), figure(100, 0.1), False),
        (figure(100, 0.1), figure(300, 0.1, scope="device"), False),
        (figure(100, 0.1), figure(400, 0.5, Class.MODELLED, "process"), True),
        (figure(100, 0.1), figure(400, 0.5, Class.MODELLED, ""), False),
    ],
    ids=["apart", "overlapping", "part above whole", "whole above part", "side by side", "process above", "no scope"],
)
def test_meters_that_cannot_both_be_right_are_told(one, other, disagree):
    events = headline({"candidate": {"one": one, "other": other}}).events
    assert bool(events) == disagree
    assert all(event.words.startswith("meters-disagree: candidate: ") for event in events)


def test_a_disagreement_names_both_figures():
    (event,) = headline({"candidate": {"a": figure(100, 0.1), "b": figure(130, 0.1)}}).events
    assert event.words == (
        "meters-disagree: candidate: a (package) says 100 J (90 to 110 J), but b (package) says 130 J (117 to 143 J)"
    )


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),
    [(0.95, 1, 12.7062), (0.95, 2, 4.3027), (0.95, 4, 2.7764), (0.99, 5, 4.0321), (0.90, 30, 1.6973)],
)
def test_students_factor_is_that_of_the_tables(confidence, freedom, expected):
    assert factor(confidence, freedom) == pytest.approx(expected, abs=5e-5)
    assert within(expected, freedom) == pytest.approx(confidence, abs=1e-5)
