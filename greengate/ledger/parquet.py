"""A ledger as a Parquet file, for queries over long histories: the leaves, and beside each its common fields.

The columns are conveniences, read from the leaf that stands in the same row; a proof is made of the leaf alone. Amounts
are whole numbers of the unit in their name, of a year by a conversion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from greengate.errors import MissingExtra, ReportError
from greengate.ledger.store import Stored

_ROWS = 20_000
_MOST_DIGITS = 38
_TEXTS = ("project", "model", "team", "outcome", "commit", "branch", "period", "scope", "unit")
_SUMS = ("energy_mj", "location_ugco2e", "market_ugco2e", "embodied_ugco2e", "cost_ueur")
_SIDES = ("candidate", "baseline", "difference")


def write(entries: Iterable[Stored], note: bytes | None, path: Path) -> None:
    """Write entries, and the ledger's newest checkpoint into the file's metadata.

    Raises:
        MissingExtra: pyarrow is not installed.
        ReportError: The file cannot be written.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - heavy
        from pyarrow import parquet  # noqa: PLC0415 - heavy
    except ImportError as error:
        hint = "pip install 'greengate-ci[parquet]'"
        raise MissingExtra("--format parquet", "pyarrow is not installed", hint) from error
    schema = _schema(pa).with_metadata({"greengate.checkpoint": note or b""})
    draft = path.with_name(f".{path.name}.part")
    try:
        with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
            rows = map(_row, entries)
            while batch := list(islice(rows, _ROWS)):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
        draft.replace(path)
    except (OSError, pa.ArrowException) as error:
        raise ReportError(str(path), f"the export cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _schema(arrow: Any) -> Any:
    whole = arrow.decimal128(38, 0)
    return arrow.schema([
        arrow.field("index", arrow.int64(), nullable=False),
        arrow.field("id", arrow.string(), nullable=False),
        arrow.field("type", arrow.string()),
        arrow.field("time", arrow.timestamp("us", tz="UTC")),
        arrow.field("subject", arrow.string()),
        arrow.field("subject_sha256", arrow.string()),
        arrow.field("change", arrow.string()),
        *(arrow.field(name, arrow.string()) for name in _TEXTS),
        *(arrow.field(name, whole) for name in _amounts()),
        arrow.field("leaf", arrow.binary(), nullable=False),
    ])  # fmt: skip


def _amounts() -> list[str]:
    return [f"{side}_{amount}" for side in _SIDES for amount in _SUMS]


def _row(stored: Stored) -> dict[str, Any]:
    """Read the columns from a leaf; what it does not say, or not so, is null."""
    statement = _object(_read(stored.leaf))
    predicate, subject = _object(statement.get("predicate")), _first(statement.get("subject"))
    sides = {side: _object(predicate.get(side)) for side in _SIDES}
    return {
        "index": stored.index,
        "id": stored.entry_id,
        "type": _text(statement.get("predicateType")),
        "time": _time(_text(predicate.get("at", predicate.get("taken_at")))),
        "subject": _text(subject.get("name")),
        "subject_sha256": _text(_object(subject.get("digest")).get("sha256")),
        "change": _text(_object(predicate.get("change")).get("id", predicate.get("change"))),
        **{name: _text(predicate.get(name)) for name in _TEXTS},
        **{f"{side}_{amount}": _whole(sides[side].get(amount)) for side in _SIDES for amount in _SUMS},
        "leaf": stored.leaf,
    }


def _read(leaf: bytes) -> Any:
    try:
        return json.loads(leaf)
    except (ValueError, RecursionError):
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(value: Any) -> Mapping[str, Any]:
    return _object(value[0]) if isinstance(value, list) and value else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found and found.tzinfo else None


def _whole(value: Any) -> Decimal | None:
    text = _text(_object(value).get("amount"))
    return Decimal(text) if text and text.lstrip("-").isdecimal() and len(text) <= _MOST_DIGITS else None
