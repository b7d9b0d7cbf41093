import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meters_made import CounterMeter, Machine, PowerMeter, after, dies, facts_of, once, sticks, watched

from greengate.measure.metering import energy
from greengate.ports import Fault, Sample


def window(meter_class=CounterMeter, seconds=20.0, span=(2.0, 12.0), watts=200.0, poll_s=0.05, **how):
    """The window of a machine that draws `watts`, from span[0] to span[1] after its start."""
    machine = Machine()
    meter = meter_class(machine, **how)
    start_s = machine.now_s
    looks = watched(machine, meter, (seconds, watts), poll_s=poll_s)
    return energy(meter.facts, looks, start_s + span[0], start_s + span[1])


def names(found):
    return [event.name for event in found.events]


def test_a_counter_is_read_from_tick_to_tick():
    found = window(span=(2.03, 12.08))
    assert (found.joules, found.seconds, found.ticks) == (pytest.approx(1980), pytest.approx(9.9), 100)
    assert found.power_w == pytest.approx(200)
    assert found.events == ()


@pytest.mark.parametrize("offset_s", [0.0, 0.013, 0.05, 0.099])
def test_the_edges_of_a_window_do_not_bias_the_power_of_a_counter(offset_s):
    assert window(span=(2 + offset_s, 12 - offset_s / 2)).power_w == pytest.approx(200, rel=1e-6)


def test_energy_before_and_after_the_window_is_not_in_it():
    machine = Machine()
    meter = CounterMeter(machine)
    start_s = machine.now_s
    looks = watched(machine, meter, (5.0, 900.0), (10.0, 100.0), (5.0, 900.0))
    assert energy(meter.facts, looks, start_s + 5.2, start_s + 14.8).power_w == pytest.approx(100)


def test_a_wrap_is_undone_and_told():
    found = window(wraps_j=1000.0)
    assert found.power_w == pytest.approx(200)
    assert [(event.name, event.words) for event in found.events] == [
        ("wrapped", "all: the counter started again at 1000 J, which has been undone (2 times)")
    ]


@given(st.lists(st.floats(60, 900), min_size=3, max_size=6), st.floats(2000, 1e5), st.floats(0, 1e5))
def test_wraps_never_change_the_energy(watts, wraps_j, start_j):
    found = []
    for wrap_j in (wraps_j, None):
        machine = Machine()
        meter = CounterMeter(machine, wraps_j=wrap_j, start_j=start_j)
        looks = watched(machine, meter, *((2.0, power) for power in watts))
        found.append(energy(meter.facts, looks, 1000.5, machine.now_s - 0.5).joules)
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize(
    ("how", "name", "words"),
    [
        ({"twist": once(5, lambda value: value - 300)}, "negative", "it should only grow"),
        ({"twist": after(5, lambda value: value - 600), "wraps_j": 1e5}, "negative", "not near the 100000 J at which"),
        ({"twist": once(5, 0.0)}, "zero", "to 0 J"),
        ({"twist": after(0, 0.0)}, "zero", "at 0 J"),
        ({"twist": sticks(1)}, "stuck", "frozen counter: it stood still for 10 s of 10 s"),
        ({"twist": sticks(7)}, "stuck", "frozen counter: it stood still for 5"),
        ({"twist": after(5, lambda value: value * 1000)}, "implausible", "the counter rose by"),
        ({"twist": dies(5)}, "missing", "no usable reading for 7 s of 10 s, at most 1 s may be"),
        ({"twist": after(5, math.nan)}, "missing", "no usable reading for 7"),
        ({"twist": after(0, lambda value: {"other": value})}, "missing", "no usable reading for 10 s"),
        ({"span": (2.0, 2.5)}, "too-short", "0.5 s were measured, the meter needs 1 s"),
        ({"span": (2.0, 3.5)}, "too-short", "it takes 3 ticks within 2 s at least"),
        (
            {"tick_s": 3.0, "resolution": 3000.0},
            "too-short",
            "the counter ticked 4 times, within 9 s, in steps of 3000 J",
        ),
        ({"wraps_j": 1e4, "poll_s": 1.0, "tick_s": 0.5, "scope": "host"}, "maybe-wrapped-twice", "no reading for 1 s"),
        ({"span": (30.0, 40.0)}, "missing", "no usable reading for 10 s"),
    ],
)
def test_a_spoiled_counter_has_a_named_event_and_no_energy(how, name, words):
    found = window(**how)
    assert found.joules is None
    assert found.power_w is None
    assert name in names(found)
    assert words in next(event.words for event in found.events if event.name == name)


