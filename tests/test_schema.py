"""The published JSON Schema accepts what the loader accepts, and refuses nothing that the loader accepts."""

import json

import pytest
from bad_policies import BAD_DOCUMENTS, BAD_PARTS, BAD_RULES, BAD_WAIVERS, LATENCY
from jsonschema import Draft202012Validator
from packs_made import POLICY, WAIVER, complaint, load, policy

from greengate.errors import Problems
from greengate.packs.documents import KINDS
from greengate.packs.schema import schema
from greengate.packs.yaml_text import parse

VALIDATOR = Draft202012Validator(schema())

TESTS = """\
apiVersion: greengate/v1
kind: PolicyTest
policy: starter
cases:
  - name: a small regression passes
    model: {name: nlp/x, labels: {tier: prod}}
    earlier: {energy_per_1k_inferences: 98 J}
    baseline: {energy_per_1k_inferences: 100 J, flops_per_inference: 4 GFLOP}
    candidate:
      energy_per_1k_inferences: 103 J
      latency_p95: {value: 20 ms, low: 18 ms, high: 22 ms}
      "quality.accuracy": 97%
    waivers:
      - {id: W, rule: starter/size, ceiling: {max: 5 MiB}, expires: 2026-12-31, reason: r, granted_by: g}
    date: 2026-11-21
    expect: passed
    findings: {energy-regression: passed, size: warned}
"""

# What only the loader can know: other documents, other lines, expressions, and what this version can judge.
BEYOND_A_SCHEMA = {
    "min lies above max",
    "a share is above the whole",
    "a share has no unit",
    "a tolerance is the whole",
    "a drift since nothing that git knows",
    "a drift of nothing",
    "a drift of the whole",
    "the ceiling is no higher than the tolerance",
    "the ceiling is of another kind",
    "a gain is a loss",
    "an expression names an unknown metric",
    "a param is unknown",
    "a key is given twice",
    "budgets",
    "a confidence above one",
    "a param that is not used",
    "two rules of one id",
    "two policies of one name",
    "a duplicate key",
    "an empty file",
    "a waiver of an unknown policy",
    "no day of the calendar",
    "a ceiling on the other side",
    "a ceiling below the tolerance",
    "a ceiling above the rule's own",
    "a ceiling without unit",
    "a ceiling of another dimension",
    "a gain of nothing",
    "a trade-off beside a limit",
    "another type",
    "no type",
    "an unknown policy",
    "an unknown rule",
    "a hard rule",
    "an expression",
}


def accepted(text):
    return all(VALIDATOR.is_valid(document.value) for document in parse(text.encode(), "p.yaml"))


def accepted_or_unreadable(text):
    try:
        return accepted(text)
    except Problems:
        return True


def refused():
    for case in BAD_RULES:
        yield pytest.param(policy([case.values[0]]), id=case.id)
    for case in BAD_PARTS:
        yield pytest.param(policy([LATENCY], **case.values[0]), id=case.id)
    for case in BAD_DOCUMENTS:
        yield pytest.param(case.values[0], id=case.id)
    for case in BAD_WAIVERS:
        yield pytest.param(WAIVER.replace(*case.values[:2]), id=case.id)


def test_the_schema_is_itself_valid_and_stable_as_json():
    Draft202012Validator.check_schema(schema())
    assert json.loads(json.dumps(schema())) == schema()
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", [POLICY, WAIVER, TESTS], ids=list(KINDS))
def test_the_schema_accepts_a(text):
    assert accepted(text)


def test_the_schema_knows_what_later_versions_will_judge():
    budget = (
        "{id: q, metric: deployment_carbon, per: {team: nlp}, period: quarter, max: 12 kgCO2e, warn_at: 80%, "
        "enforce: soft}"
    )
    assert accepted(policy([LATENCY], budgets=f"[{budget}]"))


@pytest.mark.parametrize("text", list(refused()))
def test_the_schema_refuses_what_the_loader_refuses_unless_it_cannot_know(text, request):
    assert accepted_or_unreadable(text) is (request.node.callspec.id in BEYOND_A_SCHEMA)


ACCEPTED = {
    "a count as a number": "{id: a, metric: parameters, max: 4e6, enforce: soft}",
    "FLOPs with a unit and no prefix": "{id: a, metric: flops_per_inference, max: 4e9 FLOP, enforce: soft}",
    "MACs with a prefix": "{id: a, metric: macs_per_inference, max: 250 MMAC, enforce: soft}",
    "a tolerance of FLOPs as a difference": "{id: a, metric: flops_per_inference, max_increase: 2MFLOP, enforce: soft}",
    "a tolerance of parameters as a difference": "{id: a, metric: parameters, max_increase: 2 M, enforce: soft}",
    "a count with a prefix": "{id: a, metric: parameters, max: 4 M, enforce: soft}",
    "a unit without a space": "{id: a, metric: latency_p95, max: 40ms, enforce: soft}",
    "a fraction": "{id: a, metric: throughput, min: .5 k/s, enforce: soft}",
    "a tolerance as a share": "{id: a, metric: model_size, max_increase: 5%, enforce: soft}",
    "a tolerance as a difference": "{id: a, metric: model_size, max_increase: 10 MiB, enforce: soft}",
    "a tolerance of zero": "{id: a, metric: model_size, max_increase: 0%, enforce: soft}",
    "a negative score": "{id: a, metric: quality.r2, min: -0.5, enforce: soft}",
    "a drift since a release": (
        "{id: a, metric: latency_p95, max_drift: {since: last-release, increase: 10%}, enforce: soft}"
    ),
    "a drift since a ref": "{id: a, metric: throughput, max_drift: {since: v1.2, decrease: 10%}, enforce: soft}",
    "a drift since an entry": (
        '{id: a, metric: parameters, max_drift: {since: "12345678", increase: 10%}, enforce: soft}'
    ),
    "points": "{id: a, metric: quality.accuracy, max_decrease: 0.5 pp, enforce: soft}",
}


@pytest.mark.parametrize("rule", ACCEPTED.values(), ids=ACCEPTED)
def test_loader_and_schema_both_accept(rule):
    assert load(policy([rule]))
    assert accepted(policy([rule]))


def test_a_param_may_stand_for_any_single_value():
    text = policy(
        ['{id: a, metric: "${figure}", max: "${cap}", enforce: "${level}"}'],
        params="{figure: latency_p95, cap: 40 ms, level: hard, pairs: 9}",
        measurement='{max_pairs: "${pairs}"}',
    )
    assert load(text)
    assert accepted(text)


def test_a_param_of_another_dimension_is_refused_by_the_loader():
    text = policy(['{id: a, metric: latency_p95, max: "${cap}", enforce: soft}'], params="{cap: 40 J}")
    assert complaint(text).startswith("p.yaml:4:15 (params.cap): `40 J` is an energy, expected a duration")


def test_every_key_has_a_description_that_an_editor_can_show():
    untold = [
        f"{name}.{key}"
        for name, shape in schema()["$defs"].items()
        for key, value in shape.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert untold == []
