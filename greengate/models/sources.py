"""Where a model's file comes from: a path, a commit, a build, or the history's last pass; always a file in the end."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from greengate.errors import GreengateError, HistoryError, ModelError, Place, ProjectError, nearest
from greengate.models import lfs, onnx_external
from greengate.models.builds import build
from greengate.models.onnx_file import inspect
from greengate.trees import GitTree, WorkingTree

GIT = "git:"
LAST_PASS = "last-pass"  # noqa: S105 - a word of the project file


class Recipe(Protocol):
    """A command that writes a model file."""

    @property
    def command(self) -> tuple[str, ...]:
        """The program and its arguments."""

    @property
    def output(self) -> str:
        """The file it writes, relative to the project's folder."""


@dataclass(frozen=True, slots=True)
class PassedModel:
    """The model of a passed entry: the commit and path it had, and the SHA-256 (see `digest`) that it is known by."""

    entry: str
    commit: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Site:
    """Where sources are looked for, and with what.

    Attributes:
        root: The project's folder.
        cache: A folder of greengate's own, for files that are not in the working tree.
        last_pass: Finds the last passed entry of a model by its name.
        build_wall_s: Seconds a build may take.
        build_environment: Environment variables of a build, or None for those of this process.
    """

    root: Path
    cache: Path
    last_pass: Callable[[str], PassedModel | None] | None = None
    build_wall_s: float = 1800.0
    build_environment: Mapping[str, str] | None = field(default=None, repr=False)


Content = bytes | Path


@dataclass(frozen=True, slots=True)
class _Origin:
    """A set of files as messages call it, and how to get one of them."""

    name: str
    fetch: Callable[[str], Content | None]
    ref: str = ""


def resolve(source: str | Recipe, site: Site, *, model: str = "", where: Place | str = "") -> Path:
    """Return the file of a model, links followed; everything that belongs to it lies in the same folder.

    Args:
        source: A path, `git:REF:path`, `last-pass`, or a recipe to build it.
        site: Where to look.
        model: The model's name, for `last-pass`.
        where: Where the source is written.

    Raises:
        ProjectError: The source cannot be meant: no such ref, a path that leaves the project, no such program.
        ModelError: There is no such file, it is a Git LFS pointer without its content, or its build failed.
        HistoryError: The history knows no passed model of that name.
    """
    if not isinstance(source, str):
        return _built(source, site, where)
    if source == LAST_PASS:
        return _last_passed(model, site, where)
    if source.startswith(GIT):
        ref, _, path = source.removeprefix(GIT).partition(":")
        return _committed(ref, path, site, where)
    return _present(source, site, where)


def digest(file: Path) -> str:
    """The SHA-256 of a model; for ONNX with external data, over all its files.

    Raises:
        ModelError: An ONNX file or its external data cannot be read.
    """
    return inspect(file, file.parent).digest if file.suffix == ".onnx" else lfs.sha256(file)


def recorded(passed: PassedModel, site: Site, where: Place | str = "") -> Path | list[str]:
    """Return the file that an entry of the history is about, or where it was looked for and what was there instead."""
    tried = []
    for source in (passed.path, f"{GIT}{passed.commit}:{passed.path}"):
        try:
            file = resolve(source, site, where=where)
            found = digest(file)
        except GreengateError as error:
            tried.append(f"{source}: {error.problem}")
            continue
        if found == passed.sha256:
            return file
        tried.append(f"{source}: has {found[:12]}…")
    return tried


def pointed_at(ref: str, path: str, site: Site) -> str:
    """The SHA-256 that a Git LFS pointer in a commit stands for; "" where there is no pointer.

    Raises:
        ProjectError: There is no such commit, or git cannot give the file.
    """
    content = GitTree(site.root, ref).read(path)
    found = _pointer(content) if content is not None else None
    return found.sha256 if found else ""


def _present(path: str, site: Site, where: Place | str) -> Path:
    tree = WorkingTree(site.root)
    file = tree.locate(path)
    if file is None:
        found = "is a folder" if (site.root / path).is_dir() else "does not exist"
        near = nearest(path, tree.glob(f"**/*{PurePosixPath(path).suffix}"))
        raise ModelError(where, f"the model file `{path}` {found}", near if len(near) < 300 else "")
    if _pointer(file) is None:
        return file
    return _kept(path, _Origin("the working tree", tree.locate), site, where)


