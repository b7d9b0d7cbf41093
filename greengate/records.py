"""What a ledger holds: one kind of record for each thing that happened, each a leaf as an in-toto Statement v1.

Records refer to one another by the id of their entry, the SHA-256 of the leaf. They are never changed: what turns out
to be otherwise is another record. Amounts that are added up are whole numbers of a small unit that the field's name
says (`mj`, `ugco2e`, `ueur`), in JSON as decimal strings, so that every sum is exact in every language; all other
amounts are decimal strings too. Persons appear as pseudonyms (`PERSON`), which the ledger can forget.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from greengate.changes import NO_CHANGE, Change
from greengate.conversion import Conversion
from greengate.draws import Whole
from greengate.values import Real, Value

STATEMENT = "https://in-toto.io/Statement/v1"
PERSON = r"^person:[0-9a-f]{32}$"
_TYPE = b'"predicateType":"'
# What follows it where it is a key of the whole: nothing is closed behind it but a subject and the statement itself.
_TAIL = re.compile(rb'([^"\\]*)","subject":\[\{"digest":\{"sha256":"[^"\\]*"\},"name":"[^"\\]*(?:\\.[^"\\]*)*"\}\]\}')
MOST_BYTES = 65_535
"""The longest leaf, as of C2SP tlog-tiles; what is larger lies beside it and is referred to by digest."""


class Kind(StrEnum):
    """What a record is of."""

    DECISION = "decision"
    MEASUREMENT = "measurement"
    CONVERSION = "conversion"
    POLICY = "policy"
    WAIVER = "waiver"
    OVERRIDE = "override"
    BUDGET = "budget"
    CALIBRATION = "calibration"
    SETTLEMENT = "settlement"
    RETIREMENT = "retirement"
    ACTIVITY = "activity"
    EXTERNAL = "external"
    CLOSE = "close"
    RESTATEMENT = "restatement"
    SIGN_OFF = "sign-off"
    REPORT = "report"
    KEY = "key"
    FORGOTTEN = "forgotten"


class Amount(Value):
    """A whole amount with its interval; `confidence` is 1 of what is exact, 0 where no interval is known."""

    amount: Whole
    low: Whole
    high: Whole
    confidence: Real = 1.0


class Read(Value):
    """One figure as it was read, in the base unit of its metric.

    Attributes:
        kind: How it came to be (`greengate.evidence.Class`): "metered", "counter", "measured", "modelled", …
    """

    amount: Real
    low: Real
    high: Real
    confidence: Real
    kind: str
    unit: str
    method: str = ""
    source: str = ""
    meter: str = ""
    scope: str = ""
    boundary: str = ""


class Side(Value):
    """One of the two models that were measured: its file, its figures by metric, and why others are missing."""

    sha256: str
    figures: dict[str, Read] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)


class Recorded(Value):
    """What all records say: when (UTC, ISO 8601)."""

    at: str


class Measurement(Recorded):
    """What was measured and counted of a candidate and its baseline in one run; never restated.

    Attributes:
        evidence: SHA-256 of the evidence, which is kept beside.
        training: Digest of what training figures were read from, so that a training counts once; "" without any.
    """

    kind: Literal[Kind.MEASUREMENT] = Kind.MEASUREMENT
    project: str = ""
    model: str
    team: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    device: str = "cpu"
    runner: str = ""
    profile: str = ""
    candidate: Side
    baseline: Side | None = None
    training: str = ""
    evidence: str


class Year(Value):
    """A year of a deployment by some factors: energy at the meter of the building, emissions both ways, and money."""

    energy_mj: Amount | None = None
    location_ugco2e: Amount | None = None
    market_ugco2e: Amount | None = None
    embodied_ugco2e: Amount | None = None
    cost_ueur: Amount | None = None
    missing: dict[str, str] = Field(default_factory=dict)


class Converted(Recorded):
    """What a measurement means in energy, emissions and money, by the factors that are written out in it.

    Attributes:
        measurement: The entry that was converted.
        supersedes: The conversion that this one takes the place of; "" for the first.
        conversion: Traffic and every factor that was used; None where no deployment is declared.
        candidate: A year of the candidate.
        baseline: A year of the baseline.
        difference: What the candidate takes more a year, by the ratio that the pairs tell; None where nothing tells.
    """

    kind: Literal[Kind.CONVERSION] = Kind.CONVERSION
    measurement: str
    supersedes: str = ""
    conversion: Conversion | None = None
    candidate: Year = Year()
    baseline: Year | None = None
    difference: Year | None = None


class Short(Value):
    """A finding in few words; the whole stands in the verdict that is kept beside."""

    rule: str
    enforce: str
    judged: str
    outcome: str
    waiver: str = ""


class Decided(Recorded):
    """What one check concluded about one model.

    Attributes:
        check: The same for all models that were judged together.
        in_force: Whether the judged commit was on the base branch already: then the model is in production, whatever
            was concluded. What a change brings is in force once a settlement says that it was merged.
        sha256: The candidate's file; "" where it could not be read.
        findings: Those that did not simply pass, the gravest first, at most 100.
        more_findings: How many more of them there are.
        passed: How many findings passed.
        verdict: SHA-256 of the verdict, which is kept beside.
        evidence: SHA-256 of the evidence; "" where the model could not be evaluated.
        measurement: The entry of the measurement; "" likewise.
        conversion: The entry of the conversion; "" likewise.
        policies: (name, SHA-256) of every policy that was applied; each has a record of its own.
        waivers: Entries of the waivers by which it was let through.
    """

    kind: Literal[Kind.DECISION] = Kind.DECISION
    project: str = ""
    model: str
    team: str = ""
    path: str
    sha256: str = ""
    greengate: str
    commit: str = ""
    branch: str = ""
    check: str = ""
    change: Change = NO_CHANGE
    in_force: bool = False
    outcome: str
    problem: str = ""
    findings: tuple[Short, ...] = ()
    more_findings: int = 0
    passed: int = 0
    verdict: str
    evidence: str = ""
    measurement: str = ""
    conversion: str = ""
    policies: tuple[tuple[str, str], ...] = ()
    waivers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()


class PolicyVersion(Recorded):
    """A policy as it was applied; its text is kept beside, by its SHA-256."""

    kind: Literal[Kind.POLICY] = Kind.POLICY
    name: str
    sha256: str


class WaiverGranted(Recorded):
    """A waiver as it stood when it was asked for, or first let something through.

    Attributes:
        state: "requested" or "granted".
        asked_by: Who asked; a pseudonym or a role, "" where it is not known.
        granted_by: Who granted it, as the waiver says.
        review: How it came onto the base branch: the forge's review, "" where it is not known.
        ceiling: How far it reaches, as policies write it.
    """

    kind: Literal[Kind.WAIVER] = Kind.WAIVER
    state: Literal["requested", "granted"]
    waiver: str
    rule: str
    type: str = ""
    why: str
    expires: str
    ceiling: dict[str, str] = Field(default_factory=dict)
    match: dict[str, str] = Field(default_factory=dict)
    asked_by: str = ""
    granted_by: str = ""
    reviewed_by: str = ""
    review: str = ""
    change: str = ""


class Override(Recorded):
    """A soft rule that did not hold was let through by an approving review."""

    kind: Literal[Kind.OVERRIDE] = Kind.OVERRIDE
    decision: str
    rule: str
    by: str
    review: str
    reviewed_at: str
    commit: str
    owners: tuple[str, ...] = ()


class BudgetEvent(Recorded):
    """A line of the book of budgets, as it stands there."""

    kind: Literal[Kind.BUDGET] = Kind.BUDGET
    event: str
    budget: str
    scope: str
    period: str
    unit: str
    seq: int
    what: str
    amount: Whole
    change: str = ""
    model: str = ""
    source: str = ""
    maximum: Whole | None = None
    by: str
    why: str = ""
    previous: str = ""


class Calibrated(Recorded):
    """What was found of a reference runner, as its signed profile says.

    Attributes:
        profile: SHA-256 of the profile, which is kept beside.
        sealed: SHA-256 of the envelope that it was signed in, which is kept beside too.
    """

    kind: Literal[Kind.CALIBRATION] = Kind.CALIBRATION
    profile: str
    sealed: str = ""
    signer: str = ""
    runner: str = ""
    resolution: str = ""
    labels: dict[str, str] = Field(default_factory=dict)


class Settlement(Recorded):
    """A change was merged or closed; of a merged one, the newest decision of each of its models is in force from then.

    Attributes:
        change: `owner/repo#12`, `group/project!12`, or "" where decisions are named alone.
        decisions: The entries that are meant.
    """

    kind: Literal[Kind.SETTLEMENT] = Kind.SETTLEMENT
    state: Literal["merged", "closed"]
    change: str = ""
    commit: str = ""
    decisions: tuple[str, ...] = ()
    by: str = ""


class Retirement(Recorded):
    """A model is no longer in production."""

    kind: Literal[Kind.RETIREMENT] = Kind.RETIREMENT
    project: str = ""
    model: str
    why: str
    by: str = ""


class Activity(Recorded):
    """What a deployment really did in a time, which takes the place of the traffic that was declared.

    Attributes:
        start, end: UTC, ISO 8601.
        inferences: How many; None where that is not known.
        it_energy_mj: What its machines drew while they worked, as metered; None where it is modelled from inferences.
        idle_energy_mj: What they drew while they did not.
        source: Who says so: a meter, an invoice, a log.
        digest: SHA-256 of the file that it was read from, which is kept beside.
    """

    kind: Literal[Kind.ACTIVITY] = Kind.ACTIVITY
    project: str = ""
    model: str
    start: str
    end: str
    inferences: Whole | None = None
    it_energy_mj: Whole | None = None
    idle_energy_mj: Whole | None = None
    source: str
    digest: str = ""


class ExternalLine(Value):
    """What somebody else's account says of a month, service and region; None where it does not say."""

    start: str
    end: str
    service: str = ""
    region: str = ""
    account: str = ""
    energy_mj: Whole | None = None
    location_ugco2e: Whole | None = None
    market_ugco2e: Whole | None = None
    total_ugco2e: Whole | None = None
    basis: str = ""


