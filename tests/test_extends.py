"""A policy that extends another may tighten it and nothing else; what it extends is pinned."""

import pytest
from packs_made import complaint, load, pinned, policy

from greengate.policy import Enforce, Plan
from greengate.quantities import Duration, Share

BASE = policy(
    [
        "{id: latency, metric: latency_p95, max: 40 ms, min: 1 ms, enforce: soft}",
        '{id: energy, metric: energy_per_1k_inferences, max_increase: "${slack}", enforce: advisory}',
        (
            "{id: flops, metric: flops_per_inference, max_increase: 10%, unless: {approval: x, ceiling: 40%, "
            "gain: {metric: quality.f1, min_increase: 1 pp}}, enforce: soft}"
        ),
        "{id: ratio, cel: candidate.latency_p50 < 2.0 * baseline.latency_p50, message: too slow, enforce: soft}",
    ],
    name="base",
    params="{slack: 5%}",
    measurement="{baseline: last-pass, confidence: 95%, false_fail: 2%, comparable: [runner], evidence: any}",
    match="{models: [nlp/*]}",
)
FLOPS = "{id: flops, metric: flops_per_inference, max_increase: 10%, unless: {approval: x, ceiling: 40%, gain: "
KEPT_GAIN = "{metric: quality.f1, min_increase: 1 pp}"
END = "}, enforce: soft}"


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch):
    """Shipped packs of our own, so that those in `policies/` may change."""
    latency = "{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"
    (tmp_path / "starter.yaml").write_text(policy([latency], name="starter"))
    (tmp_path / "strict.yaml").write_text(policy(name="strict", extends="[{pack: starter}]"))
    (tmp_path / "loop.yaml").write_text(policy([latency], name="loop", extends="[{pack: loop}]"))
    (tmp_path / "stray.yaml").write_text(policy([latency], name="stray", extends="[{pack: ./x.yaml}]"))
    monkeypatch.setattr("greengate.shipped.policies", lambda: tmp_path)


def child(*rules, **parts):
    return policy(rules, name="child", extends=pinned("base.yaml", BASE), **parts)


def test_a_child_takes_over_rules_measurement_and_ancestry():
    (found,) = load(child(), base=BASE)
    digest = pinned("base.yaml", BASE).split("sha256:")[1].split('"')[0]
    assert [rule.id for rule in found.rules] == ["latency", "energy", "flops", "ratio"]
    assert (found.name, found.plan.baseline, found.plan.comparable) == ("child", "last-pass", ("runner",))
    assert (found.parents, found.rules[0].place.file) == ((("base", digest),), "base.yaml")


def test_a_child_adds_rules_behind_those_of_its_parent():
    (found,) = load(child("{id: size, metric: model_size, max: 5 MiB, enforce: soft}"), base=BASE)
    assert [rule.id for rule in found.rules] == ["latency", "energy", "flops", "ratio", "size"]


def test_a_restated_rule_keeps_its_position_and_says_its_own():
    (found,) = load(child("{id: latency, metric: latency_p95, max: 30 ms, min: 2 ms, enforce: hard}"), base=BASE)
    assert [check.bound for check in found.rules[0].checks] == [Duration(0.03), Duration(0.002)]
    assert (found.rules[0].enforce, found.rules[0].place.file) == (Enforce.HARD, "p.yaml")


def test_measurement_is_taken_over_key_by_key():
    (found,) = load(child(measurement="{confidence: 99%, budget: 2 min}"), base=BASE)
    assert (found.plan.baseline, found.plan.confidence, found.plan.budget_s) == ("last-pass", 0.99, 120.0)


def test_the_match_of_a_child_replaces_that_of_its_parents():
    assert load(child(match="{models: [nlp/x, vision/y]}"), base=BASE)[0].match.models == ("nlp/x", "vision/y")
    assert load(child(), base=BASE)[0].match.models == ()


def test_a_child_gives_another_value_to_a_param_of_its_parent():
    (found,) = load(child(params="{slack: 3%}"), base=BASE)
    assert found.rules[1].checks[0].delta == Share(0.03)


def test_a_param_given_by_a_child_may_not_loosen():
    assert complaint(child(params="{slack: 9%}"), base=BASE) == (
        "p.yaml:5:17 (params.slack): `max_increase` of the rule `energy` loosens what is extended: "
        "9% here, 5% at base.yaml:4:17 (params.slack)\n"
        "  hint: a policy may only tighten what it extends; a waiver lets one model through"
    )


