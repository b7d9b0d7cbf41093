"""The GitLab job, really run: by gitlab-ci-local, in real repositories, on real models. `make gitlab-job` runs this.

The name keeps it out of the usual run of the tests, since it takes Node and rsync.
"""

import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from gitlab_made import PAUL, TOKEN, gitlab
from projects_made import layers
from repositories_made import run_git
from signed_made import ORIGIN, private

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / ".node" / "gitlab" / "node_modules" / ".bin" / "gitlab-ci-local"
FILES = ROOT / "actions" / "gitlab"
PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [policy.yaml]
models:
  - {name: m, path: model.onnx, baseline: "git:origin/main", batch: 8}
"""
POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: p, owners: ["@green"]}
measurement: {budget: 3 s}
rules:
  - {id: flops, metric: flops_per_inference, max_increase: 5%, enforce: hard}
"""
UNKNOWN = POLICY + "  - {id: grid, metric: grid_intensity, max: 300 gCO2e/kWh, enforce: hard}\n"
WEAKER = POLICY.replace("max_increase: 5%", "max_increase: 900%")
GREENGATE = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from greengate.cli import main
main()
"""
AFTER = """
after:
  stage: .post
  needs: [greengate]
  when: always
  script:
    - echo "the verdict was $GREENGATE_VERDICT with $GREENGATE_EXIT_CODE"
