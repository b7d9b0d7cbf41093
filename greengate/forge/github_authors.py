"""Who wrote a pull request: whoever wrote or committed a commit of it; and whether all of them are known.

Source: GitHub documentation, "List commits on a pull request".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from greengate.forge.reading import maybe

MOST = 250
"""GitHub lists no more commits of a pull request."""
_ITSELF = "web-flow"  # GitHub, which commits what is edited or merged in a browser


def authors(commits: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Name who wrote and committed commits; a commit of an address that is no user's names nobody."""
    for commit in commits:
        for role in ("author", "committer"):
            login = maybe(commit, role, "login")
            if login and login.casefold() != _ITSELF:
                yield login


def doubt(commits: Sequence[dict[str, Any]], head: str) -> str:
    """Say why not everybody who wrote it is known; "" where everybody is."""
    if len(commits) >= MOST:
        return f"it has {MOST} commits or more, and GitHub lists {MOST} at most"
    if not any(maybe(commit, "sha") == head for commit in commits):
        return f"its commits, as GitHub lists them, do not end with {head[:10]}"
    return ""
