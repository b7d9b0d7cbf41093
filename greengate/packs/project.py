"""The project file, read: which models there are, which policies judge them, and where verdicts are kept."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from greengate.errors import GreengateError, Place, Problems, ProjectError, nearest
from greengate.ledger.places import has_password, is_address
from greengate.packs import project_file, project_meters, project_model
from greengate.packs.mistakes import fitting, shaped
from greengate.packs.project_entry import ModelEntry
from greengate.packs.project_meters import MeterEntry
from greengate.packs.project_sheet import Bounds, Sheet
from greengate.packs.sources import is_pack_name
from greengate.packs.yaml_text import Document, KeyPath, parse
from greengate.ports import Limits, Tree
from greengate.quantities import Duration, Power, Size

NAME = "greengate.yaml"
HISTORY = ".greengate/history.db"
_MEMORY = Bounds(Size(2.0**29), Size(2.0**42), "the runtime alone takes some hundred MiB of addresses")
_TIME = Bounds(Duration(1.0), Duration(86400.0))
_CUDA = re.compile(r"cuda(:[0-9]{1,2})?")
_WATTS = Bounds(Power(0.0), Power(1000.0), "per hardware thread, not per machine")


@dataclass(frozen=True, slots=True)
class CpuPower:
    """Power of one hardware thread, idle and under full load, and who says so."""

    idle: Power
    max: Power
    source: str


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """The calibration of the runner: its file, relative to the project's folder, and the public key that signed it."""

    file: str
    key: str
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True, slots=True)
class LegEntry:
    """What is otherwise on one leg of a matrix of runners; None where nothing is."""

    device: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class FactorsEntry:
    """The factor set that the project pins: a shipped one's name, or a file and the digest that it must have."""

    name: str = ""
    file: str = ""
    sha256: str = ""
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True, slots=True)
class Project:
    """What a project says of itself.

    Attributes:
        models: The models under the gate, at least one.
        policies: Shipped packs' names, files and patterns of files, relative to the project's folder.
        history: The history's file, relative to the project's folder, or the address of its database.
        name: The project's name, or "".
        device: What runs the models: "cpu", or "cuda:0", "cuda:1" and so on of the GPUs that are visible.
        threads: Intra-operator threads.
        limits: Limits of the child processes that run models.
        cpu: Power of one hardware thread of the runner, where the project declares it.
        meters: Power meters that are asked over a network, or of the runner's management controller.
        profiles: The calibrations of runners that the project names; a machine takes the one of its kind.
        factors: The factor set that it pins, or None.
        legs: What is otherwise on the legs of a matrix of runners, by their names.
        digest: SHA-256 (hex) of the project file.
        place: Where the project file begins.
    """

    models: tuple[ModelEntry, ...]
    policies: tuple[str, ...]
    history: str = HISTORY
    name: str = ""
    device: str = "cpu"
    threads: int = 1
    limits: Limits = field(default_factory=Limits)
    cpu: CpuPower | None = None
    meters: tuple[MeterEntry, ...] = ()
    profiles: tuple[ProfileEntry, ...] = ()
    factors: FactorsEntry | None = None
    legs: Mapping[str, LegEntry] = field(default_factory=dict)
    digest: str = ""
    place: Place = field(default_factory=Place)

    def on(self, leg: str) -> Project:
        """Return the project as it is on one leg of a matrix; itself where it says nothing of legs, or none is named.

        Raises:
            ProjectError: It says something of legs, and knows no such one.
        """
        if not leg or not self.legs:
            return self
        if leg not in self.legs:
            raise ProjectError(self.place, f"`runner.legs` knows no leg `{leg}`", nearest(leg, self.legs))
        said = self.legs[leg]
        return replace(self, device=said.device or self.device, threads=said.threads or self.threads)

    def model(self, name: str) -> ModelEntry | None:
        """Return the model of a name, or None."""
        return next((entry for entry in self.models if entry.name == name), None)


