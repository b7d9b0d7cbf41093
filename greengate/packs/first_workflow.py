"""The first workflow of a repository, as `greengate ci` writes it: for GitHub a workflow, for GitLab an include."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from greengate import shipped
from greengate.errors import ProjectError, UsageError

GITHUB = ".github/workflows/greengate.yml"
GITLAB = ".gitlab/greengate.yml"
GITLAB_CI = ".gitlab-ci.yml"
INCLUDE = f"include:\n  - local: {GITLAB}\n"
_NO_ACTION = f"owner/greengate@{'0' * 40}"
_NO_PROJECT = 'GREENGATE_PROJECT: "greengate.yaml"'
_PINNED = re.compile(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and what is left to do by hand."""

    files: tuple[str, ...]
    left: str = ""


def github(root: Path, project: str, version: str, action: str = "") -> Written:
    """Write a workflow for GitHub.

    Args:
        root: The top of the repository.
        project: The project file, from there.
        version: The version of greengate that it installs, where it names no action.
        action: The action that it uses instead: `owner/repo@` and a whole commit.

    Raises:
        UsageError: There is one already, or the action is not pinned.
        ProjectError: It cannot be written.
    """
    if action and _PINNED.fullmatch(action) is None:
        hint = "name a whole commit, since a tag can be moved: `owner/repo@` and 40 hexadecimal digits"
        raise UsageError("--action", f"`{action}` is not pinned", hint)
    text = _shipped("first/github-action.yml" if action else "first/github.yml")
    for word, value in ((_NO_ACTION, action), ("@PROJECT@", project), ("@VERSION@", version)):
        text = text.replace(f'"{word}"', json.dumps(value))
    _write(root, {GITHUB: text})
    return Written((GITHUB,))


def gitlab(root: Path, project: str) -> Written:
    """Write the include for GitLab, and a `.gitlab-ci.yml` that names it where there is none.

    Args:
        root: The top of the repository.
        project: The project file, from there.

    Raises:
        UsageError: There is one already.
        ProjectError: It cannot be written.
    """
    text = _shipped("gitlab/greengate.yml").replace(_NO_PROJECT, f"GREENGATE_PROJECT: {json.dumps(project)}")
    if (root / GITLAB_CI).exists():
        _write(root, {GITLAB: text})
        return Written((GITLAB,), f"add to {GITLAB_CI}:\n\n{INCLUDE}")
    _write(root, {GITLAB: text, GITLAB_CI: INCLUDE})
    return Written((GITLAB, GITLAB_CI))


def _shipped(name: str) -> str:
    return (shipped.actions() / name).read_text(encoding="utf-8")


def _write(root: Path, files: dict[str, str]) -> None:
    for name in files:
        if (root / name).exists():
            raise UsageError(name, "there is such a file already", "edit it, or move it away first")
    for name, text in files.items():
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as refused:
            raise ProjectError(name, f"cannot be written: {refused.strerror}") from refused
