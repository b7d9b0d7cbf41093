"""A meter beside a run of any length: what it adds up to, what becomes of gaps, and what leaves no energy."""

import pytest
from meters_made import CounterMeter, Machine, PowerMeter, after, dies

from greengate.measure.long_run import Gauge
from greengate.ports import Fault

HOUR_S = 3600


def beside(machine, meter, *phases, every_s=5.0):
    """Meter a run that goes through phases of (seconds, watts), or a function of the machine in between."""
    gauge = Gauge(meter, meter.probe(), machine.surroundings())
    gauge.open()
    gauge.begin(machine.now_s)
    for phase in phases:
        if callable(phase):
            phase(machine)
            continue
        end_s = machine.now_s + phase[0]
        while machine.now_s < end_s:
            machine.pass_time(min(every_s, end_s - machine.now_s), phase[1])
            gauge.cut(machine.now_s)
    return gauge.end(machine.now_s), gauge


def names(taken):
    return [event.name for event in taken.events]


@pytest.mark.parametrize("kind", [CounterMeter, PowerMeter])
@pytest.mark.parametrize("seconds", [30, 119, 121, HOUR_S])
def test_all_of_a_run_is_taken_whatever_its_length(kind, seconds):
    machine = Machine()
    taken, _ = beside(machine, kind(machine), (seconds, 150.0))
    assert taken.joules == pytest.approx(150.0 * seconds, rel=1e-3)
    assert (taken.seconds, taken.covered_s) == (pytest.approx(seconds), pytest.approx(seconds))
    assert (taken.missing, names(taken)) == ("", [])


def test_power_that_changes_is_followed():
    machine = Machine()
    taken, _ = beside(machine, CounterMeter(machine), (300, 100.0), (900, 300.0), (300, 50.0))
    assert taken.joules == pytest.approx(300 * 100 + 900 * 300 + 300 * 50, rel=1e-3)


def test_the_interval_is_the_scale_of_the_meter_where_nothing_is_missing():
    machine = Machine()
    taken, _ = beside(machine, CounterMeter(machine, gain=0.05), (HOUR_S, 100.0))
    assert (taken.low, taken.high) == (pytest.approx(324_700, rel=1e-3), pytest.approx(395_300, rel=1e-3))


def test_days_keep_no_more_looks_than_hours():
    machine = Machine()
    meter = CounterMeter(machine, tick_s=1.0)
    taken, gauge = beside(machine, meter, (86_400, 100.0), every_s=60.0)
    assert taken.joules == pytest.approx(86_400 * 100, rel=1e-3)
    assert len(gauge._sampler._looks) <= 50_000


def test_it_looks_less_often_once_pieces_are_long():
    machine = Machine()
    meter = CounterMeter(machine, tick_s=0.01)
    assert beside(machine, meter, (60, 100.0))[1]._sampler.interval_s == 0.02
    assert beside(machine, meter, (300, 100.0))[1]._sampler.interval_s == 0.25


def test_a_counter_that_may_wrap_soon_is_looked_at_often_enough():
    machine = Machine()
    meter = CounterMeter(machine, tick_s=0.01, wraps_j=200.0)
    taken, gauge = beside(machine, meter, (300, 100.0))
    assert gauge._sampler.interval_s == 0.025
    assert taken.joules == pytest.approx(30_000, rel=1e-3)


def test_a_counter_that_wraps_is_undone_and_told_once():
    machine = Machine()
    taken, _ = beside(machine, CounterMeter(machine, wraps_j=20_000.0), (HOUR_S, 100.0))
    assert taken.joules == pytest.approx(360_000, rel=1e-3)
    assert names(taken) == ["wrapped"]
    assert taken.events[0].words.endswith("which has been undone (in 18 of 60 pieces)")


def gone(first_s, last_s):
    return lambda since_s, value: Fault("timeout", "no answer", 0.0) if first_s < since_s < last_s else value


def test_a_gap_is_filled_with_the_mean_and_widens_the_interval():
    machine = Machine()
    taken, _ = beside(machine, PowerMeter(machine, gain=0.01, twist=gone(1200, 1380)), (HOUR_S, 100.0))
    assert taken.joules == pytest.approx(360_000, rel=1e-3)
    assert taken.covered_s == pytest.approx(HOUR_S - 180, abs=61)
    assert taken.high / taken.joules > 1.05
    assert names(taken) == ["timeout", "missing", "gap"]
    assert taken.events[-1].words.startswith("scripted: 180 s of 3.6e+03 s are filled with the mean power")


def test_with_more_than_a_tenth_missing_there_is_no_energy_and_never_zero():
    machine = Machine()
    taken, _ = beside(machine, CounterMeter(machine, twist=dies(1800)), (HOUR_S, 100.0))
    assert (taken.joules, taken.domains) == (None, {})
    assert taken.missing.startswith("1.8e+03 s of 3.6e+03 s could be read; missing: all: no usable reading for")


def test_a_suspended_machine_leaves_a_gap():
    def sleeps(machine):
        machine.asleep_s += 300.0

    machine = Machine()
    taken, _ = beside(machine, CounterMeter(machine), (1000, 100.0), sleeps, (1000, 100.0))
    assert taken.joules == pytest.approx(200_000, rel=1e-3)
    assert names(taken) == ["suspended", "gap"]
    assert taken.events[0].words == "scripted: the machine was suspended for 300.0 s (in 1 of 33 pieces)"


@pytest.mark.parametrize(
    ("twist", "seconds", "why"),
    [
        (None, 0.5, "0 s of 0.5 s could be read; too-short: all: the counter ticked"),
        (after(0, 0.0), 600, "0 s of 600 s could be read; zero: all: frozen counter"),
        (after(0, 777.0), 600, "0 s of 600 s could be read; stuck: all: frozen counter"),
    ],
    ids=["too short", "zero", "stuck"],
)
def test_what_leaves_no_energy_is_said(twist, seconds, why):
    machine = Machine()
    taken, _ = beside(machine, CounterMeter(machine, twist=twist), (seconds, 100.0))
    assert taken.joules is None
    assert taken.missing.startswith(why)


def test_each_domain_has_its_part():
    machine = Machine()
    meter = CounterMeter(
        machine, domains={"gpu-0": "", "gpu-1": ""}, twist=lambda _, value: {"gpu-0": value / 4, "gpu-1": value}
    )
    taken, _ = beside(machine, meter, (600, 100.0))
    assert taken.domains == {"gpu-0": pytest.approx(15_000, rel=1e-3), "gpu-1": pytest.approx(60_000, rel=1e-3)}
    assert taken.joules == pytest.approx(75_000, rel=1e-3)
