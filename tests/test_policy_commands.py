"""`greengate policy`: what is printed, what is written, and the exit code."""

import json
import re

import pytest
from jsonschema import Draft202012Validator
from packs_made import POLICY, WAIVER, policy

from greengate import packs, shipped
from greengate.cli import run
from greengate.packs.schema import schema
from greengate.packs.yaml_text import parse
from greengate.trees import WorkingTree

LATENCY = "{id: latency, metric: latency_p95, max: 40 ms, enforce: hard}"
DEMO = policy([LATENCY])
TESTS = """\
apiVersion: greengate/v1
kind: PolicyTest
policy: demo.yaml
cases:
  - {name: a quick model passes, candidate: {latency_p95: 20 ms}, expect: passed}
  - {name: a slow model passes, candidate: {latency_p95: 50 ms}, expect: passed, findings: {latency: passed}}
"""
PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [demo.yaml]
models:
  - {name: nlp/summariser, path: m.onnx, labels: {tier: prod}}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder to call commands in."""
    folder = tmp_path / "acme-nlp"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def call(project, capsys):
    def calling(*arguments, **written):
        for name, text in written.items():
            (project / f"{name.replace('_', '.')}.yaml").write_text(text, encoding="utf-8")
        code = run(["policy", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return calling


def test_check_tells_each_policy_in_a_line(call):
    code, out, err = call("check", "demo.yaml", "starter", demo=DEMO)
    lines = [re.sub(r"[0-9a-f]{64}", "DIGEST", line) for line in out.splitlines()]
    assert (code, lines, err) == (
        0,
        [
            "demo: 1 rule, 0 waivers, sha256:DIGEST (demo.yaml)",
            "starter: 4 rules, 0 waivers, sha256:DIGEST (shipped/starter.yaml)",
        ],
        "",
    )


def test_check_tells_all_mistakes_of_all_files_at_once(call):
    code, out, err = call("check", "a.yaml", "b.yaml", a=DEMO.replace("40 ms", "40"), b=DEMO.replace("max:", "mx:"))
    assert (code, out) == (2, "")
    assert err == (
        "error: a.yaml:5:45 (rules[0].max): `40` has no unit\n"
        "  hint: a duration is written like `40 ms`\n"
        "b.yaml:3:18 (metadata.name): the policy `demo` is given twice; first at a.yaml:3:18 (metadata.name)\n"
        "  hint: rename one of them\n"
        "b.yaml:5:40 (rules[0].mx): unknown key `mx`\n"
        "  hint: did you mean `max`?\n"
    )


def test_check_as_json_gives_each_mistake_with_its_place(call):
    code, out, _ = call("check", "demo.yaml", "--json", demo=DEMO.replace("40 ms", "40"))
    assert (code, json.loads(out)) == (
        2,
        {
            "policies": [],
            "warnings": [],
            "problems": [
                {
                    "file": "demo.yaml",
                    "line": 5,
                    "column": 45,
                    "path": "rules[0].max",
                    "problem": "`40` has no unit",
                    "hint": "a duration is written like `40 ms`",
                }
            ],
        },
    )


def test_check_as_json_gives_name_file_and_digest(call):
    code, out, _ = call("check", "demo.yaml", "--json", demo=DEMO)
    (found,) = json.loads(out)["policies"]
    assert (code, re.sub(r"[0-9a-f]{64}", "DIGEST", json.dumps(found))) == (
        0,
        '{"name": "demo", "file": "demo.yaml", "rules": 1, "budgets": 0, "waivers": 0, "digest": "sha256:DIGEST"}',
    )


def test_check_warns_of_a_waiver_that_is_over(call):
    past = WAIVER.replace("2026-12-31", "2020-01-31")
    code, _, err = call("check", "p.yaml", "w.yaml", p=POLICY.replace("  - id: gpu", "  #").split("  #")[0], w=past)
    assert (code, err) == (
        0,
        "warning: w.yaml:1:1: the waiver W-2026-014 for prod-nlp/flops-growth expired on 2020-01-31\n",
    )


def test_check_without_arguments_checks_the_policies_of_the_project(call):
    code, out, _ = call("check", demo=DEMO, greengate=PROJECT)
    assert (code, out.split(",")[0]) == (0, "demo: 1 rule")


def test_check_refuses_a_policy_that_can_never_match_and_a_model_without_policy(call):
    code, _, err = call("check", demo=policy([LATENCY], match='{models: ["cv/*"]}'), greengate=PROJECT)
    assert code == 2
    assert "demo.yaml:1:1: the policy `demo` matches no model of the project and can never hold" in err
    assert "greengate.yaml:5:5 (models[0]): no policy covers the model `nlp/summariser`" in err


@pytest.mark.parametrize("paths", [(), ("demo.yaml",)], ids=["of the project", "by name"])
def test_check_knows_the_quality_figures_of_the_project(call, paths):
    typo = policy(["{id: sharp, metric: quality.acuracy, min: 90%, enforce: soft}"])
    code, _, err = call("check", *paths, demo=typo, greengate=PROJECT)
    assert (code, "the project declares no quality figure `acuracy`" in err) == (2, True)


def test_check_without_a_project_says_how_to_begin_one(call):
    code, _, err = call("check")
    told = (
        "error: greengate.yaml: there is no project file in the working tree\n"
        "  hint: `greengate init` writes a first one\n"
    )
    assert (code, err) == (2, told)


def test_check_takes_an_absolute_path_below_the_folder(call, project):
    code, out, _ = call("check", str(project / "demo.yaml"), demo=DEMO)
    assert (code, out.split(",")[0]) == (0, "demo: 1 rule")


def test_schema_prints_the_schema(call):
    code, out, _ = call("schema")
    assert (code, json.loads(out)) == (0, schema())


def test_schema_is_written_where_it_is_wanted(call, project):
    code, out, _ = call("schema", "--out", "policy.schema.json")
    assert (code, out) == (0, "wrote policy.schema.json\n")
    Draft202012Validator.check_schema(json.loads((project / "policy.schema.json").read_text()))


def test_schema_that_cannot_be_written_is_told(call):
    code, _, err = call("schema", "--out", "nowhere/policy.schema.json")
    assert (code, err) == (4, "error: nowhere/policy.schema.json: cannot be written: No such file or directory\n")


def test_explain_says_what_each_rule_asks_and_where_it_is_from(call):
    code, out, _ = call("explain", "child.yaml", child=policy([LATENCY], name="child", extends="[{pack: starter}]"))
    told = re.sub(r"\s+", " ", out)
    assert code == 0
    assert (
        "energy-regression (soft) The energy of 1,000 inferences may not grow by more than 5% over the baseline. "
        "Where this is broken, the check fails. Let through only if a waiver of the type accuracy-tradeoff has been "
        "granted, the quality figure accuracy grows by at least 0.5 percentage points and the growth stays within 40%."
    ) in told
    assert re.search(r"Written at shipped/starter\.yaml:\d+, inherited\.", told)
    assert (
        "latency (hard) The 95th percentile of the latency must be at most 40 ms. "
        "Where this is broken, the check fails; nothing lets it through. Written at child.yaml:6."
    ) in told


def test_explain_says_how_evidence_is_taken_with_error_rates_in_words(call):
    _, out, _ = call("explain", "strict")
    told = re.sub(r"\s+", " ", out)
    assert (
        "a change that is worse than its tolerance passes in at most 1% of cases, "
        "and one that is not fails in at most 1%."
    ) in told
    assert "On the forge, 2 approvals let a soft failure through, given by the owners" in told


def test_explain_says_where_a_policy_applies_and_what_its_waivers_let_through(call):
    soft = "{id: flops-growth, metric: flops_per_inference, max_increase: 15%, enforce: soft}"
    match = '{models: ["nlp/*"], labels: {tier: prod}, branches: [main]}'
    waiver = WAIVER.replace("type: accuracy-tradeoff\n", "").replace("2026-12-31", "2020-12-31")
    _, out, _ = call("explain", "p.yaml", "w.yaml", p=policy([soft], name="prod-nlp", match=match), w=waiver)
    told = re.sub(r"\s+", " ", out)
    assert "Applies to models named nlp/*, with the label tier: prod, on branches main." in told
    assert (
        "W-2026-014 lets prod-nlp/flops-growth be broken for models named nlp/summariser, on every branch, "
        "as far as a growth of 28%, expired on 2020-12-31; granted by @acme/green: Long-context head; +0.9 pp held-out"
    ) in told


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("metric: throughput, min: 200 /s", "The throughput must be at least 200 /s."),
        ("metric: parameters, max_increase: 0%", "The number of parameters may not grow over the baseline at all."),
        (
            "metric: quality.f1, max_decrease: 0.5 pp",
            "The quality figure f1 may not fall by more than 0.5 percentage points below the baseline.",
        ),
        (
            "metric: throughput, max_decrease: 5%, unless: {approval: any, ceiling: 9%}",
            "Let through only if a waiver of the type any has been granted and the fall stays within 9%.",
        ),
        (
            "metric: latency_p50, max_increase: 5%, unless: {approval: any, "  # noqa: ISC004 - one rule
            "gain: {metric: quality.rmse, min_decrease: 3%}, ceiling: 9%}",
            "the quality figure rmse falls by at least 3% and the growth stays within 9%.",
        ),
        ('cel: "candidate.parameters < 5.0", message: too many', "This must hold: candidate.parameters < 5.0."),
    ],
    ids=["floor", "nothing more", "points", "a fall let through", "a gain that falls", "expression"],
)
def test_explain_says_in_a_sentence_a_rule_with(call, rule, told):
    if "cel" in rule:
        pytest.importorskip("cel_expr_python")
    _, out, _ = call("explain", "demo.yaml", demo=policy([f"{{id: a, enforce: soft, {rule}}}"]))
    assert told in re.sub(r"\s+", " ", out)


def test_explain_as_json_gives_the_same_as_values(call):
    code, out, _ = call("explain", "edge-device", "--json")
    (told,) = json.loads(out)
    storage = next(rule for rule in told["rules"] if rule["id"] == "storage")
    assert (code, storage["metric"], storage["checks"], storage["enforce"], storage["inherited"]) == (
        0,
        "model_size",
        ["max 64 MiB"],
        "hard",
        False,
    )
    assert [parent["name"] for parent in told["extends"]] == ["starter"]
    assert told["measurement"]["confidence"] == "95%"


@pytest.mark.parametrize("pack", shipped.pack_names())
def test_explain_has_words_for_every_shipped_pack(call, pack):
    code, out, _ = call("explain", pack)
    assert (code, out.startswith(f"{pack} (shipped/{pack}.yaml)\n")) == (0, True)


def test_test_tells_each_case_and_what_was_not_as_expected(call):
    code, out, err = call("test", "demo.yaml", demo=DEMO, demo_test=TESTS)
    assert (code, err) == (1, "")
    assert out == (
        "ok  demo: a quick model passes\n"
        "FAILED  demo: a slow model passes\n"
        "    demo.test.yaml:6:102 (cases[1].findings.latency): latency: expected passed, found failed; "
        "latency: 50 ms, max 40 ms\n"
        "    demo.test.yaml:6:74 (cases[1].expect): the verdict: expected passed, found failed; "
        "latency: 50 ms, max 40 ms\n"
        "2 cases, 1 not as expected\n"
    )


def test_test_of_shipped_packs_passes(call):
    code, out, _ = call("test", *shipped.pack_names())
    assert (code, out.splitlines()[-1].endswith("all as expected")) == (0, True)


def test_test_without_arguments_runs_what_lies_beside_the_policies_of_the_project(call):
    code, out, _ = call("test", demo=DEMO, demo_test=TESTS.replace("50 ms", "30 ms"), greengate=PROJECT)
    assert (code, out.splitlines()[-1]) == (0, "2 cases, all as expected")


def test_test_of_a_project_without_tests_is_an_error(call):
    code, _, err = call("test", demo=DEMO, greengate=PROJECT)
    assert code == 2
    assert err == (
        "error: greengate.yaml: no policy tests lie beside the project's policies\n"
        "  hint: tests of policies/NAME.yaml are looked for in policies/NAME.test.yaml\n"
    )


def test_test_of_a_wrong_file_is_an_error(call):
    code, _, err = call("test", "demo.yaml", demo=DEMO, demo_test=TESTS.replace("expect", "expcet"))
    assert (code, "did you mean `expect`?" in err) == (2, True)


def test_new_writes_a_policy_that_can_be_checked_at_once(call, project):
    code, out, _ = call("new")
    assert code == 0
    assert out == (
        "wrote policies/acme-nlp.yaml: the policy `acme-nlp`, which extends `starter`\n"
        "next: name it instead of `starter` under `policies:` in greengate.yaml, then run `greengate policy check`\n"
    )
    (policy,) = packs.load(WorkingTree(project), ["policies/acme-nlp.yaml"])
    assert (policy.name, [name for name, _ in policy.parents]) == ("acme-nlp", ["starter"])


@pytest.mark.parametrize("pack", shipped.pack_names())
def test_all_that_a_new_policy_shows_in_comments_can_be_uncommented(call, project, pack):
    call("new", "ours.yaml", "--from", pack)
    text = (project / "ours.yaml").read_text()
    code = re.compile(r"^(\s*)# (?=\s*(- id|\w+: ?|match|params|rules|owners))", re.MULTILINE)
    bare = "\n".join(line for line in code.sub(r"\1", text).splitlines())
    (project / "ours.yaml").write_text(bare)
    (policy,) = packs.load(WorkingTree(project), ["ours.yaml"])
    assert [rule.id for rule in policy.rules][-1] == "size-cap"
    assert (policy.owners, policy.match.models) == (("@your-org/ml-platform",), ("nlp/*",))
    (document,) = parse(bare.encode(), "ours.yaml")
    assert list(Draft202012Validator(schema()).iter_errors(document.value)) == []


def test_new_never_overwrites(call, project):
    code, _, err = call("new", "ours.yaml", ours="mine")
    assert (code, err) == (
        2,
        "error: ours.yaml: there is such a file already\n  hint: give another name; nothing was written\n",
    )
    assert (project / "ours.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "strct"], "error: --from: no shipped pack is called `strct`\n  hint: did you mean `strict`?\n"),
        (
            ["--name", "Prod NLP"],
            "error: --name: `Prod NLP` is no name of a policy\n  hint: such as `--name prod-nlp`\n",
        ),
        (
            ["--name", "strict"],
            "error: --name: `strict` is the name of a shipped pack\n  hint: findings must tell the two apart\n",
        ),
        (["ours"], "error: ours: a policy's file ends in `.yaml`\n  hint: such as policies/ours.yaml\n"),
        (["ours.test.yaml", "--name", "ours"], "error: ours.test.yaml: a policy's file ends in `.yaml`\n"),
    ],
    ids=["unknown pack", "no name", "a pack's name", "no ending", "a file of tests"],
)
def test_new_refuses_in_plain_words(call, project, arguments, told):
    code, _, err = call("new", *arguments)
    assert (code, err[: len(told)]) == (2, told)
    assert list(project.iterdir()) == []


def test_new_quotes_a_name_that_yaml_would_take_for_a_number(call, project):
    call("new", "--name", "007")
    assert packs.load(WorkingTree(project), ["policies/007.yaml"])[0].name == "007"


def test_new_tells_of_a_folder_that_cannot_be_made(call, project):
    (project / "policies").write_text("a file")
    code, _, err = call("new")
    assert (code, err) == (4, "error: policies/acme-nlp.yaml: cannot be written: File exists\n")
