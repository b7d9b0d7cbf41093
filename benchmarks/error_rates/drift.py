"""Many small changes, each under its tolerance: does a drift rule catch them, and does it let identical ones through?

    python benchmarks/error_rates/truth.py --models encoder --works 0.02,0.04,0.06,0.08,0.1,0.13,0.15,0.17,0.2,0.22
    python benchmarks/error_rates/drift.py [--times 3] [--model encoder]

Ten changes, of about +2% each (1.02, 1.02^2, ... of the first model's work, as truly measured), and twenty changes of
the weights alone, under `max_increase: 5%` and `max_drift: {since: ..., increase: 10%}`. Each change is gated against
the one before it and then accepted, until the drift rule fails.

- By a third arm: a git repository, the first model tagged as a release (`since: last-release`), so that it can be had
  and is measured beside candidate and baseline.
- By a chain: a plain folder with the file of the last accepted model alone, and `since:` the history's first entry, so
  that the first model cannot be had any more and the recorded changes are multiplied.

Writes RESULT-drift.md beside this file.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import projects
import tables
from campaign import tried
from zoo import KINDS, Kind

CHANGES = [round(1.02**step - 1, 2) for step in range(1, 11)]
IDENTICAL = 20
BASELINES = {"arm": "git:HEAD", "chain": "accepted.onnx"}
_PROJECT = """\
apiVersion: greengate/v1
kind: Project
policies: [policy.yaml]
models:
  - {{name: model, path: model.onnx, baseline: "{baseline}", batch: {batch}}}
"""
_POLICY = """\
apiVersion: greengate/v1
kind: Policy
metadata: {name: creeping, owners: [benchmarks]}
rules:
  - {id: step, metric: energy_per_1k_inferences, max_increase: 5%, enforce: soft}
"""
_DRIFT = """\
  - {{id: drift, metric: energy_per_1k_inferences, max_drift: {{since: "{since}", increase: 10%}}, enforce: soft}}
"""


@dataclass(slots=True)
class Walk:
    """One series of changes: how each was judged alone, how the drift was, and at which change that failed."""

    steps: Counter[str] = field(default_factory=Counter)
    drifts: Counter[str] = field(default_factory=Counter)
    caught: int | None = None
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """The project in which a series of changes is made.

    Attributes:
        way: "arm" (a git repository) or "chain" (a plain folder).
    """

    folder: Path
    way: str
    kind: Kind

    @property
    def history(self) -> Path:
        """Where the decisions are written down."""
        return self.folder.with_suffix(".db")

    def begin(self, seed: int) -> None:
        """Put the first model in its place: a tagged release, or the first entry of the history."""
        self._put("model.onnx", 0, 0.0)
        self._say(_PROJECT.format(baseline=BASELINES[self.way], batch=self.kind.batch), _POLICY)
        if self.way == "arm":
            self._say(None, _POLICY + _DRIFT.format(since="last-release"))
            self._git("init", "--quiet")
            self._accept("the first model")
            self._git("tag", "v1.0")
            return
        self._put("accepted.onnx", 1, 0.0)
        entry = self._gate(seed)["entry"]
        self._accept("the first model")
        self._say(None, _POLICY + _DRIFT.format(since=entry[:16]))

    def change(self, weights: int, work: float, seed: int) -> tuple[dict[str, str], float]:
        """Make a change, gate it and accept it; give how its rules came out, and the seconds of measuring."""
        self._put("model.onnx", weights, work)
        found = self._gate(seed)
        self._accept(f"+{work:.0%}")
        return found["rules"], found["seconds"]

    def _gate(self, seed: int) -> dict[str, Any]:
        found = tried(self.folder, seed, "--history", str(self.history))
        if found["verdict"] == "errored":
            raise SystemExit(found["problem"])
        return found

    def _put(self, name: str, weights: int, work: float) -> None:
        shutil.copy(projects.model_file(self.kind, weights, projects.extra_of(self.kind, work)), self.folder / name)

    def _say(self, project: str | None, policy: str) -> None:
        if project is not None:
            (self.folder / "greengate.yaml").write_text(project, encoding="utf-8")
        (self.folder / "policy.yaml").write_text(policy, encoding="utf-8")

    def _accept(self, words: str) -> None:
        if self.way == "chain":
            shutil.copy(self.folder / "model.onnx", self.folder / "accepted.onnx")
            return
        self._git("add", "--all")
        self._git("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost", "commit", "--quiet", "-m", words)

    def _git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True)


def walked(kind: Kind, way: str, works: Sequence[float], seed: int) -> Walk:
    """Make a series of changes until the drift rule fails."""
    walk = Walk()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "project")
        folder.mkdir()
        project = Place(folder, way, kind)
        project.begin(seed)
        for number, work in enumerate(works, start=1):
            # Other weights each time: a model that comes back would make the chain shorter.
            rules, seconds = project.change(number + 1, work, seed + number)
            walk.steps[rules["step"]] += 1
            walk.drifts[rules["drift"]] += 1
            walk.seconds.append(seconds)
            print(f"  {way}, change {number} (+{work:.0%} in all): {rules}, {seconds:.2f} s", flush=True)
            if rules["drift"] == "failed":
                walk.caught = number
                break
    return walk


def row(name: str, way: str, walks: Sequence[Walk]) -> tuple[object, ...]:
    """Sum up some series of one kind."""
    caught = [walk.caught for walk in walks if walk.caught is not None]
    steps, drifts = (sum((getattr(walk, side) for walk in walks), Counter()) for side in ("steps", "drifts"))
    return (
        name,
        {"arm": "third arm", "chain": "chain"}[way],
        len(walks),
        f"{len(caught)} of {len(walks)}",
        ", ".join(map(str, sorted(caught))) or "-",
        *(", ".join(f"{count} {word}" for word, count in counts.items()) for counts in (steps, drifts)),
        f"{statistics.median(seconds for walk in walks for seconds in walk.seconds):.2f}",
    )


def main() -> None:
    """Walk both series both ways and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3, help="series of each kind, each way")
    parser.add_argument("--model", default="encoder", choices=[kind.name for kind in KINDS])
    parser.add_argument("--ways", default="arm,chain")
    asked = parser.parse_args()
    kind = next(kind for kind in KINDS if kind.name == asked.model)
    rows = []
    for way in asked.ways.split(","):
        for name, works in (("ten of +2% each", CHANGES), (f"{IDENTICAL} identical", [0.0] * IDENTICAL)):
            print(f"{name}, {way}", flush=True)
            rows.append(row(name, way, [walked(kind, way, works, 100 * turn + 1) for turn in range(asked.times)]))
    heads = (
        "changes",
        "by",
        "series",
        "caught",
        "at change",
        "the steps alone (5%)",
        "the drift (10%)",
        "seconds of measuring, median",
    )
    variants = projects.truth()["variants"].get(kind.name, {})
    truly = ", ".join(
        f"{variants[f'{work:.2f}']['cpu_ratio'] - 1:+.1%}" for work in CHANGES if f"{work:.2f}" in variants
    )
    about = f"{kind.name}; the ten changes have truly, beside the first model: {truly}."
    tables.write("drift", "Small changes that add up", tables.runner(), about, tables.table(heads, rows))


if __name__ == "__main__":
    main()
