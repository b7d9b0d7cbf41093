"""The checkpoint at the end of a check: who signs it, and the receipts that its decisions get by it."""

from __future__ import annotations

from collections.abc import Iterable

from greengate.errors import GreengateError
from greengate.history import History
from greengate.ledger import keys, proving
from greengate.ledger.keys import Where
from greengate.ledger.notary import Notary
from greengate.ledger.witness import Witness
from greengate.report.account import Proof
from greengate.settings import LedgerAccess

_BESIDE_BUILDS = (
    "a build of this check ran as the user who has the ledger's key, and could have read it: "
    "sign in a step of its own, by `greengate ledger prove`"
)


def where(access: LedgerAccess) -> Where:
    """Tell where a ledger's key is."""
    return Where(access.key_file, access.key, access.key_command, access.key_public)


def notary(history: History, access: LedgerAccess | None) -> Notary | None:
    """Find who signs the ledger, and that it may be signed, before anything is measured; None where there is no key.

    Raises:
        UsageError: The key cannot be used, or is not the ledger's.
        HistoryError: The ledger does not follow from what was signed of it.
    """
    if access is None or not access.has_key:
        return None
    store = history.ledger
    return Notary(store, where(access), access.origin, Witness.beside(str(store.place), access.witness))


def signed(found: Notary | None, access: LedgerAccess | None, at: str, *, built: bool = False) -> Iterable[str]:
    """Sign the ledger, and say in notes why that could not be, or how the key was exposed; the verdict stands anyway.

    Args:
        found: Who signs; None for nobody.
        access: Where the key is.
        at: Now (UTC, ISO 8601).
        built: Whether code of the change was run unconfined.
    """
    if found is None or access is None:
        return
    try:
        found.sign(at)
    except GreengateError as error:
        yield f"no checkpoint was signed, so that these decisions have no receipt: {error}"
    if exposed := keys.exposed(where(access)):
        yield exposed
    if built and not access.key_command:
        yield _BESIDE_BUILDS


def proof(history: History, entry_id: str) -> Proof | None:
    """Return the receipt of an entry by the newest checkpoint of its ledger; None where no checkpoint has it."""
    store = history.ledger
    (stored,) = store.find(entry_id)
    note = proving.covering(store, stored.index)
    return Proof(stored.leaf, bytes(proving.receipt(store, stored, note))) if note is not None else None