@pytest.mark.parametrize("name", ["unreadable", "timeout", "wrong-unit", "malformed", "device-error", "not-finite"])
def test_a_fault_keeps_its_name_and_alone_does_not_spoil_a_window(name):
    found = window(twist=once(5, Fault(name, "why it failed", 0.0)))
    assert [(event.name, event.words) for event in found.events] == [(name, "why it failed")]
    assert found.power_w == pytest.approx(200)


def test_faults_outside_the_window_are_not_told():
    assert window(twist=dies(13)).events == ()


def test_two_domains_are_added_though_they_tick_at_different_times():
    facts = facts_of(domains={"one": "", "two": ""})
    looks = [
        Sample(step * 0.05, {"one": 100 * (step // 2) * 0.1, "two": 1e6 + 30 * ((step + 1) // 2) * 0.1})
        for step in range(400)
    ]
    found = energy(facts, looks, 1.0, 19.0)
    assert found.power_w == pytest.approx(130)
    assert found.domains == {"one": pytest.approx(100 * found.seconds), "two": pytest.approx(30 * found.seconds)}


def test_one_bad_domain_spoils_the_sum_and_the_other_can_still_be_read():
    facts = facts_of(domains={"one": "", "two": ""})
    looks = [Sample(step * 0.05, {"one": 5.0 * step, "two": 7.0}) for step in range(400)]
    found = energy(facts, looks, 1.0, 19.0)
    assert (found.joules, list(found.domains), names(found)) == (None, ["one"], ["stuck"])
    assert found.events[0].words.startswith("two: frozen counter")


def test_power_is_integrated_over_the_window():
    machine = Machine()
    meter = PowerMeter(machine)
    start_s = machine.now_s
    looks = watched(machine, meter, (5.0, 100.0), (5.0, 300.0))
    found = energy(meter.facts, looks, start_s + 2.5, start_s + 7.5)
    assert (found.joules, found.seconds) == (pytest.approx(1000, rel=0.02), 5.0)
    assert found.events == ()


def test_a_ramp_cut_anywhere_is_integrated_exactly():
    looks = [Sample(step * 0.1, {"all": 10.0 + step}) for step in range(200)]
    assert energy(facts_of("power"), looks, 3.33, 9.77).joules == pytest.approx(sum((10 + 33.3, 10 + 97.7)) / 2 * 6.44)


@pytest.mark.parametrize("bad", [0.0, -5.0, math.nan, math.inf, 150_000.0])
def test_one_bad_reading_of_power_is_left_out_and_told(bad):
    found = window(PowerMeter, twist=once(5, bad))
    assert found.joules == pytest.approx(2000, rel=1e-3)
    assert names(found) == [
        {0.0: "zero", -5.0: "negative", 150_000.0: "implausible"}.get(bad, "not-finite"),
    ]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"twist": after(0, 0.0)}, ["zero", "missing"]),
        ({"twist": after(5, -1.0)}, ["negative", "missing"]),
        ({"twist": dies(5, "timeout")}, ["timeout", "missing"]),
        ({"twist": after(5, lambda value: value * 1000)}, ["implausible", "missing"]),
        ({"twist": after(0, 200.0)}, ["stuck"]),
        ({"twist": after(0, 200.0), "resolution": 1.0}, []),
        ({"poll_s": 2.5}, ["missing"]),
        ({"tick_s": 2.0, "poll_s": 2.0}, ["too-short"]),
    ],
)
def test_a_spoiled_row_of_powers_has_named_events_and_no_energy(how, expected):
    found = window(PowerMeter, **how)
    assert names(found) == expected
    assert (found.joules is None) == bool(expected)


def test_no_looks_at_all_are_no_energy():
    found = energy(facts_of(), [], 0.0, 10.0)
    assert (found.joules, found.seconds, found.ticks, names(found)) == (None, 0.0, 0, ["missing"])


def test_looks_out_of_order_or_twice_at_a_time_do_no_harm():
    looks = [Sample(step * 0.05, {"all": 10.0 * step}) for step in range(400)]
    shuffled = looks[::-1] + looks[::7]
    assert energy(facts_of(), shuffled, 1.0, 19.0) == energy(facts_of(), looks, 1.0, 19.0)
