"""Several rules on measured metrics in one policy: how often identical models fail any of them.

    python benchmarks/error_rates/family.py --trials 100 [--beside nothing|one|both] [--models small] [--budget 20]
    python benchmarks/error_rates/family.py --report [--multiply 500]

Live: gates of a policy with rules on energy, latency p50 and p95 and throughput, stored under traces/ as all others.
Replayed: rounds of all stored traces of identical models, drawn with replacement and judged by three rules at once, on
CPU time, on the median run and on wall time, each with its share of the policy's false fails
(`greengate.betting.Stakes.shared`); as measured, and moved to lie exactly at the tolerance of all three, mirrored at
random, which is the worst case. The three are judged until all are settled. Tails (p95) need single runs, which traces
do not keep: they are judged live only.

Writes RESULT-family.md beside this file.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import judging
import neighbours
import pools
import tables
from campaign import Campaign
from judging import Setting, judged
from pools import Pool
from scenarios import SCENARIOS
from traces import Trace, stored
from zoo import chosen

RULES = """\
  - {id: energy, metric: energy_per_1k_inferences, max_increase: 5%, enforce: soft}
  - {id: p50, metric: latency_p50, max_increase: 5%, enforce: soft}
  - {id: p95, metric: latency_p95, max_increase: 25%, enforce: soft}
  - {id: throughput, metric: throughput, max_decrease: 5%, enforce: soft}
"""
COLUMNS = ("cpu_s", "run_p50_s", "wall_s")
PROMISED = 0.01


def main() -> None:
    """Run the campaign, or go on with it, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100, help="gates in all, over the models by turns")
    parser.add_argument("--beside", choices=neighbours.BESIDE, default="nothing")
    parser.add_argument("--models", default="small", help="names and groups of zoo.py, with commas between")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of measuring instead of the usual 60")
    parser.add_argument("--report", action="store_true", help="only write the tables of what is stored")
    parser.add_argument("--multiply", type=int, default=500, help="invented trials of each model")
    judging.options(parser)
    asked = parser.parse_args()
    kinds = chosen(asked.models)
    if not asked.report:
        scenario = SCENARIOS["identical-5"]
        campaign = Campaign(scenario, kinds, asked.beside, rules=RULES, kind="family", budget_s=asked.budget)
        campaign.run(asked.trials)
    setting = judging.asked_for(asked)
    files = list(stored("family"))
    machines = sorted({part["machine"] for file in files for part in file.campaigns})
    names = [kind.name for kind in kinds]
    identical = [pool for pool in pools.pools(names, ("", "long", "family")) if pool.scenario == "identical-5"]
    tables.write(
        "family",
        "Several rules in one policy, identical models",
        *machines,
        f"Promised: at most {PROMISED:.0%} of all gates fail by any rule.",
        "## Live",
        live([trace for file in files for trace in file.traces]),
        f"## Replayed: {asked.multiply} trials of each model, three rules at once",
        judging.in_words(setting),
        replayed(identical, setting, asked.multiply),
    )


def live(traces: Sequence[Trace]) -> str:
    """Count how each rule, and the whole family, came out."""
    rows = []
    for beside in neighbours.BESIDE:
        mine = [trace for trace in traces if trace.beside == beside and trace.rules]
        names = dict.fromkeys(name for trace in mine for name in trace.rules or ())
        rows += [(beside, name, *_counts(Counter((trace.rules or {})[name] for trace in mine))) for name in names]
        family = Counter(_any_fail((trace.rules or {}).values()) for trace in mine)
        if mine:
            rows.append((beside, "**any rule**", *_counts(family)))
    return tables.table(("beside", "rule", "gates", "failed", "passed", "inconclusive"), rows)


def replayed(identical: Sequence[Pool], setting: Setting, times: int) -> str:
    """Judge drawn rounds by three rules at once."""
    tau = SCENARIOS["identical-5"].tau
    shared = Setting(setting.stakes.shared(len(COLUMNS)), setting.unit, setting.least, setting.most)
    found: dict[tuple[str, str], Counter[str]] = {}
    for pool in identical:
        for words, shift in (("as measured", 0.0), ("exactly at the tolerance, mirrored", tau)):
            counter = found.setdefault((pool.beside, words), Counter())
            for series in _drawn(pool, setting.most, times, mirrored=bool(shift)):
                verdicts = [judged([x + shift for x in values], tau, shared).verdict for values in series]
                counter[_any_fail(verdicts)] += 1
    rows = [(*key, *_counts(counter)) for key, counter in sorted(found.items())]
    return tables.table(("beside", "models", "trials", "any failed", "all passed", "inconclusive"), rows)


def _drawn(pool: Pool, rounds: int, times: int, *, mirrored: bool) -> Iterator[list[list[float]]]:
    """Draw whole rounds, all columns together; mirrored ones are centred first, and change names by the coin."""
    scatter = random.Random(f"{pool.model}{pool.beside}")
    columns = [[mean for trace in pool.traces for mean in trace.round_means(column)] for column in COLUMNS]
    if mirrored:
        centres = [pools.centre_of(values) for values in columns]
        columns = [[x - centre for x in values] for values, centre in zip(columns, centres, strict=True)]
    everything = list(zip(*columns, strict=True))
    for _ in range(times):
        chosen_rounds = scatter.choices(everything, k=rounds)
        signs = [scatter.choice((-1, 1)) if mirrored else 1 for _ in chosen_rounds]
        yield [
            [sign * values[index] for sign, values in zip(signs, chosen_rounds, strict=True)]
            for index in range(len(COLUMNS))
        ]


def _any_fail(verdicts: Iterable[str]) -> str:
    words = set(verdicts)
    return "failed" if "failed" in words else "passed" if words == {"passed"} else judging.OPEN


def _counts(counter: Counter[str]) -> tuple[object, ...]:
    trials = counter.total()
    failed = tables.share(counter["failed"], trials)
    return trials, failed, f"{counter['passed'] / trials:.2%}", f"{counter[judging.OPEN] / trials:.2%}"


if __name__ == "__main__":
    main()
