"""The last checkpoint that was signed, in a file outside the ledger's database.

A database that was restored from a backup, or from which the newest entries were taken, looks as it once was; only what
is kept elsewhere tells. The file is a signed note like any other, so a checkpoint from anywhere can be put there.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from greengate.errors import HistoryError, UsageError
from greengate.ledger import notes

SUFFIX = ".checkpoint"


class Witness:
    """The file of one ledger.

    Every method raises `HistoryError` when the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, place: str, named: str = "") -> Witness:
        """Return the one that is named, or the usual one beside a ledger in a file.

        Raises:
            UsageError: The ledger is in a database server, and none is named.
        """
        if not named and "://" in place:
            hint = "give `--witness FILE` or GREENGATE_LEDGER_WITNESS, on a disk that is not the database's"
            raise UsageError(place, "nothing says where the last checkpoint is kept outside this database", hint)
        return cls(Path(named or f"{place}{SUFFIX}"))

    def read(self) -> bytes | None:
        """Return the note, or None where there is no such file."""
        with self._translated():
            try:
                with self.path.open("rb") as opened:
                    return opened.read(notes.MOST_BYTES + 1)
            except FileNotFoundError:
                return None

    def write(self, note: bytes) -> None:
        """Put a note into the file; after a power failure it is the old one or this one, whole."""
        with self._translated():
            place = self.path.resolve()  # a link stays one: the file may be on another disk
            with tempfile.NamedTemporaryFile("wb", dir=place.parent, prefix=".", delete=False) as file:
                draft = Path(file.name)
                try:
                    file.write(note)
                    file.flush()
                    os.fsync(file.fileno())
                    draft.chmod(0o644)
                    draft.replace(place)
                except OSError:
                    draft.unlink()
                    raise
            _keep(place.parent)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from signing for as long as the block lasts."""
        with self._translated():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(f"{self.path.resolve()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with self._translated():
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            problem = f"the last checkpoint cannot be read or written: {error.strerror}"
            raise HistoryError(str(self.path), problem, "name another file with --witness") from error


def _keep(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
