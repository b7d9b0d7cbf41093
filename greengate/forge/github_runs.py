"""Runs of workflows on GitHub, and what they left behind; nothing of it is believed, and nothing is run or unpacked."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from urllib.parse import quote, urlsplit

from requests import Session
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from greengate.errors import ForgeError, UsageError
from greengate.forge.github import ADDRESS, GHOST, repository_of
from greengate.forge.github_client import Client, PatientSession, Refused
from greengate.forge.github_sign_in import READING, refuse_unusable, sign_in
from greengate.forge.reading import entry, maybe
from greengate.settings import ForgeAccess
from greengate.web.deadline import Line

MOST_BYTES = 64 * 2**20
_MOST_FILE_BYTES = 160 * 2**20  # as base64
_DOWNLOAD_S = 120.0
_PIECE = 2**16
# As GitHub packs; another way may take gigabytes of memory to unpack, and fails in other words.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ACTIONS, _CONTENTS, _PULLS = "actions: read", "contents: read", "pull-requests: read"


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of a workflow.

    Attributes:
        run: Its number and attempt, as in `17234567890.2`.
        event: What started it, such as "pull_request".
        head: The commit that it was about.
        branch: The branch of that commit, in the repository `source`.
        done: Whether it has come to an end.
        page: Its web address.
    """

    run: str
    event: str
    head: str
    branch: str
    source: str
    done: bool
    page: str


@dataclass(frozen=True, slots=True)
class Pull:
    """An open pull request: its number, and the branch that it goes to."""

    number: int
    base: str


