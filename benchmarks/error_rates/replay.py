"""Judge stored traces with greengate's decision as it is now, in seconds instead of hours.

    python benchmarks/error_rates/replay.py [--multiply 500] [--models small] [--set _FIRST_SCALE=0.01]

Four tables, of all traces that `gates.py` has stored:

1. Every live gate judged again from its own rounds: does the decision of now agree with the verdict of then?
2. The same traces multiplied: whole rounds are drawn with replacement from all that was measured of one scenario and
   model beside the same neighbours, up to the most rounds of a measurement. This gives many trials that nobody ran: it
   shows what the decision does with noise of that kind, and no noise that was not met.
3. Exactly at the tolerance: identical models, every log-ratio shifted by ln(1 + tolerance). Once as measured: where two
   models that differ in their weights alone differ a little in time, that is a little off the tolerance, and long
   measurements find it out rightly. Once with the pool's own centre taken off, which a pool tells only as well as its
   number of rounds allows. And once mirrored besides: each round with candidate and baseline exchanged or not, by the
   coin, which puts the truth exactly at the tolerance.
4. Beside Wald's test with known variance and known effect (`wald.py`), on the same multiplied traces: the ratio of
   median observations. No test that assumes only that the noise is symmetric can be quicker than log2(1/alpha)
   observations, which Wald's may, as it is told the variance; so that floor stands beside it.

Writes RESULT-replay.md beside this file.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import judging
import tables
from judging import Setting, judged
from pools import Pool, centre, drawn, mean, pools, variance
from scenarios import AT_TOLERANCE, SCENARIOS
from traces import stored
from wald import Oracle
from zoo import KINDS, chosen

Item = TypeVar("Item")
GROUPS = {kind.name: kind.group for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Trial:
    """One invented trial: how greengate ended, after how many observations and seconds, and how Wald's test did."""

    verdict: str
    used: int
    seconds: float
    oracle: str
    oracle_used: int


def main() -> None:
    """Judge everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="all", help="names and groups of zoo.py, with commas between")
    parser.add_argument("--multiply", type=int, default=500, help="invented trials of each pool")
    parser.add_argument("--within", action="store_true", help="draw each invented trial from one stored trial")
    parser.add_argument("--seed", type=int, default=1)
    judging.options(parser)
    asked = parser.parse_args()
    setting = judging.asked_for(asked)
    everything = pools([kind.name for kind in chosen(asked.models)])
    trials = {(pool.scenario, pool.model, pool.beside): invented(pool, setting, asked) for pool in everything}
    machines = {part["machine"] for kind in ("", "long") for file in stored(kind) for part in file.campaigns}
    tables.write(
        "replay",
        "Stored traces, judged again",
        "Traces made on: " + "; ".join(sorted(machines)),
        judging.in_words(setting),
        "## Every live gate, judged again",
        live(everything, setting),
        f"## Multiplied: {asked.multiply} trials of each model, rounds drawn with replacement",
        multiplied(trials),
        f"## Exactly at the tolerance (false fails promised: at most {AT_TOLERANCE:.1%})",
        at_tolerance(everything, setting, asked),
        "## Beside Wald's sequential test with known variance and known effect",
        f"Floor of any test that only assumes symmetry: {setting.floor[0]} {setting.unit}s for a fail, "
        f"{setting.floor[1]} for a pass.",
        beside_wald(trials, setting),
    )


def invented(pool: Pool, setting: Setting, asked: argparse.Namespace) -> list[Trial]:
    """Judge the multiplied traces of one pool, by greengate and by Wald's test."""
    scenario = SCENARIOS[pool.scenario]
    oracle = Oracle(scenario.tau, mean(pool, setting), variance(pool, setting), setting.stakes)
    trials = []
    for trace in drawn(pool, setting, asked.multiply, asked.seed, within=asked.within):
        found = judged(trace.values, scenario.tau, setting)
        worse, used = oracle.decide(trace.values)
        verdict = {True: "failed", False: "passed", None: judging.OPEN}[worse]
        trials.append(Trial(found.verdict, found.used, math.fsum(trace.seconds[: found.used]), verdict, used))
    return trials


