"""A ledger in its store, or an export in its file, audited with all that is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from greengate.errors import HistoryError
from greengate.ledger import notes
from greengate.ledger.audit import Audit, Given, audit
from greengate.ledger.exports import Export
from greengate.ledger.forms import shown
from greengate.ledger.notes import Verifier
from greengate.ledger.signing import Refused
from greengate.ledger.soundness import sound
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness

_OPEN = "others may make functions, which could act with the rights of whoever uses the ledger: `REVOKE CREATE` there"


def of_store(store: Store, witness: Witness | None, given: Sequence[Given], pinned: Sequence[Verifier]) -> Audit:
    """Audit a ledger against what is given, the last checkpoint beside it, and its own newest one."""
    own = Audit()
    own.blame(sound(store))
    try:
        # What was signed is read before the head: it may grow, and be signed anew, meanwhile.
        kept, outside = store.checkpoint(), witness.read() if witness else None
        head = store.head()
        own.size, own.root = head.size, head.root
        beside = _read(own, str(witness.path) if witness else "", outside, trusted=True)
        beside += _read(own, "the ledger's own checkpoint", kept[1] if kept else None, trusted=False)
        found = audit(store.entries(0, head.size), [*given, *beside], pinned)
    except HistoryError as error:
        own.blame(() if own.faults else [f"{error.where}: {error.problem}"])
        return own
    found.blame(own.faults)
    found.more += own.more
    found.remarks += [f"in the schema {shown(name)} {_OPEN}" for name in store.open_schemas()]
    return found


def of_export(path: Path, given: Sequence[Given], pinned: Sequence[Verifier]) -> Audit:
    """Audit an export; where a line of it does not hold together, that is what is found."""
    try:
        export = Export(path)
        own = Audit()
        inside = _read(own, f"{path}, its own checkpoint", export.foot.checkpoint, trusted=False)
        found = audit(export.entries(), [*given, *inside], pinned)
    except HistoryError as error:
        return Audit(faults=[f"{error.where}: {error.problem}"])
    found.blame(own.faults)
    if (found.size, found.root) != (export.foot.size, export.foot.root):
        found.blame([_unlike(f"{path}, its last line", export.foot.size, export.foot.root, found)])
    if export.origin != found.reigns.origin:
        told = f"{path}, its first line: it is of {export.origin or 'no name'}"
        found.blame([f"{told}, and its entries are of {found.reigns.origin or 'no name'}"])
    return found


def _read(found: Audit, where: str, note: bytes | None, *, trusted: bool) -> list[Given]:
    try:
        return [Given.read(where, note, trusted=trusted)] if note is not None else []
    except Refused as refused:
        found.blame([f"{where}: {refused}"])
        return []


def _unlike(where: str, size: int, root: bytes, found: Audit) -> str:
    told = f"{where}: it tells {size} entries, root {notes.encoded(root)}"
    return f"{told}, and there are {found.size}, root {notes.encoded(found.root)}"
