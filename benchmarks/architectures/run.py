"""`greengate gate` over every architecture of the onnx package: each against itself must end in a verdict.

    python benchmarks/architectures/run.py [NAME ...]

Writes RESULT.md beside this file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import light_models
import machine
import onnx

PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [policy.yaml]
models:
  - {name: model, path: candidate.onnx, baseline: baseline.onnx}
"""
POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: same, owners: [benchmarks]}
rules:
  - {id: energy, metric: energy_per_1k_inferences, max_increase: 5%, enforce: soft}
  - {id: flops, metric: flops_per_inference, max_increase: 0%, enforce: soft}
"""


def judged(name: str) -> dict[str, str]:
    """Run the whole command on one architecture and give the row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        for seed, file in enumerate(("candidate.onnx", "baseline.onnx")):
            onnx.save(light_models.with_random_weights(name, seed), Path(folder, file))
        Path(folder, "greengate.yaml").write_text(PROJECT, encoding="utf-8")
        Path(folder, "policy.yaml").write_text(POLICY, encoding="utf-8")
        command = [sys.executable, "-m", "greengate", "gate", "--json"]
        started = time.monotonic()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return _row(name, done, time.monotonic() - started)


def _row(name: str, done: subprocess.CompletedProcess[str], seconds: float) -> dict[str, str]:
    told = json.loads(done.stdout)["models"][0]
    figures = told["figures"]
    return {
        "architecture": name,
        "verdict": told["outcome"],
        "exit": str(done.returncode),
        "MACs": f"{figures['macs_per_inference']['candidate']['amount']:,.0f}",
        "parameters": f"{figures['parameters']['candidate']['amount']:,.0f}",
        "p50": f"{figures['latency_p50']['candidate']['amount'] * 1e3:.1f} ms",
        "pairs": str(told["evidence"]["pairs"]),
        "seconds, all": f"{seconds:.1f}",
    }


def main(wanted: list[str]) -> int:
    """Judge the wanted architectures, or all, and write the table."""
    rows = [judged(name) for name in wanted or light_models.names()]
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    title = "# Every architecture of the onnx package, against itself with other random weights"
    text = "\n".join([title, "", machine.described(), "", *lines, ""])
    print(text)
    if not wanted:
        Path(__file__).with_name("RESULT.md").write_text(text, encoding="utf-8")
    return 0 if all(row["exit"] in {"0", "3"} for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
