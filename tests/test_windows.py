from itertools import pairwise

import pytest
from meters_made import CounterMeter, Machine, PowerMeter, ScriptedWorkload, facts_of

from greengate.errors import ModelError
from greengate.measure.windows import Plan, Work, reserved_s, take, window_s

LONG = Plan(budget_s=1000)


def campaign(machine, *meters, plan=LONG, progress=lambda _: None, **workloads):
    workloads = workloads or {"candidate": ScriptedWorkload(machine)}
    works = {subject: Work(workload, inferences=4, runs=10) for subject, workload in workloads.items()}
    return take(works, [(meter, meter.probe()) for meter in meters], plan, machine.surroundings(), progress)


def both(machine):
    return {"candidate": ScriptedWorkload(machine, 180.0), "baseline": ScriptedWorkload(machine, 150.0)}


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        (facts_of(period_s=0.1, shortest_window_s=10.0), 10.2),
        (facts_of(period_s=0.001, shortest_window_s=1.0), 1.0),
        (facts_of(period_s=15.0, shortest_window_s=120.0), 1530.0),
        (facts_of("power", period_s=1.0, shortest_window_s=120.0), 120.0),
        (facts_of("power", period_s=15.0, shortest_window_s=120.0), 300.0),
    ],
    ids=["NVML", "RAPL", "scraped counter", "plug", "scraped power"],
)
def test_a_window_holds_enough_readings(facts, seconds):
    assert window_s(facts) == pytest.approx(seconds)


def test_an_idle_window_comes_first_and_draws_what_the_machine_does_when_idle():
    machine = Machine(idle_w=50.0)
    found = campaign(machine, CounterMeter(machine))
    assert found.idle.end_s < found.turns[0].start_s
    assert found.idle.meters["scripted"].power_w == pytest.approx(50)
    assert found.idle_parts_w["scripted"] == pytest.approx((50, 50, 50, 50))


def test_each_subject_has_five_windows_in_random_order():
    machine = Machine()
    found = campaign(machine, CounterMeter(machine), **both(machine))
    assert [len(found.of(subject)) for subject in ("candidate", "baseline")] == [5, 5]
    rounds = [found.turns[start].subject for start in range(0, 10, 2)]
    assert set(rounds) == {"candidate", "baseline"}


def test_the_same_seed_gives_the_same_windows():
    def bounds(seed):
        machine = Machine()
        found = campaign(machine, CounterMeter(machine), plan=Plan(1000, seed=seed), **both(machine))
        return [(turn.subject, turn.start_s, turn.end_s) for turn in found.turns]

    assert bounds(1) == bounds(1) != bounds(2)


def test_sessions_are_fresh_for_every_window():
    machine = Machine()
    workload = ScriptedWorkload(machine)
    campaign(machine, CounterMeter(machine), candidate=workload)
    assert workload.renewals == 1 + 5


def test_every_window_holds_a_hundred_ticks_and_whole_batches():
    machine = Machine()
    found = campaign(machine, CounterMeter(machine))
    assert all(turn.meters["scripted"].ticks >= 100 for turn in found.turns)
    assert all(turn.inferences % 40 == 0 and turn.cpu_s == pytest.approx(turn.inferences / 40) for turn in found.turns)


def test_batches_are_a_random_part_of_a_tick_apart():
    machine = Machine()
    begun = []
    workload = ScriptedWorkload(machine, on_block=lambda: begun.append(machine.now_s))
    found = campaign(machine, CounterMeter(machine), candidate=workload)
    inside = [at_s for at_s in begun if found.turns[0].start_s <= at_s < found.turns[0].end_s]
    gaps = [later - earlier - 1.0 for earlier, later in pairwise(inside)]
    assert len(set(gaps)) == len(gaps) >= 8
    assert all(0 < gap < 0.1 for gap in gaps)


def test_all_meters_see_the_same_windows_which_are_as_long_as_the_slowest_needs():
    machine = Machine()
    fast = CounterMeter(machine, id="fast", tick_s=0.01)
    slow = PowerMeter(machine, id="slow", tick_s=1.0, shortest_window_s=30.0)
    found = campaign(machine, fast, slow)
    assert all(turn.seconds >= 30 and set(turn.meters) == {"fast", "slow"} for turn in found.turns)


def test_a_meter_that_needs_longer_than_the_budget_is_left_out_by_name():
    machine = Machine()
    plug = PowerMeter(machine, id="plug", tick_s=1.0, shortest_window_s=120.0)
    found = campaign(machine, plug, CounterMeter(machine), plan=Plan(budget_s=100))
    assert list(found.facts) == ["scripted"]
    assert found.left_out["plug"].name == "budget"
    words = "6 windows of 120 s or more need 720 s, 100 s are left; give it a longer budget"
    assert found.left_out["plug"].words == words
    assert found.turns[0].seconds < 12


