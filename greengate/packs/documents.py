"""The shape of policy files: which keys there are, which must be there, and what kind of value each holds.

Only shapes: what an amount means depends on its metric and is checked by `greengate.packs.translate`. The descriptions
become the help that editors show, through `greengate.packs.schema`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from greengate.ledger.signing import PUBLIC

API_VERSION = "greengate/v1"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
PARAM = r"^[A-Za-z_][A-Za-z0-9_]*$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DIGEST = r"^sha256:[0-9a-f]{64}$"
SHA256 = r"^[0-9A-Fa-f]{64}$"
QUALIFIED = r"^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$"

Outcome: TypeAlias = Literal["passed", "warned", "waived", "inconclusive", "errored", "failed"]


def _written(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("amount_type", "an amount")
    return value


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise PydanticCustomError("scalar_type", "a single value")
    return value


Amount = Annotated[Any, AfterValidator(_written), WithJsonSchema({"type": ["string", "number"]})]
Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Text = Annotated[str, Field(pattern=r"\S")]
Slug = Annotated[str, Field(pattern=SLUG)]


class Shape(BaseModel):
    """A mapping that refuses keys it does not know, values of another kind, keys without a value, empty sections."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value: object, info: ValidationInfo) -> object:
        if value is None:
            raise PydanticCustomError("empty", "a value")
        if value == {} and not cls.model_fields[info.field_name or ""].is_required():
            raise PydanticCustomError("too_short", "something in it")
        return value


class Metadata(Shape):
    """Who the policy belongs to."""

    name: Slug = Field(description="Name of the policy; waivers and findings say `name/rule`.")
    owners: list[Text] | None = Field(None, min_length=1, description="People or teams who answer for the policy.")
    description: Text | None = Field(None, description="What the policy is for, in a sentence.")


class Match(Shape):
    """Which models and branches are meant; what is left out matches everything."""

    models: list[Text] | None = Field(None, min_length=1, description="Patterns of model names, such as `nlp/*`.")
    labels: dict[str, Text] | None = Field(None, min_length=1, description="Labels that a model must all carry.")
    branches: list[Text] | None = Field(None, min_length=1, description="Patterns of branches, such as `release/*`.")


class Parent(Shape):
    """A policy that this one tightens."""

    pack: Text = Field(description="Name of a shipped pack, or a file relative to this one.")
    digest: str | None = Field(
        None, pattern=DIGEST, description="SHA-256 of the file's bytes; needed for all but shipped packs."
    )


class ReferenceRunner(Shape):
    """The runner that measured figures must come from; all that is given must hold."""

    profile: str | None = Field(None, pattern=DIGEST, description="Its profile's id: this calibration and no other.")
    labels: dict[str, Text] | None = Field(
        None, min_length=1, description="Labels that its profile must carry, such as `{class: ci-large}`."
    )
    key: str | None = Field(None, pattern=PUBLIC, description="Public key that must have signed it: ed25519:…")


class Measurement(Shape):
    """How a policy wants its evidence."""

    baseline: Literal["merge-base", "last-release", "last-pass", "path"] | None = Field(
        None, description="What the candidate is compared with. Default: path, the file that the project names."
    )
    comparable: list[Literal["runner", "runtime", "inputs"]] | None = Field(
        None, description="What must be the same on both sides; a mismatch is inconclusive, never a pass. Default: all."
    )
    evidence: Literal["measured", "any"] | None = Field(
        None, description="`measured`: estimated figures may only warn. Default: any."
    )
    confidence: Amount | None = Field(None, description="How sure a pass must be. Default: 95%.")
    false_fail: Amount | None = Field(
        None, description="How often a candidate that is not worse may be failed. Default: 1%."
    )
    budget: Amount | None = Field(None, description="Time that measuring may take, such as `60 s`. Default: 60 s.")
    max_pairs: int | None = Field(None, ge=1, le=100_000, description="Most pairs of blocks to measure. Default: 600.")
    inconclusive: Literal["fail", "warn"] | None = Field(
        None, description="What an inconclusive finding does. Default: fail."
    )
    runner: ReferenceRunner | None = Field(
        None, description="The runner that measured figures must come from; others are inconclusive. Default: any."
    )


class Gain(Shape):
    """What a trade-off must bring."""

    metric: Text = Field(description="The metric that must get better.")
    min_increase: Amount | None = Field(None, description="Least increase over the baseline, such as `0.5 pp`.")
    min_decrease: Amount | None = Field(None, description="Least decrease under the baseline, such as `10%`.")


class Unless(Shape):
    """When a failed rule is let through; all of it must hold."""

    approval: str = Field(pattern=SLUG, description="The type of waiver that must have been granted.")
    gain: Gain | None = Field(None, description="What the change must bring in return.")
    ceiling: Amount = Field(description="Tolerance that binds even when approved; above the rule's own.")


