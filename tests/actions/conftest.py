"""What tests of the actions may ask for."""

import pytest
from expressions import ROOT, Expressions
from github_made import WORKFLOW, github
from runner import Runner, job_of
from tools_made import tools
from worlds import World

WORKFLOWS = ROOT / "examples" / "workflows"


@pytest.fixture(scope="session")
def expressions():
    """GitHub's evaluator of expressions."""
    evaluator = Expressions()
    yield evaluator
    evaluator.close()


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def machine(tmp_path, expressions):
    """Make a runner for an event, by its name where there are several; they share the artifacts of one workflow run."""
    (tmp_path / "artifacts").mkdir()

    def made(event, name="runner", **environment):
        root = tmp_path / name
        root.mkdir()
        return Runner(root, event, expressions, tools(root), tmp_path / "artifacts", **environment)

    return made


@pytest.fixture
def hub():
    with github() as made:
        yield made


@pytest.fixture
def judged(machine, hub):
    """Judge an event in a job of a workflow, with the permissions that it has there."""

    def run(event, *, workflow="gate.yml", job="greengate", name="runner", **more):
        fork = event.payload.get("pull_request", {}).get("head", {}).get("repo", {"full_name": ""})
        allowed = job_of(WORKFLOWS / workflow, job)["permissions"]
        own = "pull_request" not in event.payload or fork["full_name"] == "acme/app"
        levels = {key.replace("-", "_"): level if own else "read" for key, level in allowed.items()}
        hub.who[WORKFLOW].permissions = {"metadata": "read", **levels}
        if "pull_request" in event.payload:
            hub.pulls[12] |= {"head": event.payload["pull_request"]["head"]["sha"], "fork": not own}
        runner = machine(event, name, GITHUB_API_URL=hub.api, **more.pop("environment", {}))
        return runner, runner.job(WORKFLOWS / workflow, job, **more)

    return run
