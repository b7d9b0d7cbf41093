"""Accounts made by hand, for the tests of everything that tells one."""

from conversions_made import conversion

from greengate.draws import Drawn
from greengate.evidence import (
    Block,
    Class,
    Earlier,
    Event,
    Evidence,
    Figure,
    Grown,
    Interval,
    Link,
    Model,
    Pair,
    Provenance,
    QualityScale,
    Runner,
    Subject,
)
from greengate.projection import projected
from greengate.report.account import Account, Entry
from greengate.verdict import Finding, Outcome, Remedy, Source, Verdict

TAKEN_AT = "2026-11-21T02:40:00Z"
HOSTILE = (
    "<img src=x onerror=alert(1)> @octocat #1 !2 :tada: [a](http://evil.example) www.evil.example `x` **b** | cell |"
    "\n::error file=a::obeyed\n##[error]obeyed\n# heading\n</details>\x1b[31mred\u202e\x00\ud800 ]]> &amp; "
)

MODELLED = Provenance(
    kind=Class.MODELLED,
    method="3.057 CPU s x (3.5 - 0.7) W a hardware thread, known to x/2",
    source="CPUID table 2026.11",
    meter="cpu-seconds",
    scope="process",
    boundary="the processor's share; without memory, disks, network and idle power",
    net_of_idle=True,
    type_a=0.0061,
    type_b=0.3537,
    blocks=24,
    window_s=0.51,
)
COUNTER = Provenance(
    kind=Class.COUNTER,
    method="counter read from tick to tick, mean of 8 windows of 1 s, less 11.2 W idle",
    source="Intel SDM vol. 3B, 16.10",
    meter="rapl-powercap",
    scope="package",
    boundary="package-0: cores, caches, memory controller; without memory and disks",
    net_of_idle=True,
    type_a=0.012,
    type_b=0.05,
    blocks=8,
    window_s=8.0,
    degraded=("the hypervisor took 6% of the machine",),
)
COUNTED = Provenance(kind=Class.STATIC, method="counted from the graph")
DECLARED = Provenance(kind=Class.DECLARED, method="read from quality.json")
RUNNER = Runner(
    fingerprint="a" * 64,
    description="AMD EPYC 7763, 2 threads, Linux 6.8",
    runtime={"onnxruntime": "1.20.1"},
)


def measured(amount, factor=2.0, provenance=MODELLED):
    """A figure known within a factor."""
    return Figure(
        amount=amount,
        interval=Interval(low=amount / factor, high=amount * factor, confidence=0.98),
        provenance=provenance,
    )


def counted(amount):
    """A figure that is exact."""
    return Figure.exact(amount, COUNTED)


def subject(path, scale, accuracy):
    """A digits classifier that costs `scale` times the baseline."""
    figures = {
        "energy_per_1k_inferences": measured(8.56 * scale),
        "macs_per_inference": counted(round(2_410_000 * scale)),
        "parameters": counted(round(17_226 * scale)),
        "model_size": counted(round(71_680 * scale)),
        "quality.accuracy": Figure.exact(accuracy, DECLARED),
    }
    figures |= projected(figures, {}, conversion()).figures
    missing = {"latency_p99": "458 runs are needed, 220 were made"}
    return Subject(path=path, sha256="b" * 64, figures=figures, missing=missing)


def block(cost, **more):
    """A block of 100 inferences on a quiet machine."""
    texts = {"run_s": (cost / 100,) * 4, "foreign_s": 0.0004, "steal_s": 0.0}
    return Block(inferences=100, cpu_s=cost, wall_s=cost * 1.05, run_p50_s=cost / 100, **{**texts, **more})


