import dataclasses
import io
import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import accounts
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from greengate.errors import ReportError
from greengate.evidence import Earlier, Evidence, Pair
from greengate.report import (
    annotations,
    codequality,
    comparison,
    course,
    document,
    dotenv,
    escaping,
    footing,
    json_report,
    junit,
    markdown,
    origin,
    outputs,
    sarif,
    table,
)
from greengate.report.account import Account, Entry
from greengate.verdict import Outcome, Verdict

GOLDEN = Path(__file__).parent / "golden"
FORMATS = {
    "report.txt": table.render,
    "report-80.txt": lambda account: table.render(account, 80),
    "report-140.txt": lambda account: table.render(account, 140),
    "report.md": markdown.render,
    "report.json": json_report.render,
    "report.junit.xml": junit.render,
    "report.sarif": sarif.render,
    "report.codequality.json": codequality.render,
    "report.annotations.txt": annotations.render,
    "report.outputs.txt": outputs.render,
    "report.env": dotenv.render,
}
BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("account", [accounts.sample, accounts.unusual])
@pytest.mark.parametrize("name", FORMATS)
def test_each_format_tells_an_account_as_its_golden_document_does(name, account):
    told = FORMATS[name](account())
    name = name.replace("report", "report" if account is accounts.sample else account.__name__)
    if os.environ.get("GREENGATE_REWRITE_GOLDEN") == "1":
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / name).write_text(told, encoding="utf-8")
    assert told == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_through_a_character_that_cannot_be_seen(name):
    assert BAD.search(FORMATS[name](accounts.sample())) is None


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "report.json"])
def test_no_format_repeats_a_text_without_end(name):
    assert "A" * 5000 not in FORMATS[name](accounts.sample())


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "report.annotations.txt"])
def test_no_line_is_a_workflow_command(name):
    told = FORMATS[name](accounts.sample())
    assert [line for line in told.splitlines() if line.lstrip().startswith("::") or "##[" in line] == []


@pytest.mark.parametrize("name", FORMATS)
def test_an_account_of_nothing_is_told_as_an_error(name):
    nothing = Account(entries=(), taken_at=accounts.TAKEN_AT, version="0.1.0")
    assert nothing.exit_code == 4
    assert FORMATS[name](nothing)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Entry("", Verdict(model="m", findings=()), None), id="nothing was judged"),
        pytest.param(
            Entry("", Verdict(model="m", findings=(accounts.cap(),)), None, problem="it crashed"),
            id="all passed, then a problem",
        ),
    ],
)
def test_a_model_that_could_not_be_evaluated_never_looks_like_a_pass(entry):
    account = accounts.sample(entry)
    assert account.exit_code == 4
    assert json.loads(codequality.render(account))[0]["severity"] == "critical"
    assert 'errors="1"' in junit.render(account)
    assert json.loads(sarif.render(account))["runs"][0]["results"][0]["level"] == "error"


# ---- table


def test_the_table_ends_with_the_verdict_in_one_line():
    account = accounts.sample(accounts.passed(), accounts.waived(), accounts.failed())
    assert table.render(account).splitlines()[-1] == "3 models: 1 passed, 1 waived, 1 failed -> exit 1"


@pytest.mark.parametrize("width", [40, 80, 100, 140])
def test_the_table_keeps_within_the_width_but_for_its_last_line(width):
    lines = table.render(accounts.sample(), width).splitlines()[:-1]
    assert max(map(len, lines)) <= width


def test_a_terminal_without_unicode_gets_ascii_signs():
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    table.show(accounts.sample(accounts.failed()), Console(file=terminal, width=80))
    terminal.flush()
    assert b"x failed" in terminal.buffer.getvalue()


def test_markup_of_the_terminal_library_is_shown_as_text():
    hostile = accounts.entry(accounts.evidence("[bold red]x[/] :tada:", 1.0), accounts.cap())
    assert table.render(accounts.sample(hostile)).startswith("[bold red]x[/] :tada:  PASSED")


def test_figures_that_cannot_be_compared_are_told_without_a_change():
    measured = accounts.evidence("m", 2.0, incomparable=("runner: another one",))
    told = table.render(accounts.sample(accounts.entry(measured, accounts.cap())))
    assert told.splitlines()[0] == "m  PASSED  energy 17.12 J/1k"
    assert "4.82 M MACs (+100.0%)" in told


