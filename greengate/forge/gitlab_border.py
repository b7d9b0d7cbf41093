"""One GitLab, through python-gitlab: with its own retries off, and its exceptions said in words, once, here.

What the network does, limits of requests and failures of the server are the session's; see `patience`.

Source: GitLab documentation, "REST API": "Status codes", "Pagination", "Personal access token scopes".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greengate.errors import ForgeError, MissingExtra, Unanswered
from greengate.settings import ForgeAccess

if TYPE_CHECKING:
    from gitlab import Gitlab
    from gitlab.exceptions import GitlabError

    from greengate.forge.patience import Patient

VARIABLE = "GREENGATE_GITLAB_TOKEN"
MAKE_ONE = f"make a project access token with the scope `api` and the role Developer, and put it into {VARIABLE}"
_HOME = "https://gitlab.com"
_END = "/api/v4"
_PAGE = {"per_page": "100"}


@dataclass(frozen=True, slots=True)
class Act:
    """What is done, in words, and what a token needs for it.

    Attributes:
        words: As in "GitLab refuses to …".
        role: The least role in the project.
        scope: The least scope of the token.
        once: Whether it must not be done twice.
    """

    words: str
    role: str = "Reporter"
    scope: str = "read_api"
    once: bool = False


class Refused(ForgeError):
    """GitLab answered, and did not do it; `status` and `reason` are its own."""

    def __init__(self, status: int, reason: str, problem: str, hint: str) -> None:
        self.status, self.reason = status, reason
        super().__init__("gitlab", problem, hint)


class Border:
    """Asks one GitLab; every method raises `ForgeError` for whatever it or the network does.

    Raises:
        MissingExtra: python-gitlab is not installed.
        ForgeError: There is no token.
        UsageError: The address, the proxy or the authorities cannot be used.
    """

    def __init__(self, access: ForgeAccess, session: Patient) -> None:
        if not access.token:
            problem = f"there is no {VARIABLE}, and a job's own CI_JOB_TOKEN may not write to a merge request"
            raise ForgeError("gitlab", problem, MAKE_ONE)
        self.address = (access.address or _HOME).rstrip("/").removesuffix(_END)
        session.reach("gitlab", self.address, access)
        self._session = session
        self._lab = _opened(self.address, access, session)

    def read(self, act: Act, path: str) -> Any:
        """Return what a path tells, as plain values."""
        with self.understood(act):
            return self._lab.http_get(path, obey_rate_limit=False)

    def pages(self, act: Act, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Go through a list, over all its pages."""
        with self.understood(act):
            rows = iter(self._lab.http_list(path, {**_PAGE, **query}, iterator=True, obey_rate_limit=False))
        while True:
            with self.understood(act):
                row = next(rows, None)
            if row is None:
                return
            yield row

    def send(self, act: Act, verb: str, path: str, told: Mapping[str, str] | None = None) -> Any:
        """Tell GitLab something, and return what it answers, as plain values; None where that is nothing.

        Raises:
            Unanswered: It is not known whether GitLab did what must not be done twice.
        """
        with self.understood(act):
            body = dict(told) if told else None
            answer = self._lab.http_request(verb, path, post_data=body, obey_rate_limit=False)
            return answer.json() if answer.content else None

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    @contextmanager
    def understood(self, act: Act) -> Iterator[None]:
        """Say in words what goes wrong in it: an answer that refuses, or one that has another form than GitLab's."""
        from gitlab.exceptions import GitlabError  # noqa: PLC0415 - it is an extra

        try:
            yield
        except GitlabError as refused:
            raise self._refusal(act, refused) from None
        except (ValueError, KeyError, TypeError, AttributeError) as odd:
            words = f"the answer of {self.address} has another form than GitLab's"
            if act.once:
                raise Unanswered("gitlab", f"it is not known whether it did {act.words}: {words}") from odd
            raise ForgeError("gitlab", f"cannot {act.words}: {words}", "look whether it is a GitLab") from odd

    def _refusal(self, act: Act, refused: GitlabError) -> Refused:
        status, told = refused.response_code or 0, str(refused.error_message)
        # A page of HTML, of a proxy in front of it, says nothing to anybody.
        reason = "" if told.lstrip().startswith("<") else self._session.shown(told)
        problem, hint = _told(act, status, reason)
        return Refused(status, reason, f"{problem} ({status}{f': {reason}' if reason else ''})", hint)


def _opened(address: str, access: ForgeAccess, session: Patient) -> Gitlab:
    try:
        from gitlab import Gitlab  # noqa: PLC0415 - it is an extra
    except ImportError as missing:
        raise MissingExtra(
            "gitlab", "python-gitlab is not installed", "pip install 'greengate-ci[gitlab]'"
        ) from missing
    # The next page is asked where the first one was, whatever a GitLab behind a proxy calls itself.
    return Gitlab(address, private_token=access.token, session=session, keep_base_url=True)


def _told(act: Act, status: int, reason: str) -> tuple[str, str]:
    """Say what a status means here, and what helps."""
    if status == 401:
        return f"cannot {act.words}: GitLab does not take the token", f"has it expired? {MAKE_ONE}"
    if status == 403 and "scope" in reason:
        return f"cannot {act.words}: the token lacks the scope `{act.scope}`", MAKE_ONE
    if status == 403:
        hint = f"give the token's user or bot the role {act.role} (for all that greengate does: Developer, scope `api`)"
        return f"cannot {act.words}: that takes the role {act.role}", hint
    if status == 404:
        hint = f"GitLab shows only what the token may see: that takes the role {act.role} and the scope `{act.scope}`"
        return f"cannot {act.words}: GitLab finds no such thing", hint
    return f"GitLab refuses to {act.words}", ""
