"""What a policy may say of drift: as a child, in a waiver, in a policy test, and in words."""

import pytest
from packs_made import WAIVER, Files, complaint, load, pinned, policy

from greengate.errors import Problems
from greengate.packs.explaining import words
from greengate.packs.proving import prove
from greengate.policy import Drift
from greengate.quantities import Share

RULE = "{id: growth, metric: energy_per_1k_inferences, %smax_drift: {since: %s, increase: %s}, enforce: soft}"
BASE = policy([RULE % ("", "last-release", "10%")], name="base")


def rule(beside="", since="last-release", increase="10%"):
    return RULE % (beside, since, increase)


@pytest.mark.parametrize("since", ["last-release", "v1.2", "origin/main", "3f2a91c0", "refs/tags/v1^{commit}"])
def test_a_drift_is_read(since):
    (found,) = load(policy([rule(since=f'"{since}"')]))
    assert found.rules[0].checks == (Drift("max_increase", Share(0.1), since),)


def child(text):
    return policy([text], name="child", extends=pinned("base.yaml", BASE))


@pytest.mark.parametrize("text", [rule(), rule(increase="5%"), rule("max_increase: 5%, ")])
def test_a_child_may_keep_or_lower_a_drift(text):
    assert load(child(text), base=BASE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rule(increase="11%"), "increase 11% since last-release here, increase 10% since last-release"),
        (rule(since="v1"), "increase 10% since v1 here, increase 10% since last-release"),
        (rule().replace("increase: 10%", "decrease: 10%"), "decrease 10% since last-release here, increase 10% since"),
        ("{id: growth, metric: energy_per_1k_inferences, max_increase: 1%, enforce: soft}", "nothing here, increase"),
    ],
    ids=["a larger one", "another start", "another side", "none"],
)
def test_a_child_may_not_loosen_a_drift_by(text, said):
    assert f"`max_drift` of the rule `growth` loosens what is extended: {said}" in complaint(child(text), base=BASE)


def granted(ceiling, beside=""):
    given = WAIVER.replace("type: accuracy-tradeoff\n", "").replace("max_increase: 28%", ceiling)
    return policy([rule(beside)], name="prod-nlp"), given.replace("flops-growth", "growth")


@pytest.mark.parametrize(
    ("ceiling", "beside", "message"),
    [
        (
            "max_increase: 8%",
            "",
            "the ceiling 8% is tighter than the rule's own `max_drift increase 10% since last-release`",
        ),
        (
            "max_increase: 5 J",
            "",
            "the ceiling 5 J cannot be compared with `max_drift increase 10% since last-release`",
        ),
        ("max_decrease: 12%", "", "the ceiling does not say how far `max_drift` may be broken"),
        ("max_increase: 4%", "max_increase: 5%, ", "the ceiling 4% is tighter than the rule's own `max_increase 5%`"),
    ],
    ids=["tighter", "as a difference", "on the other side", "tighter than the tolerance beside it"],
)
def test_a_waiver_of_a_drift_is_refused_with_a_ceiling(ceiling, beside, message):
    assert message in complaint(*granted(ceiling, beside))


@pytest.mark.parametrize(
    ("ceiling", "beside", "told"),
    [
        ("max_increase: 12%", "", "as far as a growth of 12% over that of the last release, until"),
        (
            "max_increase: 8%",
            "max_increase: 5%, ",
            "as far as a growth of 8% over the baseline, and over that of the last release, until",
        ),
        ("max: 80 J", "", "as far as at most 80 J, until"),
    ],
    ids=["of the drift", "of the drift and a tolerance", "absolute"],
)
def test_a_waiver_of_a_drift_is_explained(ceiling, beside, told):
    (found,) = load(*granted(ceiling, beside))
    assert told in " ".join(words(found, "2026-11-21").split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            rule(),
            (
                "However many changes it takes, the energy of 1,000 inferences may not grow by more than 10% "
                "over that of the last release."
            ),
        ),
        (
            "{id: a, metric: throughput, max_drift: {since: v1.2, decrease: 5%}, enforce: hard}",
            "However many changes it takes, the throughput may not fall by more than 5% below that of `v1.2`.",
        ),
    ],
    ids=["since the release", "since a ref"],
)
def test_a_drift_is_explained(text, told):
    (found,) = load(policy([text]))
    assert told in " ".join(words(found, "2026-11-21").split())


CASE = """\
apiVersion: greengate/v1
kind: PolicyTest
policy: demo.yaml
cases:
  - name: a
    %s
    baseline: {energy_per_1k_inferences: 108 J}
    candidate: {energy_per_1k_inferences: 110 J}
    expect: %s
"""


def proved(earlier, expect, text):
    demo = policy([text])
    return prove(Files({"demo.yaml": demo, "demo.test.yaml": CASE % (earlier, expect)}), ["demo.test.yaml"])


@pytest.mark.parametrize(
    ("earlier", "expect"),
    [
        ("earlier: {energy_per_1k_inferences: 100 J}", "passed"),
        ("earlier: {energy_per_1k_inferences: 99 J}", "failed"),
        ("earlier: {energy_per_1k_inferences: {value: 100 J, low: 99 J, high: 101 J}}", "inconclusive"),
        ("earlier: {flops_per_inference: 4 GFLOP}", "inconclusive"),
        ("branch: main", "inconclusive"),
    ],
    ids=["at its limit", "above its limit", "an interval", "another figure", "nothing given"],
)
def test_a_policy_test_gives_the_figures_of_the_earlier_model(earlier, expect):
    (result,) = proved(earlier, expect, rule("max_increase: 5%, "))
    assert result.mismatches == ()


def test_figures_of_an_earlier_model_that_no_rule_asks_for_are_refused():
    text = "{id: growth, metric: energy_per_1k_inferences, max_increase: 5%, enforce: soft}"
    with pytest.raises(Problems) as told:
        proved("earlier: {energy_per_1k_inferences: 99 J}", "passed", text)
    assert str(told.value) == (
        "demo.test.yaml:6:5 (cases[0].earlier): "
        "no rule of the policy `demo` has `max_drift`, so that nothing starts from an earlier model\n"
        "  hint: leave it out"
    )
