"""What each operator of torch costs: multiply-accumulates from traced shapes, and which kind of work the others do.

`HANDLES` are fvcore's: they take the inputs and outputs of a traced node. fvcore's own are not used, because they count
normalisations and up-sampling too, go wrong on unbatched convolutions, broadcast products and vectors, and do not know
attention, its fused forms and recurrent layers at all. The formulas are those of the ONNX counter, so that a program
and its ONNX export have the same figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import isqrt, prod
from typing import Any, Final

from greengate.models.onnx_formulas import FORMULAS, Dims, Operator, Uncountable

Values = Sequence[Any]
Formula = Callable[[Values, Values], int]
_ONNX = FORMULAS[""]


def _dims(value: Any) -> Dims:
    if not value.isCompleteTensor():
        raise Uncountable("the shape of an input or output is unknown")
    return tuple(value.type().sizes())


def _operator(shapes: Sequence[Dims], result: Dims = (), **attributes: object) -> Operator:
    named = tuple((f"input {slot}", shape) for slot, shape in enumerate(shapes))
    return Operator(attributes, named, (("output", result),), {})


def _product(inputs: Values, _: Values, first: int = 0) -> int:
    return _ONNX["MatMul"](_operator([_dims(inputs[first]), _dims(inputs[first + 1])]))


def _linear(inputs: Values, _: Values) -> int:
    weight = _dims(inputs[1])
    return _ONNX["MatMul"](_operator([_dims(inputs[0]), weight[::-1]]))


def _inner(inputs: Values, outputs: Values) -> int:
    return prod(_dims(outputs[0])) * (_dims(inputs[0]) or (1,))[-1]


def _tensordot(inputs: Values, outputs: Values) -> int:
    """Both operands together have every kept axis once and every contracted axis twice."""
    result = prod(_dims(outputs[0]))
    operands = prod(_dims(inputs[0])) * prod(_dims(inputs[1]))
    return result * isqrt(operands // result) if result else 0


def _convolution(inputs: Values, outputs: Values, transposed: int | None = None) -> int:
    name = "ConvTranspose" if transposed is not None and inputs[transposed].toIValue() else "Conv"
    return _ONNX[name](_operator([_dims(inputs[0]), _dims(inputs[1])], _dims(outputs[0])))


def _einsum(inputs: Values, _: Values) -> int:
    operands = [_dims(value) for value in inputs[1].node().inputs()]
    return _ONNX["Einsum"](_operator(operands, equation=inputs[0].toIValue()))


def _attention(inputs: Values, outputs: Values, length: int = -2, packed: int | None = None) -> int:
    """The whole score matrix and its product with the values, whatever the mask.

    Args:
        inputs: Queries, keys, values.
        outputs: One row for each query of each head.
        length: Which axis of the keys is their number.
        packed: Slot of the lengths of sequences that are packed into one.
    """
    if packed is not None and inputs[packed].type().kind() != "NoneType":
        raise Uncountable("shapes do not tell how long its packed sequences are")
    query, key, value = (_dims(inputs[slot]) for slot in range(3))
    return prod(_dims(outputs[0])[:-1]) * key[length] * (query[-1] + value[-1])


def _multi_head_attention(inputs: Values, _: Values) -> int:
    """Projections of queries, keys and values by one weight, attention, and the projection of its result."""
    query, key, weight, projection = (_dims(inputs[slot]) for slot in (0, 1, 5, 7))
    wide = prod(weight) // 3
    projected = prod(query[:-1]) * (wide + prod(projection)) + 2 * prod(key[:-1]) * wide
    return projected + prod(query[:-1]) * key[-2] * 2 * (weight[0] // 3)


def _encoder_layer(inputs: Values, _: Values) -> int:
    """A whole layer of a transformer's encoder: self-attention with its projections, and two linear layers."""
    rows, weight = _dims(inputs[0]), _dims(inputs[3])
    matrices = sum(prod(_dims(inputs[slot])) for slot in (3, 5, 14, 16))
    return prod(rows[:-1]) * (matrices + rows[-2] * 2 * (weight[0] // 3))


def _recurrent(inputs: Values, _: Values) -> int:
    """Each step of each sequence is multiplied with all matrices; biases are vectors."""
    if inputs[1].node().kind() != "prim::ListConstruct" and not _is_matrix_state(inputs):
        raise Uncountable("packed sequences have no fixed number of steps")
    return _steps(inputs[0], next(_lists(inputs[2:])))


def _recurrent_on_gpu(inputs: Values, _: Values) -> int:
    """The same by a library of the GPU's maker, which takes the weights before the state."""
    return _steps(inputs[0], next(_lists(inputs[1:])))


def _steps(sequences: Any, weights: Any) -> int:
    matrices = [_dims(weight) for weight in weights.node().inputs()]
    return prod(_dims(sequences)[:-1]) * sum(prod(dims) for dims in matrices if len(dims) == 2)


def _lists(inputs: Values) -> Iterator[Any]:
    for value in inputs:
        if value.node().kind() == "prim::ListConstruct" and value.type().kind() == "ListType":
            yield value


def _is_matrix_state(inputs: Values) -> bool:
    return bool(inputs[1].isCompleteTensor()) and len(_dims(inputs[1])) > 1


def _cell(inputs: Values, _: Values, first: int = 2) -> int:
    """One step: the gates' input and recurrent matrices."""
    return prod(_dims(inputs[0])[:-1]) * sum(prod(_dims(inputs[slot])) for slot in (first, first + 1))


HANDLES: Final[Mapping[str, Formula]] = {
    "aten::addbmm": partial(_product, first=1),
    "aten::addmm": partial(_product, first=1),
    "aten::addmv": partial(_product, first=1),
    "aten::baddbmm": partial(_product, first=1),
    "aten::bmm": _product,
    "aten::_addmm_activation": partial(_product, first=1),
    "aten::_int_mm": _product,
    "aten::_scaled_mm": _product,
    "aten::_weight_int8pack_mm": _linear,
    "aten::dot": _product,
    "aten::linalg_matmul": _product,
    "aten::matmul": _product,
    "aten::mm": _product,
    "aten::mv": _product,
    "aten::vdot": _product,
    "aten::inner": _inner,
    "aten::linear": _linear,
    "aten::tensordot": _tensordot,
    "aten::einsum": _einsum,
    "aten::_convolution": partial(_convolution, transposed=6),
    "aten::convolution": partial(_convolution, transposed=6),
    "aten::_convolution_mode": _convolution,
    "aten::conv1d": _convolution,
    "aten::conv2d": _convolution,
    "aten::conv3d": _convolution,
    "aten::scaled_dot_product_attention": _attention,
    "aten::_scaled_dot_product_attention_math": _attention,
    "aten::_scaled_dot_product_attention_math_for_mps": _attention,
    "aten::_scaled_dot_product_cudnn_attention": _attention,
    "aten::_scaled_dot_product_efficient_attention": _attention,
    "aten::_scaled_dot_product_flash_attention": _attention,
    "aten::_scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten::_scaled_dot_product_fused_attention_overrideable": _attention,
    "aten::_cudnn_attention_forward": partial(_attention, packed=4),
    "aten::_efficient_attention_forward": partial(_attention, length=-3, packed=4),
    "aten::_flash_attention_forward": partial(_attention, length=-3, packed=3),
    "aten::_native_multi_head_attention": _multi_head_attention,
    "aten::_transformer_encoder_layer_fwd": _encoder_layer,
    "aten::_triton_multi_head_attention": _multi_head_attention,
    "aten::_triton_scaled_dot_attention": _attention,
    "aten::gru": _recurrent,
    "aten::lstm": _recurrent,
    "aten::rnn_relu": _recurrent,
    "aten::rnn_tanh": _recurrent,
    "aten::_cudnn_rnn": _recurrent_on_gpu,
    "aten::miopen_rnn": _recurrent_on_gpu,
    "aten::mkldnn_rnn_layer": partial(_cell, first=1),
    "aten::gru_cell": _cell,
    "aten::lstm_cell": _cell,
    "aten::rnn_relu_cell": _cell,
    "aten::rnn_tanh_cell": _cell,
}
# A trace sees these in other forms: a convolution as `_convolution`, a cell as its linear layers.
_SEEN_OTHERWISE: Final = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})

