"""Histories and decisions made by hand, for the tests of what is written down."""

import json
from contextlib import contextmanager

from budgets_made import changed

from greengate.changes import Approval, Change, Grant
from greengate.decision import Basis, Decision
from greengate.errors import HistoryError
from greengate.history import History
from greengate.leaves import kind_of
from greengate.ledger.canonical import digest
from greengate.verdict import Finding, Outcome, Verdict

TEXT = b"kind: Policy\n"
POLICIES = (("p", digest(TEXT)),)
BASIS = Basis(texts={digest(TEXT): TEXT})


@contextmanager
def history(folder, name="h.db"):
    made = History(folder / name)
    try:
        yield made
    finally:
        made.close()


def finding(outcome=Outcome.PASSED, judged=None, rule="r", **more):
    given = {"policy": "p", "metric": "", "kind": "limit", "enforce": "soft", **more}
    return Finding(rule=rule, judged=judged or outcome, outcome=outcome, **given)


def decision(*findings, evidence=None, name="nlp/x", at="2026-10-01T00:00:00Z", change="acme/shop#1", **more):
    evidence = changed(name=name) if evidence is None else evidence
    evidence = evidence.model_copy(update={"taken_at": at, "change": change, "project": "acme/shop"})
    return Decision(
        model=name,
        path="c.onnx",
        taken_at=at,
        version="1",
        verdict=Verdict(model=name, findings=findings or (finding(),)),
        evidence=evidence,
        change=Change(id=change),
        project="acme/shop",
        team="nlp",
        **{"policies": POLICIES, **more},
    )


def approval(by="olga", owners=("@olga",), rules=("p/r",)):
    return Approval(review="41", by=by, at="2026-11-21T09:00:00Z", commit="c" * 40, owners=owners, rules=rules)


def grant(by="olga"):
    return Grant(waiver="W-1", reviewed=True, by=by, review="7", at="2026-11-21T09:00:00Z", change="acme/shop#8")


def kinds(made):
    return [kind_of(stored.leaf) for stored in made._store.entries()]


def said(made, kind):
    return [told for _, told in made.records(kind)]


def everything(made):
    """All bytes that are hashed, and all that lie beside by their digest."""
    leaves = [stored.leaf for stored in made._store.entries()]
    named = {word for leaf in leaves for word in json.dumps(json.loads(leaf)).split('"') if len(word) == 64}
    bodies = [body for word in sorted(named) if (body := _body(made, word))]
    assert len(bodies) >= 3
    return b"\n".join([*leaves, *bodies])


def _body(made, digest):
    try:
        return made._store.body(digest)
    except HistoryError:  # the digest of something else
        return b""
