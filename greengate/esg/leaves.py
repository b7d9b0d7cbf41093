"""What a leaf says, as far as a quarter needs it: its kind is seen in its bytes, and most kinds are read in part.

Most leaves of a ledger are measurements and conversions that never come into force; they are told apart by their last
bytes and looked up by their id where they do. A leaf is canonical JSON, so that its keys stand in order: `predicate`
before `predicateType` before `subject`, and a key's own quotes cannot stand in a text, where they are escaped.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from greengate.records import Kind, Record

_TYPE = b'"predicateType":"urn:greengate:'
_NO_TRAINING, _FIRST = b'"training":""},', b'"supersedes":""},'
_RECORD: TypeAdapter[Any] = TypeAdapter(Record)


class NotALeaf(ValueError):
    """The bytes of an entry are no record that this greengate reads."""


class Slim(BaseModel):
    """A part of a record; what else it says is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Found(Slim):
    """A finding that did not simply pass."""

    rule: str
    outcome: str
    waiver: str = ""


class Of(Slim):
    """The change that was judged."""

    id: str = ""


class Judged(Slim):
    """A decision, as far as a quarter needs it; of version 1 there are no figures, and `first` is true."""

    kind: ClassVar[Kind] = Kind.DECISION
    at: str
    project: str = ""
    model: str
    team: str = ""
    sha256: str = ""
    change: Of = Of()
    in_force: bool = False
    outcome: str
    problem: str = ""
    findings: tuple[Found, ...] = ()
    measurement: str = ""
    conversion: str = ""
    policies: tuple[tuple[str, str], ...] = ()
    waivers: tuple[str, ...] = ()
    first: bool = False


class _Statement(Slim):
    predicate: Judged


class _FirstFinding(Slim):
    policy: str
    rule: str
    outcome: str
    waiver: str = ""


class _FirstVerdict(Slim):
    findings: tuple[_FirstFinding, ...] = ()


class _FirstDecision(Slim):
    model: str
    taken_at: str
    outcome: str
    verdict: _FirstVerdict
    policies: tuple[tuple[str, str], ...] = ()
    change: Of = Of()
    problem: str = ""


class _FirstStatement(Slim):
    predicate: _FirstDecision


class Measured(Slim):
    """That there is a measurement, and which training it has figures of ("" for none)."""

    kind: ClassVar[Kind] = Kind.MEASUREMENT
    training: str = ""


class Superseding(Slim):
    """A conversion that takes the place of another."""

    kind: ClassVar[Kind] = Kind.CONVERSION
    measurement: str
    supersedes: str


class Unknown(Slim):
    """An entry of a kind that is not known here."""

    name: str


class _Conversion(Slim):
    predicate: Superseding


class _Measurement(Slim):
    predicate: Measured


def kind_of(leaf: bytes) -> tuple[str, int]:
    """Name the kind of a leaf and tell where its predicate ends; ("", -1) where it is no record of greengate."""
    at = leaf.rfind(_TYPE)
    if at < 0:
        return "", -1
    begin = at + len(_TYPE)
    return leaf[begin : leaf.find(b'"', begin)].decode(errors="replace"), at


def skimmed(leaf: bytes) -> Any:
    """Read of a leaf what a quarter needs while it goes by; None of what it does not need or know.

    Raises:
        NotALeaf: The bytes do not hold what their kind has.
    """
    kind, end = kind_of(leaf)
    try:
        return _skimmed(leaf, kind, end)
    except ValidationError as bad:
        raise NotALeaf(_words(bad)) from bad
    except (ValueError, LookupError, TypeError) as bad:
        raise NotALeaf(str(bad)) from bad


def _skimmed(leaf: bytes, kind: str, end: int) -> Any:
    if kind == "decision:v2":
        return _Statement.model_validate_json(leaf).predicate
    if kind == "measurement:v1":
        return _UNTRAINED if leaf.endswith(_NO_TRAINING, 0, end) else _Measurement.model_validate_json(leaf).predicate
    if kind == "conversion:v1":
        return None if leaf.endswith(_FIRST, 0, end) else _Conversion.model_validate_json(leaf).predicate
    if kind == "decision:v1":
        return _of_old(_FirstStatement.model_validate_json(leaf).predicate)
    name, _, version = kind.partition(":")
    if version != "v1" or name not in _WHOLE | _PASSED_OVER:
        return Unknown(name=kind or "no record of greengate")
    return whole(leaf) if name in _WHOLE else None


def whole(leaf: bytes) -> Any:
    """Read a record as it was written.

    Raises:
        NotALeaf: It is none.
    """
    kind, _ = kind_of(leaf)
    try:
        return _RECORD.validate_python({**from_json(leaf)["predicate"], "kind": kind.partition(":")[0]})
    except ValidationError as bad:
        raise NotALeaf(_words(bad)) from bad
    except (ValueError, LookupError, TypeError) as bad:
        raise NotALeaf(str(bad)) from bad


def _of_old(old: _FirstDecision) -> Judged:
    findings = tuple(
        Found(rule=f"{one.policy}/{one.rule}", outcome=one.outcome, waiver=one.waiver)
        for one in old.verdict.findings
        if one.outcome != "passed"
    )
    told = {"at": old.taken_at, "model": old.model, "outcome": old.outcome, "problem": old.problem}
    return Judged(**told, change=old.change, findings=findings, policies=old.policies, first=True)


def _words(bad: ValidationError) -> str:
    first = bad.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


_UNTRAINED = Measured()
_PASSED_OVER = {str(kind) for kind in (Kind.POLICY, Kind.CALIBRATION, Kind.KEY)} | {"forgotten"}
_WHOLE = {
    str(kind) for kind in (
        Kind.WAIVER, Kind.OVERRIDE, Kind.BUDGET, Kind.SETTLEMENT, Kind.RETIREMENT, Kind.ACTIVITY, Kind.EXTERNAL,
        Kind.CLOSE, Kind.RESTATEMENT, Kind.SIGN_OFF, Kind.REPORT,
    )
}  # fmt: skip
