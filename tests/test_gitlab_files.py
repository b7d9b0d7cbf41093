"""The component, the matrix and the plain include for GitLab; `tests/gitlab_pipelines.py` really runs them."""

import re
import subprocess
from pathlib import Path

import gitlab_files
import pytest
import yaml
from gitlab_files import INCLUDE, TEMPLATES, header, jobs, script

COMPONENT, MATRIX = (
    TEMPLATES[[path.stem for path in TEMPLATES].index(name)] for name in ("greengate", "greengate-matrix")
)
JOBS = [(path, name, job) for path in (*TEMPLATES, INCLUDE) for name, job in jobs(path).items()]
EACH = pytest.mark.parametrize(("path", "name", "job"), JOBS, ids=[f"{path.name} {name}" for path, name, _ in JOBS])
DOCS = Path(__file__).resolve().parent.parent / "docs" / "gitlab.md"


def defaults(path):
    return {name: str(told.get("default", "")).replace("True", "true").replace("False", "false")
            for name, told in header(path).items()}  # fmt: skip


def table(heading):
    """The cells of the table under a heading of the page."""
    (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {cells[0].strip("`"): cells[1:] for cells in rows[2:]}


def test_the_include_does_what_the_component_does():
    (component,), (include,) = jobs(COMPONENT).values(), jobs(INCLUDE).values()
    assert script(component) == script(include)
    own = ("rules", "variables")
    assert {key: told for key, told in component.items() if key not in own} == {
        key: told for key, told in include.items() if key not in own
    }


def test_the_variables_of_the_include_are_the_inputs_of_the_component():
    named = {f"GREENGATE_{name.upper()}": default for name, default in defaults(COMPONENT).items()}
    for name in ("GREENGATE_STAGE", "GREENGATE_IMAGE", "GREENGATE_EXPIRE_IN"):
        del named[name]
    assert yaml.safe_load(INCLUDE.read_text())["variables"] == named


@EACH
def test_no_input_is_pasted_into_a_script(path, name, job):
    assert "inputs." not in str(
        yaml.safe_load(path.read_text().partition("\n---\n")[2] or path.read_text())[name]["script"]
    )


@EACH
def test_a_script_is_one_that_every_shell_reads(path, name, job):
    done = subprocess.run(["sh", "-n"], input=script(job), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@EACH
def test_every_variable_in_a_script_stands_in_quotes(path, name, job):
    bare = re.compile(r"""(?<![\w"'=/{}:*+])\$\{?[A-Za-z_]\w*""")
    told = [line for line in script(job).splitlines() if not line.lstrip().startswith(("#", "case", "login="))]
    assert [line for line in told if bare.search(re.sub(r'"[^"]*"', '""', line))] == []


@EACH
def test_reports_are_kept_however_the_job_ends_and_all_of_the_history_is_fetched(path, name, job):
    assert (job["artifacts"]["when"], job["variables"]["GIT_DEPTH"]) == ("always", "0")


def test_only_the_verdict_that_counts_is_told_in_the_merge_request():
    leg, joined = jobs(MATRIX).values()
    assert "reports" not in leg["artifacts"]
    assert sorted(joined["artifacts"]["reports"]) == ["codequality", "dotenv", "junit"]
    assert {rule["when"] for rule in joined["rules"]} == {"always"}


def test_text_in_an_input_stays_text_whatever_quotes_are_in_it():
    (job,) = jobs(COMPONENT, project="""o'neil: "x" # y""").values()
    assert job["variables"]["GREENGATE_PROJECT"] == """o'neil: "x" # y"""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_input_says_what_it_is_and_is_used(path):
    assert [name for name, told in header(path).items() if not told["description"].endswith(".")] == []
    used = set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", path.read_text()))
    assert used == set(header(path))


def test_every_input_is_in_the_table_with_its_default():
    told = {name: cells[0].strip("`").replace("empty", "") for name, cells in table("Inputs").items()}
    assert told == defaults(COMPONENT)


def test_the_matrix_has_one_input_more():
    assert set(header(MATRIX)) - set(header(COMPONENT)) == {"legs"}
    assert set(header(COMPONENT)) <= set(header(MATRIX))


def test_they_are_written_out_for_a_schema(tmp_path):
    gitlab_files.main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "greengate-matrix.header.yml", "greengate-matrix.yml", "greengate.header.yml", "greengate.yml",
    ]  # fmt: skip
