# SPDX-License-Identifier: Apache-2.0
"""Builds the graph of a model, call by call.

A linear layer becomes an operator whose output is its exact accumulator; the elementwise functions behind it
(normalization, division, activation) wait until a quantizer comes, and become one `Activation` with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from rtl4ml.errors import BadInput, BadModel, UnsupportedLayer, named
from rtl4ml.frontends.borders import MOST, Borders, Factors
from rtl4ml.frontends.elementwise import Compiled, Source, compile_functions, is_identity, tabulated
from rtl4ml.frontends.functions import Floats, Function
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.checks import activation_of, identifier, known_module, layer_names, origin
from rtl4ml.frontends.qkeras.fused import Origin, evaluator
from rtl4ml.frontends.qkeras.quantizers.functions import linear
from rtl4ml.frontends.qkeras.snapshot import Snapshot
from rtl4ml.frontends.qkeras.walk import Call, walk
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.mappings import Rounding, Thresholds
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import FLOAT32_EXACT, Fixed, Ints, Stream
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Padding
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale

# Activations that may stand at the output, where the graph ends before them.
_HEADS = ("softmax", "sigmoid", "tanh")


class NeedFloat64(Exception):
    """Some sum exceeds what float32 holds: evaluate every elementwise function in float64."""


# -- building -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """Where a pool's windows lie."""

    layer: str
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the model: a stream, and the elementwise functions that wait for a quantizer.

    raw:  the model's input, whose quantizer is still to come; the stream is already on its grid
    rows: (channels,) the channel of the waiting functions that each channel of the stream takes
    pools: maxima that wait too, because a function before them falls in some channel; all functions behind them rise,
           so that they may as well come behind the quantizer
    made:  the linear layer whose sums the stream carries
    alone: whether the model reads this value once
    moved: whether elements were moved behind the last waiting function
    borders: of an average whose windows have not all as many elements, by which the first waiting function divides
    """

    stream: Stream
    steps: tuple[Function, ...] = ()
    raw: bool = False
    rows: Ints | None = None
    pools: tuple[Geometry, ...] = ()
    made: Origin | None = None
    alone: bool = True
    moved: bool = False
    borders: Borders | None = None

    @property
    def head(self) -> str:
        """The last waiting function, if it is one that may stand at the output."""
        return self.steps[-1].name if self.steps and self.steps[-1].name in _HEADS else ""


@dataclass
class ModelBuilder:
    """The graph of a model while it is built."""

    model: Any
    quantizer: Function
    shape: tuple[int, ...]
    declared: bool
    float64: bool
    handlers: Mapping[str, Callable[..., Value]]
    ops: list[Op] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    values: dict[str, Stream] = field(default_factory=dict)
    sums: dict[str, Stream] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layers = layer_names(self.model)

    # -- the way of a model --

    def build(self, name: str, output: str, threshold: float | None, opening: int | None) -> Parsed:
        grid = self.quantizer.grid
        assert grid is not None
        source = Stream(self.name("", "input"), self.shape, grid.type, grid.lo, grid.hi)
        values = walk(self.model, [Value(source, raw=not self.declared)], self.visit)
        streams, cut = [], []
        for k, v in enumerate(values):
            layer = self.model.outputs[k].node.layer.name
            if v.raw:
                raise BadModel(f"{layer}: the output must be computed, not be the input itself; add layers")
            head = v.head
            cut.append(head)
            if head:
                v = replace(v, steps=v.steps[:-1])
            s = self.settled(layer, v)
            if s.name == source.name:
                s = self.add(
                    Activation(
                        name=self.name(layer),
                        inputs=(s,),
                        mapping=Rounding(0, s.lo, s.hi),
                        out=s.type,
                        lo=s.lo,
                        hi=s.hi,
                    )
                )
            streams.append(s)
        if output != "logits":
            if len(streams) != 1:
                raise BadModel(
                    f"{self.model.name}: {named('output', output)} must go with one output, not {len(streams)}; "
                    "split the model"
                )
            streams = [self.head(output, streams[0], values[0], threshold, opening)]
        graph = Graph(name, (source,), tuple(self.ops), tuple(streams), int(self.model.count_params()))
        return Parsed(
            graph=graph,
            model=self.model,
            weights=Snapshot(self.model),
            quantizer=self.quantizer,
            output=output,
            cut=tuple(cut),
            declared=self.declared,
            threshold=threshold,
            opening=opening,
            values=self.values,
            sums=self.sums,
        )

    def visit(self, call: Call, inputs: list[Any]) -> list[Any]:
        layer = call.layer
        kind = type(layer).__name__
        handler = self.handlers.get(kind)
        if handler is None or not known_module(type(layer)):
            raise UnsupportedLayer(
                f"{layer.name}: the layer must be one of the supported layers, not {origin(type(layer))}; "
                "see the README's table of layers"
            )
        if len(inputs) > 1 and kind not in ("Add", "Concatenate", "Multiply"):
            raise UnsupportedLayer(
                f"{layer.name}: {kind} must have one input, not {len(inputs)}; split the layer"
            )
        if call.training:
            raise UnsupportedLayer(
                f"{layer.name}: {kind} must be called for inference, not with training=True; "
                "remove the argument"
            )
        for v in inputs:
            if v.head == "softmax":
                raise UnsupportedLayer(
                    f"{v.steps[-1].layer}: softmax must be at the model's output, not within the network; "
                    "remove it or use a quantized activation"
                )
        made = replace(handler(self, layer, inputs), alone=call.readers == 1)
        if not (made.raw or made.steps or made.pools):
            self.values[layer.name] = made.stream
        return [made]

    # -- streams --

    def name(self, layer: str, what: str = "") -> str:
        """A new name: a layer's, or with `what` one that no layer of the model has, for what is made beside it.

        A layer whose name is taken, as by another call of it, gets a number.
        """
        base = identifier("_".join(part for part in (layer, what) if part))
        name, k = base, 1
        while name in self.names or ((what or k > 1) and name in self.layers):
            k += 1
            name = f"{base}_{k}"
        self.names.add(name)
        return name

    def add(self, op: Op) -> Stream:
        """Appends the operator; its output. Asks for float64 where float32 rounds."""
        if not self.float64 and op.bound > FLOAT32_EXACT:
            raise NeedFloat64
        self.ops.append(op)
        return op.output

    def quantized(self, layer: str, v: Value, f: Function, what: str = "") -> Value:
        """The stream behind a quantizer, with everything that waited before it; `what` as in `name`."""
        if v.raw:  # the input stream is what this quantizer makes of the input
            return replace(v, raw=False)
        return Value(self.compiled(layer, v, self.waiting(layer, v, f).steps, what))

    def compiled(self, layer: str, v: Value, steps: Sequence[Function], what: str = "") -> Stream:
        if v.borders is not None:
            return self.bordered(layer, v, v.borders, steps, what)
        s = v.stream
        channels = s.channels if v.rows is None else int(v.rows.max()) + 1
        source = Source(s.type.fraction, s.lo, s.hi, channels)
        c = compile_functions(
            layer, source, steps, float64=self.float64, rows=v.rows, together=evaluator(v.made, steps)
        )
        if c.mapping is None:  # the same integers, on another grid where a scale was applied
            if not is_identity(c, source):
                s = replace(s, type=Fixed.covering(s.lo, s.hi, c.fraction))
        else:
            layers = tuple(dict.fromkeys(f.layer for f in steps if f.layer))
            name = self.name(layer, what)
            s = self.add(
                Activation(
                    name=name, inputs=(s,), layers=layers, mapping=c.mapping, out=c.type, lo=c.lo, hi=c.hi
                )
            )
        for p in v.pools:
            s = self.pooled(p, s, "max")
        return s

    def bordered(
        self, layer: str, v: Value, borders: Borders, steps: Sequence[Function], what: str
    ) -> Stream:
        """The stream behind an average with padding: the sums times factors have one row of thresholds for all
        positions. Where they cannot, the frame passes as one pixel, each of whose elements has a row of its own.
        """
        s = v.stream
        channels = borders.frame[-1] if any(f.per_channel for f in steps[1:]) else 1

        def compiled(rows: Ints | None) -> Compiled:
            return compile_functions(
                layer,
                Source(s.type.fraction, s.lo, s.hi, channels * len(borders.numbers)),
                borders.steps(steps, channels),
                float64=self.float64,
                rows=rows,
                together=borders.together(steps, channels),
            )

        c = compiled(None)
        assert c.mapping is not None  # a division by several numbers is no identity
        shape = s.shape
        if not isinstance(c.mapping, Rounding):  # one such serves all numbers, as where all results are alike
            found = borders.shared(c, channels)
            if found is not None:
                factors, c = found
                s = self.scaled(
                    borders.layer, self.reshaped(borders.layer, s, borders.frame, "frame"), factors
                )
            elif s.elements > MOST:
                raise UnsupportedLayer(
                    f"{borders.layer}: an average whose windows at padded edges need thresholds of their own must have "
                    f"at most {MOST:,} elements, not {s.elements:,}; use padding='valid'"
                )
            else:
                c = compiled(borders.rows(channels))
                s = self.reshaped(borders.layer, s, (s.elements,), "line")
        assert c.mapping is not None
        names = tuple(dict.fromkeys(f.layer for f in steps if f.layer))
        op = Activation(
            name=self.name(layer, what),
            inputs=(s,),
            layers=names,
            mapping=c.mapping,
            out=c.type,
            lo=c.lo,
            hi=c.hi,
        )
        return self.reshaped(layer, self.add(op), shape, "frame")

    def scaled(self, layer: str, s: Stream, f: Factors, shift: int = 0) -> Stream:
        """The stream times a factor for every row and every column."""
        return self.add(
            Scale(
                name=self.name(layer, "scaled"), inputs=(s,), layers=(layer,),
                rows=f.rows, columns=f.columns, lo=f.lo, hi=f.hi, shift=shift,
            )
        )  # fmt: skip

    def reshaped(self, layer: str, s: Stream, shape: tuple[int, ...], what: str = "") -> Stream:
        """The stream in another shape, the same elements in the same order."""
        from rtl4ml.ops.shape import Reshape

        if s.shape == shape:
            return s
        return self.add(Reshape(name=self.name(layer, what), inputs=(s,), layers=(layer,), shape=shape))

    def pooled(self, p: Geometry, s: Stream, mode: Literal["max", "sum"]) -> Stream:
        """The stream behind a pool."""
        return self.add(
            Pool(
                name=self.name(p.layer), inputs=(s,), layers=(p.layer,),
                mode=mode, size=p.size, stride=p.stride, padding=p.padding,
            )
        )  # fmt: skip

    def waiting(self, layer: str, v: Value, f: Function) -> Value:
        """A value with one more function; behind a waiting maximum it must never fall. Raises UnsupportedLayer."""
        if v.pools and not rises(f):
            raise UnsupportedLayer(
                f"{layer}: what follows {v.pools[-1].layer} must be a function that never falls, "
                f"not {f.name}; "
                f"put a QActivation before the pool"
            )
        return replace(
            v, steps=(*v.steps, replace(f, has_other_readers=not v.alone, after_move=v.moved)), moved=False
        )

    def settled(self, layer: str, v: Value) -> Stream:
        """The stream of a value that must be on a fixed-point grid now. Raises UnsupportedLayer."""
        if not v.steps:
            return v.stream
        if v.steps[-1].name == "bias":
            raise UnsupportedLayer(
                f"{v.steps[-1].layer}: bias must lie on a fixed-point grid, not be floats without a quantizer; "
                f"set bias_quantizer or put a QActivation behind the layer"
            )
        return self.compiled(v.steps[-1].layer or layer, v, v.steps)

    def stream(self, layer: Any, v: Value) -> Stream:
        """A settled input of `layer`; the raw input of the model has none."""
        if v.raw:
            raise BadModel(
                f"{layer.name}: the model's input must pass a quantizer first, "
                f"not go into {type(layer).__name__}; "
                f"put a QActivation behind the input or give {named('input_precision')}"
            )
        return self.settled(layer.name, v)

    def function(self, layer: Any, v: Value, obj: Any, what: str = "") -> Value:
        """A value behind an activation object: a quantizer compiles, everything else waits; `what` as in `name`."""
        f = activation_of(layer, obj)
        if f.grid is not None:
            return self.quantized(layer.name, v, f, what)
        if f.name == "linear":
            return v
        return self.elementwise(layer, v, f)

    def elementwise(self, layer: Any, v: Value, f: Function) -> Value:
        """A value behind a function that waits for a quantizer."""
        if v.raw:
            self.stream(layer, v)
        if f.name == "softmax":
            return replace(v, steps=(*v.steps, f))
        return self.waiting(layer.name, v, f)

    # -- heads --

    def head(self, output: str, s: Stream, v: Value, threshold: float | None, opening: int | None) -> Stream:
        """The stream of classes or of a mask behind the logits `s`; v: the output's value, with what was cut."""
        from rtl4ml.ops.opening import Opening

        layer = self.model.outputs[0].node.layer.name
        if output == "argmax":
            if s.channels == 1:
                raise BadModel(
                    f"{layer}: {named('output', 'argmax')} must go with several channels, not 1; "
                    f"use {named('output', 'mask')} and {named('threshold', 0.5)}"
                )
            return self.add(ArgMax(name=self.name("", "argmax"), inputs=(s,)))
        if s.channels != 1:
            raise BadModel(
                f"{layer}: {named('output', 'mask')} must go with one channel, not {s.channels}; "
                f"use {named('output', 'argmax')}"
            )
        if v.head == "softmax":
            raise BadModel(
                f"{layer}: {named('output', 'mask')} must go with a sigmoid, a tanh or logits, not softmax of "
                "one channel, which is always 1; use a sigmoid"
            )
        assert threshold is not None
        cut = v.head
        if cut and not (least := {"sigmoid": 0, "tanh": -1}[cut]) < threshold <= 1:
            raise BadInput(
                f"{layer}: {named('threshold')} of a {cut} must be above {least} and at most 1, not {threshold}; "
                f"give {named('threshold', f'{(least + 1) / 2:g}')}"
            )
        if opening is not None and len(s.shape) != 3:
            raise BadModel(
                f"{layer}: {named('opening')} must go with a mask of rows and columns, not of shape {s.shape}; "
                "leave it out"
            )
        mask = self.mask(s, v, threshold)
        if opening is None:
            return mask
        return self.add(Opening(name=self.name("", "opening"), inputs=(mask,), radius=opening))

    def mask(self, s: Stream, v: Value, threshold: float) -> Stream:
        """1 where the model's own score, a float32 of its output's activation, reaches the threshold."""
        score = v.steps[-1:] if v.head else (linear(),)
        # Behind a linear layer predict may compute the activation in that layer's kernel.
        chain = None if self.float64 else evaluator(v.made if len(v.steps) == 1 else None, score)
        exact = score[0].f64
        assert exact is not None
        edges = _reached(s, chain or score[0].f32, exact, threshold)
        if len(edges) <= 1:
            least = int(edges[0]) if len(edges) else s.hi + 1
            return self.add(Mask(name=self.name("", "mask"), inputs=(s,), threshold=least))
        levels = np.arange(len(edges) + 1, dtype=np.int64) % 2
        steps = Compiled(Thresholds(edges[None, :], levels[None, :]), 0, 0, 1)
        c = tabulated(steps, Source(s.type.fraction, s.lo, s.hi, 1))
        assert c.mapping is not None
        return self.add(
            Activation(name=self.name("", "mask"), inputs=(s,), mapping=c.mapping, out=c.type, lo=0, hi=1)
        )