def wordings(entry):
    """The lines of one model's footing by name."""
    told = {}
    for name, text in footing.footing(entry):
        told.setdefault(name, []).append(text)
    return told


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param({}, "24 pairs in 12 rounds, 1.2 s", id="usual"),
        pytest.param({"measured_s": 0.0}, "24 pairs in 12 rounds", id="nobody took the time"),
        pytest.param({"measured_s": 41.26}, "24 pairs in 12 rounds, 41 s", id="long"),
        pytest.param({"pairs": tuple(accounts.pairs(1.0, 1))}, "1 pair in 1 round, 1.2 s", id="one"),
        pytest.param({"discarded_pairs": 2}, "24 pairs in 12 rounds, 1.2 s; 2 pairs dropped", id="dropped"),
        pytest.param({"pairs": (), "discarded_pairs": 4}, "no pairs, 1.2 s; 4 pairs dropped", id="all dropped"),
        pytest.param({"pairs": (), "baseline": None}, "alone, 1.2 s", id="no baseline"),
        pytest.param({"pairs": (), "measured_s": 0.0}, "", id="nothing was run"),
    ],
)
def test_what_was_measured_is_one_line(more, told):
    assert course.measured(accounts.evidence("m", 1.0, **more)) == told


def test_dropped_pairs_are_told_with_what_they_were_dropped_for():
    told = wordings(accounts.inconclusive())
    assert told["measured"] == ["24 pairs in 12 rounds, 1.2 s; 2 pairs dropped (suspended)"]
    assert told["event"] == ["round 3 was dropped: the machine was suspended for 1.2 s"]


def test_nothing_is_said_of_a_quiet_machine():
    assert {"load", "event", "checks", "drift"} & set(wordings(accounts.passed())) == set()


def test_a_busy_machine_is_told_with_its_load():
    (told,) = wordings(accounts.metered())["load"]
    assert told == "other work kept 1.4 processors busy, the hypervisor took 7% of a processor, 120 preemptions"


def test_a_load_that_the_system_does_not_tell_is_not_zero():
    block = accounts.block(0.02, foreign_s=None, steal_s=None)
    pair = Pair(round=0, candidate_first=True, candidate=block, baseline=block)
    found = course.load(accounts.evidence("m", 1.0, pairs=(pair,)))
    assert (found.foreign, found.steal) == (None, None)
    assert str(found) == "0 preemptions"


def test_many_events_are_cut_short_on_a_terminal():
    told = wordings(accounts.metered())["event"]
    assert len(told) == 7
    assert told[-1] == "2 more, which the JSON report tells"


def test_further_meters_are_told_beside_the_headline():
    assert wordings(accounts.metered())["checks"] == [
        "cpu-seconds 8.56 J (4.28 J to 17.12 J, process, modelled); nvml 31 J (29.52 J to 32.55 J, device, counter)"
    ]


@pytest.mark.parametrize(
    ("entry", "short", "long"),
    [
        pytest.param(
            accounts.passed(),
            "scatter 1.2%, scale x/2",
            "1.2% from the scatter of 24 readings (type A), a factor of 2 from the scale (type B), either way, "
            "at two standard uncertainties each",
            id="modelled",
        ),
        pytest.param(
            accounts.metered(),
            "scatter 2.4%, scale 10%",
            "2.4% from the scatter of 8 readings (type A), 10% from the scale (type B), either way, "
            "at two standard uncertainties each",
            id="counter",
        ),
    ],
)
def test_both_uncertainties_of_the_energy_are_told(entry, short, long):
    provenance = entry.evidence.candidate.figures["energy_per_1k_inferences"].provenance
    assert (origin.sureness(provenance), origin.uncertainty(provenance)) == (short, long)


def test_a_figure_that_is_declared_claims_no_uncertainty():
    assert (origin.sureness(accounts.DECLARED), origin.uncertainty(accounts.DECLARED)) == ("", "")


def test_a_drift_is_told_with_where_it_starts_and_what_the_model_cost_then():
    assert wordings(accounts.drifted())["drift"] == [
        (
            "energy_per_1k_inferences +21.9% since release v1.2 (3f2a91c0), then 7.163 J; "
            "chained over 10 accepted changes and this one"
        ),
        "energy_per_1k_inferences +2.0% since v0.9 (77aa01de), then 8.56 J; measured beside it in the same run",
    ]


