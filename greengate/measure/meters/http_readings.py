"""What the meters that are asked over HTTP share: JSON from an address, and every way in which there is none, by name.

A meter is only ever asked, never told, and gets 2 s for its answer: see `greengate.web.asking`. Proxies are not used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from greengate.measure.meters.wall_readings import NoReading, NotThere
from greengate.settings import MeterAccess
from greengate.web.asking import Asker, NoAnswer, Way, said

if TYPE_CHECKING:
    from requests import Response, Session

TIMEOUT_S = 2.0
_CREDENTIALS = "set GREENGATE_METER_USER and GREENGATE_METER_PASSWORD, or GREENGATE_METER_TOKEN"
# By the name of what kept the answer away: the name of the fault, and what helps.
_FAULTS = {
    "timeout": ("timeout", "look whether it is switched on and in reach of this machine"),
    "unreachable": ("unreadable", "look whether the address is right and this machine may reach it"),
    "closed": ("unreadable", ""),
    "broken": ("malformed", ""),
    "uncertified": ("unreadable", "give the certificate of its authority: GREENGATE_METER_CA=/path/to/ca.pem"),
    "no-tls": ("unreadable", "is it an `http://` address?"),
    "elsewhere": ("unreadable", "name that address in the project file, if it is meant"),
    "endless": ("malformed", ""),
    "odd": ("malformed", ""),
    "too-large": ("malformed", ""),
}


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
        self._params = params or {}
        self._access = access
        self._token_header = token_header
        headers = {}
        if access.token and token_header:
            scheme = {"Authorization": b"Bearer "}.get(token_header, b"")
            headers[token_header] = scheme + access.token.encode()
        self._asker = Asker(address, Way(headers, access.ca_file, identify=self._identify))
        self.address = self._asker.address

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Ask for a path below the address; numbers with a point come as `Decimal`, as they were written.

        Raises:
            NotThere: There is no such path.
            NoReading: There is no answer, or none that is JSON.
        """
        try:
            answer = self._asker.ask(path, {**self._params, **(params or {})}, TIMEOUT_S)
        except NoAnswer as none:
            name, hint = _FAULTS[none.name]
            raise NoReading(name, none.words, hint) from none
        if answer.status != 200:
            raise self._refusal(answer.status, path, answer.body)
        try:
            return json.loads(answer.body, parse_float=Decimal, parse_constant=float)
        except (ValueError, ArithmeticError, RecursionError) as error:  # 1e9999999999999999999 is no decimal
            words = f"{self.address} answers with something that is no JSON"
            raise NoReading("malformed", words, "look whether it is that kind of device") from error

    def close(self) -> None:
        """Close the connection."""
        self._asker.close()

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

    def _refusal(self, status: int, path: str, body: bytes) -> NoReading:
        where = f"{self.address}{path}"
        if status in {401, 403}:
            known = self._access.user or (self._access.token and self._token_header)
            words = f"{where} refuses the credentials ({status})" if known else f"{where} asks who you are ({status})"
            return NoReading("unreadable", words, "" if known else _CREDENTIALS)
        if status == 404:
            return NotThere("unreadable", f"there is no {where} (404)", "look whether it is that kind of device")
        reason = _said(body)
        words = f"{where} answers with status {status}{f': {reason}' if reason else ''}"
        return NoReading("device-error" if status >= 500 else "unreadable", words)


def _said(body: bytes) -> str:
    try:
        return said(json.loads(body))
    except (ValueError, RecursionError):
        return ""
