"""Text that others wrote (names, messages, reasons, paths), made fit to be shown: never obeyed, never endless."""

from __future__ import annotations

import re
import unicodedata

MOST = 400

# Control, format (bidi overrides, zero width), surrogate, private-use and line or paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SPACES = re.compile(r"\s+")
_COMMANDS = re.compile(r":(?=:)|##(?=\[)")  # ::error:: and ##[error], which a job's log would obey
_MARKED = re.compile(  # signs that mean something anywhere
    r"[&>\"'`*~\\\[\]|{}#$!^@]|_(?![^\W_])|(?<![^\W_])_|:(?=[:/])|(?<=www)\.|<(?![=\s\d])"
    r"|^(?:[-+=]+(?=\s|$)|\d+[.)](?=\s|$)|/)"  # and those that do so at the start of a line
)
_REFERRING = re.compile(
    r"[@#!$%~^&](?=[\w\"])|:(?=(?!\d\d:)[\w+-]+:|(?!\d\dZ?$)[\w+-]+$)|/(?=/)|(?<=www)\.(?=\w)"
    r"|\b[Gg][HhLl]-(?=\d)|\[(?=[a-z_]+:)"  # GH-12, and GitLab's [vulnerability:12]
)
_ZERO_WIDTH = "&#8203;"
_BREAK = "<wbr>"
_LONG = re.compile(r"[^\s-]{34,}")  # what has no place to break, and would make a table wider than a phone
_BREAKS = re.compile(r"[/_.,:;](?=.)|.{64}(?=.)")
_FENCES = re.compile(r"`{3,}")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._-]+(?::\d+)?(?:/[A-Za-z0-9._~/?=&%+#-]*)?", re.ASCII)


def visible(text: str) -> str:
    """Write the text on one line; a character that cannot be seen is shown as its escape, as in Python's strings."""
    return _seen(_SPACES.sub(" ", text))


def _seen(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(escaped(mark) if unicodedata.category(mark) in _UNSEEN else mark for mark in line)


def escaped(mark: str) -> str:
    """Write a sign as its escape, as in Python's strings."""
    return mark.encode("ascii", "backslashreplace").decode() if ord(mark) > 127 else f"\\x{ord(mark):02x}"


def shortened(text: str, most: int = MOST) -> str:
    """Cut a text that is too long, and say how much of it is gone."""
    text = text.strip()
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def plain(text: str, most: int = MOST) -> str:
    """Fit a text for a terminal or a job's log: one line, nothing unseen, no workflow command, not too long."""
    return _COMMANDS.sub(lambda found: f"{found[0]} ", visible(shortened(text, most)))


def markdown(text: str, most: int = MOST) -> str:
    """Fit a text for any place in a Markdown document: what it says is shown, and nothing of it is obeyed.

    Entities keep a character from being Markdown or HTML, but forges look for @mentions, #references and :emoji: after
    they were decoded; a zero-width space behind the sign keeps it from being one. Long words get places to break.
    """
    wrapped = _LONG.sub(
        lambda found: _BREAKS.sub(lambda part: f"{part[0]}\1", found[0]), visible(shortened(text, most))
    )
    broken = _REFERRING.sub(lambda found: f"{found[0]}\0", wrapped)
    return _MARKED.sub(_entities, broken).replace("\0", _ZERO_WIDTH).replace("\1", _BREAK)


def _breakable(text: str) -> str:
    return _LONG.sub(lambda word: _BREAKS.sub(lambda part: f"{part[0]}\1", word[0]), text)


def fenced(text: str, language: str = "", most: int = 4000) -> str:
    """Fit a text of several lines into a Markdown code block of its own, which nothing in it can end."""
    lines = [_seen(line) for line in shortened(text, most).split("\n")]
    fence = "`" * max(3, *(len(run) + 1 for line in lines for run in _FENCES.findall(line)), 0)
    return "\n".join(("", "", f"{fence}{language if language.isalnum() else ''}", *lines, fence, ""))


def address(text: str) -> str:
    """Return a web address that can stand in a link as it is, or nothing."""
    return text if len(text) <= MOST and _ADDRESS.fullmatch(text) else ""


def _entities(found: re.Match[str]) -> str:
    return "".join(f"&#{ord(mark)};" for mark in found[0])