"""
MATRIX = "include: [{local: greengate.yml, inputs: {requirement: '', legs: [cpu, gpu]}}]\n"
LOCAL = {
    "matrix": ("templates/greengate-matrix.yml", MATRIX),
    "component": ("templates/greengate.yml", "include: [{local: greengate.yml, inputs: {requirement: '', MORE}}]\n"),
    "include": ("greengate.yml", "include: [{local: greengate.yml}]\nvariables: {GREENGATE_REQUIREMENT: '', MORE}\n"),
}


@dataclass
class Ran:
    """What a pipeline said and left."""

    said: str
    folder: Path
    reports: Path = field(init=False)

    def __post_init__(self):
        self.reports = self.folder / "greengate-reports"

    def code(self, job="greengate"):
        """The exit code of a job, as gitlab-ci-local tells it."""
        (found,) = re.findall(
            rf"^{re.escape(job)} +finished in \S+ \S+(?: +(?:FAIL|WARN) +(\d+))? *$", self.said, re.MULTILINE
        )
        return int(found or 0)

    def lines(self, job="greengate"):
        return re.findall(rf"^{re.escape(job)} +> (.*)$", self.said, re.MULTILINE)

    def entries(self):
        lines = [json.loads(line) for line in (self.reports / "entries.jsonl").read_text().splitlines()]
        return [line for line in lines if ":decision:" in line["statement"]["predicateType"]]


@dataclass
class Place:
    """A project on GitLab, the clone in which its job runs, and what GitLab says of the job."""

    origin: Path
    clone: Path
    home: Path
    variables: dict

    def push(self, **files):
        """Write files of the change, commit them, and let GitLab know the commit."""
        for name, text in files.items():
            path = self.clone / name.replace("_ONNX", ".onnx").replace("_YAML", ".yaml")
            path.write_bytes(text.read_bytes()) if isinstance(text, Path) else path.write_text(text)
        run_git(self.clone, "add", "--all")
        run_git(self.clone, "commit", "--quiet", "--allow-empty", "--message", "change")
        self.variables["CI_COMMIT_SHA"] = run_git(self.clone, "rev-parse", "HEAD")

    def run(self, *jobs, **more):
        words = [word for name, value in (self.variables | more).items() for word in ("--variable", f"{name}={value}")]
        flags = ["--force-shell-executor", "--shell-isolation", "--no-color", "--home", str(self.home)]
        path = f"{self.home / 'bin'}:{RUNNER.parent}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            [str(RUNNER), *flags, *words, *jobs],
            cwd=self.clone,
            env={"PATH": path, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.stdout + done.stderr, self.clone)


JOB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_PIPELINE_ID": "1234",
    "CI_JOB_ID": "56789",
    "CI_JOB_URL": "https://lab.example/acme/ml/digits/-/jobs/56789",
    "CI_JOB_TOKEN": "glcbt-Job+Token",
    "CI_PROJECT_ID": "7",
    "CI_PROJECT_PATH": "acme/ml/digits",
    "CI_MERGE_REQUEST_IID": "12",
    "CI_MERGE_REQUEST_PROJECT_ID": "7",
    "CI_MERGE_REQUEST_PROJECT_PATH": "acme/ml/digits",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
}


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return {name: layers(folder / f"{name}.onnx", width) for name, width in (("same", 128), ("wide", 512))}


def project(folder, models, way="component", policy=POLICY, more="", after=AFTER):
    """A project with a model on its main branch, and the clone of a merge request that changes nothing yet."""
    file, text = LOCAL[way]
    home, origin, clone = (folder / name for name in ("home", "origin.git", "clone"))
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "greengate").write_text(GREENGATE)
    (home / "bin" / "greengate").chmod(0o755)
    run_git(folder, "init", "--quiet", "--bare", str(origin))
    run_git(folder, "clone", "--quiet", str(origin), str(clone))
    for name, value in (("user.name", "A"), ("user.email", "a@example.org"), ("commit.gpgsign", "false")):
        run_git(clone, "config", name, value)
    run_git(clone, "checkout", "--quiet", "-b", "main")
    shutil.copy(models["same"], clone / "model.onnx")
    shutil.copy(FILES / file, clone / "greengate.yml")
    (clone / "greengate.yaml").write_text(PROJECT)
    (clone / "policy.yaml").write_text(policy)
    (clone / ".gitlab-ci.yml").write_text(text.replace(", MORE", f", {more}" if more else "") + after)
    (clone / ".gitignore").write_text(".gitlab-ci-local/\ngreengate-reports/\n")
    place = Place(origin, clone, home, dict(JOB))
    place.push()
    run_git(clone, "push", "--quiet", "origin", "main")
    run_git(clone, "checkout", "--quiet", "-b", "wider")
    return place


CASES = {
    "pass": ({}, POLICY, 0, "passed"),
    "fail": ({"model_ONNX": "wide"}, POLICY, 1, "failed"),
    "inconclusive": ({}, UNKNOWN, 3, "inconclusive"),
    "a policy that the change weakens": ({"model_ONNX": "wide", "policy_YAML": WEAKER}, POLICY, 1, "failed"),
}


@pytest.mark.parametrize("way", ["component", "include"])
@pytest.mark.parametrize(("files", "policy", "code", "verdict"), CASES.values(), ids=CASES)
def test_the_job_ends_as_the_gate_does_and_leaves_its_reports(tmp_path, models, way, files, policy, code, verdict):
    place = project(tmp_path, models, way, policy)
    place.push(**{name: models.get(file, file) for name, file in files.items()})
    ran = place.run()
    assert ran.code() == code, ran.said
    issues = json.loads((ran.reports / "codequality.json").read_text())
    assert {issue["location"]["path"] for issue in issues} == ({"policy.yaml"} if code else set())
    assert [case.tag for case in ET.parse(ran.reports / "junit.xml").iter() if case.tag in ("failure", "error")] == (
        {0: [], 1: ["failure"], 3: ["error"]}[code]
    )
    (entry,) = ran.entries()
    change = entry["statement"]["predicate"]["change"]
    assert change["id"] == "acme/ml/digits!12"
    assert (change["head"], change["run"]) == (place.variables["CI_COMMIT_SHA"], "1234.56789")
    assert "policies, waivers, trust and terms are those of origin/main" in (ran.reports / "ledger.md").read_text()
    assert f"the verdict was {verdict} with {code}" in ran.lines("after")


def test_the_verdict_is_told_once_over_two_pushes(tmp_path, models):
    place = project(tmp_path, models, more="status: true")
    with gitlab() as lab:
        place.variables |= {"GREENGATE_GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": f"{lab.address}/api/v4"}
        for number, name in enumerate(("wide", "same")):
            place.push(model_ONNX=models[name])
            lab.request["sha"] = place.variables["CI_COMMIT_SHA"]
            lab.commits.add(lab.request["sha"])
            ran = place.run(CI_JOB_ID=str(56790 + number))
            assert ran.code() == (1, 0)[number], ran.said
    (note,) = lab.own_notes()
    assert "passed" in note
    assert [(status["sha"], status["status"]) for status in lab.statuses] == [
        (run_git(place.clone, "rev-parse", "HEAD~1"), "failed"),
        (run_git(place.clone, "rev-parse", "HEAD"), "success"),
    ]
    assert TOKEN not in ran.said


SECRETS = {
    "GREENGATE_GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_REPOSITORY_URL", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD",
    "CI_DEPENDENCY_PROXY_PASSWORD", "GREENGATE_LEDGER_KEY", "GREENGATE_LEDGER_KEY_FILE", "GREENGATE_LEDGER_KEY_COMMAND",
}  # fmt: skip


def test_no_token_reaches_the_gate(tmp_path, models):
    place = project(tmp_path, models, after="")
    telling = f"#!{sys.executable}\nimport os, sys\nprint(sys.argv[1], *sorted(os.environ))\nsys.exit(3)\n"
    (place.home / "bin" / "greengate").write_text(telling)
    ran = place.run(**dict.fromkeys(SECRETS, "secret"))
    asked, gate = (line.split() for line in ran.lines() if line.startswith(("approvals ", "gate ")))
    assert (ran.code(), set(asked) & SECRETS, set(gate) & SECRETS) == (3, SECRETS, set())


def kept(folder):
    """The variables by which a job has a history that stays, and its key."""
    key = folder / "ledger.pem"
    key.write_bytes(private().pem())
    key.chmod(0o600)
    return {
        "GREENGATE_HISTORY": str(folder / "ledger.db"),
        "GREENGATE_LEDGER_KEY_FILE": str(key),
        "GREENGATE_LEDGER_ORIGIN": ORIGIN,
    }


@pytest.mark.parametrize("way", LOCAL)
def test_with_a_key_the_reports_have_a_receipt_of_each_decision(tmp_path, models, way):
    ran = project(tmp_path, models, way, after="").run(**kept(tmp_path))
    assert ran.code() == 0, ran.said
    told = json.loads((ran.reports / "report.json").read_text())
    files = {one.stem: one.read_text() for one in (ran.reports / "receipts").glob("*.tlog-proof")}
    assert files == {one["entry"][:12]: one["receipt"] for one in told["models"]}
    assert len(files) == (2 if way == "matrix" else 1)
    assert told["checkpoint"] == (ran.reports / "receipts" / "checkpoint").read_text()
    assert told["checkpoint"].strip() in (ran.reports / "ledger.md").read_text()


def test_without_a_key_no_report_has_a_receipt(tmp_path, models):
    ran = project(tmp_path, models, after="").run(GREENGATE_HISTORY=str(tmp_path / "ledger.db"))
    told = json.loads((ran.reports / "report.json").read_text())
    assert (ran.code(), told["checkpoint"], [one["receipt"] for one in told["models"]]) == (0, "", [""])
    assert not (ran.reports / "receipts").exists()


def test_a_ledger_that_cannot_be_signed_changes_no_verdict_and_no_report(tmp_path, models):
    place, variables = project(tmp_path, models, after=""), kept(tmp_path)
    assert place.run(**variables).code() == 0
    (tmp_path / "ledger.pem").write_bytes(private(2).pem())
    ran = place.run(**variables)
    assert ran.code() == 0, ran.said
    assert "warning: the verdict stands, and these decisions have no receipt" in ran.lines()
    assert json.loads((ran.reports / "report.json").read_text())["checkpoint"] == ""


def test_approvals_are_asked_for_before_and_counted(tmp_path, models):
    policy = POLICY.replace("enforce: hard", "enforce: soft").replace("@green", "@paul")
    policy += "enforcement: {soft: {override: {approvals: 1, from: owners}}}\n"
    place = project(tmp_path, models, policy=policy)
    place.push(model_ONNX=models["wide"])
    with gitlab() as lab:
        place.variables |= {"GREENGATE_GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": f"{lab.address}/api/v4"}
        lab.request["sha"] = lab.versions[12][1]["head_commit_sha"] = place.variables["CI_COMMIT_SHA"]
        lab.approve(PAUL, "2026-11-21T11:30:00.000Z")
        ran = place.run()
    assert "approved by paul, who stands for @paul" in ran.lines()
    assert ran.code() == 0, ran.said


DOWN = {"500": 500, "401": 401, "403": 403, "429": 429}


@pytest.mark.parametrize("status", DOWN.values(), ids=DOWN)
def test_a_gitlab_that_fails_changes_no_verdict(tmp_path, models, status):
    place = project(tmp_path, models)
    with gitlab() as lab:
        lab.fault(status, times=99, headers={"Retry-After": "600"})
        place.variables |= {"GREENGATE_GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": f"{lab.address}/api/v4"}
        ran = place.run()
    assert ran.code() == 0, ran.said
    assert "warning: the verdict stands, and was not told" in ran.lines()
    assert "warning: no approving review counts: they could not be asked for" in ran.lines()


def test_a_fork_is_judged_by_the_branch_of_the_project_that_it_goes_to_and_needs_no_token(tmp_path, models):
    place = project(tmp_path, models)
    fork = place.clone.parent / "fork.git"
    run_git(tmp_path, "clone", "--quiet", "--bare", str(place.origin), str(fork))
    run_git(place.clone, "remote", "set-url", "origin", str(fork))
    place.push(model_ONNX=models["wide"], policy_YAML=WEAKER)
    run_git(place.clone, "push", "--quiet", "origin", "HEAD:main")  # its own main, policy and baseline
    place.push()
    url = f"file://{place.origin}".removesuffix(".git")
    ran = place.run(CI_PROJECT_ID="8", CI_MERGE_REQUEST_SOURCE_PROJECT_ID="8", CI_MERGE_REQUEST_PROJECT_URL=url)
    assert ran.code() == 1, ran.said
    assert "+300.0%" in (ran.reports / "ledger.md").read_text()
    assert any("a job's own token may write no comment: the reports say it all" in line for line in ran.lines())
    assert ran.entries()[0]["statement"]["predicate"]["change"]["fork"] is True


EVIL = ["$(touch evil)", "`touch evil`", "';touch${IFS}evil;'", '";touch${IFS}evil;"', "--help", "-x", "a\ntouch evil"]


@pytest.mark.parametrize("evil", EVIL)
def test_a_title_or_a_label_is_a_word_and_never_a_command(tmp_path, models, evil):
    place = project(tmp_path, models, after="")
    names = ("TITLE", "LABELS", "DESCRIPTION", "SOURCE_BRANCH_NAME", "ASSIGNEES")
    ran = place.run(**{f"CI_MERGE_REQUEST_{name}": evil for name in names})
    assert ran.code() == 0, ran.said
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("branch", ["$(id>evil)", "`id>evil`", "';id>evil;'", '"&id>evil&"'])
def test_a_branch_is_named_whatever_it_is_called(tmp_path, models, branch):
    place = project(tmp_path, models, after="")
    run_git(place.clone, "push", "--quiet", "origin", f"main:refs/heads/{branch}")
    ran = place.run(CI_MERGE_REQUEST_TARGET_BRANCH_NAME=branch)
    assert ran.code() == 0, ran.said
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("name", ["project", "models"])
def test_an_input_is_a_word_and_never_a_command(tmp_path, models, name, evil):
    place = project(tmp_path, models, more=f"{name}: {json.dumps(evil)}", after="")
    ran = place.run()
    assert ran.code() == 2, ran.said
    assert not list(tmp_path.rglob("evil"))


def test_a_target_branch_that_is_gone_is_4_and_told(tmp_path, models):
    ran = project(tmp_path, models).run(CI_MERGE_REQUEST_TARGET_BRANCH_NAME="gone")
    assert ran.code() == 4, ran.said
    assert "error: the target branch could not be fetched" in ran.lines()


def test_a_wrong_policy_is_2_and_told(tmp_path, models):
    ran = project(tmp_path, models, policy="nonsense").run()
    assert ran.code() == 2, ran.said
    assert not (ran.reports / "entries.jsonl").exists()


def test_a_wrong_policy_takes_the_place_of_an_older_verdict(tmp_path, models):
    place = project(tmp_path, models)
    with gitlab() as lab:
        place.variables |= {"GREENGATE_GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": f"{lab.address}/api/v4"}
        assert place.run().code() == 0
        place.push(greengate_YAML="kind: Nonsense")
        ran = place.run(CI_JOB_ID="56790")
    assert ran.code() == 2, ran.said
    (note,) = lab.own_notes()
    assert "errored" in note
    assert "kind" in note


def test_merged_results_are_told_beside_the_authors_commit(tmp_path, models):
    place = project(tmp_path, models)
    place.push(model_ONNX=models["wide"])
    head = place.variables["CI_COMMIT_SHA"]
    run_git(place.clone, "checkout", "--quiet", "--detach", "main")
    run_git(place.clone, "merge", "--quiet", "--no-ff", "wider", "--message", "merged")
    merged = run_git(place.clone, "rev-parse", "HEAD")
    ran = place.run(CI_COMMIT_SHA=merged, CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=head,
                    CI_MERGE_REQUEST_EVENT_TYPE="merged_result")  # fmt: skip
    assert ran.code() == 1, ran.said
    assert ran.entries()[0]["statement"]["predicate"]["change"]["head"] == head


def test_on_the_default_branch_it_runs_where_that_is_wanted(tmp_path, models):
    push = {"CI_PIPELINE_SOURCE": "push", "CI_MERGE_REQUEST_IID": "", "CI_COMMIT_BRANCH": "main"}
    place = project(tmp_path, models, more="pipelines: default-branch-too", after="")
    run_git(place.clone, "checkout", "--quiet", "main")
    ran = place.run(**push)
    assert ran.code() == 0, ran.said
    assert ran.entries()[0]["statement"]["predicate"]["change"]["id"] == ""


def test_on_the_default_branch_it_does_not_run_otherwise(tmp_path, models):
    place = project(tmp_path, models, after="build: {script: [echo built]}\n")
    run_git(place.clone, "checkout", "--quiet", "main")
    ran = place.run(CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="main")
    assert re.findall(r"^(\w+) +starting shell", ran.said, re.MULTILINE) == ["build"]


# Several kinds of runners

LEGS = ("greengate leg: [cpu]", "greengate leg: [gpu]")


def findings(ran):
    return {suite.get("name"): suite.get("errors") for suite in ET.parse(ran.reports / "junit.xml").iter("testsuite")}


@pytest.mark.parametrize(("name", "code"), [("same", 0), ("wide", 1)])
def test_the_legs_of_a_matrix_are_joined_into_one_verdict(tmp_path, models, name, code):
    place = project(tmp_path, models, "matrix")
    place.push(model_ONNX=models[name])
    ran = place.run()
    assert [ran.code(leg) for leg in LEGS] == [code, code], ran.said
    assert ran.code() == code, ran.said
    assert findings(ran) == {"m on cpu": "0", "m on gpu": "0"}
    assert f"the verdict was {('passed', 'failed')[code]} with {code}" in ran.lines("after")


def test_a_matrix_is_told_in_one_note(tmp_path, models):
    place = project(tmp_path, models, "matrix")
    with gitlab() as lab:
        lab.request["sha"] = place.variables["CI_COMMIT_SHA"]
        place.variables |= {"GREENGATE_GITLAB_TOKEN": TOKEN, "CI_API_V4_URL": f"{lab.address}/api/v4"}
        assert place.run().code() == 0
    (note,) = lab.own_notes()
    assert "on cpu" in note
    assert "on gpu" in note


def test_a_leg_that_is_missing_is_no_pass(tmp_path, models):
    place = project(tmp_path, models, "matrix")
    (place.home / "bin" / "greengate").write_text(GREENGATE.replace("import sys\n", "import os, sys\n" + GONE, 1))
    ran = place.run()
    assert (ran.code(LEGS[0]), ran.code(LEGS[1])) == (0, 9), ran.said
    assert ran.code() == 4, ran.said
    assert findings(ran) == {"m on cpu": "0", "every model on gpu": "1"}


GONE = 'if os.environ.get("GREENGATE_LEG") == "gpu": sys.exit(9)\n'


def test_entries_that_the_change_brings_along_are_no_leg(tmp_path, models):
    place = project(tmp_path, models, "matrix")
    (place.clone / "greengate-reports" / "gpu").mkdir(parents=True)
    (place.clone / "greengate-reports" / "gpu" / "entries.jsonl").write_text("{}\n")
    run_git(place.clone, "add", "--force", "greengate-reports")
    place.push()
    ran = place.run()
    assert ran.code() == 2, ran.said
    assert "error: the change brings greengate-reports along, where the legs put theirs" in ran.lines()


@pytest.mark.parametrize("leg", ["..", "a/b", "a b", "$(touch evil)", "é"])
def test_a_leg_has_a_name_that_can_be_a_folder(tmp_path, models, leg):
    place = project(tmp_path, models, "matrix")
    text = MATRIX.replace("[cpu, gpu]", json.dumps([leg]))
    (place.clone / ".gitlab-ci.yml").write_text(text)
    ran = place.run()
    assert ran.code() != 0, ran.said
    assert "is no name of a leg: letters, digits, dots, - and _" in ran.said
    assert not list(tmp_path.rglob("evil"))


# What is installed


def wheel(folder, text):
    """A wheel `greengate-ci` whose one command says something, so that pip has something to install offline."""
    folder.mkdir()
    name = "greengate_ci-0.0.1.dist-info"
    record = {
        "gg.py": f"def main():\n    print({text!r})\n    raise SystemExit(3)\n",
        f"{name}/METADATA": "Metadata-Version: 2.1\nName: greengate-ci\nVersion: 0.0.1\n",
        f"{name}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}/entry_points.txt": "[console_scripts]\ngreengate = gg:main\n",
        f"{name}/RECORD": "",
    }
    with zipfile.ZipFile(folder / "greengate_ci-0.0.1-py3-none-any.whl", "w") as file:
        for path, body in record.items():
            file.writestr(path, body)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "GREENGATE_REQUIREMENT": "greengate-ci"}


def test_what_is_asked_for_is_installed_and_nothing_stays_behind(tmp_path, models):
    place = project(tmp_path, models)
    (tmp_path / "tmp").mkdir()
    ran = place.run(**wheel(tmp_path / "wheels", "installed"), TMPDIR=str(tmp_path / "tmp"))
    assert ran.code() == 3, ran.said
    assert "installed" in ran.lines()
    assert list((tmp_path / "tmp").glob("*/bin")) == []


@pytest.mark.parametrize("name", ["pip.py", "venv.py", "json.py", "sitecustomize.py"])
def test_nothing_that_the_change_brings_along_is_imported(tmp_path, models, name):
    place = project(tmp_path, models)
    place.push(**{name: f"open({str(tmp_path / 'evil')!r}, 'w')\n"})
    ran = place.run(**wheel(tmp_path / "wheels", "installed"))
    assert ran.code() == 3, ran.said
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("folder", [".cache", "elsewhere"])
def test_a_cache_that_the_change_brings_along_is_refused(tmp_path, models, folder):
    place = project(tmp_path, models)
    (place.clone / folder / "pip").mkdir(parents=True)
    (place.clone / folder / "pip" / "x").write_text("x")
    if folder != ".cache":
        (place.clone / ".cache").symlink_to(folder)
    place.push()
    ran = place.run(**wheel(tmp_path / "wheels", "installed"))
    assert ran.code() == 2, ran.said
    assert "error: the change brings .cache/pip along, which pip would believe" in ran.lines()


def test_what_cannot_be_installed_is_4_and_never_a_verdict(tmp_path, models):
    more = wheel(tmp_path / "wheels", "installed") | {"GREENGATE_REQUIREMENT": "greengate-ci==9"}
    ran = project(tmp_path, models).run(**more)
    assert ran.code() == 4, ran.said
    assert "error: greengate could not be installed" in ran.lines()


def test_an_image_without_greengate_is_4_and_told(tmp_path, models):
    place = project(tmp_path, models)
    (place.home / "bin" / "greengate").unlink()
    ran = place.run()
    assert ran.code() == 4, ran.said
    assert "error: the image has no greengate, and none was to be installed" in ran.lines()
