"""Widths of image classifiers from their papers' tables, for graphs, modules and the arithmetic alike."""

from __future__ import annotations

# Sandler et al., MobileNetV2 (2018), table 2: expansion, width, blocks, stride of the first.
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# Simonyan and Zisserman, Very Deep Convolutional Networks (2014), table 1, column E: width, convolutions.
VGG_19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))

# Huang et al., Densely Connected Convolutional Networks (2016), table 1: layers of each block.
DENSENET_121 = (6, 12, 24, 16)