def load_project(tree: Tree, name: str = NAME) -> Project:
    """Read the project file of a tree.

    Raises:
        ProjectError: There is none, or it may not be read.
        Problems: Everything that is wrong with it, each a ProjectError with its place.
    """
    data = tree.read(name)
    if data is None:
        raise ProjectError(name, f"there is no project file in {tree.name}", "`greengate init` writes a first one")
    documents = parse(data, name, ProjectError)
    if len(documents) != 1:
        found = (
            f"the file holds {len(documents)} documents; a project file is one" if documents else "the file is empty"
        )
        raise ProjectError(name, found, "`greengate init` writes a first one" if not documents else "")
    return _project(documents[0], name, hashlib.sha256(data).hexdigest())


def _project(document: Document, file: str, digest: str) -> Project:
    problems: list[GreengateError] = []
    sheet = Sheet(file, digest, "Project", document.value, document, problems)
    shape = shaped(project_file.Project, document.value, sheet)
    value = document.value if isinstance(document.value, dict) else {}
    entries = _models(sheet, value.get("models"))
    policies = _policies(sheet, value.get("policies"))
    limits = _limits(sheet, value.get("runner"), ("runner", "limits"))
    device = _device(sheet, value.get("runner"), ("runner",)) or "cpu"
    legs = _legs(sheet, shape, value.get("runner"))
    cpu = _cpu(sheet, shape)
    meters = _meters(sheet, value.get("runner"))
    profiles = tuple(_profiles(sheet, value.get("runner")))
    factors = _factors(sheet, value.get("factors"))
    if value.get("factors") is None:
        _refuse_unpinned(sheet, entries)
    if isinstance(value.get("history"), str):
        _check_history(sheet, value["history"])
    if problems:
        raise Problems(problems)
    assert shape is not None
    threads = (shape.runner.threads if shape.runner else None) or 1
    history = shape.history or HISTORY
    place = sheet.place(())
    return Project(
        entries,
        policies,
        history,
        shape.name or "",
        device,
        threads,
        limits,
        cpu,
        meters,
        profiles,
        factors,
        legs,
        digest,
        place,
    )


def _check_history(sheet: Sheet, written: str) -> None:
    """Check where the history is: below the project's folder, or the address of a database, without its password."""
    if not is_address(written):
        sheet.check_path(("history",), written)
    elif not re.match(r"postgres(ql)?:", written):
        hint = "write a path, or `postgresql://user@host/database`"
        sheet.complain(("history",), f"`{written.partition(':')[0]}:…` is no address of a history", hint)
    elif has_password(written):
        hint = "take it out, and set GREENGATE_HISTORY_PASSWORD"
        sheet.complain(("history",), "the address has a password in it, where everybody can read it", hint)


def _device(sheet: Sheet, said: object, path: KeyPath) -> str | None:
    """Read what runs models; None where nothing is said of it."""
    written = said.get("device") if isinstance(said, dict) else None
    if not isinstance(written, str) or written == "cpu":
        return written if isinstance(written, str) else None
    if not _CUDA.fullmatch(written):
        hint = "write `cpu`, or `cuda`; of several GPUs `cuda:1` is the second"
        sheet.complain((*path, "device"), f"`{written}` is no device that models can run on", hint)
        return None
    return f"cuda:{int(written.partition(':')[2] or 0)}"


def _legs(sheet: Sheet, shape: project_file.Project | None, runner: object) -> dict[str, LegEntry]:
    known = shape.runner.legs if shape and shape.runner else None
    written = runner.get("legs") if isinstance(runner, dict) else None
    if not known or not isinstance(written, dict):
        return {}
    return {
        name: LegEntry(_device(sheet, written[name], ("runner", "legs", name)), leg.threads)
        for name, leg in known.items()
    }


def _cpu(sheet: Sheet, shape: project_file.Project | None) -> CpuPower | None:
    written = shape.runner.cpu if shape and shape.runner else None
    if written is None:
        return None
    path = ("runner", "cpu")
    idle, most = (sheet.quantity((*path, key), getattr(written, key), _WATTS) for key in ("idle", "max"))
    if idle is None or most is None:
        return None
    if idle.amount >= most.amount:
        sheet.complain((*path, "max"), f"found `{written.max}`, expected more than idle (`{written.idle}`)")
    return CpuPower(idle, most, written.source)


