"""What the meters at the wall share: what a reading must be, why there is none, and how both are told."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from time import monotonic
from typing import Any

from greengate.ports import Fault, MeterFacts, NotHere, Sample

DOMAIN = "host"
WHAT = "everything that draws through this meter"
JOULES_A_WH = 3600.0
BMC_GAIN = 0.05
BMC_INTERVAL_S = 1.0
BMC_SOURCE = "ENERGY STAR Computer Servers 3.0, section 5: input power within 5%, at best 10 W a power supply"
BMC_EXCLUDES = "what draws through another power supply than this controller's, such as other machines and the network"
_WINDOW_S = 120.0
_RENEWALS = 10
_MOST_W = 100e3  # no single server draws as much
# A counter is read where its steps are at most this: 0.3% of what 100 W use in the shortest window.
_FINE_J = 36.0


class NoReading(Exception):
    """A look at a meter that gave nothing: the name of the `Fault`, what happened, and what may help."""

    def __init__(self, name: str, words: str, hint: str = "") -> None:
        self.name = name
        self.words = words
        self.hint = hint
        super().__init__(words)


class NotThere(NoReading):
    """The device knows nothing under that name."""


def sampled(look: Callable[[], float]) -> Sample | Fault:
    """Look once; the sample is dated half-way between asking and the answer."""
    asked_s = monotonic()
    try:
        value = look()
    except NoReading as none:
        return Fault(none.name, none.words, monotonic())
    return Sample((asked_s + monotonic()) / 2, {DOMAIN: value})


def probed(find: Callable[[], MeterFacts]) -> MeterFacts | NotHere:
    """Look for a meter; without a reading it is not here."""
    try:
        return find()
    except NoReading as none:
        return NotHere(none.words, none.hint)


def shortest_window_s(period_s: float) -> float:
    """Return the shortest window that means something: 120 s, or ten renewals where those take longer."""
    return max(_WINDOW_S, _RENEWALS * period_s)


def given(answer: Any, *path: str | int) -> Any:
    """Follow keys and indices into JSON; None where it is built otherwise."""
    for step in path:
        try:
            answer = answer[step]
        except (KeyError, IndexError, TypeError):
            return None
    return answer


def number(value: object, where: str) -> float:
    """Read a finite number.

    Raises:
        NoReading: It is none.
    """
    if value is None:
        raise NoReading("device-error", f"{where} has no value to give (null)")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise NoReading("malformed", f"{where} gives {_shown(value)}, expected a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise NoReading("not-finite", f"{where} gives {_shown(value)}, which is no finite number")
    return found


def watts(value: object, where: str, scale: float = 1.0) -> float:
    """Read a power, in W after scaling; what is 0 or less is for `greengate.measure.metering` to name.

    Raises:
        NoReading: It is no number, or more than a machine can draw.
    """
    found = number(value, where) * scale
    if found > _MOST_W:
        raise NoReading("wrong-unit", f"{where} gives {found:g} W, more than a machine draws: it is in another unit")
    return found


def refuse_idle(power_w: float, where: str) -> None:
    """Refuse a meter that shows no power, while this machine draws some.

    Raises:
        NoReading: It shows 0 W or less.
    """
    if power_w <= 0:
        hint = "look what is plugged into it, and which way round"
        raise NoReading("device-error", f"{where} gives {power_w:g} W, while this machine draws some", hint)


def last_place(value: object) -> float:
    """Return the last decimal place that a number in JSON was written with, as 0.001 for `3.250`."""
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    try:
        return float(10.0**exponent) if isinstance(exponent, int) else 1.0
    except OverflowError:
        return math.inf


def fine(step_j: float) -> bool:
    """Tell whether an energy counter has steps small enough to be read instead of the power."""
    return step_j <= _FINE_J * (1 + 1e-9)


def _shown(value: object) -> str:
    text = str(value)
    printable = "".join(sign if sign.isprintable() else "?" for sign in text[:40])
    return f"`{printable}{'...' if len(text) > 40 else ''}`"
