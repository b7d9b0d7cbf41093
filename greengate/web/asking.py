"""One GET, and every way in which it can fail, by name.

Nothing is sent but GET. Redirects to another host are not followed, `.netrc` and the environment are left aside,
certificates are checked, and an answer is read as it comes, up to a size and for a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from greengate.web import failures

if TYPE_CHECKING:
    from requests import Response, Session

    from greengate.web.deadline import Line

MAX_BYTES = 2**20
_HOPS = 3
_PIECE = 2**16
# What requests lets through of an answer's headers: a digest without `realm` or `nonce`, and what `urllib.parse` says
# of a location (the address itself was checked before).
_ODD: dict[type[Exception], str] = {
    KeyError: "asks who you are, and not as RFC 7616 has it",
    ValueError: "redirects to something that is no address",
}


class NoAnswer(Exception):
    """Why there is no answer.

    Attributes:
        name: "timeout", "unreachable", "closed", "broken", "uncertified", "no-tls", "elsewhere", "endless", "odd" or
            "too-large".
        words: What happened, beginning with the address.
    """

    def __init__(self, name: str, words: str) -> None:
        self.name = name
        self.words = words
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, whatever its status."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How an address is asked.

    Attributes:
        headers: Headers of every request.
        ca_file: Certificate authorities to trust instead of the usual ones; "" for those.
        proxy: The HTTP proxy to go through; "" for none.
        identify: What answers a 401, once: it may give the session a user and say whether to ask again.
    """

    headers: Mapping[str, str | bytes] = field(default_factory=dict, repr=False)
    ca_file: str = ""
    proxy: str = field(default="", repr=False)
    identify: Callable[[Session, Response], bool] | None = None


class Asker:
    """Asks one address; connections are kept between questions."""

    def __init__(self, address: str, way: Way) -> None:
        self.address = address.rstrip("/")
        self._way = way
        self._session: Session | None = None
        self._line: Line | None = None

    def ask(
        self,
        path: str,
        params: Mapping[str, str] | None,
        timeout_s: float,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> Answer:
        """Ask for a path below the address.

        Raises:
            NoAnswer: There is none, or none within the time.
        """
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - heavy

        until_s = monotonic() + timeout_s
        try:
            return self._answer(self.address + path, params, headers, until_s)
        except (OSError, ValueError, KeyError, HTTPError) as error:  # all that requests lets through is one of these
            if type(error) in _ODD:
                raise NoAnswer("odd", f"{self.address} {_ODD[type(error)]}") from error
            if monotonic() >= until_s or failures.timed_out(error):
                words = f"{self.address} gave no whole answer within {timeout_s:g} s"
                raise NoAnswer("timeout", words) from error
            raise NoAnswer(*failures.told(self.address, error)) from error

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _answer(
        self, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str | bytes] | None, until_s: float
    ) -> Answer:
        session, line = self._opened()
        for _ in range(_HOPS):
            left_s = max(until_s - monotonic(), 0.01)
            with (
                line.open_for(left_s),
                session.get(
                    url, params=params, headers=headers, timeout=left_s, stream=True, allow_redirects=False
                ) as response,
            ):
                if response.is_redirect:
                    url, params = self._redirected(response), None
                elif response.status_code != 401 or not self._identified(session, response):
                    return Answer(response.status_code, self._body(response, until_s), response.headers)
        raise NoAnswer("endless", f"{self.address} redirects again and again")

    def _opened(self) -> tuple[Session, Line]:
        if self._session is None or self._line is None:
            import requests  # noqa: PLC0415 - heavy

            from greengate.web.deadline import Line  # noqa: PLC0415 - heavy

            session, self._line = requests.Session(), Line()
            self._line.attach(session)
            # A kilobyte that is packed well unpacks to a gigabyte.
            session.headers["Accept-Encoding"] = "identity"
            session.trust_env = False
            session.verify = self._way.ca_file or True
            session.headers.update(self._way.headers)
            if self._way.proxy:
                session.proxies = {"http": self._way.proxy, "https": self._way.proxy}
            self._session = session
        return self._session, self._line

    def _identified(self, session: Session, response: Response) -> bool:
        return self._way.identify is not None and self._way.identify(session, response)

    def _redirected(self, response: Response) -> str:
        target = urljoin(response.url, response.headers["location"])
        if failures.origin(target) != failures.origin(self.address):
            scheme, host, port = failures.origin(target)
            words = f"{self.address} redirects to {scheme}://{host}:{port}, which is not followed"
            raise NoAnswer("elsewhere", words)
        return target

    def _body(self, response: Response, until_s: float) -> bytes:
        body = bytearray()
        # By `read1`, which hands out what has come; other ways wait for a piece to be full, however slowly it fills.
        while piece := response.raw.read1(_PIECE, decode_content=False):
            body += piece
            if len(body) > MAX_BYTES:
                raise NoAnswer("too-large", f"{self.address} answers with more than 1 MiB")
            if monotonic() > until_s:
                break
        # One that was cut off ends like one that is whole.
        if monotonic() > until_s:
            raise TimeoutError
        return bytes(body)


def said(told: object, most: int = 120) -> str:
    """Return the reason that an error's JSON gives, shortened; "" where there is none."""
    if not isinstance(told, dict):
        return ""
    reasons = (told.get("error"), told.get("message"), told.get("detail"), told.get("title"))
    reason = next((one for one in reasons if one), None)
    if isinstance(reason, dict):
        return said(reason, most)
    return "".join(sign for sign in reason[:most] if sign.isprintable()) if isinstance(reason, str) else ""
