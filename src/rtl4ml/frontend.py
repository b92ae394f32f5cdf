# SPDX-License-Identifier: Apache-2.0
"""The front door: a QKeras model becomes a `Graph` of exact integers.

Everything is read from the Keras model itself: layers, configurations, quantizers and weights. `parse` walks the layers
in the model's order. A linear layer becomes an operator whose output is its exact accumulator; the elementwise
functions behind it (normalization, division, activation) wait until a quantizer comes, and become one `Activation`
with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml import _tf, arguments
from rtl4ml.borders import MOST, Borders, Factors, division
from rtl4ml.elementwise import Compiled, Source, compile_functions, is_identity, tabulated
from rtl4ml.emulation import emulate
from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, UnsupportedLayer, named
from rtl4ml.ir import FLOAT32_EXACT, Fixed, Graph, Ints, Op, Stream
from rtl4ml.kernels import Origin, evaluator
from rtl4ml.ops.activation import Activation, Rounding, Thresholds
from rtl4ml.ops.conv import Conv, Dense, Depthwise, Padding
from rtl4ml.ops.head import ArgMax, Mask
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.scale import Scale
from rtl4ml.quantizers import (
    FREE_WEIGHT_BITS,
    Floats,
    Function,
    Weights,
    declared_quantizer,
    leaky,
    linear,
    on_vectors,
    read_function,
    read_weights,
    relu,
    to_grid,
    weight_values,
    without_residue,
)
from rtl4ml.snapshot import Snapshot
from rtl4ml.walk import Call, walk

# Activations that may stand at the output, where the graph ends before them.
_HEADS = ("softmax", "sigmoid", "tanh")


# -- what parse returns -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Parsed:
    """A model's graph with what surrounds it.

    graph:     exact integers
    model:     the Keras model, untouched by us
    quantizer: turns samples into the integers of the graph's input
    output:    "logits", "argmax" or "mask"
    cut:       per output, the activation that the graph leaves out ("softmax", "sigmoid", "tanh" or "")
    declared:  whether the input's precision was given rather than read from the model
    behind:    the layer of the model's own input quantizer, where a precision was given for what comes before it
    threshold: of a mask, in units of the model's output
    opening:   radius of the disk that opens the mask, or None
    weights:   the model's variables and settings as the graph has them: a live model may be trained on, or changed
    """

    graph: Graph
    model: Any
    weights: Snapshot
    quantizer: Function
    output: str
    cut: tuple[str, ...]
    declared: bool
    behind: str = ""
    threshold: float | None = None
    opening: int | None = None
    values: Mapping[str, Stream] = field(default_factory=dict)
    sums: Mapping[str, Stream] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Parsed {self.graph.name}: input {self.quantizer.name}, output {self.output}, {self.graph}>"

    @property
    def input(self) -> Stream:
        return self.graph.inputs[0]

    def notice(self, option: str = "input_precision") -> str:
        """What a user must know of the precision that `option` gave beside the model's own quantizer; else ""."""
        if not self.behind:
            return ""
        return (
            f"{self.behind}: {option} {self.quantizer.name} is the type of the stream before this quantizer: "
            f"inputs are brought to it first, and the quantizer is a part of the hardware"
        )

    def quantize_input(self, x: Any) -> Ints:
        """Samples (N, *shape) of any real dtype to the integers of the input stream. Raises BadInput."""
        return self.integers(check_batch(self.input, x))

    def integers(self, x: NDArray[np.float32]) -> Ints:
        """The input quantizer on checked float32 samples."""
        flat = x.reshape(-1)
        out = np.empty(flat.shape, np.int64)
        for i in range(0, len(flat), 2**18):
            out[i : i + 2**18] = self._steps(flat[i : i + 2**18])
        return out.reshape(x.shape)

    def _steps(self, x: NDArray[np.float32]) -> NDArray[Any]:
        """Checked samples of any shape to the integers of the input stream, in a type that holds them."""
        fraction = self.input.type.fraction
        if self.quantizer.rounds_to(fraction):
            return self.quantizer.steps(x)
        y = self.quantizer.f32(x.reshape(-1, 1)).astype(np.float64)
        return np.asarray(np.rint(np.ldexp(y, fraction)).reshape(x.shape))

    def emulate(self, x: Any) -> list[NDArray[np.float64]]:
        """Samples to the exact real values of every output."""
        return emulate(self.graph, check_batch(self.input, x), self._steps)


def check_batch(stream: Stream, x: Any) -> NDArray[np.float32]:
    """Samples as float32, as Keras casts them. Raises BadInput for a wrong shape, dtype or value."""
    try:
        a = np.asarray(x)
    except Exception:  # noqa: BLE001 -- ragged lists and foreign objects
        raise BadInput(
            f"{named('x')}: must be an array of real numbers, not {type(x).__name__}; give a NumPy array"
        ) from None
    want = ", ".join(map(str, stream.shape))
    if a.dtype.kind not in "biuf":
        raise BadInput(
            f"{named('x')}: must be an array of real numbers, not of dtype {a.dtype}; "
            "give a NumPy array of floats or integers"
        )
    if a.shape == stream.shape:
        raise BadInput(
            f"{named('x')}: must be a batch (N, {want}), not one sample {a.shape}; x[None] has the axis"
        )
    if a.ndim != len(stream.shape) + 1 or a.shape[1:] != stream.shape:
        raise BadInput(f"{named('x')}: must be a batch (N, {want}), not {a.shape}; reshape it")
    with np.errstate(over="ignore"):
        f = a.astype(np.float32, copy=False)
    if not np.isfinite(f).all():
        raise BadInput(
            f"{named('x')}: must hold finite numbers of float32, not {a[~np.isfinite(f)].flat[0]}; "
            "remove or replace such samples"
        )
    return f


