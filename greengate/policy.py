"""What a policy says, already checked: every amount is a quantity of its metric's dimension, every name is known."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from greengate.betting import Stakes
from greengate.errors import Place
from greengate.evidence import Model, Runner
from greengate.metrics import Metric
from greengate.quantities import Quantity

NOWHERE = Place()
PROJECT_SAYS = "path"  # the word for a baseline that the project file names
LAST_RELEASE = "last-release"
REVIEW = "review"  # the word of `granted_by` for whichever owner approves the change that brings a waiver


class Enforce(StrEnum):
    """What a failed rule does: warn, fail unless it is waived, or fail whatever anybody says."""

    ADVISORY = "advisory"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Limit:
    """A ceiling (`max`) or a floor (`min`) on the candidate's figure."""

    side: str
    bound: Quantity

    def __str__(self) -> str:
        return f"{self.side} {self.bound}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far the candidate may lie above (`max_increase`) or below (`max_decrease`) the baseline.

    A `Share` is relative to the baseline; any other quantity is a difference.
    """

    side: str
    delta: Quantity

    def __str__(self) -> str:
        return f"{self.side} {self.delta}"


class Compiled(Protocol):
    """A custom expression, compiled when its policy was loaded."""

    @property
    def names(self) -> frozenset[str]:
        """The dotted names that the expression reads."""

    def evaluate(self, values: Mapping[str, float | str | bool]) -> bool:
        """Tell whether the expression holds."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far many changes together may take the candidate from an earlier model.

    Attributes:
        side: `max_increase` or `max_decrease`.
        delta: The share of the earlier model's figure.
        since: "last-release", a git ref, or the beginning of an entry's id in the history.
    """

    side: str
    delta: Quantity
    since: str

    def __str__(self) -> str:
        return f"max_drift {self.side.removeprefix('max_')} {self.delta} since {self.since}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A custom expression that must hold."""

    text: str
    expression: Compiled = field(compare=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Budget:
    """What all changes of a scope may use in a period together.

    Attributes:
        key: `policy/id`: of the policy that wrote it, so that what a child inherits or tightens is the same account;
            where `per` is empty, of the policy that has it, since its `match` says whose it is.
        per: Whose it is, in order of the words: "team", "model", "project" and "label NAME", each with its value.
        period: "month", "quarter" or "year".
        bound: The most that may be drawn.
        warn_at: The part of it at which the check warns, or None.
        basis: Of emissions of a deployment, "lifecycle" or "operational": the two are never added up; "" of all else.
        training: Whether trainings are drawn too, besides the deployment.
        phase: Of trainings, the phase that counts ("experiment", "tuning" or "final"); "" for all.
        zone: IANA name of the time zone in which periods begin.
        first_month: The month (1 to 12) in which the fiscal year begins.
    """

    key: str
    per: tuple[tuple[str, str], ...]
    period: str
    bound: Quantity
    warn_at: float | None = None
    basis: str = ""
    training: bool = False
    phase: str = ""
    zone: str = "UTC"
    first_month: int = 1

    @property
    def scope(self) -> str:
        """Whose it is in words, as the book of budgets names it: `team=nlp`; "" for all that the policy covers."""
        return ", ".join(f"{word}={value}" for word, value in self.per)

    def unit(self, kind: str) -> str:
        """Name the unit of its account, such as `ugCO2e lifecycle`, so that no account mixes two bases."""
        return f"{kind} {self.basis}".rstrip()

    def covers(self, model: Model, project: str) -> bool:
        """Tell whether a model of a project draws on it."""
        held = {"team": model.team, "model": model.name, "project": project}
        held |= {f"label {name}": value for name, value in model.labels.items()}
        return all((name := held.get(word, "")) and fnmatch.fnmatchcase(name, value) for word, value in self.per)

    def __str__(self) -> str:
        warned = f"warns at {self.warn_at * 100:.4g}%" if self.warn_at is not None else ""
        parts = (self.scope, self.basis, warned, "trainings included" if self.training else "", self.phase)
        return ", ".join((f"max {self.bound} a {self.period}", *filter(None, parts)))


Check = Limit | Tolerance | Drift | Condition | Budget


@dataclass(frozen=True, slots=True)
class Gain:
    """What a trade-off must bring: at least `delta` more (or less) of another metric."""

    metric: Metric
    side: str
    delta: Quantity

    def __str__(self) -> str:
        return f"{self.metric.name} {self.side} {self.delta}"


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """When a failed rule is let through: an approval of this type, the gain, and never above the ceiling."""

    approval: str
    gain: Gain | None
    ceiling: Quantity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a metric (none for an expression) and the checks it must stand.

    `owners` are those of the policy that it is inherited from, where that one names any: only they let it through.
    """

    id: str
    checks: tuple[Check, ...]
    metric: Metric | None = None
    enforce: Enforce = Enforce.SOFT
    unless: Tradeoff | None = None
    message: str = ""
    place: Place = NOWHERE
    owners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Which models and branches a policy or waiver is about; an empty part matches everything."""

    models: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    branches: tuple[str, ...] = ()

    def covers(self, model: Model, branch: str) -> bool:
        """Tell whether a model on a branch is meant; where the branch is not known, branches do not exclude."""
        return (
            _any(self.models, model.name)
            and all(model.labels.get(key) == value for key, value in self.labels.items())
            and (not branch or _any(self.branches, branch))
        )


def _any(patterns: tuple[str, ...], name: str) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Waiver:
    """Permission to break one rule (`policy/rule`) until a date and up to a ceiling."""

    id: str
    rule: str
    ceilings: tuple[Limit | Tolerance, ...]
    expires: str
    reason: str
    granted_by: str
    type: str = ""
    match: Match = Match()
    place: Place = NOWHERE

    @property
    def by_review(self) -> bool:
        """Whether it counts only once the forge has told that an owner approved the change that brought it."""
        return self.granted_by == REVIEW

    def expired(self, today: str) -> bool:
        """Tell whether the waiver is over; its last day still counts."""
        return today > self.expires


@dataclass(frozen=True, slots=True)
class ReferenceRunner:
    """The runner that a policy's measured figures must come from; an empty part asks for nothing.

    Attributes:
        profile: SHA-256 (hex) of its calibration: this very one.
        labels: Labels that its profile must all carry: a class of runners.
        key: The public key that must have signed its profile, as in `ed25519:…`: only its owner can hand out labels.
    """

    profile: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    key: str = ""

    def __str__(self) -> str:
        profile = [f"profile {self.profile[:12]}"] if self.profile else []
        labels = [f"{key}={value}" for key, value in self.labels.items()]
        return ", ".join([*profile, *labels, *([f"signed by {self.key}"] if self.key else [])])

    @property
    def asks(self) -> bool:
        """Whether any runner is asked for."""
        return bool(self.profile or self.labels or self.key)

    def is_met_by(self, runner: Runner) -> bool:
        """Tell whether a runner is the one that is asked for."""
        labelled = all(runner.labels.get(key) == value for key, value in self.labels.items())
        return labelled and self.profile in ("", runner.profile) and self.key in ("", runner.signer)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a policy wants its evidence: which baseline, what must be the same, how sure, and how long it may take."""

    baseline: str = PROJECT_SAYS
    comparable: tuple[str, ...] = ("runner", "runtime", "inputs")
    evidence: str = "any"
    stakes: Stakes = field(default_factory=Stakes)
    budget_s: float = 60.0
    max_pairs: int = 600
    inconclusive: str = "fail"
    runner: ReferenceRunner = field(default_factory=ReferenceRunner)

    @property
    def confidence(self) -> float:
        """Confidence of intervals and of a pass."""
        return 1 - self.stakes.false_pass


@dataclass(frozen=True, slots=True)
class Override:
    """Who may let a failed soft rule through on the forge: how many, of whom, and whether the author counts."""

    approvals: int
    whose: str = "owners"
    not_author: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy after `extends` and `params`, with the waivers that name its rules.

    `digest` is the SHA-256 of the file it was read from, `text` its bytes; `parents` are (name, digest) of what it
    extends.
    """

    name: str
    rules: tuple[Rule, ...]
    match: Match = Match()
    plan: Plan = Plan()
    override: Override | None = None
    waivers: tuple[Waiver, ...] = ()
    owners: tuple[str, ...] = ()
    description: str = ""
    digest: str = ""
    parents: tuple[tuple[str, str], ...] = ()
    place: Place = NOWHERE
    text: bytes = field(default=b"", repr=False, compare=False)

    def owners_of(self, rule: Rule) -> tuple[str, ...]:
        """Name who may let a rule through: the owners of the policy that it comes from."""
        return rule.owners or self.owners
