"""The status that GitLab shows beside a commit.

Source: GitLab documentation, "Commits API": "Set commit pipeline status", "List the statuses of a commit".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from greengate.errors import Unanswered
from greengate.forge.gitlab_border import Act, Border, Refused
from greengate.forges import Mark
from greengate.verdict import Outcome

_MOST = 255  # characters of a name, a description, an address
_PASSING = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)
_JOB = re.compile(r"/-/jobs/([0-9]{1,20})$")  # with which the address of a job ends; the higher, the newer
_ALREADY = re.compile(r"Cannot transition status via :\w+ from :(\w+)")


def show(border: Border, project: str, mark: Mark, own: Callable[[], int]) -> str:
    """Show a mark as a status, once; return the address of the run, which is what a status leads to.

    Over that of a newer job, none is set: it is that one's address that is returned.

    Args:
        border: The GitLab.
        project: The project's path in the API.
        mark: What is shown. The commit is the author's own: GitLab's merged results show it beside that one too.
        own: Tells the id of the token's user: what others set is none of ours.
    """
    page = mark.page if len(mark.page) <= _MOST else ""
    status = {"name": mark.name[:_MOST], "state": _state(mark.outcome), "description": mark.title[:_MOST]}
    status |= {"target_url": page} if page else {}
    listed = _listed(border, project, mark.commit, status["name"])
    if newer := _newer(listed, page, own):
        return newer
    if not _shown(listed, status):
        _post(border, project, mark.commit, status)
    return page


def _post(border: Border, project: str, commit: str, status: dict[str, str]) -> None:
    act = Act("set a commit status", "Developer", "api", once=True)
    try:
        border.send(act, "post", f"{project}/statuses/{quote(commit, safe='')}", status)
    except Unanswered:
        if not _shown(_listed(border, project, commit, status["name"]), status):
            raise
    except Refused as refused:
        already = _ALREADY.search(refused.reason)
        # GitLab knows no change from a state to itself.
        if refused.status != 400 or already is None or already[1] != status["state"]:
            raise


def _listed(border: Border, project: str, commit: str, name: str) -> list[dict[str, Any]]:
    """List the commit's statuses of a name, each read as far as it is needed."""
    act = Act("read the commit's statuses")
    with border.understood(act):
        path = f"{project}/repository/commits/{quote(commit, safe='')}/statuses"
        return [_read(one) for one in border.pages(act, path, name=name) if one["name"] == name]


def _read(told: dict[str, Any]) -> dict[str, Any]:
    said = {"name": told["name"], "state": told["status"], "description": told["description"] or ""}
    by = (told["author"] or {}).get("id")
    return {"id": told["id"], "by": by, "said": {**said, "target_url": told["target_url"] or ""}}


def _shown(listed: list[dict[str, Any]], status: dict[str, str]) -> bool:
    """Whether the newest status says the same already."""
    newest = max(listed, key=lambda one: one["id"], default=None)
    return newest is not None and newest["said"] == {"target_url": "", **status}


def _newer(listed: list[dict[str, Any]], page: str, own: Callable[[], int]) -> str:
    """Return the address of the newest job that has set a status with our token, if it is newer than a job's; or ""."""
    job = _job(page)
    newer = [one for one in listed if job and _job(one["said"]["target_url"]) > job]
    ours = [one["said"]["target_url"] for one in newer if one["by"] == own()]
    return max(ours, key=_job, default="")


def _job(page: str) -> int:
    """Return the number of the job that an address is of; 0 where it is of none."""
    found = _JOB.search(page)
    return int(found[1]) if found else 0


def _state(outcome: Outcome) -> str:
    """Only what may be merged succeeds: what is not known has failed."""
    return "success" if outcome in _PASSING else "failed"