# -- loading ------------------------------------------------------------------------------------------------


def load(model: Any) -> Any:
    """A live tf_keras model as it is, or the one in a .keras or .h5 file. Raises BadModel.

    A file is data: its configuration may name nothing but layers of Keras and QKeras, and no code in it runs.
    """
    if isinstance(model, str | Path):
        from rtl4ml.modelfile import load_file

        return load_file(Path(model))
    keras = _tf.keras()
    if isinstance(model, keras.Model):
        return model
    module = type(model).__module__
    if module.startswith(("keras.", "keras_core.")):
        raise BadModel(
            "model: must be a tf_keras model, not one of Keras 3; "
            "set TF_USE_LEGACY_KERAS=1 before importing tensorflow and build it again"
        )
    raise BadModel(
        f"model: must be a tf_keras model or a path to .keras or .h5, not {type(model).__name__}; "
        "load it with tf_keras"
    )


# -- parsing ------------------------------------------------------------------------------------------------


def parse(
    model: Any,
    *,
    input_precision: str | Fixed | None = None,
    output: str = "logits",
    threshold: float | None = None,
    opening: int | None = None,
) -> Parsed:
    """The exact graph of a QKeras model (live, or a path).

    input_precision: the type of the input ("ap_fixed<8,1>", a Fixed), where the model has no quantizer on it; where it
                     has one, that of the stream before this quantizer, as in hls4ml, unless they are the same
    output:          "logits" (the graph ends before a softmax, sigmoid or tanh at the output), "argmax", "mask"
    threshold:       for "mask": 1 where the model's own output (a sigmoid's probability, or the logit) reaches it
    opening:         for "mask" of rows and columns: the radius, 1 to 7, of a disk by which the mask is opened
    Raises an Rtl4mlError that names the layer, the rule, the offender and the way out.
    """
    output, threshold, opening = arguments.head(output, threshold, opening)
    m = load(model)
    _check_model(m)
    name = _identifier(str(m.name))
    shape = _static_shape(m.inputs[0].shape, str(m.inputs[0].node.layer.name))
    behind = ""
    if input_precision is None:
        quantizer = _input_quantizer(m)
    else:
        quantizer = declared_quantizer(input_precision)
        behind = _behind(m, quantizer)
    for float64 in (False, True):
        b = _Builder(m, quantizer, shape, declared=input_precision is not None, float64=float64)
        try:
            return replace(b.build(name, output, threshold, opening), behind=behind)
        except _NeedFloat64:
            continue
    raise AssertionError("a float64 graph cannot ask for float64")


class _NeedFloat64(Exception):
    """Some sum exceeds what float32 holds: evaluate every elementwise function in float64."""


# What bounds a model. Characters of a name: what is made of it, with all its endings, is a file name too, of 255 bytes
# at the most. Values of a frame: no device holds more.
MOST_NAME = 100
MOST_VALUES = 2**28


def _check_model(m: Any) -> None:
    name = m.name
    _check_layer(m)
    for layer in m._flatten_layers(include_self=False) if hasattr(m, "_flatten_layers") else ():
        _check_layer(layer)
    if not getattr(m, "_is_graph_network", False):
        raise BadModel(
            f"{name}: must be a Sequential or functional model with a known input shape, "
            f"not {type(m).__name__}; give it an Input layer"
        )
    if len(m.inputs) != 1:
        raise BadModel(f"{name}: must have one input, not {len(m.inputs)}; concatenate them before the model")
    for w in m.weights:
        a = np.asarray(w)
        if not np.isfinite(a).all():
            raise BadModel(
                f"{w.name.split(':')[0]}: weights must be finite numbers, "
                f"not {a[~np.isfinite(a)].flat[0]}; train or load the model again"
            )


def _check_layer(layer: Any) -> None:
    """What every layer must be, whatever its kind, a model within the model too. Raises BadModel."""
    name = str(layer.name)
    if len(name) > MOST_NAME:
        raise BadModel(
            f"{name[:40]}…: a name must have at most {MOST_NAME} characters, not {len(name):,}; give a shorter one"
        )
    policy = getattr(getattr(layer, "dtype_policy", None), "name", "float32")
    if policy != "float32":
        raise BadModel(
            f"{name}: the dtype policy must be float32, not {policy}; build the model under "
            "keras.mixed_precision.set_global_policy('float32')"
        )
    for node in getattr(layer, "_inbound_nodes", ()):
        outputs = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
        for shape in (tuple(t.shape)[1:] for t in outputs if hasattr(t, "shape")):
            if prod(d or 1 for d in shape) > MOST_VALUES:
                raise BadModel(
                    f"{name}: a frame must have at most {MOST_VALUES:,} values, not {shape}; take a smaller one"
                )


