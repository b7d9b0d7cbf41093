"""Entries for another place, edited so that all of their digests fit again, as one can who writes the file."""

import json

from greengate.ledger.canonical import digest, encode


def forged(text, change):
    """Change a decision, its verdict and its evidence, and write all that refers to them anew."""
    lines = {line["statement"]["predicateType"].split(":")[2]: line for line in map(json.loads, text.splitlines())}
    decided, measured, converted = (lines[kind] for kind in ("decision", "measurement", "conversion"))
    bodies = {**measured["bodies"], **decided["bodies"]}
    said = decided["statement"]["predicate"]
    line = {name: json.loads(bodies[said[name]]) for name in ("evidence", "verdict")}
    change(line | {"statement": decided["statement"]})
    told = {name: encode(line[name]).decode() for name in line}
    evidence, verdict = (digest(told[name].encode()) for name in ("evidence", "verdict"))
    sha256 = line["evidence"]["candidate"]["sha256"]
    measured["bodies"], decided["bodies"] = {evidence: told["evidence"]}, {verdict: told["verdict"]}
    measured["statement"]["predicate"]["evidence"] = evidence
    converted["statement"]["predicate"]["measurement"] = _renamed(measured)
    said |= {"evidence": evidence, "verdict": verdict, "sha256": sha256, "measurement": measured["entry"]}
    decided["statement"]["subject"][0]["digest"]["sha256"] = sha256
    said["conversion"] = _renamed(converted)
    _renamed(decided)
    return "".join(f"{json.dumps(line)}\n" for line in lines.values())


def _renamed(line):
    line["entry"] = digest(encode(line["statement"]))
    return line["entry"]
