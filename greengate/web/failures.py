"""What happened when an address gave no answer, in words that hold nothing of what was sent."""

from __future__ import annotations

from http.client import HTTPException, RemoteDisconnected
from ssl import SSLCertVerificationError
from urllib.parse import urlsplit


def told(address: str, error: Exception) -> tuple[str, str]:
    """Name what happened, and say it: "uncertified", "no-tls", "closed", "broken" or "unreachable"."""
    from requests.exceptions import SSLError  # noqa: PLC0415 - heavy
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - heavy

    cause = _root(error)
    # Behind a proxy, the last of the exceptions holds it and is not raised from it.
    if any(isinstance(one, SSLCertVerificationError) for one in (cause, *cause.args)):
        return "uncertified", f"{address} shows no certificate that is trusted here"
    if isinstance(error, SSLError):
        return "no-tls", f"{address} does not speak TLS"
    if isinstance(cause, RemoteDisconnected):
        return "closed", f"{address} closed the connection without an answer"
    if isinstance(cause, HTTPException) or (isinstance(error, HTTPError) and not isinstance(error, ValueError)):
        return "broken", f"{address} broke its answer off, or does not speak HTTP"
    # The text of other exceptions may hold what was sent.
    reason = cause.strerror if isinstance(cause, OSError) else None
    reason = reason or (str(cause) if type(cause) is OSError else type(cause).__name__)
    return "unreachable", f"{address} cannot be asked: {reason}"


def timed_out(error: Exception) -> bool:
    """Tell whether an exception says that time ran out."""
    from requests.exceptions import Timeout  # noqa: PLC0415 - heavy

    return isinstance(error, Timeout) or isinstance(_root(error), TimeoutError)


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)


def _root(error: BaseException) -> BaseException:
    """Return the exception that all the others are about."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error