def _static_shape(shape: Any, layer: str) -> tuple[int, ...]:
    s = tuple(shape)[1:]
    if any(d is None for d in s):
        raise BadModel(
            f"{layer}: the input shape must be static, not {tuple(shape)}; "
            "give every dimension in its Input layer"
        )
    if any(d < 1 for d in s) or not 1 <= len(s) <= 3:
        raise BadModel(
            f"{layer}: the input must have shape (C,), (W, C) or (H, W, C) of at least 1 each, not {s}; "
            "reshape it"
        )
    return tuple(int(d) for d in s)


def _identifier(name: str) -> str:
    n = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:MOST_NAME] or "layer"
    return n if not n[0].isdigit() else f"n{n}"


def _layer_names(m: Any) -> frozenset[str]:
    """Names that the operators of a model's layers take, those of nested models included."""
    layers = m._flatten_layers(recursive=True, include_self=False)
    return frozenset(_identifier(str(x.name)) for x in layers if type(x).__name__ != "InputLayer")


# -- the input quantizer ------------------------------------------------------------------------------------

# Layers that only move elements, so that a quantizer behind them may as well stand before them.
_MOVERS = {
    "InputLayer", "Flatten", "Reshape", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "UpSampling1D",
    "UpSampling2D", "Cropping1D", "Cropping2D", "ZeroPadding1D", "ZeroPadding2D", "MaxPooling1D",
        "MaxPooling2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D",
}  # fmt: skip


def _input_quantizer(m: Any) -> Function:
    """The quantizer that every reader of the input has, through layers that only move elements."""
    found: list[Function] = []
    movers: list[Any] = []

    def visit(call: Call, inputs: list[Any]) -> list[Any]:
        layer = call.layer
        if not any(inputs):
            return [False]
        if type(layer).__name__ in _MOVERS and getattr(layer, "interpolation", "nearest") == "nearest":
            movers.append(layer)
            return [True]
        if type(layer).__name__ in ("QActivation", "Activation"):
            f = _activation_of(layer, getattr(layer, "quantizer", layer.activation))
            if f.grid is not None:
                found.append(f)
                return [False]
            if f.name == "linear":
                return [True]
        raise BadModel(
            f"{layer.name}: the model's input must pass a quantizer first, "
            f"not go into {type(layer).__name__}; "
            f"put a QActivation behind the input or give {named('input_precision')}"
        )

    outputs = walk(m, [True], visit)
    if any(outputs) or not found:
        raise BadModel(
            f"{m.name}: the model's input must pass a quantizer, not reach the output; "
            f"put a QActivation behind the input or give {named('input_precision')}"
        )
    first = found[0]
    other = next((f for f in found if f.name != first.name or f.grid != first.grid), None)
    if other is not None:
        raise BadModel(
            f"{other.layer}: all quantizers on the model's input must be the same, "
            f"not {first.name} and {other.name}; "
            f"give {named('input_precision')}"
        )
    zero = float(first.f32(np.zeros((1, 1), np.float32))[0, 0])
    for layer in movers:
        kind = type(layer).__name__
        if ("ZeroPadding" in kind and zero != 0) or ("MaxPooling" in kind and first.monotone != 1):
            raise BadModel(
                f"{layer.name}: the model's input must pass its quantizer {first.name} first, "
                f"not go into {kind}; give {named('input_precision')}"
            )
    return first


