"""Image classifiers as ONNX graphs, written by hand from their papers; batch normalisations stand unfolded."""

from __future__ import annotations

from dataclasses import dataclass

import language_graphs as language
from graph_maker import Maker
from onnx import TensorProto
from vision_sizes import MOBILENET_V2

_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution, its normalisation and what follows."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    groups: int = 1
    act: str = "Relu"


def resnet18() -> Maker:
    """ResNet-18: He et al., Deep Residual Learning for Image Recognition (2015), table 1."""
    make = Maker("resnet18")
    value = _convolved(make, _image(make), Layer(3, 64, 7, 2))
    value = make.node("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    width = 64
    for stage in range(4):
        for block in range(2):
            wider, stride = 64 << stage, 2 if stage and not block else 1
            straight = _convolved(make, value, Layer(width, wider, 1, stride, act="")) if width != wider else value
            value = _convolved(make, value, Layer(width, wider, 3, stride))
            value = _convolved(make, value, Layer(wider, wider, 3, act=""))
            value, width = make.node("Relu", make.node("Add", value, straight)), wider
    return _classified(make, value, 512)


def mobilenet_v2() -> Maker:
    """MobileNetV2 at width 1: Sandler et al. (2018), table 2."""
    make = Maker("mobilenet_v2")
    value, width = _convolved(make, _image(make), Layer(3, 32, 3, 2, act="Clip")), 32
    for times, wider, blocks, first in MOBILENET_V2:
        for block in range(blocks):
            stride, inner = first if block == 0 else 1, width * times
            inside = value
            if times != 1:
                inside = _convolved(make, inside, Layer(width, inner, 1, act="Clip"))
            inside = _convolved(make, inside, Layer(inner, inner, 3, stride, inner, "Clip"))
            inside = _convolved(make, inside, Layer(inner, wider, 1, act=""))
            value = make.node("Add", value, inside) if stride == 1 and width == wider else inside
            width = wider
    return _classified(make, _convolved(make, value, Layer(width, 1280, 1, act="Clip")), 1280)


def vit_b_16() -> Maker:
    """ViT-B/16 at 224 by 224: Dosovitskiy et al. (2020), table 1."""
    make, width, tokens = Maker("vit_b_16"), 768, 14 * 14
    image = _image(make)
    patches = make.node("Conv", image, make.weight(width, 3, 16, 16), make.weight(width), strides=[16, 16])
    patches = make.node("Reshape", patches, make.ints(0, width, tokens))
    patches = make.node("Transpose", patches, perm=[0, 2, 1])
    batch = make.node("Gather", make.node("Shape", image), make.ints(0))
    start = make.node("Expand", make.weight(1, 1, width), make.node("Concat", batch, make.ints(1, width), axis=0))
    value = make.node("Concat", start, patches, axis=1)
    value = make.node("Add", value, make.weight(1, tokens + 1, width))
    for _ in range(12):
        value = language.block(make, value, language.GPT)
    value = language.norm(make, value, width)
    value = make.node("Gather", value, make.single(0), axis=1)
    make.output(_dense(make, value, width, _CLASSES), 2)
    return make


def _image(make: Maker) -> str:
    return make.input("image", ("batch", 3, 224, 224), TensorProto.FLOAT)


def _convolved(make: Maker, value: str, layer: Layer) -> str:
    side = layer.kernel
    weight = make.weight(layer.outputs, layer.inputs // layer.groups, side, side)
    sizes = {"kernel_shape": [side] * 2, "strides": [layer.stride] * 2, "pads": [side // 2] * 4}
    value = make.node("Conv", value, weight, group=layer.groups, **sizes)
    value = make.node("BatchNormalization", value, *(make.weight(layer.outputs) for _ in range(4)))
    limits = (make.scalar(0.0), make.scalar(6.0)) if layer.act == "Clip" else ()
    return make.node(layer.act, value, *limits) if layer.act else value


def _classified(make: Maker, value: str, width: int) -> Maker:
    value = make.node("Flatten", make.node("GlobalAveragePool", value))
    make.output(_dense(make, value, width, _CLASSES), 2)
    return make


def _dense(make: Maker, value: str, inputs: int, outputs: int) -> str:
    return make.node("Gemm", value, make.weight(outputs, inputs), make.weight(outputs), transB=1)
