"""Git LFS: small text files that stand for large ones, and where the large ones lie in this clone.

Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md, version 1.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from greengate import git
from greengate.errors import ModelError, Place
from greengate.quantities import Size

MAX_POINTER_BYTES = 1024
_VERSION = b"version https://git-lfs.github.com/spec/v1\n"
_CONTENT = re.compile(rb"^oid sha256:([0-9a-f]{64})\n(?:.*\n)*?size ([0-9]{1,18})\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says of the file it stands for; the digest is empty where the pointer is damaged."""

    sha256: str
    size_bytes: int


def pointer(start: bytes) -> Pointer | None:
    """Read the first `MAX_POINTER_BYTES` of a file as a pointer; None where they are none."""
    text = start.replace(b"\r\n", b"\n")
    if not text.startswith(_VERSION):
        return None
    content = _CONTENT.search(text)
    return Pointer(content[1].decode(), int(content[2])) if content else Pointer("", 0)


def stored(root: Path, wanted: Pointer) -> Path | None:
    """Find the file that a pointer stands for in this clone's own store, without any network, and check its digest."""
    folder = git.ask(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
    if folder.code or not wanted.sha256:
        return None
    elsewhere = git.ask(root, "config", "--get", "lfs.storage").text
    store = Path(folder.text, elsewhere or "lfs")
    file = store / "objects" / wanted.sha256[:2] / wanted.sha256[2:4] / wanted.sha256
    return file if file.is_file() and sha256(file) == wanted.sha256 else None


def sha256(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def absent(where: Place | str, name: str, wanted: Pointer, ref: str = "") -> ModelError:
    """The error for a pointer whose file is not in this clone."""
    size = f" of {Size(wanted.size_bytes)}" if wanted.sha256 else ""
    fetch = f"`git lfs fetch origin {ref}`" if ref else "`git lfs pull`"
    return ModelError(
        where,
        f"{name} is a Git LFS pointer; the file{size} that it stands for is not in this clone",
        f"run {fetch} first (actions/checkout: `lfs: true`{' brings only the checked-out commit' if ref else ''})",
    )
