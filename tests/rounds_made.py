"""A scripted machine and models on it, for the protocol: its clock moves only when something runs."""

import math
import random

from greengate.measure.disturbance import Look
from greengate.measure.machine_load import Load
from greengate.measure.protocol import BASELINE, CANDIDATE, Schedule, measure
from greengate.ports import Reading

DEFAULT = Schedule()
_CONTROL_RUNS = 4  # of 1 ms each; fewer or more are tried before the first round


class Bench:
    """A machine that can be suspended, robbed of time or slowed while a block runs.

    `plan` maps the number of a round (from 0, as pairs count it), or "always", to (what, how much): "suspended" for so
    many seconds, "stolen" for that share of two processors, or "slowed" so many times.
    """

    def __init__(self, plan=None, seed=0, *, tells_load=True):
        self.plan, self.tells_load, self.chance = plan or {}, tells_load, random.Random(seed)
        self.now_s, self.asleep_s, self.busy_s, self.steal_s, self.round, self.log = 0.0, 0.0, 0.0, 0.0, 0, []

    def look(self):
        load = Load(self.busy_s, self.steal_s, 0.0, processors=2) if self.tells_load else None
        return Look(load=load, asleep_s=self.asleep_s, own_cpu_s=0.0, at_s=self.now_s)

    def what(self):
        return self.plan.get(self.round, self.plan.get("always", ("", 0.0)))

    def work(self, wall_s, cpu_s):
        self.now_s += wall_s
        self.busy_s += cpu_s
        kind, amount = self.what()
        self.steal_s += 2 * wall_s * amount if kind == "stolen" else 0.0

    def model(self, name, run_s=0.010, **rest):
        return Model(self, name, run_s, **rest)

    def control(self):
        return Model(self, "control", 0.001)


class Model:
    """A model whose runs take `run_s` of CPU, with the luck of its session and a scatter of each block."""

    def __init__(self, bench, name, run_s, load_s=0.0, session=0.0, scatter=0.0, waits=1.0):
        self.bench, self.name, self.run_s, self.load_s, self.waits = bench, name, run_s, load_s, waits
        self.session, self.scatter, self.luck, self.blocks = session, scatter, 0.0, []

    def renew(self):
        """Load, and warm up as the child does: twice, or once where a run takes half a second."""
        self.luck = self.bench.chance.gauss(0, self.session)
        self.bench.log.append(("renew", self.name))
        warm_ups = 1 if self.run_s >= 0.5 else 2
        self.bench.work(self.load_s + warm_ups * self.run_s, self.load_s + warm_ups * self.run_s)

    def block(self, runs):
        self.bench.log.append(("block", self.name))
        self.blocks.append(runs)
        cost_s = self.run_s * math.exp(self.luck + self.bench.chance.gauss(0, self.scatter))
        if self.name == "control":
            kind, amount = self.bench.what()
            cost_s *= amount if kind == "slowed" else 1.0
            self.bench.asleep_s += amount if kind == "suspended" else 0.0
        self.bench.work(runs * cost_s * self.waits, runs * cost_s)
        if self.name == "control" and runs == _CONTROL_RUNS:
            self.bench.round += 1
        return Reading(runs, runs * cost_s, runs * cost_s * self.waits, (cost_s * self.waits,) * runs, 3, 4)


def course(bench=None, schedule=DEFAULT, unsettled=lambda _: False, batch=1, **models):
    """Measure models on a bench, with its control workload; the round that runs is counted by that."""
    bench = bench or Bench()
    models = models or {CANDIDATE: bench.model("candidate"), BASELINE: bench.model("baseline")}
    return measure(models, dict.fromkeys(models, batch), schedule, unsettled, bench.control(), look=bench.look)
