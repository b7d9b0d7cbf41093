"""Strict YAML: bytes in, plain values out, each with its place, or every mistake of the file at once.

Scalars follow the core schema of YAML 1.2, so `on`, `12:30` and `2026-12-31` are text. What could make two readers see
two things is refused: duplicate keys, merge keys, tags, keys that are no text, figures that are not finite. An alias
counts as often as it is used, so that a small file cannot grow into a large value.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeAlias

import yaml

from greengate.errors import GreengateError, Place, PolicyError, Problems, nearest
from greengate.packs.yaml_core import UnfitNumberError, resolve
from greengate.packs.yaml_syntax import plain_words

MAX_BYTES = 2**20
MAX_DOCUMENTS = 100
MAX_DEPTH = 32
MAX_NODES = 10_000

KeyPath: TypeAlias = tuple[str | int, ...]
Spot: TypeAlias = tuple[int, int]  # line and column, 1-based

_PLAIN_KEY = re.compile(r"\w[\w-]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

# Control characters, halves of surrogate pairs, non-characters, a byte order mark inside the text, and the line breaks
# of YAML 1.1 that editors do not count as lines.
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class _Node:
    """A value, where it and its parts stand, and how large it is with all aliases written out."""

    value: Any
    spot: Spot
    parts: Mapping[str | int, _Node] = field(default_factory=dict)
    keys: Mapping[str, Spot] = field(default_factory=dict)
    size: int = 1
    height: int = 0
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML file: its plain value, and the place of everything in it."""

    value: Any
    _file: str
    _root: _Node

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Return where the value at a path of keys and indices is written, or else its nearest ancestor that exists.

        Args:
            path: Keys and 0-based indices from the root, `("rules", 2, "max")`.
            key: Whether the key itself is meant, not its value.
        """
        node, spot, found = self._root, self._root.spot, 0
        for step in path:
            if step not in node.parts:
                break
            last = found + 1 == len(path)
            spot = node.keys[step] if key and last and isinstance(step, str) else node.parts[step].spot
            node, found = node.parts[step], found + 1
        return Place(self._file, *spot, path_text(path[:found]))


def path_text(path: KeyPath) -> str:
    """Write a path of keys and indices as people do: `rules[2].max_increase`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def parse(data: bytes, file: str, error: type[GreengateError] = PolicyError) -> list[Document]:
    """Read a YAML file into its documents, those without content left out.

    Args:
        data: The file's bytes, UTF-8.
        file: What messages call the file.
        error: The class of each problem found.

    Raises:
        Problems: Every mistake that could be found, each of the class `error`.
    """
    composer = _Composer(_text(data, file, error), file, error)
    try:
        documents = composer.documents()
    except _StopReadingError:
        documents = []
    if composer.problems:
        raise Problems(composer.problems)
    return documents


