"""How long the report on a quarter takes over a long ledger, and how much memory.

    python benchmarks/ledger/report.py [DECISIONS] [PLACE]

Writes a ledger of so many decisions, each with its measurement and its conversion, of 500 models over three years: ten
decisions a change, two of three changes merged. Then makes the report on its last quarter from SQLite, both ways, each
time in a process of its own: by marks, as `greengate report` does, and whole, as a period is closed. A PLACE that is
there already is read and not written. Before each run the file is read once, or the system is told to let go of what
it has of it in memory; it may let go of some of it by itself. Writes RESULT-report.md beside this file.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "company"))

from machine import described
from year import PROJECT, Company

from greengate.changes import Change
from greengate.ledger.canonical import digest, encode
from greengate.ledger.store import Store
from greengate.quarters import Wanted, made
from greengate.records import Decided, Settlement, statement

MODELS, A_CHANGE, BATCH = 500, 10, 9000
RUNS = {
    ("by marks", "in memory"): 5,
    ("by marks", "on the disk"): 3,
    ("whole", "in memory"): 2,
    ("whole", "on the disk"): 1,
}
START, END = datetime(2023, 10, 1, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC)
AT, NAME, MEASURED, CONVERTED, CHANGE, ENTRY = "@at@", "@model@", "1" * 64, "2" * 64, "@change@", "9" * 64


class Templates:
    """Leaves as texts in which what differs is put in: making each by its shape would take hours."""

    def __init__(self) -> None:
        company = Company(seed=1, models=3, changes=0)
        model = company.models[0]
        leaves, _ = company._decision(model, START, 1.0, change="x")  # noqa: SLF001 - its own way of writing one
        first, second = (leaf.decode() for leaf, _ in leaves[:2])
        written = START.isoformat().replace("+00:00", "Z")
        self.measurement = first.replace(model.name, NAME).replace(written, AT)
        self.untrained = re.sub('"training":"[0-9a-f]{64}"', '"training":""', self.measurement)
        self.conversion = second.replace(model.name, NAME).replace(written, AT).replace(digest(leaves[0][0]), MEASURED)
        decided = Decided(
            at=AT, project=PROJECT, model=NAME, team="nlp", path=f"models/{NAME}.onnx", sha256="a" * 64,
            greengate="0.1",
            commit="b" * 40, check="c" * 32, change=Change(id=CHANGE, forge="github", head="d" * 40, run="1.1"),
            outcome="passed",
            passed=5, verdict="e" * 64, evidence="f" * 64, measurement=MEASURED, conversion=CONVERTED,
            policies=(("prod", "7" * 64),),
        )  # fmt: skip
        self.decision = encode(statement(decided, decided.path, "a" * 64)).decode()
        settled = Settlement(at=AT, state="merged", change=CHANGE, by="ci")
        self.settlement = encode(statement(settled, CHANGE, "0" * 64)).decode()


def leaves(count: int) -> Iterator[bytes]:
    """Go through the leaves of so many decisions, and the settlements of their changes."""
    made, chance = Templates(), random.Random(7)
    step = (END - START) / count
    for number in range(count):
        at = (START + number * step).isoformat().replace("+00:00", "Z")
        change = f"acme/shop#{number // A_CHANGE + 1}"
        name = f"m{(number // A_CHANGE) % MODELS:03}"
        text = made.measurement if number // A_CHANGE % 5 < 2 else made.untrained  # two of five models are trained
        first = text.replace(AT, at).replace(NAME, name).encode()
        second = made.conversion.replace(AT, at).replace(NAME, name).replace(MEASURED, digest(first)).encode()
        text = made.decision.replace(AT, at).replace(NAME, name).replace(CHANGE, change)
        third = text.replace(MEASURED, digest(first)).replace(CONVERTED, digest(second))
        yield from (first, second, third.encode())
        if number % A_CHANGE == A_CHANGE - 1 and chance.random() < 0.67:
            later = (START + (number + 0.5) * step).isoformat().replace("+00:00", "Z")
            yield made.settlement.replace(AT, later).replace(CHANGE, change).encode()


def write(place: Path, count: int) -> None:
    """Write the ledger, by large transactions."""
    store, batch = Store(place), list[tuple[bytes, None]]()
    for leaf in leaves(count):
        batch.append((leaf, None))
        if len(batch) >= BATCH:
            store.append_all(batch)
            batch.clear()
    store.append_all(batch)
    store.close()


def read(place: str, way: str) -> None:
    """Make the report, and print what it took and what came out."""
    begun = time.monotonic()
    store = Store(place, make=False)
    report = made(store, Wanted("2026-Q3", END + timedelta(days=1), whole=way == "whole")).report
    taken = time.monotonic() - begun
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    told = {"seconds": taken, "mib": own.ru_maxrss / 1024, "others_mib": others.ru_maxrss / 1024,
            "processor": sum(one.ru_utime + one.ru_stime for one in (own, others)),
            "entries": report.evidence.size, "total": report.datum("emissions.total_location").value,
            "decisions": report.datum("gate.decisions").value, "versions": report.datum("boundary.versions").value,
            "digest": digest(report.model_dump_json().encode())}  # fmt: skip
    print(json.dumps(told))


def run(place: Path, way: str, where: str) -> dict[str, Any]:
    """Make the report in a process of its own, from a file that the system has in memory, or has let go of."""
    with place.open("rb") as file:
        if where == "on the disk":
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while where == "in memory" and file.read(1 << 24):
            pass
    words = [sys.executable, __file__, "--read", str(place), way]
    told = subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ})
    return json.loads(told.stdout)


def row(way: str, where: str, runs: list[dict[str, Any]]) -> str:
    """Tell what one way took."""
    times = ", ".join(f"{one['seconds']:.1f}" for one in runs)
    best = min(runs, key=lambda one: one["seconds"])
    own, others = (max(one[part] for one in runs) for part in ("mib", "others_mib"))
    memory = f"{own + others:,.0f} ({own:,.0f} and {others:,.0f})"
    return f"| {way} | {where} | {best['seconds']:.1f} | {times} | {best['processor']:.0f} | {memory} |"


def main(count: int, place: Path) -> None:
    """Write a ledger where there is none, read it both ways, and write the result down."""
    begun, told = time.monotonic(), ""
    if not place.exists():
        write(place, count)
        told = f"; written in {time.monotonic() - begun:,.0f} s"
    ways = {way: [run(place, *way) for _ in range(many)] for way, many in RUNS.items()}
    every = [one for runs in ways.values() for one in runs]
    assert len({one["digest"] for one in every}) == 1
    first = every[0]
    size = f"{first['entries']:,} entries, {place.stat().st_size / 1e9:.1f} GB in SQLite{told}"
    counted = f"{first['decisions']} decisions, {first['versions']} versions in force, {first['total']} tCO2e"
    head = "| read | the file is | best, s | each, s | processor time of all, s | MiB at most (own and another's) |"
    lines = [
        "# The report on a quarter over a long ledger",
        described(),
        f"{count:,} decisions: {size}.",
        "\n".join([head, "|---|---|---|---|---|---|", *(row(*way, runs) for way, runs in ways.items())]),
        f"The report on 2026-Q3, the same each time: {counted}. Aims: 20 s, 500 MiB.",
    ]
    text = "\n\n".join(lines) + "\n"
    print(text)
    Path(__file__).with_name("RESULT-report.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(*sys.argv[2:4])
    else:
        COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
        with tempfile.TemporaryDirectory() as folder:
            main(COUNT, Path(sys.argv[2] if len(sys.argv) > 2 else f"{folder}/ledger.db"))
