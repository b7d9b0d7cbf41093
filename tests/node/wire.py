"""The adapter for GitHub on the wire: every request and answer goes through a proxy that knows GitHub's description.

`make wire` runs it. The proxy is npm `@stoplight/prism-cli`; behind it is the double of the tests. Whatever does not
fit the description is refused by the proxy, so that the scenario fails; that it does so is tried first.
"""

import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from forge_made import served  # noqa: E402 - found beside this folder
from github_made import HEAD, PERSONAL, WORKFLOW, Hub  # noqa: E402 - likewise

from greengate.errors import ForgeError  # noqa: E402 - likewise
from greengate.forge import living  # noqa: E402 - likewise
from greengate.forges import Mark, Remark  # noqa: E402 - likewise
from greengate.verdict import Outcome  # noqa: E402 - likewise

PRISM = ROOT / ".node" / "node_modules" / ".bin" / "prism"
PATIENCE_S = 120
FILES = {"GitHub": "github-api.json", "GitHub Enterprise": "github-enterprise-api.json"}


def main():
    """Run the scenario; the exit code says whether all of it went through."""
    if not PRISM.exists():
        sys.exit("wire: the proxy is not installed; `make wire` does it, and needs Node 20 or newer, with npm")
    for name, file in FILES.items():
        with served(Hub(file)) as hub, proxied(hub, file) as front:
            hub.front = front
            catches_a_batch_that_is_too_large(hub)
            catches_a_double_that_drifts(hub)
            scenario(hub)
            sys.stdout.write(f"wire: {name}: {len(hub.log)} requests and answers fit its description\n")


def catches_a_batch_that_is_too_large(hub):
    """The proxy refuses what GitHub refuses."""
    note = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 51}
    body = {"name": "n", "head_sha": HEAD, "status": "completed", "conclusion": "failure", "output": output}
    head = {"Authorization": f"token {WORKFLOW}"}
    answer = requests.post(f"{hub.api}/repos/acme/app/check-runs", json=body, headers=head, timeout=PATIENCE_S)
    assert answer.status_code == 422, answer.text
    assert "must NOT have more than 50 items" in answer.text, answer.text
    assert hub.runs == {}


def catches_a_double_that_drifts(hub):
    """And an answer that GitHub would not give."""
    hub.mangles.append(("GET .*/pulls/12$", lambda pull: {**pull, "number": "twelve"}))
    with closing(hub.forge()) as forge, pytest.raises(ForgeError, match=r"fails \(500\)"):
        forge.standing()
    hub.mangles.clear()
    hub.drifts.clear()


def scenario(hub):
    """All that the adapter asks, and more than a page of it."""
    hub.comments = {id_: {"by": "mallory", "body": "x"} for id_ in range(1, 151)}
    hub.teams = {"acme/green": {"olga": "active"}}
    hub.brought[HEAD] = [12]
    hub.reviews[12] = [(7, "olga", "APPROVED", "2026-11-21T12:00:00Z", HEAD)]
    with closing(hub.forge()) as forge:
        for push in range(1, 4):
            assert living.tell(forge, f"push {push}", f"{push}.1", "k")
        forge.take_back(forge.say("x").id)
        forge.edit(4711, "x")
        show(forge)
        assert [review.by for review in forge.reviews()] == ["olga"]
        assert forge.reviewed(HEAD) == []
        assert forge.standing().head == HEAD
    with closing(hub.forge(PERSONAL)) as forge:
        assert [forge.stands_for("@acme/green", who) for who in ("olga", "ben")] == [True, False]
    with closing(hub.as_app()) as forge:
        assert list(forge.comments()) == []
    (run,) = hub.runs.values()
    ours = [told["body"].partition("\n")[2] for told in hub.comments.values() if told["by"] != "mallory"]
    assert (len(run["annotations"]), ours, hub.drifts) == (120, ["push 3"], [])


def show(forge):
    """A check run with three batches, told twice."""
    remarks = tuple(Remark("m.onnx", at + 1, "failure", "t", f"m{at}") for at in range(120))
    mark = Mark("greengate", HEAD, Outcome.FAILED, "1 failed", "# Ledger", "17.1", "https://ci.example/", remarks)
    assert forge.show(mark)
    assert forge.show(mark)


@contextmanager
def proxied(hub, file):
    """Run the proxy in front of a double; yields its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    described = ROOT / "tests" / "data" / file
    words = [
        PRISM,
        "proxy",
        "--errors",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        described,
        hub.address + hub.description.base,
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as prism:
        try:
            wait_for(port, prism)
            yield f"http://127.0.0.1:{port}"
        finally:
            prism.terminate()


def wait_for(port, prism):
    """Wait until somebody listens there."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and prism.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    prism.terminate()
    sys.exit(f"wire: the proxy did not start:\n{prism.communicate()[0]}")


if __name__ == "__main__":
    main()
