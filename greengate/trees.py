"""Trees of files that can be read: the working tree, or the project's folder in one commit."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from greengate import git
from greengate.errors import GreengateError, ProjectError
from greengate.ports import Tree

_GIT = "git:"
_LINKS = {"symlink": "leads out of the repository", "loop": "leads back to itself"}


class WorkingTree:
    """The files as they lie on disk below a root folder; nothing outside it is ever read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = "the working tree"

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, or None where there is no such file.

        Raises:
            ProjectError: The path leaves the root, is no regular file, or may not be read.
        """
        file = self.locate(path)
        try:
            return file.read_bytes() if file else None
        except OSError as refused:
            raise ProjectError(path, f"cannot be read: {refused.strerror}") from refused

    def locate(self, path: str) -> Path | None:
        """Return where a file lies, symbolic links followed, or None where there is none.

        Raises:
            ProjectError: The path leaves the root, or leads to something that is no regular file.
        """
        inside(path)
        root = self.root.resolve()
        try:
            real = (root / path).resolve(strict=True)
            mode = real.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError) as refused:  # Python 3.11 and 3.12 call a loop of links a RuntimeError
            reason = "no permission" if getattr(refused, "errno", 0) == errno.EACCES else "a loop of symbolic links"
            raise ProjectError(path, f"cannot be read: {reason}") from refused
        if not real.is_relative_to(root):
            raise ProjectError(
                path, "is a symbolic link that leaves the project", "put the file itself into the repository"
            )
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            raise ProjectError(path, "is no regular file", "a device, pipe or socket cannot be read as one")
        return real

    def glob(self, pattern: str) -> Sequence[str]:
        """Return the sorted paths that a pattern such as `policies/**/*.yaml` matches; see `matches`."""
        inside(pattern)
        hidden = any(part.startswith(".") for part in pattern.split("/"))
        start = self.root.joinpath(*_literal(pattern))
        found = []
        for folder, folders, files in os.walk(start):
            folders[:] = [name for name in folders if hidden or not name.startswith(".")]
            found += [(Path(folder) / name).relative_to(self.root).as_posix() for name in files]
        return sorted(path for path in found if matches(pattern, path))


class GitTree:
    """The files of one commit, below the folder that `root` is in the repository; read from git, never checked out."""

    def __init__(self, root: Path, ref: str, error: type[GreengateError] = ProjectError) -> None:
        self.root = root
        self.ref = ref
        self.commit = git.commit(root, ref, error)
        self.name = self.commit[:10] if self.commit.startswith(ref) else f"{ref} ({self.commit[:10]})"
        self._prefix = git.prefix(root, error)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, or None where the commit has no such file.

        Raises:
            ProjectError: The path leaves the repository, or git cannot give the file.
        """
        blob = self.blob(path)
        if blob is None:
            return None
        answer = git.ask(self.root, "cat-file", "blob", blob)
        if answer.code:
            raise ProjectError(path, f"git cannot give the file of {self.name}: {answer.reason}")
        return answer.output

    def blob(self, path: str) -> str | None:
        """Return the object id of a file, symbolic links inside the repository followed, or None where there is none.

        Raises:
            ProjectError: The path leaves the repository, or git cannot look it up.
        """
        inside(path)
        name = f"{self.commit}:{self._prefix}{PurePosixPath(path)}\n"
        answer = git.ask(self.root, "cat-file", "--batch-check", "--follow-symlinks", given=name.encode())
        if answer.code:
            raise ProjectError(path, f"git cannot look the file up in {self.name}: {answer.reason}")
        word, _, rest = answer.text.partition(" ")
        if word in _LINKS:
            raise ProjectError(
                path, f"in {self.name}, the path {_LINKS[word]}", "put the file itself into the repository"
            )
        return word if rest.startswith("blob ") else None

    def is_link(self, path: str) -> bool:
        """Tell whether a file is reached by symbolic links, so that it is not at its path that it changes."""
        name = f"{self.commit}:{self._prefix}{PurePosixPath(path)}\n"
        there = git.ask(self.root, "cat-file", "--batch-check", given=name.encode()).text.partition(" ")[0]
        return self.blob(path) not in {None, there}

    def glob(self, pattern: str) -> Sequence[str]:
        """Return the sorted paths that a pattern such as `policies/**/*.yaml` matches; see `matches`."""
        inside(pattern)
        answer = git.ask(self.root, "ls-tree", "-r", "-z", "--name-only", self.commit)
        if answer.code:
            raise ProjectError("", f"git cannot list the files of {self.name}: {answer.reason}")
        return sorted(path for path in answer.text.split("\0") if path and matches(pattern, path))


class Overlaid:
    """A tree with one more file, which is not written anywhere yet."""

    def __init__(self, tree: Tree, path: str, data: bytes) -> None:
        self.name = tree.name
        self._tree = tree
        self._path = path
        self._data = data

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, or None where there is no such file."""
        return self._data if path == self._path else self._tree.read(path)

    def glob(self, pattern: str) -> Sequence[str]:
        """Return the sorted paths that a pattern matches."""
        found = {*self._tree.glob(pattern), *([self._path] if matches(pattern, self._path) else ())}
        return sorted(found)


def read_source(root: Path, source: str, base: str = "") -> bytes | None:
    """Read a file by `git:REF:path`, or by its path: in a base commit if one is given, else in the working tree.

    Returns:
        Its bytes, or None where there is no such file.

    Raises:
        ProjectError: There is no such commit, the path leaves the project, or the file cannot be read.
    """
    if not source.startswith(_GIT):
        return GitTree(root, base).read(source) if base else WorkingTree(root).read(source)
    ref, _, path = source.removeprefix(_GIT).partition(":")
    return GitTree(root, ref).read(path)


def inside(path: str) -> None:
    """Check that a path is relative and stays below the root it is relative to.

    Raises:
        ProjectError: It does not.
    """
    if problem := leaves(path):
        raise ProjectError("", f"the path `{path}` {problem}", "write a path relative to the project's folder")


def leaves(path: str) -> str:
    """Say in what way a path is not a relative path that stays below its root; "" where it is one."""
    pure = PurePosixPath(path)
    if not path or str(pure) == ".":
        return "is empty"
    if pure.is_absolute() or path.startswith("~"):
        return "is absolute"
    if ".." in pure.parts:
        return "leaves the project by `..`"
    if "\\" in path:
        return "is written with backslashes"
    return "" if path.isprintable() else "holds a character that cannot be printed"


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path is meant by a pattern: `*`, `?` and `[...]` inside one name, `**` for any folders.

    As in a shell, wildcards leave out names that begin with a dot.
    """
    parts = PurePosixPath(pattern).parts
    return _match((*parts, "*") if parts[-1:] == ("**",) else parts, PurePosixPath(path).parts)


def _match(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if not patterns or not names:
        return not patterns and not names
    first, rest = patterns[0], patterns[1:]
    if names[0].startswith(".") and not first.startswith("."):
        return first == "**" and _match(rest, names)
    if first == "**":
        return _match(rest, names) or _match(patterns, names[1:])
    return fnmatch.fnmatchcase(names[0], first) and _match(rest, names[1:])


def _literal(pattern: str) -> tuple[str, ...]:
    """The leading folders of a pattern that hold no wildcard."""
    folders = PurePosixPath(pattern).parts[:-1]
    wild = next((index for index, part in enumerate(folders) if set(part) & set("*?[")), len(folders))
    return folders[:wild]
