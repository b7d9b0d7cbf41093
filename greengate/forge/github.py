"""A pull request on GitHub, or on a GitHub Enterprise Server of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote

from greengate.errors import ForgeError, UsageError
from greengate.forge import github_authors, github_checks
from greengate.forge.github_client import Client, PatientSession, Refused
from greengate.forge.github_refusals import missing
from greengate.forge.github_reviews import counting
from greengate.forge.github_sign_in import TELLING, refuse_unusable, sign_in
from greengate.forge.reading import entry, maybe
from greengate.forges import Comment, Mark, Review, Reviewed, Standing
from greengate.settings import ForgeAccess

ADDRESS = "https://api.github.com"
GHOST = "ghost"  # as GitHub calls a user who is deleted
_CHANGE = re.compile(r"([A-Za-z0-9][\w-]*)/([\w.-]+)#([1-9]\d{0,9})", re.ASCII)
_REPOSITORY = re.compile(r"([A-Za-z0-9][\w-]*)/([\w.-]+)", re.ASCII)
_TEAM = re.compile(r"@([\w-]+)/(?!\.\.?$)([\w.-]+)", re.ASCII)  # not `..`, of which everybody would be one
_READ, _WRITE, _MEMBERS = "pull-requests: read", "pull-requests: write", "members: read"


def repository_of(written: str) -> tuple[str, str]:
    """Read `owner/repo`.

    Raises:
        UsageError: It is no repository.
    """
    found = _REPOSITORY.fullmatch(written)
    if found is None or found[2] in {".", ".."}:
        raise UsageError("github", f"`{written}` is no repository", "write it like `owner/repo`")
    return found[1], found[2]


class GitHub:
    """One pull request, through github3.py.

    Args:
        access: What it is asked with.
        change: The pull request: `owner/repo#12`.
        session: What asks; None makes one.

    Raises:
        UsageError: The id is none of a pull request, or the access cannot be used.
        ForgeError: There is nothing to sign in with.
    """

    name = "github"
    most = 65_536

    def __init__(self, access: ForgeAccess, change: str, session: PatientSession | None = None) -> None:
        found = _CHANGE.fullmatch(change)
        if found is None or found[2] in {".", ".."}:
            raise UsageError("github", f"`{change}` is no pull request", "write it like `owner/repo#12`")
        refuse_unusable(access)
        self._access, (self._owner, self._name, self._number) = access, found.groups()
        self._repository = ("repos", self._owner, self._name)
        self._session = session or PatientSession()
        self._session.reach(self.name, access.address or ADDRESS, access)
        self._author = ""

    @cached_property
    def _client(self) -> Client:
        client = Client(self._session)
        with client.translated("metadata: read"):
            self._author = sign_in(client, self._access, self._owner, self._name, TELLING)
        return client

    def standing(self) -> Standing:
        """Tell how the pull request stands."""
        told = self._client.read(*self._repository, "pulls", self._number, need=_READ)
        with self._client.translated(_READ):
            # A fork that was deleted is a fork still.
            fork = maybe(told, "head", "repo", "full_name") != entry(told, "base", "repo", "full_name", kind=str)
            head, state = entry(told, "head", "sha", kind=str), entry(told, "state", kind=str)
        authors, untold = self._authors(told, self._number, head)
        return Standing(head, authors, state == "open", fork, untold)

    def comments(self) -> Iterator[Comment]:
        """Go through our own comments, the oldest first."""
        client = self._client
        with client.translated(_WRITE):
            for told in client.pages(*self._comments, need=_WRITE):
                # Of a user who is deleted there is nothing to compare.
                if maybe(told, "user", "login").casefold() == self._author.casefold():
                    yield Comment(entry(told, "id", kind=int), maybe(told, "body"))

    def say(self, body: str) -> Comment:
        """Write a comment."""
        client = self._client
        told = client.write("post", *self._comments, need=_WRITE, body={"body": body})
        with client.translated(_WRITE):
            # What has no name of its own, as the token of an App that was made elsewhere, learns it here.
            self._author = entry(told, "user", "login", kind=str)
            return Comment(entry(told, "id", kind=int), body)

    def edit(self, comment: int, body: str) -> bool:
        """Write a comment of our own anew; False where it is gone."""
        path = (*self._repository, "issues", "comments", str(comment))
        try:
            self._client.write("patch", *path, need=_WRITE, body={"body": body})
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        return True

    def take_back(self, comment: int) -> None:
        """Remove a comment of our own."""
        self._client.remove(*self._repository, "issues", "comments", str(comment), need=_WRITE)

    def show(self, mark: Mark) -> str:
        """Show a check run beside the commit."""
        client = self._client
        return github_checks.show(client, self._repository, mark, self._author)

    def reviews(self) -> Sequence[Review]:
        """List the approvals of the newest commit that still stand."""
        told = self._client.read(*self._repository, "pulls", self._number, need=_READ)
        with self._client.translated(_READ):
            head = entry(told, "head", "sha", kind=str)
        return self._counting(self._number, head)

    def reviewed(self, commit: str) -> Sequence[Reviewed]:
        """List the merged pull requests that brought a commit, with the approvals that they had of what was merged.

        Raises:
            ForgeError: It cannot be had, or not everybody is known who wrote one of them.
        """
        client, found = self._client, []
        path = (*self._repository, "commits", quote(commit, safe=""), "pulls")
        with client.translated(_READ):
            for told in client.pages(*path, need=_READ):
                home = entry(told, "base", "repo", "full_name", kind=str)
                if maybe(told, "merged_at") and home.casefold() == f"{self._owner}/{self._name}".casefold():
                    found.append(self._merged(told, home))
        return found

    def stands_for(self, owner: str, who: str) -> bool:
        """Tell whether somebody is the user or in the team that is named."""
        team = _TEAM.fullmatch(owner)
        if team is None:
            return owner.startswith("@") and owner[1:].casefold() == who.casefold()
        path = ("orgs", team[1], "teams", team[2].lower())
        try:
            told = self._client.read(*path, "memberships", quote(who, safe=""), need=_MEMBERS)
        except Refused as refused:
            if refused.status != 404:
                raise
            self._refuse_unseen(owner, path)
            return False
        return maybe(told, "state") == "active"

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    @property
    def _comments(self) -> tuple[str, ...]:
        return (*self._repository, "issues", self._number, "comments")

    def _merged(self, told: dict[str, Any], home: str) -> Reviewed:
        number, head = str(entry(told, "number", kind=int)), entry(told, "head", "sha", kind=str)
        authors, untold = self._authors(told, number, head)
        if untold:
            raise ForgeError(self.name, f"who wrote {home}#{number} is not known: {untold}; none of its reviews counts")
        return Reviewed(f"{home}#{number}", authors, self._counting(number, head, maybe(told, "merged_at")))

    def _authors(self, told: dict[str, Any], number: str, head: str) -> tuple[frozenset[str], str]:
        """Tell who wrote a pull request, and why not all of them are known."""
        commits = list(self._client.pages(*self._repository, "pulls", number, "commits", need=_READ))
        opener = maybe(told, "user", "login") or GHOST
        return frozenset({opener, *github_authors.authors(commits)}), github_authors.doubt(commits, head)

    def _counting(self, number: str, head: str, until: str = "") -> tuple[Review, ...]:
        client = self._client
        with client.translated(_READ):
            told = client.pages(*self._repository, "pulls", number, "reviews", need=_READ)
            return counting(told, head, until)

    def _refuse_unseen(self, owner: str, path: tuple[str, ...]) -> None:
        """A team that may not be seen answers as one does that has no such member."""
        try:
            self._client.read(*path, need=_MEMBERS)
        except Refused as refused:
            if refused.status != 404:
                raise
            lacking = missing(self.name, _MEMBERS)
            problem = f"`{owner}` is no team that the token may see, so that its members cannot be told"
            raise ForgeError(self.name, f"{problem}; {lacking.problem}, or there is none", lacking.hint) from None
