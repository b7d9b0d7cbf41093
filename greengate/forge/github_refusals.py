"""Why GitHub refuses, in words: which permission is missing, and where it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from requests import Response

from greengate.errors import ForgeError
from greengate.forge.patience import PAGE, Patient

_ACCEPTED = re.compile(r"([a-z_]+)=([a-z]+)")
_TOKEN = "pass it to the step: `env: {GITHUB_TOKEN: ${{ github.token }}}`; one that was passed may have expired"  # noqa: S105 - words
_WORKFLOW = (
    "add `{need}` to the `permissions:` of the workflow's job; an App or a fine-grained token gets it in its settings;"
    f" on a pull request from a fork the workflow's token can never write: see {PAGE}"
)
_ORGANISATION = (
    "the workflow's token never has it: give a GitHub App that has it (GREENGATE_GITHUB_APP_ID and"
    f" GREENGATE_GITHUB_APP_KEY), or a token (GREENGATE_GITHUB_TOKEN): see {PAGE}"
)


def refusal(session: Patient, response: Response, need: str) -> ForgeError:
    """Say why an answer is a refusal.

    Args:
        session: Who asked, and knows what must not be shown.
        response: What was answered.
        need: The permission that was needed, as a workflow writes it: `checks: write`.
    """
    status, told = response.status_code, _told(response)
    said = session.shown(told.get("message") or "")
    if status == 401:
        return ForgeError(session.name, f"the token is refused (401){_quoted(said)}", _TOKEN)
    if status == 403 and "not accessible" in said:
        return missing(session.name, _lacking(response.headers, need))
    if status == 403 and "must authenticate via a GitHub App" in said:
        problem = "check runs are written by a GitHub App or the workflow's own token alone, and this token is neither"
        return ForgeError(session.name, problem, f"give one of those: see {PAGE}")
    if status == 404:
        problem = f"`{session.shown(_path(response), 120)}` is not there, or the token may not see it (404)"
        return ForgeError(session.name, problem, f"look at its name, and whether the token has `{need}`")
    errors = told.get("errors") or []
    more = "; ".join(session.shown(_reason(one)) for one in errors[:3]) if isinstance(errors, list) else ""
    return ForgeError(session.name, f"it refuses ({status}){_quoted(said)}{f' ({more})' if more else ''}")


def missing(name: str, need: str) -> ForgeError:
    """Name the permission that a token lacks, and where it is given."""
    if need.startswith("members"):
        return ForgeError(name, f"the token lacks the organization's permission `{need}`", _ORGANISATION)
    return ForgeError(name, f"the token lacks `{need}`", _WORKFLOW.format(need=need))


def _lacking(headers: Mapping[str, str], need: str) -> str:
    """Read `x-accepted-github-permissions`: alternatives parted by semicolons, what is needed together by commas."""
    alternatives = [
        " and ".join(f"{name.replace('_', '-')}: {level}" for name, level in _ACCEPTED.findall(one))
        for one in headers.get("x-accepted-github-permissions", "")[:400].split(";")
    ]
    known = [one for one in alternatives if one]
    # What is read to be written to next is told as the one permission that both take.
    own = need in known or need.replace(": write", ": read") in known
    return need if own or not known else "` or `".join(known)


def _told(response: Response) -> dict[str, Any]:
    try:
        told = response.json()
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _reason(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(
        error.get("message") or " ".join(str(error[key]) for key in ("resource", "field", "code") if key in error)
    )


def _path(response: Response) -> str:
    return str(response.request.path_url).partition("?")[0]


def _quoted(said: str) -> str:
    return f": {said}" if said else ""
