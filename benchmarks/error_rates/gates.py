"""Live gates, end to end: how often the energy rule is right and wrong on identical and on truly heavier models.

    python benchmarks/error_rates/gates.py --scenario identical-5 --trials 200 [--beside nothing|one|both]
    python benchmarks/error_rates/gates.py --scenario identical-5 --trials 100 --long 60
    python benchmarks/error_rates/gates.py --report

Each trial is a fresh process that runs the whole walk of one check (`greengate.check.run`) on a project folder made
beforehand: look at both models, count, measure, judge, write down. "Identical" models are one architecture with other
random weights; heavier ones have more layers or wider ones, so much that their CPU seconds truly grow by that share
(`truth.py`, RESULT-truth.md). Beside "one" or "both", a process of ours comes and goes on as many cores.

Every trial is stored under traces/ with all its pairs. `--trials` is how many there shall be in all, over the models by
turns: the same command goes on where the last one was stopped, at any moment. `--long N` measures N pairs whatever they
say, for the replay of methods with a fixed number of them (`others.py`).

Writes RESULT-gates.md beside this file.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import neighbours
import tables
from campaign import Campaign
from scenarios import SCENARIOS, Scenario
from traces import Trace, stored
from zoo import KINDS, chosen

GROUPS = {kind.name: kind.group for kind in KINDS}
HEADS = (
    "scenario",
    "models",
    "beside",
    "gates",
    "wrong",
    "right",
    "inconclusive",
    "errored",
    "seconds of measuring, median / p95",
    "whole check, median",
    "pairs, median",
)


def main() -> None:
    """Run a campaign, or go on with it, and write the table of all there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", choices=SCENARIOS, default="identical-5")
    parser.add_argument("--trials", type=int, default=200, help="gates of this scenario and neighbourhood in all")
    parser.add_argument("--beside", choices=neighbours.BESIDE, default="nothing")
    parser.add_argument("--models", default="small", help="names and groups of zoo.py, with commas between, or all")
    parser.add_argument("--long", type=int, default=0, metavar="PAIRS", help="measure so many pairs, without a verdict")
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of measuring instead of the usual 60")
    parser.add_argument("--report", action="store_true", help="only write the table of what is stored")
    asked = parser.parse_args()
    if not asked.report:
        kind = "long" if asked.long else ""
        scenario, kinds = SCENARIOS[asked.scenario], chosen(asked.models)
        campaign = Campaign(scenario, kinds, asked.beside, pairs=asked.long, kind=kind, budget_s=asked.budget)
        campaign.run(asked.trials)
    if not asked.long:
        report()


def report() -> None:
    """Write the tables of all stored gates: by group of models, and by model."""
    files = list(stored())
    traces = [trace for file in files for trace in file.traces]
    machines = sorted(
        {f"{part['machine']}; greengate {part['greengate']}" for file in files for part in file.campaigns}
    )
    groups = tables.table(HEADS, _rows(traces, GROUPS))
    models = tables.table(HEADS, _rows(traces, {kind.name: kind.name for kind in KINDS}))
    errors = Counter(f"{trace.model}: {trace.problem}" for trace in traces if trace.problem)
    troubles = [f"- {count} x {words}" for words, count in errors.items()] or ["None."]
    promises = tables.table(
        ("scenario", "tolerance", "candidate", "right verdict", "wrong, at most", "right, at least"),
        [_promise(scenario) for scenario in SCENARIOS.values()],
    )
    tables.write(
        "gates",
        "Live gates: one energy rule, identical and heavier models",
        *machines,
        "A wrong verdict passes what is over the tolerance or fails what is under it; in brackets its 95% upper limit.",
        groups,
        "## Model by model",
        models,
        "## Gates that ended in an error",
        "\n".join(troubles),
        "## What is promised",
        promises,
    )


def _promise(scenario: Scenario) -> tuple[object, ...]:
    work = f"+{scenario.work:.0%} work" if scenario.work else "identical"
    shares = f"{scenario.wrong_at_most:.1%}", f"{scenario.right_at_least:.0%}"
    return scenario.name, f"{scenario.tolerance:.0%}", work, scenario.right, *shares


def _rows(traces: Sequence[Trace], label: dict[str, str]) -> list[tuple[object, ...]]:
    places = {
        name: place for place, name in enumerate([*SCENARIOS, *dict.fromkeys(label.values()), *neighbours.BESIDE])
    }
    keys = {(trace.scenario, label[trace.model], trace.beside) for trace in traces}
    rows = []
    for key in sorted(keys, key=lambda key: [places[word] for word in key]):
        mine = [trace for trace in traces if (trace.scenario, label[trace.model], trace.beside) == key]
        rows.append((*key, *counted(mine, SCENARIOS[key[0]])))
    return rows


def counted(traces: Sequence[Trace], scenario: Scenario) -> tuple[object, ...]:
    """Count the verdicts of some gates and give their seconds."""
    found = Counter(trace.verdict for trace in traces)
    seconds = [trace.seconds for trace in traces if trace.rows]
    return (
        len(traces),
        tables.share(found[scenario.wrong], len(traces)),
        f"{found[scenario.right] / len(traces):.2%}",
        found["inconclusive"],
        found["errored"],
        f"{tables.quantile(seconds, 0.5):.2f} / {tables.quantile(seconds, 0.95):.2f}",
        f"{statistics.median(trace.whole_s for trace in traces):.1f}",
        f"{statistics.median(len(trace.rows) for trace in traces):g}",
    )


if __name__ == "__main__":
    main()
