"""Which kind of work each ONNX operator does, where that is no matrix product: it has no multiply-accumulates then.

Sources: the operator pages of ONNX (opset 27) and ContribOperators.md of ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ELEMENTWISE = """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast
    CastLike Ceil Clip Cos Cosh DequantizeLinear Div DynamicQuantizeLinear Equal Erf Exp Floor Greater
    GreaterOrEqual IsInf IsNaN Less LessOrEqual Log Max Mean Min Mod Mul Neg Not Or Pow QuantizeLinear Reciprocal
    Round Sign Sin Sinh Sqrt Sub Sum Tan Where Xor"""
_ACTIVATIONS = """
    Celu Dropout Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Shrink Sigmoid
    Softmax Softplus Softsign SwiGLU Swish Tanh ThresholdedRelu"""
_NORMALISATIONS = """
    BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
    MeanVarianceNormalization RMSNormalization SimplifiedLayerNormalization"""
_REDUCTIONS = """
    ArgMax ArgMin AveragePool CumProd CumSum GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool
    NegativeLogLikelihoodLoss ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare RoiAlign SoftmaxCrossEntropyLoss TopK Unique"""
_MOVEMENT = """
    Bernoulli CenterCropPad Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape DepthToSpace Expand
    EyeLike Flatten Gather GatherElements GatherND GridSample Identity MaxUnpool Multinomial NonMaxSuppression NonZero
    OneHot Optional OptionalGetElement OptionalHasElement Pad RandomNormal RandomNormalLike RandomUniform
    RandomUniformLike Range Reshape Resize ReverseSequence RotaryEmbedding Scatter ScatterElements ScatterND SequenceAt
    SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size Slice SpaceToDepth Split
    SplitToSequence Squeeze TensorScatter Tile Transpose Trilu Unsqueeze Upsample"""
_TEXT_AND_WINDOWS = """
    BlackmanWindow HammingWindow HannWindow MelWeightMatrix RegexFullMatch StringConcat StringNormalizer StringSplit
    TfIdfVectorizer"""

_CLASSIC_ELEMENTWISE = "Binarizer Imputer Scaler"
_CLASSIC_MOVEMENT = """
    ArrayFeatureExtractor CastMap CategoryMapper DictVectorizer FeatureVectorizer LabelEncoder OneHotEncoder ZipMap"""

_CONTRIBUTED_ELEMENTWISE = """
    BiasAdd DequantizeLinear IsAllFinite MulInteger QLinearAdd QLinearMul QLinearWhere QuantizeLinear"""
_CONTRIBUTED_ACTIVATIONS = """
    BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BitmaskBiasDropout BitmaskDropout FastGelu Gelu QLinearLeakyRelu
    QLinearSigmoid QLinearSoftmax QuickGelu ScaledSiLU"""
_CONTRIBUTED_NORMALISATIONS = """
    EmbedLayerNormalization GroupNorm LayerNormalization QEmbedLayerNormalization SkipGroupNorm SkipLayerNormalization
    SkipSimplifiedLayerNormalization"""
_CONTRIBUTED_REDUCTIONS = """
    MaxpoolWithMask NhwcMaxPool QLinearAveragePool QLinearGlobalAveragePool QLinearReduceMean ReduceSumInteger Unique"""
_CONTRIBUTED_MOVEMENT = """
    CropAndResize ExpandDims GatherBlockQuantized GatherND GemmaRotaryEmbedding GridSample MRotaryEmbedding
    NGramRepeatBlock Pad QLinearConcat Range RemovePadding RestorePadding RotaryEmbedding Trilu"""


def _named(**names: str) -> dict[str, str]:
    return {name: kind.replace("_", "-") for kind, listed in names.items() for name in listed.split()}


KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "": _named(
        element_wise=_ELEMENTWISE,
        activation=_ACTIVATIONS,
        normalisation=_NORMALISATIONS,
        reduction=_REDUCTIONS,
        movement=_MOVEMENT,
        text=_TEXT_AND_WINDOWS,
    ),
    "ai.onnx.ml": _named(element_wise=_CLASSIC_ELEMENTWISE, normalisation="Normalizer", movement=_CLASSIC_MOVEMENT),
    "com.microsoft": _named(
        element_wise=_CONTRIBUTED_ELEMENTWISE,
        activation=_CONTRIBUTED_ACTIVATIONS,
        normalisation=_CONTRIBUTED_NORMALISATIONS,
        reduction=_CONTRIBUTED_REDUCTIONS,
        movement=_CONTRIBUTED_MOVEMENT,
        text="Tokenizer",
    ),
}
_COUNTED: Final = frozenset({"element-wise", "activation", "normalisation", "reduction"})

# These multiply integers; others do where both operands come from DequantizeLinear, which runtimes fuse.
_INTEGER = """
    ConvInteger DynamicQuantizeLSTM DynamicQuantizeMatMul MatMulInteger MatMulInteger16 MatMulIntegerToFloat QAttention
    QGemm QLinearConv QLinearMatMul"""
INTEGER: Final = frozenset(_INTEGER.split())


def has_operations(kind: str) -> bool:
    """Tell whether operators of a kind work on each element that they are given or give."""
    return kind in _COUNTED
