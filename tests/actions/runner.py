"""A runner of GitHub's, as far as composite actions and jobs of steps need one.

Steps with `run` go through bash with the runner's own words; steps with `uses` go to a double of a pinned action, or to
an action of this repository, and to nothing else.
"""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import doubles
import spoken
import yaml
from expressions import ROOT, Scope

FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")
OURS = "OWNER/REPOSITORY"


@dataclass(frozen=True)
class Step:
    """One step that ran or was skipped: its environment as its program saw it, and how it ended."""

    name: str
    outcome: str
    environment: dict = field(default_factory=dict, repr=False)
    outputs: dict = field(default_factory=dict)


@dataclass
class Ended:
    """How a job or an action ended, and what it left."""

    result: str
    outputs: dict
    code: int


class Runner:
    """One machine with one job on it."""

    def __init__(self, root, event, expressions, tools, store, **environment):
        self.event, self.expressions, self.store = event, expressions, store
        self.workspace, self.temp = root / "work" / "repo", root / "temp"
        self.environment = {
            "PATH": f"{tools}:/usr/bin:/bin", "HOME": str(root / "home"), "LANG": "C.UTF-8", "CI": "true",
            "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(self.workspace), "RUNNER_TEMP": str(self.temp),
            "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "GITHUB_RUN_ID": "17234567890", "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": "https://api.github.com",
            **event.environment, **environment,
        }  # fmt: skip
        for folder in (self.workspace, self.temp, root / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        (root / "event.json").write_text(event.text)
        self.environment["GITHUB_EVENT_PATH"] = str(root / "event.json")
        self.log, self.summary, self.steps, self.scripts = "", "", [], root
        self.code = 0

    def checked_out(self, **given):
        """Let actions/checkout lay the event's commit into the workspace, with its history unless told otherwise."""
        given = {name.replace("_", "-"): text for name, text in ({"fetch_depth": "0"} | given).items()}
        doubles.used("actions/checkout", doubles.PINS["actions/checkout"], given, self)
        return self

    def asked(self, program="greengate"):
        """What greengate or pip was asked for, in order: the first words of each, and all of them by that."""
        file = self.scripts / "trace.jsonl"
        told = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [one for one in told if program in one]

    def words(self, command):
        """The words that one command of greengate was given."""
        (told,) = [one["greengate"] for one in self.asked() if one["greengate"][0] == command]
        return told

    @property
    def commands(self):
        return spoken.commands(self.log)

    @property
    def annotations(self):
        """The level and the words of what the run's page shows."""
        return [(one.name, one.data) for one in self.commands if one.name in ("error", "warning", "notice")]

    def action(self, folder, secrets=(), **inputs):
        """Run a composite action as a step of a job would."""
        contexts = {"github": self._github(), "runner": self._runner(), "secrets": dict(secrets)}
        return self._composite(folder, {name.replace("_", "-"): text for name, text in inputs.items()}, contexts, {})

    def job(self, workflow, name, *, secrets=(), matrix=None, needs=None):
        """Run a job of a workflow's file; its permissions are the fake forge's business."""
        job = job_of(workflow, name)
        contexts = {
            "github": self._github(), "runner": self._runner(), "secrets": dict(secrets), "matrix": matrix or {},
            "needs": needs or {}, "env": {}, "vars": {}, "job": {}, "strategy": {},
        }  # fmt: skip
        if not self.expressions.condition(job.get("if", ""), Scope(contexts, self._needed(needs or {}))):
            return Ended("skipped", {}, 0)
        whole = yaml.safe_load(Path(workflow).read_text())
        environment = self._expanded(whole.get("env"), contexts) | self._expanded(job.get("env"), contexts)
        return self._steps(job["steps"], contexts, environment, "")[0]

    def _needed(self, needs):
        return "failure" if any(one["result"] != "success" for one in needs.values()) else "success"

    def _composite(self, folder, given, contexts, environment):
        action = yaml.safe_load((folder / "action.yml").read_text())
        assert action["runs"]["using"] == "composite"
        assert set(given) <= set(action["inputs"]), f"unknown inputs: {set(given) - set(action['inputs'])}"
        missing = {name for name, told in action["inputs"].items() if told.get("required")} - set(given)
        assert not missing, f"missing inputs: {missing}"
        outside = {name: contexts[name] for name in ("github", "runner")}
        defaults = self._expanded({name: told.get("default") for name, told in action["inputs"].items()}, outside)
        # An input that is given as nothing is nothing: the default is for those that are not given.
        inside = {**outside, "inputs": defaults | given, "matrix": contexts.get("matrix", {}), "job": {}}
        ended, steps = self._steps(action["runs"]["steps"], inside, environment, str(folder))
        scope = Scope({**inside, "steps": steps, "env": environment})
        told = action.get("outputs", {})
        ended.outputs = {name: self.expressions.expand(one["value"], scope) for name, one in told.items()}
        return ended

    def _steps(self, steps, contexts, environment, action):
        status, known, code = "success", {}, 0
        for step in steps:
            seen = {**contexts, "steps": known, "env": self.environment | environment}
            scope, told = Scope(seen, status, str(self.workspace)), Step(_name(step), "skipped")
            if self.expressions.condition(step.get("if", ""), scope):
                told = self._step(step, scope, environment, action)
            softly = self.expressions.expand(step.get("continue-on-error", False), scope) == "true"
            failed = told.outcome == "failure" and not softly
            if failed:
                status, code = "failure", self.code or 1
            self.steps.append(told)
            if "id" in step:
                conclusion = "success" if told.outcome == "failure" and softly else told.outcome
                known[step["id"]] = {"outputs": told.outputs, "outcome": told.outcome, "conclusion": conclusion}
        return Ended(status, {}, code), known

    def _step(self, step, scope, environment, action):
        own = environment | self._expanded(step.get("env"), scope.contexts)
        if "uses" in step:
            return self._used(step, scope, own)
        assert not action or "shell" in step, "a step of a composite action names its shell"
        return self._ran(step, scope, own, action)

    def _used(self, step, scope, environment):
        given = self._expanded(step.get("with"), scope.contexts)
        name, _, pin = step["uses"].partition("@")
        if name == OURS or name.startswith(f"{OURS}/"):
            folder = ROOT / name.removeprefix(OURS).lstrip("/")
            ended = self._composite(folder, given, scope.contexts, environment)
            return Step(_name(step), ended.result, environment, ended.outputs)
        self.code = 1
        outcome, outputs, said = doubles.used(name, pin, given, self)
        self.log += said
        return Step(_name(step), outcome, environment, outputs)

    def _ran(self, step, scope, environment, action):
        script = self.scripts / "script.sh"
        script.write_text(self.expressions.expand(step["run"], scope))
        files = {name: self.scripts / f"file-{name.lower()}" for name in FILES}
        for file in files.values():
            file.write_text("")
        seen = self.environment | environment | {name: str(file) for name, file in files.items()}
        seen |= {"GITHUB_ACTION_PATH": action} if action else {}
        where = self.workspace / self.expressions.expand(step.get("working-directory", ""), scope)
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        done = subprocess.run(
            command, cwd=where, env=seen, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            check=False,
        )  # fmt: skip
        self.log += done.stdout.decode("utf-8", "replace")
        self.code = done.returncode
        outputs = self._read(files)
        return Step(_name(step), "failure" if done.returncode else "success", seen, outputs)

    def _read(self, files):
        """Do what a step wrote into its files, and return its outputs."""
        told = files["GITHUB_STEP_SUMMARY"].read_bytes()
        # As on the real one, a summary that is too large is an error and is not shown.
        self.summary += told.decode() if len(told) <= 1024 * 1024 else ""
        self.environment |= spoken.assignments(files["GITHUB_ENV"].read_text())
        added = [line for line in files["GITHUB_PATH"].read_text().splitlines() if line]
        self.environment["PATH"] = ":".join([*reversed(added), self.environment["PATH"]])
        return spoken.assignments(files["GITHUB_OUTPUT"].read_text())

    def _expanded(self, table, contexts):
        scope = Scope(contexts, workspace=str(self.workspace))
        return {name: self.expressions.expand(text, scope) for name, text in (table or {}).items()}

    def _github(self):
        names = ("event_name", "repository", "ref", "sha", "base_ref", "head_ref", "actor", "ref_name", "run_id")
        plain = {name: self.environment.get(f"GITHUB_{name.upper()}", "") for name in names}
        return plain | {"event": self.event.payload, "token": self.event.token, "workspace": str(self.workspace)}

    def _runner(self):
        return {"os": "Linux", "arch": "X64", "temp": str(self.temp)}


def job_of(workflow, name):
    """A job of a workflow's file."""
    return yaml.safe_load(Path(workflow).read_text())["jobs"][name]


def _name(step):
    return step.get("name") or step.get("id") or step.get("uses") or step["run"]
