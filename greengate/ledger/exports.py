"""A whole ledger as lines of JSON, from which it can be checked, or be made again elsewhere, byte for byte.

    {"form":"greengate/ledger-export/v1","origin":"example.com/greengate"}
    {"id":"<SHA-256 of the leaf>","index":0,"leaf":"<base64 of the bytes that were hashed>"}
    {"body":"<base64>","sha256":"<of those bytes>"}
    {"checkpoint":"<the newest signed note, or null>","root":"<base64>","size":1}

Each line is canonical JSON (RFC 8785), so that no byte of it can be another one. Bodies follow the first entry that
refers to them. The last line says how many entries there are, so that a file that was cut is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greengate.errors import HistoryError, UsageError
from greengate.ledger import checkpoints, merkle, notes
from greengate.ledger.canonical import digest, encode
from greengate.ledger.checkpoints import NUMBER
from greengate.ledger.signing import Refused
from greengate.ledger.store import Stored

FORM = "greengate/ledger-export/v1"
_FORMS = "greengate/ledger-export/"
_MOST_HEAD, _MOST_FOOT = 2**12, 2**22
_ENTRY, _BODY, _FOOT = {"index", "id", "leaf"}, {"sha256", "body"}, {"size", "root", "checkpoint"}
_WRITE = "`greengate ledger export --out FILE` writes one"
_AGAIN = "take the file as it was written, or export it again"


@dataclass(frozen=True, slots=True)
class Foot:
    """What the last line says.

    Attributes:
        checkpoint: The newest note that was signed, or None.
    """

    size: int
    root: bytes
    checkpoint: bytes | None


def lines(entries: Iterable[Stored], origin: str, note: bytes | None, bodies: Bodies | None = None) -> Iterator[bytes]:
    """Write entries as the lines of an export.

    Args:
        entries: All of them, in their order.
        origin: The ledger's name; "" where it has none.
        note: Its newest checkpoint.
        bodies: What lies beside an entry, by digest; None to leave it out.
    """
    yield _line({"form": FORM, "origin": origin})
    frontier, written = merkle.Frontier(), set[str]()
    for stored in entries:
        yield _line({"index": stored.index, "id": stored.entry_id, "leaf": notes.encoded(stored.leaf)})
        for _ in frontier.append(merkle.leaf_hash(stored.leaf)):
            pass
        for name, body in bodies(stored.leaf) if bodies else ():
            if name not in written:
                written.add(name)
                yield _line({"sha256": name, "body": notes.encoded(body)})
    foot = {"size": frontier.size, "root": notes.encoded(frontier.root)}
    yield _line({**foot, "checkpoint": note.decode() if note else None})


Bodies = Callable[[bytes], Iterable[tuple[str, bytes]]]
"""Tells what lies beside a leaf: digests and bytes."""


class Export:
    """An export in a file, read as often as it is gone through; what a line says of itself is checked as it is read.

    Raises:
        UsageError: The file is none, cannot be read, or is of a newer greengate.
        HistoryError: It was cut, or a line of it does not hold together, which is then named; also by every method.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.origin = self._head()
        self.foot = self._last()

    def entries(self) -> Iterator[Stored]:
        """Go through the entries."""
        return (stored for stored, _ in self.parts())

    def parts(self) -> Iterator[tuple[Stored, dict[str, bytes]]]:
        """Go through the entries, each with the bodies that follow it."""
        held: tuple[Stored, dict[str, bytes]] | None = None
        ended = False
        for number, said in self._said():
            if ended:
                raise self._wrong(number, "there is a line after the one that ends an export")
            if set(said) == _BODY and held is not None:
                held[1].update([self._body(number, said, held[0])])
                continue
            if held is not None:
                yield held
            held = (self._entry(number, said), {}) if set(said) == _ENTRY else None
            ended = held is None
            if ended and self._foot(f"{self.path}:{number}", said) != self.foot:
                raise self._wrong(number, "the export ends here, and its last line is another one")

    def _head(self) -> str:
        with self._readable(), self.path.open("rb") as file:
            line = file.readline(_MOST_HEAD)
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        said = told if isinstance(told, dict) else {}
        form = said.get("form")
        if form != FORM and isinstance(form, str) and form.startswith(_FORMS):
            problem = f"it is of the form {form[:60]!r}, and this greengate reads {FORM}"
            raise UsageError(str(self.path), problem, "use the greengate that wrote it, or a newer one")
        if form != FORM:
            raise UsageError(str(self.path), "it is no export of a ledger", _WRITE)
        origin = self._read(1, line).get("origin")
        if set(said) != {"form", "origin"} or not isinstance(origin, str) or not origin.isprintable():
            raise self._wrong(1, "this is no first line of an export")
        return origin

    def _last(self) -> Foot:
        """Read the last line, which tells what is to be expected of the others."""
        with self._readable(), self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _MOST_FOOT))
            line = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or set(said) != _FOOT:
            raise HistoryError(str(self.path), "the export was cut: its last line is not there", "export it again")
        return self._foot(f"{self.path}, its last line", said)

    def _said(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with self._readable(), self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number > 1:
                    yield number, self._read(number, line)

    def _read(self, number: int, line: bytes) -> dict[str, Any]:
        if not line.endswith(b"\n"):
            raise self._wrong(number, "the line was cut")
        try:
            said = json.loads(line)
            if isinstance(said, dict) and _line(said) == line:
                return said
        except (ValueError, TypeError, RecursionError):
            pass
        raise self._wrong(number, "this is no canonical JSON, as an export has in every line")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(str(self.path), f"cannot be read: {error.strerror}", _WRITE) from error

    def _entry(self, number: int, said: dict[str, Any]) -> Stored:
        if type(said["index"]) is not int:
            raise self._wrong(number, "this is no index of an entry")
        leaf = self._bytes(number, said["leaf"])
        if digest(leaf) != said["id"]:
            raise self._wrong(number, f"entry {said['index']} was changed: its bytes have the digest {digest(leaf)}")
        return Stored(said["index"], said["id"], leaf)

    def _body(self, number: int, said: dict[str, Any], owner: Stored) -> tuple[str, bytes]:
        body = self._bytes(number, said["body"])
        if str(said["sha256"]).encode() not in owner.leaf:
            raise self._wrong(number, f"this evidence is not of entry {owner.index}, after which it stands")
        if digest(body) != said["sha256"]:
            raise self._wrong(number, f"this evidence was changed: its bytes have the digest {digest(body)}")
        return said["sha256"], body

    def _foot(self, where: str, said: dict[str, Any]) -> Foot:
        size, root, note = (said.get(name) for name in ("size", "root", "checkpoint"))
        known = type(size) is int and NUMBER.fullmatch(str(size)) and isinstance(note, str | None)
        if set(said) != _FOOT or not known:
            raise HistoryError(where, "this is no line of an export", _AGAIN)
        try:
            return Foot(int(str(size)), checkpoints.hash_of(str(root), "its root"), note.encode() if note else None)
        except Refused as refused:
            raise HistoryError(where, str(refused), _AGAIN) from refused

    def _bytes(self, number: int, text: Any) -> bytes:
        try:
            return notes.decoded(str(text), "it")
        except Refused as refused:
            raise self._wrong(number, str(refused)) from refused

    def _wrong(self, number: int, problem: str) -> HistoryError:
        return HistoryError(f"{self.path}:{number}", problem, _AGAIN)


def _line(said: dict[str, Any]) -> bytes:
    return encode(said) + b"\n"
