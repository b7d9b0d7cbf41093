"""Policy files as read: documents of the known kinds, each with its places, and one list for all complaints."""

from __future__ import annotations

import difflib
import hashlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from greengate import shipped
from greengate.errors import GreengateError, Place, PolicyError, Problems, nearest
from greengate.packs import documents
from greengate.packs.yaml_text import Document, KeyPath, parse
from greengate.ports import Tree
from greengate.shipped import SHIPPED


@dataclass(frozen=True, slots=True)
class Source:
    """One document of a file.

    Attributes:
        file: What messages call the file: its path in the tree, or `shipped/NAME.yaml`.
        digest: SHA-256 (hex) of the whole file's bytes.
        kind: Its `kind`: Policy, Waiver or PolicyTest.
        value: Its plain value, after `params` where they have been filled in.
        origins: Where values that came from `params` are written.
        data: The whole file's bytes.
    """

    file: str
    digest: str
    kind: str
    value: Any
    document: Document
    problems: list[GreengateError]
    origins: Mapping[KeyPath, Place] = field(default_factory=dict)
    data: bytes = field(default=b"", repr=False)

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Return where a value, or its key, is written."""
        if path in self.origins and not key:
            return self.origins[path]
        return self.document.place(path, key=key)

    def complain(self, path: KeyPath, problem: str, hint: str = "", *, key: bool = False) -> None:
        """Note a problem with the value, or the key, at a path."""
        self.problems.append(PolicyError(self.place(path, key=key), problem, hint))

    def filled(self, value: Any, origins: Mapping[KeyPath, Place]) -> Source:
        """Return the same document with its params filled in."""
        return replace(self, value=value, origins=origins)

    @property
    def name(self) -> str:
        """The name that the document gives itself, if it is readable."""
        metadata = self.value.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class Library:
    """The files that policies are read from; each is read once."""

    tree: Tree
    problems: list[GreengateError] = field(default_factory=list)
    _read: dict[str, tuple[Source, ...] | None] = field(default_factory=dict)

    def named(self, paths: Sequence[str]) -> list[Source]:
        """Read everything that some paths name: shipped packs, files, or patterns of files."""
        files = dict.fromkeys(file for path in paths for file in self._files(path))
        return [source for file in files for source in self.sources(file) or ()]

    def sources(self, file: str) -> tuple[Source, ...] | None:
        """Read the documents of a file; None if there is no such file, or it is no readable YAML."""
        if file not in self._read:
            self._read[file] = self._parsed(file)
        return self._read[file]

    def exists(self, file: str) -> bool:
        """Tell whether there is such a file.

        Raises:
            GreengateError: The file may not be read.
        """
        return self._bytes(file) is not None

    def digest(self, file: str) -> str:
        """Return the SHA-256 (hex) of a file that exists."""
        return hashlib.sha256(self._bytes(file) or b"").hexdigest()

    @property
    def broken(self) -> bool:
        """Whether some file could not be read, so that what it says is not known."""
        return any(found is None for found in self._read.values())

    def near(self, file: str) -> str:
        """Hint at the file that may have been meant."""
        folder = posixpath.dirname(file)
        beside = [name for end in ("yaml", "yml") for name in self.tree.glob(posixpath.join(folder, f"*.{end}"))]
        hint = nearest(file, beside)
        return hint if hint.startswith("did you mean") else ""

    def _files(self, path: str) -> Iterator[str]:
        if is_pack_name(path):
            if path in shipped.pack_names():
                yield shipped_file(path)
            else:
                self.problems.append(unknown_pack(path, Place()))
            return
        try:
            yield from self._found(posixpath.normpath(path))
        except GreengateError as refused:
            self.problems.append(refused)

    def _found(self, file: str) -> list[str]:
        if any(sign in file for sign in "*?["):
            found = list(self.tree.glob(file))
            if not found:
                hint = "name a policy file or a shipped pack"
                self.problems.append(PolicyError(file, f"no file in {self.tree.name} matches this pattern", hint))
            return found
        if self.exists(file):
            return [file]
        self.problems.append(PolicyError(file, f"no such file in {self.tree.name}", self.near(file)))
        return []

    def _bytes(self, file: str) -> bytes | None:
        if file.startswith(SHIPPED):
            return shipped.pack(file.removeprefix(SHIPPED).removesuffix(".yaml"))
        return self.tree.read(file)

    def _parsed(self, file: str) -> tuple[Source, ...] | None:
        data = self._bytes(file)
        if data is None:
            return None
        try:
            found = parse(data, file)
        except Problems as bad:
            self.problems.extend(bad.problems)
            return None
        if not found:
            self.problems.append(
                PolicyError(file, "the file holds no policy", "greengate policy new writes a first one")
            )
        digest = hashlib.sha256(data).hexdigest()
        told = (_source(file, digest, document, self.problems) for document in found)
        return tuple(replace(source, data=data) for source in told if source is not None)


def is_pack_name(path: str) -> bool:
    """Tell whether a path is the bare name of a shipped pack rather than a file."""
    return not any(sign in path for sign in "/.*?[") and path != ""


def shipped_file(name: str) -> str:
    """Return what messages call a shipped pack's file."""
    return f"{SHIPPED}{name}.yaml"


def unknown_pack(name: str, place: Place) -> PolicyError:
    """Say that no shipped pack has a name."""
    known = nearest(name, shipped.pack_names())
    hint = known if known.startswith("did") else f"{known}; a file is written with its ending, such as `{name}.yaml`"
    return PolicyError(place, f"no shipped pack is called `{name}`", hint.removeprefix("; "))


def _source(file: str, digest: str, document: Document, problems: list[GreengateError]) -> Source | None:
    value = document.value

    def refuse(path: KeyPath, problem: str, hint: str, *, key: bool = False) -> None:
        problems.append(PolicyError(document.place(path, key=key), problem, hint))

    if not isinstance(value, dict):
        refuse((), "the document is no mapping of keys to values", "begin with `apiVersion: greengate/v1`")
        return None
    kind = value.get("kind")
    if "kind" not in value:
        misspelt = difflib.get_close_matches("kind", [key for key in value if key not in documents.Policy.model_fields])
        if misspelt:
            refuse((misspelt[0],), f"unknown key `{misspelt[0]}`", "did you mean `kind`?", key=True)
        else:
            refuse((), "`kind` is missing", "a policy begins with `apiVersion: greengate/v1` and `kind: Policy`")
        return None
    if not isinstance(kind, str) or kind not in documents.KINDS:
        hint = nearest(str(kind), documents.KINDS)
        refuse(("kind",), f"`{kind}` is no kind of policy document", hint)
        return None
    return Source(file, digest, kind, value, document, problems)
