"""Campaigns: trials of one scenario, each in a fresh process, written down one by one, so that they may be stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neighbours
import projects
import tables
from scenarios import Scenario
from traces import Trace, TraceFile, path_of
from zoo import Kind

from greengate import __version__, git

HERE = Path(__file__).parent
_LONGEST_S = 1800  # a trial that takes longer is stuck


@dataclass(frozen=True, slots=True)
class Campaign:
    """What is tried.

    Attributes:
        rules: The rules of the policy; "" for the one energy rule of the scenario.
        pairs: Measure so many pairs and ask for no verdict; 0 runs gates.
        budget_s: Wall seconds of measuring instead of the policy's; 0 leaves those.
        kind: Which files of `traces.path_of` it writes.
    """

    scenario: Scenario
    kinds: Sequence[Kind]
    beside: str
    rules: str = ""
    pairs: int = 0
    kind: str = ""
    budget_s: float = 0.0

    def run(self, trials: int) -> TraceFile:
        """Go on until there are so many trials in all, the same number of each model."""
        file = TraceFile(path_of(self.scenario.name, self.beside, self.kind))
        file.begin(
            machine=tables.runner(),
            greengate=__version__,
            commit=git.toplevel_commit(HERE),
            began=time.strftime("%Y-%m-%d", time.gmtime()),
        )
        try:
            with neighbours.coming_and_going(neighbours.BESIDE[self.beside]):
                for kind, seed in self._missing(file, trials):
                    _tell(self._try(file, kind, seed))
        finally:
            file.fold()
        return file

    def _missing(self, file: TraceFile, trials: int) -> Iterator[tuple[Kind, int]]:
        """Go through the trials that are not there yet, all models by turns: half a campaign is a fair one."""
        done = Counter(trace.model for trace in file.traces)
        each = -(-trials // len(self.kinds))
        for seed in range(each):
            for kind in self.kinds:
                if seed >= done[kind.name]:
                    yield kind, seed

    def _try(self, file: TraceFile, kind: Kind, seed: int) -> Trace:
        rules = self.rules or projects.energy_rule(self.scenario.tolerance)
        folder = projects.project(kind, self.scenario.work, seed % projects.WEIGHTS, rules)
        options = ["--pairs", str(self.pairs), "--batch", str(kind.batch)] if self.pairs else []
        options += ["--budget", str(self.budget_s)] if self.budget_s else []
        # Seed 0 asks for the usual inputs; every trial has inputs and an order of its own.
        found = tried(folder, seed + 1, *options)
        for name in ("figures", "entry"):
            found.pop(name, None)
        if len(found.get("rules", ())) < 2:
            found.pop("rules", None)
        pairs = found.pop("pairs")
        found = {name: value for name, value in found.items() if value or name in {"seconds", "whole_s", "load"}}
        about = {"scenario": self.scenario.name, "model": kind.name, "beside": self.beside, "seed": seed + 1}
        return file.add(pairs, **about, **found)


def tried(folder: Path, seed: int, *options: str) -> dict[str, Any]:
    """Do one trial in a fresh process; a process that dies or hangs is an errored trial."""
    command = [sys.executable, str(HERE / "trial.py"), str(folder), str(seed), *options]
    nothing = {"verdict": "errored", "seconds": 0.0, "whole_s": 0.0, "load": 0.0, "pairs": []}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        return {**nothing, "problem": f"took more than {_LONGEST_S} s"}
    if done.returncode:
        return {**nothing, "problem": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "died"}
    return json.loads(done.stdout.splitlines()[-1])


def _tell(trace: Trace) -> None:
    words = f"{trace.model} seed {trace.seed}: {trace.verdict}, {len(trace.rows)} pairs in {trace.seconds:.2f} s"
    print(f"{words}, {trace.whole_s:.1f} s in all {trace.problem}".rstrip(), flush=True)
