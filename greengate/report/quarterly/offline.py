"""A page that was made by a template is looked at: it loads nothing, runs nothing, and can be opened anywhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from greengate.errors import ReportError

_ACTIVE: Final = {"applet", "base", "embed", "form", "frame", "iframe", "object", "portal", "script"}
_LOADING: Final = {"background", "cite", "data", "formaction", "poster", "src", "srcset", "xlink:href"}
_LINKS: Final = ("#", "http://", "https://", "mailto:")
_LOADED = re.compile(r"url\(\s*['\"]?\s*([^)'\"]*)|@import\s*['\"]?([^;'\"]*)", re.IGNORECASE)


def refuse_loading(page: str, place: str) -> None:
    """Make sure that a page is whole in itself.

    Raises:
        ReportError: It loads or runs something.
    """
    looked = _Looked()
    looked.feed(page)
    looked.close()
    if looked.found:
        hint = "write it into the page, as a style or a `data:` address"
        raise ReportError(place, f"the page would {looked.found[0]}, and a report opens offline and runs nothing", hint)


class _Looked(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element and its attributes."""
        self._style = tag == "style"
        if tag in _ACTIVE:
            self.found.append(f"have a `{tag}`")
        for name, value in attrs:
            self._attribute(tag, name, (value or "").strip())

    def handle_data(self, data: str) -> None:
        """Look at styles."""
        if self._style:
            self._styles(data)

    def handle_endtag(self, tag: str) -> None:
        """Leave a style."""
        self._style = self._style and tag != "style"

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            self.found.append(f"run `{value[:60]}`")
        elif name == "href" and tag == "a":
            if not value.lower().startswith(_LINKS):
                self.found.append(f"link to `{value[:60]}`")
        elif (name in _LOADING or name == "href") and not value.startswith(("data:image/", "data:font/", "#")):
            self.found.append(f"load `{value[:60]}`")
        elif name == "http-equiv" and value.lower() == "refresh":
            self.found.append("send its reader to another page")
        elif name == "style":
            self._styles(value)

    def _styles(self, text: str) -> None:
        for found in _LOADED.finditer(text):
            target = (found[1] or found[2] or "").strip()
            if not target.startswith(("data:image/", "data:font/", "#")):
                self.found.append(f"load `{target[:60]}`")
