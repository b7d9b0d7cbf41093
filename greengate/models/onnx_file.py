"""What lies at a model's path, looked at before any runtime sees it: an ONNX file, its external data, their digest."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

from greengate.errors import ModelError
from greengate.models import file_kinds, model_file, onnx_external, onnx_scan
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
    model = graph_of(path)
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ModelError(
            str(path),
            f"it has {size:,} bytes, and ONNX Runtime runs files of at most 2 GiB",
            "save the weights as external data: onnx.save(model, path, save_as_external_data=True)",
        )
    from hashlib import sha256  # noqa: PLC0415 - brings OpenSSL, which a count does not need

    digest = sha256()
    _add_bytes(digest, path)
    external = []
    for wanted in onnx_external.files(path, model):
        place = onnx_external.located(path, wanted, folder)
        external.append(place)
        size += place.stat().st_size
        _add(digest, wanted.name, place)
    return ModelFile(resolved, tuple(external), size, digest.hexdigest())


def graph_of(path: Path) -> Any:
    """Read an ONNX file (a ModelProto) without the contents of its large tensors, whatever its size.

    Raises:
        ModelError: It is missing, no ONNX file, cut short, a Git LFS pointer, or nested or divided beyond measure.
    """
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf import message  # noqa: PLC0415 - comes with onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(_stripped(path))
    except message.DecodeError as error:
        raise _malformed(path, "some part of it is not what ONNX files hold, or is nested too deep") from error
    except onnx_scan.TooMuch as error:
        raise ModelError(str(path), str(error), "export it with its loops instead of unrolling them") from error
    except onnx_scan.Malformed as error:
        raise _malformed(path, str(error)) from error
    if not model.ir_version or not model.graph.output:
        raise ModelError(
            str(path), "it is no ONNX file: there is no graph with outputs in it", "export the model to ONNX"
        )
    return model


def _stripped(path: Path) -> bytes:
    try:
        model_file.size_bytes(path, "an ONNX file", ".onnx")
        file_kinds.refuse_others(path)
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            return onnx_scan.stripped(view)
    except OSError as error:
        raise ModelError(str(path), f"it cannot be read: {error.strerror}") from error


def _malformed(path: Path, found: str) -> ModelError:
    hint = "build or download it again; compare its size with the original"
    return ModelError(str(path), f"it is no ONNX file, or is cut short: {found}", hint)


def _add(digest: Any, name: str, place: Path) -> None:
    digest.update(f"\0{name}\0{place.stat().st_size}\0".encode())
    _add_bytes(digest, place)


def _add_bytes(digest: Any, place: Path) -> None:
    with place.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
