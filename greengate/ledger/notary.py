"""Who signs the checkpoints of a ledger: never one that an earlier one does not lead to.

Source: C2SP tlog-checkpoint: "A log MUST not sign any checkpoint which is inconsistent with any checkpoint it
previously signed". What was signed before is read from a file outside the database (`witness`), and from the database.
"""

from __future__ import annotations

from greengate.errors import HistoryError, UsageError
from greengate.ledger import checkpoints, keys, merkle, notes, reigns
from greengate.ledger.checkpoints import Checkpoint, Signed
from greengate.ledger.keys import Where
from greengate.ledger.notes import Verifier
from greengate.ledger.reigns import Reigns
from greengate.ledger.signing import Refused
from greengate.ledger.store import Store
from greengate.ledger.witness import Witness

_BROUGHT_BACK = "a backup was restored, or entries were taken away: bring back the ledger that has them"
_FORKED = "entries were changed, or this is another ledger: bring back the one that was signed"


class Notary:
    """The signer of one ledger, with its key and the file of its last checkpoint.

    Args:
        store: The ledger.
        where: Where its key is.
        origin: Its name, which only a ledger without a key has to be told.
        witness: The file of its last checkpoint.
        fresh: Whether a file that is not there is begun, although checkpoints were signed.

    Raises:
        UsageError: The key cannot be used, is not the ledger's, or the last checkpoint is not there.
        HistoryError: The last checkpoint cannot be read, or the ledger does not follow from it.
    """

    def __init__(self, store: Store, where: Where, origin: str, witness: Witness, *, fresh: bool = False) -> None:
        self._store, self._witness, self._fresh = store, witness, fresh
        self.reigns = of_store(store)
        self.origin = named(store.place, self.reigns, origin or where.origin)
        self.signer = keys.signer(where, self.origin)
        self._refuse_another_key()
        self.refuse_fork()

    def sign(self, at: str) -> Signed:
        """Sign the ledger as it is now, and keep that; a ledger without a key gets its first key record.

        Args:
            at: Now (UTC, ISO 8601).
        """
        with self._witness.held():
            self._refuse_overtaken()
            self.refuse_fork()
            if self.reigns.newest is None:
                self._introduce(at)
            head = self._store.durable_head()
            made = checkpoints.signed(Checkpoint(self.origin, head.size, head.root), self.signer)
            self._witness.write(made.note)
            self._store.keep_checkpoint(head.size, made.note)
        return made

    def hand_over(self, successor: Verifier, at: str, why: str) -> None:
        """Write down that another key stands for the ledger from now on, signed by this one."""
        self.sign(at)
        with self._witness.held():
            self._refuse_overtaken()
            self._store.append(reigns.changed(self.signer, successor, at, why))

    def refuse_fork(self) -> None:
        """Refuse a ledger that does not follow from what was signed of it.

        Raises:
            UsageError: What was signed is not there to be asked.
            HistoryError: It does not follow.
        """
        inside, outside = self._store.checkpoint(), self._witness.read()
        if outside is None and inside is not None and not self._fresh:
            problem = f"the ledger was signed at {inside[0]} entries, and the last checkpoint is not here any more"
            hint = "put the newest one that you trust here; `greengate ledger checkpoint --new-witness` begins it anew"
            raise UsageError(str(self._witness.path), problem, hint)
        if outside is not None:
            self._refuse_unlike(outside, str(self._witness.path))
        if inside is not None:
            self._refuse_unlike(inside[1], f"{self._store.place}, the ledger's own checkpoint")

    def _introduce(self, at: str) -> None:
        stored = self._store.append(reigns.first(self.signer.verifier, at))
        list(self.reigns.take(stored.index, stored.leaf))

    def _refuse_overtaken(self) -> None:
        """Refuse to sign for a ledger that somebody gave a name or another key since it was looked at."""
        self.reigns = of_store(self._store)
        named(self._store.place, self.reigns, self.origin)
        self._refuse_another_key()

    def _refuse_another_key(self) -> None:
        newest, own = self.reigns.newest, self.signer.verifier
        if newest is not None and newest != own:
            past = any(reign.key == own for reign in self.reigns.all)
            problem = f"the key {own} {'was replaced by' if past else 'is not that of this ledger, which is'} {newest}"
            hint = "sign with the ledger's key; `greengate ledger key rotate` names another one"
            raise UsageError(str(self._store.place), problem, hint)

    def _refuse_unlike(self, note: bytes, where: str) -> None:
        known = [*(reign.key for reign in self.reigns.all), self.signer.verifier]
        try:
            said, _ = checkpoints.read(note)
            if said.origin != self.origin:
                hint = "each ledger has a file of its own: name another one with --witness"
                raise UsageError(where, f"this checkpoint is of {said.origin}, and the ledger is {self.origin}", hint)
            refuse_unlike(self._store, said, where)
            checkpoints.opened(note, known)
        except Refused as refused:
            hint = "put the newest checkpoint that you trust here"
            raise HistoryError(where, f"this is no checkpoint of the ledger: {refused}", hint) from refused


