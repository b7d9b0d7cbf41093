"""What a leaf says, as far as a quarter needs it: its kind is seen in its bytes, and most kinds are read in part.

Most leaves of a ledger are measurements and conversions that never come into force; they are told apart by their last
bytes and looked up by their id where they do. A leaf is canonical JSON, so that its keys stand in order: `predicate`
before `predicateType` before `subject`, and a key's own quotes cannot stand in a text, where they are escaped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from greengate.records import (
    Activity,
    BudgetEvent,
    Closed,
    Converted,
    Decided,
    Delivered,
    External,
    Kind,
    Measurement,
    Override,
    Restated,
    Retirement,
    Settlement,
    SignedOff,
    WaiverGranted,
    predicate_type,
)

_TYPE = b'"predicateType":"urn:greengate:'
_NO_TRAINING, _FIRST = b'"training":""},', b'"supersedes":""},'


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


class Measured(NamedTuple):
    """That there is a measurement, and which training it has figures of."""

    training: str


class _Training(Slim):
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
    predicate: _Training


def kind_of(leaf: bytes) -> tuple[bytes, int]:
    """Name the kind of a leaf and tell where its predicate ends; (b"", -1) where it is no record of greengate."""
    at = leaf.rfind(_TYPE)
    begin = at + len(_TYPE)
    return (leaf[begin : leaf.find(b'"', begin)], at) if at >= 0 else (b"", -1)


def skimmed(leaf: bytes) -> Any:
    """Read of a leaf what a quarter needs while it goes by; None of what it does not need.

    Raises:
        NotALeaf: The bytes do not hold what their kind has.
    """
    kind, end = kind_of(leaf)
    read = _SKIMS.get(kind)
    if read is None:
        return Unknown(name=kind.decode(errors="replace") or "no record of greengate")
    try:
        return read(leaf, end)
    except ValidationError as bad:
        raise NotALeaf(_words(bad)) from bad
    except (ValueError, LookupError, TypeError) as bad:
        raise NotALeaf(str(bad)) from bad


def _decision(leaf: bytes, _: int) -> Judged:
    return _Statement.model_validate_json(leaf).predicate


def _measurement(leaf: bytes, end: int) -> Measured | None:
    """Read the digest of a training, which is the last of a measurement; None where there is none."""
    if leaf.endswith(_NO_TRAINING, 0, end):
        return None
    if leaf[end - 79 : end - 67] == b'"training":"':
        return Measured(leaf[end - 67 : end - 3].decode())
    return Measured(_Measurement.model_validate_json(leaf).predicate.training)


def _conversion(leaf: bytes, end: int) -> Superseding | None:
    return None if leaf.endswith(_FIRST, 0, end) else _Conversion.model_validate_json(leaf).predicate


def _first_decision(leaf: bytes, _: int) -> Judged:
    return _of_old(_FirstStatement.model_validate_json(leaf).predicate)


def _as_written(leaf: bytes, _: int) -> Any:
    return whole(leaf)


def _passed_over(leaf: bytes, _: int) -> None:
    del leaf


def whole(leaf: bytes) -> Any:
    """Read a record as it was written.

    Raises:
        NotALeaf: It is none.
    """
    kind, _ = kind_of(leaf)
    shape = _WHOLE.get(kind)
    if shape is None:
        raise NotALeaf(f"it is of the kind `{kind.decode(errors='replace')}`")
    try:
        return shape.model_validate_json(leaf).predicate  # type: ignore[attr-defined]
    except ValidationError as bad:
        raise NotALeaf(_words(bad)) from bad


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


_PASSED_OVER = (b"policy:v1", b"calibration:v1", b"key:v1", b"forgotten:v1")
_WHOLE: dict[bytes, type[Slim]] = {
    predicate_type(shape.model_fields["kind"].default).removeprefix("urn:greengate:").encode(): create_model(
        f"_Statement{shape.__name__}", __base__=Slim, predicate=(shape, ...)
    )
    for shape in (
        Measurement, Converted, Decided, WaiverGranted, Override, BudgetEvent, Settlement, Retirement, Activity,
            External,
        Closed, Restated, SignedOff, Delivered,
    )
}  # fmt: skip
_SKIMS: dict[bytes, Callable[[bytes, int], Any]] = {
    **dict.fromkeys(_WHOLE, _as_written),
    **dict.fromkeys(_PASSED_OVER, _passed_over),
    b"decision:v2": _decision,
    b"decision:v1": _first_decision,
    b"measurement:v1": _measurement,
    b"conversion:v1": _conversion,
}
