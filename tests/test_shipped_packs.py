"""The packs that ship load, fit the published schema, say what to do, and stand their own tests."""

import re
from functools import partial

import pytest
from jsonschema import Draft202012Validator
from made import evidence, exact, uncertain
from packs_made import Files

from greengate import gate, packs, shipped
from greengate.packs import proving
from greengate.packs.schema import schema
from greengate.packs.yaml_text import parse
from greengate.policy import Enforce, Limit
from greengate.quantities import Emissions, Energy
from greengate.verdict import Outcome

PACKS = shipped.pack_names()
EACH = pytest.mark.parametrize("pack", PACKS)
# No waiver lets a budget be overdrawn, and nothing is traded for one.
RULED = pytest.mark.parametrize("pack", [pack for pack in PACKS if pack != "budgets"])
EMPTY = Files({})
VALIDATOR = Draft202012Validator(schema())

# All that greengate finds out by itself of an ONNX model, measured between runs that differ by some per cent.
sure = partial(uncertain, confidence=0.99)
PLAIN = {
    "energy_per_1k_inferences": sure(100.0, 99.0, 101.0),
    "latency_p50": sure(0.010, 0.0098, 0.0102),
    "latency_p95": sure(0.012, 0.0114, 0.0126),
    "throughput": sure(100.0, 98.0, 102.0),
    "peak_memory": sure(3e8, 2.91e8, 3.09e8),
    "flops_per_inference": exact(4e9),
    "model_size": exact(1e8),
    "weight_bytes": exact(9e7),
    "activation_bytes": exact(5e7),
}


def load(pack):
    return packs.load(EMPTY, [pack])[0]


def text(name):
    return (shipped.policies() / name).read_text(encoding="utf-8")


def outcomes(pack):
    """What the tests of a pack show of each rule."""
    seen = {rule.id: set() for rule in load(pack).rules}
    for result in proving.prove(EMPTY, [pack]):
        for finding in result.verdict.findings:
            if finding.rule in seen:
                seen[finding.rule].add(finding.outcome)
    return seen


def test_these_packs_ship():
    assert set(PACKS) >= {"starter", "strict", "edge-device", "llm-serving", "batch-scoring"}


@EACH
def test_a_pack_is_called_what_its_file_is(pack):
    assert load(pack).name == pack


@EACH
@pytest.mark.parametrize("ending", [".yaml", ".test.yaml"])
def test_a_pack_and_its_tests_fit_the_published_schema(pack, ending):
    for document in parse(text(f"{pack}{ending}").encode(), pack):
        assert list(VALIDATOR.iter_errors(document.value)) == []


@EACH
def test_a_pack_stands_its_own_tests(pack):
    results = proving.prove(EMPTY, [pack])
    assert [(result.case, result.mismatches) for result in results if result.mismatches] == []


@RULED
def test_the_tests_of_a_pack_show_each_outcome_of_a_verdict(pack):
    seen = {result.verdict.outcome for result in proving.prove(EMPTY, [pack])}
    assert seen >= {Outcome.PASSED, Outcome.FAILED, Outcome.WAIVED, Outcome.INCONCLUSIVE}


@EACH
def test_the_tests_of_a_pack_show_each_of_its_own_rules_kept_and_broken(pack):
    own = [rule for rule in load(pack).rules if rule.place.file == f"shipped/{pack}.yaml"]
    seen = outcomes(pack)
    broken = {Enforce.ADVISORY: Outcome.WARNED, Enforce.SOFT: Outcome.FAILED, Enforce.HARD: Outcome.FAILED}
    assert [rule.id for rule in own if not seen[rule.id] >= {Outcome.PASSED, broken[rule.enforce]}] == []


@RULED
def test_the_tests_of_a_pack_show_a_waiver_that_is_over(pack):
    findings = [finding for result in proving.prove(EMPTY, [pack]) for finding in result.verdict.findings]
    assert any("expired on 2026-06-30" in finding.reason for finding in findings)


@EACH
def test_each_rule_of_a_pack_says_what_helps(pack):
    assert [rule.id for rule in load(pack).rules if len(rule.message) < 20] == []


@EACH
def test_absolute_energy_and_emissions_only_warn_since_they_are_known_to_a_factor_of_two(pack):
    absolute = [
        rule
        for rule in load(pack).rules
        if rule.metric.kind in (Energy, Emissions) and any(isinstance(check, Limit) for check in rule.checks)
    ]
    assert [rule.id for rule in absolute if rule.enforce is not Enforce.ADVISORY] == []


@RULED
def test_a_trade_off_may_cost_more_than_the_tolerance_and_must_bring_something(pack):
    tradeoffs = [rule.unless for rule in load(pack).rules if rule.unless]
    assert all(tradeoff.gain and tradeoff.ceiling.amount > 0 for tradeoff in tradeoffs)
    assert tradeoffs


@EACH
def test_what_a_pack_shows_in_its_comments_can_be_written(pack):
    shown = re.findall(r"^#     (\w+: .+)$", text(f"{pack}.yaml"), re.MULTILINE)
    head = "apiVersion: greengate/v1\nkind: Policy\nmetadata: {name: ours}\n"
    (policy,) = packs.load(Files({"ours.yaml": head + "\n".join(shown)}), ["ours.yaml"])
    assert [key for line in shown if (key := line.partition(":")[0]) != "match"] == ["extends", "params"]
    assert policy.parents[0][0] == pack


@pytest.mark.parametrize("pack", ["starter", "batch-scoring"])
def test_a_plain_model_with_a_baseline_and_nothing_declared_passes(pack):
    verdict = gate.judge([load(pack)], evidence(PLAIN, PLAIN))
    assert verdict.outcome is Outcome.PASSED


def test_a_plain_model_without_a_quality_figure_does_not_pass_the_strict_pack():
    verdict = gate.judge([load("strict")], evidence(PLAIN, PLAIN))
    assert [finding.rule for finding in verdict.findings if finding.outcome is not Outcome.PASSED] == ["quality"]
