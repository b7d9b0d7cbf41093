"""Pages by Jinja: the shipped template, or the company's own; whatever is printed is escaped."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from greengate import shipped
from greengate.errors import Place, ReportError
from greengate.report import escaping
from greengate.report.quarterly import page as values

NAME: Final = "quarterly.html.j2"
NAMES: Final = (NAME, "quarterly.css")
SHIPPED: Final = "shipped/"
"""What the names of shipped templates begin with, for a template that extends one of its own name."""

MOST: Final = 4_000
"""Characters of a text that a page shows; JSON has all of it."""

_REFUSED_FILTERS = ("safe", "tojson", "urlize", "xmlattr")  # these would mark text as harmless that is not
_WRONG = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


def filled(page: values.Page, folder: Path | None = None) -> str:
    """Fill the template in: that of a folder where it has one, else the shipped one.

    Raises:
        ReportError: The template has a mistake, or cannot be read.
    """
    loader = _Loader(folder)
    try:
        return _environment(loader).get_template(NAME).render(page=page)
    except TemplateSyntaxError as error:
        place = Place(error.filename or error.name or NAME, error.lineno, 1)
        raise ReportError(place, error.message or "a syntax error") from error
    except TemplateNotFound as error:
        hint = f"known here: `{SHIPPED}{NAME}`, `{SHIPPED}quarterly.css`, and the files of the folder"
        raise ReportError(_place(error, loader), f"there is no template `{error.name}`", hint) from error
    except _WRONG as error:
        told = str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        raise ReportError(_place(error, loader), told.replace(f"{values.__name__}.", "")[:300], _hint(told)) from error


class _Loader(BaseLoader):
    """Looks in the company's folder first, and in the shipped one for what is not there or is asked for as shipped."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.read: list[str] = []

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Return the text of a template and what it is called in messages."""
        del environment
        where, text = self._found(template)
        self.read.append(where)
        return text, where, lambda: True

    def _found(self, name: str) -> tuple[str, str]:
        plain = name.removeprefix(SHIPPED)
        if plain in ("", ".", "..") or "/" in plain or "\\" in plain:
            raise TemplateNotFound(name)
        own = self._folder / plain if self._folder and plain == name else None
        try:
            if own and own.is_file():
                return str(own), own.read_text(encoding="utf-8")
            return f"reports/{plain}", (shipped.reports() / plain).read_text(encoding="utf-8")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise TemplateNotFound(name) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ReportError(str(own or name), f"the template cannot be read: {error}") from error


def _hint(told: str) -> str:
    """Name what there is of the kind of value that a mistake is about."""
    found = re.match(rf"'{re.escape(values.__name__)}\.(\w+) object'", told)
    name = found[1] if found else "Page"
    return f"a {name} has: {', '.join(one.name for one in fields(getattr(values, name)))}"


def _place(error: BaseException, loader: _Loader) -> Place:
    """Find a mistake in a traceback, whose lines Jinja has already mapped back to the templates."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in loader.read]
    return Place(frames[-1].filename, frames[-1].lineno or 0, 1) if frames else Place(NAME)


def _environment(loader: BaseLoader) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=True,
        finalize=_seen,
        keep_trailing_newline=True,
        loader=loader,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["shortened"] = escaping.shortened
    environment.filters["lines"] = _lines
    for name in _REFUSED_FILTERS:
        del environment.filters[name]
    return environment


def _seen(value: Any) -> Any:
    """Show what cannot be seen as its escape, and cut what is too long; what is markup already stays."""
    if isinstance(value, Markup | StrictUndefined) or not isinstance(value, str):
        return value
    return escaping.visible(escaping.shortened(value, MOST))


def _lines(value: str) -> Markup:
    """Keep the lines of a text."""
    return Markup("\n").join(escape(escaping.visible(line)) for line in escaping.shortened(value, MOST).split("\n"))
