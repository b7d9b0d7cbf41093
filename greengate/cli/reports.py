"""Where reports go: checked before anything is measured, written when all is known."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from greengate import registry
from greengate.errors import ReportError, UsageError
from greengate.settings import LedgerAccess
from greengate.trees import GitTree

if TYPE_CHECKING:
    from greengate.report.account import Account


@dataclass(frozen=True, slots=True)
class Destination:
    """One report that was asked for: its format and its file ("-" is standard output)."""

    word: str
    adapter: Any
    path: str


def parse(wanted: Sequence[str], *, signing: LedgerAccess | None = None) -> list[Destination]:
    """Read `FORMAT=FILE` words and make sure that every file can be written.

    Args:
        wanted: The words.
        signing: What is to sign the ledger meanwhile; None where nothing is written down.

    Raises:
        UsageError: A word that has another form, or no such format, or a file that is none of the format.
        MissingExtra: What makes the format is not installed.
        ReportError: The file cannot be written.
    """
    destinations = []
    for text in wanted:
        word, equals, path = text.partition("=")
        if not equals or not path:
            raise UsageError("--report", f"`{text}` is not FORMAT=FILE", "for example `--report junit=greengate.xml`")
        adapter = registry.report(word)
        if hasattr(adapter, "refuse_unable"):
            adapter.refuse_unable(path)
        if hasattr(adapter, "files"):
            _refuse_folder(path, signing)
        else:
            refuse_unwritable(path)
        destinations.append(Destination(word, adapter, path))
    return destinations


@dataclass(frozen=True, slots=True)
class Template:
    """A user's own Jinja template for the Markdown ledger."""

    file: str
    text: str


def template(path: str | None, base: str = "") -> Template | None:
    """Read a user's own template; with a base, at that commit, since the change must not choose its own words.

    Raises:
        ReportError: It cannot be read.
        UsageError: There is no such commit, or the template is not in it.
    """
    if path is None:
        return None
    if base and not Path(path).is_absolute():
        return _template_at(path, base)
    try:
        return Template(path, Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(path, f"the template cannot be read: {error}") from error


def _template_at(path: str, base: str) -> Template:
    tree = GitTree(Path(), base, UsageError)
    found = tree.read(path)
    if found is None:
        raise UsageError(
            "--template", f"{tree.name} has no `{path}`", "a template is read at the base, as policies are"
        )
    try:
        return Template(f"{path} of {tree.name}", found.decode())
    except UnicodeDecodeError as error:
        raise ReportError(path, f"the template cannot be read: {error}") from error


def _write(account: Account, destinations: Sequence[Destination], own: Template | None) -> None:
    """Render and write every report; a file is whole or not there."""
    for destination in destinations:
        adapter = destination.adapter
        if hasattr(adapter, "files") and destination.path != "-":
            _fill(Path(destination.path), adapter.files(account))
            continue
        if own is not None and destination.word == "markdown":
            text = adapter.render(account, own.text, where=own.file)
        else:
            text = adapter.render(account)
        if destination.path == "-":
            click.echo(text, nl=False)
        else:
            write(Path(destination.path), text.encode(), "the verdict stands, and is in the history")


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ReportError(str(folder), f"the folder cannot be made: {error.strerror}") from error
    for name, data in files.items():
        write(folder / name, data, "the verdict stands, and is in the history")


def _refuse_folder(path: str, signing: LedgerAccess | None) -> None:
    """Make sure that a folder of receipts can be written, and that something will sign them."""
    if signing is not None and not signing.has_key:
        hint = "give GREENGATE_LEDGER_KEY_FILE, or write them later with `greengate ledger prove`"
        raise UsageError("--report receipts", "no key is given that could sign the ledger", hint)
    if path != "-" and not Path(path).is_dir():
        refuse_unwritable(path)


def tell(account: Account, destinations: Sequence[Destination], own: Template | None, *, as_json: bool) -> None:
    """Print the table or JSON, unless a report takes standard output, and write every report.

    Raises:
        ReportError: A template has an error, or a file cannot be written.
    """
    if as_json:
        click.echo(registry.report("json").render(account), nl=False)
    elif not any(destination.path == "-" for destination in destinations):
        _show(account)
    _write(account, destinations, own)


def _show(account: Account) -> None:
    """Print the table on the terminal, or plainly where there is none."""
    from rich.console import Console  # noqa: PLC0415 - heavy

    from greengate.report import table  # noqa: PLC0415 - with rich

    if sys.stdout.isatty():
        table.show(account, Console())
    else:
        click.echo(table.render(account), nl=False)


def refuse_unwritable(path: str) -> None:
    """Make sure that a report can be written, before anything is done for it.

    Raises:
        ReportError: Its folder is not there, or not to be written.
    """
    if path == "-":
        return
    folder = Path(path).parent
    if not folder.is_dir():
        raise ReportError(path, "the folder of the report does not exist", f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK) or Path(path).is_dir():
        raise ReportError(path, "the report cannot be written here", "name a file in a folder that can be written")


def write(path: Path, data: bytes, hint: str = "") -> None:
    """Write a file that is whole or not there.

    Raises:
        ReportError: It cannot be written; with a hint of what is not lost.
    """
    try:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
            file.write(data)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise ReportError(str(path), f"the report cannot be written: {error.strerror}", hint) from error
