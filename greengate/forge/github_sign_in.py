"""As whom GitHub is asked: by a token, or as an App that is installed on the repository; and by which name that is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt
from github3.session import AppBearerTokenAuth, AppInstallationTokenAuth

from greengate.errors import ForgeError, UsageError
from greengate.forge.github_client import Client, Refused
from greengate.forge.reading import entry
from greengate.settings import ForgeAccess

WORKFLOW = "github-actions[bot]"
TELLING = {"checks": "write", "members": "read", "metadata": "read", "pull_requests": "write"}
READING = {"actions": "read", "contents": "read", "metadata": "read", "pull_requests": "read"}
_APP_ID, _APP_KEY = "GREENGATE_GITHUB_APP_ID", "GREENGATE_GITHUB_APP_KEY"
# GitHub refuses what was signed in its future, and what is good for more than ten minutes.
_SLOW_CLOCK_S, _GOOD_FOR_S = 60, 540
_FOREVER = "9999-12-31T23:59:59Z"


class _Token(AppInstallationTokenAuth):  # type: ignore[misc]  # github3.py has no types
    def __repr__(self) -> str:
        return "a token"


class _Signed(AppBearerTokenAuth):  # type: ignore[misc]  # likewise
    def __repr__(self) -> str:
        return "a signed token"


def refuse_unusable(access: ForgeAccess) -> None:
    """Refuse an access that cannot open anything.

    Raises:
        ForgeError: There is nothing to sign in with.
        UsageError: What there is cannot be used.
    """
    if bool(access.app_id) != bool(access.app_key):
        lacking, given = (_APP_KEY, _APP_ID) if access.app_id else (_APP_ID, _APP_KEY)
        raise UsageError("github", f"{given} is set and {lacking} is not", "an App needs both")
    if not access.app_id and not access.token:
        hint = "pass one to the step: `env: {GITHUB_TOKEN: ${{ github.token }}}`; or set GREENGATE_GITHUB_TOKEN"
        raise ForgeError("github", "there is no token to ask with", hint)
    if not all(sign.isascii() and sign.isprintable() and sign != " " for sign in access.token + access.app_id):
        raise UsageError("github", "its token or App id has characters that none has", "copy it again")


def sign_in(client: Client, access: ForgeAccess, owner: str, name: str, needed: Mapping[str, str]) -> str:
    """Sign a client in for a repository; return the name that its comments will have.

    Args:
        client: The client.
        access: What it is asked with.
        owner: The repository's owner.
        name: The repository's name.
        needed: The permissions that an App asks for, `TELLING` or `READING`.

    Raises:
        ForgeError: The key or token is refused, or the App is not installed there.
        UsageError: The App's key is none.
    """
    if access.app_id:
        return _as_app(client, access, owner, name, needed)
    client.session.auth = _Token(access.token, _FOREVER)
    try:
        return entry(client.read("user", need="a valid token"), "login", kind=str)
    except Refused as refused:
        # An installation's token, such as a workflow's own, is nobody's.
        if refused.status == 403:
            return WORKFLOW
        raise


def _as_app(client: Client, access: ForgeAccess, owner: str, name: str, needed: Mapping[str, str]) -> str:
    session = client.session
    signed = _signed(access)
    session.hide(signed)
    session.auth = _Signed(signed, _GOOD_FOR_S)
    with client.translated("metadata: read"):
        slug = _slug(client)
        installed = _installation(client, owner, name)
        granted = entry(installed, "permissions", kind=dict)
        body = {"repositories": [name], "permissions": _asked_for(granted, needed)}
        path = ("app", "installations", str(entry(installed, "id", kind=int)), "access_tokens")
        # A second token does no harm: both end within the hour.
        made = client.write("post", *path, need="metadata: read", body=body, repeat=True)
        token, until = entry(made, "token", kind=str), entry(made, "expires_at", kind=str)
        session.hide(token)
        session.auth = _Token(token, until)
    return f"{slug}[bot]"


def _slug(client: Client) -> str:
    """Return the App's name, as its comments have it."""
    try:
        return entry(client.read("app", need="a valid key"), "slug", kind=str)
    except Refused as refused:
        if refused.status != 401:
            raise
        hint = f"look whether {_APP_ID} and {_APP_KEY} are of one App, and whether this machine's clock is right"
        raise ForgeError("github", f"the App is refused: {refused.problem.partition(': ')[2]}", hint) from None


def _installation(client: Client, owner: str, name: str) -> dict[str, Any]:
    try:
        return client.read("repos", owner, name, "installation", need="metadata: read")
    except Refused as refused:
        if refused.status != 404:
            raise
        hint = "install it there, or on the organization, in its settings on GitHub"
        raise ForgeError("github", f"the App is not installed on `{owner}/{name}`", hint) from None


def _signed(access: ForgeAccess) -> str:
    """Sign as the App does (RS256)."""
    # A key that came through one line of a variable has its ends of lines written out.
    now = int(time.time())
    claims = {"iat": now - _SLOW_CLOCK_S, "exp": now + _GOOD_FOR_S, "iss": access.app_id}
    try:
        return jwt.encode(claims, access.app_key.strip().replace("\\n", "\n"), algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        hint = "give the whole private key of the App (PEM), as GitHub made it"
        raise UsageError(_APP_KEY, "it is no private key that an App has", hint) from None


def _asked_for(granted: dict[str, Any], needed: Mapping[str, str]) -> dict[str, str]:
    """Return of what an installation has been granted only what is needed: asking for more would be refused."""
    return {
        name: level if granted[name] in {level, "write", "admin"} else "read"
        for name, level in needed.items()
        if name in granted
    }
