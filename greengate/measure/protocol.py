"""Candidate and baseline, measured side by side in short interleaved blocks.

Blocks come in pairs, one of each model back to back. Pairs come in rounds: fresh sessions for all, then pairs in one
order and in the other, so that what belongs to a place in the order, or drifts evenly, cancels within a round, and
memory layout, clocks and neighbours average out between rounds. Looking after every round is allowed, because the
decision (`greengate.betting`) is made for that. After each round a control workload tells how the machine fares.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from greengate.errors import MeasurementError
from greengate.evidence import Block, Event, Pair
from greengate.measure.device_blocks import DeviceBlocks
from greengate.measure.disturbance import Look, disturbed
from greengate.measure.trace import BASELINE, CANDIDATE, Trace
from greengate.ports import Reading, Workload

__all__ = ["BASELINE", "CANDIDATE", "Schedule", "Trace", "measure", "runs_a_block"]

_MOST_RUNS, _MOST_RUNS_BY_CLOCK = 20_000, 1_000_000
RUNS_KEPT = 8
_ALIKE = 2  # times the cost of another model: farther off than tolerances are
_CONTROL_CPU_S = 0.004


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to measure.

    Attributes:
        budget_s: Wall seconds within which measuring ends; no round is begun that would not fit.
        max_pairs: Pairs after which measuring ends.
        min_pairs: Pairs that are measured whatever has been settled.
        min_runs: Runs of each model that the asked-for quantiles need.
        block_cpu_s: CPU seconds that a block should at least take; one run if that is longer.
        block_wall_s: Where an accelerator does the work, seconds by the clock that a block should at least take,
            instead of CPU seconds; 0 elsewhere.
        pairs_a_round: Pairs in one set of fresh sessions; even, for both orders.
        seed: Seed of the random order.
    """

    budget_s: float = 60.0
    max_pairs: int = 600
    min_pairs: int = 12
    min_runs: int = 0
    block_cpu_s: float = 0.010
    block_wall_s: float = 0.0
    pairs_a_round: int = 2
    seed: int = 0


Progress = Callable[[float], None]
Unsettled = Callable[[Trace], bool]


def measure(  # noqa: PLR0913 - what is measured, how, and whom to ask
    workloads: Mapping[str, Workload],
    batches: Mapping[str, int],
    schedule: Schedule,
    unsettled: Unsettled,
    control: Workload | None = None,
    progress: Progress = lambda _: None,
    look: Callable[[], Look] = Look,
    device: DeviceBlocks | None = None,
) -> Trace:
    """Measure until everything is settled or the budget ends.

    Args:
        workloads: The models by subject: "candidate" and whatever it is held against, such as "baseline".
        batches: Inferences that one run carries, by subject.
        schedule: How to measure.
        unsettled: Tells from the trace so far whether more rounds could still settle something.
        control: A small task that is always the same, run after each round.
        progress: Is told the share of the budget used up, from 0 to 1.
        look: Looks at the machine.
        device: The meter of the accelerator that does the work, if one does and can be read.

    Raises:
        MeasurementError: The clock of the operating system does not move.
        ModelError: A model stopped running.
    """
    return _Course(workloads, batches, schedule, unsettled, control, progress, look, device).run()


def runs_a_block(workload: Workload, block_s: float, *, by_clock: bool = False) -> int:
    """Find how many runs make a block of so many CPU seconds, or seconds by the clock."""
    return _sized(workload, block_s, by_clock=by_clock).runs


@dataclass(frozen=True, slots=True)
class _Size:
    """How many runs make a block, what one of them takes by the clock, and what it costs in that by which it is sized.

    All seconds.
    """

    runs: int
    run_s: float
    cost_s: float


def _levelled(sizes: Mapping[str, _Size]) -> dict[str, int]:
    """Give models of like cost equally many runs a block: the most that one of them takes.

    The first run after another model's block finds cold caches. How many runs share its cost must not hang on how the
    sizing went: that is the same for all rounds, so that no averaging would take it out.
    """
    return {
        subject: max(
            other.runs
            for other in sizes.values()
            if other.cost_s <= _ALIKE * size.cost_s and size.cost_s <= _ALIKE * other.cost_s
        )
        for subject, size in sizes.items()
    }


