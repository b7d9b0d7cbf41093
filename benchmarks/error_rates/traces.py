"""Stored traces: what a trial measured, one line of JSON each, gzipped; small enough to keep in the repository.

New lines go to a plain file beside the gzipped one, so that a campaign may be stopped at any moment, and are folded
into it when it ends or begins again. A line that was cut off half-way is dropped.
"""

from __future__ import annotations

import gzip
import json
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from greengate.evidence import Block, Pair

FOLDER = Path(__file__).parent / "traces"


@dataclass(frozen=True, slots=True)
class Row:
    """One pair, as (candidate, baseline): CPU and wall seconds an inference, and the median run of each block."""

    round: int
    candidate_first: bool
    cpu_s: tuple[float, float]
    wall_s: tuple[float, float]
    run_p50_s: tuple[float, float]

    def ratio(self, column: str = "cpu_s") -> float:
        """Return ln(candidate / baseline) of a column."""
        candidate, baseline = getattr(self, column)
        return math.log(candidate / baseline)


@dataclass(frozen=True, slots=True)
class Trace:
    """One trial.

    Attributes:
        scenario: Which models were compared under which tolerance (`scenarios.py`).
        beside: "nothing", "one" or "both": on how many cores a process of ours came and went.
        verdict: How the gate ended, or "open" where none was asked; `problem` is why, if it did not end well.
        seconds: Wall seconds of measuring, from the first session to the last block.
        whole_s: Wall seconds of the whole check, from the first look at the files to the verdict.
        load: The machine's load average of one minute when the trial began.
        discarded: Pairs that were dropped with their disturbed rounds.
        voided: Why nothing counts, or nothing.
        rules: How each rule of a policy with several of them was judged.
    """

    scenario: str
    model: str
    beside: str
    seed: int
    verdict: str
    seconds: float
    whole_s: float
    load: float
    rows: tuple[Row, ...]
    problem: str = ""
    discarded: int = 0
    voided: str = ""
    rules: dict[str, str] | None = None

    @property
    def round_s(self) -> float:
        """Seconds of one round, sessions included."""
        return self.seconds / max(1, len({row.round for row in self.rows}))

    @property
    def pair_s(self) -> float:
        """Seconds of one pair, its share of the sessions included."""
        return self.seconds / max(1, len(self.rows))

    def rounds(self) -> list[list[Row]]:
        """Group the pairs by round."""
        return [list(rows) for _, rows in groupby(self.rows, key=lambda row: row.round)]

    def round_means(self, column: str = "cpu_s") -> list[float]:
        """Return the mean log-ratio of each round."""
        return [_mean(rows, column) for rows in self.rounds()]


def _mean(rows: Sequence[Row], column: str) -> float:
    return statistics.fmean(row.ratio(column) for row in rows)


def rounds_of(pairs: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean log-ratio of CPU seconds of each round of pairs written short."""
    rows = (_row(numbers) for numbers in pairs)
    return [_mean(list(group), "cpu_s") for _, group in groupby(rows, key=lambda row: row.round)]


def of_pairs(pairs: Sequence[Pair]) -> list[list[float]]:
    """Write pairs as short lists of numbers, six digits each."""
    return [_short(pair) for pair in pairs]


def _short(pair: Pair) -> list[float]:
    blocks = (pair.candidate, pair.baseline)
    values = [value for block in blocks for value in _an_inference(block)]
    return [pair.round, int(pair.candidate_first), *(float(f"{value:.6g}") for value in values)]


def _an_inference(block: Block) -> tuple[float, float, float]:
    return block.cpu_s / block.inferences, block.wall_s / block.inferences, block.run_p50_s


def _row(numbers: Sequence[float]) -> Row:
    round_, first, cpu, wall, p50, other_cpu, other_wall, other_p50 = numbers
    return Row(int(round_), bool(first), (cpu, other_cpu), (wall, other_wall), (p50, other_p50))


class TraceFile:
    """All trials of one campaign: the traces, and under which machine and version each part of them was made."""

    def __init__(self, path: Path) -> None:
        self.path, self._fresh = path, path.with_suffix("")
        self.campaigns: list[dict[str, Any]] = []
        self.traces: list[Trace] = []
        for line in _lines(path, self._fresh):
            self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        if "campaign" in line:
            self.campaigns.append(line["campaign"])
        else:
            rows = tuple(_row(numbers) for numbers in line.pop("pairs"))
            self.traces.append(Trace(**line, rows=rows))

    def begin(self, **campaign: object) -> None:
        """Fold in what was left over, and say under which machine and version the next trials are made."""
        self.fold()
        if not self.campaigns or self.campaigns[-1] != campaign:
            self._append({"campaign": campaign})

    def add(self, pairs: Sequence[Sequence[float]], **trial: object) -> Trace:
        """Write down one trial at once."""
        line = {**trial, "pairs": pairs}
        self._append(line)
        return self.traces[-1]

    def _append(self, line: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._fresh.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._take(json.loads(json.dumps(line)))

    def fold(self) -> None:
        """Move the lines of the plain file into the gzipped one; the same lines give the same bytes."""
        if not self._fresh.exists():
            return
        whole = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in _lines(self.path, self._fresh))
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(gzip.compress(whole.encode(), 9, mtime=0))
        partial.replace(self.path)
        self._fresh.unlink()


def _lines(*paths: Path) -> Iterator[dict[str, Any]]:
    for path in paths:
        if not path.exists():
            continue
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in data.decode().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def path_of(scenario: str, beside: str, kind: str = "") -> Path:
    """Name the file of a campaign; `kind` is "" for gates, "long" for traces that go on beyond a verdict."""
    return FOLDER / (".".join(part for part in (scenario, beside, kind) if part) + ".jsonl.gz")


def stored(kind: str = "", folder: Path = FOLDER) -> Iterable[TraceFile]:
    """Go through the files of gates, or of another kind."""
    for path in sorted(
        {*folder.glob("*.jsonl.gz"), *(plain.with_suffix(".jsonl.gz") for plain in folder.glob("*.jsonl"))}
    ):
        words = path.name.removesuffix(".jsonl.gz").split(".")
        if words[2:] == ([kind] if kind else []):
            yield TraceFile(path)


def as_evidence(rows: Iterable[Row]) -> tuple[Pair, ...]:
    """Turn rows back into pairs that greengate judges; a block counts as one inference."""
    return tuple(
        Pair(
            round=row.round,
            candidate_first=row.candidate_first,
            candidate=_block(row, 0),
            baseline=_block(row, 1),
        )
        for row in rows
    )


def _block(row: Row, side: int) -> Block:
    return Block(inferences=1, cpu_s=row.cpu_s[side], wall_s=row.wall_s[side], run_p50_s=row.run_p50_s[side])


def plain(trace: Trace) -> dict[str, Any]:
    """Return everything of a trace but its pairs."""
    return {name: value for name, value in asdict(trace).items() if name != "rows"}
