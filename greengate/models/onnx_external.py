"""The external data files of an ONNX model: which ones it names, and whether they may be opened."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from greengate.errors import ModelError
from greengate.models import file_kinds


@dataclass(frozen=True, slots=True)
class External:
    """A file that tensors lie in, and how many bytes it must have for the last of them."""

    name: str
    needed_bytes: int


def files(path: Path, model: Any) -> list[External]:
    """Return every file that tensors of a model (a ModelProto) lie in, sorted by name.

    Raises:
        ModelError: A tensor lies outside the model's folder, or says impossible things about where it lies.
    """
    needed: dict[str, int] = {}
    for tensor in _tensors(model):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name = entries.get("location", "")
        _check_name(path, tensor.name, name)
        needed[name] = max(needed.get(name, 0), _end(path, tensor, entries))
    return [External(name, needed[name]) for name in sorted(needed)]


def located(path: Path, wanted: External, folder: Path) -> Path:
    """Return where an external file of the model at `path` lies.

    Raises:
        ModelError: It is missing, cut short, a Git LFS pointer, or reached by a symbolic or hard link.
    """
    place = path.resolve().parent / wanted.name
    where = f"{path}, external data `{wanted.name}`"
    try:
        about = os.lstat(place)
    except OSError as error:
        raise ModelError(
            where,
            f"the file is missing ({error.strerror}); at least {_amount(wanted.needed_bytes)} of weights lie in it",
            "fetch it and put it beside the model; large files often stay behind (`git lfs pull`, artifact download)",
        ) from error
    _check_file(place, about, where, folder)
    if about.st_size < wanted.needed_bytes:
        raise ModelError(
            where,
            f"it is cut short: it has {_amount(about.st_size)}, the weights in it need {_amount(wanted.needed_bytes)}",
            "build or download it again",
        )
    return place


def _tensors(message: Any) -> Iterator[Any]:
    """Find external tensors wherever they stand: graphs, subgraphs, functions, attributes."""
    waiting = [message]
    while waiting:
        current = waiting.pop()
        if current.DESCRIPTOR.name == "TensorProto":
            if current.external_data or current.data_location == current.EXTERNAL:
                yield current
            continue
        for field, value in current.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def _end(path: Path, tensor: Any, entries: dict[str, str]) -> int:
    """Return the first byte after a tensor in its file."""
    try:
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", "0"))
    except ValueError:
        offset = length = -1
    if offset < 0 or length < 0:
        raise ModelError(
            str(path),
            f"tensor `{tensor.name}` lies at an impossible place in `{entries['location']}`",
            "save the model again",
        )
    return offset + max(length, _bytes(tensor))


def _bytes(tensor: Any) -> int:
    from onnx import helper  # noqa: PLC0415 - heavy

    # Types that share bytes (int4) are left to their declared length, and so are unknown ones.
    try:
        name = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except KeyError:
        return 0
    return int(math.prod(tensor.dims) * name.itemsize) if name.kind in "biuf" and name.isbuiltin else 0


def _check_name(path: Path, tensor: str, name: str) -> None:
    parts = PurePosixPath(name)
    # The marker is how ONNX Runtime writes an address in its own memory; no file may ask for that.
    if not name or "_ORT_MEM_ADDR_" in name or parts.is_absolute() or ".." in parts.parts or "\0" in name:
        raise ModelError(
            str(path),
            f"tensor `{tensor}` lies in external file `{name}`, which is no path below the model's folder",
            "save the model again with its data file beside it",
        )


def _check_file(place: Path, about: os.stat_result, where: str, folder: Path) -> None:
    copy = "put a copy of the file itself there, not a link"
    if stat.S_ISLNK(about.st_mode):
        raise ModelError(where, "it is a symbolic link, which could lead anywhere", copy)
    if not stat.S_ISREG(about.st_mode):
        raise ModelError(where, "it is no regular file", copy)
    if place.resolve() != place or not place.is_relative_to(folder.resolve()):
        raise ModelError(where, "a folder on its way is a symbolic link", copy)
    if about.st_nlink != 1:
        raise ModelError(where, "it is a hard link, which could share a file from elsewhere", copy)
    try:
        file_kinds.refuse_pointer(place, where, "the data file")
    except OSError as error:
        raise ModelError(where, f"it cannot be read: {error.strerror}") from error


def _amount(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.3g} GB" if size_bytes >= 10**9 else f"{size_bytes:,} bytes"
