"""Pictures of static costs: which operators they come from, and which of them grew.

Drawn by Vega-Altair, as SVG or PNG.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from greengate.errors import MissingExtra, UsageError
from greengate.report.escaping import plain

FORMATS: Final = (".svg", ".png")
_COLOURS: Final = {"baseline": "#b8c4bb", "candidate": "#2e7d4f", "": "#2e7d4f"}
_LABEL = 44  # characters
_WIDTH = 560


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is of, "baseline", "candidate" or "" where there is one side alone, and how long it is."""

    label: str
    side: str
    amount: float


def refuse_unable(path: Path, option: str = "--picture") -> None:
    """Make sure that a picture can be drawn, before anything is counted for it.

    Raises:
        UsageError: Its name ends in no format that can be drawn.
        MissingExtra: What draws it is not installed.
    """
    if path.suffix not in FORMATS:
        raise UsageError(option, f"`{path.name}` is no picture", f"end its name with {' or '.join(FORMATS)}")
    missing = [name for name in ("altair", "vl_convert") if importlib.util.find_spec(name) is None]
    if missing:
        words = f"{' and '.join(missing)} must be installed to draw it"
        raise MissingExtra(option, words, "pip install 'greengate-ci[pictures]'")


def draw(bars: Sequence[Bar], suffix: str, *, title: str, subtitle: str, axis: str) -> bytes:
    """Draw horizontal bars, the first one on top.

    Args:
        bars: Those of one label stand beside one another.
        suffix: One of the `FORMATS`.
        title: What the picture shows.
        subtitle: What it comes to.
        axis: What the amounts are.

    Returns:
        What is to be written into the file.
    """
    import vl_convert  # noqa: PLC0415 - heavy, and an extra

    specification = _chart(bars, title, subtitle, axis).to_json()
    if suffix == ".png":
        return bytes(vl_convert.vegalite_to_png(specification, scale=2))
    return str(vl_convert.vegalite_to_svg(specification)).encode()


def _chart(bars: Sequence[Bar], title: str, subtitle: str, axis: str) -> Any:
    import altair as alt  # noqa: PLC0415 - heavy, and an extra

    sides = list(dict.fromkeys(bar.side for bar in bars))
    labels = distinct(bar.label for bar in bars)
    values = [{**asdict(bar), "label": labels[bar.label]} for bar in bars]
    colours = alt.Scale(domain=sides, range=[_COLOURS[side] for side in sides])
    legend = alt.Legend(title=None, orient="top") if any(sides) else None
    encoding = {
        "y": alt.Y("label:N", sort=list(labels.values()), title=None, axis=alt.Axis(labelLimit=0)),
        "x": alt.X("amount:Q", title=axis, axis=alt.Axis(format="~s", grid=True)),
        "color": alt.Color("side:N", scale=colours, legend=legend),
    }
    if len(sides) > 1:
        encoding["yOffset"] = alt.YOffset("side:N", sort=sides)
    words = alt.TitleParams(plain(title, 100), subtitle=plain(subtitle, 140), anchor="start")
    height = 18 * max(1, len(bars)) + 10
    return (
        alt.Chart({"values": values}, title=words, width=_WIDTH, height=height).mark_bar().encode(**encoding)
    ).configure_view(stroke=None)


def distinct(labels: Iterable[str], most: int = _LABEL) -> dict[str, str]:
    """Shorten labels to so many characters, so that they stay different."""
    found: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        whole, taken, number = plain(label), set(found.values()), 2
        cut = short = whole if len(whole) <= most else f"{whole[:most]}…"
        while short in taken:
            short, number = f"{cut} ({number})", number + 1
        found[label] = short
    return found
