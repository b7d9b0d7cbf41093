"""A model file of any kind, looked at before a runtime sees it: where it lies, and that it is a file with content."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import ModelError
from greengate.models import file_kinds


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file that may be given to its runtime.

    Attributes:
        path: The model file, resolved.
        external: Files that belong to it, resolved, sorted by their name in the model.
        size_bytes: All of them together.
        digest: SHA-256 over the model file, then for each external file its name, size and bytes. Without external
            files it is the file's own SHA-256.
    """

    path: Path
    external: tuple[Path, ...]
    size_bytes: int
    digest: str


def located(path: Path, folder: Path) -> Path:
    """Return where the model file truly lies.

    Raises:
        ModelError: It is missing, or leads out of its folder.
    """
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


def size_bytes(path: Path, kind: str, suffix: str) -> int:
    """Return the size of a model file after looking that it is one with content.

    Args:
        path: The file.
        kind: What it should be ("an ONNX file").
        suffix: How such files end.

    Raises:
        ModelError: It is a folder, a device, empty, or a Git LFS pointer.
        OSError: It cannot be read.
    """
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise ModelError(str(path), f"it is a folder, not {kind}", f"name the {suffix} file in it")
    if not stat.S_ISREG(about.st_mode):
        raise ModelError(str(path), "it is a device or pipe, not a file")
    if about.st_size == 0:
        raise ModelError(str(path), "the file is empty", "build or download it again")
    file_kinds.refuse_pointer(path, str(path), "the model")
    return about.st_size
