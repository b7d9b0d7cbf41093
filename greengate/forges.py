"""The seam to a forge: what GitHub, GitLab or another one must offer so that a verdict can be told there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from greengate.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a change, with the forge's id; the higher the id, the newer."""

    id: int
    body: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence at a line of a file, for a check that can show it there.

    Attributes:
        level: "failure", "warning" or "notice".
    """

    path: str
    line: int
    level: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a check shows beside a commit.

    Attributes:
        name: The check's name.
        commit: The commit that it stands beside: the head of the change.
        outcome: What was concluded of the whole.
        title: The verdict in one line.
        summary: The ledger, as Markdown.
        key: The same for the same run and the same policies: what is there already is changed, not added.
        page: Web address of the run; "" where there is none.
    """

    name: str
    commit: str
    outcome: Outcome
    title: str
    summary: str
    key: str
    page: str = ""
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """An approving review, as it stands now.

    Attributes:
        at: When it was given (UTC, ISO 8601).
        commit: The commit that was approved.
    """

    id: str
    by: str
    at: str
    commit: str


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A change that was merged: who made it, and the approving reviews that it had.

    Attributes:
        authors: Who opened it, and who wrote or committed its commits, as far as the forge names them.
    """

    id: str
    authors: frozenset[str]
    reviews: tuple[Review, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A change as it stands: its newest commit, who made it, whether it is open, where from.

    Attributes:
        authors: Who opened it, and who wrote or committed its commits, as far as the forge names them.
        untold: Why not all of them are known, so that no review of it counts; "" where they are.
    """

    head: str
    authors: frozenset[str]
    open: bool
    fork: bool
    untold: str = ""


class Forge(Protocol):
    """One change on a forge.

    Every method raises `ForgeError` for whatever the forge or the network does: in words, and with the permission that
    is missing where that is what is wrong. None of them shows or keeps the token.
    """

    name: str
    most: int
    """How many characters a comment may have."""

    def standing(self) -> Standing:
        """Tell how the change stands."""

    def comments(self) -> Iterator[Comment]:
        """Go through the comments that are our own, over all pages, the oldest first."""

    def say(self, body: str) -> Comment:
        """Write a comment.

        Raises:
            Unanswered: It is not known whether it was written.
        """

    def edit(self, comment: int, body: str) -> bool:
        """Write a comment of our own anew; False where it is gone."""

    def take_back(self, comment: int) -> None:
        """Remove a comment of our own; one that is gone already is no mistake."""

    def show(self, mark: Mark) -> str:
        """Show a check beside a commit, once for its key; return its web address, or "" where it has none."""

    def reviews(self) -> Sequence[Review]:
        """List the approving reviews that still count for the newest commit: the newest word of each reviewer."""

    def reviewed(self, commit: str) -> Sequence[Reviewed]:
        """List the merged changes that brought a commit onto its branch; none if it was pushed directly.

        Where not everybody is known who made one of them, that is a `ForgeError` too.
        """

    def stands_for(self, owner: str, who: str) -> bool:
        """Tell whether somebody is an owner that a policy names: that user (`@olga`), or one of a team or group."""

    def close(self) -> None:
        """Let go of connections; calling it twice does no harm."""
