"""The energy of one workload on an idle machine and at load 8: by greengate, by CodeCarbon, and by the clock.

    python benchmarks/error_rates/load.py --setup          # once: CodeCarbon in an environment of its own
    python benchmarks/error_rates/load.py [--model resnet50] [--times 5] [--seconds 20]

Idle and loaded by turns. greengate's figure is the candidate's `energy_per_1k_inferences` of a whole live gate; the
tracker's is what it adds up around the same number of runs of the same file, on one thread as well, as a machine and as
a process. The load is eight processes that never rest, so that the model gets its share of the cores and no more.
Absolute figures differ because they have other boundaries and coefficients; what is asked is how far each one moves.

Writes RESULT-load.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import venv
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import neighbours
import projects
import tables
from campaign import tried
from zoo import KINDS, Kind

HERE = Path(__file__).parent
VENV = HERE / ".venv"
PACKAGES = ("codecarbon==3.3.2", "onnxruntime", "numpy")
LOAD = 8
ENERGY = "energy_per_1k_inferences"
_JOULES_OF = {"machine": "CodeCarbon, whole machine", "process": "CodeCarbon, process mode"}


def set_up() -> None:
    """Make the scratch environment."""
    venv.create(VENV, with_pip=True, clear=True)
    subprocess.run([VENV / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)


def greengate_says(kind: Kind, seed: int, budget_s: float) -> dict[str, Any]:
    """Run a whole gate on identical models and return the candidate's figures."""
    folder = projects.project(kind, 0.0, 0, projects.energy_rule(0.05))
    found = tried(folder, seed, "--budget", str(budget_s))
    if found["verdict"] == "errored":
        raise SystemExit(found["problem"])
    return found["figures"]


def codecarbon_says(kind: Kind, runs: int, mode: str) -> dict[str, float]:
    """Let CodeCarbon track so many runs."""
    path = projects.model_file(kind, 1, 0)
    command = [VENV / "bin" / "python", HERE / "codecarbon_probe.py", path, str(runs), str(kind.batch), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def campaign(kind: Kind, times: int, seconds: float, budget_s: float) -> dict[tuple[str, int], list[float]]:
    """Ask everybody again and again, idle and loaded by turns."""
    said: dict[tuple[str, int], list[float]] = defaultdict(list)
    one_run_s = codecarbon_says(kind, 10, "machine")["cpu_s"] / 10
    runs = max(10, round(seconds / one_run_s))
    for turn in range(times):
        for load in (0, LOAD):
            with neighbours.load(load):
                figures = greengate_says(kind, turn + 1, budget_s)
                said["greengate, J", load].append(figures[ENERGY])
                said["greengate, latency p50, ms", load].append(figures["latency_p50"] * 1e3)
                for mode, name in _JOULES_OF.items():
                    told = codecarbon_says(kind, runs, mode)
                    said[f"{name}, J", load].append(told["energy"])
                    if mode == "machine":
                        said["- its processor's part", load].append(told["cpu"])
                        said["- its memory's part", load].append(told["memory"])
                        said["wall seconds of 1,000 inferences", load].append(told["wall_s"] / runs / kind.batch * 1e3)
                        said["CPU seconds of 1,000 inferences", load].append(told["cpu_s"] / runs / kind.batch * 1e3)
            print(
                f"turn {turn + 1}, load {load}: "
                + "; ".join(f"{name} {values[-1]:.4g}" for (name, at), values in said.items() if at == load),
                flush=True,
            )
    return said


def main() -> None:
    """Run the campaign and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup", action="store_true", help="make the scratch environment and end")
    parser.add_argument("--model", default="resnet50", choices=[kind.name for kind in KINDS])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20, help="CPU seconds of runs that CodeCarbon tracks")
    parser.add_argument("--budget", type=float, default=60, help="seconds of measuring that a gate may take")
    asked = parser.parse_args()
    if asked.setup:
        set_up()
        return
    if not VENV.exists():
        raise SystemExit("CodeCarbon is not there yet: run load.py --setup")
    kind = next(kind for kind in KINDS if kind.name == asked.model)
    said = campaign(kind, asked.times, asked.seconds, asked.budget)
    rows = []
    for name in dict.fromkeys(name for name, _ in said):
        idle, loaded = said[name, 0], said[name, LOAD]
        moved = statistics.median(loaded) / statistics.median(idle)
        rows.append((name, *(_spread(values) for values in (idle, loaded)), f"x{moved:.2f} ({moved - 1:+.1%})"))
    heads = ("of 1,000 inferences", "idle: median (least to most)", f"load {LOAD}", "moves by")
    about = f"{kind.name}, {asked.times} times each, by turns; {', '.join(PACKAGES[:1])}."
    tables.write("load", "One workload, idle and at load 8", tables.runner(), about, tables.table(heads, rows))


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})"


if __name__ == "__main__":
    main()