def _sized(workload: Workload, block_s: float, *, by_clock: bool = False) -> _Size:
    """Find how many runs make a block of so many CPU seconds, or seconds by the clock."""
    runs, run_s, cost_s, most = 1, 0.0, 0.0, _MOST_RUNS_BY_CLOCK if by_clock else _MOST_RUNS
    while runs < most:
        reading = workload.block(runs)
        run_s = reading.wall_s / runs
        took_s = reading.wall_s if by_clock else reading.cpu_s
        cost_s = took_s / runs
        if took_s >= block_s:
            return _Size(max(1, min(runs, math.ceil(block_s / cost_s))), run_s, cost_s)
        wanted = math.ceil(1.1 * runs * block_s / took_s) if took_s > 0 else 10 * runs
        runs = min(max(wanted, runs + 1), 10 * runs, most)
    return _Size(runs, run_s, cost_s)


@dataclass(slots=True)
class _Course:
    workloads: Mapping[str, Workload]
    batches: Mapping[str, int]
    schedule: Schedule
    unsettled: Unsettled
    control: Workload | None
    progress: Progress
    look: Callable[[], Look]
    device: DeviceBlocks | None = None
    trace: Trace = field(default_factory=Trace)
    runs: dict[str, int] = field(default_factory=dict)
    control_runs: int = 1
    places: random.Random = field(init=False)
    dropped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.places = random.Random(f"places of runs, {self.schedule.seed}")  # noqa: S311 - it keeps no secret

    def run(self) -> Trace:
        self.trace.blocks = {subject: [] for subject in self.workloads}
        self.trace.against = {subject: [] for subject in self.workloads if subject != CANDIDATE}
        order = random.Random(self.schedule.seed)  # noqa: S311 - it shuffles blocks, it keeps no secret
        started_s = self.look().at_s
        expected_s = first_s = self._size(started_s + self.schedule.budget_s)
        rounds = max(1, self.schedule.max_pairs // self.schedule.pairs_a_round)
        for number in range(rounds):
            before = self.look()
            self.trace.seconds = before.at_s - started_s
            if self.trace.seconds + expected_s > self.schedule.budget_s:
                self._out_of_time(number, first_s)
                break
            after = self._round(number, order, before)
            expected_s = after.at_s - before.at_s
            self.trace.seconds = after.at_s - started_s
            self.progress(min(1.0, max(self.trace.seconds / self.schedule.budget_s, (number + 1) / rounds)))
            if self._enough() and not self.unsettled(self.trace):
                break
        self._tell_dropped()
        return self.trace

    def _size(self, until_s: float) -> float:
        """Find the length of the blocks, and how long the first round may take.

        Models that alone take longer than the budget are not all tried: what has been seen is enough to say so.
        """
        sizes: dict[str, _Size] = {}
        for subject, workload in self.workloads.items():
            sizes[subject] = self._sized(workload)
            if self.look().at_s > until_s:
                break
        else:
            if self.control is not None:
                self.control_runs = runs_a_block(self.control, _CONTROL_CPU_S)
        self.runs = _levelled(sizes)
        round_s = sum(size.run_s * self.runs[subject] for subject, size in sizes.items()) * self.schedule.pairs_a_round
        # Two runs warm up; of a slow model one does, and loading takes about as long.
        return round_s + 2 * sum(size.run_s for size in sizes.values())

    def _sized(self, workload: Workload) -> _Size:
        if self.schedule.block_wall_s:
            return _sized(workload, self.schedule.block_wall_s, by_clock=True)
        return _sized(workload, self.schedule.block_cpu_s)

    def _round(self, number: int, order: random.Random, before: Look) -> Look:
        subjects = list(self.workloads)
        order.shuffle(subjects)
        for subject in subjects:
            self.workloads[subject].renew()
        turns = [self._turn(subjects[:: 1 if turn % 2 == 0 else -1]) for turn in range(self.schedule.pairs_a_round)]
        if self.control is not None:
            reading = self.control.block(self.control_runs)
            self.trace.control_s.append(float(f"{reading.cpu_s / reading.runs:.6g}"))
        after = self.look()
        blocks = [block for turn in turns for block in turn.values()]
        processors = before.load.processors if before.load else 1
        event = disturbed(blocks, after.asleep_s - before.asleep_s, self.trace.control_s, processors)
        if event is not None:
            self.trace.discarded_pairs += len(turns) * len(self.trace.against)
            self.dropped[event.name] += 1
            if self.dropped[event.name] == 1:
                self.trace.events.append(Event(name=event.name, words=f"round {number + 1} was dropped: {event.words}"))
        else:
            self._keep(number, turns)
        return after

    def _turn(self, subjects: Sequence[str]) -> dict[str, Block]:
        return {subject: self._block(subject) for subject in subjects}

    def _block(self, subject: str) -> Block:
        if self.device is not None:
            self.device.pause()
        before = self.look()
        reading = self.workloads[subject].block(self.runs[subject])
        device_j = self.device.joules(reading.wall_s) if self.device is not None else None
        foreign_s, steal_s = self.look().taken_since(before, reading.cpu_s, reading.wall_s)
        median_s = sorted(reading.run_s)[len(reading.run_s) // 2]
        if min(reading.cpu_s, reading.wall_s, median_s) <= 0:
            raise MeasurementError(
                "runner",
                f"{reading.runs} runs took {reading.cpu_s:.3g} CPU s and {reading.wall_s:.3g} s by the clock",
                "the clock of this machine does not resolve the model; give it a larger batch",
            )
        return Block(
            inferences=reading.runs * self.batches[subject],
            cpu_s=reading.cpu_s,
            wall_s=reading.wall_s,
            run_p50_s=median_s,
            run_s=_kept(reading, self.places.random()),
            preempted=reading.preempted,
            yielded=reading.yielded,
            foreign_s=foreign_s,
            steal_s=steal_s,
            on_device=self.schedule.block_wall_s > 0,
            device_j=device_j,
        )

    def _keep(self, number: int, turns: Sequence[dict[str, Block]]) -> None:
        self.trace.rounds += 1
        for turn in turns:
            order = list(turn)
            for subject, block in turn.items():
                self.trace.blocks[subject].append(block)
            for subject, pairs in self.trace.against.items():
                first = order.index(CANDIDATE) < order.index(subject)
                pairs.append(
                    Pair(round=number, candidate_first=first, candidate=turn[CANDIDATE], baseline=turn[subject])
                )

    def _enough(self) -> bool:
        pairs = self.trace.rounds * self.schedule.pairs_a_round
        return pairs >= self.schedule.min_pairs and all(
            len(self.trace.runs(subject)) >= self.schedule.min_runs for subject in self.workloads
        )

    def _out_of_time(self, begun: int, first_s: float) -> None:
        if self.trace.rounds:
            return
        ended = f"the budget of {self.schedule.budget_s:g} s ended before"
        if begun:
            words = f"{ended} a round of pairs was left that counts"
        else:
            words = (
                f"{ended} the first round of pairs, which takes about {first_s:.2g} s; "
                "`measurement: {budget: …}` gives more"
            )
        self.trace.events.append(Event(name="budget", words=words))

    def _tell_dropped(self) -> None:
        again = sum(self.dropped.values()) - len(self.dropped)
        if again:
            words = f"{again} more rounds were dropped for the same reasons ({', '.join(sorted(self.dropped))})"
            self.trace.events.append(Event(name="discarded", words=words))


def _kept(reading: Reading, shift: float) -> tuple[float, ...]:
    """Take a few runs that lie evenly in a block: neighbours are alike, and to count them all would feign certainty.

    The first run is dearer than the others, so that chance (`shift`, from 0 to 1) says which ones are taken.
    """
    step = max(1.0, len(reading.run_s) / RUNS_KEPT)
    places = [int((index + shift) * step) for index in range(min(len(reading.run_s), RUNS_KEPT))]
    return tuple(float(f"{reading.run_s[place]:.6g}") for place in places)