@pytest.mark.parametrize("budget_s", [0, 5, 61.5])
def test_without_time_for_any_meter_nothing_is_run_in_vain(budget_s):
    machine = Machine()
    workload = ScriptedWorkload(machine)
    found = campaign(machine, CounterMeter(machine), plan=Plan(budget_s), candidate=workload)
    assert (found.turns, found.idle, found.left_out["scripted"].name) == ([], None, "budget")
    assert workload.renewals == (budget_s > 61.2)


def test_without_meters_nothing_is_run():
    machine = Machine()
    assert campaign(machine).turns == []
    assert machine.now_s == 1000


def test_the_budget_is_kept():
    machine = Machine()
    shares = []
    campaign(machine, CounterMeter(machine), plan=Plan(budget_s=90), progress=shares.append)
    assert machine.now_s - 1000 <= 90
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


def test_disturbed_windows_are_taken_again_while_there_is_time():
    machine = Machine()

    def visited():
        machine.foreign = 0.2 if 1015 < machine.now_s < 1060 else 0.0

    workload = ScriptedWorkload(machine, on_block=visited)
    found = campaign(machine, CounterMeter(machine, scope="package"), candidate=workload)
    disturbed = [turn.disturbance("package") is not None for turn in found.turns]
    assert disturbed.count(True) >= 3
    assert disturbed.count(False) == 5


def test_a_disturbed_idle_window_is_taken_again():
    machine = Machine(foreign=0.2)
    meter = CounterMeter(machine, scope="package", twist=lambda since_s, value: quiet(since_s) or value)

    def quiet(since_s):
        machine.foreign = 0.2 if since_s < 11 else 0.0

    found = campaign(machine, meter)
    assert found.idle.disturbance("package") is None
    assert len(found.turns) == 5


def test_where_it_is_never_quiet_only_meters_that_do_not_mind_are_used():
    machine = Machine(foreign=0.2)
    found = campaign(machine, CounterMeter(machine, id="shared", scope="package"), CounterMeter(machine, id="own"))
    assert (list(found.facts), found.left_out["shared"].name, len(found.turns)) == (["own"], "foreign-load", 5)
    assert found.idle.shares.foreign == pytest.approx(0.2, abs=0.02)


def test_where_it_is_never_quiet_and_all_meters_mind_nothing_is_run_in_vain():
    machine = Machine(foreign=0.2)
    found = campaign(machine, CounterMeter(machine, scope="host"))
    assert found.turns == []
    assert machine.now_s - 1000 < 4 * 10.2


def test_windows_that_are_always_disturbed_end_some_time():
    machine = Machine()

    def come():
        machine.foreign = 0.2 if machine.now_s > 1015 else 0.0

    works = {"candidate": ScriptedWorkload(machine, on_block=come)}
    assert len(campaign(machine, CounterMeter(machine, scope="package"), **works).turns) == 20


def test_what_others_do_is_no_disturbance_to_a_device():
    machine = Machine(foreign=0.2)
    assert len(campaign(machine, CounterMeter(machine)).turns) == 5


def test_a_model_that_stops_ends_it_and_the_meters_are_left():
    machine = Machine()

    def stop():
        if machine.now_s > 1050:
            raise ModelError("m.onnx", "it stopped")

    with pytest.raises(ModelError, match="it stopped"):
        campaign(machine, CounterMeter(machine), candidate=ScriptedWorkload(machine, on_block=stop))
    assert machine.watching == []


def test_a_candidate_a_thousand_times_slower_than_its_baseline_still_gets_its_windows():
    machine = Machine()
    works = {"candidate": ScriptedWorkload(machine, run_s=1.0), "baseline": ScriptedWorkload(machine, run_s=0.001)}
    found = campaign(machine, CounterMeter(machine), **works)
    assert [len(found.of(subject)) for subject in works] == [5, 5]


@pytest.mark.parametrize(
    ("budget_s", "windows_s", "kept_s"),
    [
        (60.0, (1.0,), 11 * 1.0 + 20.0),
        (60.0, (1.0, 120.0), 11 * 1.0 + 20.0),
        (60.0, (120.0,), 0.0),
        (3000.0, (1.0, 120.0), 11 * 120.0 + 20.0),
        (60.0, (), 0.0),
    ],
    ids=["a counter", "a plug beside it is too slow", "only a slow plug", "time for both", "no meter"],
)
def test_a_part_of_the_budget_is_kept_for_the_meters_that_fit_into_two_thirds_of_it(budget_s, windows_s, kept_s):
    facts = [facts_of(shortest_window_s=one, period_s=0.001) for one in windows_s]
    assert reserved_s(facts, 2, Plan(budget_s)) == pytest.approx(kept_s)
