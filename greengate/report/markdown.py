"""The ledger as a Markdown document, for job summaries and comments, by a Jinja template that users can replace.

Whatever a template prints is escaped, without being asked: text of models, policies and messages cannot become
Markdown, HTML, a mention or a command. A template's own text is taken as it stands.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from greengate import shipped
from greengate.errors import Place, ReportError
from greengate.report import escaping, excerpt
from greengate.report.account import Account
from greengate.report.document import Document, document
from greengate.verdict import Outcome

NAME = "markdown"

MOST = 65_000
"""GitHub refuses a comment of more than 65,536 characters; the rest is left for a marker and a link."""

_FEW = 25
_SHIPPED = "reports/ledger.md.j2"

SIGNS = {
    Outcome.PASSED: "✅",
    Outcome.WARNED: "⚠️",
    Outcome.WAIVED: "☑️",
    Outcome.INCONCLUSIVE: "❓",
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
    place = where or (_SHIPPED if template is None else "the template")
    return _fitted(_wrapped(document(account)), _Page(_shipped() if template is None else template, place, most))


def of_document(told: Document) -> str:
    """Write the ledger of an account that was laid out already, as the JSON report has it.

    Raises:
        ReportError: It is no such account.
    """
    return _fitted(_wrapped(told), _Page(_shipped(), _SHIPPED, MOST))


def _fitted(whole: Document, page: _Page) -> str:
    for told in excerpt.excerpts(whole):
        if text := page.fitting(told):
            return text
    count = len(whole["models"])
    text = _longest(lambda parts: page.fitting(excerpt.outline(whole, count, parts)), count)
    text = text or _longest(lambda rows: page.fitting(excerpt.outline(whole, rows, rows // 4)), count)
    if text is None:
        shortest = len(page.filled(excerpt.outline(whole, 0, 0)))
        raise ReportError(
            page.place,
            f"the document has {shortest:,} characters with no model in it; at most {page.most:,} can be posted",
            "shorten the template",
        )
    return text


def _longest(fitting: Callable[[int], str | None], most: int) -> str | None:
    """Find the text for the greatest number that fits, from small ones on; None if not even that for 0 does."""
    found, low, step = fitting(0), 0, 1
    while found is not None and step:
        text = fitting(low + step) if low + step <= most else None
        if text is None:
            most, step = min(most, low + step - 1), (min(most, low + step - 1) - low + 1) // 2
        else:
            found, low, step = text, low + step, min(2 * step, most - low - step)
    return found


@dataclass(frozen=True, slots=True)
class _Page:
    """A template, and how long what it makes may be."""

    source: str
    place: str
    most: int

    def fitting(self, told: Document) -> str | None:
        """Fill the template in; None if that is too long, which a few models often tell already."""
        if len(told["models"]) > 2 * _FEW and len(self.filled(excerpt.beginning(told, _FEW))) > self.most:
            return None
        text = self.filled(told)
        return text if len(text) <= self.most else None

    def filled(self, told: Document) -> str:
        """Fill the template in."""
        return _filled(self.source, self.place, told)


def _shipped() -> str:
    return (shipped.reports() / "ledger.md.j2").read_text(encoding="utf-8")


def _filled(source: str, place: str, told: Document) -> str:
    variables = {**told, "signs": {str(outcome): sign for outcome, sign in SIGNS.items()}}
    try:
        return _compiled(source).render(variables)
    except TemplateSyntaxError as error:
        raise ReportError(Place(place, error.lineno, 1), error.message or "a syntax error", "") from error
    except UndefinedError as error:
        hint = f"known at the top: {', '.join(sorted(variables))}; a model has: {', '.join(_fields(told))}"
        raise ReportError(Place(place, _line(error), 1), error.message or "an unknown name", hint) from error
    except _WRONG as error:
        raise ReportError(Place(place, _line(error), 1), f"{type(error).__name__}: {error}", "") from error


@lru_cache(maxsize=4)
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


def _fields(told: Document) -> Iterator[str]:
    return iter(sorted({key for model in told["models"] for key in model}))


def _line(error: BaseException) -> int:
    """Find the template's line in a traceback, which Jinja has already mapped back to it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return (lines[-1] if lines else 0) or 0


@cache
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
    environment.filters["fenced"] = _fenced
    environment.filters["linked"] = _linked
    for name in _REFUSED_FILTERS:
        del environment.filters[name]
    return environment


def _fenced(value: Any, language: str = "") -> Markup:
    """Show a text of several lines as code, whatever is in it."""
    return Markup(escaping.fenced(str(value), language))  # noqa: S704 - nothing gets out of the fence


def _linked(address: Any, words: Any) -> Any:
    """Link words to a web address, or leave them as they are where that is none."""
    target, told = escaping.address(str(address)), escaping.markdown(str(words))
    return Markup(f"[{told}]({target})" if target else told)  # noqa: S704 - both are escaped here


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
