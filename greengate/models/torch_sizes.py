"""The sizes that an exported program leaves open, what they are called, and what fills them.

torch keeps no names of dynamic dimensions: it calls them `s0`, `s77`. So an axis can also be called by its input and
its number, `input.axis`, as ONNX's axes without a name are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greengate.errors import ModelError, nearest

BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Open:
    """One axis of an input that has no fixed size.

    Attributes:
        size: torch's expression for it, such as `s0` or `2*s0`.
    """

    input: str
    axis: int
    size: Any

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.input}.{self.axis}"


@dataclass(frozen=True, slots=True)
class Filled:
    """What the program's symbols stand for.

    Attributes:
        symbols: Size by symbol.
        left: The axes that are open still.
    """

    symbols: dict[str, int]
    left: tuple[Open, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each size that is open still, such that it gives all others that are made out of it."""
        found: dict[frozenset[Any], str] = {}
        for axis in sorted(self.left, key=lambda axis: not axis.size.is_Symbol):
            found.setdefault(frozenset(axis.size.free_symbols), axis.name)
        return tuple(found.values())


def filled(
    inputs: Mapping[str, Sequence[Any]],
    ranges: Mapping[str, Any],
    *,
    shapes: Mapping[str, Sequence[int]],
    sizes: Mapping[str, int],
    batch: int,
) -> Filled:
    """Fill the open axes of a program's inputs: by their shapes, by their names, and leading ones by the batch.

    Args:
        inputs: The shape of each input: whole numbers and torch's symbolic sizes.
        ranges: By symbol, the least and the greatest size that the program was exported for.
        shapes: Whole shapes by input.
        sizes: Sizes by the name of an axis or a symbol; "batch" may be among them.
        batch: Size of leading axes that nothing else fills.

    Raises:
        ModelError: There is no such input or axis, or the sizes do not fit the program.
    """
    axes = list(_open(inputs))
    symbols: dict[str, int] = {}
    for name, shape in shapes.items():
        _declare(name, shape, inputs, axes, symbols)
    _name(sizes, axes, symbols)
    for axis in axes:
        if axis.axis == 0 and closed(axis.size, symbols) is None:
            _settle(axis, batch, symbols)
    for axis in axes:
        _check(axis, symbols, ranges)
    return Filled(symbols, tuple(axis for axis in axes if closed(axis.size, symbols) is None))


def closed(size: Any, symbols: Mapping[str, int]) -> int | None:
    """Return a size as a number, or None while it is open."""
    value = value_of(size, symbols)
    return value if isinstance(value, int) else None


def value_of(value: Any, symbols: Mapping[str, int]) -> int | float | bool | None:
    """Return a symbolic number or condition of torch's as a plain one, or None while it is open."""
    if isinstance(value, int | float):
        return value
    expression = getattr(getattr(value, "node", None), "expr", value)
    known = {symbol: symbols[symbol.name] for symbol in expression.free_symbols if symbol.name in symbols}
    result = expression.subs(known)
    if result.free_symbols:
        return None
    if result.is_Boolean:
        return bool(result)
    return int(result) if result.is_Integer else float(result) if result.is_real else None


def _open(inputs: Mapping[str, Sequence[Any]]) -> Iterator[Open]:
    for name, shape in inputs.items():
        for axis, size in enumerate(shape):
            if not isinstance(size, int):
                yield Open(name, axis, size.node.expr)


def _declare(
    name: str, shape: Sequence[int], inputs: Mapping[str, Sequence[Any]], axes: Sequence[Open], symbols: dict[str, int]
) -> None:
    if name not in inputs:
        raise ModelError(
            "", f"a shape is declared for `{name}`, but the model has no such input", nearest(name, inputs)
        )
    own = inputs[name]
    if len(shape) != len(own):
        raise ModelError("", f"input `{name}` has {len(own)} dimensions, but its declared shape has {len(shape)}")
    for axis, (size, wanted) in enumerate(zip(own, shape, strict=True)):
        if isinstance(size, int) and size != wanted:
            problem = f"dimension {axis} of input `{name}` is {size} in the model, but declared as {wanted}"
            raise ModelError("", problem)
    for each in axes:
        if each.input == name:
            _settle(each, shape[each.axis], symbols)


def _name(sizes: Mapping[str, int], axes: Sequence[Open], symbols: dict[str, int]) -> None:
    own = {symbol.name for axis in axes for symbol in axis.size.free_symbols}
    named = {axis.name: axis for axis in axes}
    for name, size in sizes.items():
        if name in named:
            _settle(named[name], size, symbols)
        elif name in own:
            if symbols.setdefault(name, size) != size:
                raise ModelError(
                    "", f"`{name}` is given as {size}, but a shape that is declared makes it {symbols[name]}"
                )
        elif name != BATCH:
            hint = nearest(name, named) if named else "all its sizes are fixed"
            raise ModelError("", f"a size is given for `{name}`, which no input leaves open", hint)


def _settle(axis: Open, size: int, symbols: dict[str, int]) -> None:
    """Find the one symbol that gives an axis its size."""
    now = closed(axis.size, symbols)
    if now == size:
        return
    free = [symbol for symbol in axis.size.free_symbols if symbol.name not in symbols]
    if now is None and len(free) == 1:
        rest = {symbol: symbols[symbol.name] for symbol in axis.size.free_symbols if symbol.name in symbols}
        at_none, at_one = (axis.size.subs({**rest, free[0]: value}) for value in (0, 1))
        if at_one != at_none and (size - at_none) % (at_one - at_none) == 0:
            found = int((size - at_none) // (at_one - at_none))
            if closed(axis.size, {**symbols, free[0].name: found}) == size:
                symbols[free[0].name] = found
                return
    known = ", ".join(f"{name} = {value}" for name, value in sorted(symbols.items()))
    raise ModelError(
        "",
        f"dimension {axis.axis} of input `{axis.input}` is {axis.size} in the model, which cannot be {size}"
        f"{f' with {known}' if known else ''}",
        "sizes that the model makes out of one another must fit together",
    )


def _check(axis: Open, symbols: Mapping[str, int], ranges: Mapping[str, Any]) -> None:
    for symbol in axis.size.free_symbols:
        size, bounds = symbols.get(symbol.name), ranges.get(symbol.name)
        if size is not None and bounds is not None and not bounds.lower <= size <= bounds.upper:
            made = "" if axis.size.is_Symbol else f" out of {symbol} = {size}"
            raise ModelError(
                "",
                f"dimension {axis.axis} of input `{axis.input}` is {closed(axis.size, symbols)}{made}, "
                f"and the model was exported for {_words(bounds)}",
                "give another size, or export it with wider ranges of its dynamic shapes",
            )


def _words(bounds: Any) -> str:
    return f"{bounds.lower} or more" if "oo" in str(bounds.upper) else f"{bounds.lower} to {bounds.upper}"