def test_a_param_of_a_grandparent_is_given_by_a_grandchild():
    middle = child()
    (found,) = load(policy(extends=pinned("middle.yaml", middle), params="{slack: 1%}"), middle=middle, base=BASE)
    assert found.rules[1].checks[0].delta == Share(0.01)
    assert [name for name, _ in found.parents] == ["child", "base"]


def test_a_param_that_neither_a_child_nor_a_parent_uses_is_refused():
    assert complaint(child(params="{slak: 9%}"), base=BASE) == (
        "p.yaml:5:10 (params.slak): the param `slak` is never used\n"
        "  hint: write `${slak}` where it is meant, or take it out"
    )


TIGHTER = {
    "a lower ceiling": FLOPS.replace("40%", "30%") + KEPT_GAIN + END,
    "a higher gain": FLOPS + "{metric: quality.f1, min_increase: 2 pp}" + END,
    "a smaller tolerance": FLOPS.replace("10%", "9%") + KEPT_GAIN + END,
    "no trade-off": "{id: flops, metric: flops_per_inference, max_increase: 10%, enforce: soft}",
    "a further check": ("{id: flops, metric: flops_per_inference, max: 4 GFLOP, max_increase: 10%, enforce: soft}"),
    "the same": FLOPS + KEPT_GAIN + END,
    "the same expression": (
        '{id: ratio, cel: "candidate.latency_p50 < 2.0 * baseline.latency_p50", message: no, enforce: soft}'
    ),
}


@pytest.mark.parametrize("rule", TIGHTER.values(), ids=TIGHTER)
def test_a_rule_may_be_restated_with(rule):
    assert load(child(rule), base=BASE)


LOOSER = {
    "a higher max": (
        "{id: latency, metric: latency_p95, max: 41 ms, min: 1 ms, enforce: soft}",
        "p.yaml:6:45 (rules[0].max): `max` of the rule `latency` loosens what is extended: 41 ms here, 40 ms",
    ),
    "a lower min": (
        "{id: latency, metric: latency_p95, max: 40 ms, min: 0 ms, enforce: soft}",
        "p.yaml:6:57 (rules[0].min): `min` of the rule `latency` loosens what is extended: 0 s here, 1 ms",
    ),
    "a check dropped": (
        "{id: latency, metric: latency_p95, max: 40 ms, enforce: soft}",
        "p.yaml:6:5 (rules[0]): `min` of the rule `latency` loosens what is extended: nothing here, 1 ms",
    ),
    "another metric": (
        "{id: latency, metric: latency_p50, max: 40 ms, min: 1 ms, enforce: soft}",
        (
            "p.yaml:6:27 (rules[0].metric): `metric` of the rule `latency` loosens what is extended: "
            "latency_p50 here, latency_p95"
        ),
    ),
    "softer": (
        "{id: latency, metric: latency_p95, max: 40 ms, min: 1 ms, enforce: advisory}",
        "p.yaml:6:72 (rules[0].enforce): `enforce` of the rule `latency` loosens what is extended: advisory here, soft",
    ),
    "a trade-off": (
        (
            "{id: energy, metric: energy_per_1k_inferences, max_increase: 5%, unless: {approval: x, ceiling: 9%}, "
            "enforce: soft}"
        ),
        (
            "p.yaml:6:78 (rules[0].unless): `unless` of the rule `energy` loosens what is extended: "
            "approval x here, nothing"
        ),
    ),
    "a larger tolerance": (
        "{id: energy, metric: energy_per_1k_inferences, max_increase: 6%, enforce: soft}",
        (
            "p.yaml:6:66 (rules[0].max_increase): `max_increase` of the rule `energy` loosens what is extended: "
            "6% here, 5%"
        ),
    ),
    "a tolerance of another kind": (
        "{id: energy, metric: energy_per_1k_inferences, max_increase: 1 J, enforce: soft}",
        (
            "p.yaml:6:66 (rules[0].max_increase): `max_increase` of the rule `energy` loosens what is extended: "
            "1 J here, 5%"
        ),
    ),
    "a higher ceiling": (
        FLOPS.replace("40%", "50%") + KEPT_GAIN + END,
        (
            "p.yaml:6:96 (rules[0].unless.ceiling): `unless.ceiling` of the rule `flops` loosens what is extended: "
            "50% here, 40%"
        ),
    ),
    "another approval": (
        FLOPS.replace("approval: x", "approval: y") + KEPT_GAIN + END,
        (
            "p.yaml:6:84 (rules[0].unless.approval): `unless.approval` of the rule `flops` loosens what is extended: "
            "y here, x"
        ),
    ),
    "a lower gain": (
        FLOPS + "{metric: quality.f1, min_increase: 0.5 pp}" + END,
        (
            "p.yaml:6:107 (rules[0].unless.gain): `unless.gain` of the rule `flops` loosens what is extended: "
            "quality.f1 min_increase 0.5 pp here, quality.f1 min_increase 1 pp"
        ),
    ),
    "no gain": (
        FLOPS.removesuffix(", gain: ") + END,
        (
            "p.yaml:6:73 (rules[0].unless): `unless.gain` of the rule `flops` loosens what is extended: "
            "nothing here, quality.f1 min_increase 1 pp"
        ),
    ),
    "another expression": (
        "{id: ratio, cel: candidate.latency_p50 < 9.0 * baseline.latency_p50, message: too slow, enforce: soft}",
        (
            "p.yaml:6:22 (rules[0].cel): `cel` of the rule `ratio` loosens what is extended: "
            "`candidate.latency_p50 < 9.0 * baseline.latency_p50` here, "
            "`candidate.latency_p50 < 2.0 * baseline.latency_p50`"
        ),
    ),
}