def live(everything: Sequence[Pool], setting: Setting) -> str:
    """Judge each stored gate again, and count where the verdicts of then and now differ."""
    rows = []
    for (name, group, beside), found in _grouped({_key(pool): [pool] for pool in everything}).items():
        tau = SCENARIOS[name].tau
        gates = [trace for pool in found for trace in pool.traces if trace.verdict != "open"]
        now = [judged(setting.values(trace), tau, setting).verdict for trace in gates]
        same = sum(verdict == trace.verdict for verdict, trace in zip(now, gates, strict=True))
        then = Counter(trace.verdict for trace in gates)
        scenario, again = SCENARIOS[name], Counter(now)
        counts = [f"{counter[word]}" for counter in (then, again) for word in (scenario.wrong, scenario.right)]
        if gates:
            rows.append((name, group, beside, len(gates), *counts, f"{same / len(gates):.1%}"))
    heads = ("scenario", "models", "beside", "gates", "wrong then", "right then", "wrong now", "right now", "same")
    return tables.table(heads, rows)


def multiplied(trials: dict[tuple[str, str, str], list[Trial]]) -> str:
    """Count the verdicts on multiplied traces."""
    rows = []
    for (name, group, beside), found in _grouped(trials).items():
        scenario, counts = SCENARIOS[name], Counter(trial.verdict for trial in found)
        seconds = [trial.seconds for trial in found]
        rows.append(
            (
                name,
                group,
                beside,
                len(found),
                tables.share(counts[scenario.wrong], len(found)),
                f"{counts[scenario.right] / len(found):.2%}",
                counts[judging.OPEN],
                f"{tables.quantile(seconds, 0.5):.2f} / {tables.quantile(seconds, 0.95):.2f}",
            )
        )
    heads = ("scenario", "models", "beside", "trials", "wrong", "right", "inconclusive", "seconds, median / p95")
    return tables.table(heads, rows)


def at_tolerance(everything: Sequence[Pool], setting: Setting, asked: argparse.Namespace) -> str:
    """Shift identical models to the tolerance and count how they are judged."""
    verdicts: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for pool in (pool for pool in everything if not SCENARIOS[pool.scenario].work):
        tau, own = SCENARIOS[pool.scenario].tau, centre(pool, setting)
        coin = random.Random(pool.model)
        for trace in drawn(pool, setting, asked.multiply, asked.seed, within=asked.within):
            centred = [value - own for value in trace.values]
            mirrored = [coin.choice((-1, 1)) * value for value in centred]
            for words, values in (("as measured", trace.values), ("centred", centred), ("mirrored", mirrored)):
                verdict = judged([value + tau for value in values], tau, setting).verdict
                verdicts[pool.scenario, pool.beside, words][verdict] += 1
    heads = ("scenario", "beside", "shifted", "trials", "failed", "passed", "inconclusive")
    return tables.table(
        heads,
        [
            (
                *key,
                trials := counts.total(),
                *(tables.share(counts[word], trials) for word in ("failed", "passed")),
                f"{counts[judging.OPEN] / trials:.2%}",
            )
            for key, counts in sorted(verdicts.items())
        ],
    )


def beside_wald(trials: dict[tuple[str, str, str], list[Trial]], setting: Setting) -> str:
    """Compare the median observations that greengate and Wald's test needed."""
    rows = []
    for (name, group, beside), found in _grouped(trials).items():
        right = SCENARIOS[name].right
        ours = statistics.median(trial.used for trial in found)
        wald = statistics.median(trial.oracle_used for trial in found)
        floor = setting.floor[0 if right == "failed" else 1]
        errors = sum(trial.oracle not in {right, judging.OPEN} for trial in found)
        ratios = f"{ours / wald:.2f}", f"{ours / max(wald, floor, setting.least):.2f}"
        rows.append((name, group, beside, f"{ours:g}", f"{wald:g}", *ratios, tables.share(errors, len(found))))
    heads = (
        "scenario",
        "models",
        "beside",
        f"{setting.unit}s, median",
        "Wald's, median",
        "ratio",
        "ratio to the greatest of Wald's, the floor and the least",
        "Wald's wrong",
    )
    return tables.table(heads, rows)


def _key(pool: Pool) -> tuple[str, str, str]:
    return pool.scenario, pool.model, pool.beside


def _grouped(found: dict[tuple[str, str, str], list[Item]]) -> dict[tuple[str, str, str], list[Item]]:
    """Put the models of one group together, in the order of the scenarios."""
    grouped: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for (scenario, model, beside), items in found.items():
        grouped[scenario, GROUPS[model], beside].extend(items)
    order = list(SCENARIOS)
    return dict(sorted(grouped.items(), key=lambda pair: (order.index(pair[0][0]), *pair[0][1:])))


if __name__ == "__main__":
    main()