class External(Recorded):
    """What a cloud provider, a tracker, a meter or an invoice says, to be held against one's own figures.

    Attributes:
        source: "aws", "google", "azure", "codecarbon", …
        digest: SHA-256 of the file, which is kept beside.
        lines: Sums by month, service, region and account, in that order; as many as fit.
        body: SHA-256 of the other lines as canonical JSON, which is kept beside; "" where all fit.
        supersedes: Entries of the same source whose months it takes the place of: for a month that both have, the
            newer counts alone.
    """

    kind: Literal[Kind.EXTERNAL] = Kind.EXTERNAL
    source: str
    name: str
    digest: str
    start: str
    end: str
    rows: int
    lines: tuple[ExternalLine, ...] = ()
    body: str = ""
    supersedes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Closed(Recorded):
    """A period was closed: what is reported of it rests on the first `size` entries."""

    kind: Literal[Kind.CLOSE] = Kind.CLOSE
    period: str
    start: str
    end: str
    size: int
    root: str
    report: str = ""
    by: str


class Restated(Recorded):
    """A closed period is told otherwise.

    Attributes:
        reason: Which of the six kinds.
        delta_location_ugco2e: New total less what was last reported, likewise of the others.
        since_location_ugco2e: New total less that by which the period was closed, likewise of the others; None in
            records of before it was told.
        material: Whether either difference reaches the company's threshold.
        material_alone: Whether the difference to what was last reported does; None likewise.
        material_since: Whether that since the closing does; None likewise.
    """

    kind: Literal[Kind.RESTATEMENT] = Kind.RESTATEMENT
    period: str
    reason: Literal["factor_revision", "true_up", "method_change", "error", "boundary_change", "late_data"]
    why: str
    size: int
    root: str
    report: str = ""
    delta_energy_mj: Whole = 0
    delta_location_ugco2e: Whole = 0
    delta_market_ugco2e: Whole = 0
    since_energy_mj: Whole | None = None
    since_location_ugco2e: Whole | None = None
    since_market_ugco2e: Whole | None = None
    material: bool
    material_alone: bool | None = None
    material_since: bool | None = None
    approved_by: str