_ELEMENTWISE = """
    abs absolute acos acosh add addcdiv addcmul addr angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin
    asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil
    clamp clamp_max clamp_min clip copysign cos cosh deg2rad div divide eq erf erfc erfinv exp exp2 expm1 fix
    float_power floor floor_divide fmax fmin fmod frac ge greater greater_equal gt heaviside hypot isclose isfinite
    isinf isnan isneginf isposinf kron ldexp le lerp less less_equal lgamma log log10 log1p log2 logaddexp logaddexp2
    logical_and logical_not logical_or logical_xor logit lt masked_fill maximum minimum mul multiply nan_to_num ne
    neg negative nextafter not_equal outer ger positive pow rad2deg real reciprocal remainder round rsqrt rsub sgn
    sign signbit sin sinc sinh sqrt square sub subtract tan true_divide trunc where xlogy special_expit
    special_xlog1py _thnn_fused_gru_cell _thnn_fused_lstm_cell __and__ __or__ __xor__ __lshift__ __rshift__"""
_ACTIVATIONS = """
    alpha_dropout celu dropout elu feature_dropout gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu
    log_sigmoid log_softmax _log_softmax mish native_dropout prelu _prelu_kernel relu relu6 rrelu selu sigmoid silu
    softmax _softmax _safe_softmax softplus softshrink tanh threshold"""
