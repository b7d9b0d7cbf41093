"""A JSON report that was written before the ledger was signed, with the receipts that its decisions have since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from greengate.errors import ReportError, UsageError
from greengate.report.document import SCHEMA, Document

_MOST_BYTES = 256 * 2**20
_HINT = "give what `greengate gate --report json=FILE` wrote"


def read(path: Path) -> Document:
    """Read a JSON report.

    Raises:
        ReportError: It cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
    except OSError as error:
        raise ReportError(str(path), f"cannot be read: {error.strerror}", _HINT) from error
    except (ValueError, RecursionError):
        told = None
    models = told.get("models") if isinstance(told, dict) and told.get("schema") == SCHEMA else None
    if not isinstance(models, list) or not all(
        isinstance(one, dict) and isinstance(one.get("entry"), str) for one in models
    ):
        raise misshaped(path)
    found: Document = told
    return found


def misshaped(path: Path) -> ReportError:
    """Say that a file is no JSON report."""
    return ReportError(str(path), f"this is no report of the form {SCHEMA}", _HINT)


def refuse_others(told: Document, path: Path, entries: Iterable[str]) -> None:
    """Refuse entries that are no decisions of a report.

    Raises:
        UsageError: One is none.
    """
    own = {one["entry"] for one in told["models"]}
    for entry in entries:
        if entry not in own:
            hint = "name the decisions of this report; they stand in its `entry`"
            raise UsageError(str(path), f"entry {entry[:12]} is no decision of this report", hint)


def receipted(told: Document, receipts: Mapping[str, bytes], note: bytes) -> Document:
    """Return a report whose decisions have their receipts.

    Args:
        told: The report.
        receipts: By the ids of their entries.
        note: The checkpoint that they are by.
    """
    known = {entry: receipt.decode() for entry, receipt in receipts.items()}
    models = [{**one, "receipt": known.get(one["entry"], one.get("receipt", ""))} for one in told["models"]]
    return {**told, "checkpoint": note.decode(), "models": models}
