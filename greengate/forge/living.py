"""The one living comment: written once, then edited, however often a change is pushed and whoever else writes there.

Its first line is a hidden marker. It is looked for in our own comments alone, and there alone at the very beginning,
so that nothing that others write, or that is quoted in our own, can pass for it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from greengate.errors import Unanswered, UsageError
from greengate.forges import Comment, Forge

_MARKER = re.compile(r"<!-- greengate key=(\S*) run=([0-9.]{0,64}) sha256=([0-9a-f]{64}) -->\r?\n")
_RUN = re.compile(r"(?=.{0,64}$)(?:\d+(?:\.\d+)*)?", re.ASCII)
_TRIES = 2


@dataclass(frozen=True, slots=True)
class _Marked:
    """A comment of our own that carries the marker of our key."""

    comment: Comment
    run: str
    sha256: str

    @property
    def rank(self) -> tuple[tuple[int, ...], int]:
        return _order(self.run), self.comment.id

    def says(self, text: str) -> bool:
        """Tell whether it says that already, for that run, and nobody has changed what was written.

        A newer run with the same to say is written into the marker, which notifies nobody: an older one that ends
        later could not know of it otherwise.
        """
        marked = _MARKER.match(text)
        told = _digest(_MARKER.sub("", self.comment.body, count=1))
        return marked is not None and (self.run, self.sha256) == (marked[2], marked[3]) and told == self.sha256


def tell(forge: Forge, body: str, run: str, key: str) -> str:
    """Say it in the one comment for this key; return in words what was done.

    Args:
        forge: The change.
        body: What to say, as Markdown.
        run: The CI run and its attempt, `17234567890.2`; "" where there is none.
        key: What the comment is about, such as the project's path: another key has a comment of its own.

    Raises:
        ForgeError: It could not be told.
        UsageError: The run is no number.
    """
    text = _marker(body, run, key) + body
    if len(text) > forge.most:
        raise AssertionError(f"a comment of {len(text)} characters where {forge.most} fit")
    if found := _find(forge, key):
        return _settle(forge, text, run, found)
    _write(forge, text, key)
    # Another run may have written at the same time, and seen as little of this one.
    found = _find(forge, key)
    return _settle(forge, text, run, found) if len(found) > 1 else "the comment was written"


def room(forge: Forge, run: str, key: str) -> int:
    """Return how many characters a body may have beside its marker."""
    return forge.most - len(_marker("", run, key))


def _write(forge: Forge, text: str, key: str) -> None:
    for turn in range(1, _TRIES + 1):
        try:
            forge.say(text)
        except Unanswered:
            if _find(forge, key):
                return
            if turn == _TRIES:
                raise
        else:
            return


def _settle(forge: Forge, text: str, run: str, found: list[_Marked]) -> str:
    """Leave one comment of several, the oldest, with what the newest run has to say."""
    keeper, others, newest = found[0], found[1:], max(found, key=lambda one: one.rank)
    newer = _order(newest.run) > _order(run)
    wanted = newest.comment.body if newer else text
    words = f"a newer run ({newest.run}) has told it already" if newer else "the comment was brought up to date"
    if keeper.comment.body == wanted or keeper.says(wanted):
        words = words if newer else "the comment stands as it was"
    elif not forge.edit(keeper.comment.id, wanted):
        # Somebody has deleted it just now: the next one takes its place, or a new one.
        return _settle(forge, wanted, newest.run if newer else run, others) if others else _again(forge, wanted)
    for other in others:
        forge.take_back(other.comment.id)
    return f"{words}, and {len(others)} more taken back" if others else words


def _again(forge: Forge, text: str) -> str:
    forge.say(text)
    return "the comment was written again"


def _find(forge: Forge, key: str) -> list[_Marked]:
    """List the comments with our key, the oldest first."""
    found = []
    for comment in forge.comments():
        marked = _MARKER.match(comment.body)
        if marked is not None and unquote(marked[1]) == key:
            found.append(_Marked(comment, marked[2], marked[3]))
    return sorted(found, key=lambda one: one.comment.id)


def _marker(body: str, run: str, key: str) -> str:
    if _RUN.fullmatch(run) is None:
        raise UsageError("run", f"`{run}` is no run", "write its number and its attempt: `17234567890.2`")
    # A comment in HTML ends at `-->`, and to some at `--`.
    named = quote(key, safe="/").replace("--", "%2D%2D")
    return f"<!-- greengate key={named} run={run} sha256={_digest(body)} -->\n"


def _order(run: str) -> tuple[int, ...]:
    return tuple(int(part) for part in run.split(".") if part)


def _digest(body: str) -> str:
    """Return the SHA-256 of a text as forges keep it: they change ends of lines, and drop spaces at the end of all."""
    return hashlib.sha256("\n".join(body.splitlines()).strip().encode()).hexdigest()
