"""GitHub's REST API through github3.py: its session, its sign-in, its pages and its errors, all in one place.

Its objects are left aside, and JSON is read as it is: they refuse an answer that lacks a key that nobody needs, after
what was asked for was done; they break at users who are deleted; and its check runs refuse the token of a workflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import github3
from github3.exceptions import GeneratedTokenExpired, GitHubException, ResponseError
from github3.session import GitHubSession
from requests import Response

from greengate import __version__
from greengate.errors import ForgeError
from greengate.forge.github_refusals import refusal
from greengate.forge.patience import PACE, Pace, Patient
from greengate.forge.reading import Odd

_VERSION = "2022-11-28"
_ODD = "look whether it is GitHub, and report it if it is"


class PatientSession(GitHubSession, Patient):  # type: ignore[misc]  # both take whatever requests does
    """github3.py's session, with patience; what it signs in with is in none of its words."""

    def __init__(self, pace: Pace = PACE) -> None:
        super().__init__()
        self.pace = pace
        # Not the representation with every body as text and as HTML too.
        self.headers["Accept"] = "application/vnd.github+json"
        self.headers["User-Agent"] = f"greengate/{__version__}"

    def reach(self, name: str, address: str, access: Any) -> None:
        """As `Patient.reach`; github3.py builds its addresses from there on."""
        super().reach(name, address, access)
        self.base_url = self.address


class Client(github3.GitHub):  # type: ignore[misc]  # github3.py has no types
    """Asks GitHub; whatever it answers but what was hoped for is a `ForgeError` in words."""

    session: PatientSession

    def __init__(self, session: PatientSession) -> None:
        super().__init__(session=session, api_version=_VERSION)

    def read(self, *path: str, need: str, **params: str) -> dict[str, Any]:
        """Return one thing.

        Args:
            *path: Its path, in parts that are fit for an address.
            need: The permission that it takes.
            **params: What is asked along.

        Raises:
            ForgeError: It cannot be had.
        """
        with self.translated(need):
            return _whole(self._json(self._get(self._build_url(*path), params=params), 200))

    def pages(self, *path: str, need: str, key: str | None = None, **params: str) -> Iterator[dict[str, Any]]:
        """Go through all pages of a list, which stands under a key where one is given.

        Raises:
            ForgeError: It cannot be had.
        """
        with self.translated(need):
            asked = {"per_page": "100", **params}
            try:
                for one in self._iter(-1, self._build_url(*path), _Entry, asked, list_key=key):
                    yield one.told
            except TypeError:  # what github3.py says of a list that is none
                raise Odd("its answer is no list") from None

    def write(self, method: str, *path: str, need: str, body: Mapping[str, Any], **how: Any) -> dict[str, Any]:
        """Write something and return what it is now.

        Args:
            method: "post" or "patch".
            *path: Its path.
            need: The permission that it takes.
            body: What to write.
            **how: `repeat`, as for `Patient.request`.

        Raises:
            Unanswered: It is not known whether it was written, and it must not be written twice.
            ForgeError: It cannot be written.
        """
        with self.translated(need):
            response = self._request(method, self._build_url(*path), data=json.dumps(body), **how)
            return _whole(self._json(response, 201 if method == "post" else 200))

    def whither(self, *path: str, need: str) -> str:
        """Return the address that something is redirected to, which is not followed.

        Raises:
            ForgeError: It is not redirected, or cannot be had.
        """
        with self.translated(need):
            response = self._get(self._build_url(*path), follow=False)
            if response.status_code != 302:
                self._json(response, 302)
            return str(response.headers.get("location", ""))

    def remove(self, *path: str, need: str) -> None:
        """Remove something; what is gone already is no mistake.

        Raises:
            ForgeError: It cannot be removed.
        """
        with self.translated(need):
            self._boolean(self._delete(self._build_url(*path)), 204, 404)

    @contextmanager
    def translated(self, need: str) -> Iterator[None]:
        """Turn whatever github3.py raises, and whatever an answer lacks, into a `ForgeError`."""
        try:
            yield
        except ResponseError as error:
            response = getattr(error, "response", None)
            if isinstance(response, Response) and response.status_code >= 400:
                raise Refused(refusal(self.session, response, need), response) from None
            raise self._odd("its answer is no JSON, or something else than it should be") from None
        except Odd as odd:
            raise self._odd(str(odd)) from None
        except GeneratedTokenExpired:
            raise ForgeError(self.session.name, "the token of the App has expired", "begin again") from None
        except (GitHubException, RecursionError) as error:
            raise self._odd(f"its answer cannot be read ({type(error).__name__})") from None

    def _odd(self, words: str) -> ForgeError:
        return ForgeError(self.session.name, words, _ODD)


class Refused(ForgeError):
    """GitHub has answered, and refuses.

    Attributes:
        status: The status of its answer.
    """

    def __init__(self, error: ForgeError, response: Response) -> None:
        super().__init__(error.where, error.problem, error.hint)
        self.status = response.status_code


class _Entry:
    """One entry of a list, as it came; an iterator of github3.py makes one of each."""

    def __init__(self, told: Any) -> None:
        self.told = _whole(told)


def _whole(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise Odd("its answer is something else than it should be")
    return told
