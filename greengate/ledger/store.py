"""The ledger: entries are appended and never changed, larger evidence is kept beside by its digest.

It lies in an SQLite file or in PostgreSQL. Leaves are stored as the bytes that were hashed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from greengate.ledger.forms import Head, Stored
from greengate.ledger.marks import TYPE, Mark, word
from greengate.records import type_of

if TYPE_CHECKING:
    from greengate.ledger.entries import Row
    from greengate.ledger.keeping import Keeper

__all__ = ["Head", "Leaf", "Store", "Stored"]

Leaf = tuple[bytes, Mapping[str, bytes] | None]


class Store:
    """An append-only ledger in one place; made if it does not exist. For one thread.

    One of an older format is read as it is, and upgraded when something is written. Every method raises `HistoryError`
    when the ledger cannot be reached, read or written, or is damaged.
    """

    def __init__(self, place: str | Path, *, password: str = "", passfile: str = "", make: bool = True) -> None:
        """Open it.

        Args:
            place: Path of an SQLite file, or the URL of a PostgreSQL database, `postgresql://user@host/database`.
            password: Password of the database's user, for a URL that has none.
            passfile: A file in the form of `.pgpass` that may have it; "" for the usual one.
            make: Whether a ledger is made where there is none.

        Raises:
            UsageError: There is none and none may be made, or it is the URL of something else.
            MissingExtra: It is in PostgreSQL, and psycopg is not installed.
        """
        # SQLAlchemy is heavy, and many a command has a history that it does not open.
        from greengate.ledger import appending, beside, entries, keeping, tree  # noqa: PLC0415

        self.keeper: Keeper = keeping.kept(str(place), password, passfile, make=make)
        self.place = self.keeper.where
        self._append = appending.Appending(self.keeper)
        self._entries = entries.Entries(self.keeper)
        self._tree = tree.Tree(self.keeper)
        self._checkpoints = beside.Checkpoints(self.keeper)
        self._identities = beside.Identities(self.keeper)

    def check_writable(self) -> None:
        """Write nothing, but find out now whether an append could succeed later."""
        self._append.try_out()

    def append(self, leaf: bytes, bodies: Mapping[str, bytes] | None = None) -> Stored:
        """Append a leaf, with the bodies it refers to by digest; the same leaf again returns the old entry."""
        return self._append.all([(leaf, bodies)])[0]

    def append_all(self, leaves: Sequence[Leaf]) -> list[Stored]:
        """Append leaves in one transaction: all of them or none."""
        return self._append.all(leaves)

    def appending(self) -> AbstractContextManager[Callable[[Sequence[Leaf]], list[Stored]]]:
        """Append as `append_all` does, several times in one transaction: all of it or nothing."""
        return self._append.at_once()

    def size(self) -> int:
        """Tell how many entries there are."""
        return self._tree.size()

    def head(self) -> Head:
        """Tell size and root at one moment."""
        return self._tree.head()

    def durable_head(self) -> Head:
        """Tell size and root of what is on the disk, whatever happens: for who tells it to others, such as a signer.

        It is held against the tree, since whoever may append could write another head.
        """
        head = self.head()
        self._tree.refuse_other(head)
        self.keeper.sync()
        return head

    def open_schemas(self) -> list[str]:
        """Name the schemas in which others than its owner may make what would act with the rights of who uses it."""
        return self.keeper.open_schemas()

    def node(self, level: int, index: int) -> bytes:
        """Tell the hash of a complete subtree, as `merkle.Node`."""
        return self._tree.node(level, index)

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Stored]:
        """Go through the entries in their order, as many as there are now."""
        return self._entries.forwards(start, self.size() if stop is None else stop)

    def rows(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Go through (index, leaf) of the entries in their order, unchecked: for who hashes them all."""
        return self._entries.unchecked(start, stop)

    def stored(self, index: int) -> Stored:
        """Read one entry."""
        return self._entries.at(index)

    def newest_first(self) -> Iterator[Stored]:
        """Go through all entries, the newest first."""
        return self._entries.backwards(self.size())

    @property
    def has_marks(self) -> bool:
        """Whether entries are found by their marks; not in an older format, until something is written."""
        return self.keeper.has_marks

    def types(self, stop: int) -> dict[str, int]:
        """Tell the types of predicate among the entries before `stop`, as marks have them, and how many have each."""
        return self._entries.values(TYPE, stop)

    def rows_of(self, types: Iterable[str], start: int, stop: int) -> list[Row]:
        """List (index, id, hash, bytes) of a range's entries of some types, in order, by their marks; unchecked."""
        return self._entries.marked_rows(_of(types), start, stop)

    def rows_marked(self, name: str, start: int, stop: int) -> list[Row]:
        """List (index, id, hash, bytes) of a range's entries that have a mark of some name, in order; unchecked."""
        return self._entries.named_rows(name, start, stop)

    def indexes_of(self, name: str, start: int, stop: int) -> list[int]:
        """List the indexes of a range that are marked as of a type."""
        return self._entries.marked_indexes(Mark(TYPE, name), start, stop)

    def indexes_marked(self, name: str, start: int, stop: int) -> list[int]:
        """List the indexes of a range that have a mark of some name."""
        return self._entries.named_indexes(name, start, stop)

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """List the hashes of the entries of a range, unchecked."""
        return self._entries.hashes(start, stop)

    def find(self, prefix: str) -> list[Stored]:
        """Find the entries whose id begins with a prefix of hexadecimal digits."""
        return self._entries.named(prefix)

    def near(self, entry_id: str, index: int) -> Stored | None:
        """Find an entry by its whole id, at once where it is one of the few before an index; None where it is not."""
        return self._entries.near(entry_id, index)

    def all_near(self, wanted: Sequence[tuple[str, int]]) -> Iterator[Stored | None]:
        """Find entries by (id, index) as `near` does, many at a time; in the order in which they are asked for."""
        return self._entries.all_near(wanted)

    def holding(self, text: bytes, types: Sequence[str]) -> list[Stored]:
        """Find the entries of some types in whose bytes a text stands, in their order."""
        if self.has_marks:
            return self._entries.marked_holding(_of(types), text)
        return [one for one in self._entries.holding(text) if type_of(one.leaf) in types]

    def of_type(self, *types: str) -> Iterator[Stored]:
        """Go through the entries with some types of predicate, in their order, as many as there are now."""
        if self.has_marks:
            return self._entries.marked(_of(types), 0, self.size())
        return (one for one in self.entries() if type_of(one.leaf) in types)

    def newest_of(self, *types: str) -> Iterator[Stored]:
        """Go through the entries with some types of predicate, the newest first."""
        if self.has_marks:
            return self._entries.marked_backwards(_of(types), self.size())
        return (one for one in self.newest_first() if type_of(one.leaf) in types)

    def body(self, name: str) -> bytes:
        """Return the bytes with this digest, checked."""
        return self._entries.body(name)

    def next_body(self, start: str) -> str:
        """Return the first digest of evidence from some hexadecimal digits on; "" where there is none."""
        return self._entries.next_body(start)

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint; the same again does nothing, another one of the same size is refused."""
        self._checkpoints.keep(size, note)

    def checkpoint(self, size: int | None = None) -> tuple[int, bytes] | None:
        """Return the newest checkpoint (size, note), or that of a size; None where there is none."""
        return self._checkpoints.newest(size)

    def remember(self, pseudonym: str, handle: str) -> str:
        """Remember who is meant by a pseudonym, and return the one that stands for the handle: an earlier one stays."""
        return self._identities.remember(pseudonym, handle)

    @property
    def withheld(self) -> bool:
        """Whether somebody was to be named, and this user may not know whom pseudonyms stand for."""
        return self._identities.withheld

    def tells_names(self) -> bool:
        """Tell whether this user may know whom pseudonyms stand for: a database may keep that from some."""
        return self._identities.told()

    def handle(self, pseudonym: str) -> str | None:
        """Tell who is meant by a pseudonym; None where nobody is known, or where that was forgotten."""
        return self._identities.handle(pseudonym)

    def adopt(self, pseudonym: str, handle: str) -> None:
        """Remember who is meant by a pseudonym of another ledger; whom it stands for already stays."""
        self._identities.adopt(pseudonym, handle)

    def pseudonyms(self, handle: str) -> list[str]:
        """Name the pseudonyms that stand for a handle, this ledger's own first."""
        return self._identities.pseudonyms(handle)

    def forget(self, handle: str) -> int:
        """Forget who somebody is, and tell how many pseudonyms stood for them."""
        return self._identities.forget(handle)

    def close(self) -> None:
        """Close it."""
        self.keeper.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _of(types: Iterable[str]) -> list[Mark]:
    return [Mark(TYPE, word(one)) for one in types]
