"""fvcore's count of a module, on tensors that have shapes and no data where there are such (torch's "meta" device).

fvcore has torch trace the module. Some of torch's kernels for tensors without data are written in Python and ask for
shapes; under a trace that is traced too, and such a kernel fails. A trace belongs to a thread, so operators on tensors
without data run in another one, and the trace gets tensors of the shapes that they returned there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import torch
from fvcore.nn import FlopCountAnalysis
from torch.overrides import enable_reentrant_dispatch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from greengate.models import torch_operators
from greengate.models.onnx_formulas import Uncountable
from greengate.models.torch_operators import HANDLES, Formula, Values

META: Final = "meta"
StandIn = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Traced:
    """What fvcore counts.

    Attributes:
        macs: Multiply-accumulates; what could not be counted is left out.
        by_module: Those of each module by its path, its submodules included.
        gaps: What could not be counted, in words.
        incomplete: Paths of modules in which something could not be counted.
    """

    macs: int
    by_module: dict[str, int]
    gaps: tuple[str, ...]
    incomplete: frozenset[str]


def traced(module: torch.nn.Module, tensors: Sequence[torch.Tensor], stand_in: StandIn | None = None) -> Traced:
    """Count the multiply-accumulates of one run of a module.

    Args:
        module: To be called with tensors alone; it returns tensors.
        tensors: Its inputs. If one has no data, nothing that has none is computed.
        stand_in: Gives what an operator returns that torch cannot run on tensors without data, or raises.
    """
    if not any(tensor.is_meta for tensor in tensors):
        return _analysed(module, tensors)
    with torch.inference_mode(mode=False), torch.no_grad(), ThreadPoolExecutor(1) as elsewhere:

        def run(func: Any, args: Any, options: Any) -> Any:
            if not _without_data(args, options):
                return func(*args, **options)
            try:
                result = elsewhere.submit(_shapes, func, args, options).result()
            except NotImplementedError:
                if stand_in is None:
                    raise
                return stand_in(func)
            result = pytree.tree_map_only(_Shape, _Shape.tensor, result)
            return _seen(result, args) if func is torch.ops.aten.convolution.default else result

        return _analysed(_Inside(_Doing(run), module), tensors, "module")


def standing_in(stand_in: StandIn | None) -> TorchDispatchMode:
    """Return a mode in which something stands in for what operators return that torch cannot run without data."""

    def run(func: Any, args: Any, options: Any) -> Any:
        try:
            return func(*args, **options)
        except NotImplementedError:
            if stand_in is None:
                raise
            return stand_in(func)

    return _Doing(run)


def _shapes(func: Any, args: Any, options: Any) -> Any:
    with torch.no_grad():
        return pytree.tree_map_only(torch.Tensor, _Shape.of, func(*args, **options))


def _seen(result: torch.Tensor, arguments: Sequence[Any]) -> Any:
    """Let the trace see a convolution: it only notices the inner form, which is not reached here."""
    convolution = torch.ops.aten._convolution.default  # noqa: SLF001 - the operator's name
    with enable_reentrant_dispatch(), _Doing(lambda *_: result):
        return convolution(*arguments, False, False, False, False)


class _Doing(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Has a function do what operators do: of the operator, its arguments and its named arguments."""

    def __init__(self, act: Callable[[Any, Any, Any], Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._act = act

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._act(func, args, kwargs or {})


@dataclass(frozen=True, slots=True)
class _Shape:
    """A tensor without data, to be made afresh: torch takes none twice from a mode, if it is a view."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: torch.Tensor) -> _Shape:
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device)

    def tensor(self) -> torch.Tensor:
        return torch.empty_strided(self.size, self.stride, dtype=self.dtype, device=self.device)


def _without_data(args: Any, options: Any) -> bool:
    tensors = [leaf for leaf in pytree.tree_leaves((args, options)) if isinstance(leaf, torch.Tensor)]
    if tensors:
        return any(tensor.is_meta for tensor in tensors)
    device = options.get("device")
    return device is not None and torch.device(device).type == META


class _Inside(torch.nn.Module):
    def __init__(self, mode: TorchDispatchMode, module: torch.nn.Module) -> None:
        super().__init__()
        self._mode, self.module = mode, module

    def forward(self, *tensors: torch.Tensor) -> Any:
        with self._mode:
            return self.module(*tensors)


def _analysed(module: torch.nn.Module, tensors: Sequence[torch.Tensor], root: str = "") -> Traced:
    gaps: list[str] = []
    incomplete: set[str] = set()
    handles = {name: _Handle(name, formula, gaps, incomplete) for name, formula in HANDLES.items()}
    analysis = FlopCountAnalysis(module, tuple(tensors)).clear_op_handles().set_op_handle(**handles)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    macs, by_module = int(analysis.total(root)), analysis.by_module()
    for name, times in sorted(analysis.unsupported_ops(root).items()):
        if torch_operators.kind_of(name) is None:
            gaps.append(f"{name} ({times:,} times): no formula is known for this operator")
    for path in by_module:
        if any(torch_operators.kind_of(name) is None for name in analysis.unsupported_ops(path)):
            incomplete.add(path)
    below = len(f"{root}.") if root else 0
    return Traced(
        macs=macs,
        by_module={path[below:]: int(count) for path, count in by_module.items()},
        gaps=tuple(gaps),
        incomplete=frozenset(path[below:] for path in incomplete),
    )


class _Handle:
    """A formula as fvcore calls it."""

    def __init__(self, name: str, formula: Formula, gaps: list[str], incomplete: set[str]) -> None:
        self._name, self._formula, self._gaps, self._incomplete = name, formula, gaps, incomplete

    def __call__(self, inputs: Values, outputs: Values) -> int:
        try:
            return self._formula(inputs, outputs)
        except Uncountable as reason:
            self._gaps.append(f"{self._name}: {reason}")
            self._incomplete.add(outputs[0].node().scopeName().rpartition("/")[2])
            return 0