class GitHubRuns:
    """The runs of one repository, through github3.py.

    Args:
        access: What it is asked with.
        repository: `owner/repo`.
        session: What asks; None makes one.

    Raises:
        UsageError: It is no repository, or the access cannot be used.
        ForgeError: There is nothing to sign in with.
    """

    name = "github"

    def __init__(self, access: ForgeAccess, repository: str, session: PatientSession | None = None) -> None:
        self._owner, self._name = repository_of(repository)
        refuse_unusable(access)
        self._access = access
        self._session = session or PatientSession()
        self._session.reach(self.name, access.address or ADDRESS, access)
        self._session.most_bytes = _MOST_FILE_BYTES
        self._repository = ("repos", self._owner, self._name)

    @cached_property
    def _client(self) -> Client:
        client = Client(self._session)
        with client.translated("metadata: read"):
            sign_in(client, self._access, self._owner, self._name, READING)
        return client

    def run(self, number: str) -> Ran:
        """Tell what a run was about.

        Raises:
            UsageError: It is no number of a run.
            ForgeError: It cannot be had.
        """
        if not number.isascii() or not number.isdecimal():
            raise UsageError("RUN", f"`{number}` is no id of a run", "GitHub has it as `github.event.workflow_run.id`")
        told = self._client.read(*self._repository, "actions", "runs", number, need=_ACTIONS)
        with self._client.translated(_ACTIONS):
            return Ran(
                run=f"{number}.{told.get('run_attempt') or 1}",
                event=entry(told, "event", kind=str),
                head=entry(told, "head_sha", kind=str),
                branch=maybe(told, "head_branch"),
                source=maybe(told, "head_repository", "full_name") or GHOST,
                done=maybe(told, "status") == "completed",
                page=maybe(told, "html_url"),
            )

    def pull(self, ran: Ran) -> Pull | None:
        """Find the open pull request whose newest commit a run was about; None where there is none any more."""
        client, owner = self._client, ran.source.partition("/")[0]
        asked = {"state": "open", "head": f"{owner}:{ran.branch}"}
        with client.translated(_PULLS):
            for told in client.pages(*self._repository, "pulls", need=_PULLS, **asked):
                theirs = maybe(told, "head", "repo", "full_name")
                if maybe(told, "head", "sha") == ran.head and theirs.casefold() == ran.source.casefold():
                    return Pull(entry(told, "number", kind=int), entry(told, "base", "ref", kind=str))
        return None

    def edited(self, base: str, head: str) -> list[str]:
        """List the paths that a commit changes since it left a base, old names of what it moves included.

        Of more than 300 files, GitHub lists 300.
        """
        # It lists the files beside the first page of commits, however few commits that has.
        path = (*self._repository, "compare", f"{base}...{head}")
        told = self._client.read(*path, need=_CONTENTS, per_page="1")
        with self._client.translated(_CONTENTS):
            files = entry(told, "files", kind=list)
            names = [(entry(one, "filename", kind=str), maybe(one, "previous_filename")) for one in files]
        return [name for pair in names for name in pair if name]

    def file(self, path: str, commit: str) -> bytes | None:
        """Return a file of a commit; None where there is none, or none that GitHub tells (100 MB)."""
        parts = [quote(part, safe="") for part in path.split("/")]
        try:
            told = self._client.read(*self._repository, "contents", *parts, need=_CONTENTS, ref=commit)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        if maybe(told, "type") != "file":
            return None
        if maybe(told, "encoding") == "none":  # it has more than 1 MB
            told = self._client.read(*self._repository, "git", "blobs", maybe(told, "sha"), need=_CONTENTS)
        if maybe(told, "encoding") != "base64":
            return None
        try:
            return base64.b64decode(maybe(told, "content"))
        except binascii.Error:
            return None

    def left(self, ran: Ran, artifact: str, file: str) -> bytes | None:
        """Return one file of an artifact that a run left; None where there is none.

        Raises:
            ForgeError: It cannot be had, or is too large.
        """
        number = next(self._artifacts(ran, artifact), None)
        if number is None:
            return None
        path = (*self._repository, "actions", "artifacts", str(number), "zip")
        return _unpacked(self._download(self._client.whither(*path, need=_ACTIONS)), file)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _artifacts(self, ran: Ran, name: str) -> Iterator[int]:
        client, number = self._client, ran.run.partition(".")[0]
        path = (*self._repository, "actions", "runs", number, "artifacts")
        with client.translated(_ACTIONS):
            found = [
                (entry(told, "id", kind=int), told.get("expired"), entry(told, "size_in_bytes", kind=int))
                for told in client.pages(*path, need=_ACTIONS, key="artifacts", name=name)
                if maybe(told, "name") == name
            ]
        for number_, expired, size in sorted(found, reverse=True):  # the newest attempt's
            if size > MOST_BYTES:
                raise self._error(f"the artifact {name} takes {size / 2**20:,.0f} MiB, and 64 are read")
            if expired is not True:
                yield number_

    def _download(self, address: str) -> bytes:
        """Fetch from a place of GitHub's storage, which must not be shown the token."""
        secure = urlsplit(address).scheme == "https" or urlsplit(address).hostname == "127.0.0.1"
        if not secure:
            raise self._error("the artifact lies at an address that is not secure")
        line, session, body = Line(), Session(), bytearray()
        session.trust_env, session.verify, session.proxies = False, self._session.verify, self._session.proxies
        line.attach(session)
        until_s = monotonic() + _DOWNLOAD_S
        try:
            with line.open_for(_DOWNLOAD_S), session, session.get(address, stream=True, timeout=30) as response:
                while piece := response.raw.read1(_PIECE, decode_content=False):
                    body += piece
                    if len(body) > MOST_BYTES or monotonic() > until_s:
                        raise self._error("the artifact is too large, or comes too slowly")
                status = response.status_code
        except (OSError, ValueError, RequestException, HTTPError) as error:
            raise self._error(f"the artifact cannot be fetched: {type(error).__name__}") from None
        if status != 200:
            raise self._error(f"the artifact cannot be fetched ({status})")
        return bytes(body)

    def _error(self, words: str) -> ForgeError:
        return ForgeError(self.name, words)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).compress_type not in _PACKED:
        raise zipfile.BadZipFile
    with archive.open(name) as file:
        return file.read(MOST_BYTES + 1)


def _unpacked(data: bytes, name: str) -> bytes | None:
    """Read one file of a ZIP, and no more of it than is allowed, whatever it says of its size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if name not in archive.namelist():
                return None
            found = _read(archive, name)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise ForgeError("github", f"the artifact is no ZIP file that can be read ({type(error).__name__})") from None
    if len(found) > MOST_BYTES:
        raise ForgeError("github", f"{name} in the artifact takes more than 64 MiB")
    return found
