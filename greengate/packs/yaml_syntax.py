"""What PyYAML's parser says is wrong, in words that name the remedy."""

from __future__ import annotations

import re

import yaml

# What the parser says, what we say, what helps; `{0}` is the first group.
_SYNTAX = (
    (r"found character '\\t'", "a tab stands where only spaces may indent", "indent with spaces"),
    (
        r"found character '(.)'",
        "text cannot start with `{0}` unless it is quoted",
        'put the whole text in quotes: "{0}..."',
    ),
    (
        r"mapping values are not allowed",
        "a `:` stands where no key can be",
        "quote text that contains `: `, or check the indentation of this line and the one above",
    ),
    (r"could not find expected ':'", "a key without its `:`", "write `key: value`, and indent continued text"),
    (r"found unexpected end of stream", "a quotation mark opened here is never closed", "close it"),
    (r"found unexpected document separator", "a quotation mark opened here is never closed", "close it before `---`"),
    (r"found unknown escape character '(.)'", "`\\{0}` is no escape", "use single quotes, where a backslash is itself"),
    (
        r"expected ',' or '\]'",
        "the list opened here is not closed by `]`, or lacks a comma",
        "separate its items by `,` and quote text that holds `, [ ]`",
    ),
    (
        r"expected ',' or '\}'",
        "the mapping opened here is not closed by `}}`, or lacks a comma",
        "separate its keys by `,` and quote text that holds `, {{ }}`",
    ),
    (
        r"expected <block end>",
        "this line does not belong to what stands above it",
        "give keys of one mapping, and items of one list, the same indentation",
    ),
    (
        r"expected the node content, but found '<(?:stream|document) (?:end|start)>'",
        "the text ends where a value should stand",
        "close every `[` and `{{`",
    ),
    (r"expected the node content, but found '(.+)'", "`{0}` stands where a value should", "quote it if it is text"),
    (r"expected alphabetic or numeric", "`*` and `&` are signs of YAML", 'to mean the character, quote it: "*"'),
)


def plain_words(error: yaml.MarkedYAMLError) -> tuple[int, int, str, str]:
    """Return line and column (1-based, 0 where unknown), a plain problem and a hint for what the parser found."""
    found = error.problem or error.context or "no reason given"
    mark = error.problem_mark or error.context_mark
    words, hint = f"this is not YAML: {found}", ""
    for pattern, our_words, our_hint in _SYNTAX:
        if match := re.search(pattern, found):
            words, hint = our_words.format(*match.groups()), our_hint.format(*match.groups())
            break
    opened = error.context_mark
    if "opened" in words and opened is not None:  # where it was opened is what the reader has to look at
        mark = opened
    return (mark.line + 1, mark.column + 1, words, hint) if mark else (0, 0, words, hint)
