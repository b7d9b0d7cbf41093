"""Pairs, links and entries made by hand, for the tests of drift."""

import math
import random

from made import SOFT, block, evidence

from greengate.decision import Decision
from greengate.evidence import Earlier, Link, Pair, Subject
from greengate.history import Record
from greengate.metrics import lookup
from greengate.policy import Drift, Rule
from greengate.quantities import Share
from greengate.verdict import Finding, Verdict

ENERGY = "energy_per_1k_inferences"
NOISE = 0.015


def rounds(ratio, count=8, noise=NOISE, seed=0):
    """Rounds of two pairs whose CPU cost ratio scatters around `ratio`, log-normally."""
    scatter = random.Random(seed)
    ratios = [ratio * math.exp(scatter.gauss(0, noise)) for _ in range(count)]
    return tuple(
        Pair(round=number, candidate_first=turn == 0, candidate=block(0.01 * found), baseline=block(0.01))
        for number, found in enumerate(ratios)
        for turn in (0, 1)
    )


def link(ratio, seed=0, count=8, noise=NOISE, **rest):
    scatter = random.Random(f"link {seed}")
    x = tuple(math.log(ratio) + scatter.gauss(0, noise) for _ in range(count))
    given = {"entry": "e" * 64, "candidate": "c" * 64, "baseline": "b" * 64, "runner": "f", **rest}
    return Link(rounds=dict.fromkeys(("cpu", "wall", "run"), x), **given)


def arm(pairs, figures=None, since="v1", **rest):
    return Earlier(
        since=since, label="v1 (3f2a1b)", subject=Subject(path="e.onnx", figures=figures or {}), pairs=pairs, **rest
    )


def chained(*links, figures=None, since="v1", **rest):
    subject = Subject(path="e.onnx", figures=figures or {})
    return Earlier(since=since, label="v1 (3f2a1b)", origin="chain", subject=subject, links=links, **rest)


def drift(metric=ENERGY, limit="10%", side="max_increase", since="v1", **rest):
    return Rule("growth", (Drift(side, Share.parse(limit), since),), lookup(metric), **rest)


def record(candidate, baseline, number=0, ratio=1.02, outcome="passed", commit="", kind="limit", **rest):
    """Make an accepted entry that compared two models, told by SHA-256 or by one letter of it; "" is no baseline."""
    found = evidence({}, {} if baseline else None, **{"pairs": rounds(ratio, seed=number) if baseline else (), **rest})
    sides = {"candidate": found.candidate.model_copy(update={"sha256": digest(candidate)})}
    if found.baseline:
        sides["baseline"] = found.baseline.model_copy(update={"sha256": digest(baseline)})
    finding = Finding(rule="r", policy="p", metric="", kind=kind, enforce=SOFT, judged=outcome, outcome=outcome)
    judged = Decision(
        model="m",
        path="model.onnx",
        taken_at="2026-11-21T10:00:00Z",
        version="0",
        verdict=Verdict(model="m", findings=(finding,)),
        evidence=found.model_copy(update=sides),
        commit=commit,
    )
    return Record(number, f"{number}" * 64, judged)


def digest(letter):
    return letter * 64 if len(letter) == 1 else letter
