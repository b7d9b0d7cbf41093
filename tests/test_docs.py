"""The documentation, held against the program: its examples load, its tables are whole, its links lead somewhere."""

import functools
import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import quarterly_made
import yaml
from accounts import failed, sample
from packs_made import Files

from greengate import cli, packs, records, registry, shipped
from greengate.esg.document import Quarterly
from greengate.metrics import KNOWN_SCALES, METRICS
from greengate.models import quality
from greengate.packs import documents, project_file, proving, report_file
from greengate.packs.company import load_company
from greengate.packs.project import load_project
from greengate.quantities import DIMENSIONS
from greengate.report import document, excerpt, markdown
from greengate.report.account import Account
from greengate.report.quarterly import csv_file
from greengate.settings import harmless_environment
from greengate.verdict import EXIT_CODES, Outcome

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")))
DOCS = PAGES[1:]
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: `info` is what stands behind its first fence."""

    page: str
    line: int
    info: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"

    @property
    def file(self):
        named = re.match(r"# (\S+\.ya?ml)\n", self.text)
        return named[1] if named else f"policies/line-{self.line}.yaml"

    @property
    def kinds(self):
        return {value["kind"] for value in yaml.safe_load_all(self.text) if value and "apiVersion" in value}


@functools.cache
def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(info, pages=PAGES):
    return [
        Block(page, text(page)[: found.start()].count("\n") + 1, found[1], found[2])
        for page in pages
        for found in _BLOCK.finditer(text(page))
        if found[1] == info
    ]


def prose(page):
    return _BLOCK.sub("", text(page))


def section(page, heading):
    """What stands under a heading, down to the next one."""
    (found,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", prose(page), re.MULTILINE | re.DOTALL)
    return found


def rows(page, heading, head=None):
    """The cells of the one table under a heading, or of the one whose first head is `head`."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section(page, heading).splitlines()
        if line.startswith("|")
    ]
    rules = [at for at, line in enumerate(lines) if set("".join(line)) == {"-"}]
    tables = [lines[start - 1 : end - 1] for start, end in zip(rules, [*rules[1:], len(lines) + 1], strict=True)]
    (table,) = [table for table in tables if head in (None, table[0][0])]
    return table[2:]


def names(cells):
    return [name for cell in cells for name in _CODE.findall(cell)]


# Examples


def examples(kind):
    return [block for block in blocks("yaml") if kind in block.kinds]


def tree(page):
    return Files({block.file: block.text for block in blocks("yaml", (page,))})


def test_every_kind_of_document_has_an_example():
    assert {kind for block in blocks("yaml") for kind in block.kinds} == {*documents.KINDS, "Project", "Report"}


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_every_yaml_block_is_a_document_or_marked_as_a_fragment(block):
    assert block.kinds


@pytest.mark.parametrize("block", blocks("yaml fragment", DOCS), ids=str)
def test_every_fragment_fits_where_its_key_belongs(block):
    shapes = [documents.Policy, project_file.Project, project_file.Model, project_file.Quality]
    for key, value in yaml.safe_load(block.text).items():
        shape = next(shape for shape in shapes if key in shape.model_fields)
        shape.__pydantic_validator__.validate_assignment(shape.model_construct(), key, value)


@pytest.mark.parametrize("block", examples("Policy"), ids=str)
def test_every_policy_loads(block):
    assert packs.load(tree(block.page), [block.file])


@pytest.mark.parametrize("block", examples("Waiver"), ids=str)
def test_every_waiver_loads_with_the_policy_that_it_names(block):
    owner = next(value["rule"] for value in yaml.safe_load_all(block.text) if value["kind"] == "Waiver").split("/")[0]
    policy = next(
        (other.file for other in examples("Policy") if other.page == block.page and f"name: {owner}" in other.text),
        owner,
    )
    assert any(policy.waivers for policy in packs.load(tree(block.page), [policy, block.file]))


@pytest.mark.parametrize("block", examples("PolicyTest"), ids=str)
def test_every_policy_test_is_met(block):
    results = proving.prove(tree(block.page), [block.file])
    assert [result.mismatches for result in results] == [()] * len(results) != []


@pytest.mark.parametrize("block", examples("Project"), ids=str)
def test_every_project_loads(block):
    assert load_project(Files({"greengate.yaml": block.text})).models


