"""Factor sets, what they say and what moves between two of them, in words and for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from greengate.carbon import comparing
from greengate.carbon.factors import FactorSet, Found
from greengate.carbon.soundness import Doubt
from greengate.cli import amounts, sheet
from greengate.metrics import METRICS
from greengate.report.escaping import plain
from greengate.report.yearly import WORDS

if TYPE_CHECKING:
    from greengate.restating import Restated

_DOUBTS = {
    "jump": "more than 40% from the year before",
    "carried": "to the digit as the year before",
    "pounds": "2.2 times its neighbour, as lb/MWh are of g/kWh",
}


def print_set(found: FactorSet) -> None:
    """Print what a set holds, and the one that it extends."""
    for member in found.lineage:
        rows = [("sha256", member.sha256), ("released", member.file.released)]
        for name, series in member.file.series.items():
            count = sum(row.series == name for row in member.file.rows)
            count += sum(region.series == name for region in member.file.regions)
            basis = f"; {series.basis}" if series.basis else ""
            unit = f" {series.unit}" if series.unit else ""
            rows.append((name, f"{count} rows of {series.kind}{unit}{basis}. {series.title}. {series.licence}"))
        rows += [("left out", words) for words in member.file.left_out]
        sheet.echo(member.name, rows)


def print_rows(found: FactorSet, rows: list[Found], *, alone: bool) -> None:
    """Print rows, and where they `alone` were asked for, their sources."""
    names, several = found.names(), len(found.lineage) > 1
    for one in rows:
        called = f"{one.row.id} {names.get(one.row.id, '')}".strip()
        value = f"{one.row.value} {one.series.unit}".strip()
        kind = "" if one.series.kind == "intensity" else one.series.kind
        about = ", ".join(filter(None, (kind, str(one.series.basis or ""))))
        words = (called, str(one.row.year), value, about)
        whose = (f"[{one.set_name}]",) if several else ()
        click.echo("  ".join(plain(word, 200) for word in (*words, *whose)))
    if alone:
        titles = dict.fromkeys((one.series.title, one.series.attribution, one.series.note) for one in rows)
        for title, source, note in titles:
            told = ". ".join(dict.fromkeys((title, source))) + "." + (f" Note: {note}." if note else "")
            sheet.say(plain(told, 600))


def print_moved(rows: list[comparing.Moved], top: int) -> None:
    """Print which figures would move."""
    if not rows:
        click.echo("nothing moves")
        return
    table = amounts.table("what", "before", "after", "change")
    table.add_column("basis", overflow="fold")
    for one in rows[:top]:
        table.add_row(plain(f"{one.kind} {one.id}"), _told(one.before), _told(one.after), one.word, one.basis)
    amounts.tell_more(table, len(rows) - top)
    amounts.show(table)


def print_entries(entries: list[Restated], top: int) -> None:
    """Print what entries of the history would say."""
    if not entries:
        click.echo("no entry of the history would move")
        return
    yearly = [one for one in entries if one.metric in WORDS] or entries
    table = amounts.table("the newest entry of", "a year's", "says", "would say", "change")
    for one in yearly[:top]:
        metric = METRICS[one.metric]
        after = "not known" if one.after is None else metric.in_words(one.after)
        change = "" if one.change is None else f"{one.change:+.1%}"
        table.add_row(plain(one.model), WORDS.get(one.metric, one.metric), metric.in_words(one.before), after, change)
    amounts.tell_more(table, len(yearly) - top)
    amounts.show(table)


def _told(found: Found | None) -> str:
    return f"{found.row.value} ({found.row.year})" if found else ""


def print_doubts(told: list[Doubt], *, every: bool) -> None:
    """Print how many rows are doubtful and why, and with `every` which."""
    for kind, count in sorted(Counter(one.kind for one in told).items()):
        click.echo(f"doubtful: {count} row{'' if count == 1 else 's'}: {_DOUBTS[kind]}")
    for one in told if every else ():
        click.echo(f"  {one}")


def identity(found: FactorSet) -> Mapping[str, Any]:
    """Return what tells a set from others, for JSON."""
    extends = found.file.extends
    return {
        "name": found.name,
        "sha256": found.sha256,
        "released": found.file.released,
        "extends": extends.model_dump() if extends else None,
    }


def row_values(one: Found) -> Mapping[str, Any]:
    """Return a row with its series, for JSON."""
    return {
        **one.row.model_dump(exclude={"series"}),
        **one.series.model_dump(mode="json", exclude={"note"}),
        "set": one.set_name,
    }


def moved_values(one: comparing.Moved) -> Mapping[str, Any]:
    """Return a figure that would move, for JSON."""
    return {
        "kind": one.kind,
        "id": one.id,
        "basis": one.basis,
        "unit": one.unit,
        "before": {"value": one.before.row.value, "year": one.before.row.year} if one.before else None,
        "after": {"value": one.after.row.value, "year": one.after.row.year} if one.after else None,
        "change": None if one.change is None else format(round(one.change, 9), "f"),
    }
