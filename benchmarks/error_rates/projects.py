"""Project folders of the campaigns, made once and kept: two model files, a policy and a project file."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import onnx
from zoo import Kind

HERE = Path(__file__).parent
FOLDER = HERE / ".models"
TRUTH = HERE / "truth.json"
WEIGHTS = 2  # of each kind so many pairs of candidate and baseline, each with other random weights

_PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [policy.yaml]
models:
  - {{name: model, path: candidate.onnx, baseline: baseline.onnx, batch: {batch}}}
"""
_POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: campaign, owners: [benchmarks]}
rules:
"""


def energy_rule(tolerance: float) -> str:
    """Write the one rule of most campaigns."""
    return f"  - {{id: energy, metric: energy_per_1k_inferences, max_increase: {tolerance:.0%}, enforce: soft}}\n"


def truth() -> dict[str, Any]:
    """Read which knob gives each kind how much more CPU time, as it was measured."""
    return json.loads(TRUTH.read_text(encoding="utf-8")) if TRUTH.exists() else {"variants": {}}


def extra_of(kind: Kind, work: float) -> int:
    """Find the knob of a kind that truly gives it so much more work.

    Raises:
        SystemExit: That has not been measured yet.
    """
    if not work:
        return 0
    variant = truth()["variants"].get(kind.name, {}).get(f"{work:.2f}")
    if variant is None:
        raise SystemExit(f"{kind.name} +{work:.0%}: not measured yet; run truth.py --models {kind.name}")
    return int(variant["extra"])


def model_file(kind: Kind, seed: int, extra: int) -> Path:
    """Make a model file, once."""
    path = _own_folder() / f"{kind.name}-{extra}-{seed}.onnx"
    if not path.exists():
        partial = path.with_suffix(".partial")
        onnx.save(kind.build(seed, extra), partial)
        partial.replace(path)
    return path


def project(kind: Kind, work: float, weights: int, rules: str) -> Path:
    """Prepare the folder of a project in which the candidate does so much more work, and its weights are others."""
    extra = extra_of(kind, work)
    files = {
        "candidate.onnx": model_file(kind, 2 * weights + 1, extra),
        "baseline.onnx": model_file(kind, 2 * weights, 0),
    }
    folder = FOLDER / "projects" / f"{kind.name}-{extra}-{weights}-{zlib.crc32(rules.encode()):08x}"
    if folder.exists() and all((folder / name).samefile(path) for name, path in files.items()):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, path in files.items():
        (folder / name).hardlink_to(path)
    (folder / "greengate.yaml").write_text(_PROJECT.format(batch=kind.batch), encoding="utf-8")
    (folder / "policy.yaml").write_text(_POLICY + rules, encoding="utf-8")
    return folder


def _own_folder() -> Path:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n", encoding="utf-8")
    return FOLDER