@pytest.mark.parametrize("block", examples("Report"), ids=str)
def test_every_report_file_loads(block):
    assert load_company(Files({"report.yaml": block.text, "logo.svg": b"<svg></svg>"})).entity


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_every_evaluation_file_is_read(block):
    figures = [name for name, value in json.loads(block.text).items() if not isinstance(value, str)]
    assert len(quality.from_file(block.text.encode(), "q.json", figures).figures) == len(figures) > 0


@pytest.mark.parametrize("block", blocks("jinja"), ids=str)
def test_every_template_renders(block):
    assert "nothing was judged" in markdown.render(Account((), "2026-01-01T00:00:00Z", "1"), block.text)


# Commands


def shown():
    """Every command line that a page shows, with its place."""
    found = []
    for info, prompt in (("console", "$ "), ("sh", "")):
        for block in blocks(info):
            lines = block.text.replace("\\\n", " ").splitlines()
            found += [(block, line.removeprefix(prompt)) for line in lines if line.startswith(f"{prompt}greengate ")]
    return found


def command(words):
    """Walk down the groups; the command, its context's parent and its arguments."""
    context, found = None, cli.app
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        context = click.Context(found, parent=context, info_name=found.name, **found.context_settings)
        found = found.get_command(context, words[0])
        assert found is not None, words[0]
        words = words[1:]
    return found, context, words


@pytest.mark.parametrize(("block", "line"), shown(), ids=lambda value: str(value)[:60])
def test_every_command_shown_is_understood(block, line):
    words = shlex.split(re.sub(r"\s[|>].*", "", line), comments=True)[1:]
    found, parent, arguments = command(words)
    if "--help" not in arguments:
        found.make_context(found.name, arguments, parent=parent)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_named_in_prose_exists_with_its_options(page):
    for span in _CODE.findall(prose(page)):
        if re.match(r"greengate [a-z]", span):
            found, _, arguments = command(span.split()[1:])
            known = {option for parameter in found.params for option in parameter.opts} | {"--help"}
            assert {word for word in arguments if word.startswith("-")} <= known, span


