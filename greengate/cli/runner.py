"""`greengate runner`: calibrate this machine, sign what was found, and look at a profile again."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click

from greengate import profiles, settings
from greengate.cli import meters, sheet
from greengate.errors import ReportError, UsageError
from greengate.ledger import signing
from greengate.ledger.signing import SigningKey
from greengate.profiles import Coefficient, Profile, Signed
from greengate.quantities import Duration, Power, Share

PROFILE = "runner-profile.json"


@click.group()
def runner() -> None:
    """Calibrate this machine, and look at what was found."""


@runner.command(short_help="Make a key to sign profiles with.")
@click.argument("file")
def keygen(*, file: str) -> int:
    """Make a key to sign profiles with: the private one goes into FILE, the public one is printed.

    Keep FILE out of the repository: whoever has it can say that any machine is a reference runner.
    """
    key = SigningKey.make()
    try:
        signing.keep(key, Path(file))
    except FileExistsError as error:
        raise UsageError(file, "there is such a file already", "give another name; nothing was written") from error
    except OSError as error:
        raise ReportError(file, f"cannot be written: {error.strerror}") from error
    click.echo(f"wrote {file}: a private key that only you may read; its public key is")
    click.echo(key.public)
    return 0


@runner.command(short_help="Measure this machine and sign a profile of it.")
@click.option("--output", default=PROFILE, show_default=True, metavar="FILE", help="Where the profile is written.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1, max=7200),
    metavar="SECONDS",
    default=20,
    show_default=True,
    help="How long the machine is held against itself; power meters get as long again.",
)
@click.option("--key", metavar="FILE", help="The private key that signs it; see `greengate runner keygen`.")
@click.option(
    "--label", "labels", multiple=True, metavar="KEY=VALUE", help="What policies may ask for: class=ci-large."
)
@click.option("--expires", metavar="YYYY-MM-DD", help="The last day on which it counts. Default: none.")
@click.option(
    "--project",
    metavar="FILE",
    help=f"The project file, for the meters that it names. Default: {settings.PROJECT}, if there is one.",
)
def calibrate(  # noqa: PLR0913 - one argument an option
    *, output: str, seconds: float, key: str | None, labels: tuple[str, ...], expires: str | None, project: str | None
) -> int:
    """Measure this machine and sign a profile of it.

    Looks at the machine while it is idle, holds a small task against itself as a gate holds a candidate against its
    baseline, and reads the power meters meanwhile. Let nothing else run.
    """
    from greengate.calibration import calibrate as measure  # noqa: PLC0415 - with NumPy

    signer, said, until = _key(key), _labels(labels), _day(expires)
    found = meters.look(meters.named_by(project))
    with _place(Path(output)) as place:
        taken_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        profile = measure(found, seconds, taken_at, lambda words: click.echo(f"{words} …", err=True))
        sealed = profiles.seal(profile.model_copy(update={"labels": said, "expires": until}), signer)
        place.write_bytes(sealed)
    _tell(profiles.unseal(sealed, signer.public, output, ReportError), f"wrote {output}")
    click.echo(f"\nin {settings.PROJECT}:")
    click.echo(f'  runner:\n    profile:\n      file: {output}\n      key: "{signer.public}"')
    return 0


@runner.command(short_help="Check a profile's signature and tell what it says.")
@click.argument("file")
@click.option("--key", metavar="PUBLIC", help="The public key that must have signed it, as in ed25519:….")
def show(*, file: str, key: str | None) -> int:
    """Check the signature of the profile in FILE and tell what it says.

    Without a key, the signature only shows that nothing was changed since, not who signed it.
    """
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(signing.MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            file, f"cannot be read: {error.strerror}", "`greengate runner calibrate` writes one"
        ) from error
    if key and not re.fullmatch(signing.PUBLIC, key):
        hint = "give what `greengate runner keygen` printed: `ed25519:` and 44 characters"
        raise UsageError("--key", f"`{key}` is no public key", hint)
    signed = profiles.unseal(data, key or "", file, UsageError)
    _tell(signed, f"{file}: {'signed by that key' if key else 'unchanged since it was signed; by whom, --key tells'}")
    return 0


def _key(file: str | None) -> SigningKey:
    if file is None:
        hint = "`greengate runner keygen runner.pem` makes one; then give `--key runner.pem`"
        raise UsageError("--key", "a profile is signed, and no key is given", hint)
    try:
        return SigningKey.read(Path(file).read_bytes())
    except OSError as error:
        raise UsageError(file, f"the key cannot be read: {error.strerror}") from error
    except signing.Refused as refused:
        raise UsageError(file, str(refused), "`greengate runner keygen FILE` makes one") from refused


def _labels(written: Iterable[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in written:
        found = profiles.LABEL.fullmatch(text)
        if not found or not text.isprintable():
            raise UsageError("--label", f"`{text}` is not KEY=VALUE", "such as `--label class=ci-large`")
        if found[1] in labels:
            raise UsageError("--label", f"`{found[1]}` is given twice", "keep one of the two")
        labels[found[1]] = found[2]
    return labels


def _day(written: str | None) -> str:
    if not written:
        return ""
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        raise UsageError("--expires", f"`{written}` is no day of the calendar", "write it as `2027-12-31`") from error
    if day < datetime.now(UTC).date():
        raise UsageError("--expires", f"{written} is over already", "give a later day")
    return day.isoformat()


@contextmanager
def _place(output: Path) -> Iterator[Path]:
    """Make sure, before anything is measured, that the file can be written; an older one stays until it is replaced."""
    if output.is_dir():
        raise ReportError(str(output), "is a folder", "name a file in it")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise ReportError(str(output), f"cannot be written: {error.strerror}") from error
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o644)
        draft.replace(output)
    except OSError as error:
        raise ReportError(str(output), f"cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _tell(signed: Signed, title: str) -> None:
    sheet.echo(title, [("profile", f"sha256:{signed.id}"), ("signed by", signed.signer), *_rows(signed.profile)])


def _rows(profile: Profile) -> Iterator[tuple[str, str]]:
    kind, idle, control, found = profile.kind, profile.idle, profile.control, profile.comparison
    virtual = ", virtual" if kind.virtual else ""
    yield "runner", f"{profile.processor}, {kind.threads} threads, {kind.memory_gib} GiB{virtual}"
    yield "", f"{profile.system}, kernel {profile.kernel}"
    yield "labels", ", ".join(f"{key}={value}" for key, value in profile.labels.items())
    yield "taken", f"{profile.taken_at} by greengate {profile.greengate}"
    yield "expires", profile.expires
    yield "resolution", profile.resolution
    yield (
        "itself",
        (
            f"{found.ratio - 1:+.2%} ({found.low - 1:+.2%} to {found.high - 1:+.2%}) where 0% is true, "
            f"{found.rounds} rounds in {Duration(found.seconds).in_words()}, scattering by {found.spread_share:.2%}"
        ),
    )
    yield (
        "control",
        (
            f"{Duration(control.cpu_s).in_words()} of CPU a run, blocks scatter by {control.scatter_share:.2%}, "
            f"{control.drift_share:+.2%} from the first half to the second"
        ),
    )
    if idle.foreign_share is not None and idle.steal_share is not None:
        yield "idle", f"others took {idle.foreign_share:.1%} of the machine, the hypervisor {idle.steal_share:.1%}"
    for name, watts in idle.power_w.items():
        yield "", f"{Power(watts).in_words()} by {name}"
    for coefficient in profile.coefficients:
        yield "busy thread", _coefficient(coefficient)
    for meter in profile.meters:
        yield "meter", f"{meter.id}: {meter.kind}, {meter.scope}, within {Share(meter.gain_share)}"
    here = {meter.id for meter in profile.meters}
    for name, why in profile.unread.items():
        yield "no figure", f"{name}: {why}" if name in here else ""
    absent = [name for name in profile.unread if name not in here]
    yield "not here", f"{', '.join(absent)}; `greengate meters` says why" if absent else ""
    for words in profile.events:
        yield "event", words


def _coefficient(one: Coefficient) -> str:
    beside = f"; the table has {Power(one.table_w).in_words()}, x{one.net_w / one.table_w:.2g}" if one.table_w else ""
    net, low, high = (Power(watts).in_words() for watts in (one.net_w, one.low_w, one.high_w))
    return f"{net} ({low} to {high} with {one.confidence:.0%} confidence) by {one.meter}{beside}"
