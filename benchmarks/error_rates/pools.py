"""Pools of rounds: all that was measured of one scenario and model beside the same neighbours, to draw from again."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from judging import Setting
from traces import Trace, stored


@dataclass(slots=True)
class Pool:
    """The traces of one scenario and model beside the same neighbours."""

    scenario: str
    model: str
    beside: str
    traces: list[Trace] = field(default_factory=list)

    def observations(self, setting: Setting) -> list[tuple[float, float]]:
        """Return the log-ratio and the seconds of every observation in the pool."""
        return [(value, setting.seconds(trace)) for trace in self.traces for value in setting.values(trace)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """An invented trace: observations, and the seconds that each of them took."""

    values: list[float]
    seconds: list[float]


def pools(models: Sequence[str], kinds: Sequence[str] = ("", "long")) -> list[Pool]:
    """Gather the stored traces of some models by scenario, model and neighbours."""
    found: dict[tuple[str, str, str], Pool] = {}
    for trace in (trace for kind in kinds for file in stored(kind) for trace in file.traces):
        if trace.model in models and trace.rows:
            key = trace.scenario, trace.model, trace.beside
            found.setdefault(key, Pool(*key)).traces.append(trace)
    return [found[key] for key in sorted(found)]


def drawn(pool: Pool, setting: Setting, times: int, seed: int, *, within: bool = False) -> Iterator[Drawn]:
    """Draw whole rounds with replacement, as many as a measurement may have, again and again.

    Rounds have fresh sessions, so they are taken as exchangeable: what one trial's process has in common in all its
    rounds is lost. With `within`, each invented trace is drawn from the rounds of one trial alone, which keeps that and
    instead counts the chance of a short trial's rounds as the truth; it is for long traces.
    """
    scatter = random.Random(f"{seed}{pool.scenario}{pool.model}{pool.beside}")
    everything = pool.observations(setting)
    for _ in range(times):
        source = everything
        if within:
            trace = scatter.choice(pool.traces)
            source = [(value, setting.seconds(trace)) for value in setting.values(trace)]
        chosen = scatter.choices(source, k=setting.most)
        yield Drawn([value for value, _ in chosen], [seconds for _, seconds in chosen])


def centre(pool: Pool, setting: Setting) -> float:
    """Return the centre of a pool's observations: its true log-ratio, as well as it is known."""
    return centre_of([value for value, _ in pool.observations(setting)])


def centre_of(values: Sequence[float]) -> float:
    """Return the point around which tanh((x - c) / s) averages zero, s being the scatter: the centre that is tested.

    An M-estimate of location; bisection, since the average falls with c.
    """
    middle = statistics.median(values)
    scatter = max(1.4826 * statistics.median(abs(x - middle) for x in values), 1e-6)
    low, high = min(values), max(values)
    for _ in range(40):
        guess = (low + high) / 2
        above = math.fsum(math.tanh((x - guess) / scatter) for x in values) > 0
        low, high = (guess, high) if above else (low, guess)
    return (low + high) / 2


def mean(pool: Pool, setting: Setting) -> float:
    """Return the mean observation of a pool."""
    return statistics.fmean(value for value, _ in pool.observations(setting))


def variance(pool: Pool, setting: Setting) -> float:
    """Return the variance of an observation of a pool."""
    values = [value for value, _ in pool.observations(setting)]
    return max(statistics.variance(values), 1e-12) if len(values) > 1 else 1e-12
