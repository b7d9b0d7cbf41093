"""A session that asks a forge patiently, but never for long, and never does a thing twice that must be done once.

| what comes back | what follows |
|---|---|
| `Retry-After`, or a rate limit that is used up | a wait until then |
| a secondary limit that says no time | a wait of 60 s, then twice as long each time |
| 5xx, no answer in time, a broken connection | a wait of 1 s, then twice as long; but see below |
| 401, 404, 422, 403 "Resource not accessible", anything else | it is returned: asking again changes nothing |

All waits and all answers share one budget of seconds. A wait that does not fit into what is left is not begun. What may
have been done already and must not be done twice (a POST without an answer, above all) is never sent again from here:
`Unanswered` says so, and whoever asked looks first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from requests import Response, Session
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import HTTPError, NewConnectionError

from greengate.errors import ForgeError, Unanswered
from greengate.settings import ForgeAccess
from greengate.web import addresses, failures, limits
from greengate.web.deadline import Line

MOST_BYTES = 16 * 2**20
PAGE = "docs/forge.md"
_PIECE = 2**16
_HOPS = 3
_LATER = "what was concluded stands; tell it again with `greengate post`"
_HINTS = {
    "uncertified": "give the certificate of its authority: GREENGATE_FORGE_CA=/path/to/ca.pem",
    "no-tls": "is it an `http://` address?",
}
# What requests lets through: its own errors and those of sockets, of urllib3, and of `urllib.parse` for a location.
_LET_THROUGH = (OSError, ValueError, HTTPError)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a forge is asked, and by which clock."""

    timeout_s: float = 20.0
    budget_s: float = 300.0
    tries: int = 4
    backoff_s: float = 1.0
    secondary_s: float = 60.0
    now: Callable[[], datetime] = _now
    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


