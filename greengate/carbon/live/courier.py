"""How a live source is asked: patiently but not for ever, kindly, and without ever telling its key.

| what | how |
|---|---|
| limits | 10 s an answer, 30 s in all, 4 tries, 1 MiB |
| asked again | after 5xx, a broken connection or no answer in time, after twice as long each time |
| | after 429, when it says |
| not asked again | after any other status: a refused key stays refused |
| kept | an answer that could be read, for as long as its source says; never a failure, never a token |
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from greengate.carbon.live.keeping import Kept
from greengate.carbon.live.reading import Odd
from greengate.errors import SourceError
from greengate.settings import LiveAccess
from greengate.web import addresses
from greengate.web.asking import MAX_BYTES, Answer, Asker, NoAnswer, Way, said
from greengate.web.limits import retry_after_s

_PASSING = ("timeout", "unreachable", "closed", "broken")
_HINTS = {
    "timeout": "ask again later",
    "unreachable": "look whether the address and the proxy are right and this machine may reach them",
    "uncertified": "give the certificate of its authority: GREENGATE_WINDOW_CA=/path/to/ca.pem",
    "no-tls": "is it an `http://` address?",
    "elsewhere": "look where the service is now, and give that address",
}
_REASON = 120  # characters
_SHAPE = "look whether it is that service, and report it if it is"
_Read = TypeVar("_Read")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a source is asked, and by which clock."""

    timeout_s: float = 10.0
    budget_s: float = 30.0
    tries: int = 4
    backoff_s: float = 0.5
    now: Callable[[], datetime] = _now
    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Letter:
    """An answer: what its JSON tells, and the SHA-256 (hex) of its bytes."""

    told: Any
    sha256: str


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask.

    Attributes:
        path: The path below the address.
        params: What is asked, without any key.
        fresh_for: For how long an answer stays good; zero keeps none.
        headers: What this question alone carries, such as a token.
    """

    path: str
    params: Mapping[str, str]
    fresh_for: timedelta = timedelta(0)
    headers: Mapping[str, str | bytes] | None = None


class Courier:
    """Asks one live source.

    Args:
        name: The source's word; its errors begin with it.
        address: Where it is asked.
        access: Keys, proxy, authorities and the folder of kept answers.
        headers: What every question carries.
        refusals: By status: what it means and what helps.
        pace: How long it is asked.
    """

    def __init__(  # noqa: PLR0913 - what is said of it is said here once
        self,
        name: str,
        address: str,
        access: LiveAccess,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        refusals: Mapping[int, tuple[str, str]] | None = None,
        pace: Pace = PACE,
    ) -> None:
        self.name = name
        secret = bool(access.token or access.password)
        self.address = addresses.checked(name, access.address or address, secret=secret, page="docs/window.md")
        proxy = addresses.proxy_for(name, self.address, access.proxies)
        addresses.refuse_missing("GREENGATE_WINDOW_CA", access.ca_file)
        self._asker = Asker(self.address, Way(headers or {}, access.ca_file, proxy))
        self._kept = Kept(access.cache)
        self._refusals = refusals or {}
        self._secrets: set[str] = set()
        self.hide(access.token, access.password, urlsplit(proxy).password or "")
        if access.password:
            self.hide(basic(access))
        self.pace = pace

    def hide(self, *secrets: str) -> None:
        """Never tell these, whoever echoes them, nor keep an answer that holds one."""
        self._secrets |= {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}

    def read(self, question: Question, reading: Callable[[Letter], _Read]) -> _Read:
        """Ask, and return what `reading` makes of the answer.

        Raises:
            SourceError: There is no answer, or none that can be read.
        """
        name = f"{self.address}{question.path}?{urlencode(sorted(question.params.items()))}"
        now = self.pace.now()
        body = self._kept.find(name, now, question.fresh_for) if question.fresh_for else None
        if body is not None:
            try:
                return reading(_opened(body))
            except Odd:
                pass  # it is asked again, and the answer takes its place
        body = self._asked(question)
        try:
            found = reading(_opened(body))
        except Odd as odd:
            raise self._error(odd.told(self._masked), _SHAPE) from None
        if question.fresh_for and not any(secret.encode() in body for secret in self._secrets):
            self._kept.keep(name, now, body)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._asker.close()

    def _asked(self, question: Question) -> bytes:
        until_s = self.pace.monotonic_s() + self.pace.budget_s
        for turn in range(1, self.pace.tries + 1):
            left_s = until_s - self.pace.monotonic_s()
            found, pause_s = self._turn(question, min(self.pace.timeout_s, max(left_s, 0.1)), turn)
            if isinstance(found, bytes):
                return found
            late = pause_s is not None and self.pace.monotonic_s() + pause_s >= until_s
            if pause_s is None or late or turn == self.pace.tries:
                raise found
            self.pace.sleep(pause_s)
        raise AssertionError  # pragma: no cover - the last turn returns or raises

    def _turn(self, question: Question, timeout_s: float, turn: int) -> tuple[bytes | SourceError, float | None]:
        """Ask once: the answer, or what is wrong and after how many seconds it may be asked again."""
        backoff_s = self.pace.backoff_s * 2 ** (turn - 1)
        try:
            answer = self._asker.ask(question.path, question.params, timeout_s, question.headers)
        except NoAnswer as none:
            error = self._error(self._why(none), _HINTS.get(none.name, ""))
            return error, backoff_s if none.name in _PASSING else None
        if answer.status == 200:
            return answer.body, None
        return self._refusal(answer), self._pause_s(answer, backoff_s)

    def _why(self, none: NoAnswer) -> str:
        # Where it leads may be made of what was sent.
        elsewhere = f"{self.address} redirects to another host, which is not followed"
        return elsewhere if none.name == "elsewhere" else none.words

    def _refusal(self, answer: Answer) -> SourceError:
        words, hint = self._refusals.get(answer.status, _usual(answer.status))
        wait_s = retry_after_s(answer.headers.get("Retry-After", ""), self.pace.now())
        if answer.status == 429 and wait_s:
            hint = f"it wants to be left alone for {wait_s:.0f} s"
        reason = ""
        with suppress(Odd):
            # Masked before it is cut short, so that no key is shown by half.
            reason = self._masked(said(_opened(answer.body).told, MAX_BYTES))[:_REASON]
        return self._error(f"{words} ({answer.status}){f': {reason}' if reason else ''}", hint)

    def _pause_s(self, answer: Answer, backoff_s: float) -> float | None:
        if answer.status == 429:
            return max(retry_after_s(answer.headers.get("Retry-After", ""), self.pace.now()) or 0.0, backoff_s)
        return backoff_s if answer.status >= 500 else None

    def _error(self, words: str, hint: str) -> SourceError:
        return SourceError(self.name, self._masked(words), hint)

    def _masked(self, words: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            words = re.sub(re.escape(secret), "***", words, flags=re.IGNORECASE)
        return words


def basic(access: LiveAccess) -> str:
    """Write user and password as RFC 7617 has them."""
    return base64.b64encode(f"{access.user}:{access.password}".encode()).decode()


def _opened(body: bytes) -> Letter:
    try:
        told = json.loads(body, parse_float=Decimal, parse_constant=Decimal)
        return Letter(told, hashlib.sha256(body).hexdigest())
    except (ValueError, ArithmeticError, RecursionError):
        raise Odd("its answer is no JSON") from None


def _usual(status: int) -> tuple[str, str]:
    if status == 429:
        return "it was asked too often", "ask later, or less often"
    if status >= 500:
        return "it fails", "ask again later"
    return ("it knows no such thing", "look at zone and address") if status == 404 else ("it refuses the question", "")
