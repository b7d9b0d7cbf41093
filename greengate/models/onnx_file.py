"""What lies at a model's path, looked at before any runtime sees it: an ONNX file, its external data, their digest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from greengate.errors import ModelError
from greengate.models import file_kinds, model_file, onnx_external
from greengate.models.model_file import ModelFile

_MOST_BYTES = 2**31 - 1
_CHUNK = 2**20


def inspect(path: Path, folder: Path) -> ModelFile:
    """Look at a model file and its external data.

    Args:
        path: The model file.
        folder: The only folder that it and its data may lie in.

    Raises:
        ModelError: A file is missing, outside the folder, no ONNX, cut short, or a Git LFS pointer.
    """
    resolved = model_file.located(path, folder)
    data = _bytes(path)
    model = _parsed(path, data)
    digest, size = hashlib.sha256(data), len(data)
    external = []
    for wanted in onnx_external.files(path, model):
        place = onnx_external.located(path, wanted, folder)
        external.append(place)
        size += place.stat().st_size
        _add(digest, wanted.name, place)
    return ModelFile(resolved, tuple(external), size, digest.hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        size = model_file.size_bytes(path, "an ONNX file", ".onnx")
        file_kinds.refuse_others(path)
        if size > _MOST_BYTES:
            raise ModelError(
                str(path),
                f"it has {size:,} bytes, and an ONNX file holds at most 2 GiB",
                "save the weights as external data: onnx.save(model, path, save_as_external_data=True)",
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(str(path), f"it cannot be read: {error.strerror}") from error


def _parsed(path: Path, data: bytes) -> Any:
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf import message  # noqa: PLC0415 - comes with onnx

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
