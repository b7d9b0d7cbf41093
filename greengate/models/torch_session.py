"""torch in the child process: how it loads an exported program, runs it, and starts again from the file.

It is imported, and has done everything once in memory, before anything untrusted is near; see `Programs`.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree

from greengate.errors import ModelError
from greengate.models import inputs, torch_costs, torch_cuda, torch_sizes, torch_words
from greengate.models.inputs import Declared
from greengate.models.serving import Service
from greengate.models.torch_cuda import OnCpu, Place
from greengate.models.torch_graph import Tensor


class Programs(Service):
    """Exported programs by torch, on the CPU or on a GPU; beside what every service answers, it counts."""

    def __init__(self, device: str = "cpu") -> None:
        warnings.simplefilter("ignore")
        inputs.preload()
        _preload()
        # What torch brought stays; collecting garbage between blocks need not look through it again.
        gc.collect()
        gc.freeze()
        torch.set_flush_denormal(True)
        # For good: this process never trains, and the switch must not be part of what is timed.
        torch.inference_mode().__enter__()
        facts = {"torch": torch.__version__}
        self._place: Place = OnCpu()
        if device == "cpu":
            super().__init__(TorchModel, torch_words.translated, facts)
            return
        self._place = place = torch_cuda.OnCuda()
        load = functools.partial(TorchModel, place=place)
        super().__init__(load, torch_words.translated, {**facts, **place.facts}, torch_cuda.WARM_UP_S)

    def count(self, path: str, **options: Any) -> dict[str, Any]:
        """Count the static costs of the program in a file, which is loaded and not run if that can be avoided.

        Options: those of `feed`, and `sizes` of open axes by their names.
        """
        return torch_words.translated(_counted, path, options, self._place)


class TorchModel:
    """An exported program: a `serving.Served`.

    Args:
        path: The `.pt2` file.
        threads: Intra-operator threads.
        place: Where it runs.

    Raises:
        ModelError: torch refuses it, or an input is no tensor and no constant.
    """

    def __init__(self, path: str, threads: int, place: Place | None = None) -> None:
        self._path, self._threads, self._place = path, threads, place or OnCpu()
        program = self._loaded()
        self._pristine: Any = None
        self._in_spec: Any = program.call_spec.in_spec
        self._slots = _slots(program)
        self.inputs = [slot for slot in self._slots if isinstance(slot, Declared)]
        self.outputs = _outputs(program)
        self._module: Any = program.module()

    def bound(self, feeds: Mapping[str, np.ndarray]) -> Callable[[], Any]:
        """Return one run of the program."""
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)
        arguments, options = self._arguments(torch_words.translated(self._tensors, feeds))
        return self._place.whole(functools.partial(self._module, *arguments, **options))

    def values(self, result: Any) -> Sequence[Any]:
        """Return the tensors of the result as arrays, and what is no tensor as arrays of one element."""
        leaves = pytree.tree_leaves(result)
        return [leaf.numpy(force=True) if isinstance(leaf, torch.Tensor) else _scalar(leaf) for leaf in leaves]

    def renew(self) -> None:
        """Drop the module and copy a fresh one, with its own weights and state, from one that never ran.

        The first call loads the file again, since the module of before may have changed its state. Later calls copy:
        that moves the weights to other places in memory just like loading, at a tenth of the time.
        """
        self._module = None
        gc.collect()
        if self._pristine is None:
            self._pristine = self._loaded().module()
        self._module = copy.deepcopy(self._pristine)

    def _loaded(self) -> Any:
        return torch_words.translated(self._place.program, torch_words.loaded(self._path))

    def _tensors(self, feeds: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        return [self._place.tensor(_tensor(feeds[port.name])) for port in self.inputs]

    def _arguments(self, tensors: Sequence[torch.Tensor]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        rest = iter(tensors)
        flat = [next(rest) if isinstance(slot, Declared) else slot for slot in self._slots]
        arguments, options = pytree.tree_unflatten(flat, self._in_spec)
        return arguments, options


def _counted(path: Any, options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    program = torch_words.loaded(path)
    ports = [slot for slot in _slots(program) if isinstance(slot, Declared)]
    arrays = inputs.fit(ports, inputs.read(Path(options["npz"])), {}) if options["npz"] is not None else {}
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    filled = torch_sizes.filled(
        {port.name: tuple(values[port.name].shape) for port in ports},
        {str(symbol): bounds for symbol, bounds in program.range_constraints.items()},
        shapes={**options["shapes"], **{name: array.shape for name, array in arrays.items()}},
        sizes=options["sizes"],
        batch=options["batch"],
    )

    def feeds() -> list[torch.Tensor]:
        inputs.supported(ports)
        shapes = {port.name: Tensor.of(values[port.name]).dims(filled.symbols) or () for port in ports}
        made = arrays or inputs.generate(ports, shapes, options["ranges"], options["seed"])
        return [place.tensor(_tensor(made[port.name])) for port in ports]

    return torch_costs.count(place.program(program), filled, feeds)


def _slots(program: Any) -> list[Any]:
    """Return what is fed, in order: a declared input for every tensor, the value itself for every constant."""
    found = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    slots: list[Any] = []
    for spec in program.graph_signature.input_specs:
        if spec.kind is not torch.export.graph_signature.InputKind.USER_INPUT:
            continue
        value = found.get(spec.arg.name)
        if isinstance(value, torch.Tensor):
            slots.append(Declared(spec.arg.name, _element(value.dtype), tuple(map(_axis, value.shape))))
        elif isinstance(spec.arg, torch.export.graph_signature.ConstantArgument):
            slots.append(spec.arg.value)
        else:
            raise ModelError(
                "",
                f"input `{spec.arg.name}` is a {type(spec.arg).__name__}, which cannot be fed from NumPy",
                "export the model with tensor inputs; numbers may be constants",
            )
    return slots


def _axis(size: Any) -> int | str:
    return size if isinstance(size, int) else str(size)


def _element(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _outputs(program: Any) -> list[tuple[str, str]]:
    """Return the outputs: by their keys where the program returns a mapping, else as the graph names them."""
    kinds = torch.export.graph_signature.OutputKind
    specs = [spec for spec in program.graph_signature.output_specs if spec.kind is kinds.USER_OUTPUT]
    found = {node.name: node.meta.get("val") for node in program.graph.nodes}
    out_spec = program.call_spec.out_spec
    paths, _ = pytree.tree_flatten_with_path(pytree.tree_unflatten(specs, out_spec))
    outputs: list[tuple[str, str]] = []
    for path, spec in paths:
        value = found.get(spec.arg.name)
        kind = _element(value.dtype) if isinstance(value, torch.Tensor) else type(spec.arg).__name__
        outputs.append((_unique(_key(path) or spec.arg.name, [name for name, _ in outputs]), kind))
    return outputs


def _key(path: Sequence[Any]) -> str:
    keys = [next(getattr(key, name) for name in ("key", "idx", "name") if hasattr(key, name)) for key in path]
    return ".".join(map(str, keys)) if any(isinstance(key, str) for key in keys) else ""


def _unique(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else f"{name}_{len(taken)}"


def _tensor(array: np.ndarray) -> torch.Tensor:
    # Arrays that came over the wire lie in memory that must not be written to, and a program may write to its inputs.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _scalar(value: Any) -> np.ndarray | None:
    return None if value is None else np.asarray(value)


class _Tiny(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.linear(x))


def _preload() -> None:
    """Do everything once in memory, so that torch has imported what it imports late: a confined process cannot."""
    with contextlib.suppress(ImportError):  # the operators of quantised programs, as long as torch itself has them
        import_module("torch.ao.quantization.fx._decomposed")
    archive = io.BytesIO()
    program = torch.export.export(_Tiny(), (torch.zeros(2, 3),), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.export.save(program, archive)
    archive.seek(0)
    again: Any = torch.export.load(archive)
    copy.deepcopy(again.module())
    archive.seek(0)
    _counted(archive, {"npz": None, "shapes": {}, "sizes": {}, "ranges": {}, "seed": 0, "batch": 1}, OnCpu())
