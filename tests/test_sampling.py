import threading

import pytest
from meters_made import CounterMeter, Machine, facts_of

from greengate.measure.sampling import Sampler
from greengate.ports import Fault, Sample

SOON_S = 30.0  # far more than it takes; only a broken sampler waits so long


class Answers:
    """A meter that returns what is in its list, then samples, and tells when it has been asked often enough."""

    def __init__(self, *answers, often=20):
        self.answers, self.asked, self.often, self.enough = list(answers), 0, often, threading.Event()

    def sample(self):
        self.asked += 1
        if self.asked >= self.often:
            self.enough.set()
        return self.answers.pop(0) if self.answers else Sample(float(self.asked), {"all": 1.0})


def stepped(*looks):
    sampler = Sampler(Answers(*looks), facts_of(), lambda: 7.0)
    for _ in looks:
        sampler.look()
    return sampler


def test_a_thread_looks_until_it_is_left():
    meter = Answers()
    with Sampler(meter, facts_of(period_s=0.001)) as sampler:
        assert meter.enough.wait(SOON_S)
    asked = meter.asked
    assert len(sampler.between(0, 1e9)) == asked >= 20
    assert not any(thread.name == "greengate scripted" for thread in threading.enumerate())


@pytest.mark.parametrize(("period_s", "interval_s"), [(0.1, 0.05), (1.0, 0.5), (0.001, 0.02)])
def test_it_looks_twice_a_period_and_never_too_fast(period_s, interval_s):
    assert Sampler(Answers(), facts_of(period_s=period_s)).interval_s == interval_s


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "12 W",
        Sample(float("nan"), {"all": 1.0}),
        Sample("now", {"all": 1.0}),
        Sample(1.0, {"all": "1"}),
        Sample(1.0, [1.0]),
        Fault("timeout", "slow", None),
    ],
)
def test_whatever_a_meter_returns_is_survived_and_named(answer):
    (found,) = stepped(answer).between(0, 10)
    assert (found.name, found.at_s) == ("malformed", 7.0)
    assert found.words.startswith("the meter returned `")


def test_strange_answers_do_not_end_the_thread():
    meter = Answers(None, "12 W", Fault("timeout", "slow", 0.5))
    with Sampler(meter, facts_of(period_s=0.001)) as sampler:
        assert meter.enough.wait(SOON_S)
    assert [look.name for look in sampler.between(-1, 1e9) if isinstance(look, Fault)].count("timeout") == 1


def test_a_span_comes_with_one_look_on_either_side():
    sampler = stepped(*(Sample(float(step), {"all": 1.0}) for step in (4, 1, 2, 3, 5)))
    assert [look.at_s for look in sampler.between(2.5, 3.5)] == [2.0, 3.0, 4.0]
    assert [look.at_s for look in sampler.between(-2, -1)] == [1.0]
    assert [look.at_s for look in sampler.between(8, 9)] == [5.0]


def test_it_tells_what_share_of_a_processor_it_takes():
    meter = Answers()
    with Sampler(meter, facts_of(period_s=0.001)) as sampler:
        assert meter.enough.wait(SOON_S)
    assert 0 < sampler.cpu_share < 1
    assert stepped().cpu_share == 0


def test_an_error_inside_reaches_the_caller_and_the_thread_ends():
    with pytest.raises(RuntimeError, match="the work failed"), Sampler(Answers(), facts_of(period_s=0.001)):
        raise RuntimeError("the work failed")
    assert not any(thread.name == "greengate scripted" for thread in threading.enumerate())


def test_a_scripted_meter_fits_the_sampler():
    meter = CounterMeter(Machine())
    sampler = Sampler(meter, meter.probe())
    sampler.look()
    assert sampler.between(0, 2000) == (Sample(1000.0, {"all": 500.0}),)
