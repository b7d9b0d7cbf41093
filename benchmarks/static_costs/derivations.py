"""Multiply-accumulates worked out from the papers' tables, for architectures without a published figure.

Widths are the papers'; the sides of feature maps are those of the file, which rounds down where it pools, so that
AlexNet and both Inceptions are smaller than their authors' networks. Each function's text is its arithmetic.
"""

from __future__ import annotations

# Szegedy et al., Going Deeper with Convolutions (2014), table 1: side, inputs, 1x1, 3x3 reduced, 3x3, 5x5 reduced,
# 5x5, pooled.
INCEPTION_V1 = (
    (27, 192, 64, 96, 128, 16, 32, 32),
    (27, 256, 128, 128, 192, 32, 96, 64),
    (13, 480, 192, 96, 208, 16, 48, 64),
    (13, 512, 160, 112, 224, 24, 64, 64),
    (13, 512, 128, 128, 256, 24, 64, 64),
    (13, 512, 112, 144, 288, 32, 64, 64),
    (13, 528, 256, 160, 320, 32, 128, 128),
    (6, 832, 256, 160, 320, 32, 128, 128),
    (6, 832, 384, 192, 384, 48, 128, 128),
)
# Ioffe and Szegedy, Batch Normalization (2015), appendix, as the file has them: side, inputs, 1x1, 3x3 reduced, 3x3,
# double 3x3 reduced, double 3x3, pooled. Where there is no 1x1 the block halves the side.
INCEPTION_V2 = (
    (28, 192, 64, 64, 64, 64, 96, 32),
    (28, 256, 64, 64, 96, 64, 96, 64),
    (14, 320, 0, 128, 160, 64, 96, 0),
    (14, 576, 224, 64, 96, 96, 128, 128),
    (14, 576, 192, 96, 128, 96, 128, 128),
    (14, 576, 160, 128, 160, 128, 160, 96),
    (14, 576, 96, 128, 192, 160, 192, 96),
    (7, 576, 0, 128, 192, 192, 256, 0),
    (7, 1024, 352, 192, 320, 160, 224, 128),
    (7, 1024, 352, 192, 320, 192, 224, 128),
)


def conv(side: int, outputs: int, inputs: int, kernel: int, groups: int = 1) -> int:
    """side^2 x outputs x inputs / groups x kernel^2."""
    return side * side * outputs * (inputs // groups) * kernel * kernel


def alexnet() -> int:
    """54^2 x 96 x 3 x 11^2 + 26^2 x 256 x 48 x 5^2 + 12^2 x (384 x 256 + 384 x 192 + 256 x 192) x 3^2 + 9216 x 4096 + 4096^2 + 4096 x 1000."""  # noqa: E501
    convolutions = conv(54, 96, 3, 11) + conv(26, 256, 96, 5, 2) + conv(12, 384, 256, 3)
    convolutions += conv(12, 384, 384, 3, 2) + conv(12, 256, 384, 3, 2)
    return convolutions + 9216 * 4096 + 4096 * 4096 + 4096 * 1000


def zfnet512() -> int:
    """109^2 x 96 x 3 x 7^2 + 25^2 x 256 x 96 x 5^2 + 12^2 x (512 x 256 + 2 x 512^2) x 3^2 + 18432 x 4096 + 4096 x 1024 + 1024 x 1000."""  # noqa: E501
    convolutions = conv(109, 96, 3, 7) + conv(25, 256, 96, 5) + conv(12, 512, 256, 3) + 2 * conv(12, 512, 512, 3)
    return convolutions + 18432 * 4096 + 4096 * 1024 + 1024 * 1000


def shufflenet() -> int:
    """112^2 x 24 x 3 x 3^2, and blocks of a 1x1 in 4 groups, a depthwise 3x3 and a 1x1 in 4 groups, all as wide as what they add: 24 to 112, 3 of 136, 136 to 136, 7 of 272, 272 to 272, 3 of 544; the first of each stage halves the side from 56; 544 x 1000."""  # noqa: E501
    total = conv(112, 24, 3, 3) + 544 * 1000
    for side, inputs, width, count in ((28, 24, 112, 3), (14, 136, 136, 7), (7, 272, 272, 3)):
        total += conv(2 * side, width, inputs, 1, 4) + conv(side, width, width, 3, width)
        total += conv(side, width, width, 1, 4)
        wide = inputs + width
        total += count * (2 * conv(side, wide, wide, 1, 4) + conv(side, wide, wide, 3, wide))
    return total


def inception_v1() -> int:
    """112^2 x 64 x 3 x 7^2 + 55^2 x (64^2 + 192 x 64 x 3^2) + nine blocks of table 1 at sides of 27, 13 and 6 + 1024 x 1000."""  # noqa: E501
    total = conv(112, 64, 3, 7) + conv(55, 64, 64, 1) + conv(55, 192, 64, 3) + 1024 * 1000
    for side, inputs, one, three_in, three, five_in, five, pooled in INCEPTION_V1:
        total += conv(side, one + three_in + five_in + pooled, inputs, 1)
        total += conv(side, three, three_in, 3) + conv(side, five, five_in, 5)
    return total


def inception_v2() -> int:
    """112^2 x 64 x 3 x 7^2 + 56^2 x (64^2 + 192 x 64 x 3^2) + ten blocks of the appendix at sides of 28, 14 and 7 + 1024 x 1000."""  # noqa: E501
    total = conv(112, 64, 3, 7) + conv(56, 64, 64, 1) + conv(56, 192, 64, 3) + 1024 * 1000
    for side, inputs, one, three_in, three, twice_in, twice, pooled in INCEPTION_V2:
        before = side if one else 2 * side
        total += conv(before, one + three_in + twice_in + pooled, inputs, 1)
        total += conv(side, three, three_in, 3) + conv(before, twice, twice_in, 3) + conv(side, twice, twice, 3)
    return total


def encoder() -> int:
    """6 x (128 x (4 x 512^2 + 2 x 512 x 2048) + 2 x 128^2 x 512): projections and dense layers, scores and weighted values."""  # noqa: E501
    return 6 * (128 * (4 * 512 * 512 + 2 * 512 * 2048) + 2 * 128 * 128 * 512)


def lstm() -> int:
    """100 x (4 x 512 x (256 + 512) + 4 x 512 x (512 + 512) + 512 x 1000): four gates of two layers, and the dense layer, at each of 100 steps."""  # noqa: E501
    return 100 * (4 * 512 * (256 + 512) + 4 * 512 * (512 + 512) + 512 * 1000)


def gpt2() -> int:
    """128 x (12 x 12 x 768^2 + 768 x 50257) + 12 x 2 x 128^2 x 768: the arithmetic of the figure for 1,024 tokens, at 128."""  # noqa: E501
    return 128 * (12 * 12 * 768 * 768 + 768 * 50257) + 12 * 2 * 128 * 128 * 768
