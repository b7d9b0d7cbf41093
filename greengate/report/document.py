"""The whole account as one document of plain values: what the JSON report writes and what a template can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greengate.evidence import Evidence, Figure, Interval, Provenance, Subject
from greengate.report.account import Account, Entry
from greengate.report.comparison import Change, Compared, Comparison, base_unit, compared, metric_of
from greengate.verdict import EXIT_CODES, Finding

SCHEMA = "greengate/report/v1"

Document = dict[str, Any]


def document(account: Account) -> Document:
    """Lay the account out; amounts are numbers in the base unit that the `unit` beside them names."""
    return {
        "schema": SCHEMA,
        "greengate": account.version,
        "taken_at": account.taken_at,
        "outcome": str(account.outcome),
        "exit_code": account.exit_code,
        "summary": account.summary,
        "counts": {str(outcome): count for outcome, count in account.counts.items()},
        "notes": list(account.notes),
        "models": [_model(entry) for entry in account.entries],
    }


def _model(entry: Entry) -> Document:
    evidence, comparison = entry.evidence, compared(entry)
    return {
        "name": entry.verdict.model,
        "outcome": str(entry.outcome),
        "exit_code": EXIT_CODES[entry.outcome],
        "entry": entry.id,
        "problem": entry.problem,
        "policies": [{"name": name, "digest": digest} for name, digest in entry.policies],
        "findings": [_finding(finding, check, fingerprint, evidence) for finding, check, fingerprint in entry.marks],
        "figures": _figures(comparison) if comparison else {},
        "evidence": _evidence(evidence) if evidence else None,
    }


def _finding(finding: Finding, check: str, fingerprint: str, evidence: Evidence | None) -> Document:
    metric = metric_of(finding.metric, evidence) if finding.metric else None
    relative = finding.kind == "regression" and finding.bounds is not None
    return {
        "check": check,
        "fingerprint": fingerprint,
        "policy": finding.policy,
        "rule": finding.rule,
        "metric": finding.metric,
        "kind": finding.kind,
        "enforce": finding.enforce,
        "judged": str(finding.judged),
        "outcome": str(finding.outcome),
        "figure": finding.figure,
        "interval": finding.interval,
        "limit": finding.limit,
        "margin": finding.margin,
        "counterfactual": finding.counterfactual,
        "reason": finding.reason,
        "message": finding.message,
        "waiver": finding.waiver,
        "source": finding.source.model_dump(),
        "amount": finding.amount,
        "unit": "ratio" if relative else base_unit(metric.kind) if metric else "",
        **_bounds(finding.bounds),
        "provenance": _provenance(finding.provenance),
    }


def _bounds(interval: Interval | None) -> Document:
    if interval is None:
        return {"low": None, "high": None, "confidence": None}
    return {"low": interval.low, "high": interval.high, "confidence": interval.confidence}


def _provenance(provenance: Provenance | None) -> Document | None:
    return provenance.model_dump(mode="json") if provenance else None


def _figures(comparison: Comparison) -> Document:
    return {found.name: _compared(found) for found in comparison.all()}


def _compared(found: Compared) -> Document:
    metric = found.metric
    return {
        "unit": base_unit(metric.kind) if metric else "",
        "better": metric.better if metric else "",
        "boundary": metric.boundary if metric else "",
        "candidate": _figure(found.candidate, found),
        "baseline": _figure(found.baseline, found) if found.baseline else None,
        "change": _change(found.change),
    }


def _figure(figure: Figure, found: Compared) -> Document:
    interval = figure.interval
    return {
        "amount": figure.amount,
        **_bounds(interval),
        "provenance": _provenance(figure.provenance),
        "text": found.in_words(figure.amount),
        "span": "" if interval.exact else f"{found.in_words(interval.low)} to {found.in_words(interval.high)}",
    }


def _change(change: Change | None) -> Document | None:
    if change is None:
        return None
    return {"ratio": change.ratio, **_bounds(change.interval), "text": change.words, "span": change.span}


def _evidence(evidence: Evidence) -> Document:
    return {
        "taken_at": evidence.taken_at,
        "branch": evidence.branch,
        "team": evidence.model.team,
        "labels": dict(evidence.model.labels),
        "candidate": _subject(evidence.candidate),
        "baseline": _subject(evidence.baseline) if evidence.baseline else None,
        "runner": evidence.runner.model_dump(),
        "pairs": len(evidence.pairs),
        "discarded_pairs": evidence.discarded_pairs,
        "seed": evidence.seed,
        "incomparable": list(evidence.incomparable),
        "notes": list(evidence.notes),
    }


def _subject(subject: Subject) -> Document:
    missing: Mapping[str, str] = subject.missing
    return {"path": subject.path, "sha256": subject.sha256, "missing": dict(missing)}