_NORMALISATIONS = """
    batch_norm _batch_norm_no_update _native_batch_norm_legit _native_batch_norm_legit_no_training cudnn_batch_norm
    _fused_rms_norm group_norm instance_norm layer_norm native_batch_norm native_group_norm native_layer_norm
    rms_norm"""
_REDUCTIONS = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d all amax amin aminmax any argmax argmin argsort
    avg_pool1d avg_pool2d avg_pool3d _embedding_bag _embedding_bag_forward_only embedding_bag bincount count_nonzero
    cummax cummin cumprod cumsum dist fractional_max_pool2d kthvalue linalg_vector_norm logcumsumexp logsumexp max
    max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices mean
    median min mode nanmean nansum norm prod searchsorted bucketize sort std std_mean sum topk unique_consecutive
    unique_dim _unique2 var var_mean"""
_MOVEMENT = """
    _assert_async _assert_scalar _assert_tensor_metadata _conj _local_scalar_dense _reshape_alias _shape_as_tensor
    _to_copy _unsafe_index _unsafe_view _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d
    _upsample_nearest_exact2d affine_grid_generator alias arange as_strided atleast_1d atleast_2d atleast_3d
    bernoulli broadcast_tensors broadcast_to cat channel_shuffle chunk clone col2im concat concatenate
    constant_pad_nd contiguous copy cpu detach diag diag_embed diagonal diagonal_scatter diff dim dsplit embedding
    empty empty_like empty_strided expand expand_as eye feature_alpha_dropout fill flatten flip fliplr
    flipud full full_like gather grid_sampler grid_sampler_2d grid_sampler_3d hsplit hstack im2col index index_add
    index_copy index_fill index_put index_reduce index_select is_floating_point is_nonzero isin item lift_fresh
    lift_fresh_copy linspace logspace masked_scatter masked_select meshgrid moveaxis movedim multinomial narrow
    narrow_copy new_empty new_full new_ones new_zeros nonzero nonzero_numpy numel numpy_T one_hot ones ones_like pad
    permute pixel_shuffle pixel_unshuffle rand rand_like randint randint_like randn randn_like randperm ravel
    reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d
    replication_pad3d reshape reshape_as resolve_conj resolve_neg roll rot90 scalar_tensor scatter scatter_add
    scatter_reduce select select_scatter slice slice_scatter split split_with_sizes squeeze stack swapaxes swapdims
    t take take_along_dim tensor_split tile to transpose tril tril_indices triu triu_indices type_as unbind
    unflatten unfold unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d
    upsample_trilinear3d view view_as view_as_complex view_as_real view_copy vsplit vstack zero zeros zeros_like"""
_SYMBOLS = """
    Bool Float FloatImplicit Int IntImplicit ScalarImplicit sym_constrain_range sym_constrain_range_for_size
    sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride"""


def _named(**names: str) -> dict[str, str]:
    return {name: kind.replace("_", "-") for kind, listed in names.items() for name in listed.split()}


MATMUL: Final = "matmul"
KINDS: Final[Mapping[str, str]] = {
    **_named(
        element_wise=_ELEMENTWISE,
        activation=_ACTIVATIONS,
        normalisation=_NORMALISATIONS,
        reduction=_REDUCTIONS,
        movement=f"{_MOVEMENT} {_SYMBOLS}",
    ),
    **dict.fromkeys((name.removeprefix("aten::") for name in HANDLES), MATMUL),
    **dict.fromkeys(_SEEN_OTHERWISE, MATMUL),
}


def kind_of(name: str) -> str | None:
    """Return which kind of work an operator does, such as "aten::relu_", or None where it is not known.

    In-place operators (a final underscore) do what the others do.
    """
    space, _, word = name.partition("::")
    if space == "quantized_decomposed":
        return "element-wise" if word.startswith(("quantize_", "dequantize_")) else None
    return KINDS.get(word) or KINDS.get(word.removesuffix("_")) if space == "aten" else None
