"""What was concluded: a finding for each rule, and a verdict over all of them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from greengate.changes import Approval
from greengate.evidence import Interval, Provenance
from greengate.values import Real, Value

DISBELIEVED = "provenance"
"""The kind of a finding that says why figures are not believed."""


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


class Remedy(Value):
    """What would let a failed soft rule through.

    Attributes:
        type: What kind of waiver the rule's `unless` asks for, or nothing.
        ceiling: The bounds of a waiver that would, by their keys, as policies write them; empty where none would.
        obstacle: Why none would, or nothing.
        review: Whether an approving review by an owner who is not the author would: all else that the rule asks for
            holds.
        owners: Who answers for the policy.
    """

    type: str = ""
    ceiling: dict[str, str] = Field(default_factory=dict)
    obstacle: str = ""
    review: bool = False
    owners: tuple[str, ...] = ()


class Finding(Value):
    """What one rule found.

    `judged` is what the figures say; `outcome` is what is left after enforcement, waivers, approvals and the policy's
    word on estimates and on the inconclusive. `approvals` are the reviews that let it through, `waived_to` how far the
    waiver reaches that did. Texts are ready to print: `figure`, `limit`, `margin`, `counterfactual`.
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
    waived_to: tuple[str, ...] = ()
    approvals: tuple[Approval, ...] = ()
    source: Source = Source()
    amount: Real | None = None
    bounds: Interval | None = None
    provenance: Provenance | None = None
    remedy: Remedy | None = None

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
