"""What git knows of a repository: commits, branches, files of a commit; always offline, never through a shell."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from greengate.errors import GreengateError, MissingExtra, ProjectError

TIMEOUT_S = 120

# A repository's own settings must not start programs, rewrite objects or reach the network.
_GIT = ("git", "--no-replace-objects", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
        "-c", "protocol.allow=never")  # fmt: skip
_QUIET = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
_HAS_HISTORY = "fetch the whole history: `git fetch --unshallow` (actions/checkout: `fetch-depth: 0`)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one git command said."""

    code: int
    output: bytes
    complaint: str = ""

    @property
    def text(self) -> str:
        """The output as text, without the line end."""
        return self.output.decode("utf-8", "surrogateescape").rstrip("\n")

    @property
    def reason(self) -> str:
        """What went wrong, in git's words and in one line."""
        lines = [line for line in self.complaint.splitlines() if line.startswith(("fatal:", "error:"))]
        return (
            re.sub(r"^(fatal|error): ", "", lines[0]) if lines else self.complaint.strip() or f"exit code {self.code}"
        )


def ask(root: Path, *arguments: str, given: bytes = b"") -> Answer:
    """Run one git command in a folder and return what it said, also when it failed.

    Raises:
        MissingExtra: There is no git.
        ProjectError: There is no such folder, or git does not come to an end.
    """
    # Variables such as GIT_DIR, which git sets for its hooks, would lead to another repository than the folder's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _QUIET
    try:
        done = subprocess.run(
            [*_GIT, *arguments],
            cwd=root,
            env=environment,
            input=given,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (FileNotFoundError, NotADirectoryError) as missing:
        if not root.is_dir():
            raise ProjectError(str(root), "there is no such folder") from missing
        raise MissingExtra("", "git was not found", "install git and put it on the PATH") from missing
    except subprocess.TimeoutExpired as slow:
        raise ProjectError(str(root), f"`git {arguments[0]}` gave no answer in {TIMEOUT_S} s") from slow
    return Answer(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def is_repository(root: Path) -> bool:
    """Whether a folder lies in the working tree of a git repository that git is willing to read."""
    return ask(root, "rev-parse", "--is-inside-work-tree").text == "true"


def prefix(root: Path, error: type[GreengateError] = ProjectError) -> str:
    """The path of a folder inside its repository, "" for the top, otherwise ending in a slash.

    Raises:
        GreengateError: Of the class `error`; the folder is in no repository, or git refuses to read it.
    """
    answer = ask(root, "rev-parse", "--show-prefix")
    if answer.code == 0:
        return answer.text
    if "dubious ownership" in answer.complaint:
        raise error(
            str(root),
            "git refuses this repository because its files belong to another user",
            f"`git config --global --add safe.directory {root.resolve()}`",
        )
    raise error(
        str(root), f"no git repository here: {answer.reason}", "run `git init`, or name a file instead of a ref"
    )


def commit(root: Path, ref: str = "HEAD", error: type[GreengateError] = ProjectError) -> str:
    """The full id of the commit that a ref names.

    Raises:
        GreengateError: Of the class `error`; no repository, or no such commit in this clone.
    """
    prefix(root, error)
    if not ref or ref.startswith("-") or not ref.isprintable():
        raise error("", f"`{ref}` is no git ref", "write a branch, a tag or a commit, such as `origin/main`")
    answer = ask(root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    if answer.code == 0:
        return answer.text
    if ref == "HEAD":
        raise error(str(root), "the git repository has no commit yet", "commit something first")
    raise error("", f"git knows no commit `{ref}` in this clone", _absent(root, ref))


def _absent(root: Path, ref: str) -> str:
    if is_shallow(root):
        return f"this clone is shallow; {_HAS_HISTORY}"
    remote, _, branch = ref.partition("/")
    if branch and remote in ask(root, "remote").text.splitlines():
        return f"`git fetch {remote} {branch}` brings it here (actions/checkout: `fetch-depth: 0`)"
    return "`git branch --all` and `git tag` list what there is"


def is_shallow(root: Path) -> bool:
    """Whether the clone holds only the newest part of the history."""
    return ask(root, "rev-parse", "--is-shallow-repository").text == "true"


def merge_base(root: Path, ref: str, error: type[GreengateError] = ProjectError) -> str:
    """The full id of the newest commit that the checked-out one and a ref have in common.

    Raises:
        GreengateError: Of the class `error`; an unknown ref, or no common commit in this clone.
    """
    ours, theirs = commit(root, "HEAD", error), commit(root, ref, error)
    answer = ask(root, "merge-base", ours, theirs)
    if answer.code == 0:
        return answer.text
    hint = _HAS_HISTORY if is_shallow(root) else "their histories are unrelated; name another ref"
    raise error("", f"HEAD and `{ref}` have no common commit in this clone", hint)


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Whether one commit is another, or lies behind it; False also where this clone does not know it."""
    return bool(older) and ask(root, "merge-base", "--is-ancestor", older, newer).code == 0


def is_unchanged(root: Path, path: str) -> bool:
    """Whether a file of the working tree, by its path from a folder, is that of the commit that is checked out."""
    return ask(root, "diff", "--quiet", "HEAD", "--", f":(literal){path}").code == 0


def is_tracked(root: Path, file: Path) -> bool:
    """Whether the checked-out commit or the index of a folder's repository holds a file, wherever links lead to it."""
    return ask(root, "ls-files", "--error-unmatch", "--", f":(literal){file.resolve()}").code == 0


def last_release(root: Path, ref: str) -> str:
    """The newest tag at or before a commit, or "" where there is none."""
    return ask(root, "describe", "--tags", "--abbrev=0", ref).text


def toplevel_commit(root: Path) -> str:
    """The commit that is checked out, or "" where there is no repository or no commit yet."""
    return ask(root, "rev-parse", "--verify", "--quiet", "HEAD").text


def last_touched(root: Path, ref: str, path: str) -> str:
    """The commit that last changed a file of the project, as seen from a ref; "" where this clone does not reach it."""
    answer = ask(root, "log", "-1", "--format=%H", "--end-of-options", ref, "--", f":(literal){path}")
    found = answer.text if answer.code == 0 else ""
    return "" if found and found in _grafts(root) else found


def _grafts(root: Path) -> frozenset[str]:
    """The commits at which a shallow clone ends: to git they look as if they had brought every file."""
    place = ask(root, "rev-parse", "--git-path", "shallow").text
    try:
        return frozenset((root / place).read_text(encoding="ascii").split())
    except OSError:
        return frozenset()
