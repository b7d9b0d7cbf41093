"""`greengate window`: whether the electricity is green enough for a job now, or when and where it will be."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import click

from greengate import answer, outlook, request, settings, waiting
from greengate.cli import outlooks
from greengate.errors import UsageError
from greengate.outlook import Ask, Outlook
from greengate.waiting import Held, Watch
from greengate.window import Go, Inconclusive

GO, NOT_NOW, INCONCLUSIVE = 0, 1, 3


@click.command()
@click.option("--source", metavar="NAME", help="The live source to ask. Default: GREENGATE_WINDOW_SOURCE.")
@click.option("--address", metavar="URL", default="", help="Where to ask it, if elsewhere; of `file`, the file.")
@click.option("--zone", metavar="ZONE", help="The zone, as the source calls it.")
@click.option("--zones", metavar="ZONE,…", help="Several: the greenest of them is named.")
@click.option(
    "--below",
    metavar="INTENSITY",
    help="Go below this, as in `150 gCO2e/kWh`; a bare 150 means the same. Without it: at the greenest time.",
)
@click.option("--within", metavar="TIME", help="The job lies within so much time, as in 12h. Without it: now.")
@click.option("--for", "lasting", metavar="TIME", help="How long the job runs: the mean over it counts.")
@click.option("--wait", is_flag=True, help="Hold until it is a go.")
@click.option("--deadline", metavar="TIME", help="Wait no longer than this: 6h, or 2026-11-22T06:00Z.")
@click.option(
    "--stale-after",
    metavar="TIME",
    default=request.STALE,
    show_default=True,
    help="Do not believe what was worked out longer ago.",
)
@click.option(
    "--on-failure",
    type=click.Choice(["closed", "open"]),
    default="closed",
    show_default=True,
    help="Where nothing can be decided: closed, exit code 3; open, a warning and 0.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every point that was used.")
def window(  # noqa: PLR0913 - one argument an option
    *,
    source: str | None,
    address: str,
    zone: str | None,
    zones: str | None,
    below: str | None,
    within: str | None,
    lasting: str | None,
    wait: bool,
    deadline: str | None,
    stale_after: str,
    on_failure: str,
    as_json: bool,
) -> int:
    """Tell whether a job may start now, or when and where the electricity is greener.

    For scheduling alone: nothing is accounted for by live intensities.

    Exit code 0: go; 1: not now: wait, or no time in the window is green enough; 2: the call is wrong; 3: inconclusive:
    the source gave no answer, or none that can be believed; 4: greengate failed.
    """
    asked = request.ask(
        source or settings.live_source(),
        _zones(zone, zones),
        below=below,
        within=within,
        lasting=lasting,
        stale_after=stale_after,
        address=address,
    )
    at = now()
    if deadline and not wait:
        raise UsageError("--deadline", "nothing waits without --wait", "give both, or neither")
    held = _held(asked, at, deadline) if wait else Held(outlook.look(asked, at), late=False)
    if as_json:
        told = answer.values(held.outlook, asked, late=held.late, on_failure=on_failure)
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        outlooks.echo(held.outlook, asked, late=held.late)
    return _exit_code(held.outlook, on_failure)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def _exit_code(found: Outlook, on_failure: str) -> int:
    if isinstance(found.decision, Go):
        return GO
    if not isinstance(found.decision, Inconclusive):
        return NOT_NOW
    if on_failure == "closed":
        return INCONCLUSIVE
    warning = "WARNING: whether this is green is not known: --on-failure open lets it start all the same"
    click.echo(f"{warning}\n  why: {found.decision.why}", err=True)
    return GO


def _held(asked: Ask, at: datetime, deadline: str | None) -> Held:
    wanted = asked.wanted
    if wanted.within <= wanted.lasting:
        problem = "there is no time to wait in"
        raise UsageError("--wait", problem, "give a window that is longer than the job: --within 12h")
    end = at + wanted.within
    last = end - wanted.lasting
    last = request.deadline(deadline, at, last, "--deadline") if deadline else last

    def look(moment: datetime, fresh: bool) -> Outlook:  # noqa: FBT001 - as waiting asks it
        left = max(end - moment, wanted.lasting)
        return outlook.look(replace(asked, fresh=fresh, wanted=replace(wanted, within=left)), moment)

    voice = outlooks.Voice(terminal=sys.stderr.isatty())
    try:
        return waiting.hold(look, last, Watch(now, time.sleep, voice.tell, voice.tick))
    finally:
        voice.clear()


def _zones(zone: str | None, zones: str | None) -> list[str]:
    if (zone is None) == (zones is None):
        raise UsageError("--zone", "either --zone or --zones is needed", "as in --zone DE, or --zones DE,FR,SE")
    return [zone] if zone is not None else [one.strip() for one in (zones or "").split(",")]
