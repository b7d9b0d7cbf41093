"""Chains of accepted changes, simulated: how often does the interval of their product miss the truth?

    python benchmarks/error_rates/chaining.py [--trials 1000] [--seed 1]

Each link is a run as the gate makes it: rounds are drawn, at least six, until `max_increase: 5%` is decided; a change
that fails, or is not decided within 300 rounds, is not accepted and is no link. So a link ended when its result looked
good, and was chosen by it, neither of which `greengate.links.product` accounts for. Ten and twenty such links are
chained: of all their rounds; of their first six, which every run measures whatever they say; and of as many as those
six ask for (`greengate.links.rounds_wanted`), which is what runs under a drift rule measure and what the rule takes.
They are held against a `max_drift` of 10%.

Rounds scatter by 1.5% about the true ratio: normally; by Student's t with 3 degrees of freedom; in bursts, one round in
ten five times as widely; or normally with a shift besides that all rounds of a run have in common (its standard
deviation is given), which no run can tell of itself. Beside that, normally by 4%, as beside busy neighbours.

Writes RESULT-chaining.md beside this file.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import tables

from greengate.betting import Stakes, decide
from greengate.links import FIRST, Factor, product, rounds_wanted

STAKES, TOLERANCE, DRIFT = Stakes(), 0.05, 0.10
SPREAD, MOST = 0.015, 300
LENGTHS = (10, 20)
TAKEN: dict[str, Callable[[Sequence[float]], int]] = {
    "all": lambda _: MOST,
    f"first {FIRST}": lambda _: FIRST,
    "in two stages": lambda rounds: rounds_wanted(rounds, DRIFT),
}
STEPS = (0.0, 0.01, 0.02, 0.04)
Law = Callable[[random.Random], float]


def normal(scatter: random.Random) -> float:
    """Draw from a normal law."""
    return scatter.gauss(0, SPREAD)


def busy(scatter: random.Random) -> float:
    """Draw from a normal law, as widely as beside busy neighbours."""
    return scatter.gauss(0, 0.04)


def heavy(scatter: random.Random) -> float:
    """Draw from Student's t with 3 degrees of freedom, scaled to the same standard deviation."""
    square = sum(scatter.gauss(0, 1) ** 2 for _ in range(3)) / 3
    return SPREAD * scatter.gauss(0, 1) / math.sqrt(3 * square)


def bursts(scatter: random.Random) -> float:
    """Draw widely now and then."""
    return scatter.gauss(0, SPREAD * (5 if scatter.random() < 0.1 else 1))


LAWS: Sequence[tuple[str, Law, float]] = (
    ("normal", normal, 0.0),
    ("normal, 4%", busy, 0.0),
    ("heavy tails", heavy, 0.0),
    ("bursts", bursts, 0.0),
    ("normal, runs shifted by 0.3%", normal, 0.003),
    ("normal, runs shifted by 0.6%", normal, 0.006),
)


@dataclass(slots=True)
class Tally:
    """What became of the chains of one length."""

    low_above: int = 0
    high_below: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    off: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)

    def add(self, links: Sequence[Sequence[float]], truth: float) -> None:
        """Chain some links."""
        low, high = product([Factor(link) for link in links], STAKES)
        self.low_above += low > math.exp(truth)
        self.high_below += high < math.exp(truth)
        verdict = "failed" if low > 1 + DRIFT else "passed" if high <= 1 + DRIFT else "inconclusive"
        self.verdicts[verdict] += 1
        self.off.append(sum(map(statistics.fmean, links)) - truth)
        self.widths.append(high / low - 1)


def run(centre: float, law: Law, scatter: random.Random) -> list[float] | None:
    """Measure one change as the gate does; None where it is not accepted."""
    rounds: list[float] = []
    for most in (12, 40, MOST):
        rounds += [centre + law(scatter) for _ in range(most - len(rounds))]
        decision = decide(rounds, math.log1p(TOLERANCE), STAKES)
        if decision.worse is not None:
            return None if decision.worse else rounds[: max(decision.rounds, FIRST)]
    return None


def extended(found: Sequence[float], centre: float, law: Law, scatter: random.Random) -> list[float]:
    """Measure on for as many rounds as the first ones ask for, as a run under a drift rule does."""
    return [*found, *(centre + law(scatter) for _ in range(rounds_wanted(found, DRIFT) - len(found)))]


Tallies = dict[tuple[int, str], Tally]


def simulated(step: float, law: Law, shift: float, trials: int, seed: str) -> tuple[Tallies, float]:
    """Make chains of changes of one size; also give the share of changes that were accepted."""
    scatter, tried, accepted = random.Random(seed), 0, 0
    tallies = {(length, taken): Tally() for length in LENGTHS for taken in TAKEN}
    for _ in range(trials):
        links: list[tuple[list[float], list[float]]] = []
        while len(links) < max(LENGTHS):
            centre = math.log1p(step) + scatter.gauss(0, shift)
            found = run(centre, law, scatter)
            tried += 1
            accepted += found is not None
            links += [(found, extended(found, centre, law, scatter))] if found else []
        for (length, taken), tally in tallies.items():
            chain = [found if taken == "all" else whole[: TAKEN[taken](whole)] for found, whole in links[:length]]
            tally.add(chain, length * math.log1p(step))
    return tallies, accepted / tried


def row(tally: Tally) -> tuple[object, ...]:
    """Sum up the chains of one kind."""
    trials = tally.verdicts.total()
    verdicts = ", ".join(f"{count / trials:.1%} {word}" for word, count in tally.verdicts.most_common())
    return (
        tables.share(tally.low_above, trials),
        tables.share(tally.high_below, trials),
        f"{statistics.fmean(tally.off):+.2%}",
        f"{statistics.median(tally.widths):.1%}",
        verdicts,
    )


def main() -> None:
    """Simulate everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rows = []
    for name, law, shift in LAWS:
        for step in STEPS:
            tallies, accepted = simulated(step, law, shift, asked.trials, f"{asked.seed} {name} {step}")
            for (length, taken), tally in tallies.items():
                changes = f"{length} x {step:+.0%} = {(1 + step) ** length - 1:+.1%}"
                rows.append((name, changes, f"{accepted:.1%}", taken, *row(tally)))
                print(rows[-1], flush=True)
    heads = (
        "scatter",
        "changes",
        "accepted",
        "rounds taken",
        "low end above the truth (1% allowed)",
        "high end below it (5% allowed)",
        "off by, on average",
        "width, median",
        "drift of 10%",
    )
    about = f"{asked.trials} chains of each; rounds scatter by {SPREAD:.1%}; seed {asked.seed}. No model was run."
    tables.write("chaining", "Chains of accepted changes, simulated", about, tables.table(heads, rows))


if __name__ == "__main__":
    main()