def _behind(m: Any, declared: Function) -> str:
    """The layer of the model's own quantizer behind a declared input, "" where there is none for the whole input.

    Raises BadInput where that quantizer is the declared one again.
    """
    try:
        own = _input_quantizer(m)
    except Rtl4mlError:
        return ""
    if (
        own.grid is not None
        and own.grid == declared.grid
        and all(f.rounds_to(own.grid.fraction) for f in (own, declared))
    ):
        raise BadInput(
            f"{own.layer}: {named('input_precision')} must be another type than that of this quantizer, "
            f"not {declared.name}, which changes nothing; leave it out"
        )
    return own.layer


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
class _Builder:
    model: Any
    quantizer: Function
    shape: tuple[int, ...]
    declared: bool
    float64: bool
    ops: list[Op] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    values: dict[str, Stream] = field(default_factory=dict)
    sums: dict[str, Stream] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layers = _layer_names(self.model)

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
        handler = _HANDLERS.get(kind)
        if handler is None or not _known_module(type(layer)):
            raise UnsupportedLayer(
                f"{layer.name}: the layer must be one of the supported layers, not {_origin(type(layer))}; "
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
        base = _identifier("_".join(part for part in (layer, what) if part))
        name, k = base, 1
        while name in self.names or ((what or k > 1) and name in self.layers):
            k += 1
            name = f"{base}_{k}"
        self.names.add(name)
        return name

    def add(self, op: Op) -> Stream:
        """Appends the operator; its output. Asks for float64 where float32 rounds."""
        if not self.float64 and op.bound > FLOAT32_EXACT:
            raise _NeedFloat64
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
        channels = borders.frame[-1] if any(f.wide for f in steps[1:]) else 1

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
        if v.pools and not _rises(f):
            raise UnsupportedLayer(
                f"{layer}: what follows {v.pools[-1].layer} must be a function that never falls, "
                f"not {f.name}; "
                f"put a QActivation before the pool"
            )
        return replace(v, steps=(*v.steps, replace(f, shared=not v.alone, apart=v.moved)), moved=False)

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
        f = _activation_of(layer, obj)
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


# -- one handler a layer ------------------------------------------------------------------------------------

Handler = Callable[[_Builder, Any, list[Value]], Value]
_HANDLERS: dict[str, Handler] = {}


def handles(*kinds: str) -> Callable[[Handler], Handler]:
    """Registers the handler of Keras layer classes by name; a second owner is an error."""

    def register(f: Handler) -> Handler:
        for kind in kinds:
            if kind in _HANDLERS:
                raise ValueError(f"{kind}: has a handler already")
            _HANDLERS[kind] = f
        return f

    return register


def supported_layers() -> frozenset[str]:
    """Names of the Keras and QKeras layer classes that have a handler."""
    return frozenset(_HANDLERS)


def _known_module(cls: type) -> bool:
    return cls.__module__.split(".")[0] in ("keras", "tf_keras", "qkeras")


def _origin(cls: type) -> str:
    return cls.__name__ if _known_module(cls) else f"{cls.__name__} of {cls.__module__.split('.')[0]}"


def _activation_of(layer: Any, obj: Any) -> Function:
    """The function of an activation object of a layer, softmax included."""
    if obj is None:
        return linear(layer.name)
    if getattr(obj, "__name__", "") == "softmax":
        return replace(linear(layer.name), name="softmax", scale=None, clip=None)
    return read_function(layer.name, obj)


@handles(
    "InputLayer",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "ActivityRegularization",
)
def _nothing(_b: _Builder, _layer: Any, x: list[Value]) -> Value:
    return x[0]


@handles("QActivation")
def _qactivation(b: _Builder, layer: Any, x: list[Value]) -> Value:
    return b.function(layer, x[0], layer.quantizer)


@handles("Activation")
def _activation(b: _Builder, layer: Any, x: list[Value]) -> Value:
    return b.function(layer, x[0], layer.activation)


@handles("Softmax")
def _softmax(b: _Builder, layer: Any, x: list[Value]) -> Value:
    axis = layer.axis if isinstance(layer.axis, int) else -2
    if axis not in (-1, len(x[0].stream.shape)):
        raise UnsupportedLayer(
            f"{layer.name}: softmax must be over the channels (axis -1), not axis {layer.axis}; set axis=-1"
        )
    return b.function(layer, x[0], _tf.keras().activations.softmax)


@handles("ReLU")
def _relu(b: _Builder, layer: Any, x: list[Value]) -> Value:
    top = np.inf if layer.max_value is None else float(layer.max_value)
    f = relu(
        layer.name, top=top, slope=float(layer.negative_slope), threshold=float(layer.threshold), own=layer
    )
    return b.elementwise(layer, x[0], f)


@handles("LeakyReLU")
def _leaky(b: _Builder, layer: Any, x: list[Value]) -> Value:
    return b.elementwise(layer, x[0], leaky(layer.name, float(layer.alpha), layer))


@handles("BatchNormalization", "QBatchNormalization")
def _batchnorm(b: _Builder, layer: Any, x: list[Value]) -> Value:
    v = x[0]
    rank = len(v.stream.shape)
    axis = [int(a) for a in np.atleast_1d(layer.axis)]
    if axis not in ([rank], [-1]):
        raise UnsupportedLayer(
            f"{layer.name}: normalization must be over the channels (axis -1), not axis {axis}; set axis=-1"
        )
    if any(f.wide for f in v.steps) and v.rows is not None:
        v = Value(b.stream(layer, v))
    if v.borders and v.stream.shape != v.borders.frame:  # flattened since
        v = Value(b.stream(layer, v))
    return b.elementwise(layer, replace(v, rows=None), _normalization(layer, rank))


def _normalization(layer: Any, rank: int) -> Function:
    def f32(x: Floats) -> Floats:
        a = np.asarray(x, np.float32).reshape(len(x), *(1,) * (rank - 1), -1)
        with without_residue(layer):
            return on_vectors(lambda t: layer(t, training=False), a).reshape(len(x), -1)

    def read(which: str, variable: Any) -> NDArray[np.float64]:
        return weight_values(layer.name, which, _internal(layer, which), variable).astype(np.float64)

    mean, variance = read("mean", layer.moving_mean), read("variance", layer.moving_variance)
    gamma = read("gamma", layer.gamma) if layer.scale else np.ones_like(mean)
    beta = read("beta", layer.beta) if layer.center else np.zeros_like(mean)
    if (variance + layer.epsilon <= 0).any():
        raise BadModel(
            f"{layer.name}: the moving variance must be positive, not {variance.min():g}; "
            "train the model again"
        )
    slope = gamma / np.sqrt(variance + layer.epsilon)
    offset = beta - mean * slope

    def f64(x: Floats) -> Floats:
        return np.asarray(np.asarray(x, np.float64) * slope + offset)

    sign = np.where(gamma < 0, -1, 1).astype(np.int64)
    return Function(
        name="normalization",
        f32=f32,
        f64=f64,
        monotone=sign,
        wide=True,
        layer=layer.name,
        own=layer,
        rank=rank,
    )


# -- linear layers --


def _bias_function(layer: Any, bias: NDArray[np.float32]) -> Function:
    """A float bias: a sum in float32 whose rounding the quantizer behind it absorbs."""
    wide = np.asarray(bias, np.float64)
    return Function(
        name="bias",
        f32=lambda x: np.asarray(x, np.float32) + bias,
        f64=lambda x: np.asarray(x, np.float64) + wide,
        monotone=1,
        wide=True,
        layer=layer.name,
    )


def _internal(layer: Any, which: str) -> Any:
    """The quantizer object of `which` ("kernel", "bias", ...), or None."""
    return (
        getattr(layer, f"{which}_quantizer_internal", None)
        if getattr(layer, f"{which}_quantizer", None)
        else None
    )


def _kernel(layer: Any, which: str, variable: Any, shape: tuple[int, ...]) -> Weights:
    """Integers (*shape) of a kernel; the last axis are the output channels."""
    trained = np.asarray(variable, np.float32)
    if (
        type(layer).__name__ == "QSeparableConv1D"
    ):  # QKeras gives its kernels to their quantizers with an axis more
        trained = trained[None]
    what = "weights" if which == "kernel" else f"{which} weights"
    w = read_weights(layer.name, what, _internal(layer, which), trained, shape[-1])
    return Weights(w.integers.reshape(shape), w.fraction)


def _turned(w: Weights) -> Weights:
    """A kernel (KH, KW, channels out, channels in) turned round, as (KH, KW, channels in, channels out)."""
    real = w.real[::-1, ::-1].transpose(0, 1, 3, 2)
    own, one = to_grid(real), to_grid(real.reshape(-1, 1))
    shared = Weights(one.integers.reshape(real.shape), np.repeat(one.fraction, real.shape[-1]))
    return own if own.width < shared.width else shared


def _is_folded(layer: Any) -> bool:
    """Whether the layer is one of QKeras's that fold a batch normalization into their weights."""
    return type(layer).__name__ in ("QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm")


def _trained(layer: Any, which: str) -> Any:
    """The array that the quantizer of `which` ("kernel", "depthwise", "bias") gets at inference; None without a bias.

    Layers that fold a batch normalization fold its moving statistics, in either folding mode.
    """
    if _is_folded(layer):
        kernel, bias = layer.get_folded_weights()
        return np.asarray(bias if which == "bias" else kernel)
    if which == "bias":
        return np.asarray(layer.bias, np.float32) if layer.use_bias else None
    return np.asarray(layer.kernel if which == "kernel" else getattr(layer, f"{which}_kernel"))


def _bias(layer: Any) -> tuple[Ints | None, int, Function | None]:
    """Integers and fraction of the bias, or the function that adds a float bias."""
    trained = _trained(layer, "bias")
    if trained is None:
        return None, 0, None
    quantizer = _internal(layer, "bias")
    q = weight_values(layer.name, "bias", quantizer, trained)
    if quantizer is None and to_grid(q.reshape(-1, 1)).width > FREE_WEIGHT_BITS:
        return None, 0, _bias_function(layer, q)
    w = read_weights(layer.name, "bias", quantizer, trained, 1)
    if not w.integers.any():
        return None, 0, None
    return w.integers[:, 0], int(w.fraction[0]), None


def _same(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """TensorFlow's "same": ceil(n / s) outputs, the odd zero on the right."""
    total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def _pairs(rank: int, value: Iterable[int] | int) -> tuple[int, int]:
    """A Keras size of a 1-D or 2-D layer as (height, width)."""
    v = tuple(int(i) for i in np.atleast_1d(np.asarray(value)))
    return (1, v[0]) if rank == 2 else (v[0], v[-1])


def _padding(
    layer: Any,
    hw: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    if layer.padding == "valid":
        return (0, 0), (0, 0)
    if layer.padding == "causal":
        return (0, 0), (dilation[1] * (kernel[1] - 1), 0)
    if layer.padding == "same":
        a, b = (_same(n, k, s, d) for n, k, s, d in zip(hw, kernel, stride, dilation, strict=True))
        return a, b
    raise UnsupportedLayer(
        f"{layer.name}: padding must be valid, same or causal, not {layer.padding!r}; change it"
    )


def _check_conv(layer: Any, s: Stream, rank: int) -> None:
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UnsupportedLayer(
            f"{layer.name}: data_format must be channels_last, not {layer.data_format}; transpose the model"
        )
    if getattr(layer, "groups", 1) != 1:
        raise UnsupportedLayer(f"{layer.name}: groups must be 1, not {layer.groups}; use a depthwise layer")
    if len(s.shape) != rank:
        raise UnsupportedLayer(
            f"{layer.name}: the input must have {rank} dimensions beside the batch, not {s.shape}; reshape it"
        )


def _kernel_layer(layer: Any) -> Any:
    """The layer whose kernels TensorFlow chooses for this one at inference: a folded one always adds a bias."""
    if not _is_folded(layer):
        return layer
    q, options = _tf.qkeras(), {"dilation_rate": layer.dilation_rate, "use_bias": True}
    if "Depthwise" in type(layer).__name__:
        return q.QDepthwiseConv2D(layer.kernel_size, **options)
    return q.QConv2D(1, layer.kernel_size, **options)


def _finish(b: _Builder, layer: Any, s: Stream, bias: Function | None) -> Value:
    v = Value(s, () if bias is None else (bias,), made=Origin(_kernel_layer(layer), len(s.shape)))
    if bias is None:
        b.sums[layer.name] = s
    return b.function(layer, v, layer.activation, "activation")


@handles("QDense", "Dense")
def _dense(b: _Builder, layer: Any, x: list[Value]) -> Value:
    s = b.stream(layer, x[0])
    kernel = np.asarray(layer.kernel)
    w = _kernel(layer, "kernel", kernel, (1, 1, *kernel.shape))
    bias, fraction, function = _bias(layer)
    op = Dense(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
    )  # fmt: skip
    return _finish(b, layer, b.add(op), function)


@handles("QConv1D", "Conv1D", "QConv2D", "Conv2D", "QConv2DBatchnorm")
def _conv(b: _Builder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    s = b.stream(layer, x[0])
    _check_conv(layer, s, rank)
    kernel = _trained(layer, "kernel")
    w = _kernel(layer, "kernel", kernel, kernel.shape if rank == 3 else (1, *kernel.shape))
    size, stride, dilation = (
        _pairs(rank, v) for v in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    bias, fraction, function = _bias(layer)
    op = Conv(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
        stride=stride, dilation=dilation, padding=_padding(layer, s.hwc[:2], size, stride, dilation),
    )  # fmt: skip
    return _finish(b, layer, b.add(op), function)


@handles("QConv2DTranspose", "Conv2DTranspose")
def _transposed(b: _Builder, layer: Any, x: list[Value]) -> Value:
    """A convolution, with the kernel turned round, of the frame with zeros behind its pixels."""
    from rtl4ml.ops.stuff import Stuff, Transposed

    s = b.stream(layer, x[0])
    _check_conv(layer, s, 3)
    for what, one in (("dilation_rate", (1, 1)), ("output_padding", None)):
        value = getattr(layer, what)
        if value != one:
            raise UnsupportedLayer(
                f"{layer.name}: {what} of a transposed convolution must be {one}, not {value}; leave it out"
            )
    stride, size = _pairs(3, layer.strides), _pairs(3, layer.kernel_size)
    kernel = np.asarray(layer.kernel)
    w = _turned(_kernel(layer, "kernel", kernel, kernel.shape))
    bias, fraction, function = _bias(layer)
    if stride != (1, 1):
        name = b.name(layer.name, "stuff")
        s = b.add(Stuff(name=name, inputs=(s,), layers=(layer.name,), factor=stride))
    over = [max(k - t, 0) for k, t in zip(size, stride, strict=True)]
    cut = [n // 2 if layer.padding == "same" else 0 for n in over]
    top, left = (
        (k - 1 - a, a if layer.padding == "same" else n) for k, a, n in zip(size, cut, over, strict=True)
    )
    op = Transposed(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction, padding=(top, left),
        stuffed=stride,
    )  # fmt: skip
    return _finish(b, layer, b.add(op), function)


def _depthwise_op(
    b: _Builder, layer: Any, s: Stream, rank: int, what: str, bias: Ints | None, fraction: int
) -> Stream:
    variable = _trained(layer, "depthwise")
    c, m = variable.shape[-2:]
    size = (1, variable.shape[0]) if rank == 2 else variable.shape[:2]
    w = _kernel(layer, "depthwise", variable, (*size, c * m))
    stride, dilation = (_pairs(rank, v) for v in (layer.strides, layer.dilation_rate))
    op = Depthwise(
        name=b.name(layer.name, what), inputs=(s,), layers=(layer.name,),
        weights=w.integers.reshape(*size, c, m), weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
        stride=stride, dilation=dilation, padding=_padding(layer, s.hwc[:2], size, stride, dilation), pe=m,
    )  # fmt: skip
    return b.add(op)


@handles(
    "QDepthwiseConv2D", "DepthwiseConv1D", "DepthwiseConv2D", "QDepthwiseConv1D", "QDepthwiseConv2DBatchnorm"
)
def _depthwise(b: _Builder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    s = b.stream(layer, x[0])
    _check_conv(layer, s, rank)
    bias, fraction, function = _bias(layer)
    return _finish(b, layer, _depthwise_op(b, layer, s, rank, "", bias, fraction), function)


@handles("QSeparableConv1D", "QSeparableConv2D", "SeparableConv1D", "SeparableConv2D")
def _separable(b: _Builder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    s = b.stream(layer, x[0])
    _check_conv(layer, s, rank)
    s = _depthwise_op(b, layer, s, rank, "depthwise", None, 0)
    variable = np.asarray(layer.pointwise_kernel)
    w = _kernel(layer, "pointwise", variable, (1, 1, *variable.shape[-2:]))
    bias, fraction, function = _bias(layer)
    op = Conv(
        name=b.name(layer.name), inputs=(s,), layers=(layer.name,),
        weights=w.integers, weight_fraction=w.fraction, bias=bias, bias_fraction=fraction,
    )  # fmt: skip
    return _finish(b, layer, b.add(op), function)


# -- pooling --


def _rises(f: Function) -> bool:
    """Whether the function never falls, in any channel."""
    return bool((np.asarray(f.monotone) > 0).all())


def _pool(
    b: _Builder,
    layer: Any,
    v: Value,
    mode: Literal["max", "sum"],
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
) -> Value:
    v = replace(_settled_borders(b, layer, v), moved=True)
    hw = v.stream.hwc[:2]
    for p in v.pools:
        hw = _pooled_size(hw, p)
    a, c = (
        _same(n, k, t, 1) if padding == "same" else (0, 0) for n, k, t in zip(hw, size, stride, strict=True)
    )
    p = Geometry(layer.name, size, stride, (a, c))
    if min(_pooled_size(hw, p)) < 1:
        raise UnsupportedLayer(
            f"{layer.name}: the pool must fit its input of {hw} positions, not be {size}; "
            "use a smaller pool_size"
        )
    if mode == "max":  # commutes with functions that rise; where one falls, it waits for the quantizer
        if v.pools or not all(_rises(f) for f in v.steps):
            return replace(v, pools=(*v.pools, p))
        return replace(v, stream=b.pooled(p, v.stream, mode))
    s = b.stream(layer, v)
    total = b.pooled(p, s, mode)
    op = b.ops[-1]
    assert isinstance(op, Pool)
    borders = Borders(layer.name, op)
    if len(borders.numbers) > 1:
        if borders.shift is not None:
            return Value(b.scaled(layer.name, total, borders.exact, borders.shift))
        return Value(total, (division(layer.name, int(borders.numbers[-1])),), borders=borders)
    count = int(borders.numbers[0])
    if count & (count - 1) == 0:  # a division by a power of two only moves the point
        b.ops[-1] = replace(op, shift=count.bit_length() - 1)
        return Value(b.ops[-1].output)
    return Value(total, (division(layer.name, count),))


def _settled_borders(b: _Builder, layer: Any, v: Value) -> Value:
    """The value with all positions alike: a layer that moves elements cannot pass an average with padding."""
    return v if v.borders is None else Value(b.stream(layer, v))


def _pooled_size(hw: tuple[int, int], p: Geometry) -> tuple[int, int]:
    h, w = ((n + sum(e) - k) // t + 1 for n, k, t, e in zip(hw, p.size, p.stride, p.padding, strict=True))
    return h, w


@handles("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D")
def _pooling(b: _Builder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    _check_conv(layer, x[0].stream, rank)
    mode: Literal["max", "sum"] = "max" if "Max" in type(layer).__name__ else "sum"
    size, stride = _pairs(rank, layer.pool_size), _pairs(rank, layer.strides)
    return _pool(b, layer, x[0], mode, size, stride, layer.padding)


@handles("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D")
def _global(b: _Builder, layer: Any, x: list[Value]) -> Value:
    rank = 2 if "1D" in type(layer).__name__ else 3
    _check_conv(layer, x[0].stream, rank)
    v = x[0] if not x[0].pools else Value(b.stream(layer, x[0]))
    hw = v.stream.hwc[:2]
    v = _pool(b, layer, v, "max" if "Max" in type(layer).__name__ else "sum", hw, hw, "valid")
    return v if layer.keepdims else _reshaped(b, layer, v, (v.stream.channels,))


# -- shapes --


def _unpooled(b: _Builder, layer: Any, v: Value) -> Value:
    """The value without waiting maxima, which a layer that moves elements cannot pass."""
    return replace(Value(b.stream(layer, v)) if v.pools or v.borders else v, moved=True)


def _reshaped(b: _Builder, layer: Any, v: Value, shape: tuple[int, ...]) -> Value:
    if v.borders and not any(f.wide for f in v.steps):  # the order of elements stays
        return replace(v, stream=b.reshaped(layer.name, v.stream, shape))
    v = _unpooled(b, layer, v)
    if shape == v.stream.shape:
        return v
    rows = v.rows
    if any(f.wide for f in v.steps):
        rows = np.arange(v.stream.channels) if rows is None else rows
        if shape[-1] % len(rows):
            v = Value(b.stream(layer, v))
            rows = None
        else:
            rows = np.tile(rows, shape[-1] // len(rows))
    return replace(v, stream=b.reshaped(layer.name, v.stream, shape), rows=rows)


@handles("Flatten")
def _flatten(b: _Builder, layer: Any, x: list[Value]) -> Value:
    return _reshaped(b, layer, x[0], (x[0].stream.elements,))


@handles("Reshape")
def _reshape(b: _Builder, layer: Any, x: list[Value]) -> Value:
    v = _unpooled(b, layer, x[0])
    target = [int(d) for d in layer.target_shape]
    if -1 in target:
        target[target.index(-1)] = v.stream.elements // -prod(target)
    if not 1 <= len(target) <= 3:
        raise UnsupportedLayer(
            f"{layer.name}: the shape must be (C,), (W, C) or (H, W, C), not {tuple(target)}; drop an axis"
        )
    return _reshaped(b, layer, v, tuple(target))


def _edges(rank: int, value: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """Keras's padding or cropping as ((top, bottom), (left, right))."""
    v = np.asarray(value).tolist()
    return (
        ((0, 0), (int(v[0]), int(v[1])))
        if rank == 2
        else ((int(v[0][0]), int(v[0][1])), (int(v[1][0]), int(v[1][1])))
    )


@handles("ZeroPadding1D", "ZeroPadding2D")
def _zero_padding(b: _Builder, layer: Any, x: list[Value]) -> Value:
    from rtl4ml.ops.shape import Pad

    rank = 2 if "1D" in type(layer).__name__ else 3
    v = x[0] if x[0].raw else Value(b.stream(layer, x[0]))
    _check_conv(layer, v.stream, rank)
    op = Pad(
        name=b.name(layer.name), inputs=(v.stream,), layers=(layer.name,), padding=_edges(rank, layer.padding)
    )
    return replace(v, stream=b.add(op))


@handles("Cropping1D", "Cropping2D")
def _cropping(b: _Builder, layer: Any, x: list[Value]) -> Value:
    v = _unpooled(b, layer, x[0])
    from rtl4ml.ops.shape import Crop

    rank = 2 if "1D" in type(layer).__name__ else 3
    _check_conv(layer, v.stream, rank)
    edges = _edges(rank, layer.cropping)
    left = [n - sum(e) for n, e in zip(v.stream.hwc[:2], edges, strict=True)]
    if min(left) < 1:
        raise UnsupportedLayer(
            f"{layer.name}: cropping must leave at least one pixel, not {tuple(left)}; crop less"
        )
    op = Crop(name=b.name(layer.name), inputs=(v.stream,), layers=(layer.name,), cropping=edges)
    return replace(v, stream=b.add(op))


@handles("UpSampling1D", "UpSampling2D")
def _upsampling(b: _Builder, layer: Any, x: list[Value]) -> Value:
    from rtl4ml.ops.shape import UpSample

    rank = 2 if "1D" in type(layer).__name__ else 3
    _check_conv(layer, x[0].stream, rank)
    how = getattr(layer, "interpolation", "nearest")
    if how == "bilinear":
        return _bilinear(b, layer, x[0])
    if how != "nearest":
        raise UnsupportedLayer(
            f"{layer.name}: interpolation must be nearest or bilinear, not {how}; set interpolation='nearest'"
        )
    v = _unpooled(b, layer, x[0])
    op = UpSample(
        name=b.name(layer.name),
        inputs=(v.stream,),
        layers=(layer.name,),
        factor=_pairs(rank, layer.size),
    )
    return replace(v, stream=b.add(op))


def _bilinear(b: _Builder, layer: Any, v: Value) -> Value:
    from rtl4ml.ops.bilinear import Bilinear

    factor = _pairs(3, layer.size)
    if any(f & (f - 1) for f in factor):
        raise UnsupportedLayer(
            f"{layer.name}: the size of bilinear upsampling must be powers of two, not {factor}; "
            "set interpolation='nearest' or another size"
        )
    s = b.stream(layer, v)
    if factor == (1, 1):
        return Value(s)
    return Value(b.add(Bilinear(name=b.name(layer.name), inputs=(s,), layers=(layer.name,), factor=factor)))


# -- joins --


@handles("Concatenate")
def _concatenate(b: _Builder, layer: Any, x: list[Value]) -> Value:
    from rtl4ml.ops.merge import Concat

    streams = tuple(b.stream(layer, v) for v in x)
    if layer.axis not in (-1, len(streams[0].shape)):
        raise UnsupportedLayer(
            f"{layer.name}: concatenation must be over the channels (axis -1), not axis {layer.axis}; "
            "set axis=-1"
        )
    return Value(b.add(Concat(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


def _of_one_shape(b: _Builder, layer: Any, x: list[Value], what: str) -> tuple[Stream, ...]:
    """The settled inputs of a layer that works element by element."""
    streams = tuple(b.stream(layer, v) for v in x)
    shapes = {s.shape for s in streams}
    if len(shapes) != 1:
        raise UnsupportedLayer(
            f"{layer.name}: the sides of a {what} must have one shape, "
            f"not {' and '.join(map(str, sorted(shapes)))}; upsample or reshape the smaller side"
        )
    return streams


@handles("Add")
def _add(b: _Builder, layer: Any, x: list[Value]) -> Value:
    from rtl4ml.ops.merge import Add

    streams = _of_one_shape(b, layer, x, "sum")
    return Value(b.add(Add(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))


@handles("Multiply")
def _multiply(b: _Builder, layer: Any, x: list[Value]) -> Value:
    from rtl4ml.ops.merge import Product

    streams = _of_one_shape(b, layer, x, "product")
    return Value(b.add(Product(name=b.name(layer.name), inputs=streams, layers=(layer.name,))))
