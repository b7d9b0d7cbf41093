"""What the meters that are asked over HTTP share: one GET, and every way in which it can fail, by name.

A meter is only ever asked, never told: there is no request but GET. Redirects to another host are not followed, proxies
and `.netrc` are left aside, certificates are checked, and an answer is read as it comes, up to 1 MiB and for 2 s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from http.client import HTTPException, RemoteDisconnected
from ssl import SSLCertVerificationError
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from greengate.measure.meters.wall_readings import NoReading, NotThere
from greengate.settings import MeterAccess

if TYPE_CHECKING:
    from requests import Response, Session

    from greengate.measure.meters.http_deadline import Line

TIMEOUT_S = 2.0
MAX_BYTES = 2**20
_HOPS = 3
_PIECE = 2**16
# What requests lets through of an answer's headers: a digest without `realm` or `nonce`, and what `urllib.parse` says
# of a location (the address itself was checked before).
_ODD: dict[type[Exception], str] = {
    KeyError: "asks who you are, and not as RFC 7616 has it",
    ValueError: "redirects to something that is no address",
}
_CREDENTIALS = "set GREENGATE_METER_USER and GREENGATE_METER_PASSWORD, or GREENGATE_METER_TOKEN"


class HttpReadings:
    """JSON from one address.

    Args:
        address: `http://` or `https://`, a host, and perhaps a port and a path.
        access: User and password are sent once they are asked for (basic or digest), the token always.
        token_header: The header that carries the token; "" sends none.
        params: Parameters of every request.
    """

    def __init__(
        self, address: str, access: MeterAccess, token_header: str = "", params: Mapping[str, str] | None = None
    ) -> None:
        self.address = address.rstrip("/")
        self._params = params or {}
        self._access = access
        self._token_header = token_header
        self._session: Session | None = None
        self._line: Line | None = None

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Ask for a path below the address; numbers with a point come as `Decimal`, as they were written.

        Raises:
            NotThere: There is no such path.
            NoReading: There is no answer, or none that is JSON.
        """
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - heavy

        until_s = monotonic() + TIMEOUT_S
        try:
            status, body = self._answer(self.address + path, {**self._params, **(params or {})}, until_s)
        except (OSError, ValueError, KeyError, HTTPError) as error:  # all that requests lets through is one of these
            if type(error) in _ODD:
                raise NoReading("malformed", f"{self.address} {_ODD[type(error)]}") from error
            raise self._too_slow() if monotonic() >= until_s else self._failure(error) from error
        if status != 200:
            raise self._refusal(status, path, body)
        try:
            return json.loads(body, parse_float=Decimal, parse_constant=float)
        except (ValueError, RecursionError) as error:
            words = f"{self.address} answers with something that is no JSON"
            raise NoReading("malformed", words, "look whether it is that kind of device") from error

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _answer(self, url: str, params: Mapping[str, str] | None, until_s: float) -> tuple[int, bytes]:
        session, line = self._opened()
        for _ in range(_HOPS):
            left_s = max(until_s - monotonic(), 0.01)
            with (
                line.open_for(left_s),
                session.get(url, params=params, timeout=left_s, stream=True, allow_redirects=False) as response,
            ):
                if response.is_redirect:
                    url, params = self._redirected(response), None
                elif response.status_code != 401 or not self._identify(session, response):
                    return response.status_code, self._body(response, until_s)
        raise NoReading("malformed", f"{self.address} redirects again and again")

    def _opened(self) -> tuple[Session, Line]:
        if self._session is None or self._line is None:
            import requests  # noqa: PLC0415 - heavy

            from greengate.measure.meters.http_deadline import Line  # noqa: PLC0415 - heavy

            session, self._line = requests.Session(), Line()
            self._line.attach(session)
            # A kilobyte that is packed well unpacks to a gigabyte.
            session.headers["Accept-Encoding"] = "identity"
            session.trust_env = False
            session.verify = self._access.ca_file or True
            if self._access.token and self._token_header:
                scheme = {"Authorization": b"Bearer "}.get(self._token_header, b"")
                session.headers[self._token_header] = scheme + self._access.token.encode()
            self._session = session
        return self._session, self._line

    def _identify(self, session: Session, response: Response) -> bool:
        """Take on the user and the password as the device wants them, if there are any that it has not refused."""
        from requests.auth import HTTPBasicAuth, HTTPDigestAuth  # noqa: PLC0415 - heavy

        access = self._access
        if session.auth is not None or not access.user:
            return False
        digest = response.headers.get("WWW-Authenticate", "").lower().startswith("digest")
        session.auth = (
            HTTPDigestAuth(access.user, access.password)
            if digest
            else HTTPBasicAuth(access.user.encode(), access.password.encode())
        )
        return True

    def _redirected(self, response: Response) -> str:
        target = urljoin(response.url, response.headers["location"])
        if _origin(target) != _origin(self.address):
            scheme, host, port = _origin(target)
            raise NoReading(
                "unreadable",
                f"{self.address} redirects to {scheme}://{host}:{port}, which is not followed",
                "name that address in the project file, if it is meant",
            )
        return target

    def _body(self, response: Response, until_s: float) -> bytes:
        body = bytearray()
        # By `read1`, which hands out what has come; other ways wait for a piece to be full, however slowly it fills.
        while piece := response.raw.read1(_PIECE, decode_content=False):
            body += piece
            if len(body) > MAX_BYTES:
                raise NoReading("malformed", f"{self.address} answers with more than 1 MiB")
            if monotonic() > until_s:
                break
        # One that was cut off ends like one that is whole.
        if monotonic() > until_s:
            raise self._too_slow()
        return bytes(body)

    def _too_slow(self) -> NoReading:
        hint = "look whether it is switched on and in reach of this machine"
        return NoReading("timeout", f"{self.address} gave no whole answer within {TIMEOUT_S:g} s", hint)

    def _failure(self, error: Exception) -> NoReading:
        from requests.exceptions import SSLError, Timeout  # noqa: PLC0415 - heavy
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - heavy

        cause = _root(error)
        if isinstance(error, Timeout) or isinstance(cause, TimeoutError):
            return self._too_slow()
        if isinstance(cause, SSLCertVerificationError):
            hint = "give the certificate of its authority: GREENGATE_METER_CA=/path/to/ca.pem"
            return NoReading("unreadable", f"{self.address} shows no certificate that is trusted here", hint)
        if isinstance(error, SSLError):
            return NoReading("unreadable", f"{self.address} does not speak TLS", "is it an `http://` address?")
        if isinstance(cause, RemoteDisconnected):
            return NoReading("unreadable", f"{self.address} closed the connection without an answer")
        if isinstance(cause, HTTPException) or (isinstance(error, HTTPError) and not isinstance(error, ValueError)):
            return NoReading("malformed", f"{self.address} broke its answer off, or does not speak HTTP")
        # The text of other exceptions may hold what was sent.
        reason = cause.strerror if isinstance(cause, OSError) else None
        reason = reason or (str(cause) if type(cause) is OSError else type(cause).__name__)
        hint = "look whether the address is right and this machine may reach it"
        return NoReading("unreadable", f"{self.address} cannot be asked: {reason}", hint)

    def _refusal(self, status: int, path: str, body: bytes) -> NoReading:
        where = f"{self.address}{path}"
        if status in {401, 403}:
            known = self._access.user or (self._access.token and self._token_header)
            words = f"{where} refuses the credentials ({status})" if known else f"{where} asks who you are ({status})"
            return NoReading("unreadable", words, "" if known else _CREDENTIALS)
        if status == 404:
            return NotThere("unreadable", f"there is no {where} (404)", "look whether it is that kind of device")
        said = _said(body)
        words = f"{where} answers with status {status}{f': {said}' if said else ''}"
        return NoReading("device-error" if status >= 500 else "unreadable", words)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def _root(error: BaseException) -> BaseException:
    """Return the exception that all the others are about."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _said(body: bytes) -> str:
    """Return the reason that an error's JSON gives, shortened; "" where there is none."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    reason = (told.get("error") or told.get("message")) if isinstance(told, dict) else None
    return "".join(sign for sign in reason[:120] if sign.isprintable()) if isinstance(reason, str) else ""