def test_an_exact_figure_of_the_earlier_model_is_told_as_it_is():
    drift = accounts.drift(Outcome.PASSED, 0.9762, "v0.9", {"metric": "parameters", "figure": "17571 (-2.4%)"})
    told = origin.since(drift, accounts.drifted().evidence)
    assert (told.amount, told.figure, told.change) == (18_000, "18000", "-2.4%")


@pytest.mark.parametrize("show", [table.render, markdown.render])
def test_a_void_run_is_said_to_be_void_and_shows_no_figure_of_it(show):
    told = show(accounts.sample(accounts.voided()))
    assert "VOID: THE MACHINE DRIFTED" in told.upper()
    assert "nothing that was measured counts" in told.lower()
    assert " J" not in told
    assert "EUR" not in told
    assert "deployment_" not in told


def test_a_void_run_has_no_change_of_measured_figures():
    found = comparison.compared(accounts.voided())
    assert found.of("energy_per_1k_inferences").change is None
    assert found.of("parameters").change.words == "+30.0%"


def test_pairs_without_single_runs_leave_quantiles_to_be_compared_as_they_stand():
    block = accounts.block(0.02, run_s=())
    pairs = (Pair(round=0, candidate_first=True, candidate=block, baseline=block),)
    subject = accounts.subject("m.onnx", 1.0, 0.9)
    subject = subject.model_copy(update={"figures": {"latency_p95": accounts.measured(0.002)}})
    measured = accounts.evidence("m", 1.0, candidate=subject, baseline=subject, pairs=pairs)
    change = comparison.Comparison(measured).of("latency_p95").change
    assert (change.words, change.interval) == ("+0.0%", None)


# ---- Markdown


def rendered(text):
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert) ![b](x) <https://evil.example>",
        "**a** _b_ __c__ ~~d~~ `e` $f$",
        "# heading",
        "- item",
        "1. item",
        "+ item",
        "===",
        "---",
        "> quote",
        "| a | b |",
        "a\nb\r\nc\x85d\u2028e",
        "&lt;b&gt; &#60;",
        "\\*a\\*",
        "``` fence",
        "    code",
        "</details></td>",
        "{{ outcome }} {% raw %}",
    ],
)
@pytest.mark.parametrize("around", ["%s", "| a |\n|---|\n| %s |", "x %s y"], ids=["line", "cell", "inline"])
def test_text_in_markdown_is_shown_and_not_obeyed(text, around):
    harmless = rendered(around % "HARMLESS")
    told = rendered(around % escaping.markdown(text))
    tags = re.compile(r"<[^>]*>")
    assert tags.findall(told) == tags.findall(harmless)


@given(st.text(st.characters(codec=None) | st.sampled_from("<>&|`*_[]()#@:~-+=.!\\\"'\n\t 1"), max_size=40))
def test_no_text_breaks_out_of_its_cell(text):
    told = rendered(f"| a | b |\n|---|---|\n| {escaping.markdown(text)} | c |\n").replace("<wbr>", "")
    assert re.findall(r"<[^>]*>", told) == re.findall(r"<[^>]*>", rendered("| a | b |\n|---|---|\n| x | c |\n"))


@pytest.mark.parametrize(
    "text", ["@octocat", "#12", "!3", "%4", "$5", "~bug", "&6", ":tada:", "https://a.example", "GH-3", "[issue:1]"]
)
def test_a_reference_is_broken_by_a_space_of_no_width(text):
    assert "&#8203;" in escaping.markdown(text)


@pytest.mark.parametrize("text", ["4.1 J (-52.1%)", "energy_per_1k_inferences", "2026-11-21T02:40:00Z", "-0.3 pp"])
def test_an_ordinary_text_stays_readable_in_the_source(text):
    assert escaping.markdown(text) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ models[0].name }}",
        "{{ models[0].name | upper }}",
        "{{ models[0].name | e }}",
        "{{ models[0].name | escape | lower }}",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(models[0].name) }}",
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m('a') ~ models[0].name }}",
        "{% set x %}{{ models[0].name }}{% endset %}{{ x }}",
        "{% autoescape false %}{{ models[0].name }}{% endautoescape %}",
        "{{ [models[0].name, 'b'] | join('<br>') }}",
        "{{ '%s' | format(models[0].name) }}",
    ],
)
def test_a_template_of_ones_own_cannot_forget_to_escape(template):
    hostile = accounts.entry(accounts.evidence("<b>@octocat</b> *x*", 1.0), accounts.cap())
    told = markdown.render(accounts.sample(hostile), template)
    assert "<b>" not in told.lower()
    assert "*" not in told
    assert "@" not in told


