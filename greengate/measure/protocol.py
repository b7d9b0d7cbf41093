"""Candidate and baseline, measured side by side in short interleaved blocks.

The unit of comparison is the pair: one block of each, back to back, in random order, in sessions that are made anew
every few pairs, so that memory layout, clocks and neighbours average out. Looking after every pair is allowed, because
the decision (`greengate.betting`) is made for that.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from greengate.errors import MeasurementError
from greengate.evidence import Block, Pair
from greengate.ports import Reading, Workload

CANDIDATE, BASELINE = "candidate", "baseline"
_MOST_RUNS = 20_000
_RUNS_A_BLOCK = 8


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to measure.

    Attributes:
        budget_s: Wall seconds after which no further pair is begun.
        max_pairs: Pairs after which measuring ends.
        min_pairs: Pairs that are measured whatever has been settled.
        min_runs: Runs of each model that the asked-for quantiles need.
        block_cpu_s: CPU seconds that a block should at least take; one run if that is longer.
        pairs_a_round: Pairs between fresh sessions.
        seed: Seed of the random order.
    """

    budget_s: float = 60.0
    max_pairs: int = 600
    min_pairs: int = 12
    min_runs: int = 0
    block_cpu_s: float = 0.010
    pairs_a_round: int = 6
    seed: int = 0


@dataclass(slots=True)
class Trace:
    """What was measured: pairs (none without a baseline), and by subject all blocks and some run times of each."""

    pairs: list[Pair] = field(default_factory=list)
    blocks: dict[str, list[Block]] = field(default_factory=dict)
    run_s: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0


Progress = Callable[[float], None]


def measure(
    workloads: Mapping[str, Workload],
    batches: Mapping[str, int],
    schedule: Schedule,
    unsettled: Callable[[Sequence[Pair]], bool],
    progress: Progress = lambda _: None,
) -> Trace:
    """Measure until everything is settled or the budget ends.

    Args:
        workloads: The models by subject; "candidate" and, if there is one, "baseline".
        batches: Inferences that one run carries, by subject.
        schedule: How to measure.
        unsettled: Tells from the pairs so far whether more could still settle something.
        progress: Is told the share of the budget used up, from 0 to 1.

    Raises:
        MeasurementError: The clock of the operating system does not move.
        ModelError: A model stopped running.
    """
    trace = Trace(blocks={subject: [] for subject in workloads}, run_s={subject: [] for subject in workloads})
    order = random.Random(schedule.seed)  # noqa: S311 - it shuffles blocks, it keeps no secret
    started = time.monotonic()
    runs: dict[str, int] = {}
    for turn in _turns(schedule):
        if turn % schedule.pairs_a_round == 0:
            for subject, workload in workloads.items():
                workload.renew()
                runs.setdefault(subject, runs_a_block(workload, schedule.block_cpu_s))
        _one_turn(workloads, batches, runs, trace, order, turn // schedule.pairs_a_round)
        trace.seconds = time.monotonic() - started
        progress(_used(trace, schedule))
        if _done(trace, schedule, turn + 1, unsettled):
            break
    return trace


def runs_a_block(workload: Workload, block_cpu_s: float) -> int:
    """Find how many runs make a block long enough for the clock."""
    runs = 1
    while runs < _MOST_RUNS:
        reading = workload.block(runs)
        if reading.cpu_s >= block_cpu_s:
            return max(1, min(runs, math.ceil(block_cpu_s / (reading.cpu_s / runs))))
        wanted = math.ceil(1.1 * runs * block_cpu_s / reading.cpu_s) if reading.cpu_s > 0 else 10 * runs
        runs = min(max(wanted, runs + 1), 10 * runs, _MOST_RUNS)
    return runs


def _turns(schedule: Schedule) -> Iterator[int]:
    return iter(range(max(schedule.max_pairs, 1)))


def _one_turn(  # noqa: PLR0913 - the state of one turn
    workloads: Mapping[str, Workload],
    batches: Mapping[str, int],
    runs: Mapping[str, int],
    trace: Trace,
    order: random.Random,
    round_: int,
) -> None:
    subjects = list(workloads)
    order.shuffle(subjects)
    for subject in subjects:
        reading = workloads[subject].block(runs[subject])
        trace.blocks[subject].append(_block(reading, batches[subject]))
        trace.run_s[subject].extend(_spread(reading.run_s))
    if BASELINE in workloads:
        trace.pairs.append(
            Pair(
                round=round_,
                candidate_first=subjects[0] == CANDIDATE,
                candidate=trace.blocks[CANDIDATE][-1],
                baseline=trace.blocks[BASELINE][-1],
            )
        )


def _spread(run_s: Sequence[float]) -> Sequence[float]:
    """Take a few runs that lie evenly in a block: neighbours are alike, and to count them all would feign certainty."""
    if len(run_s) <= _RUNS_A_BLOCK:
        return run_s
    step = len(run_s) / _RUNS_A_BLOCK
    return [run_s[int((index + 0.5) * step)] for index in range(_RUNS_A_BLOCK)]


def _block(reading: Reading, batch: int) -> Block:
    if reading.cpu_s <= 0 or reading.wall_s <= 0:
        raise MeasurementError(
            "runner",
            f"{reading.runs} runs took {reading.cpu_s:.3g} CPU seconds and {reading.wall_s:.3g} seconds by the clock",
            "the clock of this machine does not resolve the model; give it a larger batch",
        )
    times = sorted(reading.run_s)
    return Block(
        inferences=reading.runs * batch,
        cpu_s=reading.cpu_s,
        wall_s=reading.wall_s,
        run_p50_s=times[len(times) // 2],
        preempted=reading.preempted,
    )


def _used(trace: Trace, schedule: Schedule) -> float:
    turns = len(trace.blocks[CANDIDATE])
    return min(1.0, max(trace.seconds / max(schedule.budget_s, 1e-9), turns / schedule.max_pairs))


def _done(trace: Trace, schedule: Schedule, turns: int, unsettled: Callable[[Sequence[Pair]], bool]) -> bool:
    if trace.seconds + trace.seconds / turns > schedule.budget_s:
        return True
    enough = turns >= schedule.min_pairs and all(len(times) >= schedule.min_runs for times in trace.run_s.values())
    return enough and not unsettled(trace.pairs)
