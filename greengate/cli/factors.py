"""`greengate factors`: the pinned tables of intensities, PUE, embodied emissions and prices."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from greengate.carbon import comparing, importing, soundness
from greengate.carbon import factors as tables
from greengate.carbon.compiling import written
from greengate.carbon.factors import FactorSet, Found
from greengate.carbon.soundness import Doubt
from greengate.cli import factor_sheet, sheet
from greengate.errors import FactorError, Problems, UsageError, nearest
from greengate.report.escaping import plain

if TYPE_CHECKING:
    from greengate.restating import Restated

_TOP = 20
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_set = click.argument("name", metavar="[SET]", required=False)


@click.group(short_help="List, show, compare and import tables of carbon intensity, PUE and embodied emissions.")
def factors() -> None:
    """The pinned tables of carbon intensity, PUE, embodied emissions and prices.

    A SET is one that comes with greengate, by its name, or a file. A project pins its set in greengate.yaml.
    """


@factors.command("list")
@_json
def list_(*, as_json: bool) -> int:
    """List the factor sets that come with greengate."""
    found = [tables.load_shipped(name) for name in tables.shipped()]
    if as_json:
        click.echo(json.dumps([factor_sheet.identity(one) for one in found], indent=2, ensure_ascii=False))
        return 0
    for one in found:
        kinds = Counter(told.series.kind for told in one.rows())
        rows = [("sha256", one.sha256), ("released", one.file.released)]
        rows += [("rows", ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))]
        rows += [("regions", str(len(one.file.regions)))]
        rows += [("sources", "; ".join(sorted({told.attribution for told in one.file.series.values()})))]
        sheet.echo(one.name, rows)
    return 0


@factors.command(short_help="Show a set, or what it says of a zone, a region or a machine.")
@_set
@click.option("--zone", metavar="ZONE|ALL", help="The intensities of a zone, such as DE or US-VA.")
@click.option("--region", metavar="CLOUD/REGION", help="Where a region is, and its figures; `aws/` lists a cloud's.")
@click.option("--machine", metavar="CLOUD/TYPE", help="The embodied emissions of a machine's host.")
@_json
def show(*, name: str | None, zone: str | None, region: str | None, machine: str | None, as_json: bool) -> int:
    """Show a factor set, or what it says of a zone, a region or a machine."""
    found = load(name)
    asked = {"--zone": zone, "--region": region, "--machine": machine}
    given = [option for option, word in asked.items() if word is not None]
    if len(given) > 1:
        raise UsageError(given[1], f"stands beside {given[0]}", "ask for one of them")
    for option in given:
        if not (asked[option] or "").strip():
            raise UsageError(option, "is empty", "leave it out for the whole set")
    if region and region.endswith("/"):
        return _list_regions(found, region, as_json=as_json)
    chosen = _chosen(found, zone, region, machine)
    if as_json:
        told = [factor_sheet.row_values(one) for one in chosen]
        click.echo(json.dumps({**factor_sheet.identity(found), "rows": told}, indent=2, ensure_ascii=False))
        return 0
    if not given:
        factor_sheet.print_set(found)
        return 0
    if region:
        cloud, _, word = region.partition("/")
        place = found.region(cloud, word)
        location = f" ({place.location})" if place.location else ""
        whole = f", within {place.within}" if place.within else ""
        click.echo(plain(f"{region}{location} is in the zone {place.zone}{whole}"))
    if chosen:
        factor_sheet.print_rows(found, chosen, alone=zone != "ALL")
    return 0


@factors.command(short_help="Tell which figures would move, and by how much.")
@click.argument("before", metavar="OLD")
@click.argument("after", metavar="NEW")
@click.option("--above", metavar="SHARE", default="0%", show_default=True, help="Only changes of more than this.")
@click.option("--top", type=click.IntRange(min=1), default=_TOP, show_default=True, help="At most so many lines.")
@click.option("--history", "path", metavar="FILE|URL", help="Also tell what would move in the entries of this history.")
@_json
def diff(  # noqa: PLR0913 - one argument an option
    *, before: str, after: str, above: str, top: int, path: str | None, as_json: bool
) -> int:
    """Tell which figures would move, and by how much, if NEW were pinned in the place of OLD.

    No entry of a history is changed: each keeps the factors that it was made by.
    """
    from greengate.quantities import NotAQuantity, Share  # noqa: PLC0415 - one command of five needs it

    try:
        least = Share.parse(above).amount
    except NotAQuantity as refused:
        raise UsageError("--above", str(refused), refused.hint) from refused
    sets = load(before), load(after)
    rows = [one for one in comparing.moved(*sets) if one.change is None or abs(one.change) > least]
    regions = list(comparing.regions_moved(*sets))
    entries = _entries(path, *sets) if path else []
    if as_json:
        told = [factor_sheet.moved_values(one) for one in rows]
        moves = [{"region": name, "before": old, "after": new} for name, old, new in regions]
        restated = [{**asdict(one), "change": one.change} for one in entries]
        whole = {"rows": told, "regions": moves, "entries": restated}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return 0
    factor_sheet.print_moved(rows, top)
    if len(regions) > top:
        click.echo(f"{len(regions)} regions move; the first {top}:")
    for name, old, new in regions[:top]:
        click.echo(f"region {plain(name)}: {old or 'not known'} -> {new or 'not known'}")
    if path:
        factor_sheet.print_entries(entries, top)
    return 0


@factors.command(short_help="Check a set: digest, units, bases, ranges, jumps.")
@_set
@click.option("--sha256", "expected", metavar="HEX", help="The digest that it must have.")
@click.option("--all", "every", is_flag=True, help="List every doubtful row.")
def verify(*, name: str | None, expected: str | None, every: bool) -> int:
    """Check a factor set: its digest, units, bases, ranges, jumps and figures carried forward.

    Exit code 0: it is sound, though there may be doubts; 2: something in it cannot be.
    """
    found = load(name)
    if expected is not None and found.sha256 != expected.lower():
        raise FactorError(
            found.name, f"its digest is {found.sha256}, expected {expected}", "it is not the set that was pinned"
        )
    told = soundness.doubts(found)
    refuse_wrong(found.name, told)
    click.echo(
        f"{found.name}: {len(found.file.rows):,} rows, {len(found.file.regions):,} regions, sha256 {found.sha256}"
    )
    factor_sheet.print_doubts(told, every=every)
    return 0


@factors.command("import", short_help="Make a set of a company's own figures.")
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="CSV")
@click.option("--name", required=True, help="Name of the set, such as acme-2026.1.")
@click.option("--extends", metavar="SET", help="The shipped set that it adds to; without one it stands alone.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Default: factors/NAME.json."
)
@click.option("--accept", multiple=True, metavar="'ID YEAR'", help="A doubtful row that is meant as it stands.")
def import_(*, table: Path, name: str, extends: str | None, out: Path | None, accept: tuple[str, ...]) -> int:
    """Make a factor set of a company's own figures: contracts, residual mixes, PUE, machines, prices.

    The first line of the CSV names its columns: kind, id, year, value, unit, source, licence; and, where they are
    needed, boundary, mix, gases, zone, within, name, note.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("--name", f"`{name}` is no name of a set", "small letters, digits, `.` and `-`: acme-2026.1")
    if name in tables.shipped():
        raise UsageError("--name", f"`{name}` comes with greengate", "give yours a name of its own: acme-2026.1")
    parent = tables.load_shipped(extends) if extends else None
    today = datetime.now(UTC).date().isoformat()
    content = importing.content(table.read_bytes(), str(table), name, today, parent)
    text = written(content)
    found = tables.parse(text.encode(), str(table))
    told = soundness.doubts(found)
    refuse_wrong(str(table), told)
    if strangers := [word for word in accept if word not in {one.about for one in told}]:
        raise UsageError(
            "--accept", f"no row `{strangers[0]}` is doubtful", nearest(strangers[0], {one.about for one in told})
        )
    if open_ := [one for one in told if one.about not in accept]:
        hint = f"look at it; if it is meant: --accept '{open_[0].about}'"
        raise Problems(FactorError(str(table), str(one), hint if one is open_[0] else "") for one in open_)
    target = out or Path("factors") / f"{found.name}.json"
    _write(target, text)
    click.echo(f"{target}: rows: {len(found.file.rows)}, regions: {len(found.file.regions)}")
    click.echo(f"pin it in greengate.yaml:\n  factors: {{file: {target}, sha256: {found.sha256}}}")
    return 0