def pairs(scale, count=24):
    """Pairs whose CPU times differ by about `scale`, a little scattered, in rounds of two."""
    baseline = block(0.02)
    for number in range(count):
        candidate = block(0.02 * scale * (1 + 0.002 * (number % 3 - 1)))
        yield Pair(round=number // 2, candidate_first=number % 2 == 0, candidate=candidate, baseline=baseline)


GROWN = (
    Grown(
        name="fc2", op="MatMul", change="changed", macs_before=131072, macs=270336, parameters_before=131072,
        parameters=270336,
    ),
    Grown(name="fc4", op="MatMul", change="new", macs_before=0, macs=16384, parameters_before=0, parameters=16384),
)  # fmt: skip


def evidence(name, scale, accuracy=0.972, **more):
    """What was measured of one candidate."""
    usual = {
        "model": Model(name=name, team="vision", labels={"tier": "prod"}, quality={"accuracy": QualityScale()}),
        "branch": "main",
        "candidate": subject(f"models/{name.rpartition('/')[2]}.onnx", scale, accuracy),
        "baseline": subject("models/baseline.onnx", 1.0, 0.969),
        "pairs": tuple(pairs(scale)),
        "runner": RUNNER,
        "conversion": conversion(),
        "control_s": (0.0041, 0.0042, 0.0041, 0.0043),
        "measured_s": 1.234,
    }
    return Evidence(taken_at=TAKEN_AT, seed=7, **{**usual, **more})


def finding(rule, outcome=Outcome.PASSED, judged=None, **more):
    """A finding on the energy, with the words that do not matter filled in."""
    texts = {
        "policy": "prod-digits",
        "metric": "energy_per_1k_inferences",
        "kind": "limit",
        "enforce": "soft",
        "source": Source(file="policies/prod-digits.yaml", line=12, column=5),
    }
    return Finding(rule=rule, judged=judged or outcome, outcome=outcome, **{**texts, **more})


def cap(amount="4.1 J", interval="2.05 J to 8.2 J", margin="79.5% below the limit"):
    """A limit that was kept."""
    return finding(
        "energy-cap",
        figure=amount,
        interval=interval,
        limit="max 20 J",
        margin=margin,
        enforce="hard",
        amount=4.1,
        bounds=Interval(low=2.05, high=8.2, confidence=0.98),
        provenance=MODELLED,
    )


def regression(outcome, ratio, span, words, **more):
    """A tolerance of 5% on the energy."""
    texts = {"limit": "max_increase 5%", "kind": "regression", "provenance": MODELLED}
    bounds = Interval(low=span[0], high=span[1], confidence=0.94)
    source = Source(file="policies/prod-digits.yaml", line=16, column=5)
    return finding(
        "energy-regression", outcome, amount=ratio, bounds=bounds, source=source, **{**texts, **words, **more}
    )


def entry(evidence, *findings, digest="c", **more):
    """An entry of the account that was written to the ledger."""
    return Entry(
        id=digest * 64,
        verdict=Verdict(model=evidence.model.name, findings=findings),
        evidence=evidence,
        policies=(("prod-digits", "d" * 64),),
        **more,
    )


REMEDY = Remedy(
    type="accuracy-tradeoff", ceiling={"max_increase": "82%"}, review=True, owners=("@acme/green", "@acme/vision")
)


def drawn(asked=900_000, **more):
    """What a change draws on a budget of emissions, in millionths of a gram."""
    usual = {
        "budget": "prod-digits/quarter-carbon",
        "scope": "team=vision",
        "period": "2026-Q4",
        "starts": "2026-10-01T00:00:00Z",
        "ends": "2027-01-01T00:00:00Z",
        "unit": "ugCO2e lifecycle",
        "maximum": 3_000_000,
        "spent": 1_300_000,
        "reserved": 1_250_000,
        "outcome": "refused",
        "holders": ("acme/shop#9 (850 mgCO2e)",),
    }
    return Drawn(asked=asked, **{**usual, **more})


def passed():
    words = {"figure": "4.1 J (-52.1%)", "interval": "-52.6% to -51.6%", "margin": "57.1 points below the tolerance"}
    return entry(
        evidence("digits/slim", 0.479, 0.966),
        cap(),
        regression(Outcome.PASSED, 0.479, (0.474, 0.484), words),
        finding(
            "accuracy-floor",
            metric="quality.accuracy",
            figure="96.6%",
            interval="exact",
            limit="min 95%",
            margin="1.68% above the limit",
        ),
        digest="1",
    )


def failed():
    words = {
        "figure": "15.2 J (+77.6%)",
        "interval": "+75.2% to +80.1%",
        "margin": "72.6 points above the tolerance",
        "counterfactual": "would pass at <= 8.988 J",
        "message": "Ask @acme/green before you widen a layer.",
    }
    words |= {"reason": "no waiver of type accuracy-tradeoff has been granted", "remedy": REMEDY}
    return entry(
        evidence("digits/wide", 1.776, grown=GROWN, changed_operators=14, budgets=(drawn(),)),
        cap("15.2 J", "7.6 J to 30.4 J", "24% below the limit"),
        regression(Outcome.FAILED, 1.776, (1.752, 1.801), words),
        digest="2",
    )


def waived():
    words = {
        "figure": "9.97 J (+16.5%)",
        "interval": "+15.9% to +17.1%",
        "margin": "11.5 points above the tolerance",
        "counterfactual": "would pass at <= 8.988 J",
        "reason": "waived until 2026-12-31 by @acme/green: +0.9 pp held-out accuracy",
        "waiver": "W-2026-014",
        "waived_to": ("max_increase 35%",),
    }
    return entry(
        evidence("digits/accurate", 1.165, 0.978, budgets=(drawn(asked=400_000, outcome="granted", holders=()),)),
        cap("9.97 J", "4.99 J to 19.9 J", "50.1% below the limit"),
        regression(Outcome.WAIVED, 1.165, (1.159, 1.171), words, judged=Outcome.FAILED),
        digest="3",
    )


def inconclusive():
    words = {
        "figure": "9 J (+5.2%)",
        "interval": "+2.1% to +8.4%",
        "margin": "0.2 points above the tolerance",
        "counterfactual": "would pass at <= 8.988 J",
        "reason": "still open after 12 rounds of pairs: about 40 s more would settle it (`budget`)",
    }
    slept = Event(name="suspended", words="round 3 was dropped: the machine was suspended for 1.2 s")
    return entry(
        evidence("digits/noisy", 1.052, discarded_pairs=2, events=(slept,)),
        regression(Outcome.INCONCLUSIVE, 1.052, (1.021, 1.084), words),
        digest="4",
    )


def warned():
    return entry(
        evidence("digits/edge", 1.0, notes=("the file system could not be closed to the model",)),
        finding(
            "size",
            Outcome.WARNED,
            Outcome.FAILED,
            metric="model_size",
            figure="70 KiB",
            interval="exact",
            limit="max 64 KiB",
            margin="9.38% above the limit",
            counterfactual="would pass at <= 64 KiB",
            enforce="advisory",
            amount=71680.0,
            bounds=Interval(low=71680, high=71680),
            provenance=COUNTED,
        ),
        finding(
            "small-or-sharp",
            kind="expression",
            metric="",
            figure="candidate.quality.accuracy = 0.972, candidate.macs_per_inference = 2.41e+06",
            limit="candidate.quality.accuracy >= 0.97 || candidate.macs_per_inference < 2e6",
        ),
        digest="5",
    )


def errored():
    return Entry(
        id="6" * 64,
        verdict=Verdict(model="digits/broken", findings=()),
        evidence=None,
        problem="models/broken.onnx: the file ends in the middle of a tensor\n  hint: was the download cut short?",
        policies=(("prod-digits", "d" * 64),),
    )


def hostile(text=HOSTILE, more="A" * 10_000):
    """A model of which everything that others wrote is one text; its name, path and message are longer still."""
    long = text + more
    candidate = subject(f"models/{long}", 1.0, 0.972)
    candidate = candidate.model_copy(update={"crosschecks": {text: measured(9.0, provenance=COUNTER)}})
    event = Event(name="<b>", words=text)
    earlier = Earlier(since="v1", label=text, missing=text)
    return entry(
        evidence(
            long,
            1.0,
            candidate=candidate,
            events=(event,),
            earlier=(earlier,),
            notes=(text,),
            grown=(GROWN[0].model_copy(update={"name": text, "op": text}),),
            budgets=(drawn(budget=text, scope=text, holders=(text,), unknown=(text,)),),
        ),
        finding(
            "rule|`x`",
            Outcome.WARNED,
            Outcome.FAILED,
            policy="<b>@octocat</b>",
            metric=f"quality.{text}",
            figure="1 | 2",
            limit="max `3`",
            counterfactual=text,
            reason=text,
            message=long,
            source=Source(file="../po licies/<x>|\n::error::.yaml", line=1, column=1),
            waiver=text,
            waived_to=(text,),
            remedy=Remedy(type=text, ceiling={"max": text}, obstacle=text, review=True, owners=(text,)),
        ),
        digest="7",
        preview=(text,),
    )


def drift(outcome, ratio, since, words, **more):
    """A drift limit of 10% on the energy."""
    texts = {"limit": f"max_drift increase 10% since {since}", "kind": "drift", "provenance": MODELLED}
    bounds = Interval(low=ratio - 0.01, high=ratio + 0.01, confidence=0.94)
    source = Source(file="policies/prod-digits.yaml", line=20, column=5)
    return finding("energy-drift", outcome, amount=ratio, bounds=bounds, source=source, **{**texts, **words, **more})


def drifted():
    """A model that grew since the last release, by way of ten accepted changes, but not since an older one."""
    released = Earlier(
        since="last-release",
        label="release v1.2 (3f2a91c0)",
        origin="chain",
        links=tuple(
            Link(entry=f"{number:064x}", candidate="e" * 64, baseline="f" * 64, rounds={"cpu": (0.019, 0.021)})
            for number in range(10)
        ),
    )
    older = Earlier(
        since="v0.9",
        label="v0.9 (77aa01de)",
        subject=Subject(path="models/v0.9.onnx", sha256="9" * 64, figures={"parameters": counted(18_000)}),
        pairs=tuple(pairs(1.02)),
    )
    gone = Earlier(since="v0.1", missing="v0.1 has no models/drifted.onnx, and the history has no link to it")
    grown = {
        "figure": "8.73 J (+21.9%)",
        "interval": "+20.9% to +22.9%",
        "margin": "11.9 points above the tolerance",
        "counterfactual": "would pass at a change of +10.0%",
        "reason": "chained from the history: 10 accepted changes since release v1.2 (3f2a91c0), and this one",
    }
    kept = {
        "figure": "8.73 J (+2.0%)",
        "interval": "+1.0% to +3.0%",
        "margin": "8 points below the tolerance",
        "reason": "measured beside v0.9 (77aa01de) in the same run",
    }
    return entry(
        evidence("digits/drifted", 1.02, earlier=(released, older, gone)),
        drift(Outcome.FAILED, 1.219, "last-release", grown),
        drift(Outcome.PASSED, 1.02, "v0.9", kept),
        finding(
            "energy-drift",
            Outcome.WARNED,
            Outcome.INCONCLUSIVE,
            kind="drift",
            figure="unavailable",
            limit="max_drift increase 10% since v0.1",
            reason="v0.1: v0.1 has no models/drifted.onnx, and the history has no link to it",
        ),
        digest="8",
    )


def metered():
    """A model whose energy a counter told, on a busy machine, with two more meters that do not agree."""
    candidate = subject("models/metered.onnx", 1.0, 0.972)
    figures = {**candidate.figures, "energy_per_1k_inferences": measured(9.1, 1.1, COUNTER)}
    further = {
        "cpu-seconds": measured(8.56),
        "nvml": measured(31.0, 1.05, COUNTER.model_copy(update={"meter": "nvml", "scope": "device"})),
    }
    candidate = candidate.model_copy(update={"figures": figures, "crosschecks": further})
    runner = RUNNER.model_copy(
        update={
            "profile": "5" * 64,
            "signer": f"ed25519:{'5' * 43}=",
            "labels": {"class": "reference", "resolution": "3% in 20 s"},
        }
    )
    busy = tuple(
        Pair(
            round=number // 2,
            candidate_first=number % 2 == 0,
            candidate=block(0.02, foreign_s=0.029, steal_s=0.002, preempted=3),
            baseline=block(0.02, foreign_s=0.031, steal_s=0.001, preempted=2),
        )
        for number in range(24)
    )
    events = (
        Event(name="meters-disagree", words="meters-disagree: candidate: nvml (device) says 31 J, but rapl says 9.1 J"),
        Event(name="wrapped", words="rapl-powercap: wrapped in 1 of 8 windows of the candidate: it began anew"),
        *(Event(name="missing", words=f"nvml: missing in window {number}") for number in range(1, 7)),
    )
    return entry(evidence("digits/metered", 1.0, candidate=candidate, runner=runner, pairs=busy, events=events), cap())


def voided():
    """A model that was measured while the machine drifted."""
    why = (
        "the machine drifted: the control workload cost +41% in the second half of the run, and more than 30% voids it"
    )
    found = finding(
        "energy-regression",
        Outcome.INCONCLUSIVE,
        kind="regression",
        figure="unavailable",
        limit="max_increase 5%",
        reason=why,
    )
    return entry(evidence("digits/voided", 1.3, voided=why), found, digest="a")


def alone():
    """A model that has no baseline."""
    return entry(evidence("digits/alone", 1.0, baseline=None, pairs=()), cap(), digest="b")


def unusual():
    """An account of what does not happen every day."""
    return sample(drifted(), metered(), voided(), alone())


def sample(*entries):
    """An account of the given entries; of one of each kind if none are given."""
    everyone = (passed(), waived(), failed(), inconclusive(), warned(), errored(), hostile())
    notes = ("policies were read from the working tree, not from a commit",)
    return Account(entries=entries or everyone, taken_at=TAKEN_AT, version="0.1.0", notes=notes)
