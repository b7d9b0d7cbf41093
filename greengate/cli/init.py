"""`greengate init`: a first project file."""

from __future__ import annotations

from pathlib import Path

import click

from greengate import settings
from greengate.carbon import factors
from greengate.packs.first import write_first


@click.command()
@click.option("--project", default=settings.PROJECT, metavar="FILE", help="The file to write.")
def init(*, project: str) -> int:
    """Write a first greengate.yaml for this repository.

    Looks for ONNX files, the sizes they leave open, evaluation files beside them and a main branch to compare with.
    """
    path = Path(project)
    first = write_first(path.parent, path.name, factors.shipped()[-1])
    click.echo(f"wrote {path}")
    for name in first.models:
        click.echo(f"  {name}")
    if first.left_out:
        click.echo(f"  and left out {first.left_out} more; add them in the same way")
    if not first.models:
        click.echo("no ONNX file was found: it is a template, fill in the path of your model")
    click.echo("next: `greengate policy check`, then `greengate gate`")
    return 0
