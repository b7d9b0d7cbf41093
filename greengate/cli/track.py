"""`greengate track`: a training command with the machine's meters beside it, and the record of what it took."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import click

from greengate import meters as survey
from greengate import registry, settings, tracking
from greengate.cli import meters, sheet
from greengate.cli.plan import INTENSITY, Reader
from greengate.errors import GreengateError, UsageError
from greengate.measure.commands import Held
from greengate.measure.trackers.training_record import Phase, RecordFile, TrainingRecord, line
from greengate.meters import Found
from greengate.ports import MeterFacts
from greengate.quantities import Duration, Emissions, Energy, Intensity
from greengate.tracked import Grid, Ground
from greengate.tracking import Job

FILE = "greengate-training.jsonl"
_PHASES = [phase for phase in get_args(Phase) if phase]


@click.command(context_settings={"allow_interspersed_args": False})
@click.option(
    "--out", default=FILE, show_default=True, metavar="FILE", help="Where the record is appended, as lines of JSON."
)
@click.option("--project", default="", metavar="NAME", help="The project that it belongs to.")
@click.option("--phase", type=click.Choice(_PHASES), help="What the training is for.")
@click.option("--gpu", "gpus", multiple=True, metavar="GPU", help="Read only this GPU: its UUID or NVML's index.")
@click.option("--intensity", metavar="INTENSITY", help="Carbon intensity of the electricity: `344 gCO2e/kWh`.")
@click.option("--intensity-source", metavar="WORDS", help="Who says so, and of which year.")
@click.option(
    "--project-file",
    metavar="FILE",
    help=f"The project file, for the meters that it names. Default: {settings.PROJECT}, if there is one.",
)
@click.option("--quiet", is_flag=True, help="Say nothing when it has ended.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def track(  # noqa: PLR0913 - one argument an option
    *,
    out: str,
    project: str,
    phase: Phase | None,
    gpus: tuple[str, ...],
    intensity: str | None,
    intensity_source: str | None,
    project_file: str | None,
    quiet: bool,
    command: tuple[str, ...],
) -> int:
    """Run COMMAND, read the machine's meters meanwhile, and write down what it took.

    Its input, output and signals are its own. Of the command only the program's name is written down, never its
    arguments.

    Exit code: the command's, 128 and more where a signal ended it. Before it is started, 2: the call or the project
    file is wrong; 4: the record cannot be written.
    """
    grid = _grid(intensity, intensity_source)
    if project.endswith((".yaml", ".yml")):
        hint = f"the project file is `--project-file {project}`"
        raise UsageError("--project", f"`{project}` is a file, and a name is expected", hint)
    read = meters.named_by(project_file)
    with Held() as held:
        found = survey.survey(read.meters if read else (), settings.meter_access(), gpus=gpus)
        try:
            _refuse_unread(found, gpus)
            ground = Ground(found, meters.watts_here(read), grid, settings.visible_gpus() == (), _remarks(found, gpus))
            job = Job(command, settings.tracked_environment, project, phase or "", settings.tracked_by())
            file = RecordFile(Path(out))
            code, recorded = tracking.track(job, ground, file, held)
            _finish(file, recorded, quiet=quiet)
        finally:
            for one in found:
                one.meter.close()
    return code


def _grid(intensity: str | None, source: str | None) -> Grid | None:
    reader = Reader()
    found = reader.quantity("--intensity", intensity, Intensity, INTENSITY)
    if intensity is not None and not source:
        reader.complain(
            "--intensity-source", "is not given, and `--intensity` is", "say who published it, and of which year"
        )
    if intensity is None and source is not None:
        reader.complain("--intensity", "is not given, and `--intensity-source` is", "such as `344 gCO2e/kWh`")
    reader.finish()
    return None if found is None or source is None else Grid(found.amount, source)


def _refuse_unread(found: Sequence[Found], gpus: Sequence[str]) -> None:
    if gpus and (why := survey.unreadable(found)):
        raise UsageError("--gpu", why, "leave it out to go on without; `greengate meters` says what there is")


def _remarks(found: Sequence[Found], gpus: Sequence[str]) -> dict[str, str]:
    """Say where meters read more than the command may use."""
    read = [one.word for one in found if one.word in registry.GPU_METERS and isinstance(one.told, MeterFacts)]
    visible = settings.visible_gpus()
    if not read or gpus or not visible:
        return {}
    words = f"CUDA_VISIBLE_DEVICES leaves {len(visible)}, and {', '.join(read)} read every one; `--gpu` names some"
    return {"all-gpus": words}


def _finish(file: RecordFile, recorded: Callable[[], TrainingRecord], *, quiet: bool) -> None:
    """Write the record down and tell of it; the command has ended, and its exit code counts whatever happens here."""
    written = b""
    try:
        record = recorded()
        written = line(record)
        file.append(written)
        if not quiet:
            _tell(record, file.path)
    except GreengateError as error:
        click.echo(f"error: {error}\nthe record, which is not lost so:\n{written.decode()}", err=True, nl=False)
    except Exception:  # noqa: BLE001 - the outermost place of a command that has ended well or not
        crash = "error: greengate itself crashed, when the command had ended; this is a bug, please report it"
        click.echo(f"{traceback.format_exc()}\n{crash}\n{written.decode()}", err=True)


def _tell(record: TrainingRecord, path: Path) -> None:
    how = f"was ended by {record.signal}" if record.signal else f"ended with {record.exit_code}"
    title = f"greengate: {record.run.command} {how} after {Duration(record.duration_s).in_words()}"
    sheet.echo(title, _rows(record, path), err=True)


def _rows(record: TrainingRecord, path: Path) -> Iterator[tuple[str, str]]:
    energy = record.energy
    if energy is None:
        yield "energy", f"not known; {record.missing}"
    else:
        amount, low, high = (Energy(joules).in_words() for joules in (energy.joules, energy.low, energy.high))
        net = "above idle" if energy.net_of_idle else "idle power included"
        yield "energy", f"{amount} ({low} to {high}) by {' and '.join(energy.meters)} ({energy.kind}), {net}"
        yield "without", energy.without
    if record.emissions is not None:
        yield "emissions", f"{Emissions(record.emissions.grams)} at {record.emissions.intensity:g} gCO2e/kWh"
    for one in record.meters:
        yield "no figure", f"{one.id}: {one.missing}" if one.missing and energy is not None else ""
    for event in record.events:
        yield event.name, event.words
    yield "record", f"run {record.run.name} in {path}"
