"""Where a service is asked, and what may not be sent there."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from greengate.errors import UsageError


def checked(name: str, address: str, *, secret: bool, page: str) -> str:
    """Return an address that may be asked.

    Args:
        name: What an error begins with.
        address: The address.
        secret: Whether a key is sent along.
        page: The page that shows the variables.

    Raises:
        UsageError: It is no address, holds credentials, or a key would travel in the clear.
    """
    parts = _split(name, address)
    if parts.username is not None or parts.password is not None:
        raise UsageError(name, "its address holds a user or a password", f"give those in variables: see {page}")
    if parts.query or parts.fragment:
        raise UsageError(name, "its address goes on behind the path", "leave `?` and `#` out")
    if secret and parts.scheme == "http" and not _loopback(parts.hostname or ""):
        raise UsageError(name, f"a key would be sent to `{address}` in the clear", "use an `https://` address")
    return address.rstrip("/")


def _split(name: str, address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        whole = ""
    if not whole or not address.isprintable() or " " in address:
        # What is no address may be a key that was put into the wrong variable.
        raise UsageError(name, "its address is none", "write it like `https://host.example:8080`")
    return parts


def proxy_for(name: str, address: str, proxies: Mapping[str, str]) -> str:
    """Name the proxy that leads to an address; "" where none does. Loopback is never asked through one.

    Raises:
        UsageError: It is no HTTP proxy.
    """
    parts = urlsplit(address)
    proxy = proxies.get(parts.scheme, "")
    if not proxy or _loopback(parts.hostname or ""):
        return ""
    if any(_names(entry.strip(), parts) for entry in proxies.get("no", "").split(",")):
        return ""
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(("http://", "https://")):
        problem = f"the proxy of the environment is a `{proxy.partition('://')[0]}` one, which is not spoken here"
        raise UsageError(name, problem, "name an HTTP proxy, or the host in `no_proxy`")
    return proxy


def _names(entry: str, parts: SplitResult) -> bool:
    """Tell whether an entry of `no_proxy` names a host: `*`, the host or a domain above it, perhaps with a port."""
    name, _, port = entry.lstrip("*").lstrip(".").lower().partition(":")
    if port and port != str(parts.port or {"http": 80, "https": 443}[parts.scheme]):
        return False
    host = parts.hostname or ""
    return entry == "*" or (bool(name) and (host == name or host.endswith(f".{name}")))


def refuse_missing(variable: str, ca_file: str) -> None:
    """Refuse certificate authorities that are not there.

    Raises:
        UsageError: They are not.
    """
    if ca_file and not Path(ca_file).exists():
        raise UsageError(variable, f"there is no `{ca_file}`", "name a file of certificates (PEM)")


def header(name: str, variable: str, value: str) -> str:
    """Return a key that a header can carry.

    Raises:
        UsageError: It cannot.
    """
    if value and not (value.isascii() and value.isprintable()):
        raise UsageError(name, f"{variable} has characters that no key has", "copy it again")
    return value


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
