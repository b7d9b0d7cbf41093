"""The variables of a CI job, as GitHub sets them."""

import json

from change_made import HEAD


def pull_request(monkeypatch, folder, *, number=12, head=HEAD, source="acme/shop", run="17", repository="acme/shop"):
    """Let this process be a job of GitHub for a pull request."""
    event = {"pull_request": {"number": number, "head": {"sha": head, "repo": {"full_name": source}}}}
    on_github(monkeypatch, folder, "pull_request", event, f"refs/pull/{number}/merge", run, repository)


def on_github(monkeypatch, folder, name, event, ref, run="17", repository="acme/shop"):
    """Let this process be a job of GitHub for an event."""
    (folder / "event.json").write_text(json.dumps(event))
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_RUN_ID": run, "GITHUB_TOKEN": "t"}
    variables |= {"GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REPOSITORY": repository}
    variables |= {"GITHUB_REF": ref, "GITHUB_SERVER_URL": "https://github.com"}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
