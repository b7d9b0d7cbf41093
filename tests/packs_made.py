"""Policy files in memory, for the tests of `greengate.packs`."""

import fnmatch
import hashlib

import pytest

from greengate import packs
from greengate.errors import Problems

POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: prod-nlp, owners: ["@acme/ml-platform", "@acme/green"], description: "What ships to production NLP"}
match: {models: ["nlp/*"], labels: {tier: prod}, branches: [main, "release/*"]}
params: {energy_cap: 850 J}
measurement:
  baseline: merge-base
  comparable: [runner, runtime, inputs]
  evidence: measured
  confidence: 95%
  inconclusive: fail
rules:
  - {id: energy-cap, metric: energy_per_1k_inferences, max: "${energy_cap}", enforce: hard}
  - id: energy-regression
    metric: energy_per_1k_inferences
    max_increase: 5%
    enforce: soft
  - {id: carbon-cap, metric: carbon_per_1k_inferences, max: 120 gCO2e, enforce: soft}
  - id: flops-growth
    metric: flops_per_inference
    max_increase: 15%
    unless:
      approval: accuracy-tradeoff
      gain: {metric: quality.accuracy, min_increase: 0.5 pp}
      ceiling: 40%
    enforce: soft
  - {id: latency, metric: latency_p95, max: 40 ms, enforce: hard}
  - {id: size, metric: model_size, max: 500 MiB, enforce: advisory}
  - id: gpu-must-pay
    cel: candidate.latency_p50 <= 2.0 * baseline.latency_p50
    message: "the GPU is slower than the CPU here"
    enforce: advisory
enforcement:
  soft: {override: {approvals: 1, from: owners, not_author: true}}
  hard: {override: never}
"""

WAIVER = """\
apiVersion: greengate/v1
kind: Waiver
id: W-2026-014
rule: prod-nlp/flops-growth
type: accuracy-tradeoff
match: {models: [nlp/summariser]}
ceiling: {max_increase: 28%}
expires: 2026-12-31
reason: "Long-context head; +0.9 pp held-out"
granted_by: "@acme/green"
"""


class Files:
    """A tree of files in memory."""

    name = "working tree"

    def __init__(self, files):
        self.files = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}

    def read(self, path):
        return self.files.get(path)

    def glob(self, pattern):
        return sorted(path for path in self.files if fnmatch.fnmatchcase(path, pattern))


def load(*texts, scales=None, **named):
    """Load policies from `p.yaml`, or `p1.yaml`, `p2.yaml`, ...; `named` files are there and not loaded."""
    files = {f"p{at or ''}.yaml": text for at, text in enumerate(texts)}
    beside = {f"{name}.yaml": text for name, text in named.items()}
    return packs.load(Files(files | beside), list(files), scales)


def complaint(*texts, **rest):
    with pytest.raises(Problems) as told:
        load(*texts, **rest)
    return str(told.value)


def policy(rules=(), /, name="demo", **parts):
    """A policy of one line a rule, with further parts as text."""
    lines = ["apiVersion: greengate/v1", "kind: Policy", f"metadata: {{name: {name}}}"]
    lines += [f"{key}: {value}" for key, value in parts.items()]
    return "\n".join([*lines, *(["rules:"] if rules else []), *(f"  - {rule}" for rule in rules)]) + "\n"


def pinned(path, text):
    """What a child writes to extend a file."""
    return f'[{{pack: {path}, digest: "sha256:{hashlib.sha256(text.encode()).hexdigest()}"}}]'