@pytest.mark.parametrize(("rule", "message"), LOOSER.values(), ids=LOOSER)
def test_a_rule_may_not_be_restated_with(rule, message):
    told = complaint(child(rule), base=BASE)
    head, _, place = told.partition("\n")[0].rpartition(" at base.yaml:")
    assert head == message
    assert place


LOOSER_MEASUREMENT = {
    "a lower confidence": ("{confidence: 90%}", "confidence", "90% here, 95%"),
    "rarer false failures": ("{false_fail: 1%}", "false_fail", "1% here, 2%"),
    "fewer things to compare": ("{comparable: []}", "comparable", "nothing here, runner"),
    "estimates that only warn": ("{evidence: measured}", "evidence", "measured here, any"),
    "another baseline": ("{baseline: path}", "baseline", "path here, last-pass"),
    "inconclusive findings that only warn": ("{inconclusive: warn}", "inconclusive", "warn here, fail"),
}


@pytest.mark.parametrize(("said", "key", "values"), LOOSER_MEASUREMENT.values(), ids=LOOSER_MEASUREMENT)
def test_measurement_may_not_be_loosened_by(said, key, values):
    told = complaint(child(measurement=said), base=BASE)
    assert f"(measurement.{key}): `measurement.{key}` loosens what is extended: {values} at base.yaml:5:" in told


SIGNER = f"ed25519:{'a' * 43}="
REFERENCE = f"{{runner: {{profile: 'sha256:{'a' * 64}', labels: {{class: ci, zone: eu}}, key: '{SIGNER}'}}}}"
ASKED = f"profile aaaaaaaaaaaa, class=ci, zone=eu, signed by {SIGNER}"


@pytest.mark.parametrize(
    ("said", "here"),
    [
        ("{runner: {labels: {class: ci}}}", "class=ci"),
        (REFERENCE.replace("class: ci", "class: ours"), ASKED.replace("=ci", "=ours")),
        (REFERENCE.replace("a" * 64, "b" * 64), ASKED.replace("a" * 12, "b" * 12, 1)),
        (REFERENCE.replace(SIGNER, f"ed25519:{'b' * 43}="), ASKED.replace("a" * 43, "b" * 43)),
        (REFERENCE.replace(f", key: '{SIGNER}'", ""), "profile aaaaaaaaaaaa, class=ci, zone=eu"),
    ],
    ids=["only a part of it", "another label", "another profile", "another key", "any key"],
)
def test_a_child_may_not_ask_for_another_runner_nor_for_less(said, here):
    base = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], measurement=REFERENCE)
    told = complaint(policy(name="child", extends=pinned("base.yaml", base), measurement=said), base=base)
    assert f"`measurement.runner` loosens what is extended: {here} here, {ASKED} at base.yaml:4:" in told


@pytest.mark.parametrize("said", ["{budget: 9 s}", REFERENCE, REFERENCE.replace("zone: eu", "zone: eu, rack: r1")])
def test_a_child_may_keep_the_runner_that_is_asked_for_or_ask_for_more(said):
    base = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], measurement=REFERENCE)
    (found,) = load(policy(name="child", extends=pinned("base.yaml", base), measurement=said), base=base)
    assert found.plan.runner.profile == "a" * 64
    assert found.plan.runner.labels.items() >= {"class": "ci", "zone": "eu"}.items()


