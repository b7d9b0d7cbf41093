"""What does not fit a document's shape, in plain words: pydantic's findings, each with its place, problem and hint."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from greengate.errors import nearest
from greengate.ledger import signing
from greengate.packs import documents, report_file
from greengate.packs.sources import Source
from greengate.packs.yaml_text import KeyPath

Shape = TypeVar("Shape", bound=documents.Shape)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "amount_type": "an amount, such as `40 ms`",
    "scalar_type": "a single value",
}
_PATTERNS = {
    documents.SLUG: "lower-case letters, digits and single hyphens, such as `energy-cap`",
    documents.IDENTIFIER: "letters, digits, `.`, `_` and `-`, such as `W-2026-014`",
    documents.DATE: "a date such as `2026-12-31`",
    documents.DIGEST: "`sha256:` and 64 hexadecimal digits in lower case",
    documents.SHA256: "64 hexadecimal digits, as `greengate factors verify` prints them",
    documents.QUALIFIED: "`policy/rule`, such as `prod-nlp/energy-cap`",
    signing.PUBLIC: "`ed25519:` and 44 characters, as `greengate runner keygen` prints it",
    report_file.ACCENT: "a colour such as `#1a7f4b`, in quotation marks",
    report_file.CURRENCY: "three capital letters such as `EUR`",
    r"\S": "some text",
}
_MISSING = {
    "apiVersion": ("", f"write `apiVersion: {documents.API_VERSION}`"),
    "expires": ("`expires` is missing: a waiver must end", "give its last day, such as `expires: 2026-12-31`"),
    "reason": ("`reason` is missing: a waiver must say why", 'such as `reason: "long-context head"`'),
    "granted_by": ("`granted_by` is missing: somebody must answer for a waiver", 'such as `granted_by: "@acme/green"`'),
    "digest": ("", ""),
    "enforce": ("", "advisory warns, soft fails unless waived, hard fails whatever anybody says"),
}


def shaped(
    model: type[Shape], value: object, source: Source, path: KeyPath = (), told: Container[KeyPath] = ()
) -> Shape | None:
    """Read a value as a document or a part of one; complain of what does not fit and return None.

    Args:
        model: The shape it should have.
        value: What was written, as plain values.
        source: Where complaints go.
        path: Where in the source the value stands.
        told: Paths of which something has been said already.
    """
    try:
        return model.model_validate(value)
    except ValidationError as bad:
        for where, problem, hint, key in _told(model, value, bad):
            if (*path, *where) not in told:
                source.complain((*path, *where), problem, hint, key=key)
    return None


def fitting(model: type[Shape], value: object) -> Shape | None:
    """Read a value as a part of a document, or return None where complaints have been made already."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def remains(model: type[Shape], value: object, assumed: Mapping[str, object]) -> Shape | None:
    """Read what is left of a mapping without the keys that do not fit, so that the others can still be looked at.

    Args:
        model: The shape it should have.
        value: What was written, as plain values.
        assumed: What to take for required keys that are missing or do not fit.
    """
    try:
        return model.model_validate(value)
    except ValidationError as bad:
        wrong = {error["loc"][0] for error in bad.errors(include_url=False) if error["loc"]}
    if not isinstance(value, dict):
        return None
    return fitting(model, {**assumed, **{key: inner for key, inner in value.items() if key not in wrong}})


def _told(model: type[BaseModel], value: object, bad: ValidationError) -> Iterator[tuple[KeyPath, str, str, bool]]:
    errors = bad.errors(include_url=False)
    meant = {
        (*error["loc"][:-1], word)
        for error in errors
        if error["type"] == "extra_forbidden"
        for word in _keys(model, error["loc"][:-1])
        if f"`{word}`?" in nearest(str(error["loc"][-1]), _keys(model, error["loc"][:-1]))
    }
    for error in errors:
        if error["type"] == "missing" and error["loc"] in meant:
            continue  # it is there, misspelt
        yield _mistake(model, value, error)


def _mistake(model: type[BaseModel], value: object, error: Any) -> tuple[KeyPath, str, str, bool]:
    """Say one of pydantic's findings in our words: the path, a problem, a hint, and whether the key is meant."""
    path, loc = _written(value, error["loc"]), error["loc"]
    if error["type"] == "extra_forbidden":
        return path, f"unknown key `{loc[-1]}`", nearest(str(loc[-1]), _keys(model, loc[:-1])), True
    if error["type"] == "missing":
        problem, hint = _MISSING.get(str(loc[-1]), ("", ""))
        return path, problem or f"`{loc[-1]}` is missing", hint or _help(model, loc), False
    if error["type"] == "empty":
        return path, f"`{loc[-1]}` has no value", "give it one, or leave the key out", True
    if error["type"] == "too_short":
        return path, f"{_found(error['input'])} is empty", "fill it, or leave the key out", False
    expected, hint = _expected(model, error)
    return path, f"found {_found(error['input'])}, expected {expected}", hint, False


def _expected(model: type[BaseModel], error: Any) -> tuple[str, str]:
    """Say what a value should have been, with a hint."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "literal_error":
        words = _choices(model, error["loc"])
        near = nearest(str(given), words)
        return _either(words), near if near.startswith("did") else ""
    if kind == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]], ""
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}", ""
    number = isinstance(given, int | float) and not isinstance(given, bool)
    return _EXPECTED[kind], "put it in quotes" if kind == "string_type" and number else ""


def _written(value: object, loc: tuple[str | int, ...]) -> KeyPath:
    """Leave out the steps of a location that pydantic adds for its own sake."""
    path: list[str | int] = []
    for step in loc:
        known: Any = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
        if step in known:
            value = known[step]
            path.append(step)
    return tuple(path)


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping" if value else "the mapping"
    if isinstance(value, list):
        return "a list" if value else "the list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    text = str(value)
    return f"`{text if len(text) <= 60 else text[:60] + '...'}`" if text.strip() else "empty text"


def _either(words: list[str]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _help(model: type[BaseModel], loc: tuple[str | int, ...]) -> str:
    shape = _shape(model, loc[:-1])
    field = next((f for name, f in (shape.model_fields if shape else {}).items() if (f.alias or name) == loc[-1]), None)
    return field.description or "" if field else ""


def _keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    shape = _shape(model, loc)
    return [field.alias or name for name, field in shape.model_fields.items()] if shape else []


def _choices(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    kind: Any = _annotation(model, loc)
    return [word for word in _leaves(kind) if isinstance(word, str)]


def _leaves(kind: Any) -> Iterator[Any]:
    arguments = get_args(kind)
    if not arguments:
        yield kind
    for argument in arguments:
        yield from _leaves(argument)


def _shape(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    return next(
        (leaf for leaf in _leaves(_annotation(model, loc)) if isinstance(leaf, type) and issubclass(leaf, BaseModel)),
        None,
    )


def _annotation(model: type[BaseModel], loc: tuple[str | int, ...]) -> Any:
    """Follow a location through the shapes; steps through lists and mappings lead to what they hold."""
    kind: Any = model
    for step in loc:
        shape = next((leaf for leaf in _leaves(kind) if isinstance(leaf, type) and issubclass(leaf, BaseModel)), None)
        fields = {field.alias or name: field for name, field in shape.model_fields.items()} if shape else {}
        if step in fields:
            kind = fields[str(step)].annotation
    return kind
