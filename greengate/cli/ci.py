"""`greengate ci`: a first workflow for a repository."""

from __future__ import annotations

from pathlib import Path

import click

from greengate import __version__, git, settings
from greengate.errors import UsageError
from greengate.packs import first_workflow
from greengate.packs.first_workflow import Written


@click.group(short_help="Write a first workflow for GitHub or GitLab.")
def ci() -> None:
    """Write a first workflow for GitHub or GitLab into this repository."""


@ci.command()
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file that it judges.")
@click.option("--action", default="", metavar="OWNER/REPO@COMMIT", help="Use this action instead of single steps.")
def github(*, project: str, action: str) -> int:
    """Write .github/workflows/greengate.yml: pull requests and the merge queue, with the least permissions."""
    top, name = _repository(project)
    return _told(first_workflow.github(top, name, __version__, action))


@ci.command()
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The project file that it judges.")
def gitlab(*, project: str) -> int:
    """Write .gitlab/greengate.yml, a job for merge requests, and include it."""
    top, name = _repository(project)
    return _told(first_workflow.gitlab(top, name))


def _repository(project: str) -> tuple[Path, str]:
    """Find the top of the repository, and where the project file is from there."""
    folder = Path(project).parent
    if not Path(project).is_file():
        raise UsageError(project, "there is no such project file", "`greengate init` writes one")
    prefix = git.prefix(folder, UsageError)
    depth = len(Path(prefix).parts)
    return folder.joinpath(*[".."] * depth), f"{prefix}{Path(project).name}"


def _told(written: Written) -> int:
    for file in written.files:
        click.echo(f"wrote {file}")
    if written.left:
        click.echo(written.left)
    click.echo("next: commit it on the branch that changes go to, and make its job a required check")
    return 0
