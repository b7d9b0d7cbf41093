"""Figures, shares and money as they are written in a locale, by Babel; the words of the report stay English."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from greengate.errors import UsageError, nearest
from greengate.report.quarterly.rounding import LONGEST, held, number, places, rounded

if TYPE_CHECKING:
    from babel import Locale

_LONGEST = 40
_MOST = 6
_MARKS = dict.fromkeys((0x200E, 0x200F, 0x061C))
"""Marks of direction, which a line of English does not need around a number."""


def locale_of(word: str) -> Locale:
    """Return the locale of a word such as `de`, `pt_BR` or `en-GB`.

    Raises:
        UsageError: There is none.
    """
    from babel import Locale, UnknownLocaleError, localedata  # noqa: PLC0415 - an extra

    try:
        return Locale.parse(word.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError) as error:
        known, plain = localedata.locale_identifiers(), word[:_LONGEST].replace("-", "_")
        language = plain.partition("_")[0].lower()
        near = f"did you mean `{language}`?" if language in known else nearest(plain, known)
        hint = near if near.startswith("did") else "for example `en`, `en_GB`, `de` or `pt_BR`"
        raise UsageError("locale", f"`{word[:_LONGEST]}` is no locale", hint) from error


def unit_words(unit: str) -> str:
    """Write a unit as people do: `tCO2e` with its index, nothing for a bare number."""
    return "" if unit == "1" else unit.replace("CO2", "CO₂")


@dataclass(frozen=True, slots=True)
class Wording:
    """Writes numbers in one locale."""

    locale: Locale

    def figure(self, text: str, unit: str = "", low: str | None = None, high: str | None = None) -> str:
        """Write a figure with its unit, rounded as its interval supports; words as they are."""
        value = number(text)
        if value is None:
            return text
        return self._with_unit(value, unit, _places(value, unit, number(low or ""), number(high or "")))

    def interval(self, text: str, unit: str, low: str, high: str) -> str:
        """Write the ends of a figure's interval, each with as many places as the figure."""
        value, least, most = number(text), number(low), number(high)
        if value is None or least is None or most is None:
            return f"{low} to {high}"
        shown = _places(value, unit, least, most)
        first = self._with_unit(least, unit if unit == "%" or _is_money(unit) else "", shown)
        return f"{first} to {self._with_unit(most, unit, shown)}"

    def amounts(self, texts: Sequence[str], unit: str = "") -> list[str]:
        """Write the numbers of a column with as many places each; its head tells the unit, but not that of money."""
        kept = unit if _is_money(unit) else ""
        return self._alike(
            texts, lambda value: _places(value, unit), lambda value, shown: self._with_unit(value, kept, shown)
        )

    def shares(self, texts: Sequence[str]) -> list[str]:
        """Write parts of 1 as percent, to a tenth; what is smaller with two significant digits."""
        return self._alike(texts, lambda _: 1, lambda value, shown: self._percent(value * 100, shown))

    def _alike(
        self, texts: Sequence[str], needed: Callable[[Decimal], int], write: Callable[[Decimal, int], str]
    ) -> list[str]:
        """Write numbers with the places of the one that needs most, and what is none as it is."""
        values = [number(text) for text in texts]
        shown = min(_MOST, max((needed(value) for value in values if value), default=0))
        return [text if value is None else write(value, shown) for text, value in zip(texts, values, strict=True)]

    def confidence(self, share: float) -> str:
        """Write how sure an interval is."""
        percent = Decimal(repr(share)) * 100
        return self._percent(percent, 0 if percent == percent.to_integral_value() else 1)

    def count(self, amount: int) -> str:
        """Write a whole number."""
        return self._plain(Decimal(amount), 0)

    def for_charts(self) -> dict[str, Any]:
        """Return how numbers are written, in the form that D3 takes."""
        signs = self.locale.number_symbols["latn"]
        return {"decimal": signs["decimal"], "thousands": signs["group"], "grouping": [3], "currency": ["", ""]}

    def _with_unit(self, value: Decimal, unit: str, shown: int) -> str:
        if unit == "%":
            return self._percent(value, shown)
        if _is_money(unit):
            return self._applied(self.locale.currency_formats["standard"], rounded(value, shown), currency=unit)
        return f"{self._plain(value, shown)} {unit_words(unit)}".rstrip()

    def _plain(self, value: Decimal, shown: int) -> str:
        return self._applied(self.locale.decimal_formats[None], rounded(value, shown))

    def _percent(self, value: Decimal, shown: int) -> str:
        cut = rounded(value, shown)
        return self._applied(self.locale.percent_formats[None], cut.scaleb(-2), held(cut))

    def _applied(self, pattern: Any, value: Decimal, digits: int | None = None, currency: str | None = None) -> str:
        own = copy(pattern)
        own.frac_prec = (held(value) if digits is None else digits,) * 2
        with localcontext(prec=2 * LONGEST):
            told: str = own.apply(
                value, self.locale, currency=currency, currency_digits=False, decimal_quantization=False
            )
        return told.translate(_MARKS)


def _places(value: Decimal, unit: str, low: Decimal | None = None, high: Decimal | None = None) -> int:
    """Tell how many places are shown: of money those of its smallest unit, unless that is too many or too few."""
    shown = places(value, low, high)
    if not _is_money(unit) or (low is not None and high is not None and shown <= 0):
        return shown
    from babel.numbers import get_currency_precision  # noqa: PLC0415 - an extra

    digits: int = get_currency_precision(unit)
    return max(digits, shown) if value and abs(value) < 1 else digits


def _is_money(unit: str) -> bool:
    from babel.numbers import is_currency  # noqa: PLC0415 - an extra

    return bool(is_currency(unit))