def _built(recipe: Recipe, site: Site, where: Place | str) -> Path:
    build(recipe.command, site.root, site.build_wall_s, environment=site.build_environment, where=where)
    file = WorkingTree(site.root).locate(recipe.output)
    if file is None:
        raise ProjectError(where, f"the build ended well, but `{recipe.output}` is not there", "check `output`")
    return file


def _committed(ref: str, path: str, site: Site, where: Place | str) -> Path:
    try:
        tree = GitTree(site.root, ref)
        content = tree.read(path)
    except ProjectError as error:
        raise ProjectError(where, f"`git:{ref}:{path}`: {error.problem}", error.hint) from error
    if content is None:
        near = nearest(path, tree.glob(f"**/*{PurePosixPath(path).suffix}"))
        hint = near if len(near) < 300 else ""
        raise ModelError(where, f"there is no file `{path}` in {tree.name}", hint or "a new model has no baseline yet")
    return _kept(path, _Origin(tree.name, tree.read, tree.commit), site, where)


def _last_passed(model: str, site: Site, where: Place | str) -> Path:
    passed = site.last_pass(model) if site.last_pass else None
    if passed is None:
        raise HistoryError(
            where,
            f"the history holds no passed entry of `{model}` to compare with",
            "name a baseline by path or `git:REF` until one has passed",
        )
    tried = recorded(passed, site, where)
    if isinstance(tried, Path):
        return tried
    raise ModelError(
        where,
        f"the model of `{model}` that passed in entry {passed.entry} (SHA-256 {passed.sha256}) is nowhere to be found"
        + "".join(f"\n  - {attempt}" for attempt in tried),
        "fetch the commit it was judged at, or name a baseline by path or `git:REF`",
    )


def _pointer(content: Content) -> lfs.Pointer | None:
    if isinstance(content, bytes):
        return lfs.pointer(content[: lfs.MAX_POINTER_BYTES])
    try:
        with content.open("rb") as stream:
            return lfs.pointer(stream.read(lfs.MAX_POINTER_BYTES))
    except OSError as refused:
        raise ModelError(str(content), f"it cannot be read: {refused.strerror}") from refused


def _kept(path: str, origin: _Origin, site: Site, where: Place | str) -> Path:
    """Copy a model and its external data into a folder of the cache that is named by their digest."""
    name = PurePosixPath(path).name
    try:
        site.cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=site.cache, ignore_cleanup_errors=True) as fresh:
            folder = Path(fresh, "model")
            _put(path, folder / name, origin, site, where)
            for data in _external(folder / name, where) if name.endswith(".onnx") else ():
                _put(str(PurePosixPath(path).parent / data), folder / data, origin, site, where)
            return _settled(folder, site.cache) / name
    except OSError as refused:
        hint = "free space there, or allow writing"
        raise ModelError(str(site.cache), f"the cache cannot be written: {refused.strerror}", hint) from refused


def _put(path: str, to: Path, origin: _Origin, site: Site, where: Place | str) -> None:
    content = origin.fetch(path)
    if content is None:
        raise ModelError(
            where,
            f"the model names external data `{path}`, which is not in {origin.name}",
            "commit it beside the model",
        )
    if pointer := _pointer(content):
        content = lfs.stored(site.root, pointer)
        if content is None:
            raise lfs.absent(where, f"`{path}` in {origin.name}", pointer, origin.ref)
    to.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        to.write_bytes(content)
    else:
        shutil.copyfile(content, to)


def _external(file: Path, where: Place | str) -> list[str]:
    import onnx  # noqa: PLC0415 - heavy
    from google.protobuf import message  # noqa: PLC0415 - comes with onnx

    try:
        model = onnx.load(file, load_external_data=False)
        return [external.name for external in onnx_external.files(file, model)]
    except message.DecodeError:
        return []  # whoever loads the file says what is wrong with it
    except ModelError as error:
        raise ModelError(where, f"`{file.name}`: {error.problem}", error.hint) from error


def _settled(folder: Path, cache: Path) -> Path:
    """Move a folder to its name by digest; one that is there already is only believed if its bytes are the same."""
    name = _fingerprint(folder)
    final = cache / name
    if final.is_symlink():
        final.unlink()
    if final.is_dir() and _fingerprint(final) == name:
        return final
    shutil.rmtree(final, ignore_errors=True)
    try:
        folder.rename(final)
    except OSError:
        if _fingerprint(final) != name:  # another gate was quicker, with the same files
            raise
    return final


def _fingerprint(folder: Path) -> str:
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    lines = sorted(f"{lfs.sha256(file)} {file.relative_to(folder)}" for file in files)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]
