"""The ledger as a Markdown document, for job summaries and comments, by a Jinja template that users can replace.

Whatever a template prints is escaped, without being asked: text of models, policies and messages cannot become
Markdown, HTML, a mention or a command. A template's own text is taken as it stands.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from greengate import shipped
from greengate.errors import Place, ReportError
from greengate.report import escaping
from greengate.report.account import Account
from greengate.report.document import Document, document
from greengate.report.excerpt import excerpts
from greengate.verdict import Outcome

NAME = "markdown"

MOST = 65_000
"""GitHub refuses a comment of more than 65,536 characters; the rest is left for a marker and a link."""

SIGNS = {
    Outcome.PASSED: "✅",
    Outcome.WARNED: "⚠️",
    Outcome.WAIVED: "☑️",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.ERRORED: "💥",
    Outcome.FAILED: "❌",
}
# These would mark text as harmless that is not.
_REFUSED_FILTERS = ("safe", "tojson", "urlize", "xmlattr")
_WRONG = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


class _Words(str):
    """Text that others wrote; even where Jinja escapes by itself, it is escaped for Markdown."""

    __slots__ = ()

    def __html__(self) -> str:
        return escaping.markdown(self)


def render(account: Account, template: str | None = None, *, where: str = "", most: int = MOST) -> str:
    """Write the ledger, leaving out what matters least until it is not longer than `most` characters.

    Args:
        account: What is told.
        template: The text of a Jinja template, or None for the shipped one.
        where: The template's file, for messages about it.
        most: Length that the document must not exceed.

    Raises:
        ReportError: The template has a mistake, or is too long even with nothing to tell.
    """
    source = _shipped() if template is None else template
    place = where or ("reports/ledger.md.j2" if template is None else "the template")
    whole = document(account)
    text = ""
    for told in excerpts(whole):
        text = _filled(source, place, told)
        if len(text) <= most:
            return text
    raise ReportError(
        place,
        f"the document has {len(text):,} characters with no model in it; at most {most:,} can be posted",
        "shorten the template",
    )


def _shipped() -> str:
    return (shipped.reports() / "ledger.md.j2").read_text(encoding="utf-8")


def _filled(source: str, place: str, told: Document) -> str:
    variables = {**_wrapped(told), "signs": {str(outcome): sign for outcome, sign in SIGNS.items()}}
    try:
        return _environment().from_string(source).render(variables)
    except TemplateSyntaxError as error:
        raise ReportError(Place(place, error.lineno, 1), error.message or "a syntax error", "") from error
    except UndefinedError as error:
        hint = f"known at the top: {', '.join(sorted(variables))}; a model has: {', '.join(_fields(told))}"
        raise ReportError(Place(place, _line(error), 1), error.message or "an unknown name", hint) from error
    except _WRONG as error:
        raise ReportError(Place(place, _line(error), 1), f"{type(error).__name__}: {error}", "") from error


def _fields(told: Document) -> Iterator[str]:
    return iter(sorted({key for model in told["models"] for key in model}))


def _line(error: BaseException) -> int:
    """Find the template's line in a traceback, which Jinja has already mapped back to it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return (lines[-1] if lines else 0) or 0


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=True,  # so that what a macro made is not escaped twice
        finalize=_escaped,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(dict.fromkeys(("e", "escape", "forceescape"), _escaped))
    for name in _REFUSED_FILTERS:
        del environment.filters[name]
    return environment


def _escaped(value: Any) -> Any:
    if isinstance(value, Markup | StrictUndefined):
        return value
    return Markup(escaping.markdown("" if value is None else str(value)))  # noqa: S704 - it is escaped here


def _wrapped(value: Any) -> Any:
    if isinstance(value, str):
        return _Words(value)
    if isinstance(value, Mapping):
        return {key: _wrapped(item) for key, item in value.items()}
    return [_wrapped(item) for item in value] if isinstance(value, list) else value
