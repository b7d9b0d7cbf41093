"""What a ledger keeps beside its entries: checkpoints that were signed, and who is meant by a pseudonym."""

from __future__ import annotations

from greengate.errors import HistoryError
from greengate.ledger import statements as sql
from greengate.ledger.forms import of_second_format
from greengate.ledger.keeping import MOST, Keeper
from greengate.ledger.tables import identity
from greengate.ledger.tree import frontier_of

Checkpoint = tuple[int, bytes]

_SECOND_FORMAT = "\n"  # parted a handle from a number, where further pseudonyms stood for it


class Checkpoints:
    """The checkpoints of a ledger; one a size, and the first one stays."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def keep(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint; the same again does nothing.

        Raises:
            HistoryError: Another one of this size is kept, or the ledger has not so many entries.
        """
        with self._keeper.writing() as writing:
            entries = frontier_of(writing.head, self._keeper.where).size
            if not 0 <= size <= entries:
                problem = f"a checkpoint of {size} entries cannot be one of this history, which has {entries}"
                raise HistoryError(self._keeper.where, problem)
            known = writing.ask(sql.CHECKPOINT, size)
            if not known:
                writing.add(sql.NEW_CHECKPOINT, size, note)
            elif bytes(known[0][1]) != note:
                raise HistoryError(self._keeper.where, f"another checkpoint of {size} entries is kept already")

    def newest(self, size: int | None = None) -> Checkpoint | None:
        """Return the newest checkpoint, or that of a size; None where there is none."""
        if not self._keeper.has_tree or not 0 <= (size or 0) < MOST:
            return None
        ask = self._keeper.ask
        rows = ask(sql.NEWEST_CHECKPOINT) if size is None else ask(sql.CHECKPOINT, size)
        return (rows[0][0], bytes(rows[0][1])) if rows else None


class Identities:
    """Who is meant by the pseudonyms of a ledger, until that is forgotten."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._told: bool | None = None

    @property
    def withheld(self) -> bool:
        """Whether somebody was to be named, and this user may not know who they are."""
        return self._told is False

    def told(self) -> bool:
        """Tell whether this user may know who they are; asked once."""
        if self._told is None:
            self._told = not self._keeper.has_tree or self._keeper.may_read(identity.name)
        return self._told

    def remember(self, pseudonym: str, handle: str) -> str:
        """Remember a handle, and return the pseudonym that stands for it: an earlier one stays.

        Raises:
            HistoryError: This pseudonym stands for somebody else.
        """
        with self._keeper.writing() as writing:
            known = writing.ask(sql.PSEUDONYMS, handle)
            if not known:
                if writing.ask(sql.HANDLE, pseudonym):
                    raise HistoryError(self._keeper.where, f"{pseudonym} stands for somebody else already")
                writing.add(sql.NEW_IDENTITY, pseudonym, handle, 1)
        return str(known[0][0]) if known else pseudonym

    def adopt(self, pseudonym: str, handle: str) -> None:
        """Remember whom a pseudonym of another ledger stands for, unless it is known."""
        with self._keeper.writing() as writing:
            if not writing.ask(sql.HANDLE, pseudonym):
                known = writing.ask(sql.PSEUDONYMS, handle)
                writing.add(sql.NEW_IDENTITY, pseudonym, handle, known[-1][1] + 1 if known else 1)

    def handle(self, pseudonym: str) -> str | None:
        """Tell who is meant; None where nobody is known, or where that was forgotten."""
        rows = self._keeper.ask(sql.HANDLE, pseudonym) if self._keeper.has_tree else []
        if not rows or self._keeper.has_marks:
            return str(rows[0][0]) if rows else None
        return of_second_format(str(rows[0][0]))[0]

    def pseudonyms(self, handle: str) -> list[str]:
        """Name what stands for a handle, the ledger's own first."""
        if self._keeper.has_marks:
            return [str(name) for name, _ in self._keeper.ask(sql.PSEUDONYMS, handle)]
        beginning = handle + _SECOND_FORMAT
        rows = self._keeper.ask(sql.OLD_PSEUDONYMS, handle, len(beginning), beginning) if self._keeper.has_tree else []
        return [str(name) for (name,) in rows]

    def forget(self, handle: str) -> int:
        """Forget who somebody is, and tell how many pseudonyms stood for them."""
        with self._keeper.writing() as writing:
            found = len(writing.ask(sql.PSEUDONYMS, handle))
            writing.add(sql.NO_IDENTITY, handle)
        return found