def _models(sheet: Sheet, written: object) -> tuple[ModelEntry, ...]:
    entries: dict[str, ModelEntry] = {}
    for index, value in enumerate(written if isinstance(written, list) else ()):
        path = ("models", index)
        shape = fitting(project_file.Model, value)
        entry = project_model.read(sheet, path, shape) if shape else None
        if entry is None:
            continue
        if entry.name in entries:
            first = entries[entry.name].place
            found = f"two models are called `{entry.name}`; the first in line {first.line}"
            sheet.complain((*path, "name"), found, "give each a name of its own")
        entries.setdefault(entry.name, entry)
    return tuple(entries.values())


def _meters(sheet: Sheet, runner: object) -> tuple[MeterEntry, ...]:
    written = runner.get("meters") if isinstance(runner, dict) else None
    return project_meters.read(sheet, ("runner", "meters"), written if isinstance(written, list) else [])


def _profiles(sheet: Sheet, runner: object) -> Iterator[ProfileEntry]:
    """Read the calibrations, of one runner or of several; complain of paths that leave the project."""
    said = runner if isinstance(runner, dict) else {}
    several = said.get("profiles")
    places: list[tuple[KeyPath, object]] = [(("runner", "profile"), said.get("profile"))]
    places += [(("runner", "profiles", at), one) for at, one in enumerate(several if isinstance(several, list) else [])]
    for path, written in places:
        if isinstance(written, dict) and isinstance(written.get("file"), str):
            sheet.check_path((*path, "file"), written["file"])
        shape = fitting(project_file.Profile, written)
        if shape:
            yield ProfileEntry(shape.file, shape.key, sheet.place(path))


def _factors(sheet: Sheet, written: object) -> FactorsEntry | None:
    if written is None:
        return None
    if isinstance(written, str):
        return FactorsEntry(name=written, place=sheet.place(("factors",)))
    if isinstance(written, dict) and isinstance(written.get("file"), str):
        sheet.check_path(("factors", "file"), written["file"])
    shape = fitting(project_file.PinnedFactors, written)
    return FactorsEntry(file=shape.file, sha256=shape.sha256, place=sheet.place(("factors",))) if shape else None


def _refuse_unpinned(sheet: Sheet, entries: Iterable[ModelEntry]) -> None:
    """Refuse words that only a factor set can explain where none is pinned: the newest would change with greengate."""
    for entry in entries:
        if entry.deployment and entry.deployment.looked_up:
            found = f"`{entry.deployment.looked_up}` stands in a factor set, and none is pinned"
            hint = "pin one: `factors: greengate-2026.11` (`greengate factors list`)"
            sheet.problems.append(ProjectError(entry.deployment.place, found, hint))


def _policies(sheet: Sheet, written: object) -> tuple[str, ...]:
    named = [name for name in written if isinstance(name, str)] if isinstance(written, list) else []
    for index, name in enumerate(named):
        if not is_pack_name(name) and name.strip():
            sheet.check_path(("policies", index), name)
        if name in named[:index]:
            sheet.complain(("policies", index), f"`{name}` is named twice", "keep one of the two")
    return tuple(named)


def _limits(sheet: Sheet, runner: object, path: KeyPath) -> Limits:
    written = runner.get("limits") if isinstance(runner, dict) else None
    shape = fitting(project_file.Limits, written)
    if shape is None:
        return Limits()
    usual = Limits()
    memory = sheet.quantity((*path, "memory"), shape.memory, _MEMORY)
    cpu = sheet.quantity((*path, "cpu"), shape.cpu, _TIME)
    wall = sheet.quantity((*path, "wall"), shape.wall, _TIME)
    return Limits(
        address_space_bytes=int(memory.amount) if memory else usual.address_space_bytes,
        cpu_s=math.ceil(cpu.amount) if cpu else usual.cpu_s,
        wall_s=wall.amount if wall else usual.wall_s,
    )