def refuse_forked(store: Store, witness: Witness | None, done: str) -> None:
    """Refuse a ledger that does not follow from what was signed of it, where that is there to be asked; needs no key.

    Args:
        store: The ledger.
        witness: Where its last checkpoint is kept; one of another ledger says nothing of this one. None: nowhere else.
        done: What did not happen for that, in words.

    Raises:
        HistoryError: It does not follow, or its head not from its own entries.
    """
    head = store.head()
    if head.root != merkle.root(head.size, store.node):
        problem = f"its head is damaged: it does not follow from the first {head.size} entries"
        raise HistoryError(str(store.place), problem, f"`greengate ledger verify` tells more; {done}")
    inside, outside = store.checkpoint(), witness.read() if witness else None
    own, beside = inside[1] if inside else b"", str(witness.path) if witness else ""
    for note, where in ((outside or b"", beside), (own, f"{store.place}, the ledger's own checkpoint")):
        if note and note.partition(b"\n")[0] == (own or note).partition(b"\n")[0]:
            try:
                said, _ = checkpoints.read(note)
            except Refused as refused:
                hint = "put the newest checkpoint that you trust here"
                raise HistoryError(where, f"this is no checkpoint of the ledger: {refused}", hint) from refused
            refuse_unlike(store, said, where, done)


def refuse_unlike(store: Store, said: Checkpoint, where: str, done: str = "nothing was signed") -> None:
    """Refuse a ledger whose first entries are not those that a checkpoint is of.

    Raises:
        HistoryError: They are others, or fewer.
    """
    head = store.head()
    now = f"{store.place} has {head.size} entries, root {notes.encoded(head.root)}"
    if said.size > head.size:
        raise HistoryError(where, f"{said.words}, were signed, and {now}", f"{_BROUGHT_BACK}; {done}")
    root = merkle.root(said.size, store.node)
    if root != said.root:
        words = f"{said.words}, were signed, and the first {said.size} entries have the root {notes.encoded(root)} now"
        raise HistoryError(where, f"{words}; {now}", f"{_FORKED}; {done}")


def of_store(store: Store) -> Reigns:
    """Read the keys of a ledger; records that do not count are left to `greengate ledger verify`."""
    found = Reigns()
    for stored in store.of_type(reigns.KEY):
        list(found.take(stored.index, stored.leaf))
    return found


def named(place: object, known: Reigns, asked: str) -> str:
    """Return a ledger's name: that of its first key, or the one that is asked for where it has none.

    Raises:
        UsageError: It has another name, or none at all.
    """
    if known.origin and asked not in {"", known.origin}:
        raise UsageError("--origin", f"this ledger is {known.origin}, and not {asked}", "a ledger keeps its name")
    if not known.origin and not asked:
        hint = "give it one with --origin or GREENGATE_LEDGER_ORIGIN that is yours alone: example.com/greengate"
        raise UsageError(str(place), "this ledger has no name yet, which stands in every checkpoint", hint)
    return known.origin or asked