@pytest.mark.parametrize(("said", "key"), [("{budget: 1 s}", "budget"), ("{max_pairs: 10}", "max_pairs")])
def test_where_the_inconclusive_only_warns_a_child_may_not_measure_less(said, key):
    base = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], measurement="{inconclusive: warn}")
    loose = policy(name="child", extends=pinned("base.yaml", base), measurement=said)
    assert f"`measurement.{key}` loosens what is extended" in complaint(loose, base=base)
    strict = base.replace("inconclusive: warn", "inconclusive: fail")
    assert load(policy(name="child", extends=pinned("base.yaml", strict), measurement=said), base=strict)


def test_a_child_may_not_let_others_override():
    override = "{{soft: {{override: {{approvals: {}, from: owners, not_author: {}}}}}}}"
    base = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], enforcement=override.format(2, "true"))
    extends = pinned("base.yaml", base)
    loose = policy(name="child", extends=extends, enforcement=override.format(1, "false"))
    told = complaint(loose, base=base)
    assert "`enforcement.soft.override.approvals` loosens what is extended: 1 here, 2 at base.yaml:4:" in told
    assert "`enforcement.soft.override.not_author` loosens what is extended: false here, true at base.yaml:4:" in told
    assert load(policy(name="child", extends=extends), base=base)[0].override.approvals == 2
    added = complaint(child(enforcement=override.format(1, "true")), base=BASE)
    assert "`enforcement.soft.override` loosens what is extended: approvals 1 here, nobody at base.yaml:1:1" in added


def test_a_later_parent_may_not_loosen_an_earlier_one():
    one = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], name="one")
    two = policy(["{id: a, metric: latency_p95, max: 50 ms, enforce: soft}"], name="two")
    both = [pinned("one.yaml", one)[1:-1], pinned("two.yaml", two)[1:-1]]
    assert "50 ms here, 40 ms" in complaint(policy(extends=f"[{', '.join(both)}]"), one=one, two=two)
    (found,) = load(policy(extends=f"[{', '.join(reversed(both))}]"), one=one, two=two)
    assert found.rules[0].checks[0].bound == Duration(0.04)


def test_a_shipped_pack_is_extended_without_a_digest():
    (found,) = load(policy(extends="[{pack: strict}]"))
    assert ([name for name, _ in found.parents], found.plan) == (["strict", "starter"], Plan())


DIGEST = pinned("base.yaml", BASE).split('"')[1]
OTHER = "sha256:" + "0" * 64
BAD_PARENTS = {
    "an unknown pack": (
        "[{pack: startr}]",
        "p.yaml:4:18 (extends[0].pack): no shipped pack is called `startr`\n  hint: did you mean `starter`?",
    ),
    "no digest": (
        "[{pack: base.yaml}]",
        (
            "p.yaml:4:11 (extends[0]): `base.yaml` is extended without its digest\n"
            f'  hint: after reading it, write `digest: "{DIGEST}"`'
        ),
    ),
    "another digest": (
        f'[{{pack: base.yaml, digest: "{OTHER}"}}]',
        (
            f"p.yaml:4:37 (extends[0].digest): base.yaml is not what was pinned: expected {OTHER}, found {DIGEST}\n"
            "  hint: read what has changed in it, then write the new digest"
        ),
    ),
    "a digest of another form": (
        "[{pack: base.yaml, digest: abc}]",
        "p.yaml:4:37 (extends[0].digest): found `abc`, expected `sha256:` and 64 hexadecimal digits in lower case",
    ),
    "a missing file": (
        f'[{{pack: bass.yaml, digest: "{OTHER}"}}]',
        "p.yaml:4:18 (extends[0].pack): no such file: bass.yaml\n  hint: did you mean `base.yaml`?",
    ),
    "a file outside": (
        f'[{{pack: ../base.yaml, digest: "{OTHER}"}}]',
        "p.yaml:4:18 (extends[0].pack): `../base.yaml` lies outside the project\n  hint: copy it into the project",
    ),
    "itself": (
        f'[{{pack: p.yaml, digest: "{OTHER}"}}]',
        "p.yaml:4:18 (extends[0].pack): a policy cannot extend itself: p.yaml -> p.yaml\n  hint: break the circle",
    ),
    "a pack that extends itself": (
        "[{pack: loop}]",
        (
            "shipped/loop.yaml:4:18 (extends[0].pack): a policy cannot extend itself: "
            "p.yaml -> shipped/loop.yaml -> shipped/loop.yaml\n  hint: break the circle"
        ),
    ),
    "a pack that extends a file": (
        "[{pack: stray}]",
        "shipped/stray.yaml:4:18 (extends[0].pack): a shipped pack may extend shipped packs only",
    ),
    "a misspelt key": (
        "[{pak: starter}]",
        "p.yaml:4:12 (extends[0].pak): unknown key `pak`\n  hint: did you mean `pack`?",
    ),
}


