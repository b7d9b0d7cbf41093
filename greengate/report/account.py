"""The account of a whole check: what every report format tells."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from greengate.changes import NO_CHANGE, Change
from greengate.evidence import Evidence
from greengate.policy import Enforce
from greengate.verdict import EXIT_CODES, Finding, Outcome, Verdict, gravest


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is in the ledger: the bytes of its leaf, and a receipt (C2SP tlog-proof)."""

    leaf: bytes
    receipt: bytes

    @property
    def checkpoint(self) -> bytes:
        """The signed note of the ledger, which follows the first blank line of a receipt."""
        return self.receipt.partition(b"\n\n")[2]


@dataclass(frozen=True, slots=True)
class Entry:
    """One judged model.

    Attributes:
        id: The ledger entry's SHA-256 (hex), or nothing where none was written.
        verdict: What was concluded.
        evidence: What it was concluded from, or None where the model could not be evaluated at all.
        problem: What kept the model from being evaluated, in words with its place and hint.
        policies: Name and digest of every policy that judged.
        preview: What the change's own policies would say, were they merged.
        leg: Which leg of a matrix of runners judged it; "" where there is but one.
        written: The entry with its evidence as one line of JSON, or nothing.
        proof: Its receipt, or None where nobody has signed the ledger with it.
    """

    id: str
    verdict: Verdict
    evidence: Evidence | None
    problem: str = ""
    policies: tuple[tuple[str, str], ...] = ()
    preview: tuple[str, ...] = ()
    leg: str = ""
    written: str = ""
    proof: Proof | None = None

    @property
    def name(self) -> str:
        """The model, and on which leg of a matrix it was judged."""
        return f"{self.verdict.model} on {self.leg}" if self.leg else self.verdict.model

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The verdict's findings; a problem is told as a finding of its own, so that no format can leave it out."""
        if self.problem or not self.verdict.findings:
            return (*self.verdict.findings, _unevaluated(self.problem or "nothing was judged"))
        return self.verdict.findings

    @property
    def outcome(self) -> Outcome:
        """The gravest outcome among the findings."""
        return gravest(finding.outcome for finding in self.findings)

    @property
    def marks(self) -> Iterator[tuple[Finding, str, str]]:
        """Each finding with the name of its check and a fingerprint; both stay the same from run to run.

        The figures, the limit's amount and the line in the policy are left out, so that the same failure keeps its mark
        while a change is being worked on.
        """
        seen: Counter[str] = Counter()
        for finding in self.findings:
            check = _check_name(finding)
            seen[check] += 1
            told = check if seen[check] == 1 else f"{check} #{seen[check]}"
            yield finding, told, _digest(f"{self.name}\0{told}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _check_name(finding: Finding) -> str:
    return f"{finding.name} {_side(finding) or finding.kind}"


def _side(finding: Finding) -> str:
    """Name what a rule checks without the amount: `max`, `max_increase`, `max_drift increase since last-release`."""
    words = finding.limit.split(" ")
    if finding.kind == "drift":
        return " ".join((*words[:2], *words[-2:])) if len(words) > 4 else ""
    return words[0] if finding.kind in ("limit", "regression") else ""


def _unevaluated(problem: str) -> Finding:
    return Finding(
        rule="evaluation",
        policy="greengate",
        metric="",
        kind="evaluation",
        enforce=Enforce.HARD,
        judged=Outcome.ERRORED,
        outcome=Outcome.ERRORED,
        reason=problem,
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A whole check.

    Attributes:
        entries: Every judged model.
        taken_at: When (UTC, ISO 8601).
        version: By which version of greengate.
        change: Of which change.
        project: The project file as its repository knows it; paths of policies and models are relative to its folder.
    """

    entries: tuple[Entry, ...]
    taken_at: str
    version: str
    notes: tuple[str, ...] = ()
    change: Change = NO_CHANGE
    project: str = "greengate.yaml"

    @property
    def outcome(self) -> Outcome:
        """The gravest outcome among the models; of no model at all, `errored`."""
        return gravest(entry.outcome for entry in self.entries)

    @property
    def exit_code(self) -> int:
        """The exit code that this check ends with."""
        return EXIT_CODES[self.outcome]

    @property
    def checkpoint(self) -> str:
        """The newest checkpoint of the ledger, which all receipts are of; "" where there is none."""
        return next((entry.proof.checkpoint.decode() for entry in self.entries if entry.proof), "")

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many models ended with each outcome that occurred, from the lightest to the gravest."""
        found = Counter(entry.outcome for entry in self.entries)
        return {outcome: found[outcome] for outcome in Outcome if outcome in found}

    @property
    def summary(self) -> str:
        """The check in one line: `3 models: 1 passed, 1 waived, 1 failed`."""
        total = len(self.entries)
        parts = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        return f"{total} model{'' if total == 1 else 's'}: {parts or 'nothing was judged'}"
