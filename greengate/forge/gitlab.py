"""GitLab: one merge request, told and asked through python-gitlab.

Source: GitLab documentation, "Notes API", "Commits API" (statuses, merge requests of a commit), "Merge requests API",
"Merge request approvals API", "Group and project members API", "Users API".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from greengate.errors import UsageError
from greengate.forge import gitlab_approvals as approvals
from greengate.forge import gitlab_statuses as statuses
from greengate.forge.gitlab_approvals import Note
from greengate.forge.gitlab_border import Act, Border, Refused
from greengate.forges import Comment, Mark, Review, Reviewed, Standing
from greengate.settings import ForgeAccess

if TYPE_CHECKING:
    from greengate.forge.patience import Patient

MOST = 1_000_000
"""Characters of a note, as the Notes API has it; GitLab counts code points, as Python does."""
_CHANGE = re.compile(r"([^\s!/]+(?:/[^\s!/]+)+)!([1-9]\d*)")
_ORDER = re.compile(r"^( {0,3})/(?=[a-z])", re.MULTILINE | re.IGNORECASE)


class GitLab:
    """One merge request, `group/project!12`, on a GitLab.

    Raises:
        UsageError: The id is none of a merge request.
        MissingExtra: python-gitlab is not installed.
        ForgeError: There is no token.
    """

    name = "gitlab"
    most = MOST

    def __init__(self, access: ForgeAccess, change: str, session: Patient | None = None) -> None:
        found = _CHANGE.fullmatch(change)
        if found is None:
            raise UsageError("--change", f"`{change}` is no merge request", "write it as group/project!12")
        self.change = change
        self._project = f"/projects/{quote(found[1], safe='')}"
        self._path = found[1]
        self._request = f"{self._project}/merge_requests/{found[2]}"
        self._border = Border(access, session or _patient())
        self._me: int | None = None

    def standing(self) -> Standing:
        """Tell how the merge request stands."""
        act = Act(f"read {self.change}")
        with self._border.understood(act):
            told = self._border.read(act, self._request)
            fork = told["source_project_id"] != told["target_project_id"]
            return Standing(told["sha"] or "", _opener(told), told["state"] == "opened", fork)

    def comments(self) -> Iterator[Comment]:
        """Go through our own notes, the oldest first; what GitLab itself notes is none."""
        own = self._own_id()
        for note in self._notes(self._request):
            if note.by == own and not note.system:
                yield Comment(note.id, note.body)

    def say(self, body: str) -> Comment:
        """Write a note.

        Raises:
            Unanswered: It is not known whether it was written.
        """
        act = Act("write a note", "Reporter", "api", once=True)
        with self._border.understood(act):
            told = self._border.send(act, "post", f"{self._request}/notes", {"body": _without_orders(body)})
            return Comment(told["id"], told["body"])

    def edit(self, comment: int, body: str) -> bool:
        """Write a note of our own anew; False where it is gone."""
        act = Act("edit a note", "Reporter", "api")
        return self._done(act, "put", f"{self._request}/notes/{comment}", {"body": _without_orders(body)})

    def take_back(self, comment: int) -> None:
        """Remove a note of our own; one that is gone already is no mistake."""
        self._done(Act("remove a note", "Reporter", "api"), "delete", f"{self._request}/notes/{comment}")

    def show(self, mark: Mark) -> str:
        """Show a status beside a commit; the same once more changes nothing. Returns the address of the run."""
        return statuses.show(self._border, self._project, mark, self._own_id)

    def reviews(self) -> Sequence[Review]:
        """List the approvals that were given for the newest version of the merge request."""
        return self._reviews(self._request, self.change)

    def reviewed(self, commit: str) -> Sequence[Reviewed]:
        """List the merged requests that brought a commit onto its branch; none if it was pushed directly."""
        act = Act(f"find the merge requests of the commit {commit[:10]}")
        path = f"{self._project}/repository/commits/{quote(commit, safe='')}/merge_requests"
        with self._border.understood(act):
            found = [told for told in self._border.pages(act, path, state="merged") if told["state"] == "merged"]
            return tuple(self._merged(told) for told in found)

    def stands_for(self, owner: str, who: str) -> bool:
        """Tell whether somebody is an owner that a policy names: that user, or an active member of that group.

        Members of the groups above it count too, as GitLab itself counts them.
        """
        name = owner.removeprefix("@")
        if name.casefold() == who.casefold():
            return True
        return ("/" in name or not self._is_user(name)) and self._is_member(name, who)

    def close(self) -> None:
        """Let go of connections; calling it twice does no harm."""
        self._border.close()

    def _own_id(self) -> int:
        """Return the id of the token's user; the token of a project or a group has a bot for it."""
        if self._me is None:
            act = Act("ask whose token it is", "Guest")
            with self._border.understood(act):
                self._me = int(self._border.read(act, "/user")["id"])
        return self._me

    def _notes(self, request: str) -> Iterator[Note]:
        act = Act("read the notes")
        with self._border.understood(act):
            for told in self._border.pages(act, f"{request}/notes", sort="asc", order_by="created_at"):
                author = told["author"] or {}
                yield Note(told["id"], told["body"], author.get("id"), told["system"], told["created_at"])

    def _done(self, act: Act, verb: str, path: str, told: dict[str, str] | None = None) -> bool:
        """Do something to what may be gone; tell whether it was there."""
        try:
            self._border.send(act, verb, path, told)
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def _merged(self, told: dict[str, Any]) -> Reviewed:
        request = f"{self._path}!{told['iid']}"
        reviews = self._reviews(f"{self._project}/merge_requests/{told['iid']}", request, told["merged_at"])
        return Reviewed(request, _opener(told), reviews)

    def _reviews(self, path: str, request: str, until: str = "") -> tuple[Review, ...]:
        act = Act(f"read the approvals of {request}")
        with self._border.understood(act):
            approved = self._border.read(act, f"{path}/approvals")["approved_by"]
            versions = list(self._border.pages(act, f"{path}/versions")) if approved else []
            noted = approvals.times(self._notes(path)) if approvals.lack_times(approved) else {}
            return approvals.counting(request, approved, versions, noted, until)

    def _is_user(self, name: str) -> bool:
        act = Act(f"look whether @{name} is a user", "Guest")
        return any(self._border.pages(act, "/users", username=name))

    def _is_member(self, group: str, who: str) -> bool:
        act = Act(f"list the members of the group @{group}", "Guest of that group")
        with self._border.understood(act):
            found = self._border.pages(act, f"/groups/{quote(group, safe='')}/members/all", query=who)
            return any(_is_active(told) for told in found if told["username"].casefold() == who.casefold())


def _patient() -> Patient:
    from greengate.forge.patience import Patient  # noqa: PLC0415 - with requests, which is heavy

    return Patient()


def _opener(request: dict[str, Any]) -> frozenset[str]:
    """Return who opened a merge request: for commits, GitLab's API names no users."""
    return frozenset({request["author"]["username"]})


def _is_active(member: dict[str, Any]) -> bool:
    """Whether somebody may use the membership; one that waits for a seat says so."""
    return [member["state"], member.get("membership_state", "active")] == ["active", "active"]


def _without_orders(body: str) -> str:
    """Keep a line such as `/merge` from being an order, which GitLab would carry out with the rights of the token."""
    return _ORDER.sub(r"\1&#47;", body)
