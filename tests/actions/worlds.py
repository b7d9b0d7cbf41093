"""Repositories as a forge has them, and the events that GitHub starts a workflow with."""

import copy
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from github_made import WORKFLOW
from projects_made import POLICY, PROJECT, layers, project
from repositories_made import run_git

EVENTS = Path(__file__).parent / "events"
REPOSITORY, NUMBER = "acme/app", 12
TOKEN = WORKFLOW
QUICK = POLICY.replace("20 s", "2 s").replace(
    "  - {id: energy, metric: energy_per_1k_inferences, max_increase: 15%, enforce: soft}\n", ""
)


@dataclass(frozen=True)
class Event:
    """What GitHub tells a job: the payload, the variables, the token, and the repository to check out."""

    payload: dict
    environment: dict
    origin: Path
    token: str = TOKEN
    text: str = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "text", json.dumps(self.payload))


class World:
    """A repository on a forge: its main branch has a project, and changes go to it by pull requests."""

    def __init__(self, folder, policy=QUICK, text=PROJECT, below=""):
        self.origin, self.clone, self.below = folder / "origin.git", folder / "clone", below
        run_git(folder, "init", "--quiet", "--bare", str(self.origin))
        run_git(self.origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        run_git(folder, "init", "--quiet", str(self.clone))
        (self.clone / below).mkdir(parents=True, exist_ok=True)
        project(self.clone / below, policy=policy, text=text)
        (self.clone / "README.md").write_text("A shop.\n")
        self.main = self._commit("Begin")
        self._push("main", self.main)

    def file(self, name):
        return self.clone / self.below / name

    def change(self, branch="wider", widths=(256,), **files):
        """Commit a change on a branch of its own; the commit."""
        run_git(self.clone, "checkout", "--quiet", "-B", "work", self.main)
        layers(self.file("candidate.onnx"), *widths)
        for name, text in files.items():
            self.file(name.replace("_", ".")).write_text(text)
        head = self._commit("Change the model")
        self._push(branch, head)
        return head

    def again(self, branch, head, widths):
        """Push one more commit onto a branch; the commit."""
        run_git(self.clone, "checkout", "--quiet", "--detach", head)
        layers(self.file("candidate.onnx"), *widths)
        head = self._commit("Change it again")
        self._push(branch, head)
        return head

    def merged(self, head):
        """Make the merge commit of main and a change as GitHub does, and keep it where GitHub does."""
        run_git(self.clone, "checkout", "--quiet", "--detach", self.main)
        run_git(self.clone, "merge", "--quiet", "--no-ff", "-m", f"Merge {head} into {self.main}", head)
        merge = run_git(self.clone, "rev-parse", "HEAD")
        run_git(self.clone, "push", "--quiet", "--force", str(self.origin), f"{merge}:refs/pull/{NUMBER}/merge")
        run_git(self.clone, "push", "--quiet", "--force", str(self.origin), f"{head}:refs/pull/{NUMBER}/head")
        return merge

    def opened(self, head, *, branch="wider", title="Make it wider", source=REPOSITORY, name="pull_request"):
        """The event of a pull request, which is checked out as its merge commit."""
        merge, payload = self.merged(head), _payload("pull_request")
        pull = payload["pull_request"]
        payload["number"] = pull["number"] = NUMBER
        pull["title"] = title
        pull["head"] |= {"ref": branch, "sha": head, "repo": source and _repository(pull["head"]["repo"], source)}
        pull["base"] |= {"ref": "main", "sha": self.main, "repo": payload["repository"]}
        refs = {"GITHUB_REF": f"refs/pull/{NUMBER}/merge", "GITHUB_HEAD_REF": branch}
        refs["GITHUB_BASE_REF"] = "" if name == "pull_request_review" else "main"
        return self._event(name, payload, GITHUB_SHA=merge, **refs)

    def queued(self, head):
        """The event of a merge queue that has put the change onto main."""
        merge, payload = self.merged(head), _payload("merge_group")
        ref = f"refs/heads/gh-readonly-queue/main/pr-{NUMBER}-{self.main}"
        run_git(self.clone, "push", "--quiet", "--force", str(self.origin), f"{merge}:{ref}")
        payload["merge_group"] |= {"head_sha": merge, "head_ref": ref, "base_sha": self.main}
        return self._event("merge_group", payload, GITHUB_SHA=merge, GITHUB_REF=ref, GITHUB_BASE_REF="")

    def completed(self, run, head, source):
        """The event of another workflow's run that has ended; it starts a workflow of the default branch."""
        payload = _payload("workflow_run")
        ran = payload["workflow_run"]
        ran |= {"id": run, "event": "pull_request", "conclusion": "failure", "head_sha": head, "name": "greengate"}
        ran["head_repository"] = _repository(ran["repository"] | {"owner": ran["repository"]["owner"]}, source)
        refs = {"GITHUB_REF": "refs/heads/main", "GITHUB_BASE_REF": ""}
        return self._event("workflow_run", payload, GITHUB_SHA=self.main, **refs)

    def read(self, commit, name):
        """The bytes of a file of a commit."""
        words = ["git", "show", f"{commit}:{name}"]
        return subprocess.run(words, cwd=self.clone, check=True, capture_output=True).stdout

    def pushed(self, name="push", branch="main", commit=""):
        """The event of a push, or of a schedule or a dispatch, which have a payload like it."""
        payload = _payload("push") if name == "push" else {"repository": _payload("push")["repository"]}
        ref = f"refs/heads/{branch}"
        return self._event(name, payload, GITHUB_SHA=commit or self.main, GITHUB_REF=ref, GITHUB_BASE_REF="")

    def _event(self, name, payload, **environment):
        payload["repository"] = _repository(payload["repository"], REPOSITORY) | {"default_branch": "main"}
        told = {"GITHUB_EVENT_NAME": name, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_ACTOR": "olga"}
        return Event(payload, told | environment, self.origin)

    def _commit(self, words):
        run_git(self.clone, "add", "--all")
        run_git(self.clone, "commit", "--quiet", "--allow-empty", "-m", words)
        return run_git(self.clone, "rev-parse", "HEAD")

    def _push(self, branch, commit):
        run_git(self.clone, "push", "--quiet", "--force", str(self.origin), f"{commit}:refs/heads/{branch}")


def _payload(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def _repository(example, name):
    owner, _, short = name.partition("/")
    return (
        copy.deepcopy(example)
        | {"full_name": name, "name": short, "private": False}
        | {"owner": copy.deepcopy(example["owner"]) | {"login": owner}}
    )
