"""Takes windows of work that are long enough for meters slower than the comparison protocol.

First an idle window, in which the models are loaded and nothing runs, again if somebody else ran; then windows of each
subject in random order, with fresh sessions for each, until every subject has enough that nothing disturbed. All meters
look at the same windows, whose length is that of the slowest one used; a meter that is too slow for the budget is left
out. A counter's window holds 100 ticks at least, 10 s for NVML's. Batches of work are a random time apart, since a
regular rhythm beats with a meter's own: a counter that ticks every 100 ms was then 17% wrong over 10 s.

Source: Yang, Adamek & Armour, "Part-time power measurements: nvidia-smi's lack of attention", SC 2024.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from greengate.measure import machine_load, metering
from greengate.measure.campaign import IDLE, Campaign, Turn
from greengate.measure.events import Event
from greengate.measure.machine_load import Load
from greengate.measure.sampling import Sampler
from greengate.ports import Meter, MeterFacts, Reading, Workload

_COUNTER_PERIODS = 102  # 100 from tick to tick, and one that is lost at each end
_POWER_PERIODS = 20  # readings of power have no ticks that an edge could miss
_MOST_GAP = 0.2  # of a batch, so that a slow meter's window is not spent waiting
_MOST_KEPT = 2 / 3  # of the budget
_IDLE_PARTS = 4
_MOST_IDLE = 3  # tries
_MOST_ROUNDS = 4  # times the planned ones, where the machine is never quiet


@dataclass(frozen=True, slots=True)
class Plan:
    """How to take windows: seconds in all, undisturbed windows of each subject, seed of order and gaps."""

    budget_s: float
    windows: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The world that windows are taken in; tests script it.

    Attributes:
        clock: Monotonic seconds; the samples of meters carry the same clock.
        sleep: Lets seconds pass.
        own_cpu_s: CPU seconds of this process, which belong to the measuring.
        load: A look at what the machine does, or None where it does not tell.
        asleep_s: Seconds it has been suspended so far.
        sampler: Makes what looks at a meter meanwhile.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    own_cpu_s: Callable[[], float] = time.process_time
    load: Callable[[], Load | None] = Load.read
    asleep_s: Callable[[], float] = machine_load.asleep_s
    sampler: Callable[[Meter, MeterFacts], Sampler] = Sampler


@dataclass(frozen=True, slots=True)
class Work:
    """A subject's workload, the inferences that one run carries, and the runs of a batch, which fill about a second."""

    workload: Workload
    inferences: int
    runs: int


HERE = Surroundings()


def window_s(facts: MeterFacts) -> float:
    """Tell how long a window this meter needs."""
    periods = _COUNTER_PERIODS if facts.reading == "energy" else _POWER_PERIODS
    return max(facts.shortest_window_s, periods * facts.period_s)


def reserved_s(facts: Sequence[MeterFacts], subjects: int, plan: Plan) -> float:
    """Tell how many seconds of a budget are kept for windows, so that pairs that stay open do not use them up.

    The slowest meter whose windows take no more than two thirds of the budget sets it; a batch of work is taken to
    last a second.
    """
    batches_s = 2.0 * plan.windows * subjects
    needs = [(1 + plan.windows * subjects) * window_s(one) + batches_s for one in facts]
    return max((needed_s for needed_s in needs if needed_s <= _MOST_KEPT * plan.budget_s), default=0.0)


def take(
    works: Mapping[str, Work],
    meters: Sequence[tuple[Meter, MeterFacts]],
    plan: Plan,
    here: Surroundings = HERE,
    progress: Callable[[float], None] = lambda _: None,
) -> Campaign:
    """Take windows of every subject, with all meters that the budget allows.

    Args:
        works: What to run, by subject.
        meters: Meters that have been probed, with their facts; of two with one identifier the first is used.
        plan: How long, and how many.
        here: The world to do it in.
        progress: Is told the share of the budget used up, from 0 to 1.

    Raises:
        ModelError: A model stopped running.
    """
    campaign = Campaign()
    deadline_s = here.clock() + plan.budget_s
    by_id = {facts.id: (meter, facts) for meter, facts in reversed(meters)}
    fitting = _fitting([facts for _, facts in by_id.values()], plan, dict.fromkeys(works, 0.0), plan.budget_s, campaign)
    if fitting:
        batch_s = {subject: _rehearse(work, here) for subject, work in works.items()}
        fitting = _fitting(fitting, plan, batch_s, deadline_s - here.clock(), campaign)
    if not fitting:
        return campaign
    campaign.facts = {facts.id: facts for facts in fitting}
    with ExitStack() as stack:
        samplers = {name: stack.enter_context(here.sampler(*by_id[name])) for name in campaign.facts}
        taker = _Taker(works, campaign, samplers, here, random.Random(plan.seed))  # noqa: S311 - it keeps no secret
        _idle(taker, plan, deadline_s)
        if campaign.facts:
            _rounds(taker, plan, deadline_s, progress)
        campaign.sampling = {name: samplers[name].cpu_share for name in campaign.facts}
    return campaign


def _rehearse(work: Work, here: Surroundings) -> float:
    started_s = here.clock()
    work.workload.renew()
    work.workload.block(work.runs)
    return here.clock() - started_s


