"""A JSON report that was written before the ledger was signed, with the receipts that its decisions have since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from greengate.errors import ReportError
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
    if not isinstance(models, list) or not all(isinstance(one, dict) and "entry" in one for one in models):
        raise ReportError(str(path), f"this is no report of the form {SCHEMA}", _HINT)
    found: Document = told
    return found


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
