"""What a policy says beside its rules: how evidence is taken, where it applies, and who may override it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from greengate.betting import Stakes
from greengate.errors import Place
from greengate.packs import amounts, documents
from greengate.packs.mistakes import fitting
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath
from greengate.policy import Match, Override, Plan, ReferenceRunner
from greengate.quantities import Duration, Share


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of `measurement`, and where it is written."""

    value: Any
    place: Place


def settings(source: Source, unfilled: set[KeyPath]) -> dict[str, Setting]:
    """Read what `measurement` says, by the names of its keys; complain of what cannot be."""
    raw = source.value.get("measurement")
    shape = fitting(documents.Measurement, raw) if isinstance(raw, dict) else None
    if shape is None or any(spot[0] == "measurement" for spot in unfilled):
        return {}
    found: dict[str, Any] = {}
    for key, written in shape.model_dump(exclude_none=True).items():
        path = ("measurement", key)
        value = _READ[key](source, path, written) if key in _READ else written
        found[key] = tuple(value) if isinstance(value, list) else value
    return {
        key: Setting(value, source.place(("measurement", key))) for key, value in found.items() if value is not None
    }


def _confidence(source: Source, path: KeyPath, written: object) -> float | None:
    share = amounts.amount(source, path, Share, written)
    if share is not None and not 0.5 <= share.amount <= 0.9999:
        source.complain(path, f"found `{written}`, expected between `50%` and `99.99%`")
        return None
    return share.amount if share else None


def _false_fail(source: Source, path: KeyPath, written: object) -> float | None:
    share = amounts.amount(source, path, Share, written)
    if share is not None and not 0.0001 <= share.amount <= 0.5:
        source.complain(path, f"found `{written}`, expected between `0.01%` and `50%`")
        return None
    return share.amount if share else None


def _budget(source: Source, path: KeyPath, written: object) -> float | None:
    time = amounts.amount(source, path, Duration, written)
    if time is not None and time.amount <= 0:
        source.complain(path, f"found `{written}`, which is no time to measure in")
        return None
    return time.amount if time else None


def _runner(source: Source, path: KeyPath, written: Mapping[str, Any]) -> ReferenceRunner:
    del source, path  # its shape is all there is to check
    profile, labels, key = written.get("profile", ""), written.get("labels", {}), written.get("key", "")
    return ReferenceRunner(profile.removeprefix("sha256:"), dict(labels), key)


_READ: dict[str, Callable[[Source, KeyPath, Any], Any]] = {
    "confidence": _confidence,
    "false_fail": _false_fail,
    "budget": _budget,
    "runner": _runner,
}


def plan(found: Mapping[str, Setting]) -> Plan:
    """Make a plan of settings; what they do not say is as the language says by default."""
    usual = Plan()
    said = {key: setting.value for key, setting in found.items()}
    confidence = said.get("confidence")
    stakes = Stakes(
        false_fail=said.get("false_fail", usual.stakes.false_fail),
        # 1 - 0.95 is 0.050000000000000044; a policy that says its default must mean it
        false_pass=round(1 - confidence, 12) if confidence is not None else usual.stakes.false_pass,
    )
    return Plan(
        baseline=said.get("baseline", usual.baseline),
        comparable=said.get("comparable", usual.comparable),
        evidence=said.get("evidence", usual.evidence),
        stakes=stakes,
        budget_s=said.get("budget", usual.budget_s),
        max_pairs=said.get("max_pairs", usual.max_pairs),
        inconclusive=said.get("inconclusive", usual.inconclusive),
        runner=said.get("runner", usual.runner),
    )


def match(shape: documents.Match | None) -> Match:
    """Make a match of its document."""
    if shape is None:
        return Match()
    return Match(tuple(shape.models or ()), dict(shape.labels or {}), tuple(shape.branches or ()))


def override(source: Source) -> Override | None:
    """Read who may let a soft failure through on the forge, if the policy says so."""
    raw = source.value.get("enforcement")
    shape = fitting(documents.Enforcement, raw) if isinstance(raw, dict) else None
    if shape is None or shape.soft is None:
        return None
    said = shape.soft.override
    return Override(said.approvals, said.from_, not_author=said.not_author is not False)
