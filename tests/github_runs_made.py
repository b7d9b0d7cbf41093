"""What the small GitHub of the tests knows of runs of workflows, of what they left behind, and of files."""

import base64
import hashlib
import io
import zipfile
from contextlib import contextmanager

from forge_made import Reply, served
from github_made import HEAD, REPO, Hub, Refusal, route
from http_made import Answer, device

RUN = "1723"


class RunsHub(Hub):
    """The small GitHub, with one run of a pull request's gate, from a fork."""

    def __init__(self, storage):
        super().__init__()
        for who in self.who.values():
            who.permissions["actions"] = "read"
        self.storage = storage
        self.pulls[12]["fork"] = True
        self.workflow = {
            "event": "pull_request",
            "status": "completed",
            "source": "ada/app",
            "attempt": 2,
            "head": HEAD,
        }
        self.artifacts, self.files, self.edited, self.large = [], {}, [], set()
        self.moves, self.bases = "", []

    def pull(self, number, schema):
        """As it is told, with the branch that it goes to."""
        told = super().pull(number, schema)
        return {**told, "base": {**told["base"], "ref": "main"}}

    def leave(self, files, name="greengate", **rest):
        """Let the run leave an artifact behind."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        self.leave_bytes(data.getvalue(), name, **rest)

    def leave_bytes(self, data, name="greengate", **rest):
        number = self.id()
        self.storage.answers[f"/{number}.zip"] = [Answer(data)]
        self.artifacts.append({"id": number, "name": name, "expired": False, "size_in_bytes": len(data), **rest})


@route("GET", rf"{REPO}/actions/runs/(?P<number>\d+)", actions="read")
def workflow_run(hub, who, asked, told, number):
    if number != RUN:
        raise Refusal(404, "Not Found")
    ran = hub.workflow
    given = {
        "event": ran["event"],
        "status": ran["status"],
        "head_sha": ran["head"],
        "head_branch": "fix",
        "id": int(number),
    }
    source = None if ran["source"] is None else hub.made("minimal-repository", full_name=ran["source"])
    page = f"https://github.example/acme/app/actions/runs/{number}"
    return Reply(
        200, hub.made("workflow-run", **given, run_attempt=ran["attempt"], html_url=page, head_repository=source)
    )


@route("GET", rf"{REPO}/actions/runs/(?P<number>\d+)/artifacts", actions="read")
def artifacts(hub, who, asked, told, number):
    listed = [hub.made("artifact", **one) for one in hub.artifacts if asked.get("name", one["name"]) == one["name"]]
    return hub.page(asked, listed, f"/repos/acme/app/actions/runs/{number}/artifacts", "artifacts")


@route("GET", rf"{REPO}/actions/artifacts/(?P<number>\d+)/zip", actions="read")
def download(hub, who, asked, told, number):
    return Reply(302, None, {"Location": f"{hub.storage.address}/{number}.zip"})


@route("GET", rf"{REPO}/pulls", pull_requests="read")
def pulls(hub, who, asked, told):
    listed = [
        hub.pull(number, "pull-request-simple")
        for number, one in hub.pulls.items()
        if asked.get("state") != "open" or not one["merged_at"]
    ]
    return hub.page(asked, listed, "/repos/acme/app/pulls")


@route("GET", rf"{REPO}/compare/(?P<base>[0-9a-f]{{40}})\.\.\.(?P<head>[0-9a-f]{{40}})", contents="read")
def compared(hub, who, asked, told, base, head):
    if hub.moves:  # the author pushes meanwhile
        hub.pulls[12]["head"] = hub.moves
    if head != hub.workflow["head"]:
        raise Refusal(404, "Not Found")
    hub.bases.append(base)
    listed = [hub.made("diff-entry", **named, sha="0" * 40) for named in map(names_of, hub.edited)][:300]
    return Reply(200, hub.made("commit-comparison", files=listed if asked.get("page", "1") == "1" else []))


def names_of(path):
    """A file's name, and the one that it had before in `old -> new`."""
    old, _, new = path.rpartition(" -> ")
    return {"filename": new, **({"previous_filename": old} if old else {})}


def blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@route("GET", rf"{REPO}/contents/(?P<path>.+)", contents="read")
def contents(hub, who, asked, told, path):
    content = hub.files.get((path, asked.get("ref")))
    if content is None:
        raise Refusal(404, "Not Found")
    large = path in hub.large
    given = {
        "content": "" if large else base64.encodebytes(content).decode(),
        "encoding": "none" if large else "base64",
    }
    return Reply(200, hub.made("content-file", **given, type="file", sha=blob(content), size=len(content), path=path))


@route("GET", rf"{REPO}/git/blobs/(?P<sha>[0-9a-f]+)", contents="read")
def blobs(hub, who, asked, told, sha):
    content = next(one for one in hub.files.values() if blob(one) == sha)
    given = {"content": base64.encodebytes(content).decode(), "encoding": "base64", "sha": sha, "size": len(content)}
    return Reply(200, hub.made("blob", **given))


@contextmanager
def github_with_runs():
    """A GitHub while a test asks it, and its storage beside it."""
    with device({}) as storage, served(RunsHub(storage)) as hub:
        yield hub
    assert hub.drifts == []
