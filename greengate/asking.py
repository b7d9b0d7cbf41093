"""What a forge knows of the reviews of a change, asked before the check and with a token that the check never sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from greengate import git
from greengate.changes import Approval, Asked, Change, Grant
from greengate.errors import ForgeError, GreengateError, UsageError
from greengate.forges import Forge, Review, Reviewed, Standing
from greengate.policy import Policy, Waiver
from greengate.trees import GitTree


def under_judgement(about: Change, root: Path) -> Change:
    """Return a change with the commit under judgement: where CI does not tell it, the one that is checked out.

    What a queue judges is a commit of its own, of which nobody can have approved.
    """
    if about.head or about.queued or not about.id:
        return about
    return about.model_copy(update={"head": git.toplevel_commit(root)})


def ask(forge: Forge, change: Change, policies: Sequence[Policy], root: Path, base: str) -> Asked:
    """Ask who has approved a change, for which owners they stand, and how the waivers came onto the base branch.

    What a forge does not tell is said in words, and counts as no approval.

    Args:
        forge: The change on its forge.
        change: The change.
        policies: The policies of the base, with their waivers.
        root: The project's folder.
        base: The base commit.

    Raises:
        ForgeError: Nothing at all could be asked.
    """
    owners = tuple(dict.fromkeys(owner for policy in policies for owner in _owners(policy)))
    people = _People(forge, owners, tuple(_by_name(policies)))
    now = forge.standing()
    # How waivers came onto the base branch has nothing to do with what the author pushes meanwhile.
    grants = tuple(_grants(people, policies, root, base))
    if words := _unheard(change, now):
        return Asked(change=change, grants=grants, unknown=(*people.unknown, words))
    reviews = [review for review in forge.reviews() if review.commit == now.head] if owners else []
    approvals = tuple(people.approval(review, now.authors) for review in reviews)
    return Asked(change=change, approvals=approvals, grants=grants, unknown=tuple(people.unknown))


def write(asked: Asked, path: Path) -> None:
    """Write it down for the check.

    Raises:
        UsageError: The file cannot be written.
    """
    try:
        path.write_text(asked.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(str(path), f"cannot be written: {error.strerror}") from error


def read(path: str, about: Change) -> Asked:
    """Read what was written down, for the same change.

    Raises:
        UsageError: It cannot be read, or is about another change or commit.
    """
    hint = "`greengate approvals` writes it, in the same job"
    try:
        asked = Asked.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(path, f"cannot be read: {error.strerror}", hint) from error
    except ValidationError as error:
        raise UsageError(path, "this is not what `greengate approvals` writes", hint) from error
    if (asked.change.id, asked.change.head) != (about.id, about.head):
        found = f"{asked.change.id or 'no change'} at {asked.change.head[:10] or 'no commit'}"
        raise UsageError(path, f"it is about {found}, and this check about {about.id} at {about.head[:10]}", hint)
    return asked


def untold(asked: Asked | None) -> Iterator[str]:
    """Say what the forge did not tell: who has approved, and how waivers that count all the same were granted."""
    for words in asked.unknown if asked else ():
        yield f"reviews: {words}"
    for grant in asked.grants if asked else ():
        if grant.reviewed is None:
            yield f"who approved the waiver {grant.waiver} is not known: {grant.words}"


class _People:
    """Who stands for which owner, asked once of each."""

    def __init__(self, forge: Forge, owners: Sequence[str], rules: Sequence[tuple[str, str]]) -> None:
        self.unknown: dict[str, None] = {}
        self._forge = forge
        self._owners = owners
        self._rules = rules
        self._known: dict[tuple[str, str], bool] = {}

    def approval(self, review: Review, authors: Iterable[str]) -> Approval:
        """Say for which owners a review counts."""
        stands = tuple(owner for owner in self._owners if self.stands(owner, review.by))
        own = _is_one(review.by, authors)
        return Approval(
            review=review.id,
            by=review.by,
            at=review.at,
            commit=review.commit,
            owners=stands,
            author=own,
            rules=tuple(rule for owner, rule in self._rules if owner in stands),
        )

    def stands(self, owner: str, who: str) -> bool:
        """Tell whether somebody is an owner; where the forge does not tell, no, and it is said."""
        key = (owner.casefold(), who.casefold())
        if key not in self._known:
            try:
                self._known[key] = self._forge.stands_for(owner, who)
            except ForgeError as error:
                self._known[key] = False
                self.unknown[f"whether @{who} is one of {owner} is not known: {_words(error)}"] = None
        return self._known[key]

    def brought(self, commit: str) -> Sequence[Reviewed]:
        """List the changes that brought a commit."""
        return self._forge.reviewed(commit)

    def doubts(self) -> int:
        """Count what could not be told so far."""
        return len(self.unknown)


def _grants(people: _People, policies: Sequence[Policy], root: Path, base: str) -> Iterator[Grant]:
    for policy in policies:
        for waiver in policy.waivers:
            yield _grant(people, policy, waiver, root, base)


def _grant(people: _People, policy: Policy, waiver: Waiver, root: Path, base: str) -> Grant:
    """Find the change that last touched a waiver's file, and an owner's review of it."""
    owners = _of_waiver(policy, waiver)
    if not owners:
        return Grant(waiver=waiver.id, reviewed=None, words=f"the policy {policy.name} names no owners")
    commit = git.last_touched(root, base, waiver.place.file)
    if not commit:
        return Grant(waiver=waiver.id, reviewed=None, words="the commit that brought it is not in this clone")
    if GitTree(root, base).is_link(waiver.place.file):
        return Grant(waiver=waiver.id, reviewed=False, words=f"{waiver.place.file} is a symbolic link")
    try:
        return _judged(people, owners, waiver, commit)
    except ForgeError as error:
        return Grant(waiver=waiver.id, reviewed=None, words=_words(error))


def _owners(policy: Policy) -> Iterator[str]:
    """Name all who may let anything of a policy through."""
    yield from policy.owners
    for rule in policy.rules:
        yield from policy.owners_of(rule)


def _by_name(policies: Sequence[Policy]) -> Iterator[tuple[str, str]]:
    """Go through the owners who are persons, each with a rule that they may let through."""
    for policy in policies:
        for rule in policy.rules:
            named = [owner for owner in policy.owners_of(rule) if owner.startswith("@") and "/" not in owner]
            yield from ((owner, f"{policy.name}/{rule.id}") for owner in named)


def _of_waiver(policy: Policy, waiver: Waiver) -> tuple[str, ...]:
    """Name the owners of the rule that a waiver is for."""
    found = [policy.owners_of(rule) for rule in policy.rules if f"{policy.name}/{rule.id}" == waiver.rule]
    return found[0] if found else policy.owners


def _judged(people: _People, owners: Sequence[str], waiver: Waiver, commit: str) -> Grant:
    before, changes = people.doubts(), people.brought(commit)
    for change in changes:
        if (review := _by_an_owner(people, owners, change)) is not None:
            return Grant(
                waiver=waiver.id, reviewed=True, by=review.by, review=review.id, at=review.at, change=change.id
            )
    if people.doubts() > before:
        return Grant(waiver=waiver.id, reviewed=None, words="; ".join(list(people.unknown)[before:]))
    if not changes:
        return Grant(waiver=waiver.id, reviewed=False, words=f"{commit[:10]} was pushed without a change to review")
    named = ", ".join(change.id for change in changes)
    return Grant(waiver=waiver.id, reviewed=False, change=changes[0].id, words=f"{named} has no such review")


def _by_an_owner(people: _People, owners: Iterable[str], change: Reviewed) -> Review | None:
    for review in change.reviews:
        if not _is_one(review.by, change.authors) and any(people.stands(owner, review.by) for owner in owners):
            return review
    return None


def _unheard(change: Change, now: Standing) -> str:
    """Say why no review of the change can count; "" where one can."""
    if change.head and now.head != change.head:
        return f"the change has moved on to {now.head[:10]}, so that its reviews are of another commit"
    return f"who wrote the change is not known: {now.untold}; none of its reviews counts" if now.untold else ""


def _is_one(who: str, authors: Iterable[str]) -> bool:
    return who.casefold() in {author.casefold() for author in authors}


def _words(error: GreengateError) -> str:
    return f"{error.problem}; {error.hint}" if error.hint else error.problem
