"""The bundled fonts: as styles for a page, and as files for what draws charts."""

from __future__ import annotations

import base64
import io
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from greengate import shipped
from greengate.errors import MissingExtra

FACES: Final = {
    "Inter-Regular.woff2": ("Inter", 400),
    "Inter-SemiBold.woff2": ("Inter", 600),
    "JetBrainsMono-Regular.woff2": ("JetBrains Mono", 400),
}


def styles() -> str:
    """Return the style sheet that has the fonts in it."""
    return "\n".join(
        f"@font-face{{font-family:'{family}';font-weight:{weight};font-style:normal;font-display:block;"
        f"src:url(data:font/woff2;base64,{base64.b64encode(_font(name)).decode()}) format('woff2')}}"
        for name, (family, weight) in FACES.items()
    )


@cache
def folder() -> Path:
    """Return a folder with the fonts as TrueType, which is there until the process ends."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - an extra

    made = Path(_kept().name)
    for name in FACES:
        font = TTFont(io.BytesIO(_font(name)))
        font.flavor = None
        font.save(made / f"{name.removesuffix('.woff2')}.ttf")
    return made


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="greengate-fonts-")


@cache
def _font(name: str) -> bytes:
    """Read a font.

    Raises:
        MissingExtra: This installation lacks it.
    """
    try:
        return (shipped.reports() / "fonts" / name).read_bytes()
    except OSError as error:
        hint = "install it again: pip install --force-reinstall 'greengate-ci[reports]'"
        raise MissingExtra(f"reports/fonts/{name}", "this installation lacks a font of the report", hint) from error
