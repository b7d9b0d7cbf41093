"""What a GitHub job knows of its pull request, by the variables and the event's payload that GitHub gives it.

Source: GitHub documentation, "Variables reference" and "Events that trigger workflows".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greengate.changes import Change
from greengate.errors import UsageError

_QUEUED = re.compile(r"(?:refs/heads/)?gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{7,64}")
_OF_A_PULL_REQUEST = ("pull_request", "pull_request_review", "pull_request_target")
_MOST_BYTES = 32 * 2**20


def change_of(given: Mapping[str, str]) -> Change:
    """Tell the pull request that a job runs for, and the run; without a pull request, what is known of the run.

    Raises:
        UsageError: The file in which GitHub tells of the event cannot be read.
    """
    repository, number = given.get("GITHUB_REPOSITORY", ""), given.get("GITHUB_RUN_ID", "")
    run = f"{number}.{given.get('GITHUB_RUN_ATTEMPT') or 1}" if number else ""
    page = f"{given.get('GITHUB_SERVER_URL', '')}/{repository}/actions/runs/{number}" if number else ""
    told = {"forge": "github", "run": run, "page": page}
    name, event = given.get("GITHUB_EVENT_NAME", ""), _event(given.get("GITHUB_EVENT_PATH", ""))
    if name in _OF_A_PULL_REQUEST:
        pull = _part(event, "pull_request")
        head = _part(pull, "head")
        source = _part(head, "repo").get("full_name")
        told |= {"id": f"{repository}#{pull.get('number', '')}", "head": str(head.get("sha", ""))}
        return Change(**told, fork=source != repository)
    if name == "merge_group" and (queued := _QUEUED.fullmatch(str(_part(event, "merge_group").get("head_ref", "")))):
        return Change(**told, id=f"{repository}#{queued[1]}", queued=True)
    return Change(**told)


def _event(path: str) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError) as error:
        hint = "GitHub names it in GITHUB_EVENT_PATH"
        raise UsageError(path, f"what GitHub tells of the event cannot be read: {error}", hint) from error
    return told if isinstance(told, dict) else {}


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}
