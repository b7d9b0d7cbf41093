"""What a leaf says, as far as a quarter needs it: its kind is seen in its bytes, and most kinds are read in part.

Measurements and first conversions, most of a ledger, are passed over: they are looked up by their id where a decision
on them came into force. A leaf is canonical JSON, so that its keys stand in order: `predicate` before `predicateType`
before `subject`, and a key's own quotes cannot stand in a text, where they are escaped.

What goes by a million times is read by msgspec, all else by pydantic as everywhere: the one takes 3 us of a decision,
the other 25. It is as strict about types, and passes over what it is not asked for likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import msgspec
from msgspec import Struct
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
    type_of,
)

_OURS = "urn:greengate:"
_TYPE = b'"predicateType":"urn:greengate:'
_FIRST = b'"supersedes":""},'


class NotALeaf(ValueError):
    """The bytes of an entry are no record that this greengate reads."""


class Found(Struct, frozen=True, gc=False):
    """A finding that did not simply pass."""

    rule: str
    outcome: str


class Of(Struct, frozen=True, gc=False):
    """The change that was judged."""

    id: str = ""


class Judged(Struct, frozen=True, gc=False):
    """A decision, as far as a quarter needs it; `first` is true of version 1, which has no figures."""

    first: ClassVar[bool] = False
    at: str
    model: str
    outcome: str
    project: str = ""
    team: str = ""
    sha256: str = ""
    change: Of = Of()
    in_force: bool = False
    problem: str = ""
    findings: tuple[Found, ...] = ()
    measurement: str = ""
    conversion: str = ""
    policies: tuple[tuple[str, str], ...] = ()
    waivers: tuple[str, ...] = ()


class JudgedAtFirst(Judged, frozen=True, gc=False):
    """A decision of version 1."""

    first: ClassVar[bool] = True


class Settled(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What became of a change, with all that a settlement says."""

    at: str
    state: Literal["merged", "closed"]
    change: str = ""
    commit: str = ""
    decisions: tuple[str, ...] = ()
    by: str = ""


class Superseding(Struct, frozen=True, gc=False):
    """A conversion that takes the place of another."""

    measurement: str
    supersedes: str


class Unknown(Struct, frozen=True, gc=False):
    """An entry of a kind that is not known here."""

    name: str


class _FirstFinding(Struct, frozen=True, gc=False):
    policy: str
    rule: str
    outcome: str


class _FirstVerdict(Struct, frozen=True, gc=False):
    findings: tuple[_FirstFinding, ...] = ()


class _FirstDecision(Struct, frozen=True, gc=False):
    model: str
    taken_at: str
    outcome: str
    verdict: _FirstVerdict
    policies: tuple[tuple[str, str], ...] = ()
    change: Of = Of()
    problem: str = ""


class _Decision(Struct, frozen=True, gc=False):
    predicate: Judged


class _OldDecision(Struct, frozen=True, gc=False):
    predicate: _FirstDecision


class _Settlement(Struct, frozen=True, gc=False):
    predicate: Settled


class _Conversion(Struct, frozen=True, gc=False):
    predicate: Superseding


class _Trained(Struct, frozen=True, gc=False):
    training: str = ""


class _Measurement(Struct, frozen=True, gc=False):
    predicate: _Trained


class Slim(BaseModel):
    """A statement; what else it says is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def skimmed(leaf: bytes) -> Any:
    """Read of a leaf what a quarter needs while it goes by; None of what it does not need.

    Raises:
        NotALeaf: The bytes do not hold what their kind has.
    """
    return read(type_of(leaf), leaf)


def read(name: str, leaf: bytes) -> Any:
    """Read what `skimmed` reads, of a leaf whose type of predicate is known.

    Raises:
        NotALeaf: The bytes do not hold what their kind has.
    """
    reader = _READERS.get(name)
    if reader is None:
        return Unknown(name.removeprefix(_OURS) if name.startswith(_OURS) else "no record of greengate")
    try:
        return reader(leaf)
    except (ValueError, RecursionError) as bad:  # msgspec's own errors are ValueErrors
        raise NotALeaf(str(bad)) from bad


_decision = msgspec.json.Decoder(_Decision).decode
_old_decision = msgspec.json.Decoder(_OldDecision).decode
_settlement = msgspec.json.Decoder(_Settlement).decode
_conversion = msgspec.json.Decoder(_Conversion).decode
_measurement = msgspec.json.Decoder(_Measurement).decode


def _judged(leaf: bytes) -> Judged:
    return _decision(leaf).predicate


def _settled(leaf: bytes) -> Settled:
    return _settlement(leaf).predicate


def _superseding(leaf: bytes) -> Superseding | None:
    return None if leaf.endswith(_FIRST, 0, leaf.rfind(_TYPE)) else _conversion(leaf).predicate


def _judged_at_first(leaf: bytes) -> JudgedAtFirst:
    old = _old_decision(leaf).predicate
    findings = tuple(
        Found(f"{one.policy}/{one.rule}", one.outcome) for one in old.verdict.findings if one.outcome != "passed"
    )
    return JudgedAtFirst(
        old.taken_at, old.model, old.outcome, change=old.change, problem=old.problem, findings=findings,
        policies=old.policies,
    )  # fmt: skip


def training(leaf: bytes) -> str:
    """Tell which training a measurement has figures of, by its digest; "" of none, and of what is no measurement.

    Raises:
        NotALeaf: It cannot be read.
    """
    if type_of(leaf) != _MEASUREMENT:
        return ""
    try:
        return _measurement(leaf).predicate.training
    except (ValueError, RecursionError) as bad:
        raise NotALeaf(str(bad)) from bad


def _passed_over(leaf: bytes) -> None:
    del leaf


def whole(leaf: bytes) -> Any:
    """Read a record as it was written.

    Raises:
        NotALeaf: It is none.
    """
    name = type_of(leaf)
    shape = _WHOLE.get(name)
    if shape is None:
        raise NotALeaf(f"it is of the kind `{name.removeprefix(_OURS)}`")
    try:
        return shape.model_validate_json(leaf).predicate  # type: ignore[attr-defined]
    except ValidationError as bad:
        raise NotALeaf(_words(bad)) from bad


def _words(bad: ValidationError) -> str:
    first = bad.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


_WHOLE: dict[str, type[Slim]] = {
    predicate_type(shape.model_fields["kind"].default): create_model(
        f"_Statement{shape.__name__}", __base__=Slim, predicate=(shape, ...)
    )
    for shape in (
        Measurement, Converted, Decided, WaiverGranted, Override, BudgetEvent, Settlement, Retirement, Activity,
            External,
        Closed, Restated, SignedOff, Delivered,
    )
}  # fmt: skip
_MEASUREMENT = predicate_type(Kind.MEASUREMENT)
_PASSED_OVER = {_MEASUREMENT, *map(predicate_type, (Kind.POLICY, Kind.CALIBRATION, Kind.KEY, Kind.FORGOTTEN))}
LOOKED_UP = frozenset({*_PASSED_OVER, predicate_type(Kind.CONVERSION)})
"""Types of what a quarter looks up, where it needs it at all; but for conversions that supersede another."""
_READERS: dict[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(_WHOLE, whole),
    **dict.fromkeys(_PASSED_OVER, _passed_over),
    predicate_type(Kind.DECISION): _judged,
    "urn:greengate:decision:v1": _judged_at_first,
    predicate_type(Kind.SETTLEMENT): _settled,
    predicate_type(Kind.CONVERSION): _superseding,
}
