"""Image classifiers as torch modules, written by hand from their papers and as torchvision has them."""

from __future__ import annotations

import torch
from torch import nn
from vision_sizes import DENSENET_121, MOBILENET_V2, VGG_19

_CLASSES = 1000


def convolved(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Make a convolution without bias and its normalisation."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    """A block of ResNet: two convolutions, or three with a narrow one in the middle."""

    def __init__(self, inputs: int, width: int, stride: int, *, narrow: bool) -> None:
        super().__init__()
        outputs = 4 * width if narrow else width
        if narrow:
            parts = [convolved(inputs, width, 1), nn.ReLU(), convolved(width, width, 3, stride), nn.ReLU()]
            parts.append(convolved(width, outputs, 1))
        else:
            parts = [convolved(inputs, width, 3, stride), nn.ReLU(), convolved(width, width, 3)]
        self.inside = nn.Sequential(*parts)
        same = inputs == outputs and stride == 1
        self.straight = nn.Identity() if same else convolved(inputs, outputs, 1, stride)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Add what the block finds to what came in."""
        return torch.relu(self.inside(value) + self.straight(value))


def _resnet(blocks: tuple[int, ...], *, narrow: bool) -> nn.Module:
    parts: list[nn.Module] = [convolved(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, count in enumerate(blocks):
        for block in range(count):
            width = 64 << stage
            parts.append(Residual(inputs, width, 2 if stage and not block else 1, narrow=narrow))
            inputs = 4 * width if narrow else width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, _CLASSES))


def resnet18() -> nn.Module:
    """ResNet-18: He et al. (2015), table 1."""
    return _resnet((2, 2, 2, 2), narrow=False)


def resnet50() -> nn.Module:
    """ResNet-50: He et al. (2015), table 1, with the stride in the convolution of 3 by 3."""
    return _resnet((3, 4, 6, 3), narrow=True)


class Inverted(nn.Module):
    """A block of MobileNetV2."""

    def __init__(self, inputs: int, times: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = inputs * times
        parts = [convolved(inputs, inner, 1), nn.ReLU6()] if times != 1 else []
        parts += [convolved(inner, inner, 3, stride, inner), nn.ReLU6(), convolved(inner, outputs, 1)]
        self.inside = nn.Sequential(*parts)
        self.added = stride == 1 and inputs == outputs

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Add what the block finds where the shapes allow."""
        return value + self.inside(value) if self.added else self.inside(value)


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 at width 1: Sandler et al. (2018), table 2."""
    parts: list[nn.Module] = [convolved(3, 32, 3, 2), nn.ReLU6()]
    inputs = 32
    for times, outputs, blocks, first in MOBILENET_V2:
        for block in range(blocks):
            parts.append(Inverted(inputs, times, outputs, 1 if block else first))
            inputs = outputs
    parts += [convolved(inputs, 1280, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(1280, _CLASSES))


def vgg19() -> nn.Module:
    """VGG-19 without normalisation: Simonyan and Zisserman (2014), table 1, column E."""
    parts: list[nn.Module] = []
    inputs = 3
    for width, count in VGG_19:
        for _ in range(count):
            parts += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        parts.append(nn.MaxPool2d(2))
    parts += [nn.Flatten(), nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(4096, _CLASSES))


class Fire(nn.Module):
    """A block of SqueezeNet."""

    def __init__(self, inputs: int, narrow: int, half: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, narrow, 1)
        self.one, self.three = nn.Conv2d(narrow, half, 1), nn.Conv2d(narrow, half, 3, padding=1)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Squeeze, and expand in two ways."""
        value = torch.relu(self.squeeze(value))
        return torch.cat([torch.relu(self.one(value)), torch.relu(self.three(value))], 1)


def squeezenet() -> nn.Module:
    """SqueezeNet 1.1: Iandola et al. (2016) and the authors' release of it."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    parts: list[nn.Module] = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool()]
    parts += [Fire(128, 32, 128), Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192)]
    parts += [Fire(384, 64, 256), Fire(512, 64, 256), nn.Conv2d(512, _CLASSES, 1), nn.ReLU()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Growing(nn.Module):
    """A layer of DenseNet: its 32 channels are put behind those that came in."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        narrow = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, 128, 1, bias=False))
        wide = nn.Sequential(nn.BatchNorm2d(128), nn.ReLU(), nn.Conv2d(128, 32, 3, padding=1, bias=False))
        self.inside = nn.Sequential(narrow, wide)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Grow by 32 channels."""
        return torch.cat([value, self.inside(value)], 1)


def densenet121() -> nn.Module:
    """DenseNet-121: Huang et al. (2016), table 1."""
    parts: list[nn.Module] = [convolved(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for stage, layers in enumerate(DENSENET_121):
        if stage:
            parts += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1, bias=False), nn.AvgPool2d(2)]
            width //= 2
        for _ in range(layers):
            parts.append(Growing(width))
            width += 32
    parts += [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(width, _CLASSES))
