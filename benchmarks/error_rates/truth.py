"""How much more CPU time each variant truly takes: finds the knob for +4%, +7%, +10% and +20%, and measures it long.

    python benchmarks/error_rates/truth.py [--models small,micro] [--seconds 30] [--works 0.04,0.07]

MACs are not time: a layer that has 10% of the multiply-accumulates may take 4% or 15% of the seconds. So the knob is
searched by paired measurements, as short as a sixth of `--seconds`, until two of its settings lie around the wanted
ratio; the one that is nearest is measured for `--seconds`, and again one step further if it is off by more than half a
point. The truth is the median over rounds of the mean log-ratio of CPU seconds, with a 95% interval by order statistics
(sign test). Both models have the same seed here and in the campaigns other ones, which changes nothing of the work.

Writes truth.json beside this file, one variant after the other, and continues where it ends; --again forgets the
variants of these models first. Needs a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measuring
import projects
import tables
from scenarios import WORKS
from traces import of_pairs, rounds_of
from zoo import Kind, chosen

from greengate.measure.protocol import Schedule
from greengate.models.onnx import OnnxLoader
from greengate.ports import ModelSpec

CLOSE = 0.005  # a variant may be off the wanted share of work by so much


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measured ratio of CPU seconds with its 95% interval, over so many rounds."""

    middle: float
    low: float
    high: float
    rounds: int


def measured(kind: Kind, extra: int, seconds: float) -> Ratio:
    """Measure candidate against baseline for so long, and no less than 24 pairs."""
    paths = {
        "candidate": projects.model_file(kind, 1, extra),
        "baseline": projects.model_file(kind, 0, 0),
    }
    few = measuring.measured(paths, kind.batch, Schedule(budget_s=1e6, max_pairs=24, min_pairs=24, seed=1))
    many = measuring.measured(paths, kind.batch, Schedule(budget_s=seconds, max_pairs=100_000, seed=2))
    return summed_up(rounds_of(of_pairs(few.pairs)) + rounds_of(of_pairs(many.pairs)))


def summed_up(means: list[float]) -> Ratio:
    """Give the median of some log-ratios, as a ratio, with the order statistics around it."""
    ordered = sorted(means)
    reach = math.ceil(0.98 * math.sqrt(len(ordered)))
    ends = ordered[max(0, len(ordered) // 2 - reach)], ordered[min(len(ordered) - 1, len(ordered) // 2 + reach)]
    middle, low, high = (round(math.exp(x), 5) for x in (statistics.median(ordered), *ends))
    return Ratio(middle, low, high, len(ordered))


def search(wanted: float, step: int, ratio: Callable[[int], float]) -> int:
    """Find the knob whose ratio is nearest to the wanted one; the ratio grows with the knob but for noise.

    Doubles the knob until the ratio is passed, then goes to where a straight line between both sides would be.
    """
    seen = {0: 1.0}
    knob = 8 * step
    for _ in range(9):
        seen[knob] = seen.get(knob) or ratio(knob)
        below = max((known for known in seen if seen[known] <= wanted), default=0)
        above = min((known for known in seen if seen[known] > wanted and known > below), default=None)
        if above is None:
            knob = 2 * max(seen)
            continue
        span = seen[above] - seen[below]
        guess = below + (above - below) * (wanted - seen[below]) / span
        knob = max(step, round(guess / step) * step)
        if knob in seen:
            break
    return min((known for known in seen if known), key=lambda known: abs(seen[known] - wanted))


def variant(kind: Kind, work: float, seconds: float) -> dict[str, Any]:
    """Find and measure one variant."""
    if not work:
        return _described(kind, 0, measured(kind, 0, seconds))
    wanted = 1 + work
    tried: dict[int, Ratio] = {}

    def ratio(extra: int) -> float:
        tried[extra] = measured(kind, extra, seconds / 6)
        print(f"  {kind.name} extra {extra}: {tried[extra].middle - 1:+.2%}", flush=True)
        return tried[extra].middle

    extra = search(wanted, kind.step, ratio)
    long = {extra: measured(kind, extra, seconds)}
    for _ in range(2):
        off = long[extra].middle - wanted
        if abs(off) <= CLOSE:
            break
        units = max(1, round(abs(off) * extra / (long[extra].middle - 1) / kind.step))
        extra = max(kind.step, extra - kind.step * units * (1 if off > 0 else -1))
        if extra in long:
            break
        long[extra] = measured(kind, extra, seconds)
    best = min(long, key=lambda known: abs(long[known].middle - wanted))
    return _described(kind, best, long[best])


def _described(kind: Kind, extra: int, ratio: Ratio) -> dict[str, Any]:
    macs = []
    for knob in (extra, 0):
        path = projects.model_file(kind, 0, knob)
        macs.append(OnnxLoader().count(ModelSpec(path=path, folder=path.parent)).macs)
    share = round(macs[0] / macs[1], 5) if macs[0] and macs[1] else None
    return {
        "extra": extra,
        "cpu_ratio": ratio.middle,
        "interval": [ratio.low, ratio.high],
        "rounds": ratio.rounds,
        "macs_ratio": share,
        "machine": tables.runner(),
    }


def main() -> None:
    """Measure what is wanted and not known yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="small", help="names and groups of zoo.py, with commas between")
    parser.add_argument("--works", default=",".join(map(str, WORKS)), help="shares of additional work")
    parser.add_argument("--seconds", type=float, default=30, help="seconds of the long measurement of each variant")
    parser.add_argument("--again", action="store_true", help="forget what is known of these models")
    asked = parser.parse_args()
    for kind in chosen(asked.models):
        known = projects.truth()
        mine = known["variants"].setdefault(kind.name, {})
        if asked.again:
            mine.clear()
        for work in map(float, asked.works.split(",")):
            if f"{work:.2f}" not in mine:
                mine[f"{work:.2f}"] = variant(kind, work, asked.seconds)
                projects.TRUTH.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    report()


def report() -> None:
    """Write the table of all that is known."""
    rows = [
        (
            name,
            f"+{float(work):.0%}",
            found["extra"],
            f"{found['cpu_ratio'] - 1:+.2%}",
            " to ".join(f"{end - 1:+.2%}" for end in found["interval"]),
            found["rounds"],
            f"{found['macs_ratio'] - 1:+.2%}" if found["macs_ratio"] else "not countable",
        )
        for name, variants in projects.truth()["variants"].items()
        for work, found in sorted(variants.items())
    ]
    machines = {found["machine"] for variants in projects.truth()["variants"].values() for found in variants.values()}
    heads = ("model", "wanted", "extra units", "CPU seconds, truly", "95% interval", "rounds", "MACs")
    tables.write(
        "truth", "How much more work the heavier models truly are", *sorted(machines), tables.table(heads, rows)
    )


if __name__ == "__main__":
    main()
