"""The reports that a job's own machinery reads: annotations, outputs, dotenv."""

import re
from dataclasses import replace
from pathlib import Path

import accounts
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greengate.report import annotations, codequality, dotenv, outputs, sarif
from greengate.verdict import Outcome

DOCS = (Path(__file__).parent.parent / "docs" / "reports.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"::(?P<level>\w+) (?P<properties>[^:\r\n]*)::(?P<data>[^\r\n]*)")


def read(line):
    """Read a workflow command as GitHub's runner does: its level, its properties and its message."""
    found = COMMAND.fullmatch(line)
    properties = dict(part.split("=", 1) for part in found["properties"].split(","))
    signs = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}

    def plain(text, known):
        return re.sub("|".join(known), lambda sign: signs[sign[0]], text)

    told = {name: plain(value, signs) for name, value in properties.items()}
    return found["level"], told, plain(found["data"], ("%0D", "%0A", "%25"))


def commands(*entries, **more):
    return [read(line) for line in annotations.render(replace(accounts.sample(*entries), **more)).splitlines()]


def many(outcome, count):
    found = [accounts.finding(f"rule-{number}", outcome, figure="2 J", limit="max 1 J") for number in range(count)]
    return accounts.entry(accounts.evidence("m", 1.0), *found)


def test_a_failure_is_an_error_at_the_line_of_its_policy():
    ((level, properties, text),) = commands(accounts.failed())
    assert (level, properties) == (
        "error",
        {
            "file": "policies/prod-digits.yaml",
            "line": "16",
            "col": "5",
            "title": "greengate: prod-digits/energy-regression failed",
        },
    )
    assert text.startswith("digits/wide failed: 15.2 J (+77.6%), +75.2% to +80.1% against max_increase 5%; 72.6 points")


@pytest.mark.parametrize(
    ("made", "level"),
    [
        (accounts.failed, "error"),
        (accounts.errored, "error"),
        (accounts.inconclusive, "error"),
        (accounts.warned, "warning"),
        (accounts.waived, "notice"),
    ],
)
def test_each_outcome_has_its_level(made, level):
    assert [found for found, _, _ in commands(made())] == [level]


def test_what_passed_says_nothing():
    assert annotations.render(accounts.sample(accounts.passed())) == ""


def test_the_gravest_come_first():
    told = [properties["title"].split()[-1] for _, properties, _ in commands()]
    assert told == ["failed", "errored", "inconclusive", "warned", "warned", "waived"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.WARNED, Outcome.WAIVED])
def test_there_are_no_more_than_a_step_shows_and_the_last_one_says_how_many(outcome):
    told = [text for _, _, text in commands(many(outcome, 13))]
    assert len(told) == 10
    assert [text.endswith("(and 3 more, which the ledger tells)") for text in told] == [False] * 9 + [True]


def test_ten_are_all_there_are():
    assert "more, which" not in annotations.render(accounts.sample(many(Outcome.FAILED, 10)))


@given(st.text(st.characters(codec=None) | st.sampled_from(":,%\n\r=[]#@"), min_size=1, max_size=30))
def test_no_text_ends_a_command_or_begins_another(text):
    told = annotations.render(accounts.sample(accounts.hostile(text, ""))).splitlines()
    assert [read(line)[0] for line in told] == ["warning"]
    assert "##[" not in told[0]


@pytest.mark.parametrize("render", [annotations.render, codequality.render, sarif.render])
def test_paths_are_told_from_the_root_of_the_repository(render):
    account = replace(accounts.sample(accounts.failed()), project="examples/digits/greengate.yaml")
    assert "examples/digits/policies/prod-digits.yaml" in render(account)


# ---- outputs and dotenv


def values(render, *entries):
    return dict(line.split("=", 1) for line in render(accounts.sample(*entries)).splitlines())


def test_the_outputs_of_one_model_are_those_that_the_documentation_shows():
    assert outputs.render(accounts.sample(accounts.failed())) in DOCS


def test_the_variables_of_one_model_have_no_spaces():
    assert values(dotenv.render, accounts.failed()) == {
        "GREENGATE_VERDICT": "failed",
        "GREENGATE_EXIT_CODE": "1",
        "GREENGATE_ENTRY": "222222222222",
        "GREENGATE_ENTRIES": "1",
        "GREENGATE_ENERGY_CHANGE": "+77.6%",
        "GREENGATE_CARBON_CHANGE": "+77.6%",
        "GREENGATE_YEAR": "+1.55kgCO2e,+1.11EUR",
    }


def test_the_change_of_several_models_is_that_of_what_they_take_a_year():
    told = values(outputs.render, accounts.passed(), accounts.failed())
    assert (told["energy_change"], told["carbon_change"]) == ("+12.7%", "+12.7%")


@pytest.mark.parametrize("entry", [accounts.errored(), accounts.voided(), accounts.alone()], ids=lambda one: one.id[:1])
def test_a_change_that_is_not_known_of_all_models_is_empty(entry):
    assert values(outputs.render, accounts.failed(), entry)["energy_change"] == ""
    assert values(outputs.render, entry)["energy_change"] == ""


def test_the_variables_fit_into_a_dotenv_report_of_any_project():
    told = dotenv.render(accounts.sample(*[accounts.errored()] * 5_000))
    assert len(told.encode()) < 5_120
    assert len(told.splitlines()) <= 20
    assert "GREENGATE_ENTRIES=5000\n" in told


@pytest.mark.parametrize("render", [outputs.render, dotenv.render])
def test_nothing_that_others_wrote_is_in_a_value(render):
    for name, value in values(render, accounts.hostile()).items():
        assert re.fullmatch(r"[A-Za-z_]+", name)
        assert re.fullmatch(r"[\w.,%+\- ]*", value, re.ASCII)


@pytest.mark.parametrize(("column", "render"), [(0, outputs.render), (1, dotenv.render)])
def test_every_name_is_in_the_documentation(column, render):
    table = DOCS[DOCS.index("| `outputs` | `dotenv` |") :].partition("\n\n")[0].splitlines()[2:]
    told = [name for row in table for name in re.findall(r"`(\w+)`", row.split("|")[column + 1])]
    assert told == [*values(render, accounts.failed())]
