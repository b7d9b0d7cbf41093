"""Every problem a person can fix, and the exit code it ends with.

One class for each thing the reader can do about it::

    GreengateError
    ├── PolicyError      edit the policy, the waiver or the policy test      exit 2
    ├── ProjectError     edit greengate.yaml                                 exit 2
    ├── FactorError      repair the factor set, or pin another               exit 2
    ├── UsageError       call the command differently                        exit 2
    ├── MissingExtra     install something                                   exit 2
    ├── ModelError       repair or replace the model or its inputs           exit 4
    ├── MeasurementError measure again, or on another runner                 exit 4
    ├── SourceError      ask again, or look at the access to a live source   exit 4
    ├── HistoryError     repair or move the history                          exit 4
    ├── BookError        repair the book of budgets, or make it reachable    exit 4
    ├── ForgeError       give the token what it lacks, or post again         exit 4
    ├── ReportError      repair the template, or free the place it goes to   exit 4
    └── Problems         several of the above, told in one go
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written: a file, and inside it a line, a column and a path of keys (1-based)."""

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        spot = self.file
        if self.line:
            spot = f"{spot}:{self.line}:{self.column}"
        return f"{spot} ({self.path})" if self.path and spot else spot or self.path


class GreengateError(Exception):
    """A problem in three parts: where it is, what it is, and what helps."""

    exit_code: ClassVar[int] = 4

    def __init__(self, where: Place | str, problem: str, hint: str = "") -> None:
        self.where = where if isinstance(where, Place) else Place(file=where)
        self.problem = problem
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.where}: {self.problem}" if str(self.where) else self.problem
        return f"{head}\n  hint: {self.hint}" if self.hint else head


class PolicyError(GreengateError):
    """A policy, a waiver or a policy test says something that cannot be."""

    exit_code = 2


class ProjectError(GreengateError):
    """The project file says something that cannot be."""

    exit_code = 2


class FactorError(GreengateError):
    """A factor set says something that cannot be, or does not know what it is asked for."""

    exit_code = 2


class UsageError(GreengateError):
    """The command was called with words that do not fit together."""

    exit_code = 2


class MissingExtra(GreengateError):
    """An optional part of greengate is needed and not installed."""

    exit_code = 2


class ModelError(GreengateError):
    """A model or its inputs cannot be read, loaded or run."""


class MeasurementError(GreengateError):
    """The runner could not give a figure."""


class SourceError(GreengateError):
    """A live source of carbon intensity gave no answer that can be used."""


class HistoryError(GreengateError):
    """The history cannot be read or written."""


class BookError(GreengateError):
    """The book of budgets cannot be read, written or reached."""


class ForgeError(GreengateError):
    """GitHub or GitLab could not be asked or told; what was concluded stands all the same."""


class Unanswered(ForgeError):
    """It is not known whether a forge did what it was asked to: look before asking again."""


class ReportError(GreengateError):
    """A report cannot be rendered or written."""


class Problems(GreengateError):
    """Several problems at once, in the order of their places."""

    def __init__(self, problems: Iterable[GreengateError]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.where))
        super().__init__("", "\n".join(str(problem) for problem in self.problems))

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The gravest of its parts: something to edit (2) before something outside (4)."""
        return min(problem.exit_code for problem in self.problems)


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint that names the known word nearest to an unknown one, or lists the known ones if none is near."""
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return "known here: " + ", ".join(f"`{name}`" for name in known) if known else ""