@pytest.mark.parametrize(("extends", "message"), BAD_PARENTS.values(), ids=BAD_PARENTS)
def test_a_parent_is_refused_that_is(extends, message):
    assert complaint(policy(name="child", extends=extends), base=BASE) == message


def test_a_file_of_two_policies_cannot_be_extended():
    two = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"]) + "---\n" + BASE
    assert complaint(policy(extends=pinned("two.yaml", two)), two=two) == (
        "p.yaml:4:18 (extends[0].pack): two.yaml holds 2 policies, expected one to extend"
    )


def test_a_mistake_in_a_parent_is_told_once_and_in_its_place():
    base = policy(["{id: a, metric: latency_p95, max: 40, enforce: soft}"], name="base")
    extends = pinned("base.yaml", base)
    told = complaint(policy(name="one", extends=extends), policy(name="two", extends=extends), base=base)
    assert told == "base.yaml:5:39 (rules[0].max): `40` has no unit\n  hint: a duration is written like `40 ms`"


def test_more_than_eight_generations_are_refused():
    text, files = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], name="a0"), {}
    for age in range(1, 10):
        files[f"a{age - 1}"] = text
        text = policy(name=f"a{age}", extends=pinned(f"a{age - 1}.yaml", text))
    assert complaint(text, **files) == (
        "a1.yaml:4:18 (extends[0].pack): more than 8 policies extend one another\n  hint: write it flatter"
    )
    assert load(files["a8"], **files)


def test_a_waiver_names_the_child_for_a_rule_that_it_inherits():
    waiver = (
        "apiVersion: greengate/v1\nkind: Waiver\nid: W\nrule: child/energy\nceiling: {max_increase: 9%}\n"
        "expires: 2026-12-31\nreason: r\ngranted_by: g\n"
    )
    found, _ = load(child(), policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"]), waiver, base=BASE)
    assert found.waivers[0].rule == "child/energy"


def owned(owners, name="base", **parts):
    text = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], name=name, **parts)
    return text.replace(f"metadata: {{name: {name}", f"metadata: {{name: {name}, owners: {owners}")


def owners_of(found):
    return {rule.id: found.owners_of(rule) for rule in found.rules}


def test_an_inherited_rule_keeps_its_owners_and_one_of_its_own_has_the_childs():
    base = owned('["@acme/board"]')
    own = "{id: b, metric: model_size, max: 1 MiB, enforce: soft}"
    text = policy([own], name="child", extends=pinned("base.yaml", base))
    (found,) = load(text.replace("{name: child", '{name: child, owners: ["@mallory"]'), base=base)
    assert owners_of(found) == {"a": ("@acme/board",), "b": ("@mallory",)}


def test_a_rule_that_is_restated_keeps_the_owners_that_it_is_inherited_with():
    base = owned('["@acme/board"]')
    text = owned('["@mallory"]', "child", extends=pinned("base.yaml", base)).replace("40 ms", "30 ms")
    assert owners_of(load(text, base=base)[0]) == {"a": ("@acme/board",)}


def test_what_comes_from_a_policy_without_owners_is_the_childs():
    base = policy(["{id: a, metric: latency_p95, max: 40 ms, enforce: soft}"], name="base")
    text = policy(name="child", extends=pinned("base.yaml", base))
    (found,) = load(text.replace("{name: child", '{name: child, owners: ["@olga"]'), base=base)
    assert owners_of(found) == {"a": ("@olga",)}


def test_a_rule_of_two_parents_has_the_same_owners_in_both():
    one, two = owned('["@acme/board"]', "one"), owned('["@mallory"]', "two")
    both = [pinned("one.yaml", one)[1:-1], pinned("two.yaml", two)[1:-1]]
    words = "the rule `a` comes from two policies with other owners (@acme/board; @mallory)"
    assert words in complaint(policy(extends=f"[{', '.join(both)}]"), one=one, two=two)