def _fitting(
    facts: Sequence[MeterFacts], plan: Plan, batch_s: Mapping[str, float], left_s: float, campaign: Campaign
) -> list[MeterFacts]:
    """Choose the meters whose windows fit into what is left; fresh sessions and one batch take `batch_s`."""
    fitting = []
    count = 1 + plan.windows * len(batch_s)
    for one in sorted(facts, key=window_s):
        needed_s = count * window_s(one) + 2 * plan.windows * sum(batch_s.values())
        if needed_s <= left_s:
            fitting.append(one)
        else:
            windows = f"{count} windows of {window_s(one):.3g} s or more"
            words = f"{windows} need {needed_s:.0f} s, {max(left_s, 0.0):.0f} s are left; give it a longer budget"
            campaign.left_out[one.id] = Event("budget", words)
    return fitting


def _idle(taker: _Taker, plan: Plan, deadline_s: float) -> None:
    """Take an idle window, again if others disturbed it; meters that need a quiet one and got none are left out."""
    campaign = taker.campaign
    windows_s = taker.length_s * (1 + plan.windows * len(taker.works))
    for _ in range(_MOST_IDLE):
        idle = taker.idle()
        in_vain = {name: event for name, facts in campaign.facts.items() if (event := idle.disturbance(facts.scope))}
        if not in_vain or taker.here.clock() + windows_s > deadline_s:
            break
    for name, event in in_vain.items():
        del campaign.facts[name]
        campaign.left_out[name] = Event(event.name, f"idle power is not known: {event.words}")


def _rounds(taker: _Taker, plan: Plan, deadline_s: float, progress: Callable[[float], None]) -> None:
    """Take a window of each subject a round; beyond the planned rounds only if some were disturbed and time is left."""
    began_s = now_s = taker.here.clock()
    for round_ in range(_MOST_ROUNDS * plan.windows):
        extra_s = (now_s - began_s) / round_ if round_ >= plan.windows else 0.0
        if now_s + extra_s > deadline_s or taker.undisturbed() >= plan.windows:
            break
        taker.round()
        now_s = taker.here.clock()
        progress(min(1.0, 1 - (deadline_s - now_s) / plan.budget_s))


@dataclass(frozen=True, slots=True)
class _Taker:
    works: Mapping[str, Work]
    campaign: Campaign
    samplers: Mapping[str, Sampler]
    here: Surroundings
    chance: random.Random

    @property
    def length_s(self) -> float:
        return max(window_s(facts) for facts in self.campaign.facts.values())

    def idle(self) -> Turn:
        turn = self.campaign.idle = self._watched(IDLE, self._nothing)
        part_s = turn.seconds / _IDLE_PARTS
        for name, facts in self.campaign.facts.items():
            shorter = replace(facts, shortest_window_s=0.0)
            starts = [turn.start_s + part * part_s for part in range(_IDLE_PARTS)]
            powers = [self._energy(shorter, start_s, start_s + part_s).power_w for start_s in starts]
            self.campaign.idle_parts_w[name] = tuple(watts for watts in powers if watts is not None)
        return turn

    def round(self) -> None:
        subjects = list(self.works)
        self.chance.shuffle(subjects)
        for subject in subjects:
            work = self.works[subject]
            work.workload.renew()
            if any(facts.reading == "power" for facts in self.campaign.facts.values()):
                work.workload.block(work.runs)  # Watts may be a mean of the last second.
            self.campaign.turns.append(self._watched(subject, partial(self._batches, work)))

    def undisturbed(self) -> int:
        """Count the windows that every meter can use, of the subject that has the fewest."""
        scopes = {facts.scope for facts in self.campaign.facts.values()}
        return min(
            sum(not any(turn.disturbance(scope) for scope in scopes) for turn in self.campaign.of(subject))
            for subject in self.works
        )

    def _nothing(self, _: float) -> Sequence[Reading]:
        self.here.sleep(self.length_s)
        return ()

    def _batches(self, work: Work, start_s: float) -> Sequence[Reading]:
        gap_s = max(facts.period_s for facts in self.campaign.facts.values())
        readings: list[Reading] = []
        while self.here.clock() - start_s < self.length_s:
            if readings:
                self.here.sleep(self.chance.uniform(0, min(gap_s, _MOST_GAP * readings[-1].wall_s)))
            readings.append(work.workload.block(work.runs))
        return readings

    def _watched(self, subject: str, work: Callable[[float], Sequence[Reading]]) -> Turn:
        here = self.here
        load, own_cpu_s, asleep_s, start_s = here.load(), here.own_cpu_s(), here.asleep_s(), here.clock()
        readings = work(start_s)
        end_s, later = here.clock(), here.load()
        cpu_s = sum(reading.cpu_s for reading in readings)
        measuring_s = cpu_s + here.own_cpu_s() - own_cpu_s
        return Turn(
            subject=subject,
            start_s=start_s,
            end_s=end_s,
            inferences=sum(reading.runs for reading in readings) * (self.works[subject].inferences if readings else 0),
            cpu_s=cpu_s,
            shares=None if load is None or later is None else later.since(load, measuring_s, end_s - start_s),
            asleep_s=here.asleep_s() - asleep_s,
            meters={name: self._energy(facts, start_s, end_s) for name, facts in self.campaign.facts.items()},
        )

    def _energy(self, facts: MeterFacts, start_s: float, end_s: float) -> metering.Window:
        return metering.energy(facts, self.samplers[facts.id].between(start_s, end_s), start_s, end_s)