# Logits of which all scores are evaluated, and how far a score in float32 may be from the formula's.
_SCORED = 2**20
_SCORE_ERROR = 2.0**-18


def _reached(
    s: Stream, score: Callable[[Floats], Floats], exact: Callable[[Floats], Floats], level: float
) -> Ints:
    """The integers at which reaching the threshold begins, ends, begins again and so on, ascending.

    score: the model's own float32 scores of logits (n, 1); exact: the formula in float64, which rises. Scores of
    float32 need not rise everywhere: TensorFlow's tanh falls by a last bit here and there. So all scores that may be on
    either side of the threshold are looked at.
    """

    def bound(least: float) -> int:
        lo, hi = s.lo, s.hi + 1
        while lo < hi:
            mid = (lo + hi) >> 1
            if exact(np.array([[np.ldexp(float(mid), -s.type.fraction)]]))[0, 0] >= least:
                hi = mid
            else:
                lo = mid + 1
        return lo

    whole = s.hi - s.lo < _SCORED
    first = s.lo if whole else bound(level - _SCORE_ERROR)
    end = s.hi + 1 if whole else bound(level + _SCORE_ERROR)
    reached, edges = False, []
    for at in range(first, end, _SCORED):
        k = np.arange(at, min(at + _SCORED, end), dtype=np.int64)
        y = score(np.ldexp(k.astype(np.float64), -s.type.fraction).astype(np.float32)[:, None])[:, 0]
        above = np.concatenate([[reached], y >= np.float32(level)])  # as `predict(x) >= threshold` compares
        edges.append(k[above[1:] != above[:-1]])
        reached = bool(above[-1])
    if not reached and end <= s.hi:
        edges.append(np.array([end], np.int64))
    return np.concatenate(edges) if edges else np.empty(0, np.int64)


# -- pooling --


def rises(f: Function) -> bool:
    """Whether the function never falls, in any channel."""
    return bool((np.asarray(f.monotone) > 0).all())