class SignedOff(Recorded):
    """Somebody stands for a report: prepared, reviewed, approved or assured it; never one person twice.

    Attributes:
        by: A pseudonym or a role; what is signed names nobody otherwise.
        key: Public key of the person's own, `ed25519:` and its 32 bytes in base64; "" where nothing was signed.
        signature: DSSE envelope by that key (`greengate.ledger.sign_offs`), in base64; "" where there is none.
    """

    kind: Literal[Kind.SIGN_OFF] = Kind.SIGN_OFF
    period: str
    report: str
    role: Literal["prepared", "reviewed", "approved", "assured"]
    by: str
    level: str = ""
    words: str = ""
    key: str = ""
    signature: str = ""


class Delivered(Recorded):
    """A report that was delivered: its JSON is kept beside, by its SHA-256."""

    kind: Literal[Kind.REPORT] = Kind.REPORT
    period: str
    view: Literal["as-reported", "as-restated", "current"]
    size: int
    root: str
    sha256: str
    status: str


class KeyChange(Recorded):
    r"""The key that signs checkpoints changes: the old one signs the new one's name.

    Attributes:
        old, new: Verifier keys as C2SP signed notes write them; `old` is "" for a ledger's first key.
        signature: Of the old key over `greengate key\n<old>\n<new>\n<at>\n`, in base64; "" for the first, or where
            the old one was lost, which `why` then says.
    """

    kind: Literal[Kind.KEY] = Kind.KEY
    old: str = ""
    new: str
    signature: str = ""
    why: str = ""