@pytest.mark.parametrize(
    "block", [block for block in blocks("console") if block.text.partition("\n")[0].endswith("--help")], ids=str
)
def test_every_help_shown_is_the_real_one(block, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    line, _, told = block.text.partition("\n")
    assert line.startswith("$ greengate ")
    assert cli.run(shlex.split(line)[2:]) == 0
    assert told == capsys.readouterr().out


# Tables

POLICY, PROJECT, REPORTS, QUARTER = "docs/policy.md", "docs/project.md", "docs/reports.md", "docs/quarterly.md"
QUARTERLY = "docs/quarterly-formats.md"
RECORDS = "docs/records.md"
KINDS = {shape.model_fields["kind"].annotation for shape in records.Recorded.__subclasses__()}
KEYS = [
    (POLICY, "Policy", documents.Policy),
    (POLICY, "metadata", documents.Metadata),
    (POLICY, "extends", documents.Parent),
    (POLICY, "match", documents.Match),
    (POLICY, "measurement", documents.Measurement),
    (POLICY, "runner", documents.ReferenceRunner),
    (POLICY, "rules", documents.Rule),
    (POLICY, "budgets", documents.Budget),
    (POLICY, "drift", documents.Drift),
    (POLICY, "unless", documents.Unless),
    (POLICY, "gain", documents.Gain),
    (POLICY, "waivers", documents.Waiver),
    (POLICY, "PolicyTest", documents.PolicyTest),
    (POLICY, "case", documents.Case),
    (POLICY, "enforcement", documents.Override),
    (PROJECT, "Project", project_file.Project),
    (PROJECT, "model", project_file.Model),
    (PROJECT, "build", project_file.Build),
    (PROJECT, "inputs", project_file.Inputs),
    (PROJECT, "quality", project_file.Quality),
    (PROJECT, "training", project_file.Training),
    (PROJECT, "deployment", project_file.Deployment),
    (PROJECT, "runner", project_file.Runner),
    (PROJECT, "legs", project_file.Leg),
    (PROJECT, "limits", project_file.Limits),
    (PROJECT, "cpu", project_file.Cpu),
    (PROJECT, "meters", project_file.Meter),
    (PROJECT, "profile", project_file.Profile),
    (RECORDS, "measurement", records.Measurement),
    (RECORDS, "side", records.Side),
    (RECORDS, "read", records.Read),
    (RECORDS, "conversion", records.Converted),
    (RECORDS, "year", records.Year),
    (RECORDS, "amount", records.Amount),
    (RECORDS, "decision", records.Decided),
    (RECORDS, "short", records.Short),
    (RECORDS, "policy", records.PolicyVersion),
    (RECORDS, "waiver", records.WaiverGranted),
    (RECORDS, "override", records.Override),
    (RECORDS, "budget", records.BudgetEvent),
    (RECORDS, "calibration", records.Calibrated),
    (RECORDS, "settlement", records.Settlement),
    (RECORDS, "retirement", records.Retirement),
    (RECORDS, "activity", records.Activity),
    (RECORDS, "forgotten", records.Forgotten),
    (QUARTER, "close", records.Closed),
    (QUARTER, "restatement", records.Restated),
    (QUARTER, "sign-off", records.SignedOff),
    (QUARTER, "Report", report_file.Report),
    (QUARTER, "calendar", report_file.Calendar),
    (QUARTER, "models", report_file.KnownModel),
    (QUARTER, "exclusions", report_file.Excluded),
    (QUARTER, "assurer", report_file.Assurer),
    (QUARTER, "look", report_file.Look),
]


@pytest.mark.parametrize(("page", "heading", "shape"), KEYS, ids=lambda value: getattr(value, "__name__", value))
def test_every_key_is_in_its_table_and_none_more(page, heading, shape):
    keys = {field.alias or name for name, field in shape.model_fields.items() if field.annotation not in KINDS}
    assert sorted(names(row[0] for row in rows(page, heading, "key"))) == sorted(keys)


@pytest.mark.parametrize(("page", "heading", "shape"), KEYS, ids=lambda value: getattr(value, "__name__", value))
def test_every_required_key_is_called_so(page, heading, shape):
    told = {names(row[:1])[0] for row in rows(page, heading, "key") if row[2].startswith("required")}
    required = {field.alias or name for name, field in shape.model_fields.items() if field.is_required()}
    assert required <= told


def test_every_default_is_the_one_that_the_shapes_tell():
    for page, heading, shape in KEYS:
        table = {names(row[:1])[0]: row[2].replace("`", "") for row in rows(page, heading, "key")}
        for name, field in shape.model_fields.items():
            told = re.search(r"Default: ([^,]*?)\.$", field.description or "")
            if told and re.match(r"[\d.]+( |$|%)", told[1]):
                assert table[field.alias or name].endswith(told[1]), f"{heading}.{name}"


def test_every_metric_is_in_the_table_as_it_is():
    told = [tuple(row) for row in rows(POLICY, "metrics")]
    real = [(f"`{m.name}`", m.kind.__name__, m.better, m.boundary, m.formula) for m in METRICS.values()]
    assert [row for row in told if row[0] != "`quality.NAME`"] == real


def test_every_unit_is_in_the_table_and_none_more():
    told = {row[0]: (names(row[1:2]), names(row[2:])) for row in rows(POLICY, "units")}
    assert told == {name: ([unit for unit in kind.units if unit], [kind.example]) for name, kind in DIMENSIONS.items()}


def test_the_base_unit_stands_first():
    assert [kind.__name__ for kind in DIMENSIONS.values() if next(iter(kind.units.values())) not in {1.0, 0.01}] == []


def test_every_outcome_is_in_order_of_gravity_with_its_exit_code():
    told = [(names(row[:1])[0], int(row[2])) for row in rows(POLICY, "verdicts", "outcome")]
    assert told == [(str(outcome), EXIT_CODES[outcome]) for outcome in Outcome]


def test_every_known_quality_figure_is_in_the_table_as_it_is():
    told = {names(row[:1])[0]: (row[1], row[2]) for row in rows(PROJECT, "quality", "figure")}
    assert told == {name: (scale.unit, scale.better) for name, scale in KNOWN_SCALES.items()}
    assert set(KNOWN_SCALES) <= set(names([section(POLICY, "metrics")]))


def test_every_report_format_is_in_the_table():
    assert names(row[0] for row in rows(REPORTS, "Reports and the history")) == list(registry.REPORTS)


def test_every_part_of_the_json_report_is_in_its_table():
    whole = document.document(Account((), "2026-01-01T00:00:00Z", "1"))
    assert names(row[0] for row in rows(REPORTS, "JSON", "at the top")) == list(whole)
    assert "schema" in whole
    assert whole["schema"] in text(REPORTS)


def test_every_part_of_a_model_and_of_a_finding_is_in_its_table():
    model = document.document(sample(failed()))["models"][0]
    assert names(row[0] for row in rows(REPORTS, "JSON", "in `models[]`")) == list(model)
    assert names(row[0] for row in rows(REPORTS, "JSON", "in `findings[]`")) == list(model["findings"][0])


def test_every_part_of_a_remedy_and_of_a_budget_is_in_its_table():
    whole = document.document(sample(failed()))
    remedy = whole["models"][0]["findings"][1]["remedy"]
    assert names(row[0] for row in rows(REPORTS, "JSON", "in `remedy`")) == list(remedy)
    assert names(row[0] for row in rows(REPORTS, "JSON", "in `budgets[]`")) == list(whole["budgets"][0])


def test_every_format_and_key_of_the_quarterly_report_is_in_its_table():
    formats = rows(QUARTERLY, "Formats of the quarterly report", "format")
    assert names(row[0] for row in formats) == list(registry.QUARTERLY)
    assert names(row[0] for row in rows(QUARTERLY, "JSON")) == list(Quarterly.model_fields)


def test_every_kind_of_row_of_the_csv_is_in_its_table():
    told = {name for row in rows(QUARTERLY, "CSV") for name in names(row[:1])}
    kinds = {line.split(b",")[0].decode() for line in csv_file.render(quarterly_made.quarterly()).split(b"\r\n")[1:-1]}
    assert told == {kind for kind in kinds if kind.isalpha()}


def test_every_name_that_a_template_has_more_is_in_the_table():
    whole = document.document(sample(failed()))
    told = next(excerpt.excerpts(whole))
    more = [
        *sorted(set(told) - set(whole)),
        *(f"model.{key}" for key in set(told["models"][0]) - set(whole["models"][0])),
    ]
    assert sorted(names(row[0] for row in rows(REPORTS, "Markdown ledger"))) == sorted([*more, "signs"])
    assert f"{markdown.MOST:,} characters" in text(REPORTS)


def test_every_metric_decided_by_pairs_is_named():
    paired = {name for name, metric in METRICS.items() if metric.paired}
    (told,) = [row[0] for row in rows("docs/measurement.md", "How it is decided") if "as a share" in row[0]]
    assert set(names([told])) == paired


def test_every_variable_that_a_build_gets_is_named(monkeypatch):
    told = set(names([section("docs/security.md", "Builds")])) - {"build", "LC_*"}
    monkeypatch.setattr("os.environ", dict.fromkeys([*told, "GITHUB_TOKEN", "LC_ALL", "AWS_SECRET_ACCESS_KEY"], "x"))
    assert set(harmless_environment()) == {*told, "LC_ALL"}


def test_every_shipped_pack_is_named():
    assert set(shipped.pack_names()) <= set(names([section(POLICY, "extends")]))


def test_the_layers_are_those_that_are_checked():
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert layers in [block.text.splitlines() for block in blocks("text", ("docs/architecture.md",))]


def test_every_file_that_the_architecture_names_is_there():
    for span in _CODE.findall(prose("docs/architecture.md")):
        if re.fullmatch(r"(greengate|tests|policies|reports)/[a-z_/]+(\.\w+)?", span):
            assert (ROOT / span).exists(), span


# Links


def anchors(page):
    """The anchors of a page's headings, as forges make them."""
    outside = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", found[2].lower()).replace(" ", "-") for found in _HEADING.finditer(outside)}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(page):
    for target in _LINK.findall(prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_reached_from_the_index():
    linked = {target.partition("#")[0] for target in _LINK.findall(prose("docs/index.md"))}
    assert {Path(page).name for page in PAGES if page in DOCS} - {"index.md"} <= linked
