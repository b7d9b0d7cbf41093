"""Leaves and places for the benchmarks of the ledger."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postgres_made import Server

from greengate.ledger.canonical import digest, encode
from greengate.records import Decided, PolicyVersion, Short, statement

AT = "2026-11-21T10:00:00Z"
CHANCE = random.Random(1)


@dataclass(frozen=True, slots=True)
class Places:
    """Where ledgers can be made: a folder, and a server."""

    folder: Path
    server: Server

    def new(self, store: str) -> str:
        """Name an empty place for a store."""
        if store == "SQLite":
            return str(Path(tempfile.mkdtemp(dir=self.folder), "history.db"))
        return self.server.schema()


@contextmanager
def places() -> Iterator[Places]:
    """Give places for as long as the block lasts."""
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        yield Places(Path(folder), server)
    server.stop()


def decision(number: int) -> bytes:
    """Make a leaf of the usual size: a decision with two findings."""
    name = f"{number:064x}"
    record = Decided(
        at=AT,
        project="acme/shop",
        model=f"model-{number % 50}",
        team="nlp",
        path=f"models/model-{number % 50}.onnx",
        sha256=name,
        greengate="0.2.0",
        commit=name[:40],
        branch="main",
        check=name[:32],
        outcome="passed",
        findings=(Short(rule="prod/energy", enforce="hard", judged="max 10 J", outcome="warned"),) * 2,
        verdict="",
        policies=(("prod", "5" * 64),),
    )
    return encode(statement(record, record.path, name))


def policy(number: int) -> tuple[bytes, dict[str, bytes]]:
    """Make a leaf that refers to a text of 2,000 bytes, with the text."""
    text = CHANCE.randbytes(1000).hex().encode()
    record = PolicyVersion(at=AT, name=f"policy-{number}", sha256=digest(text))
    return encode(statement(record, record.name, digest(text))), {digest(text): text}


def leaves(start: int, stop: int) -> Sequence[tuple[bytes, dict[str, bytes]]]:
    """Make leaves, each tenth of which refers to evidence."""
    return [(decision(number), {}) if number % 10 else policy(number) for number in range(start, stop)]
