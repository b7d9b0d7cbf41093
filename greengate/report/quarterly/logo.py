"""The company's logo, as a data URL that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from xml.etree import ElementTree as ET

from markupsafe import Markup

from greengate.errors import UsageError
from greengate.esg.document import Company

MOST = 1_000_000
"""Bytes of the largest logo; a page carries it whole."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_TYPES: Final = ("image/png", "image/svg+xml")
_ACTIVE: Final = {"script", "foreignobject", "iframe", "embed", "object", "audio", "video", "set", "animate"}
_INSIDE = re.compile(r"#[\w.-]+|data:image/(?:png|jpeg|gif|webp)[;,].*", re.DOTALL)
_LOADED = re.compile(r"url\(\s*['\"]?\s*([^)'\"]*)", re.IGNORECASE)


def data_url(company: Company) -> Markup:
    """Return the logo as a data URL; nothing where there is none.

    Raises:
        UsageError: It is no PNG or SVG, it is too large, or it runs or loads something.
    """
    if not company.logo:
        return Markup()
    try:
        data = base64.b64decode(company.logo, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("it is not written in base64") from error
    if company.logo_type not in _TYPES:
        raise _refused(f"`{company.logo_type[:40]}` is none of its types", f"known here: {', '.join(_TYPES)}")
    if len(data) > MOST:
        raise _refused(f"it has {len(data):,} bytes, and may have {MOST:,}")
    if company.logo_type == "image/png" and not data.startswith(_PNG):
        raise _refused("it is no PNG")
    if company.logo_type == "image/svg+xml":
        _check(data)
    told = f"data:{company.logo_type};base64,{base64.b64encode(data).decode()}"
    return Markup(told)  # noqa: S704 - digits and letters


def _check(data: bytes) -> None:
    """Refuse an SVG that runs or loads anything."""
    if b"<!doctype" in data.lower() or b"<!entity" in data.lower():
        raise _refused("it has a document type, which can load files", "save it as plain SVG")
    try:
        root = ET.fromstring(data)  # noqa: S314 - without a document type there are no entities
    except (ET.ParseError, ValueError) as error:
        raise _refused(f"it is no SVG: {error}") from error
    if _local(root.tag) != "svg":
        raise _refused(f"it is no SVG: its root is `{_local(root.tag)[:40]}`")
    for node in root.iter():
        _check_node(node)


def _check_node(node: ET.Element) -> None:
    name = _local(node.tag)
    if name.lower() in _ACTIVE:
        raise _refused(f"it has a `{name}`", "save it as plain SVG")
    for key, text in node.attrib.items():
        if _local(key).lower().startswith("on"):
            raise _refused(f"`{name}` has `{_local(key)}`, which runs a script", "save it as plain SVG")
        if _local(key) in {"href", "src"} and not _INSIDE.fullmatch(text.strip()):
            raise _refused(f"`{name}` loads `{text[:60]}`", "embed what it needs, or save it as plain SVG")
    styles = [*node.attrib.values(), (node.text or "") if name == "style" else ""]
    loaded = [found.strip() for text in styles for found in _LOADED.findall(text)]
    foreign = [found for found in loaded if not _INSIDE.fullmatch(found)]
    if foreign or any("@import" in text.lower() for text in styles):
        raise _refused(f"a style of it loads `{(foreign or ['another style'])[0][:60]}`", "embed what it needs")


def _local(name: object) -> str:
    return name.rpartition("}")[2] if isinstance(name, str) else "comment"


def _refused(problem: str, hint: str = "give a PNG or a plain SVG") -> UsageError:
    return UsageError("logo", problem, hint)
