"""Projects whose history holds decisions that nothing was measured for, and records of a ledger made by hand."""

from datetime import UTC, datetime
from pathlib import Path

from made import evidence, exact
from projects_made import COUNTED, PROJECT

from greengate import gate, packs
from greengate.changes import Change
from greengate.evidence import Model
from greengate.history import Decision, opened
from greengate.ledger.canonical import encode
from greengate.ledger.store import Store
from greengate.records import (
    STATEMENT,
    Amount,
    Converted,
    Decided,
    Measurement,
    Settlement,
    Short,
    Side,
    WaiverGranted,
    Year,
    statement,
)
from greengate.trees import WorkingTree

AT = "2026-11-21T10:00:00Z"
PLACE = Path(".greengate") / "history.db"
WAIVERS = PROJECT.replace("policy.yaml", 'policy.yaml, "waivers/*.yaml"')
FLOPS = "flops_per_inference"
STRICT = COUNTED.replace("enforce: soft", "enforce: hard")
TWO = f"{COUNTED}  - {{id: size, metric: model_size, max: 1 MiB, enforce: soft}}\n"


def today():
    return datetime.now(UTC).date().isoformat()


def folder(path, policy=COUNTED, project=PROJECT, **files):
    """A project without models; `files` are waivers by their names."""
    path.mkdir(exist_ok=True)
    (path / "greengate.yaml").write_text(project)
    (path / "policy.yaml").write_text(policy)
    for name, text in files.items():
        (path / "waivers").mkdir(exist_ok=True)
        (path / "waivers" / f"{name}.yaml").write_text(text)
    return path


def decided(path, flops=200, *, size=2**20, paths=("policy.yaml",), change="", grants=(), problem="", taken_at=AT):
    """Write down what a candidate of so many FLOPs beside a baseline of 100 comes to; return the entry's id."""
    found = evidence({FLOPS: exact(flops), "model_size": exact(size)}, {FLOPS: exact(100)}, model=Model(name="m"))
    found = found.model_copy(update={"taken_at": taken_at, "grants": grants})
    verdict = gate.judge(packs.load(WorkingTree(path), paths), found)
    told = None if problem else found
    decision = Decision("m", "c.onnx", taken_at, "0.1.0", verdict, told, problem=problem, change=Change(id=change))
    with opened(path / PLACE) as history:
        return history.append(decision)


def write(path, *records):
    """Append records to the ledger of a project; return the ids of their entries."""
    store = Store(path / PLACE)
    try:
        return [store.append(encode(statement(record, "made", "0" * 64))).entry_id for record in records]
    finally:
        store.close()


def first(path, waiver="W-1", change="a/b#1"):
    """Append a decision as the first format had it; return the id of its entry."""
    finding = {"policy": "p", "rule": "flops", "enforce": "soft", "judged": "failed", "outcome": "waived"}
    predicate = {
        "model": "m", "taken_at": AT, "greengate": "0.1.0", "outcome": "waived", "evidence": "", "commit": "",
        "verdict": {"model": "m", "findings": [{**finding, "waiver": waiver}]}, "policies": [["p", "d" * 64]],
        "problem": "", "notes": [], "check": "c", "change": {"id": change}, "preview": [],
    }  # fmt: skip
    subject = [{"name": "c.onnx", "digest": {"sha256": "c" * 64}}]
    leaf = {"_type": STATEMENT, "subject": subject, "predicateType": "urn:greengate:decision:v1"}
    store = Store(path / PLACE)
    try:
        return store.append(encode({**leaf, "predicate": predicate})).entry_id
    finally:
        store.close()


def passage(waiver="W-1", **rest):
    """A decision that a waiver let through."""
    short = Short(rule="p/flops", enforce="soft", judged="failed", outcome="waived", waiver=waiver)
    given = {"at": AT, "model": "m", "path": "m.onnx", "greengate": "0.1.0", "outcome": "waived", "verdict": "v" * 64}
    change = Change(id=rest.pop("change", ""))
    return Decided(**{**given, "findings": (short,) if waiver else (), "change": change, **rest})


def year(mj=3_600_000, location=400_000, market=None, ueur=21_000, **missing):
    amounts = {"energy_mj": mj, "location_ugco2e": location, "market_ugco2e": market, "cost_ueur": ueur}
    exactly = {name: Amount(amount=n, low=n, high=n) for name, n in amounts.items() if n is not None}
    return Year(**exactly, missing=missing)


def converted(difference, *, supersedes="", measurement="e" * 64):
    return Converted(at=AT, measurement=measurement, supersedes=supersedes, difference=difference)


def measured(baseline="b" * 64):
    return Measurement(at=AT, model="m", candidate=Side(sha256="c" * 64), baseline=Side(sha256=baseline), evidence="")


def granted(state="granted", **rest):
    given = {"waiver": "W-1", "rule": "p/flops", "why": "larger", "expires": "2099-12-31", "ceiling": {"max": "1"}}
    return WaiverGranted(at=AT, state=state, **{**given, **rest})


def settled(state="merged", **rest):
    return Settlement(at=AT, state=state, **rest)