PACE = Pace()


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why there is no answer to use.

    Attributes:
        done: Whether what was asked may have been done all the same.
        pause_s: After which wait it may be asked again; None for never.
    """

    words: str
    hint: str = _LATER
    done: bool = False
    pause_s: float | None = None


class Patient(Session):
    """Asks one forge, by whatever library is given this session."""

    def __init__(self, pace: Pace = PACE) -> None:
        super().__init__()
        self.pace = pace
        self.name, self.address = "forge", ""
        self.most_bytes = MOST_BYTES
        self._spent_s = 0.0
        self._secrets: set[str] = set()
        self._line = Line()
        self._line.attach(self)
        self.trust_env = False
        # A kilobyte that is packed well unpacks to a gigabyte.
        self.headers["Accept-Encoding"] = "identity"

    def reach(self, name: str, address: str, access: ForgeAccess) -> None:
        """Ask that address from now on, and no other host.

        Raises:
            UsageError: The address, the proxy or the authorities cannot be used.
        """
        secret = bool(access.token or access.app_key)
        self.name, self.address = name, addresses.checked(name, address, secret=secret, page=PAGE)
        addresses.refuse_missing("GREENGATE_FORGE_CA", access.ca_file)
        self.verify = access.ca_file or True
        proxy = addresses.proxy_for(name, self.address, access.proxies)
        self.proxies = {"http": proxy, "https": proxy} if proxy else {}
        self.hide(access.token, access.app_key, urlsplit(proxy).password or "")

    def hide(self, *secrets: str) -> None:
        """Never tell these, whoever echoes them."""
        self._secrets |= {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}

    def shown(self, words: object, most: int = 200) -> str:
        """Fit what a forge said for a message: without secrets, on one line, not too long."""
        text = str(words)
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        text = "".join(sign if sign.isprintable() else " " for sign in text[: 2 * most])
        return text if len(text) <= most else f"{text[:most]}…"

    def request(  # type: ignore[override]
        self, method: str, url: str, *args: Any, repeat: bool | None = None, follow: bool = True, **kwargs: Any
    ) -> Response:
        """Ask, and ask again where that does no harm.

        Args:
            method: The HTTP method.
            url: The address.
            *args: As for requests.
            repeat: Whether it may be done twice; None goes by the method: all but POST.
            follow: Whether to go where it is redirected to, on the same host.
            **kwargs: As for requests, but for redirects, time and certificates, which are this session's own.

        Raises:
            Unanswered: It may have been done, and must not be done twice.
            ForgeError: There is no answer, or not in time.
        """
        # Whoever redirects, or names the next page, may not choose who gets the token.
        self._here(self.address, str(url))
        again = method.upper() != "POST" if repeat is None else repeat
        for turn in range(1, self.pace.tries + 1):
            found = self._turn(turn, method, str(url), *args, follow=follow, **kwargs)
            if isinstance(found, Response):
                return found
            if found.done and not again:
                raise Unanswered(self.name, f"{found.words}; it is not known whether it did what was asked", found.hint)
            if found.pause_s is None or turn == self.pace.tries:
                raise ForgeError(self.name, found.words, found.hint)
            self._wait(found, found.pause_s)
        raise AssertionError  # pragma: no cover - the last turn returns or raises

    @property
    def _left_s(self) -> float:
        return self.pace.budget_s - self._spent_s

    def _wait(self, fault: _Fault, pause_s: float) -> None:
        if pause_s >= self._left_s:
            at = (self.pace.now() + timedelta(seconds=pause_s)).strftime("%Y-%m-%d %H:%M:%S UTC")
            words = f"{fault.words}; it may be asked again at {at}, and waiting so long is not in the budget"
            raise ForgeError(self.name, words, f"{_LATER}, after that")
        self._spent_s += pause_s
        self.pace.sleep(pause_s)

    def _turn(self, turn: int, method: str, url: str, *args: Any, **kwargs: Any) -> Response | _Fault:
        if self._left_s <= 0:
            words = f"{self.address} was asked for {self.pace.budget_s:g} s in all, which is as long as it may be"
            return _Fault(words)
        started_s, timeout_s = self.pace.monotonic_s(), min(self.pace.timeout_s, self._left_s)
        own = {"stream": True, "allow_redirects": False, "verify": self.verify, "timeout": timeout_s}
        try:
            with self._line.open_for(timeout_s):
                response = self._followed(method, url, *args, **{**kwargs, **own})
        except _LET_THROUGH as error:
            late = self.pace.monotonic_s() - started_s >= timeout_s or failures.timed_out(error)
            return self._broken(error, turn, timeout_s if late else None)
        finally:
            self._spent_s += self.pace.monotonic_s() - started_s
        return self._refused(response, turn) or response

    def _followed(self, method: str, url: str, *args: Any, follow: bool, **kwargs: Any) -> Response:
        for _ in range(_HOPS):
            with super().request(method, url, *args, **kwargs) as response:
                if not response.is_redirect or not follow:
                    self._read(response)
                    return response
                target = self._here(url, response.headers["location"])
            if method.upper() != "GET" and response.status_code not in {307, 308}:
                raise self._error("what is asked for has moved", "look whether it has another name now")
            url, kwargs = target, {**kwargs, "params": None}
        raise self._error(f"{self.address} redirects again and again")

    def _read(self, response: Response) -> None:
        body = bytearray()
        # By `read1`, which hands out what has come; other ways wait for a piece to be full, however slowly it fills.
        while piece := response.raw.read1(_PIECE, decode_content=False):
            body += piece
            if len(body) > self.most_bytes:
                raise self._error(f"{self.address} answers with more than {self.most_bytes // 2**20} MiB")
        response._content = bytes(body)  # noqa: SLF001 - where requests keeps what it has read
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - likewise

    def _here(self, url: str, location: str) -> str:
        """Return where an address leads to, if that is where the token belongs."""
        try:
            target = urljoin(url, location)
            elsewhere = failures.origin(target) != failures.origin(self.address)
        except ValueError:  # it is no address
            elsewhere = True
        if elsewhere:
            raise self._error(f"{self.address} leads to another host, which is not followed", "look at the address")
        return target

    def _error(self, words: str, hint: str = "") -> ForgeError:
        return ForgeError(self.name, words, hint)

    def _broken(self, error: Exception, turn: int, late_s: float | None) -> _Fault:
        name, words = failures.told(self.address, error)
        if name in _HINTS:
            return _Fault(words, _HINTS[name])
        if type(error) is ValueError:  # of `urllib.parse`; what requests itself raises is more than that
            return _Fault(f"{self.address} redirects to something that is no address", "look at the address")
        if late_s is not None:
            words = f"{self.address} gave no whole answer within {late_s:g} s"
        return _Fault(words, done=not _unsent(error), pause_s=self._backoff_s(turn))

    def _refused(self, response: Response, turn: int) -> _Fault | None:
        """Return what is wrong with an answer that may be another one later."""
        status, now = response.status_code, self.pace.now()
        after_s = limits.retry_after_s(response.headers.get("Retry-After", ""), now)
        if _limited(response):
            reset_s = limits.reset_s(response.headers, now) if limits.used_up(response.headers) else None
            waits = (after_s, reset_s, self.pace.secondary_s * 2 ** (turn - 1))
            pause_s = max(next(wait for wait in waits if wait is not None), self.pace.backoff_s)
            return _Fault(f"{self.address} was asked too often ({status})", pause_s=pause_s)
        if status >= 500:
            pause_s = max(after_s or 0.0, self._backoff_s(turn))
            return _Fault(f"{self.address} fails ({status})", done=True, pause_s=pause_s)
        return None

    def _backoff_s(self, turn: int) -> float:
        return self.pace.backoff_s * float(2 ** (turn - 1))


def _limited(response: Response) -> bool:
    """Tell whether a forge wants to be left alone; GitHub says so by 403 too."""
    if response.status_code == 429:
        return True
    said = response.content[:4096].lower()
    if response.status_code != 403 or b"not accessible" in said:
        return False
    asked = "Retry-After" in response.headers or limits.used_up(response.headers)
    return asked or b"rate limit" in said or b"abuse detection" in said


def _unsent(error: Exception) -> bool:
    """Tell whether nothing of a request can have arrived: there was no connection to send it by."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, ConnectTimeout) or isinstance(reason, NewConnectionError)
