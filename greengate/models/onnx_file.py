"""What lies at a model's path, looked at before any runtime sees it: an ONNX file, its external data, their digest."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greengate.errors import ModelError
from greengate.models import file_kinds, onnx_external

_MOST_BYTES = 2**31 - 1
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """A model file that may be given to the runtime.

    Attributes:
        path: The model file, resolved.
        external: External data files, resolved, sorted by their name in the model.
        size_bytes: All of them together.
        digest: SHA-256 over the model file, then for each external file its name, size and bytes. Without external
            data it is the file's own SHA-256.
    """

    path: Path
    external: tuple[Path, ...]
    size_bytes: int
    digest: str


def inspect(path: Path, folder: Path) -> OnnxFile:
    """Look at a model file and its external data.

    Args:
        path: The model file.
        folder: The only folder that it and its data may lie in.

    Raises:
        ModelError: A file is missing, outside the folder, no ONNX, cut short, or a Git LFS pointer.
    """
    resolved = _inside(path, folder)
    data = _bytes(path)
    model = _parsed(path, data)
    digest, size = hashlib.sha256(data), len(data)
    external = []
    for wanted in onnx_external.files(path, model):
        place = onnx_external.located(path, wanted, folder)
        external.append(place)
        size += place.stat().st_size
        _add(digest, wanted.name, place)
    return OnnxFile(resolved, tuple(external), size, digest.hexdigest())


def _inside(path: Path, folder: Path) -> Path:
    try:
        resolved = path.resolve(strict=True)
    except FileNotFoundError:
        raise ModelError(str(path), "there is no such file", "check the path, and that the build wrote it") from None
    except (OSError, RuntimeError) as error:
        raise ModelError(str(path), f"it cannot be reached: {error}") from error
    if not resolved.is_relative_to(folder.resolve()):
        raise ModelError(
            str(path), f"it leads out of its folder {folder}, to {resolved}", "put the file itself there, not a link"
        )
    return resolved


def _bytes(path: Path) -> bytes:
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise ModelError(str(path), "it is a folder, not an ONNX file", "name the .onnx file in it")
        if not stat.S_ISREG(about.st_mode):
            raise ModelError(str(path), "it is a device or pipe, not a file")
        if about.st_size == 0:
            raise ModelError(str(path), "the file is empty", "build or download it again")
        file_kinds.refuse_pointer(path, str(path), "the model")
        file_kinds.refuse_others(path)
        if about.st_size > _MOST_BYTES:
            raise ModelError(
                str(path),
                f"it has {about.st_size:,} bytes, and an ONNX file holds at most 2 GiB",
                "save the weights as external data: onnx.save(model, path, save_as_external_data=True)",
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(str(path), f"it cannot be read: {error.strerror}") from error


def _parsed(path: Path, data: bytes) -> Any:
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf import message  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except message.DecodeError as error:
        raise ModelError(
            str(path),
            f"it is no ONNX file, or is cut short: its {len(data):,} bytes are no whole protobuf message",
            "build or download it again; compare its size with the original",
        ) from error
    if not model.ir_version or not model.graph.output:
        raise ModelError(
            str(path), "it is no ONNX file: there is no graph with outputs in it", "export the model to ONNX"
        )
    return model


def _add(digest: Any, name: str, place: Path) -> None:
    digest.update(f"\0{name}\0{place.stat().st_size}\0".encode())
    with place.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
