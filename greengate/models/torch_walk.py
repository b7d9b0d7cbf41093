"""An exported program's graph as a module that runs step by step, on tensors without data where there are such."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Final

import torch

from greengate.models import torch_sizes
from greengate.models.torch_graph import attribute, described, filled_in, inner, is_nested, is_plain
from greengate.models.torch_run import Run, tensors_of
from greengate.models.torch_trace import META

# They check sizes and values, or switch what counting does not ask about, and compute nothing.
_CHECKS: Final = frozenset(
    {
        "_assert_async",
        "_assert_scalar",
        "_assert_tensor_metadata",
        "_set_grad_enabled",
        "sym_constrain_range",
        "sym_constrain_range_for_size",
    }
)
# Attention by one kernel or another, which a trace of torch's does not take or does not see through, and which slot
# says that sequences of uneven lengths are packed into one.
_ATTENTIONS: Final[Mapping[str, int | None]] = {
    "_cudnn_attention_forward": 4,
    "_efficient_attention_forward": 4,
    "_flash_attention_forward": 3,
    "_scaled_dot_product_cudnn_attention": None,
    "_scaled_dot_product_flash_attention": None,
    "_scaled_dot_product_fused_attention_overrideable": None,
    "_triton_scaled_dot_attention": None,
}
_HEADS_LAST: Final = frozenset({"_efficient_attention_forward", "_flash_attention_forward"})
_RECURRENT: Final = frozenset({"gru.input", "lstm.input", "rnn_relu.input", "rnn_tanh.input"})
_NUMBERS: Final = (torch.SymInt, torch.SymFloat, torch.SymBool, int, float)


class Walk(torch.nn.Module):
    """Runs a graph; every step is a module of its own, so that what counts by module counts by step.

    Args:
        graph_module: The graph, to be called with one value for each placeholder.
        run: What it shares with the graphs inside it.
    """

    def __init__(self, graph_module: Any, run: Run) -> None:
        super().__init__()
        self._held, self._running = (graph_module,), run  # in a tuple, a graph is no module of this one
        self._expected = {node: described(node.meta.get("val")) for node in graph_module.graph.nodes}
        for index, node in enumerate(graph_module.graph.nodes):
            if node.op == "call_function":
                below = Walk(inner(graph_module, node)[0], run) if is_plain(node) else _Step()
                self.add_module(f"n{index}", below)

    def forward(self, *values: Any) -> Any:
        """Run it and return what it returns."""
        (graph_module,) = self._held
        found: dict[Any, Any] = {}
        users = {node: len(node.users) for node in graph_module.graph.nodes}
        rest = iter(values)
        for index, node in enumerate(graph_module.graph.nodes):
            if node.op == "placeholder":
                found[node] = next(rest)
            elif node.op == "get_attr":
                found[node] = attribute(graph_module, node.target)
            elif node.op == "output":
                return filled_in(node.args[0], found)
            else:
                found[node] = self._called(node, self.get_submodule(f"n{index}"), found)
            for used in node.all_input_nodes:
                users[used] -= 1
                if not users[used]:
                    del found[used]
        return ()

    def _called(self, node: Any, module: Any, found: dict[Any, Any]) -> Any:
        if _short(node.target) in _CHECKS:
            return None
        value = self._expected[node]
        if isinstance(value, _NUMBERS):
            known = torch_sizes.value_of(value, self._running.symbols)
            if known is not None:
                return known
        if is_plain(node):
            return self._inner(node, module, found)
        return module(lambda: self._run(node, found))

    def _inner(self, node: Any, module: Any, found: Mapping[Any, Any]) -> Any:
        values = filled_in(inner(self._held[0], node)[1], found)
        if str(node.target) == "wrap_with_autocast":
            device, dtype, enabled, cached = node.args[:4]
            with torch.autocast(device, dtype, enabled, cached):
                return module(*values)
        return module(*values)

    def _run(self, node: Any, found: dict[Any, Any]) -> Any:
        run = self._running
        run.target, run.expected = node.target, self._expected[node]
        if run.real:
            result = node.target(*filled_in(node.args, found), **filled_in(node.kwargs, found))
        elif is_nested(node):
            result = run.empty()
        else:
            result = self._without_data(node, *run.prepared(node, found))
        run.learn(result)
        if not run.real or not node.users:
            run.loose += tensors_of(result)
        return result

    def _without_data(self, node: Any, args: Any, options: Any) -> Any:
        name = _short(node.target)
        if name in _ATTENTIONS:
            return self._running.attended(*args[:3], turned=name in _HEADS_LAST)
        if getattr(node.target, "__name__", "") in _RECURRENT:
            return self._recurred(node, args[2])
        return node.target(*args, **options)

    def _recurred(self, node: Any, weights: Sequence[torch.Tensor]) -> Any:
        """Multiply all steps of a recurrent layer with its matrices at once; torch would go through them one by one."""
        run = self._running
        steps = prod((run.expected[0].dims(run.symbols) or ())[:-1])
        for weight, known in zip(weights, (self._expected[each] for each in node.args[2]), strict=True):
            dims: tuple[int, ...] = known.dims(run.symbols) or ()
            if len(dims) == 2:
                rows = torch.empty((steps, dims[1]), dtype=known.dtype, device=META)
                run.loose.append(torch.ops.aten.linear.default(rows, weight))
        return run.empty()


def is_packed(node: Any) -> bool:
    """Tell whether a node is attention to sequences of uneven lengths in one tensor, which its shape does not tell."""
    slot = _ATTENTIONS.get(_short(node.target))
    return slot is not None and len(node.args) > slot and node.args[slot] is not None


def _short(target: Any) -> str:
    return str(getattr(target, "__name__", "")).partition(".")[0]


class _Step(torch.nn.Module):
    def forward(self, call: Callable[[], Any]) -> Any:
        return call()
