"""The company's report.yaml, read: every mistake in it at once, each with its place."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from greengate import periods
from greengate.errors import GreengateError, Problems, ProjectError, nearest
from greengate.esg.company import Assurer, Exclusion, Known, Said
from greengate.esg.decimals import exact, scaled
from greengate.esg.document import Company
from greengate.ledger.notes import Verifier
from greengate.ledger.sign_offs import public
from greengate.ledger.signing import Refused
from greengate.packs import report_file
from greengate.packs.mistakes import fitting, shaped
from greengate.packs.project_sheet import Sheet
from greengate.packs.yaml_text import KeyPath, parse
from greengate.periods import CIVIL, Calendar, Kind, NotAPeriod
from greengate.ports import Tree
from greengate.quantities import NotAQuantity, Share

NAME = "report.yaml"
MOST_LOGO = 2**19
_MONEY = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_PNG, _SVG = b"\x89PNG\r\n\x1a\n", re.compile(rb"<svg[\s>]")
_DEFAULT_LOOK = Company(name="")


def load_company(tree: Tree, name: str = NAME) -> Said:
    """Read a report.yaml of a tree.

    Raises:
        ProjectError: There is none, or it may not be read.
        Problems: Everything that is wrong with it, each with its place.
    """
    data = tree.read(name)
    if data is None:
        hint = "docs/quarterly.md shows how one is written"
        raise ProjectError(name, f"there is no such file in {tree.name}", hint)
    documents = parse(data, name, ProjectError)
    if len(documents) != 1:
        found = f"the file holds {len(documents)} documents; it is one" if documents else "the file is empty"
        raise ProjectError(name, found)
    digest = hashlib.sha256(data).hexdigest()
    problems: list[GreengateError] = []
    sheet = Sheet(name, digest, "Report", documents[0].value, documents[0], problems)
    shape = shaped(report_file.Report, documents[0].value, sheet)
    said = _Reading(sheet, tree).said(shape, digest)
    if problems:
        raise Problems(problems)
    assert said is not None
    return said


class _Reading:
    """One report.yaml while it is read."""

    def __init__(self, sheet: Sheet, tree: Tree) -> None:
        self._sheet = sheet
        self._tree = tree
        self._value: dict[str, Any] = sheet.value if isinstance(sheet.value, dict) else {}

    def said(self, shape: report_file.Report | None, digest: str) -> Said | None:
        """Check what shapes cannot tell; None where the shape did not fit."""
        calendar, zone = self._calendar()
        base_year = self._base_year(calendar)
        revenue = self._revenue(calendar)
        exclusions = self._exclusions()
        threshold = self._share(("threshold",), self._value.get("threshold"))
        omitted = self._omitted()
        look = self._look()
        models = self._models(shape)
        signers = self._signers()
        if shape is None:
            return None
        assurer = Assurer(shape.assurer.name, shape.assurer.level) if shape.assurer else None
        return Said(
            entity=shape.entity,
            consolidation=(shape.consolidation or "").replace("-", " ") if shape.consolidation != "equity-share"
            else "equity share",
            calendar=calendar, zone=zone, base_year=base_year, currency=shape.currency or "EUR", revenue=revenue,
            models=models,
            exclusions=exclusions,
            threshold=exact("0.05") if threshold is None else exact(threshold) / 100,
            training=shape.training or "", edge=shape.edge or "", omitted=omitted, assurer=assurer,
            signers=signers,
            look=look.model_copy(update={"name": shape.entity}), digest=digest,
            templates=(shape.look.templates or "") if shape.look else "",
        )  # fmt: skip

    def _complain(self, path: KeyPath, problem: str, hint: str = "", *, key: bool = False) -> None:
        self._sheet.complain(path, problem, hint, key=key)

    def _calendar(self) -> tuple[Calendar, str]:
        shape = fitting(report_file.Calendar, self._value.get("calendar"))
        if shape is None:
            return CIVIL, "UTC"
        try:
            name = shape.zone or "UTC"
            return Calendar(periods.zone(name), shape.first_month or 1), name
        except NotAPeriod as refused:
            self._complain(("calendar", "zone"), str(refused), refused.hint)
            return CIVIL, "UTC"

    def _base_year(self, calendar: Calendar) -> str:
        written = self._value.get("base_year")
        if isinstance(written, bool) or not isinstance(written, str | int):
            return ""
        try:
            found = periods.named(str(written), calendar)
        except NotAPeriod as refused:
            self._complain(("base_year",), str(refused), refused.hint)
            return ""
        if found.kind is not Kind.YEAR:
            self._complain(("base_year",), f"`{written}` is a {found.kind}, expected a year")
        return found.name

    def _revenue(self, calendar: Calendar) -> dict[str, str]:
        written = self._value.get("revenue")
        found: dict[str, str] = {}
        for name, amount in written.items() if isinstance(written, dict) else ():
            try:
                period = periods.named(name, calendar).name
            except NotAPeriod as refused:
                self._complain(("revenue", name), str(refused), refused.hint, key=True)
                continue
            text = f"{Decimal(repr(amount)):f}" if isinstance(amount, float) else str(amount)
            if isinstance(amount, bool) or not _MONEY.fullmatch(text):
                hint = "digits and a point, without a currency: 12500000"
                self._complain(("revenue", name), f"found `{amount}`, expected an amount of money", hint)
                continue
            found[period] = text
        return found

    def _exclusions(self) -> tuple[Exclusion, ...]:
        written = self._value.get("exclusions")
        found = []
        for index, value in enumerate(written if isinstance(written, list) else ()):
            shape = fitting(report_file.Excluded, value)
            share = self._share(("exclusions", index, "share"), value.get("share") if isinstance(value, dict) else None)
            if shape is not None:
                found.append(Exclusion(shape.what, shape.why, share or ""))
        whole = sum((exact(one.share) for one in found if one.share), exact("0"))
        if whole > 100:
            problem = f"together they leave out {scaled(int(whole * 10**6), 6)}%"
            self._complain(("exclusions",), problem, "a share is of the whole, which has 100%", key=True)
        return tuple(found)

    def _models(self, shape: report_file.Report | None) -> tuple[Known, ...]:
        found: list[Known] = []
        for index, one in enumerate(shape.models or () if shape else ()):
            known = Known(one.model, one.project or "")
            if known in found:
                self._complain(("models", index), f"`{one.model}` is there twice", "it would count twice")
            found.append(known)
        return tuple(found)

    def _share(self, path: KeyPath, written: object) -> str | None:
        """Read a share as a percentage; None where nothing is written, or it is none."""
        if written is None or isinstance(written, dict | list):
            return None
        try:
            found = exact(Share.parse(written).amount) * 100
        except NotAQuantity as refused:
            self._complain(path, str(refused), refused.hint)
            return None
        if not 0 <= found <= 100:
            self._complain(path, f"found `{written}`, expected from 0% to 100%")
        return scaled(round(found * 10**9), 9)

    def _omitted(self) -> dict[str, str]:
        written = self._value.get("omitted")
        found = {}
        for name, why in written.items() if isinstance(written, dict) else ():
            if len(name) != 1 or name not in report_file.SECTIONS:
                near = nearest(name.upper(), list(report_file.SECTIONS))
                self._complain(("omitted", name), f"there is no section `{name}`", near, key=True)
            elif name in "AM":
                why_not = "without it nobody knows whose figures these are, or what they rest on"
                self._complain(("omitted", name), f"section {name} cannot be left out", why_not, key=True)
            elif isinstance(why, str):
                found[name] = why
        return found

    def _signers(self) -> dict[str, tuple[str, ...]]:
        """Read whose key is which; one key is of one person, or four eyes would be two."""
        written = self._value.get("signers")
        found: dict[str, tuple[str, ...]] = {}
        for name, value in written.items() if isinstance(written, dict) else ():
            if not name.strip():
                self._complain(("signers", name), "nobody is named", "write `@olga`, or a role: `cfo`", key=True)
            texts = enumerate(value if isinstance(value, list) else ())
            given = [(("signers", name, at), text) for at, text in texts if isinstance(text, str)]
            keys = [key for path, text in given if (key := self._signer(path, text, found))]
            found[name] = tuple(dict.fromkeys(keys))
        return found

    def _signer(self, path: KeyPath, text: str, found: Mapping[str, tuple[str, ...]]) -> str:
        try:
            key = public(Verifier.parse(text))
        except Refused as refused:
            self._complain(path, str(refused), "write what `greengate ledger key new` printed: `name+id+key`")
            return ""
        if other := next((name for name, keys in found.items() if key in keys), ""):
            self._complain(path, f"this is the key of `{other}` too", "a key is of one person or role alone")
        return key

    def _look(self) -> Company:
        shape = fitting(report_file.Look, self._value.get("look"))
        if shape is None:
            return _DEFAULT_LOOK
        logo, kind = self._logo(shape.logo) if shape.logo else ("", "")
        if shape.templates:
            self._sheet.check_path(("look", "templates"), shape.templates)
        return Company(
            name="", words=tuple(shape.words or ()), logo=logo, logo_type=kind,
            accent=shape.accent or _DEFAULT_LOOK.accent, locale=shape.locale or _DEFAULT_LOOK.locale,
        )  # fmt: skip

    def _logo(self, written: str) -> tuple[str, str]:
        path = ("look", "logo")
        before = len(self._sheet.problems)
        self._sheet.check_path(path, written)
        data = self._tree.read(written) if len(self._sheet.problems) == before else None
        if data is None:
            if len(self._sheet.problems) == before:
                self._complain(path, f"there is no file `{written}` in {self._tree.name}")
            return "", ""
        kind = "png" if data.startswith(_PNG) else "svg" if _SVG.search(data[:4096]) else ""
        if not kind or len(data) > MOST_LOGO:
            problem = f"it has {len(data):,} bytes" if kind else "it is neither PNG nor SVG"
            self._complain(path, f"`{written}` is no logo: {problem}", f"a PNG or SVG of at most {MOST_LOGO:,} bytes")
            return "", ""
        return base64.b64encode(data).decode(), {"png": "image/png", "svg": "image/svg+xml"}[kind]