def _text(data: bytes, file: str, error: type[GreengateError]) -> str:
    """Decode a file, or say why its bytes are not text."""
    if len(data) > MAX_BYTES:
        found = f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read"
        raise Problems([error(file, found, "split it, or check that it is the right file")])
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problems([error(file, "the file is written in UTF-16; UTF-8 was expected", "save it as UTF-8")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        place = Place(file, *_end_of(bad.object[: bad.start].decode()))
        found = f"byte 0x{bad.object[bad.start]:02x} is not UTF-8"
        raise Problems([error(place, found, "save the file as UTF-8")]) from bad
    if unwanted := _UNWANTED.search(text):
        place = Place(file, *_end_of(text[: unwanted.start()]))
        found = f"an invisible character, U+{ord(unwanted[0]):04X}, stands here"
        raise Problems([error(place, found, "remove it; the file must be plain UTF-8 text")])
    return text


def _end_of(text: str) -> Spot:
    lines = re.split(r"\r\n|\r|\n", text)
    return len(lines), len(lines[-1]) + 1


class _StopReadingError(Exception):
    """Reading on would tell nothing more; the reason is among the problems."""


class _Composer:
    """Turns the parser's events into nodes, and gathers what is wrong on the way.

    It works on events because the bounds must hold before a deep or large value exists.
    """

    def __init__(self, text: str, file: str, error: type[GreengateError]) -> None:
        self.problems: list[GreengateError] = []
        self._file = file
        self._error = error
        self._parser = yaml.SafeLoader(text)
        self._anchors: dict[str, _Node | None] = {}  # None while the anchored value is still being read
        self._nodes = 0

    def documents(self) -> list[Document]:
        documents: list[Document] = []
        count = 0
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            count += 1
            if count > MAX_DOCUMENTS:
                self._stop(_spot(event), (), f"the file has more than {MAX_DOCUMENTS} documents", "split it")
            self._anchors = {}
            first = self._next()
            root = self._node(first, (), 0)
            if not (isinstance(first, yaml.ScalarEvent) and root.plain and first.value == ""):
                documents.append(Document(root.value, self._file, root))
        return documents

    def _next(self) -> yaml.Event:
        try:
            event = self._parser.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as bad:
            line, column, problem, hint = plain_words(bad)
            self._stop((line, column), (), problem, hint)
        except (ValueError, OverflowError):  # PyYAML checks neither \U escapes nor the figures of %YAML
            mark = self._parser.get_mark()
            self._stop((mark.line + 1, mark.column + 1), (), "a character code or version that does not exist", "")
        assert isinstance(event, yaml.Event)
        return event

    def _node(self, event: yaml.Event, path: KeyPath, depth: int) -> _Node:
        """Read the value that begins with an event; `depth` collections enclose it."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        assert isinstance(event, yaml.NodeEvent | yaml.CollectionStartEvent)
        self._grow(1, event, path)
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = _shortened(tag.replace("tag:yaml.org,2002:", "!!"))
            hint = "leave it out; to get text, put the value in quotes"
            self._tell(_spot(event), path, f"the tag `{shown}` is not accepted", hint)
        anchor = event.anchor
        if anchor is not None:
            if anchor in self._anchors:
                self._tell(_spot(event), path, f"the anchor `&{anchor}` is given twice", "give each its own name")
            self._anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, path)
        else:
            if depth >= MAX_DEPTH:
                self._stop(_spot(event), (), f"more than {MAX_DEPTH} levels are nested", "write it flatter")
            mapping = isinstance(event, yaml.MappingStartEvent)
            node = self._mapping(event, path, depth + 1) if mapping else self._sequence(event, path, depth + 1)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, path: KeyPath, depth: int) -> _Node:
        name, spot = event.anchor or "", _spot(event)
        if name not in self._anchors:
            self._tell(spot, path, f"no anchor `&{name}` stands before `*{name}`", nearest(name, self._anchors))
            return _Node(None, spot)
        node = self._anchors[name]
        if node is None:
            self._tell(
                spot, path, f"`*{name}` stands inside the value that `&{name}` names", "a value cannot hold itself"
            )
            return _Node(None, spot)
        self._grow(node.size, event, path)
        if depth + node.height > MAX_DEPTH:
            self._stop(spot, path, f"with `*{name}` more than {MAX_DEPTH} levels are nested", "write it flatter")
        return replace(node, value=copy.deepcopy(node.value), spot=spot)

    def _sequence(self, start: yaml.Event, path: KeyPath, depth: int) -> _Node:
        items: list[_Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth))
        return _Node(
            value=[item.value for item in items],
            spot=_spot(start),
            parts=dict(enumerate(items)),
            size=1 + sum(item.size for item in items),
            height=1 + max((item.height for item in items), default=0),
        )

    def _mapping(self, start: yaml.Event, path: KeyPath, depth: int) -> _Node:
        parts: dict[str | int, _Node] = {}
        keys: dict[str, Spot] = {}
        size, height = 1, 0
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, path, depth)
            name = self._key(key, event, path, keys)
            part = self._node(self._next(), path if name is None else (*path, name), depth)
            size, height = size + key.size + part.size, max(height, key.height, part.height)
            if name is not None and name not in keys:
                parts[name], keys[name] = part, key.spot
        value = {name: part.value for name, part in parts.items()}
        return _Node(value, _spot(start), parts, keys, size, 1 + height)

    def _key(self, key: _Node, event: yaml.Event, path: KeyPath, keys: Mapping[str, Spot]) -> str | None:
        """Check a key against the rules and the keys before it; None where it cannot be one."""
        name = key.value
        if not isinstance(name, str):
            written = event.value if isinstance(event, yaml.ScalarEvent) else ""
            found = (
                f"the key `{_shortened(written)}` is not text" if written else "a key must be text, and this is none"
            )
            self._tell(key.spot, path, found, f'quote it: "{_shortened(written)}"' if written else "write `key: value`")
            return None
        if name == "<<" and key.plain:
            self._tell(key.spot, path, "merge keys (`<<`) are not accepted", "write the keys out")
            return None
        if name in keys:
            line, column = keys[name]
            found = f"the key `{_shortened(name)}` is given twice; first in line {line}, column {column}"
            self._tell(key.spot, (*path, name), found, "keep one of the two")
        return name

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> _Node:
        text, spot = event.value, _spot(event)
        if unwanted := _CONTROL.search(text):
            found = f"the text holds U+{ord(unwanted[0]):04X}, a character that cannot be shown"
            self._tell(spot, path, found, "leave the escape out")
        plain = bool(event.implicit[0])
        if not plain:
            return _Node(text, spot)
        try:
            value = resolve(text)
        except UnfitNumberError as bad:
            self._tell(spot, path, f"`{_shortened(text)}` is {bad}", "write a finite figure, or quote it if it is text")
            value = None
        return _Node(value, spot, plain=True)

    def _grow(self, nodes: int, event: yaml.Event, path: KeyPath) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            found = f"the file holds more than {MAX_NODES:,} values, aliases written out"
            self._stop(_spot(event), path, found, "split it, or use fewer aliases")

    def _tell(self, spot: Spot, path: KeyPath, problem: str, hint: str) -> None:
        self.problems.append(self._error(Place(self._file, *spot, path_text(path)), problem, hint))

    def _stop(self, spot: Spot, path: KeyPath, problem: str, hint: str) -> NoReturn:
        self._tell(spot, path, problem, hint)
        raise _StopReadingError


def _spot(event: yaml.Event) -> Spot:
    mark = event.start_mark
    assert mark is not None  # the parser marks every event; only hand-made ones have none
    return mark.line + 1, mark.column + 1


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
