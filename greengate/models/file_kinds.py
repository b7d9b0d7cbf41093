"""Files that are plainly something else than was meant, known by their first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from greengate.errors import ModelError

_LFS = b"version https://git-lfs.github.com/spec/v1"
# Offset, first bytes, and what a file that has them is.
_MAGIC = (
    (0, b"PK\x03\x04", "a zip archive (as PyTorch, Keras 3 and NumPy write them)"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x80\x03", "a Python pickle"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x80\x05", "a Python pickle"),
    (0, b"\x89HDF", "an HDF5 file (as Keras 2 writes it)"),
    (4, b"TFL3", "a TensorFlow Lite model"),
    (4, b"ORTM", "a model in ONNX Runtime's own .ort format"),
    (8, b'{"', "a safetensors file"),
    (0, b"GGUF", "a GGUF file"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"<", "a web page or XML (a download that failed?)"),
)


def refuse_pointer(path: Path, where: str, what: str) -> None:
    """Check that a file is not what Git LFS leaves in a large file's place.

    Args:
        path: The file.
        where: What the message speaks of.
        what: What the file should be ("the model").

    Raises:
        ModelError: It is a pointer; with the object's id and size.
        OSError: The file cannot be read.
    """
    start = _start(path)
    if start.startswith(_LFS):
        raise ModelError(where, _pointer(start, what), "fetch it: `git lfs pull` (in CI: check out with `lfs: true`)")


def named(path: Path) -> str:
    """Say what well-known kind of file it is, other than ONNX; empty where it is none.

    Raises:
        OSError: The file cannot be read.
    """
    start = _start(path)
    return next((words for offset, magic, words in _MAGIC if start[offset:].startswith(magic)), "")


def refuse_others(path: Path) -> None:
    """Check that a file is not of another well-known kind than ONNX.

    Raises:
        ModelError: It is; with that kind's name.
        OSError: The file cannot be read.
    """
    words = named(path)
    if words:
        raise ModelError(str(path), f"it is {words}, not an ONNX file", "export the model to ONNX")


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _pointer(start: bytes, what: str) -> str:
    text = start.decode("ascii", "replace")
    oid, size = re.search(r"\boid (\S+)", text), re.search(r"\bsize (\d+)", text)
    if oid is None or size is None:
        return f"it is a damaged Git LFS pointer, not {what} itself"
    return f"it is a Git LFS pointer, not {what} itself ({int(size[1]):,} bytes, {oid[1]})"
