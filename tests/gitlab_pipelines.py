"""The GitLab job, really run: by gitlab-ci-local, in real repositories, on real models. `make gitlab-job` runs this.

The name keeps it out of the usual run of the tests, since it takes Node and rsync.
"""

import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from projects_made import layers
from repositories_made import run_git

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
# No budget of time says how much energy an unknown figure of quality is worth.
UNKNOWN = POLICY + '  - {id: accuracy, metric: quality.accuracy, max_drop: "1 pp", enforce: hard}\n'
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
LOCAL = {
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
        return [json.loads(line) for line in (self.reports / "entries.jsonl").read_text().splitlines()]


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
            env={"PATH": path, "HOME": str(self.home), "GIT_CONFIG_COUNT": "1",
                 "GIT_CONFIG_KEY_0": "protocol.file.allow",
                 "GIT_CONFIG_VALUE_0": "always"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
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


@pytest.mark.parametrize("way", LOCAL)
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
