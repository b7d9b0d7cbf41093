"""The company's accent colour, and what of it can be read on light and on dark paper (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from greengate.errors import UsageError

LIGHT: Final = ("#ffffff", "#f4f7f5")
DARK: Final = ("#101613", "#19211d")
"""Paper and panels that text stands on, as in `reports/quarterly.css`."""
LEAST: Final = 4.5
"""The least contrast of text with what is behind it."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_STEPS = 50

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Accent:
    """An accent: as it was given, for areas without text, and as it can be read on light and on dark."""

    stripe: str
    on_light: str
    on_dark: str


def accent(text: str) -> Accent:
    """Read a colour, and darken or lighten it for text as little as it takes to be read.

    Raises:
        UsageError: It is no colour.
    """
    if not _COLOUR.fullmatch(text):
        raise UsageError("accent", f"`{text[:40]}` is no colour", "write `#rrggbb`, for example `#1a7f4b`")
    return Accent(text.lower(), _readable(text, LIGHT, (0, 0, 0)), _readable(text, DARK, (1, 1, 1)))


def contrast(one: str, other: str) -> float:
    """Tell the contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _readable(text: str, behind: tuple[str, ...], towards: Rgb) -> str:
    steps = (_hex(_between(_rgb(text), towards, step / _STEPS)) for step in range(_STEPS + 1))
    return next(colour for colour in steps if all(contrast(colour, one) >= LEAST for one in behind))


def _between(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(text: str) -> Rgb:
    return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255


def _hex(colour: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)
