"""A sheet of facts on a terminal: titles, and under each a column of names and a column of wrapped text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator

import click

from greengate.report.escaping import plain

_NARROW, _WIDE = 60, 110
_NAMES = 15  # columns

Rows = Iterable[tuple[str, str]]


def echo(title: str, rows: Rows, *, err: bool = False) -> None:
    """Print a title, and under it the rows that have something to say; `err` prints to standard error."""
    click.echo("\n".join([title, *_lines(rows)]), err=err)


def say(text: str) -> None:
    """Print a sentence that stands alone."""
    click.echo(textwrap.fill(plain(text), _width(), break_long_words=False, break_on_hyphens=False))


def _width() -> int:
    return min(max(shutil.get_terminal_size((80, 24)).columns, _NARROW), _WIDE)


def _lines(rows: Rows) -> Iterator[str]:
    width = _width()
    for name, text in rows:
        if text:
            yield textwrap.fill(
                plain(text),
                width,
                initial_indent=f"  {name:<{_NAMES - 3}} ",
                subsequent_indent=" " * _NAMES,
                break_long_words=False,
                break_on_hyphens=False,
            )
