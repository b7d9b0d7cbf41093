"""The status that GitLab shows beside a commit.

Source: GitLab documentation, "Commits API": "Set commit pipeline status", "List the statuses of a commit".
"""

from __future__ import annotations

import re
from urllib.parse import quote

from greengate.errors import Unanswered
from greengate.forge.gitlab_border import Act, Border, Refused
from greengate.forges import Mark
from greengate.verdict import Outcome

_MOST = 255  # characters of a name, a description, an address
_PASSING = (Outcome.PASSED, Outcome.WARNED, Outcome.WAIVED)
_ALREADY = re.compile(r"Cannot transition status via :\w+ from :(\w+)")


def show(border: Border, project: str, mark: Mark) -> str:
    """Show a mark as a status, once; return the address of the run, which is what a status leads to.

    Args:
        border: The GitLab.
        project: The project's path in the API.
        mark: What is shown. The commit is the author's own: GitLab's merged results show it beside that one too.
    """
    page = mark.page if len(mark.page) <= _MOST else ""
    status = {"name": mark.name[:_MOST], "state": _state(mark.outcome), "description": mark.title[:_MOST]}
    status |= {"target_url": page} if page else {}
    if not _shown(border, project, mark.commit, status):
        _post(border, project, mark.commit, status)
    return page


def _post(border: Border, project: str, commit: str, status: dict[str, str]) -> None:
    act = Act("set a commit status", "Developer", "api", once=True)
    try:
        border.send(act, "post", f"{project}/statuses/{quote(commit, safe='')}", status)
    except Unanswered:
        if not _shown(border, project, commit, status):
            raise
    except Refused as refused:
        already = _ALREADY.search(refused.reason)
        # GitLab knows no change from a state to itself.
        if refused.status != 400 or already is None or already[1] != status["state"]:
            raise


def _shown(border: Border, project: str, commit: str, status: dict[str, str]) -> bool:
    """Whether the newest status of that name says the same already."""
    act = Act("read the commit's statuses")
    with border.understood(act):
        path = f"{project}/repository/commits/{quote(commit, safe='')}/statuses"
        there = [one for one in border.pages(act, path, name=status["name"]) if one["name"] == status["name"]]
        newest = max(there, key=lambda one: one["id"], default=None)
        return newest is not None and {
            "name": newest["name"],
            "state": newest["status"],
            "description": newest["description"] or "",
            "target_url": newest["target_url"] or "",
        } == {"target_url": "", **status}


def _state(outcome: Outcome) -> str:
    """Only what may be merged succeeds: what is not known has failed."""
    return "success" if outcome in _PASSING else "failed"
