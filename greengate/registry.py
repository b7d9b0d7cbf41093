"""Which word stands for which adapter; other packages add their own through entry points.

An adapter is imported when its word is first used, so that what a command does not need costs it nothing. A package
adds one with an entry point in the group `greengate.models`, `greengate.meters`, `greengate.intensities`,
`greengate.reports` or `greengate.quarterly`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greengate.errors import ModelError, UsageError, nearest
from greengate.ports import IntensitySource, ModelLoader

if TYPE_CHECKING:  # counting needs no verdicts, nor what makes them
    from greengate.forges import Forge

MODELS = {".onnx": "greengate.models.onnx:OnnxLoader", ".pt2": "greengate.models.pytorch:TorchLoader"}
# No kinds that can be run: their loader says so, and what to do instead.
PICKLES = dict.fromkeys((".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth"), MODELS[".pt2"])
# Looked for on every machine, in this order within a class.
METERS = {
    "nvml": "greengate.measure.meters.nvml:NvmlMeter",
    "nvml-power": "greengate.measure.meters.nvml:NvmlPowerMeter",
    "rapl-powercap": "greengate.measure.meters.rapl_powercap:PowercapMeter",
    "rapl-perf": "greengate.measure.meters.rapl_perf:PerfMeter",
    "zeus": "greengate.measure.meters.zeus_devices:ZeusMeter",
}
GPU_METERS = ("nvml", "nvml-power")
# Asked only where the project file names them: an address, a query or a device cannot be guessed.
WALL_METERS = {
    "ipmi": "greengate.measure.meters.ipmi:IpmiMeter",
    "prometheus": "greengate.measure.meters.prometheus:PrometheusMeter",
    "redfish": "greengate.measure.meters.redfish:RedfishMeter",
    "shelly": "greengate.measure.meters.smart_plugs:ShellyMeter",
    "tasmota": "greengate.measure.meters.smart_plugs:TasmotaMeter",
}
# Live sources of carbon intensity: for scheduling, never for accounts.
INTENSITIES = {
    "carbon-aware": "greengate.carbon.live.carbon_aware:CarbonAware",
    "electricitymaps": "greengate.carbon.live.electricitymaps:ElectricityMaps",
    "file": "greengate.carbon.live.static_file:StaticFile",
    "neso": "greengate.carbon.live.neso:Neso",
    "watttime": "greengate.carbon.live.watttime:WattTime",
}
# A forge is named by the id of a change; there are no others' forges yet.
FORGES = {"github": "greengate.forge.github:GitHub", "gitlab": "greengate.forge.gitlab:GitLab"}
REPORTS = {
    "annotations": "greengate.report.annotations",
    "codequality": "greengate.report.codequality",
    "dotenv": "greengate.report.dotenv",
    "entries": "greengate.report.entries",
    "json": "greengate.report.json_report",
    "junit": "greengate.report.junit",
    "markdown": "greengate.report.markdown",
    "outputs": "greengate.report.outputs",
    "picture": "greengate.report.growth_picture",
    "receipts": "greengate.report.receipts",
    "sarif": "greengate.report.sarif",
    "table": "greengate.report.table",
}
# Formats of the quarterly report.
QUARTERLY = {
    "csv": "greengate.report.quarterly.csv_file",
    "html": "greengate.report.quarterly.html_file",
    "json": "greengate.report.quarterly.json_file",
    "pdf": "greengate.report.quarterly.pdf_file",
    "xlsx": "greengate.report.quarterly.xlsx_file",
}


def loader_of(path: Path) -> ModelLoader:
    """Make the loader for a model file, by its suffix.

    Raises:
        ModelError: There is none.
    """
    # To look for what other packages add takes longer than many a count.
    target = MODELS.get(path.suffix) or {**PICKLES, **_known({}, "greengate.models")}.get(path.suffix)
    if target is None:
        hint = nearest(path.suffix, MODELS) if path.suffix else "export it to ONNX"
        problem = f"`{path.suffix or path.name}` is no kind of model file that greengate can run"
        raise ModelError(str(path), problem, hint)
    made: ModelLoader = _resolve(target)()
    return made


def meters() -> list[str]:
    """Name the meters that are looked for on every machine; a package adds its own in the group `greengate.meters`."""
    return list(_known(METERS, "greengate.meters"))


def meter(word: str, *gpus: str) -> Any:
    """Make the `ports.Meter` of a word of `meters()`; of `GPU_METERS`, one that reads only the GPUs that are named."""
    made = _resolve(_known(METERS, "greengate.meters")[word])
    return made([*gpus]) if gpus and word in GPU_METERS else made()


def wall_meter(kind: str, address: str, options: Mapping[str, Any], access: object) -> Any:
    """Make the `ports.Meter` of an entry of the project file.

    Args:
        kind: A word of `WALL_METERS`.
        address: What the entry says of where it is: a URL, or `local`.
        options: What else it says, by the names of the constructor's arguments.
        access: The `settings.MeterAccess` that the meter may ask for.
    """
    return _resolve(WALL_METERS[kind])(address, access, **options)


def intensities() -> list[str]:
    """Name the live sources of carbon intensity; a package adds its own in the group `greengate.intensities`."""
    return sorted(_known(INTENSITIES, "greengate.intensities"))


def intensity_source(word: str, access: object) -> IntensitySource:
    """Make a live source from the `settings.LiveAccess` that it may ask for.

    Raises:
        UsageError: There is no such source, or something that it needs is not given.
    """
    known = _known(INTENSITIES, "greengate.intensities")
    if word not in known:
        problem = f"`{word}` is no source of carbon intensity" if word else "no source of carbon intensity is named"
        hint = nearest(word, known) if word else "known here: " + ", ".join(f"`{name}`" for name in sorted(known))
        raise UsageError("--source", problem, hint)
    made: IntensitySource = _resolve(known[word])(access)
    return made


def forge(word: str, access: object, change: str) -> Forge:
    """Make the forge that a change is on.

    Args:
        word: A word of `FORGES`.
        access: The `settings.ForgeAccess` that the forge may ask for.
        change: Id of the change: `owner/repo#12` on GitHub, `group/project!12` on GitLab.

    Raises:
        UsageError: There is no such forge, or its id is none of a change there.
        ForgeError: What opens it is missing or cannot be used.
    """
    if word not in FORGES:
        raise UsageError("forge", f"`{word}` is no forge that greengate knows", nearest(word, FORGES))
    made: Forge = _resolve(FORGES[word])(access, change)
    return made


def report(word: str) -> Any:
    """Return the module (or object) that renders a report format.

    Raises:
        UsageError: No such format.
    """
    known = _known(REPORTS, "greengate.reports")
    if word not in known:
        raise UsageError("--report", f"`{word}` is no report format", nearest(word, known))
    return _resolve(known[word])


def quarterly(word: str) -> Any:
    """Return the module (or object) that renders a format of the quarterly report.

    Raises:
        UsageError: No such format.
    """
    known = _known(QUARTERLY, "greengate.quarterly")
    if word not in known:
        raise UsageError("--report", f"`{word}` is no format of the quarterly report", nearest(word, known))
    return _resolve(known[word])


def _known(own: dict[str, str], group: str) -> dict[str, str]:
    return {**{entry.name: entry.value for entry in entry_points(group=group)}, **own}


def _resolve(target: str) -> Any:
    module, _, name = target.partition(":")
    found = import_module(module)
    return getattr(found, name) if name else found
