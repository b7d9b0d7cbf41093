"""The project file while it is read: its places, its problems, and checks that several of its parts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from greengate.errors import ProjectError
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath
from greengate.quantities import NotAQuantity, Quantity
from greengate.trees import leaves

Kind = TypeVar("Kind", bound=Quantity)
GIT = "git:"


@dataclass(frozen=True, slots=True)
class Bounds(Generic[Kind]):
    """The least and the most that an amount may be, and why."""

    least: Kind
    most: Kind
    why: str = ""


class Sheet(Source):
    """The document of a project file; what is wrong with it is to be mended in that file."""

    __slots__ = ()

    def complain(self, path: KeyPath, problem: str, hint: str = "", *, key: bool = False) -> None:
        """Note a problem with the value, or the key, at a path."""
        self.problems.append(ProjectError(self.place(path, key=key), problem, hint))

    def check_path(self, path: KeyPath, written: str) -> None:
        """Check that a file's path stays inside the project's folder."""
        if problem := leaves(written):
            self.complain(path, f"the path `{written}` {problem}", "write it relative to the project's folder")

    def quantity(self, path: KeyPath, written: object, bounds: Bounds[Kind]) -> Kind | None:
        """Read an amount within bounds, or complain; None also where nothing is written."""
        if written is None:
            return None
        try:
            found = type(bounds.least).parse(written)
        except NotAQuantity as refused:
            self.complain(path, str(refused), refused.hint)
            return None
        if not bounds.least.amount <= found.amount <= bounds.most.amount:
            self.complain(path, f"found `{written}`, expected from {bounds.least} to {bounds.most}", bounds.why)
            return None
        return found

    def baseline(self, path: KeyPath, written: str, own: str) -> str:
        """Check a path, `git:REF` or `git:REF:path`; where it says no path, return it with the candidate's own."""
        if not written.startswith(GIT):
            self.check_path(path, written)
            if written == own:
                found = f"the baseline `{written}` is the candidate itself; nothing could ever get worse"
                self.complain(path, found, "compare with another commit: `git:origin/main`")
            return written
        ref, colon, file = written.removeprefix(GIT).partition(":")
        if not ref or ref.startswith("-") or (colon and not file):
            self.complain(path, f"`{written}` names no git ref, or no path after it", "`git:origin/main:models/m.onnx`")
        file = file or own
        self.check_path(path, file)
        return f"{GIT}{ref}:{file}"