def load(name: str | None) -> FactorSet:
    """Load a set by its name or file; without one, the newest that comes with greengate.

    Raises:
        FactorError: There is none, or it is no factor set.
    """
    if name is None:
        return tables.load_shipped(tables.shipped()[-1])
    path = Path(name)
    if path.suffix == ".json" or "/" in name:
        try:
            return tables.parse(path.read_bytes(), name)
        except OSError as error:
            raise FactorError(name, f"cannot be read: {error.strerror}") from error
    return tables.load_shipped(name)


def refuse_wrong(where: str, told: Iterable[Doubt]) -> None:
    """Raise what cannot be, all of it at once."""
    if wrong := [FactorError(where, str(one)) for one in told if one.wrong]:
        raise Problems(wrong)


def _write(target: Path, text: str) -> None:
    if target.exists():
        hint = "a set never changes: give the new one another name"
        raise UsageError(str(target), "is there already", hint)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(str(target), f"cannot be written: {error.strerror}") from error


def _chosen(found: FactorSet, zone: str | None, region: str | None, machine: str | None) -> list[Found]:
    rows = [one for member in found.lineage for one in member.rows()]
    if machine:
        found.embodied(machine)
        return [one for one in rows if one.row.id == machine]
    if region:
        cloud, slash, name = region.partition("/")
        if not slash:
            raise UsageError("--region", f"`{region}` names no region", f"`--region {region}/` lists those of a cloud")
        place = found.region(cloud, name)
        wanted = {place.zone, place.within, cloud, region}
        return [one for one in rows if one.row.id in wanted]
    if zone == "ALL":
        return _newest_of(rows)
    if zone:
        if zone not in found.ids("intensity"):
            found.intensity(zone)
        return [one for one in rows if one.row.id == zone]
    return []


