"""What `greengate init` finds in a repository: ONNX files, their open axes, their evaluation files, the main branch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from greengate import git
from greengate.errors import GreengateError
from greengate.trees import GitTree, WorkingTree, leaves

MAX_FILES = 200_000
_MAX_PARSED_BYTES = 2**30
_MAX_INPUTS = 20
_SKIPPED = frozenset({"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__"})
_BRANCHES = ("origin/main", "origin/master", "main", "master")
_SEQUENCE, _SIDE, _CHANNELS = 128, 224, 3


@dataclass(frozen=True, slots=True)
class Found:
    """One ONNX file.

    Attributes:
        shapes: A size for every axis of the inputs that leave some open.
        integers: Inputs that take integers.
        quality: Its evaluation file, or "".
        in_base: Whether the main branch has the file.
        quality_in_base: Whether the main branch has the evaluation file.
        unread: Why its inputs are not known, or "".
    """

    path: str
    shapes: dict[str, list[int]]
    integers: tuple[str, ...] = ()
    quality: str = ""
    in_base: bool = False
    quality_in_base: bool = False
    unread: str = ""


def main_branch(root: Path) -> str:
    """The ref that changes are most likely compared with, or "" where there is none."""
    if not git.is_repository(root):
        return ""
    head = git.ask(root, "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD").text
    for ref in filter(None, (head, *_BRANCHES)):
        if git.ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").code == 0:
            return ref
    return ""


def found(root: Path, base: str) -> list[Found]:
    """Look at every ONNX file of a project, sorted by path."""
    tree = WorkingTree(root)
    paths = sorted(path for path in _paths(root) if _wanted(path) and _file(tree, path))
    then = GitTree(root, base) if base else None
    return [_examined(path, tree, then, alone=_alone(path, paths)) for path in paths]


def _paths(root: Path) -> Iterator[str]:
    if git.is_repository(root):
        listed = git.ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.onnx")
        yield from dict.fromkeys(path for path in listed.text.split("\0") if path)
        return
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        yield from ((Path(folder) / name).relative_to(root).as_posix() for name in files if name.endswith(".onnx"))
        seen += len(files)
        if seen > MAX_FILES:
            return


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return not leaves(path) and not any(part.startswith(".") or part in _SKIPPED for part in parts)


def _file(tree: WorkingTree, path: str) -> Path | None:
    try:
        return tree.locate(path)
    except GreengateError:
        return None


def _alone(path: str, paths: list[str]) -> bool:
    folder = PurePosixPath(path).parent
    return sum(PurePosixPath(other).parent == folder for other in paths) == 1


def _examined(path: str, tree: WorkingTree, then: GitTree | None, *, alone: bool) -> Found:
    shapes, integers, unread = _inputs(tree, path)
    quality = _quality(tree, PurePosixPath(path), alone=alone)
    return Found(
        path,
        shapes,
        integers,
        quality,
        in_base=then is not None and then.blob(path) is not None,
        quality_in_base=then is not None and bool(quality) and then.blob(quality) is not None,
        unread=unread,
    )


def _quality(tree: WorkingTree, path: PurePosixPath, *, alone: bool) -> str:
    places = [path.with_suffix(".quality.json"), path.parent.parent / "quality" / f"{path.stem}.json"]
    if alone:
        places.append(path.parent / "quality.json")
    return next((str(place) for place in places if _file(tree, str(place))), "")


def _inputs(tree: WorkingTree, path: str) -> tuple[dict[str, list[int]], tuple[str, ...], str]:
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf import message  # noqa: PLC0415 - comes with onnx

    file = tree.locate(path)
    assert file is not None
    if file.stat().st_size > _MAX_PARSED_BYTES:
        return {}, (), "too large to be looked at here"
    try:
        graph = onnx.load(file, load_external_data=False).graph
    except (message.DecodeError, OSError):
        return {}, (), "not readable as ONNX (a Git LFS pointer?)"
    weights = {weight.name for weight in graph.initializer}
    ports = [port for port in graph.input if port.name not in weights]
    if len(ports) > _MAX_INPUTS or not all(port.name.isprintable() for port in ports):
        return {}, (), f"a model with {len(ports)} inputs, best given as {{file: inputs.npz}}"
    shapes = {port.name: sizes for port in ports if (sizes := _sizes(port.type.tensor_type))}
    whole = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    return shapes, tuple(port.name for port in ports if port.type.tensor_type.elem_type in whole), ""


def _sizes(tensor: Any) -> list[int]:
    """A size for every axis of an input that leaves some open, or nothing."""
    axes = tensor.shape.dim
    if all(axis.dim_value > 0 for axis in axes):
        return []
    return [axis.dim_value or _usual(index, len(axes)) for index, axis in enumerate(axes)]


def _usual(index: int, rank: int) -> int:
    if index == 0:
        return 1
    if rank == 4:
        return _CHANNELS if index == 1 else _SIDE
    return _SEQUENCE
