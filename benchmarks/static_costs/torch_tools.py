"""Count a torch module by fvcore or by torch itself, or export it; for the Python of the scratch environment.

    .venv/bin/python torch_tools.py fvcore|flop_counter NAME
    .venv/bin/python torch_tools.py export NAME MODULE.pt2

fvcore is plain: its own handlers, as its documentation shows. torch.utils.flop_counter counts two FLOPs a
multiply-accumulate, so that half of its figure is told. Prints JSON: multiply-accumulates, parameters, and seconds
without the start of Python, imports and making the module.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable

import torch
import torch_decoder
import torch_language as language
import torch_vision as vision
from decoder_sizes import LIKE
from torch import nn

Inputs = tuple[torch.Tensor, ...]


def _image() -> Inputs:
    return (torch.randn(1, 3, 224, 224),)


def _tokens(length: int, count: int = 1) -> Inputs:
    return tuple(torch.ones(1, length, dtype=torch.long) for _ in range(count))


MODULES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Inputs]]] = {
    "squeezenet": (vision.squeezenet, _image),
    "densenet121": (vision.densenet121, _image),
    "resnet50": (vision.resnet50, _image),
    "vgg19": (vision.vgg19, _image),
    "resnet18": (vision.resnet18, _image),
    "mobilenet_v2": (vision.mobilenet_v2, _image),
    "vit_b_16": (language.Vit, _image),
    "vit_b_16-no_grad": (language.Vit, _image),
    "encoder": (language.encoder, lambda: (torch.randn(1, 128, 512),)),
    "lstm": (language.Lstm, lambda: (torch.randn(100, 1, 256),)),
    "bert_base": (language.Bert, lambda: _tokens(128, 3)),
    "gpt2-128": (language.Gpt2, lambda: _tokens(128)),
    "gpt2-1024": (language.Gpt2, lambda: _tokens(1024)),
    "decoder-tiny": (lambda: torch_decoder.Decoder(LIKE["tiny"]), lambda: _tokens(32, 2)),
    "decoder-70b": (lambda: torch_decoder.Decoder(LIKE["70b"]), lambda: _tokens(128, 2)),
}
_WITHOUT_WEIGHTS = frozenset({"decoder-70b"})


def by_fvcore(module: nn.Module, inputs: Inputs) -> int:
    """Count by fvcore with its own handlers; what it leaves out it says on standard error only."""
    from fvcore.nn import FlopCountAnalysis  # noqa: PLC0415 - the other tool must not pay for it

    logging.disable(logging.WARNING)
    return int(FlopCountAnalysis(module, inputs).total())


def by_flop_counter(module: nn.Module, inputs: Inputs) -> int:
    """Count by torch's own counter in one run."""
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - as above

    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return int(counter.get_total_flops()) // 2


def main(tool: str, name: str, *path: str) -> None:
    """Do what is asked to the module of this name."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_grad_enabled(not name.endswith("-no_grad"))
    make, fed = MODULES[name]
    with torch.device("meta" if name in _WITHOUT_WEIGHTS else "cpu"):
        module, inputs = make().eval(), fed()
    if tool == "export":
        torch.export.save(torch.export.export(module, inputs), path[0])
        return
    started = time.perf_counter()
    macs = {"fvcore": by_fvcore, "flop_counter": by_flop_counter}[tool](module, inputs)
    seconds = time.perf_counter() - started
    parameters = sum(parameter.numel() for parameter in module.parameters())
    print(json.dumps({"macs": macs, "parameters": parameters, "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
