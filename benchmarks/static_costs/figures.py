"""The architectures of the comparison, each with its published figure and where that stands."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import derivations

_TORCHVISION = "torchvision, `_ops` of `{}_Weights` in billions ({}), shown as GFLOPS in its table of weights"
_IMAGE = ("image=float32:1x3x224x224",)


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture as an ONNX graph and, where there is one, as a torch module.

    Attributes:
        name: As in the table.
        graph: `light_...` for a file of the onnx package, else a graph of `graphs`.
        module: A module of `torch_tools`, or nothing.
        published: Multiply-accumulates as they are published.
        source: Where; empty if they are worked out in `derivations`.
        sizes: Sizes of open axes.
        inputs: Inputs for onnx-tool, which needs them where axes are open.
        parameters: As published, where they are.
    """

    name: str
    graph: str
    module: str
    published: float
    source: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    parameters: int | None = None


def light_file(name: str) -> Path:
    """Return a file of the onnx package without importing it."""
    spec = importlib.util.find_spec("onnx")
    if spec is None or spec.origin is None:
        raise SystemExit("onnx is not installed")
    return Path(spec.origin).parent / "backend" / "test" / "data" / "light" / f"{name}.onnx"


def _tokens(length: int, *names: str) -> tuple[str, ...]:
    return tuple(f"{name}=int64:1x{length}" for name in names)


LIGHT = (
    Architecture(
        "SqueezeNet 1.1", "light_squeezenet", "squeezenet", 349e6, _TORCHVISION.format("SqueezeNet1_1", "0.349"),
        parameters=1_235_496,
    ),
    Architecture("ShuffleNet, 4 groups", "light_shufflenet", "", derivations.shufflenet()),
    Architecture("GoogLeNet (Inception v1)", "light_inception_v1", "", derivations.inception_v1()),
    Architecture("BN-Inception (Inception v2)", "light_inception_v2", "", derivations.inception_v2()),
    Architecture(
        "DenseNet-121", "light_densenet121", "densenet121", 2834e6, _TORCHVISION.format("DenseNet121", "2.834"),
        parameters=7_978_856,
    ),
    Architecture(
        "ResNet-50", "light_resnet50", "resnet50", 4089e6, _TORCHVISION.format("ResNet50", "4.089"),
        parameters=25_557_032,
    ),
    Architecture("AlexNet, 2 groups", "light_bvlc_alexnet", "", derivations.alexnet()),
    Architecture("ZFNet-512", "light_zfnet512", "", derivations.zfnet512()),
    Architecture(
        "VGG-19", "light_vgg19", "vgg19", 19632e6, _TORCHVISION.format("VGG19", "19.632"), parameters=143_667_240
    ),
)  # fmt: skip
WRITTEN = (
    Architecture(
        "ResNet-18", "resnet18", "resnet18", 1814e6, _TORCHVISION.format("ResNet18", "1.814"),
        inputs=_IMAGE, parameters=11_689_512,
    ),
    Architecture(
        "MobileNetV2", "mobilenet_v2", "mobilenet_v2", 301e6, _TORCHVISION.format("MobileNet_V2", "0.301"),
        inputs=_IMAGE, parameters=3_504_872,
    ),
    Architecture(
        "ViT-B/16", "vit_b_16", "vit_b_16", 17564e6, _TORCHVISION.format("ViT_B_16", "17.564"),
        inputs=_IMAGE, parameters=86_567_656,
    ),
    Architecture(
        "ViT-B/16 under torch.no_grad()", "vit_b_16", "vit_b_16-no_grad", 17564e6,
        _TORCHVISION.format("ViT_B_16", "17.564"), inputs=_IMAGE, parameters=86_567_656,
    ),
    Architecture(
        "Transformer encoder, 128 tokens", "encoder", "encoder", derivations.encoder(),
        sizes={"seq": 128}, inputs=("embedded=float32:1x128x512",),
    ),
    Architecture(
        "LSTM, 100 steps", "lstm", "lstm", derivations.lstm(),
        sizes={"batch": 1, "seq": 100}, inputs=("features=float32:100x1x256",),
    ),
    Architecture(
        "BERT-base, 128 tokens", "bert_base", "bert_base", 11.17e9,
        "README of calflops (11.17 GMACs for a BERT-base of another vocabulary, which costs no product)",
        sizes={"seq": 128}, inputs=_tokens(128, "input_ids", "token_type_ids", "attention_mask"),
        parameters=109_482_240,
    ),
    Architecture(
        "GPT-2 small, 128 tokens", "gpt2", "gpt2-128", derivations.gpt2(),
        sizes={"seq": 128}, inputs=_tokens(128, "input_ids"), parameters=124_439_808,
    ),
    Architecture(
        "GPT-2 small, 1,024 tokens", "gpt2", "gpt2-1024", 291_648_307_200 / 2,
        "nanoGPT, transformer_sizing.ipynb: forward_total of 291,648,307,200 FLOPs, two a multiply-accumulate",
        sizes={"seq": 1024}, inputs=_tokens(1024, "input_ids"), parameters=124_439_808,
    ),
)  # fmt: skip
ALL = (*LIGHT, *WRITTEN)

# Whose arithmetic stands in `derivations`.
DERIVED = {
    "ShuffleNet, 4 groups": derivations.shufflenet,
    "GoogLeNet (Inception v1)": derivations.inception_v1,
    "BN-Inception (Inception v2)": derivations.inception_v2,
    "AlexNet, 2 groups": derivations.alexnet,
    "ZFNet-512": derivations.zfnet512,
    "Transformer encoder, 128 tokens": derivations.encoder,
    "LSTM, 100 steps": derivations.lstm,
    "GPT-2 small, 128 tokens": derivations.gpt2,
}
