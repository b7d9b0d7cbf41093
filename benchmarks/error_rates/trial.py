"""One trial in this process: judge a project from nothing, or measure its models for a number of pairs; prints JSON.

python benchmarks/error_rates/trial.py FOLDER SEED [--budget S] [--history FILE] [--pairs N --batch B]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measuring
from traces import of_pairs

from greengate import check
from greengate.errors import GreengateError
from greengate.history import opened
from greengate.measure.protocol import Schedule
from greengate.settings import Settings


def gated(folder: Path, seed: int, budget_s: float | None, history: Path) -> dict[str, Any]:
    """Run the whole walk of one check and read from its history what was concluded, and from which pairs."""
    started = time.monotonic()
    check.run(Settings(root=folder, seed=seed, history=history, budget_s=budget_s), check.Watch())
    whole_s = time.monotonic() - started
    with opened(history) as past:
        record = past.find("last")
    decision = record.decision
    findings, evidence = decision.verdict.findings, decision.evidence
    told = {"whole_s": round(whole_s, 3), "problem": decision.problem}
    if evidence is None:
        return {"verdict": "errored", "seconds": 0.0, **told, "pairs": []}
    return {
        "verdict": str(decision.verdict.outcome),
        "seconds": round(evidence.measured_s, 4),
        **told,
        "discarded": evidence.discarded_pairs,
        "voided": evidence.voided,
        "rules": {found.rule: str(found.judged) for found in findings},
        "pairs": of_pairs(evidence.pairs),
        "entry": record.entry_id,
        "figures": {name: figure.amount for name, figure in evidence.candidate.figures.items()},
    }


def measured(folder: Path, seed: int, pairs: int, batch: int) -> dict[str, Any]:
    """Measure a fixed number of pairs, whatever they say."""
    started = time.monotonic()
    paths = {subject: folder / f"{subject}.onnx" for subject in ("candidate", "baseline")}
    trace = measuring.measured(paths, batch, Schedule(budget_s=1e6, max_pairs=pairs, min_pairs=pairs, seed=seed))
    return {
        "verdict": "open",
        "seconds": round(trace.seconds, 4),
        "whole_s": round(time.monotonic() - started, 3),
        "discarded": trace.discarded_pairs,
        "pairs": of_pairs(trace.pairs),
    }


def main() -> None:
    """Do one trial; what greengate refuses is a result, too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("--budget", type=float, default=None)
    parser.add_argument("--history", type=Path, default=None)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1)
    asked = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    try:
        with tempfile.TemporaryDirectory() as place:
            history = asked.history or Path(place, "history.db")
            if asked.pairs:
                found = measured(asked.folder, asked.seed, asked.pairs, asked.batch)
            else:
                found = gated(asked.folder, asked.seed, asked.budget, history)
    except GreengateError as error:
        found = {"verdict": "errored", "seconds": 0.0, "whole_s": 0.0, "problem": str(error), "pairs": []}
    print(json.dumps({"load": load, **found}))


if __name__ == "__main__":
    main()
