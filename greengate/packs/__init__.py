"""YAML files become policies, every mistake of every file told at once, each with its place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from greengate.errors import Place, PolicyError, Problems
from greengate.evidence import QualityScale
from greengate.packs import documents, waivers
from greengate.packs.inherit import Family
from greengate.packs.mistakes import shaped
from greengate.packs.sources import Library, Source
from greengate.policy import Policy
from greengate.ports import Tree

__all__ = ["load", "warnings"]

_SOON = 14  # days


def load(tree: Tree, paths: Sequence[str], scales: Mapping[str, QualityScale] | None = None) -> tuple[Policy, ...]:
    """Read policies and the waivers that name their rules.

    Args:
        tree: Where files are read from: the working tree, or a commit.
        paths: Shipped packs by name (`starter`), and files or patterns of files (`policies/*.yaml`) in the tree.
        scales: How the project reads its quality figures; None to take a policy's units at their word.

    Raises:
        Problems: Everything that is wrong in any of the files.
    """
    library = Library(tree)
    found = library.named(paths)
    kinds = {kind: [source for source in found if source.kind == kind] for kind in documents.KINDS}
    family = Family(library, dict(scales) if scales is not None else None)
    policies = [policy for source in kinds["Policy"] if (policy := family.policy(source)) is not None]
    _refuse_namesakes(kinds["Policy"])
    unread = frozenset(source.name for source in kinds["Policy"]) - {policy.name for policy in policies}
    waived = waivers.attach(waivers.Known(policies, None if library.broken else unread), kinds["Waiver"])
    for source in kinds["PolicyTest"]:
        shaped(documents.PolicyTest, source.value, source)
    if not kinds["Policy"] and not library.problems:
        library.problems.append(
            PolicyError(", ".join(paths), "no policy is written here", "name a shipped pack, such as `starter`")
        )
    if library.problems:
        raise Problems({str(problem): problem for problem in library.problems}.values())
    return waived


def _refuse_namesakes(sources: Iterable[Source]) -> None:
    first: dict[str, Place] = {}
    for source in sources:
        place = source.place(("metadata", "name"))
        if source.name and source.name in first:
            problem = f"the policy `{source.name}` is given twice; first at {first[source.name]}"
            source.complain(("metadata", "name"), problem, "rename one of them")
        first.setdefault(source.name, place)


def warnings(policies: Iterable[Policy], today: str) -> list[str]:
    """Say which waivers are over, or will be within two weeks; that is no error.

    Args:
        policies: What `load` returned.
        today: The date, YYYY-MM-DD.
    """
    soon = (dt.date.fromisoformat(today) + dt.timedelta(days=_SOON)).isoformat()
    told = []
    for waiver in (waiver for policy in policies for waiver in policy.waivers):
        if waiver.expired(today):
            told.append(f"{waiver.place}: the waiver {waiver.id} for {waiver.rule} expired on {waiver.expires}")
        elif waiver.expires <= soon:
            told.append(f"{waiver.place}: the waiver {waiver.id} for {waiver.rule} ends on {waiver.expires}")
    return told
