"""Scripted meters on a scripted machine, whose clock moves only when something runs on it."""

from bisect import bisect_right

from greengate.evidence import Class
from greengate.measure.machine_load import Load
from greengate.measure.sampling import Sampler
from greengate.measure.windows import Surroundings
from greengate.ports import Fault, MeterFacts, Reading, Sample


class Machine:
    """A machine that draws `idle_w`, and more while something runs; `watching` is looked at while time passes."""

    def __init__(self, idle_w=50.0, foreign=0.0, steal=0.0, processors=4):
        self.idle_w, self.foreign, self.steal, self.processors = idle_w, foreign, steal, processors
        self.now_s, self.cpu_s, self.stolen_s, self.busy_s, self.asleep_s = 1000.0, 0.0, 0.0, 0.0, 0.0
        self.watching = []
        self._times, self._joules, self._watts = [0.0], [0.0], [idle_w]

    def pass_time(self, seconds, watts=None):
        """Let time pass at a power; the watchers look when they are due."""
        self._draw(self.idle_w if watts is None else watts)
        end_s = self.now_s + seconds
        while due := [watcher for watcher in self.watching if watcher.due_s <= end_s]:
            first = min(due, key=lambda watcher: watcher.due_s)
            self.now_s = max(self.now_s, first.due_s)
            first.due_s += first.interval_s
            first.look()
        self.now_s = end_s
        self.busy_s += seconds * self.processors * self.foreign
        self.stolen_s += seconds * self.processors * self.steal

    def work(self, seconds, watts, cpu_s=None):
        self.pass_time(seconds, watts)
        self.cpu_s += seconds if cpu_s is None else cpu_s

    def joules_until(self, at_s):
        place = bisect_right(self._times, at_s) - 1
        return self._joules[place] + self._watts[place] * (at_s - self._times[place])

    def watts_at(self, at_s):
        return self._watts[bisect_right(self._times, at_s) - 1]

    def load(self):
        busy_s = self.busy_s + self.cpu_s
        idle_s = self.now_s * self.processors - busy_s - self.stolen_s
        return Load(busy_s=busy_s, steal_s=self.stolen_s, idle_s=idle_s, processors=self.processors)

    def surroundings(self):
        return Surroundings(
            clock=lambda: self.now_s,
            sleep=self.pass_time,
            own_cpu_s=lambda: 0.0,
            load=self.load,
            asleep_s=lambda: self.asleep_s,
            sampler=lambda meter, facts: SteppedSampler(self, meter, facts),
        )

    def _draw(self, watts):
        if watts != self._watts[-1]:
            self._joules.append(self.joules_until(self.now_s))
            self._times.append(self.now_s)
            self._watts.append(watts)


class SteppedSampler(Sampler):
    """A sampler without a thread: the machine makes it look when it is due."""

    def __init__(self, machine, meter, facts):
        super().__init__(meter, facts, lambda: machine.now_s)
        self.machine, self.due_s = machine, machine.now_s
        self.interval_s = max(self.interval_s, getattr(meter, "answers_in_s", 0.0))

    def __enter__(self):
        self.machine.watching.append(self)
        return self

    def __exit__(self, *_):
        self.machine.watching.remove(self)


class CounterMeter:
    """An energy counter that ticks every `tick_s` and reads what the machine has drawn, times `scale`.

    `twist` turns (seconds since it was made, reading) into another reading or a fault; see `sticks`, `dies` and others.
    """

    reading = "energy"

    def __init__(self, machine, *, tick_s=0.1, start_j=500.0, scale=1.0, wraps_j=None, twist=None, **facts):
        self.machine, self.tick_s, self.start_j, self.scale = machine, tick_s, start_j, scale
        self.wraps_j, self.twist, self.made_s, self.closed = wraps_j, twist, machine.now_s, False
        self.answers_in_s = facts.pop("answers_in_s", 0.0)
        self.facts = facts_of(self.reading, period_s=tick_s, wraps_j=wraps_j, **facts)

    def probe(self):
        return self.facts

    def sample(self):
        since_s = self.machine.now_s - self.made_s
        value = self.value(self.made_s + int(since_s / self.tick_s + 1e-9) * self.tick_s)
        twisted = value if self.twist is None else self.twist(since_s, value)
        if isinstance(twisted, Fault):
            return Fault(twisted.name, twisted.words, self.machine.now_s)
        return Sample(self.machine.now_s, twisted if isinstance(twisted, dict) else {"all": twisted})

    def value(self, at_s):
        drawn_j = self.start_j + self.scale * (self.machine.joules_until(at_s) - self.machine.joules_until(self.made_s))
        return drawn_j % self.wraps_j if self.wraps_j else drawn_j

    def close(self):
        self.closed = True


class PowerMeter(CounterMeter):
    """A meter that reads the watts of the moment, with a ripple that shows it is alive."""

    reading = "power"

    def value(self, at_s):
        ripple_w = 0.01 * (round(at_s / self.tick_s) % 2)
        return self.scale * self.machine.watts_at(at_s) + ripple_w


class ScriptedWorkload:
    """A workload that draws `watts` for `run_s` a run."""

    def __init__(self, machine, watts=150.0, run_s=0.1, on_block=lambda: None):
        self.machine, self.watts, self.run_s, self.on_block, self.renewals = machine, watts, run_s, on_block, 0

    def renew(self):
        self.renewals += 1
        self.machine.work(0.2, self.watts)

    def block(self, runs):
        self.on_block()
        seconds = runs * self.run_s
        self.machine.work(seconds, self.watts)
        return Reading(runs, seconds, seconds, (self.run_s,) * runs)


def facts_of(reading="energy", *, wraps_j=None, **rest):
    told = {
        "id": "scripted",
        "kind": Class.COUNTER,
        "scope": "device",
        "domains": {"all": "the whole machine"},
        "excludes": "nothing",
        "resolution": 0.001,
        "period_s": 0.1,
        "shortest_window_s": 1.0,
        "gain": 0.05,
        "source": "a script",
        **rest,
    }
    return MeterFacts(
        reading=reading, wraps_j={} if wraps_j is None else dict.fromkeys(told["domains"], wraps_j), **told
    )


def watched(machine, meter, *phases, poll_s=0.05):
    """Look at a meter while the machine goes through phases of (seconds, watts), and return what was seen."""
    looks = []
    for seconds, watts in phases:
        for _ in range(round(seconds / poll_s)):
            looks.append(meter.sample())
            machine.pass_time(poll_s, watts)
    return [*looks, meter.sample()]


def after(seconds, twisted):
    """Twist readings from some seconds on: `twisted` is the reading, a fault, or a function of the true reading."""

    def twist(since_s, value):
        if since_s < seconds:
            return value
        return twisted(value) if callable(twisted) else twisted

    return twist


def once(seconds, twisted):
    """Twist the first reading after some seconds, and no other."""
    done = []

    def twist(since_s, value):
        if since_s < seconds or done:
            return value
        done.append(since_s)
        return twisted(value) if callable(twisted) else twisted

    return twist


def sticks(seconds):
    """Freeze a counter after some seconds at what it read last."""
    held = []

    def twist(since_s, value):
        if since_s < seconds or not held:
            held[:] = [value]
        return held[0]

    return twist


def dies(seconds, name="unreadable", words="it went away"):
    """Give nothing but faults after some seconds."""
    return after(seconds, Fault(name, words, 0.0))