class Drift(Shape):
    """How far many changes together may take a figure from that of an earlier model."""

    since: Text = Field(
        description="The earlier model: `last-release`, a git ref, or the beginning of an entry's id in the history."
    )
    increase: Amount | None = Field(None, description="Most increase since then, a share such as `10%`.")
    decrease: Amount | None = Field(None, description="Most decrease since then, a share such as `10%`.")


class Rule(Shape):
    """One rule: a metric with limits, or an expression that must hold."""

    id: Slug = Field(description="Name of the rule, once in a policy.")
    metric: Text | None = Field(None, description="The figure that the rule limits.")
    max: Amount | None = Field(None, description="Ceiling on the candidate's figure, such as `850 J`.")
    min: Amount | None = Field(None, description="Floor under the candidate's figure, such as `97%`.")
    max_increase: Amount | None = Field(
        None, description="Most increase over the baseline: a share such as `5%`, or a difference such as `10 MiB`."
    )
    max_decrease: Amount | None = Field(
        None, description="Most decrease under the baseline: a share such as `5%`, or a difference such as `0.5 pp`."
    )
    max_drift: Drift | None = Field(None, description="Most change since an earlier model, over many changes.")
    unless: Unless | None = Field(None, description="When a failure is let through.")
    cel: Text | None = Field(None, description="An expression in CEL that must hold, instead of a metric.")
    message: Text | None = Field(None, description="What to say when the rule is broken; an expression needs one.")
    enforce: Literal["advisory", "soft", "hard"] = Field(
        description="advisory warns, soft fails unless waived, hard fails whatever anybody says."
    )


Budgeted = Literal[
    "deployment_energy",
    "deployment_carbon",
    "deployment_carbon_market",
    "deployment_cost",
    "training_energy",
    "training_carbon",
]
BUDGETED: tuple[str, ...] = get_args(Budgeted)


class Per(Shape):
    """Whose figures a budget sums up; what is left out does not matter."""

    team: Text | None = Field(None, description="A team, as models name theirs.")
    model: Text | None = Field(None, description="A model's name, or a pattern of names.")
    project: Text | None = Field(None, description="A project, as its file names itself.")
    labels: dict[str, Text] | None = Field(None, min_length=1, description="Labels that models carry.")


class Budget(Shape):
    """What all changes may use in a period together."""

    id: Slug = Field(description="Name of the budget.")
    metric: Budgeted = Field(description="The figure that is summed up.")
    per: Per | None = Field(None, description="Whose: `{team: nlp}`. Default: all that the policy covers.")
    period: Literal["month", "quarter", "year"] = Field(description="Over how long.")
    timezone: Text | None = Field(None, description="Where midnight is, such as Europe/Berlin. Default: UTC.")
    year_starts: int | None = Field(None, ge=1, le=12, description="The month of the fiscal year's start. Default: 1.")
    basis: Literal["lifecycle", "operational"] | None = Field(
        None, description="Which emissions are summed up. Default: lifecycle."
    )
    training: bool | None = Field(None, description="Whether trainings are drawn too. Default: false.")
    phase: Literal["experiment", "tuning", "final"] | None = Field(None, description="Which trainings are drawn.")
    message: Text | None = Field(None, description="What to say when it is overdrawn.")
    owner: Text | None = Field(None, description="Who answers for it. Default: the policy's owners.")
    max: Amount = Field(description="Most that the sum may reach, such as `1200 kgCO2e`.")
    warn_at: Amount | None = Field(None, description="Share of the budget at which to warn, such as `80%`.")
    enforce: Literal["advisory", "soft", "hard"] = Field(description="As for a rule.")


class Override(Shape):
    """Who may let a soft failure through on the forge."""

    approvals: int = Field(ge=1, le=100, description="How many approvals it takes.")
    from_: Literal["owners"] = Field(alias="from", description="Whose approvals count.")
    not_author: bool | None = Field(
        None, description="Whether the author's own approval does not count. Default: true."
    )


class Soft(Shape):
    """What a failed soft rule means."""

    override: Override = Field(description="Who may let it through.")


class Hard(Shape):
    """What a failed hard rule means."""

    override: Literal["never"] = Field(description="Nobody may let it through.")


class Enforcement(Shape):
    """What failed rules of each level mean."""

    soft: Soft | None = Field(None, description="Rules with `enforce: soft`.")
    hard: Hard | None = Field(None, description="Rules with `enforce: hard`.")


class Policy(Shape):
    """What a change of a model must stand."""

    apiVersion: Literal["greengate/v1"] = Field(description="Version of this format.")  # noqa: N815 - the key's name
    kind: Literal["Policy"] = Field(description="What this document is.")
    metadata: Metadata
    extends: list[Parent] | None = Field(None, min_length=1, description="Policies that this one may only tighten.")
    match: Match | None = Field(None, description="Where the policy applies. Default: everywhere.")
    params: dict[str, Scalar] | None = Field(
        None, min_length=1, description="Values that rules, measurement and budgets use as `${name}`."
    )
    measurement: Measurement | None = Field(None, description="How evidence is taken.")
    rules: list[Rule] | None = Field(None, min_length=1, description="What must hold.")
    budgets: list[Budget] | None = Field(None, min_length=1, description="What all changes may use together.")
    enforcement: Enforcement | None = Field(None, description="What failed rules mean.")


