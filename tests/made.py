"""Evidence and policies made by hand, for the tests of the core."""

import math
import random

from greengate.evidence import Block, Class, Evidence, Figure, Interval, Model, Pair, Provenance, Runner, Subject
from greengate.metrics import lookup
from greengate.policy import Enforce, Gain, Limit, Plan, Policy, Rule, Tolerance, Tradeoff, Waiver
from greengate.quantities import Points, Share

COUNTED = Provenance(kind=Class.STATIC, method="counted")
TIMED = Provenance(kind=Class.MEASURED, method="timed")
MODELLED = Provenance(kind=Class.MODELLED, method="modelled")


def exact(amount, provenance=COUNTED):
    return Figure.exact(amount, provenance)


def uncertain(amount, low, high, provenance=TIMED, confidence=0.99):
    return Figure(amount=amount, interval=Interval(low=low, high=high, confidence=confidence), provenance=provenance)


def block(cpu_s, inferences=10):
    return Block(inferences=inferences, cpu_s=cpu_s, wall_s=2 * cpu_s, run_p50_s=2 * cpu_s / inferences)


def pairs(ratio, count=40, noise=0.0, seed=0):
    """Pairs whose CPU cost ratio scatters around `ratio`, log-normally: two a round, in either order."""
    scatter = random.Random(seed)
    return tuple(
        Pair(
            round=turn // 2,
            candidate_first=turn % 4 in (0, 3),
            candidate=block(0.01 * ratio * math.exp(scatter.gauss(0, noise))),
            baseline=block(0.01),
        )
        for turn in range(count)
    )


def evidence(candidate=None, baseline=None, **rest):
    return Evidence(
        model=rest.pop("model", Model(name="nlp/x", labels={"tier": "prod"})),
        taken_at="2026-11-21T10:00:00Z",
        candidate=Subject(path="c.onnx", sha256="c" * 64, figures=candidate or {}, missing=rest.pop("missing", {})),
        baseline=None if baseline is None else Subject(path="b.onnx", sha256="b" * 64, figures=baseline),
        runner=Runner(fingerprint="f", description="a test"),
        **rest,
    )


def maximum(metric, text):
    found = lookup(metric)
    return Rule("cap", (Limit("max", found.kind.parse(text)),), found)


def growth(metric, text="5%", **rest):
    delta = Share.parse(text) if text.endswith("%") else lookup(metric).kind.parse(text)
    return Rule("growth", (Tolerance("max_increase", delta),), lookup(metric), **rest)


def policy(*rules, waivers=(), **plan):
    return Policy("p", rules, plan=Plan(**plan), waivers=waivers)


def tradeoff(gain="0.5 pp", ceiling="40%"):
    return Tradeoff(
        "accuracy", Gain(lookup("quality.accuracy"), "min_increase", Points.parse(gain)), Share.parse(ceiling)
    )


def waiver(ceiling="28%", **changes):
    given = {
        "id": "W-1",
        "rule": "p/growth",
        "ceilings": (Tolerance("max_increase", Share.parse(ceiling)),),
        "expires": "2026-12-31",
        "reason": "sharper",
        "granted_by": "@acme/green",
        "type": "accuracy",
    }
    return Waiver(**{**given, **changes})


ADVISORY, SOFT, HARD = Enforce
