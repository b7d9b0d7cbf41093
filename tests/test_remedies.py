"""What would let a failed rule through: the waiver that is offered does, and none is offered that does not."""

import re

import pytest
from made import COUNTED, MODELLED, evidence, exact, pairs, uncertain
from packs_made import Files

from greengate import packs
from greengate.evidence import Model
from greengate.gate import judge
from greengate.metrics import lookup
from greengate.report.account import Entry
from greengate.report.remedies import requests
from greengate.rules.remedies import written
from greengate.verdict import Finding, Outcome, Remedy

POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: p, owners: ["@acme/green"]}
rules:
  - {id: r, enforce: soft, %s}
"""
UNLESS = "unless: {approval: trade, gain: {metric: quality.accuracy, min_increase: 0.5 pp}, ceiling: 40%}"
ENERGY, FLOPS, ACCURACY = "energy_per_1k_inferences", "flops_per_inference", "quality.accuracy"


def facts(**given):
    """A candidate that costs half as much again as its baseline, whatever is asked."""
    now = {
        ENERGY: uncertain(3.0, 1.5, 6.0, MODELLED),
        FLOPS: exact(1_500_000.0),
        "parameters": exact(15_123.0),
        "model_size": exact(1_500_000.0),
        "latency_p95": uncertain(0.03, 0.029, 0.031),
        "peak_memory": uncertain(3e8, 2.9e8, 3.1e8),
        ACCURACY: exact(0.9587, COUNTED),
    }
    then = {name: exact(one.amount / 1.5) for name, one in now.items()} | {ACCURACY: exact(0.97)}
    return evidence({**now, **given}, then, pairs=pairs(1.5, noise=0.02, count=120))


def judged(rule, found, *waivers):
    files = {"p.yaml": POLICY % rule, **{f"w{number}.yaml": text for number, text in enumerate(waivers)}}
    return judge(packs.load(Files(files), [*files]), found)


def offered(rule, found):
    """The one waiver that is offered for a verdict, with its blanks filled in."""
    entry = Entry("1" * 64, judged(rule, found), found)
    (request,) = requests(entry)
    assert request.remedy.obstacle == ""
    return request.waiver.replace('reason: ""', "reason: worth it").replace('granted_by: ""', 'granted_by: "@olga"')


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(f"metric: {ENERGY}, max_increase: 5%", id="a share, by pairs"),
        pytest.param(f"metric: {ENERGY}, max: 1 J", id="a limit, by an interval"),
        pytest.param(f"metric: {FLOPS}, max_increase: 5%", id="a share, exact"),
        pytest.param(f"metric: {FLOPS}, max: 1 MFLOP", id="a limit of counted work"),
        pytest.param(f"metric: {FLOPS}, max_increase: 10 kFLOP", id="a difference of counted work"),
        pytest.param("metric: parameters, max_increase: 1 k", id="a difference of a count"),
        pytest.param("metric: model_size, max: 1 MiB", id="a size"),
        pytest.param("metric: latency_p95, max: 20 ms", id="a duration"),
        pytest.param("metric: peak_memory, max_increase: 10 MiB", id="a difference with an interval"),
        pytest.param(f"metric: {ACCURACY}, min: 97%", id="a floor"),
        pytest.param(f"metric: {ACCURACY}, max_decrease: 0.3 pp", id="a difference of shares"),
        pytest.param(f"metric: {ENERGY}, max_increase: 5%, max: 100 J", id="two checks, one of which holds"),
        pytest.param(f"metric: {ENERGY}, max_increase: 5%, max: 1 J", id="two checks, both broken"),
    ],
)
def test_the_waiver_that_is_offered_lets_the_rule_through(rule):
    found = facts()
    assert judged(rule, found).outcome is Outcome.FAILED
    assert judged(rule, found, offered(rule, found)).outcome is Outcome.WAIVED


@pytest.mark.parametrize(
    ("rule", "ceiling"),
    [
        (f"metric: {FLOPS}, max_increase: 5%", {"max_increase": "50%"}),
        (f"metric: {ACCURACY}, min: 97%", {"min": "95.8%"}),
        ("metric: latency_p95, max: 20 ms", {"max": "32.6 ms"}),
    ],
    ids=["exact", "a floor", "what scatters, with some to spare"],
)
def test_a_ceiling_has_few_digits(rule, ceiling):
    assert remedy(rule, facts()).ceiling == ceiling


def remedy(rule, found):
    return judged(rule, found).findings[0].remedy


@pytest.mark.parametrize(
    ("figures", "obstacle", "review"),
    [
        pytest.param({FLOPS: exact(1_300_000.0), ACCURACY: exact(0.98)}, "", True, id="all holds"),
        pytest.param({ACCURACY: exact(0.98)}, "has a ceiling of max_increase 40%", False, id="too far"),
        pytest.param({FLOPS: exact(1_300_000.0)}, "needs a gain of quality.accuracy", False, id="no gain"),
    ],
)
def test_what_unless_asks_for_binds_what_is_offered(figures, obstacle, review):
    told = remedy(f"metric: {FLOPS}, max_increase: 5%, {UNLESS}", facts(**figures))
    assert told.obstacle.startswith(obstacle)
    assert (bool(told.ceiling), told.review, told.type) == (review, review, "trade")


def test_a_ceiling_is_never_above_that_of_the_rule():
    figures = {FLOPS: exact(1_397_000.0), ACCURACY: exact(0.98)}
    told = remedy(f"metric: {FLOPS}, max_increase: 5%, {UNLESS}", facts(**figures))
    assert told.ceiling == {"max_increase": "40%"}


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(f"metric: {FLOPS}, max_increase: 90%", id="passed"),
        pytest.param(f"metric: {FLOPS}, max_increase: 5%, enforce: hard", id="hard"),
        pytest.param(f"metric: {FLOPS}, max_increase: 5%, enforce: advisory", id="advisory"),
    ],
)
def test_nothing_is_offered_for_what_needs_no_waiver_or_can_have_none(rule):
    level = re.search(r"enforce: (\w+)", rule)
    text = POLICY.replace("soft", level[1] if level else "soft") % rule.partition(", enforce")[0]
    policies = packs.load(Files({"p.yaml": text}), ["p.yaml"])
    assert judge(policies, facts()).findings[0].remedy is None


def test_a_waiver_is_offered_once_for_a_rule_with_two_broken_checks():
    found = facts()
    verdict = judged(f"metric: {ENERGY}, max_increase: 5%, max: 1 J", found)
    assert [one.outcome for one in verdict.findings] == ["failed", "failed"]
    assert len([*requests(Entry("", verdict, found))]) == 1


def test_a_pattern_in_a_models_name_is_taken_as_it_is():
    found = facts().model_copy(update={"model": Model(name="a*[b]?")})
    rule = f"metric: {FLOPS}, max_increase: 5%"
    waiver = offered(rule, found)
    other = found.model_copy(update={"model": Model(name="axb0")})
    assert [judged(rule, one, waiver).outcome for one in (found, other)] == ["waived", "failed"]


def test_an_entry_of_an_earlier_version_is_read_without_it():
    finding = judged(f"metric: {FLOPS}, max_increase: 5%", facts()).findings[0]
    old = {name: value for name, value in finding.model_dump().items() if name not in {"remedy", "waived_to"}}
    assert (Finding.model_validate(old).remedy, Finding.model_validate(old).waived_to) == (None, ())


@pytest.mark.parametrize(
    "remedy",
    [
        pytest.param(Remedy(ceiling={"max\n```\n# x": "1"}), id="no side"),
        pytest.param(Remedy(), id="no ceiling"),
    ],
)
def test_a_record_that_is_no_ceiling_makes_no_waiver(remedy):
    found = facts()
    finding = judged(f"metric: {FLOPS}, max_increase: 5%", found).findings[0].model_copy(update={"remedy": remedy})
    verdict = judged(f"metric: {FLOPS}, max_increase: 5%", found).model_copy(update={"findings": (finding,)})
    assert [one.waiver for one in requests(Entry("", verdict, found))] == [""]


@pytest.mark.parametrize(
    ("metric", "amount", "text"),
    [
        (ENERGY, 0.002, "2 mJ"),
        (ENERGY, 8988.0, "8.988 kJ"),
        (FLOPS, 640e6, "640 MFLOP"),
        ("parameters", 900.0, "0.9 k"),
        ("model_size", 1024.0 * 1024, "1 MiB"),
        (ACCURACY, 0.965, "96.5%"),
        ("latency_p95", 0.04, "40 ms"),
        ("throughput", 200.0, "200 /s"),
        ("deployment_cost", 12_345.678, "12345.678 EUR"),
    ],
)
def test_an_amount_is_written_as_policies_take_it(metric, amount, text):
    kind = lookup(metric).kind
    assert written(kind(amount), lookup(metric)) == text
    assert kind.parse(text).amount == pytest.approx(amount)
