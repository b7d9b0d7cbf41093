"""The whole account as one document of plain values: what the JSON report writes and what a template can name."""

from __future__ import annotations

from typing import Any

from greengate.evidence import Evidence
from greengate.report import yearly
from greengate.report.account import Account, Entry
from greengate.report.comparison import Change, Compared, Comparison, base_unit, compared, metric_of
from greengate.report.drawing import Drawing, drawings
from greengate.report.origin import Since, since
from greengate.report.particulars import bounds, figure, particulars, provenance
from greengate.report.remedies import Request, requests
from greengate.report.sums import together
from greengate.verdict import EXIT_CODES, Finding

SCHEMA = "greengate/report/v1"

Document = dict[str, Any]


def document(account: Account) -> Document:
    """Lay the account out; amounts are numbers in the base unit that the `unit` beside them names."""
    models = [_model(entry) for entry in account.entries]
    drawn = [entry.evidence.budgets for entry in account.entries if entry.evidence]
    return {
        "schema": SCHEMA,
        "greengate": account.version,
        "taken_at": account.taken_at,
        "outcome": str(account.outcome),
        "exit_code": account.exit_code,
        "summary": account.summary,
        "counts": {str(outcome): count for outcome, count in account.counts.items()},
        "change": account.change.model_dump(),
        "notes": list(account.notes),
        "checkpoint": account.checkpoint,
        "year": together(models),
        "budgets": [_drawing(one) for one in drawings(drawn)],
        "models": models,
    }


def _model(entry: Entry) -> Document:
    evidence, comparison = entry.evidence, compared(entry)
    return {
        "name": entry.verdict.model,
        "leg": entry.leg,
        "title": entry.name,
        "outcome": str(entry.outcome),
        "exit_code": EXIT_CODES[entry.outcome],
        "entry": entry.id,
        "receipt": entry.proof.receipt.decode() if entry.proof else "",
        "problem": entry.problem,
        "policies": [{"name": name, "digest": digest} for name, digest in entry.policies],
        "findings": [_finding(finding, check, fingerprint, evidence) for finding, check, fingerprint in entry.marks],
        "requests": [_request(one) for one in requests(entry)],
        "preview": list(entry.preview),
        "year": _year(comparison) if comparison else None,
        "figures": _figures(comparison) if comparison else {},
        "evidence": particulars(evidence) if evidence else None,
    }


def _finding(finding: Finding, check: str, fingerprint: str, evidence: Evidence | None) -> Document:
    metric = metric_of(finding.metric, evidence) if finding.metric else None
    relative = finding.kind in ("regression", "drift") and finding.bounds is not None
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
        "waived_to": list(finding.waived_to),
        "remedy": finding.remedy.model_dump(mode="json") if finding.remedy else None,
        "approvals": [one.model_dump(exclude={"rules"}) for one in finding.approvals],
        "source": finding.source.model_dump(),
        "amount": finding.amount,
        "unit": "ratio" if relative else base_unit(metric.kind) if metric else "",
        **bounds(finding.bounds),
        "provenance": provenance(finding.provenance),
        "earlier": _since(since(finding, evidence)),
    }


def _request(one: Request) -> Document:
    return {"rule": one.finding.name, **one.remedy.model_dump(mode="json"), "waiver": one.waiver}


def _drawing(one: Drawing) -> Document:
    drawn = one.drawn
    amounts = {"maximum": drawn.maximum, "spent": drawn.spent, "others": one.others, "asked": one.asked}
    amounts |= {"saved": one.saved, "left": one.left}
    return {
        "budget": drawn.budget,
        "scope": drawn.scope,
        "period": drawn.period,
        "outcome": one.outcome,
        "unit": drawn.unit,
        "amounts": {name: str(amount) for name, amount in amounts.items()},
        "words": {name: one.words(abs(amount)) for name, amount in amounts.items()},
        "overdrawn": one.left < 0,
        "share": one.share,
        "bar": one.bar,
        "state": one.state,
        "holders": list(one.holders),
        "unknown": list(drawn.unknown),
        "missing": list(one.missing),
    }


def _since(told: Since | None) -> Document | None:
    if told is None:
        return None
    return {
        "since": told.since,
        "label": told.label,
        "origin": told.origin,
        "amount": told.amount,
        "figure": told.figure,
        "text": str(told),
    }


def _year(comparison: Comparison) -> Document | None:
    """Lay out what the change costs a year; None where nothing is known of it."""
    told = {one.compared.name: _yearly(one) for one in yearly.years(comparison)}
    if not told:
        return None
    words = {
        "text": yearly.in_words(comparison),
        "span": yearly.span(comparison),
        "lines": list(yearly.lines(comparison)),
    }
    return {**words, "rows": told}


def _yearly(one: yearly.Yearly) -> Document:
    difference = one.difference
    row = {"word": one.word, "unit": base_unit(one.compared.metric.kind) if one.compared.metric else ""}
    if difference is None:
        return {**row, "amount": None, **bounds(None), "text": "", "span": ""}
    told = {"text": difference.text, "span": difference.span}
    return {**row, "amount": difference.amount, **bounds(difference.interval), **told}


def _figures(comparison: Comparison) -> Document:
    return {found.name: _compared(found) for found in comparison.all()}


def _compared(found: Compared) -> Document:
    metric = found.metric
    return {
        "unit": base_unit(metric.kind) if metric else "",
        "better": metric.better if metric else "",
        "boundary": metric.boundary if metric else "",
        "candidate": figure(found, found.candidate),
        "baseline": figure(found, found.baseline) if found.baseline else None,
        "change": _change(found.change),
    }


def _change(change: Change | None) -> Document | None:
    if change is None:
        return None
    return {"ratio": change.ratio, **bounds(change.interval), "text": change.words, "span": change.span}
