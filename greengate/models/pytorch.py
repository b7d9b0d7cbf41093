"""PyTorch models: exported programs, loaded, run and counted by torch in a child process that can do no harm.

Loading one can run code that its author chose, so only those are taken that the base branch's project file trusts, and
they are confined like any other model.
"""

from __future__ import annotations

import importlib.util
import struct
import zipfile
from pathlib import Path
from typing import ClassVar

from greengate.errors import MissingExtra, ModelError
from greengate.models import costs_answer, deaths, file_kinds, lfs, model_file
from greengate.models.deaths import plain
from greengate.models.hosting import HostingLoader
from greengate.models.model_file import ModelFile
from greengate.models.sandbox import Sandbox
from greengate.ports import ModelSpec, StaticCosts

_PROGRAM = "an exported program (.pt2)"
_EXPORT = (
    "export it: torch.export.save(torch.export.export(model, example_inputs), 'model.pt2'), "
    "or torch.onnx.export(model, example_inputs, 'model.onnx', dynamo=True); a scikit-learn model with skl2onnx"
)
_PICKLE = "a Python pickle, which can run any code when it is loaded"


class TorchLoader(HostingLoader):
    """Exported programs (`.pt2`) by torch on the CPU."""

    entry: ClassVar[str] = "greengate.models.torch_session:Programs"
    packages: ClassVar[tuple[str, ...]] = ("numpy", "torch", "fvcore")

    def inspect(self, spec: ModelSpec) -> ModelFile:
        """Look at the file without unpickling anything, and whether it may be loaded at all.

        Raises:
            ModelError: It is missing, outside the folder, no exported program, cut short, or not trusted.
            MissingExtra: torch is not installed.
        """
        resolved = model_file.located(spec.path, spec.folder)
        try:
            size = model_file.size_bytes(spec.path, _PROGRAM, ".pt2")
            _refuse_others(spec.path)
            digest = lfs.sha256(spec.path)
        except OSError as error:
            raise ModelError(str(spec.path), f"it cannot be read: {error.strerror}") from error
        _refuse_untrusted(spec)
        _require_torch(spec.path)
        return ModelFile(resolved, (), size, digest)

    def count(self, spec: ModelSpec) -> StaticCosts:
        """Count the model's static costs, in a child process, since torch has to load it; it is not run if avoidable.

        Raises:
            ModelError: The file or the sizes are not right, or the child did not survive it.
        """
        with self._sandbox([self.inspect(spec)], [spec]) as sandbox:
            return _counted(sandbox, spec)


def _counted(sandbox: Sandbox, spec: ModelSpec) -> StaticCosts:
    where, doing = str(spec.path), "counting the model"
    options = {
        "path": str(spec.path.resolve()),
        "npz": str(spec.inputs.resolve()) if spec.inputs else None,
        "shapes": {name: list(shape) for name, shape in spec.shapes.items()},
        "sizes": dict(spec.sizes),
        "ranges": {name: list(bounds) for name, bounds in spec.ranges.items()},
        "seed": spec.seed,
        "batch": spec.batch,
    }
    fields = sandbox.ask("count", options, where=where, doing=doing).fields
    try:
        return costs_answer.read(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise deaths.garbage(where, doing, str(error)) from error


def _refuse_others(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        kind = file_kinds.named(path) or "no zip archive"
        if kind.startswith("a zip archive"):
            raise _cut_short(path)
        kind = _PICKLE if "pickle" in kind else kind
        raise ModelError(str(path), f"it is {kind}, not {_PROGRAM}", _EXPORT)
    kind = _kind(_names(path))
    if kind:
        raise ModelError(str(path), f"it is {kind}, not {_PROGRAM}", _EXPORT)
    if path.suffix != ".pt2":
        raise ModelError(str(path), f"it is {_PROGRAM}, but torch loads one by no other name", "rename it: .pt2")


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
        raise ModelError(
            str(path), f"it is a damaged zip archive: {plain(error)}", "build or download it again"
        ) from error
    # A program holds smaller archives: where the end is lost, the end of one of those is found.
    if entries and min(entry.header_offset for entry in entries) > 0:
        raise _cut_short(path)
    return [entry.filename for entry in entries]


def _cut_short(path: Path) -> ModelError:
    return ModelError(
        str(path),
        "it is cut short: it starts as a zip archive and has no end",
        "build or download it again; compare its size with the original",
    )


def _kind(names: list[str]) -> str:
    """Say what a zip archive is by the names in it; empty for an exported program."""
    # Newer ones keep a folder of graphs, those of torch 2.7 and older a single one.
    if any("/models/" in name and name.endswith(".json") for name in names):
        return ""
    if any(name.rpartition("/")[2] == "serialized_exported_program.json" for name in names):
        return ""
    last = {name.rpartition("/")[2] for name in names}
    if any("/aotinductor/" in name for name in names):
        return "a package of compiled code (AOTInductor)"
    if "constants.pkl" in last:
        return "a TorchScript archive"
    if "data.pkl" in last:
        return "a plain pickle of torch.save, which can run any code when it is loaded"
    return "another zip archive"


def _refuse_untrusted(spec: ModelSpec) -> None:
    if not spec.trusted:
        raise ModelError(
            str(spec.path),
            "it is an exported program, torch has no safe way to load one (it may run any code), "
            "and the project file of the base branch does not trust this model",
            "put `trust: true` beside its `name` in greengate.yaml on the base branch, and run with --base; "
            "or export it to ONNX, which needs no trust",
        )


def _require_torch(path: Path) -> None:
    missing = [name for name in ("torch", "fvcore") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtra(
            str(path), f"{' and '.join(missing)} must be installed to run it", "pip install 'greengate-ci[torch]'"
        )
