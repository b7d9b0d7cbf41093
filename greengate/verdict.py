"""What was concluded: a finding for each rule, and a verdict over all of them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from greengate.evidence import Interval, Provenance
from greengate.values import Real, Value


class Outcome(StrEnum):
    """How a rule, or a whole check, ended."""

    PASSED = "passed"
    WARNED = "warned"
    WAIVED = "waived"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"
    FAILED = "failed"

    @property
    def gravity(self) -> int:
        """Rank among outcomes; the gravest finding names the verdict."""
        return list(Outcome).index(self)


EXIT_CODES = {
    Outcome.PASSED: 0,
    Outcome.WARNED: 0,
    Outcome.WAIVED: 0,
    Outcome.FAILED: 1,
    Outcome.INCONCLUSIVE: 3,
    Outcome.ERRORED: 4,
}


class Source(Value):
    """Where in a policy file a rule is written (1-based)."""

    file: str = ""
    line: int = 0
    column: int = 0


class Permission(Value):
    """What it would take to let a failed soft rule through.

    Attributes:
        type: What kind of waiver the rule's `unless` asks for, or nothing.
        ceiling: The bounds of a waiver that lets this through, by their keys, as policies write them; empty where none
            does.
        obstacle: Why no waiver can, or nothing.
        owners: Who answers for the policy.
        approvals: How many of its owners may let it through on the forge instead; 0 where nobody may.
        author: Whether the approval of the change's own author counts among them.
    """

    type: str = ""
    ceiling: dict[str, str] = Field(default_factory=dict)
    obstacle: str = ""
    owners: tuple[str, ...] = ()
    approvals: int = 0
    author: bool = False


class Waived(Value):
    """The waiver that let a finding through: its last day, who granted it, why, and up to where it reaches."""

    id: str
    expires: str
    granted_by: str
    reason: str
    ceilings: tuple[str, ...]


class Finding(Value):
    """What one rule found.

    `judged` is what the figures say; `outcome` is what is left after enforcement, waivers and the policy's word on
    estimates and on the inconclusive. Texts are ready to print: `figure`, `limit`, `margin`, `counterfactual`. `waived`
    and `permission` are None in entries of versions that did not write them down.
    """

    rule: str
    policy: str
    metric: str
    kind: str
    enforce: str
    judged: Outcome
    outcome: Outcome
    figure: str = ""
    interval: str = ""
    limit: str = ""
    margin: str = ""
    counterfactual: str = ""
    reason: str = ""
    message: str = ""
    waiver: str = ""
    source: Source = Source()
    amount: Real | None = None
    bounds: Interval | None = None
    provenance: Provenance | None = None
    waived: Waived | None = None
    permission: Permission | None = None

    @property
    def name(self) -> str:
        """The rule's full name, `policy/rule`."""
        return f"{self.policy}/{self.rule}"


class Verdict(Value):
    """All findings on one model, and the gravest of their outcomes. Nothing found is never a pass."""

    model: str
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The gravest outcome among the findings."""
        return gravest(finding.outcome for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """The exit code that this verdict asks for."""
        return EXIT_CODES[self.outcome]


def gravest(outcomes: object) -> Outcome:
    """Name the gravest of some outcomes; of none at all, `errored`."""
    return max(outcomes, key=lambda outcome: outcome.gravity, default=Outcome.ERRORED)  # type: ignore[call-overload, no-any-return]