def _list_regions(found: FactorSet, cloud: str, *, as_json: bool) -> int:
    told = {one.id: one for member in reversed(found.lineage) for one in member.file.regions}
    rows = [one for name, one in told.items() if name.startswith(cloud)]
    if not rows:
        known = sorted({f"{name.partition('/')[0]}/" for name in told})
        raise UsageError("--region", f"the factor set knows no cloud `{cloud}`", nearest(cloud, known))
    if as_json:
        click.echo(json.dumps([one.model_dump(exclude={"series"}) for one in rows], indent=2, ensure_ascii=False))
    for one in () if as_json else rows:
        click.echo("  ".join(plain(word) for word in (one.id, one.zone, one.location) if word))
    return 0


def _newest_of(rows: Iterable[Found]) -> list[Found]:
    newest: dict[tuple[str, str], Found] = {}
    for one in rows:
        key = (one.row.id, one.row.series)
        if one.series.kind == "intensity" and (key not in newest or newest[key].row.year < one.row.year):
            newest[key] = one
    return sorted(newest.values(), key=lambda one: one.row.id)


def _entries(place: str, before: FactorSet, after: FactorSet) -> list[Restated]:
    from greengate import restating  # noqa: PLC0415 - with everything that measures
    from greengate.history import opened  # noqa: PLC0415 - likewise

    with opened(place, make=False) as history:
        return restating.entries(history.newest_first(), before.name, after)
