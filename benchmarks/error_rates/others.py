"""The same traces decided by the others' methods and by greengate: errors, detection and seconds, side by side.

    python benchmarks/error_rates/others.py [--models small] [--pairs 6,12,...,60] [--multiply 30 --length 600]

Takes the long traces (`gates.py --long 60`), which go on whatever they say. Each method decides on the first N pairs;
greengate decides as it goes, on the same trace, and has as many pairs as the trace holds.

Small effects take more pairs than a long trace has. With `--multiply`, so many traces of `--length` pairs are invented
for each scenario, model and neighbourhood by drawing from the rounds of all its long traces, with replacement. That
loses what the rounds of one trial have in common, which favours the methods that go by wall time.

1. By N: false fails of identical models, fails of heavier ones, and the median seconds of measuring N pairs.
2. At equal error rates: for each method the smallest N with which, under one tolerance, all scenarios beside all
   neighbours come out as well as with greengate, or as well as is promised where greengate does better than that; then
   the ratio of its median seconds to ours. N is fixed before one knows what one will find, so one N has to do for all.
   A method that reaches this with no N that the traces have never reaches it, as far as they tell.

Welch's test and the fixed rules cannot say "inconclusive": what they do not fail, they pass.

Needs scipy. Writes RESULT-others.md beside this file.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import judging
import tables
from judging import Setting, judged
from methods import METHODS, Method, Sample
from scenarios import SCENARIOS, Scenario
from traces import Trace, stored
from zoo import chosen

_WORDS = {True: "failed", False: "passed", None: judging.OPEN}
OURS = "greengate, in sequence"
PAIRS = "4,6,8,10,12,16,20,24,32,40,48,60,80,100,120,160,200,240,300,360,420,480,540,600"


@dataclass(slots=True)
class Score:
    """How a method did in one scenario: its verdicts, and the seconds of measuring for each."""

    scenario: Scenario
    verdicts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def add(self, verdict: str, seconds: float) -> None:
        """Count one trial."""
        self.verdicts[verdict] += 1
        self.seconds.append(seconds)

    def of(self, word: str) -> float:
        """Return the share of a verdict."""
        return self.verdicts[word] / max(1, self.verdicts.total())

    @property
    def wrong(self) -> float:
        """Share of wrong verdicts."""
        return self.of(self.scenario.wrong)

    @property
    def right(self) -> float:
        """Share of right verdicts."""
        return self.of(self.scenario.right)

    @property
    def median_s(self) -> float:
        """Median seconds of measuring."""
        return statistics.median(self.seconds)

    def reaches(self, ours: Score) -> bool:
        """Tell whether it did as well as greengate, or as well as is promised where greengate did better still."""
        wrong = max(ours.wrong, self.scenario.wrong_at_most)
        right = min(ours.right, self.scenario.right_at_least)
        return self.wrong <= wrong and self.right >= right


Scores = dict[tuple[str, int], dict[str, Score]]


def scored(traces: Sequence[Trace], counts: Sequence[int], setting: Setting) -> Scores:
    """Score every method at every N in every scenario, and greengate (as N = 0)."""
    scores: Scores = {}

    def score(name: str, pairs: int, scenario: str) -> Score:
        return scores.setdefault((name, pairs), {}).setdefault(scenario, Score(SCENARIOS[scenario]))

    for trace, other in _with_another(traces):
        scenario = SCENARIOS[trace.scenario]
        found = judged(setting.values(trace), scenario.tau, setting)
        score(OURS, 0, scenario.name).add(found.verdict, found.used * setting.seconds(trace))
        for pairs in (pairs for pairs in counts if pairs <= len(trace.rows)):
            sample = Sample(trace.rows[:pairs], other.rows[:pairs], scenario.tolerance, setting.stakes)
            for method in METHODS:
                verdict = _WORDS[method.decide(sample)]
                score(method.name, pairs, scenario.name).add(verdict, pairs * trace.pair_s)
    return scores


def _invented(traces: Sequence[Trace], times: int, length: int) -> Iterator[Trace]:
    """Draw traces of so many pairs from the rounds of all traces of a scenario, model and neighbourhood."""
    for key, group in _grouped(traces).items():
        scatter = random.Random(f"{key}")
        source = [(rows, trace.round_s) for trace in group for rows in trace.rounds()]
        for seed in range(times):
            chosen = scatter.choices(source, k=length // len(source[0][0]))
            rows = [replace(row, round=number) for number, (round_, _) in enumerate(chosen) for row in round_]
            seconds = sum(round_s for _, round_s in chosen)
            yield replace(group[0], seed=seed, seconds=seconds, rows=tuple(rows))


def _with_another(traces: Sequence[Trace]) -> Iterator[tuple[Trace, Trace]]:
    """Go through the traces, each with the next one of the same scenario, model and neighbours, in a ring."""
    for group in _grouped(traces).values():
        yield from zip(group, [*group[1:], group[0]], strict=True)


def _grouped(traces: Sequence[Trace]) -> dict[tuple[str, str, str], list[Trace]]:
    groups: dict[tuple[str, str, str], list[Trace]] = {}
    for trace in traces:
        groups.setdefault((trace.scenario, trace.model, trace.beside), []).append(trace)
    return groups


def by_number(scores: Scores, names: Sequence[str], counts: Sequence[int]) -> str:
    """Lay out errors, detection and seconds of each method at some N."""
    heads = ["method", "pairs"]
    for name in names:
        scenario = SCENARIOS[name]
        heads += [f"{name}: {word}" for word in (f"wrong ({scenario.wrong})", f"right ({scenario.right})", "s, median")]
    keys = [(OURS, 0), *((method.name, pairs) for method in METHODS for pairs in counts)]
    rows = []
    for name, pairs in (key for key in keys if key in scores):
        cells: list[object] = [name, pairs or "as many as it takes"]
        for scenario in names:
            score = scores[name, pairs].get(scenario)
            cells += [f"{score.wrong:.1%}", f"{score.right:.1%}", f"{score.median_s:.2f}"] if score else ["-"] * 3
        rows.append(cells)
    return tables.table(heads, rows)


def at_equal_rates(scores: Scores, names: Sequence[str]) -> str:
    """Find for each method the smallest N that is as good as greengate, and how much longer it takes."""
    ours, rows = scores[OURS, 0], []
    for method in METHODS:
        pairs = smallest(scores, method, names)
        if pairs is None:
            most = max((pairs for name, pairs in scores if name == method.name), default=0)
            rows.append(
                (method.name, f"never, up to {most}", *["-"] * len(names), _misses(scores, method, most, names))
            )
            continue
        theirs = scores[method.name, pairs]
        ratios = [
            f"{theirs[name].median_s:.2f} / {ours[name].median_s:.2f} = "
            f"{theirs[name].median_s / ours[name].median_s:.1f}x"
            for name in names
        ]
        rows.append((method.name, pairs, *ratios, ""))
    heads = ("method", "smallest number of pairs", *(f"{name}: seconds, theirs / ours" for name in names), "why not")
    return tables.table(heads, rows)


def smallest(scores: Scores, method: Method, names: Sequence[str]) -> int | None:
    """Find the smallest N from which on a method is as good as greengate in all these scenarios."""
    ours, best = scores[OURS, 0], None
    for pairs in sorted((pairs for name, pairs in scores if name == method.name), reverse=True):
        theirs = scores[method.name, pairs]
        if not all(name in theirs and theirs[name].reaches(ours[name]) for name in names):
            break
        best = pairs
    return best


def _misses(scores: Scores, method: Method, pairs: int, names: Sequence[str]) -> str:
    theirs = scores.get((method.name, pairs), {})
    return "; ".join(
        f"{name}: wrong {theirs[name].wrong:.1%}, right {theirs[name].right:.1%}"
        for name in names
        if name in theirs and not theirs[name].reaches(scores[OURS, 0][name])
    )


def main() -> None:
    """Score everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="small", help="names and groups of zoo.py, with commas between")
    parser.add_argument("--pairs", default=PAIRS, help="the N to try")
    parser.add_argument("--multiply", type=int, default=0, help="invented traces of each group")
    parser.add_argument("--length", type=int, default=600, help="pairs of an invented trace")
    parser.add_argument("--shown", default="12,24,48", help="the N of the first table")
    judging.options(parser)
    asked = parser.parse_args()
    setting, kinds = judging.asked_for(asked), [kind.name for kind in chosen(asked.models)]
    counts, shown = ([int(word) for word in words.split(",")] for words in (asked.pairs, asked.shown))
    files = list(stored("long"))
    traces = [trace for file in files for trace in file.traces if trace.model in kinds and trace.rows]
    if not traces:
        raise SystemExit("no long traces are stored; make some: gates.py --long 60")
    measured = len(traces)
    if asked.multiply:
        traces = list(_invented(traces, asked.multiply, asked.length))
    scores = scored(traces, sorted({*counts, *shown}), setting)
    present = [name for name in SCENARIOS if name in scores[OURS, 0]]
    parts = []
    for tolerance in sorted({SCENARIOS[name].tolerance for name in present}, reverse=True):
        names = [name for name in present if SCENARIOS[name].tolerance == tolerance]
        numbers = Counter(trace.scenario for trace in traces)
        parts += [
            f"## Tolerance {tolerance:.0%}",
            "Traces: " + ", ".join(f"{numbers[name]} of {name}" for name in names) + "; all neighbours together.",
            by_number(scores, names, shown),
            "At equal error rates:",
            at_equal_rates(scores, names),
        ]
    machines = "; ".join(sorted({part["machine"] for file in files for part in file.campaigns}))
    beside = Counter(trace.beside for trace in traces)
    about = ", ".join(f"{count} beside {word}" for word, count in beside.items())
    about += f"; drawn from the rounds of {measured} long traces, {asked.length} pairs each" if asked.multiply else ""
    title = "The others' methods and greengate on the same traces"
    tables.write("others", title, f"Traces made on: {machines}; {about}.", judging.in_words(setting), *parts)


if __name__ == "__main__":
    main()
