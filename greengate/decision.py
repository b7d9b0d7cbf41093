"""What one check concluded about one model, and what it rests on besides the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greengate.changes import NO_CHANGE, Change
from greengate.evidence import Evidence
from greengate.policy import Waiver
from greengate.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """What one check concluded about one model.

    Attributes:
        policies: (name, SHA-256 of the file) of every policy that was applied.
        commit: The commit that was judged, or "" outside a repository.
        problem: Why there is no evidence, if the model could not be evaluated.
        check: Which check this is a part of: the same for all models that were judged together; "" in old entries.
        change: The change that was judged, and the run that judged it.
        preview: What the change's own policies would say, were they merged.
        project: The project's name, or "".
        branch: The branch that the change goes to, or "".
        team: The model's team, or "".
        in_force: Whether the judged commit was on the base branch already.
    """

    model: str
    path: str
    taken_at: str
    version: str
    verdict: Verdict
    evidence: Evidence | None
    policies: tuple[tuple[str, str], ...] = ()
    commit: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    check: str = ""
    change: Change = NO_CHANGE
    preview: tuple[str, ...] = ()
    project: str = ""
    branch: str = ""
    team: str = ""
    in_force: bool = False

    @property
    def sha256(self) -> str:
        """Digest of the candidate's file, or "" where it could not be read."""
        return self.evidence.candidate.sha256 if self.evidence else ""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a decision rests on besides its evidence; the ledger keeps each of them once.

    Attributes:
        texts: The bytes of policies' files, by their SHA-256.
        waivers: The waivers of the policies that were applied.
        profile: The runner's calibration; b"" where it has none.
        sealed: The envelope that it was signed in.
    """

    texts: Mapping[str, bytes] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    profile: bytes = b""
    sealed: bytes = b""


NOTHING = Basis()