class Forgotten(Recorded):
    """A person was forgotten: whom these pseudonyms stand for is not known any more."""

    kind: Literal[Kind.FORGOTTEN] = Kind.FORGOTTEN
    people: tuple[str, ...]
    why: str
    by: str = ""


Record = Annotated[
    Measurement | Converted | Decided | PolicyVersion | WaiverGranted | Override | BudgetEvent | Calibrated | Settlement
    | Retirement | Activity | External | Closed | Restated | SignedOff | Delivered | KeyChange
    | Forgotten,
    Field(discriminator="kind"),
]  # fmt: skip


def predicate_type(kind: Kind) -> str:
    """Name the predicate of a kind; decisions are at their second version, the first held the whole verdict."""
    return f"urn:greengate:{kind}:v{2 if kind is Kind.DECISION else 1}"


def statement(record: Value, subject: str, sha256: str) -> dict[str, object]:
    """Write a record as an in-toto Statement about something with a digest: a model's file, a policy, a report."""
    kind: Kind = record.kind  # type: ignore[attr-defined]
    predicate = record.model_dump(mode="json", exclude={"kind"})
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject, "digest": {"sha256": sha256}}],
        "predicateType": predicate_type(kind),
        "predicate": predicate,
    }


def mark(name: str) -> bytes:
    """Return what stands in every leaf with this type of predicate, and in others whose labels are called so."""
    return _TYPE + f'{name}"'.encode()


def type_of(leaf: bytes) -> str:
    """Tell the type of a leaf's predicate; "" of what is no statement."""
    at = leaf.rfind(_TYPE)
    usual = _TAIL.fullmatch(leaf, at + len(_TYPE)) if at > 0 and leaf[at - 1] in b",{" else None
    if usual:
        return usual[1].decode(errors="replace")
    try:
        name = json.loads(leaf)["predicateType"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""


def is_statement(told: Any) -> bool:
    """Tell whether something has the parts that `statement` writes, and no others."""
    match told:
        case {
            "_type": str(),
            "subject": [{"name": str(), "digest": {"sha256": str(), **digests}, **subject}],
            "predicateType": str(),
            "predicate": dict(),
            **rest,
        }:
            return not (digests or subject or rest)
    return False