class Ceiling(Shape):
    """How far a waiver lets a rule be broken; the rule blocks again above it."""

    max: Amount | None = Field(None, description="Ceiling on the candidate's figure.")
    min: Amount | None = Field(None, description="Floor under the candidate's figure.")
    max_increase: Amount | None = Field(None, description="Most increase over the baseline.")
    max_decrease: Amount | None = Field(None, description="Most decrease under the baseline.")


class WaiverBody(Shape):
    """Permission to break one rule until a date and up to a ceiling."""

    id: str = Field(pattern=IDENTIFIER, description="Name of the waiver, such as `W-2026-014`.")
    rule: str = Field(pattern=QUALIFIED, description="The rule that may be broken, as `policy/rule`.")
    type: str | None = Field(None, pattern=SLUG, description="What the rule's `unless.approval` asks for.")
    match: Match | None = Field(None, description="Which models and branches are meant. Default: all of the policy's.")
    ceiling: Ceiling = Field(description="How far the rule may be broken.")
    expires: str = Field(pattern=DATE, description="Last day of the waiver, YYYY-MM-DD.")
    reason: Text = Field(description="Why the rule may be broken.")
    granted_by: Text = Field(
        description="Who answers for it; `review` for whichever owner approves the change that brings it."
    )


class Waiver(WaiverBody):
    """Permission to break one rule until a date and up to a ceiling, as a document of its own."""

    apiVersion: Literal["greengate/v1"] = Field(description="Version of this format.")  # noqa: N815 - the key's name
    kind: Literal["Waiver"] = Field(description="What this document is.")


class Spread(Shape):
    """A figure with its interval."""

    value: Amount = Field(description="The figure, such as `20 ms`.")
    low: Amount = Field(description="Lower end of its interval.")
    high: Amount = Field(description="Upper end of its interval.")


def _form(value: object) -> str:
    return "spread" if isinstance(value, dict) else "amount"


Given = Annotated[Annotated[Amount, Tag("amount")] | Annotated[Spread, Tag("spread")], Discriminator(_form)]


class CaseModel(Shape):
    """The model of a case."""

    name: Text = Field(description="The model's name; patterns of `match` look at it.")
    team: Text | None = Field(None, description="The model's team.")
    labels: dict[str, Text] | None = Field(None, min_length=1, description="The model's labels.")


class CaseBudget(Shape):
    """What a budget holds in a case."""

    spent: Amount | None = Field(None, description="What is used up. Default: nothing.")
    reserved: Amount | None = Field(None, description="What open changes hold. Default: nothing.")
    asked: Amount = Field(description="What this change asks for, 0 for a saving.")


class Case(Shape):
    """Given figures, and what must come of them."""

    name: Text = Field(description="What the case shows, as a sentence.")
    model: CaseModel | None = Field(None, description="The model. Default: one that the policy matches.")
    branch: Text | None = Field(None, description="The branch. Default: not known.")
    baseline: dict[str, Given] | None = Field(None, min_length=1, description="Figures of the baseline by metric.")
    earlier: dict[str, Given] | None = Field(
        None, min_length=1, description="Figures of the model that `max_drift` starts from, by metric."
    )
    candidate: dict[str, Given] = Field(min_length=1, description="Figures of the candidate by metric.")
    budgets: dict[str, CaseBudget] | None = Field(
        None, min_length=1, description="What budgets hold, by their ids: `{spent, reserved, asked}`."
    )
    waivers: list[WaiverBody] | None = Field(None, min_length=1, description="Waivers that have been granted.")
    approvals: list[Text] | None = Field(
        None, min_length=1, description="Owners of the policy for whom somebody has approved the change."
    )
    date: str | None = Field(None, pattern=DATE, description="The day of the judgement, YYYY-MM-DD.")
    expect: Outcome = Field(description="The verdict.")
    findings: dict[str, Outcome] | None = Field(None, min_length=1, description="Outcomes by rule id.")


class PolicyTest(Shape):
    """Cases that a policy must judge as expected."""

    apiVersion: Literal["greengate/v1"] = Field(description="Version of this format.")  # noqa: N815 - the key's name
    kind: Literal["PolicyTest"] = Field(description="What this document is.")
    policy: Text = Field(description="The policy under test: a shipped pack's name, or a file relative to this one.")
    cases: list[Case] = Field(min_length=1, description="What is given and what is expected.")


KINDS: dict[str, type[Shape]] = {"Policy": Policy, "Waiver": Waiver, "PolicyTest": PolicyTest}