@pytest.mark.parametrize(
    ("template", "line", "words"),
    [
        pytest.param("a\n{% if %}", 2, "Expected an expression", id="syntax"),
        pytest.param("a\n\n{{ modles }}", 3, "'modles' is undefined", id="unknown name"),
        pytest.param("a\n{{ models[0].nmae }}", 2, "has no attribute 'nmae'", id="unknown field"),
        pytest.param("{{ 1 / 0 }}", 1, "ZeroDivisionError", id="arithmetic"),
        pytest.param("a\n{{ models[0].name | safe }}", 2, "No filter named 'safe'", id="refused filter"),
        pytest.param("a\n{{ ''.__class__.__mro__ }}", 2, "unsafe", id="sandbox"),
        pytest.param("{% include 'x' %}", 1, "no loader", id="include"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_line(template, line, words):
    with pytest.raises(ReportError, match=re.escape(words)) as caught:
        markdown.render(accounts.sample(), template, where="own.md.j2")
    assert (caught.value.where.file, caught.value.where.line) == ("own.md.j2", line)


def test_an_unknown_name_in_a_template_is_answered_with_the_known_ones():
    with pytest.raises(ReportError) as caught:
        markdown.render(accounts.sample(), "{{ modles }}")
    assert "models, notes, outcome" in caught.value.hint
    assert "figures, findings, leg, name" in caught.value.hint


@pytest.mark.parametrize("kind", [accounts.passed, accounts.failed, accounts.hostile])
def test_two_hundred_models_fit_into_a_comment(kind):
    told = markdown.render(accounts.sample(accounts.failed(), *[kind()] * 199))
    assert len(told) <= 65_000
    assert "Left out for length" in told
    assert "digits/wide: failed" in told
    assert told.count("<details>") == told.count("</details>")


def test_what_passed_is_left_out_first():
    whole = markdown.render(accounts.sample(accounts.passed(), accounts.failed()))
    told = markdown.render(accounts.sample(accounts.passed(), accounts.failed()), most=len(whole) - 1)
    assert "Left out for length: 4 of the rows on findings." in told
    assert "energy-regression" in told
    assert "accuracy-floor" not in told


def test_a_template_that_is_too_long_by_itself_is_an_error():
    with pytest.raises(ReportError, match="101 characters with no model in it; at most 100"):
        markdown.render(accounts.sample(), "x" * 101, most=100)


# ---- documents for machines


def test_json_holds_numbers_as_numbers_beside_their_unit():
    figure = json.loads(json_report.render(accounts.sample()))["models"][0]["figures"]["energy_per_1k_inferences"]
    assert figure["unit"] == "J"
    assert figure["candidate"]["amount"] == pytest.approx(4.10024)
    assert figure["change"]["ratio"] == 0.479


def test_json_tells_outcome_exit_code_and_entries():
    told = json.loads(json_report.render(accounts.sample()))
    assert (told["schema"], told["outcome"], told["exit_code"]) == (document.SCHEMA, "failed", 1)
    assert [model["entry"][0] for model in told["models"]] == ["1", "3", "2", "4", "5", "6", "7"]


def test_json_tells_how_the_measuring_went():
    told = json.loads(json_report.render(accounts.sample(accounts.metered())))["models"][0]["evidence"]
    assert (told["pairs"], told["rounds"], told["measured_s"]) == (24, 12, 1.234)
    assert told["ratios"] == {"cpu": [1.0] * 12, "wall": [1.0] * 12, "run": [1.0] * 12}
    assert told["load"]["foreign"] == pytest.approx(0.03 / 0.021)
    assert (told["load"]["preempted"], told["load"]["yielded"]) == (120, 0)
    assert told["control_s"] == [0.0041, 0.0042, 0.0041, 0.0043]
    assert [event["name"] for event in told["events"]] == ["meters-disagree", "wrapped", *["missing"] * 6]
    assert told["runner"]["labels"]["resolution"] == "3% in 20 s"
    crosscheck = told["candidate"]["crosschecks"]["nvml"]
    assert (crosscheck["amount"], crosscheck["unit"], crosscheck["provenance"]["scope"]) == (31.0, "J", "device")


def test_json_holds_uncertainties_as_numbers():
    told = json.loads(json_report.render(accounts.sample(accounts.metered())))["models"][0]
    provenance = told["figures"]["energy_per_1k_inferences"]["candidate"]["provenance"]
    assert (provenance["type_a"], provenance["type_b"], provenance["window_s"]) == (0.012, 0.05, 8.0)


def test_json_leaves_out_nothing_that_the_evidence_holds_but_the_blocks():
    whole = json.loads(json_report.render(accounts.unusual()))["models"][0]["evidence"]
    assert set(Evidence.model_fields) - set(whole) == {"model"}
    assert set(Earlier.model_fields) - set(whole["earlier"][0]) == {"subject"}


def test_json_tells_each_drift_with_what_it_starts_from():
    told = json.loads(json_report.render(accounts.sample(accounts.drifted())))["models"][0]
    chained, beside, gone = (finding["earlier"] for finding in told["findings"])
    assert (chained["origin"], beside["origin"], gone) == ("chain", "arm", None)
    assert chained["amount"] == pytest.approx(8.56 * 1.02 / 1.219)
    assert told["findings"][0]["unit"] == "ratio"
    links = told["evidence"]["earlier"][0]["links"]
    assert (len(links), links[0]["ratios"]) == (10, {"cpu": [1.01918, 1.02122]})


def test_junit_tells_how_the_measuring_went_as_properties():
    root = ET.fromstring(junit.render(accounts.sample(accounts.voided())))
    told = {item.get("name"): item.get("value") for item in root.findall(".//property")}
    assert told["measured"] == "24 pairs in 12 rounds, 1.2 s"
    assert told["void"].endswith("voids it; nothing that was measured counts")


def test_sarif_tells_what_happened_while_measuring():
    run = json.loads(sarif.render(accounts.sample(accounts.inconclusive(), accounts.voided())))["runs"][0]
    told = run["invocations"][0]["toolExecutionNotifications"]
    assert [item["level"] for item in told] == [*["note"] * 5, "warning"]
    assert told[4]["message"]["text"].startswith("digits/noisy: round 3 was dropped")


@pytest.mark.parametrize("render", [table.render, markdown.render, json_report.render, junit.render, sarif.render])
def test_each_output_tells_a_year_of_candidate_and_baseline_with_their_intervals(render):
    told = " ".join(render(accounts.sample()).replace(",", "").split())
    assert "+1.55 kgCO2e and +1.11 EUR a year" in told
    assert "carbon 3.547 kgCO2e (1.774 kgCO2e to 7.095 kgCO2e) beside 1.997 kgCO2e" in told
    assert "cost 2.534 EUR (1.267 EUR to 5.068 EUR) beside 1.427 EUR" in told


def test_junit_counts_failures_and_errors_as_they_are():
    root = ET.fromstring(junit.render(accounts.sample()))
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "12",
        "failures": "1",
        "errors": "2",
    }


def test_junit_says_why_a_waived_finding_passes_and_skips_nothing():
    root = ET.fromstring(junit.render(accounts.sample(accounts.waived())))
    assert root.find(".//skipped") is None
    assert "waiver: W-2026-014" in root.find(".//system-out").text


def test_sarif_suppresses_what_was_waived_with_its_justification():
    run = json.loads(sarif.render(accounts.sample(accounts.waived())))["runs"][0]
    suppression = run["results"][0]["suppressions"][0]
    assert suppression["kind"] == "external"
    assert suppression["justification"].startswith("W-2026-014: waived until 2026-12-31")


def test_sarif_points_at_the_policys_line():
    run = json.loads(sarif.render(accounts.sample(accounts.failed())))["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policies/prod-digits.yaml"
    assert place["region"] == {"startLine": 16, "startColumn": 5}


def test_every_sarif_result_names_a_rule_of_the_tool():
    run = json.loads(sarif.render(accounts.sample()))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [r["ruleId"] for r in run["results"]]


def test_sarif_leaves_out_what_passed():
    run = json.loads(sarif.render(accounts.sample()))["runs"][0]
    assert [result["properties"]["outcome"] for result in run["results"]] == [
        "waived",
        "failed",
        "inconclusive",
        "warned",
        "errored",
        "warned",
    ]


@pytest.mark.parametrize(
    ("made", "severity"),
    [
        (accounts.failed, "critical"),
        (accounts.errored, "critical"),
        (accounts.inconclusive, "major"),
        (accounts.warned, "minor"),
        (accounts.waived, "info"),
    ],
)
def test_code_quality_grades_by_outcome(made, severity):
    assert [issue["severity"] for issue in json.loads(codequality.render(accounts.sample(made())))] == [severity]


def placed(project, file):
    """An account of one failed model of a project, by a rule of a file."""
    finding = accounts.failed().verdict.findings[1]
    source = finding.source.model_copy(update={"file": file})
    entry = accounts.entry(accounts.failed().evidence, finding.model_copy(update={"source": source}))
    return dataclasses.replace(accounts.sample(entry), project=project)


@pytest.mark.parametrize(
    ("project", "file", "path", "line"),
    [
        ("greengate.yaml", "policies/p.yaml", "policies/p.yaml", 16),
        ("models/nlp/greengate.yaml", "policies/p.yaml", "models/nlp/policies/p.yaml", 16),
        ("models/nlp/greengate.yaml", "./p.yaml", "models/nlp/p.yaml", 16),
        ("models/nlp/own.yaml", "shipped/starter.yaml", "models/nlp/own.yaml", 1),
        ("models/nlp/own.yaml", "", "models/nlp/models/wide.onnx", 16),
    ],
    ids=["at the top", "in a folder", "with a dot", "a shipped pack", "without a policy"],
)
def test_what_a_forge_reads_has_the_paths_of_the_repository(project, file, path, line):
    told = placed(project, file)
    (issue,) = json.loads(codequality.render(told))
    assert issue["location"] == {"path": path, "lines": {"begin": line}}
    (result,) = json.loads(sarif.render(told))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": path}
    assert [case.get("file") for case in ET.fromstring(junit.render(told)).iter("testcase")] == [path if file else None]


def test_the_same_rule_of_two_projects_in_one_repository_has_two_fingerprints():
    names = ("greengate.yaml", "a/greengate.yaml", "b/greengate.yaml")
    rendered = [codequality.render(placed(name, "p.yaml")) for name in names]
    assert len({json.loads(text)[0]["fingerprint"] for text in rendered}) == 3


def test_what_gitlab_shows_of_a_failed_test_says_all_by_itself():
    (text,) = [case.text for case in ET.fromstring(junit.render(placed("p.yaml", "p.yaml"))).iter("failure")]
    assert text.splitlines()[:2] == ["failed", "figure: 15.2 J (+77.6%), +75.2% to +80.1%"]


def test_a_fingerprint_stays_while_the_figures_change():
    first, again = accounts.failed(), accounts.failed()
    moved = again.verdict.findings[1].model_copy(update={"figure": "99 J", "limit": "max_increase 6%"})
    again = accounts.entry(again.evidence, again.verdict.findings[0], moved)
    assert [mark[2] for mark in first.marks] == [mark[2] for mark in again.marks]


def test_a_drift_has_a_name_of_its_own_for_each_start():
    assert [check for _, check, _ in accounts.drifted().marks] == [
        "prod-digits/energy-drift max_drift increase since last-release",
        "prod-digits/energy-drift max_drift increase since v0.9",
        "prod-digits/energy-drift max_drift increase since v0.1",
    ]


def test_a_drift_keeps_its_fingerprint_when_its_limit_is_widened():
    first = accounts.drifted()
    moved = [
        finding.model_copy(update={"limit": finding.limit.replace("10%", "12.5%"), "figure": "1 J"})
        for finding in first.verdict.findings
    ]
    again = accounts.entry(first.evidence, *moved)
    assert [mark[2] for mark in first.marks] == [mark[2] for mark in again.marks]


def test_findings_that_look_alike_have_fingerprints_of_their_own():
    twice = accounts.entry(accounts.evidence("m", 1.0), accounts.cap(), accounts.cap())
    assert len({fingerprint for _, _, fingerprint in twice.marks}) == 2


def test_the_gravest_model_names_the_whole():
    assert accounts.sample(accounts.passed(), accounts.warned()).outcome is Outcome.WARNED
