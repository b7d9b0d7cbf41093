from contextlib import contextmanager
from pathlib import Path

import pytest
from made import exact, growth, maximum, policy
from meters_made import facts_of
from rounds_made import course

from greengate import comparability, looks
from greengate.betting import Stakes
from greengate.case import Case
from greengate.comparability import other_kernels
from greengate.evidence import Model, Subject
from greengate.gate import confidence
from greengate.gathering import _leaving_room
from greengate.known import Known
from greengate.measure.figures import Figures
from greengate.measure.intervals import quantile
from greengate.measure.protocol import Schedule
from greengate.ports import CONTROL, Examination, Limits, ModelSpec, Port
from greengate.preparation import schedule
from greengate.settings import Settings


class Hosts:
    """A loader that keeps what it was asked to host."""

    def __init__(self):
        self.specs = {}

    @contextmanager
    def bench(self, specs):
        self.specs |= specs
        yield {**dict.fromkeys(specs, self), CONTROL: self}


class OtherHosts(Hosts):
    pass


def known(**loaders):
    specs = {name: ModelSpec(Path(name), Path(), threads=2, limits=Limits(cpu_s=30)) for name in loaders}
    case = Case(Model(name="m"), specs, quality=lambda *_: Figures())
    return Known(case, "2026-11-21T10:00:00Z", Schedule(budget_s=1200.5), loaders=loaders)


def test_measuring_may_use_the_cpu_time_of_its_budget_beside_that_of_a_look():
    hosts = Hosts()
    with known(candidate=hosts, baseline=hosts).running():
        assert {spec.limits.cpu_s for spec in hosts.specs.values()} == {30 + 2401}


def test_models_of_two_kinds_are_hosted_apart_and_share_the_control_workload_of_the_first():
    one, other = Hosts(), OtherHosts()
    with known(candidate=one, baseline=other).running() as (workloads, control):
        assert workloads == {"candidate": one, "baseline": other}
        assert (list(one.specs), list(other.specs), control is one) == (["candidate"], ["baseline"], True)


def test_what_is_timed_is_looked_at_when_the_rounds_have_doubled_and_not_between():
    so_far, counted = known(candidate=Hosts()), []
    so_far.seen["candidate"], so_far.found["candidate"] = Examination("a" * 64, 1, 1, (), (), {}), Figures()

    def unsettled(trace):
        figure = so_far.evidence(trace, 0.98).candidate.figures["latency_p50"]
        counted.append((trace.rounds, int(figure.provenance.method.split()[-2])))
        return True

    course(schedule=Schedule(max_pairs=50), unsettled=unsettled)
    a_round = counted[0][1] // 6
    looked_at = [6] * 6 + [12] * 12 + [24] * 2
    assert counted == [(rounds, at * a_round) for rounds, at in zip(range(6, 26), looked_at, strict=True)]


@pytest.mark.parametrize(("false_fail", "pairs"), [(0.01, 16), (0.0001, 32)])
def test_energy_and_throughput_have_the_rounds_that_their_intervals_need(false_fail, pairs):
    judged = policy(maximum("throughput", "1/s"), stakes=Stakes(false_fail, 0.05))
    assert schedule(Settings(Path()), [judged]).min_pairs == pairs
    assert not isinstance(quantile([1.0] * (pairs // 2), 0.5, looks.level(confidence([judged]), pairs // 2)), int)


@pytest.mark.parametrize("rule", [growth("throughput"), maximum("model_size", "1 MB")], ids=["a share", "counted"])
def test_a_rule_that_goes_by_no_interval_of_runs_takes_no_more_rounds(rule):
    assert schedule(Settings(Path()), [policy(rule)]).min_pairs == 12


def weighing(bytes_a_weight):
    return Subject(path="m", figures={"weight_bytes": exact(1000 * bytes_a_weight), "parameters": exact(1000)})


def test_weights_of_another_width_are_told_since_their_kernels_draw_another_power():
    (words,) = other_kernels({"candidate": weighing(1), "baseline": weighing(4)})
    assert words.startswith("a weight takes 1.0 bytes in the candidate, 4.0 bytes in the baseline")


@pytest.mark.parametrize("other", [weighing(4), Subject(path="m"), None], ids=["same width", "not counted", "alone"])
def test_nothing_is_told_of_kernels_that_may_be_the_same(other):
    assert other_kernels({"candidate": weighing(4)} | ({"baseline": other} if other else {})) == []


@pytest.mark.parametrize(("metered", "left_s"), [(True, 60 - 31), (False, 60)], ids=["asked for", "not asked for"])
def test_pairs_that_stay_open_leave_the_meters_their_time(metered, left_s):
    specs = {name: ModelSpec(Path(name), Path()) for name in ("candidate", "baseline")}
    rapl = facts_of(scope="package", shortest_window_s=1.0, period_s=0.001)
    case = Case(Model(name="m"), specs, lambda *_: Figures(), meters=((Hosts(), rapl),), metered=metered)
    assert _leaving_room(case, Schedule(budget_s=60)).budget_s == pytest.approx(left_s)


def test_terms_tell_inputs_and_batch_apart_and_nothing_else(tmp_path):
    def terms(shape=(8, 64), **given):
        seen = Examination("d", 1, 1, (Port("x", "float32", shape),), (), {})
        return comparability.terms(ModelSpec(tmp_path / "m", tmp_path, **{"batch": 8, **given}), seen)

    for name, text in (("a.npz", b"a"), ("b.npz", b"b")):
        (tmp_path / name).write_bytes(text)
    usual = terms()
    files = [terms(inputs=tmp_path / name) for name in ("a.npz", "b.npz")]
    assert terms(seed=7, threads=2) == usual
    assert len({usual, terms(shape=(1, 64)), terms(batch=64), terms(ranges={"x": (0, 9)}), *files}) == 6
