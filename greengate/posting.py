"""A forge is told what was concluded: by the one living comment, and by a check beside the change's newest commit.

Whether it can be told changes nothing of what was concluded, which has been written down before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from greengate.changes import Change
from greengate.errors import ForgeError, Problems
from greengate.forge import living
from greengate.forges import Forge, Mark, Remark
from greengate.report.account import Account
from greengate.report.annotation import annotate
from greengate.verdict import Outcome

CHECK = "greengate"

_LEVELS = {
    Outcome.FAILED: "failure",
    Outcome.ERRORED: "failure",
    Outcome.INCONCLUSIVE: "failure",
    Outcome.WARNED: "warning",
    Outcome.WAIVED: "notice",
}
_MOST_SUMMARY = 60_000  # of the 65,535 characters that a check's summary may have

Words = Callable[[Account, int], str]
"""Writes the ledger of an account as Markdown, not longer than so many characters."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What to tell, of which change, and how.

    Attributes:
        change: The change, with its newest commit and the run that judged it.
        key: What the comment is about, such as the path of the project file: each has a comment of its own.
        words: Writes the ledger.
    """

    account: Account
    change: Change
    key: str
    words: Words

    @property
    def check(self) -> str:
        """The name of the check; projects besides the one at the root have checks of their own."""
        return CHECK if self.key == "greengate.yaml" else f"{CHECK} ({self.key})"


def tell(forge: Forge, telling: Telling, *, comment: bool = True, check: bool = True) -> Iterator[str]:
    """Tell a forge, and yield in words what was done; what fails does not keep the rest from being done.

    Raises:
        ForgeError: Something could not be told.
        Problems: Several things could not.
    """
    wrong: list[ForgeError] = []
    for wanted, act in ((comment, _say), (check, _show)):
        try:
            if wanted:
                yield act(forge, telling)
        except ForgeError as error:
            wrong.append(error)
    if wrong:
        raise wrong[0] if len({str(error) for error in wrong}) == 1 else Problems(wrong)


def body(telling: Telling, most: int) -> str:
    """Write the comment, without its hidden marker."""
    return telling.words(telling.account, most)


def _say(forge: Forge, telling: Telling) -> str:
    most = living.room(forge, telling.change.run, telling.key)
    return living.tell(forge, body(telling, most), telling.change.run, telling.key)


def _show(forge: Forge, telling: Telling) -> str:
    commit = telling.change.head
    if not commit:
        raise ForgeError(forge.name, "it is not known which commit was judged, so that no check can stand beside it")
    place = forge.show(
        Mark(
            name=telling.check,
            commit=commit,
            outcome=telling.account.outcome,
            title=telling.account.summary,
            summary=telling.words(telling.account, _MOST_SUMMARY),
            key=_key(telling),
            page=telling.change.page,
            remarks=tuple(_remarks(telling.account)),
        )
    )
    return f"the check {telling.check} stands beside {commit[:10]}{f': {place}' if place else ''}"


def _key(telling: Telling) -> str:
    """Name a check by its run and its policies, so that one that is posted again is found again."""
    policies = sorted({f"{name} {digest}" for entry in telling.account.entries for name, digest in entry.policies})
    digest = hashlib.sha256("\n".join([telling.key, *policies]).encode()).hexdigest()
    return f"{telling.change.run or telling.account.taken_at}:{digest[:16]}"


def _remarks(account: Account) -> Iterator[Remark]:
    """Remark on what did not pass, the gravest first."""
    found = [
        (finding.outcome, name, annotate(entry, finding, account.project))
        for entry in account.entries
        for finding, name, _ in entry.marks
        if finding.outcome in _LEVELS
    ]
    for outcome, name, told in sorted(found, key=lambda one: -one[0].gravity):
        yield Remark(told.path, told.line, _LEVELS[outcome], name, told.text)
