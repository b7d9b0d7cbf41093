"""Why the figures of a run that a change controls are not believed: what they are of, and what ran beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from greengate import grounds
from greengate.errors import GreengateError
from greengate.evidence import Evidence
from greengate.grounds import Grounds
from greengate.models import lfs
from greengate.packs.project_entry import Build, ModelEntry
from greengate.policy import PROJECT_SAYS
from greengate.trees import GitTree

MOST_FILES = 300
"""GitHub lists no more files of a change."""

_FOLDERS, _FILES = (".github/", ".gitlab/"), ("action.yml", "action.yaml", ".gitlab-ci.yml", ".lfsconfig")
_GIT = "git:"


@dataclass(frozen=True, slots=True)
class Seen:
    """A change as it can be seen from outside its own runs.

    Attributes:
        root: The project's folder in a checkout of the base branch.
        branch: The branch that it goes to.
        held: What it is judged by, of the base branch.
        edited: The paths that it changes.
        file: Reads a file of its newest commit, by the path from the project's folder; None where it cannot be read.
    """

    root: Path
    branch: str
    held: Grounds
    edited: Sequence[str]
    file: Callable[[str], bytes | None]

    def doubts(self, entry: ModelEntry, evidence: Evidence) -> Iterator[str]:
        """Say how the change could have made up the figures of one model; nothing where it could not."""
        judged = self.held.judged(entry)
        yield from self._beside()
        yield from self.own_code(entry)
        if isinstance(judged.source, str) and not _is(evidence.candidate.sha256, self.file(judged.source)):
            yield f"{judged.source} of the change is not known to be the model that was measured"
        if evidence.baseline is not None and not self._is_baseline(judged, evidence.baseline.sha256):
            yield "its baseline is not known to be the one of the base branch"
        if evidence.baseline is None and judged.baseline is not None and self.held.project.model(entry.name):
            yield "it was measured without its baseline"

    def own_code(self, entry: ModelEntry) -> Iterator[str]:
        """Say by what of a model the change's own code ran in the job; nothing where it did not."""
        judged = self.held.judged(entry)
        if isinstance(judged.source, Build) or isinstance(judged.baseline, Build):
            yield "it is built, by what lies in the change"
        elif judged.trusted:
            yield "it may run code of its own when it is loaded"

    def _beside(self) -> Iterator[str]:
        """Say what of the change ran in the job that measured it."""
        along = [path for path in self.edited if _runs_along(path)]
        if along:
            more = " and more" if len(along) > 3 else ""
            yield f"the change edits what its own job runs ({', '.join(along[:3])}{more})"
        if len(self.edited) >= MOST_FILES:
            yield f"the change has {MOST_FILES} files or more, and not all of them are known"

    def _is_baseline(self, judged: ModelEntry, sha256: str) -> bool:
        asked = {policy.plan.baseline for policy in grounds.covering(self.held, judged, self.branch)}
        if asked - {PROJECT_SAYS} or not isinstance(judged.baseline, str):
            return False
        ref, path = self.held.base, judged.baseline
        if path.startswith(_GIT):
            ref, _, path = path.removeprefix(_GIT).partition(":")
        try:
            return _is(sha256, GitTree(self.root, ref).read(path or judged.path))
        except GreengateError:
            return False


def _runs_along(path: str) -> bool:
    return path.startswith(_FOLDERS) or path.rpartition("/")[2] in _FILES


def _is(sha256: str, content: bytes | None) -> bool:
    """Tell whether a file is the one with a digest: by its bytes, or by the Git LFS pointer that stands for it."""
    if content is None:
        return False
    pointer = lfs.pointer(content[: lfs.MAX_POINTER_BYTES])
    return sha256 == (pointer.sha256 if pointer else hashlib.sha256(content).hexdigest())
