"""The change under judgement, and who on the forge stands for it: as plain values, whichever forge it is.

A change is a pull request on GitHub or a merge request on GitLab.
"""

from __future__ import annotations

from greengate.values import Value


class Change(Value):
    """A change, and the run that judges it.

    Attributes:
        id: `owner/repo#12` on GitHub, `group/project!12` on GitLab; "" where none is known.
        forge: "github" or "gitlab"; "" where none is known.
        head: The commit that its author pushed last (hex), never the merge commit that a forge makes of it; "" where it
            is not known.
        run: The CI run that judges it and the attempt, as in `17234567890.2`: numbers that only grow.
        page: Web address of the run.
        fork: Whether it comes from another repository, and so without secrets and permissions.
        queued: Whether it is judged in a merge queue or a merge train, together with what is ahead of it.
        leg: Which leg of a matrix of runners judges it; "" where there is but one.
    """

    id: str = ""
    forge: str = ""
    head: str = ""
    run: str = ""
    page: str = ""
    fork: bool = False
    queued: bool = False
    leg: str = ""


NO_CHANGE = Change()
"""Nothing is known of a change, as on a developer's machine."""


FORGOTTEN = "a forgotten person"
"""Stands where the ledger does not know any more who somebody was."""
PSEUDONYM = "person:"
"""Begins what stands in the place of a person in the ledger, and where whoever reads it may not know who that is."""


class Approval(Value):
    """An approving review that counts for the commit under judgement.

    Attributes:
        review: The forge's id of the review.
        by: Who gave it, by the forge's name.
        at: When (UTC, ISO 8601).
        commit: The commit that was reviewed.
        owners: The owners of policies that this person stands for, as policies write them: `@olga`, `@acme/green`.
        author: Whether the change, or a commit of it, is this person's own.
        rules: The rules (`policy/rule`) of which this person is an owner by name: so much stays known of a person whom
            the ledger has forgotten, or may not name.
    """

    review: str
    by: str
    at: str
    commit: str
    owners: tuple[str, ...] = ()
    author: bool = False
    rules: tuple[str, ...] = ()

    def owns(self, rule: str, owners: set[str]) -> bool:
        """Tell whether this person is one of some owners (in small letters), or was one of a rule and is not named."""
        gone = any(owner.startswith((FORGOTTEN, PSEUDONYM)) for owner in self.owners)
        return bool(owners & {owner.casefold() for owner in self.owners}) or (gone and rule in self.rules)


class Grant(Value):
    """How a waiver came onto the base branch, as the forge tells it.

    Attributes:
        waiver: The waiver's id.
        reviewed: Whether a policy's owner who is not its author approved the change that brought it; None where that
            cannot be told.
        by: Who approved it.
        review: The forge's id of that review.
        at: When (UTC, ISO 8601).
        change: The change that brought it.
        words: Why it counts as not reviewed, or cannot be told.
    """

    waiver: str
    reviewed: bool | None
    by: str = ""
    review: str = ""
    at: str = ""
    change: str = ""
    words: str = ""


class Asked(Value):
    """What a forge was asked before a check: the reviews of a change, and how waivers were granted.

    Attributes:
        change: The change.
        approvals: Approving reviews of its head commit.
        grants: The waivers of the base branch.
        unknown: What could not be found out, in words, with the permission that is missing.
    """

    change: Change
    approvals: tuple[Approval, ...] = ()
    grants: tuple[Grant, ...] = ()
    unknown: tuple[str, ...] = ()
