# SPDX-License-Identifier: Apache-2.0
"""Models through the front door: emulate against QKeras's predict, value by value, and every refusal's text."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, UnsupportedLayer
from rtl4ml.frontends.borders import Borders
from rtl4ml.frontends.functions import Grid
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras import fused
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.frontends.readings import fixed_quantizer
from rtl4ml.host import frameworks
from rtl4ml.ir.mappings import Rounding, Table, Thresholds
from rtl4ml.ir.types import Fixed
from rtl4ml.ops.activation import Activation
from rtl4ml.ops.conv import Conv, Depthwise
from rtl4ml.ops.pool import Pool

K = frameworks.keras()
Q = frameworks.qkeras()
L = K.layers


def bits(b: int, i: int = 0, **options: Any) -> Any:
    return Q.quantized_bits(b, i, **{"alpha": 1.0, **options})


def linear(**options: Any) -> dict[str, Any]:
    return {"kernel_quantizer": bits(6), "bias_quantizer": bits(6), **options}


def depthwise(**options: Any) -> dict[str, Any]:
    return {"depthwise_quantizer": bits(5), "bias_quantizer": bits(6), **options}


def separable(**options: Any) -> dict[str, Any]:
    return {
        "depthwise_quantizer": bits(4),
        "pointwise_quantizer": bits(4),
        "bias_quantizer": bits(6),
        **options,
    }


def act(text: str = "quantized_relu(5,1)") -> Any:
    return Q.QActivation(text)


def randomize(model: Any, rng: np.random.Generator) -> Any:
    for w in model.weights:
        positive = "variance" in w.name
        w.assign(
            (rng.uniform(0.1, 2, w.shape) if positive else rng.normal(0.1, 0.5, w.shape)).astype(np.float32)
        )
    return model


def sequential(
    shape: tuple[int, ...], layers: list[Any], rng: np.random.Generator, entry: str = "quantized_bits(8,1)"
) -> Any:
    first = [act(entry)] if entry else []
    return randomize(K.Sequential([K.Input(shape), *first, *layers]), rng)


def samples(p: Parsed, rng: np.random.Generator, n: int = 12) -> np.ndarray:
    """Off the grid and a little beyond the input's range."""
    reach = 1.2 * p.input.hi * p.input.type.step
    return rng.uniform(-reach, reach, (n, *p.input.shape))


def assert_exact(model: Any, rng: np.random.Generator, n: int = 12, **options: Any) -> Parsed:
    """Emulate equals predict in every value and in shape."""
    p = parse(model, **options)
    x = samples(p, rng, n)
    want = model.predict(x, verbose=0)
    want = want if isinstance(want, list) else [want]
    got = p.emulate(x)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        np.testing.assert_array_equal(g, w)
        assert len(np.unique(w)) > 1, "a constant output proves nothing"
    assert p.graph.float32_exact
    return p


# -- layers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"),
    [(1, 1, 1), (4, 1, 1), (3, 2, 1), (4, 3, 1), (3, 1, 2), (2, 1, 5), (5, 4, 1)],
)
def test_conv1d(padding: str, kernel: int, stride: int, dilation: int, rng: np.random.Generator) -> None:
    layer = Q.QConv1D(4, kernel, strides=stride, dilation_rate=dilation, padding=padding, **linear())
    p = assert_exact(sequential((17, 3), [layer, act()], rng), rng)
    assert [type(op).__name__ for op in p.graph.ops] == ["Conv", "Activation"]


LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]]]] = {
    "dense": ((9,), lambda: [Q.QDense(5, **linear())]),
    "dense on every position": ((7, 4), lambda: [Q.QDense(5, **linear()), act()]),
    "dense with an activation": ((9,), lambda: [Q.QDense(5, activation="quantized_relu(4)", **linear())]),
    "two dense layers": ((9,), lambda: [Q.QDense(6, **linear()), act(), Q.QDense(3, **linear())]),
    "depthwise 1xK": ((1, 17, 3), lambda: [Q.QDepthwiseConv2D((1, 3), **depthwise()), act()]),
    "depthwise 2-D": (
        (9, 8, 3),
        lambda: [Q.QDepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2, **depthwise())],
    ),
    "separable": ((17, 3), lambda: [Q.QSeparableConv1D(4, 3, padding="same", **separable()), act()]),
    "separable, stride, multiplier": (
        (17, 3),
        lambda: [Q.QSeparableConv1D(4, 3, strides=2, depth_multiplier=2, **separable())],
    ),
    "separable 2-D": ((9, 8, 3), lambda: [Q.QSeparableConv2D(5, 3, **separable()), act()]),
    "conv 2-D": (
        (9, 8, 3),
        lambda: [Q.QConv2D(5, (3, 2), strides=(2, 1), padding="same", **linear()), act()],
    ),
    "transposed": ((4, 5, 3), lambda: [Q.QConv2DTranspose(4, 3, strides=2, **linear()), act()]),
    "transposed, float bias": (
        (4, 5, 3),
        lambda: [Q.QConv2DTranspose(4, 3, padding="same", kernel_quantizer=bits(6)), act()],
    ),
    "transposed with an activation": (
        (4, 5, 3),
        lambda: [Q.QConv2DTranspose(4, 1, strides=(2, 1), activation="quantized_relu(4)", **linear())],
    ),
    "folded": ((9, 8, 3), lambda: [Q.QConv2DBatchnorm(4, 3, activation="quantized_relu(4)", **linear())]),
    "folded with statistics of a batch": (
        (9, 8, 3),
        lambda: [
            Q.QConv2DBatchnorm(4, 3, folding_mode="batch_stats_folding", use_bias=False, **linear()),
            act(),
        ],
    ),
    "folded, float bias": ((9, 8, 3), lambda: [Q.QConv2DBatchnorm(4, 3, kernel_quantizer=bits(6)), act()]),
    "folded depthwise": (
        (9, 8, 3),
        lambda: [Q.QDepthwiseConv2DBatchnorm(3, depth_multiplier=2, **depthwise()), act()],
    ),
    "folded depthwise with statistics of a batch": (
        (9, 8, 3),
        lambda: [
            Q.QDepthwiseConv2DBatchnorm(
                3, strides=2, padding="same", folding_mode="batch_stats_folding", **depthwise()
            ),
            act(),
        ],
    ),
    "bilinear behind a normalization": (
        (4, 5, 3),
        lambda: [
            Q.QConv2D(4, 1, **linear()),
            L.BatchNormalization(),
            act(),
            L.UpSampling2D(2, interpolation="bilinear"),
            L.BatchNormalization(),
            act(),
        ],
    ),
    "conv 2-D dilated": ((9, 8, 3), lambda: [Q.QConv2D(5, 3, dilation_rate=2, **linear()), act()]),
    "max pool": ((17, 3), lambda: [L.MaxPooling1D(2), act()]),
    "max pool with a remainder": ((17, 3), lambda: [L.MaxPooling1D(4)]),
    "max pool, same": ((17, 3), lambda: [L.MaxPooling1D(3, 2, padding="same")]),
    "max pool, overlapping": ((17, 3), lambda: [L.MaxPooling1D(3, 1)]),
    "max pool 2-D": ((9, 8, 3), lambda: [L.MaxPooling2D((2, 3), padding="same")]),
    "average of 2": ((17, 3), lambda: [L.AveragePooling1D(2)]),
    "average of 3, quantized": ((17, 3), lambda: [L.AveragePooling1D(3), act()]),
    "average of 5, overlapping": ((17, 3), lambda: [L.AveragePooling1D(5, 2), act("quantized_bits(6,1)")]),
    "average 2-D": ((9, 8, 3), lambda: [L.AveragePooling2D(3), act()]),
    "average, same": ((17, 3), lambda: [L.AveragePooling1D(3, padding="same", strides=2), act()]),
    "average, same, of powers of two": ((17, 3), lambda: [L.AveragePooling1D(2, padding="same")]),
    "average, same, one number": ((3, 3), lambda: [L.AveragePooling1D(4, padding="same"), act()]),
    "average 2-D, same": (
        (6, 5, 3),
        lambda: [L.AveragePooling2D((3, 2), 1, padding="same"), act("quantized_tanh(5)")],
    ),
    "average, same, of powers of two, 2-D": ((5, 5, 2), lambda: [L.AveragePooling2D(2, padding="same")]),
    "average, same, and normalization": (
        (9, 3),
        lambda: [
            L.AveragePooling1D(3, 2, padding="same"),
            L.BatchNormalization(gamma_initializer="random_normal", beta_initializer="random_normal"),
            act(),
        ],
    ),
    "average, same, flattened": (
        (9, 3),
        lambda: [L.AveragePooling1D(3, padding="same"), L.Flatten(), act("quantized_bits(6,1)")],
    ),
    "average, same, flattened and normalized": (
        (9, 3),
        lambda: [
            L.AveragePooling1D(2, padding="same"),
            L.Flatten(),
            L.BatchNormalization(beta_initializer="random_normal"),
            act("quantized_bits(6,1)"),
        ],
    ),
    "average, same, then max": (
        (9, 3),
        lambda: [L.AveragePooling1D(2, 1, padding="same"), L.MaxPooling1D(2), act()],
    ),
    "average, same, then cropped": (
        (9, 3),
        lambda: [L.AveragePooling1D(2, 1, padding="same"), L.Cropping1D(1), act()],
    ),
    "average, same, then a function that falls": (
        (9, 3),
        lambda: [L.AveragePooling1D(3, 1, padding="same"), L.LeakyReLU(0.25), act("quantized_bits(5,0)")],
    ),
    "global average of 16": ((16, 3), lambda: [L.GlobalAveragePooling1D()]),
    "global average of 17": ((17, 3), lambda: [L.GlobalAveragePooling1D(), act("quantized_bits(6,0)")]),
    "global average, keepdims": (
        (17, 3),
        lambda: [L.GlobalAveragePooling1D(keepdims=True), act("quantized_bits(6,0)")],
    ),
    "global average 2-D": ((5, 3, 4), lambda: [L.GlobalAveragePooling2D(), act("quantized_bits(6,0)")]),
    "global max": ((17, 3), lambda: [L.GlobalMaxPooling1D()]),
    "flatten": ((5, 3), lambda: [L.Flatten(), Q.QDense(4, **linear())]),
    "reshape": (
        (18,),
        lambda: [
            L.Reshape((6, 3)),
            Q.QConv1D(4, 3, **linear()),
            act(),
            L.Reshape((2, -1)),
            Q.QConv1D(2, 2, **linear()),
        ],
    ),
    "zero padding": ((7, 3), lambda: [L.ZeroPadding1D((2, 1)), Q.QConv1D(4, 3, **linear())]),
    "zero padding 2-D": ((5, 4, 3), lambda: [L.ZeroPadding2D(((1, 0), (2, 3)))]),
    "cropping": ((9, 3), lambda: [L.Cropping1D((3, 1))]),
    "cropping 2-D": ((9, 8, 3), lambda: [L.Cropping2D(((1, 2), (3, 0)))]),
    "upsampling": ((5, 3), lambda: [L.UpSampling1D(3), Q.QConv1D(4, 3, **linear())]),
    "upsampling 2-D": ((5, 4, 3), lambda: [L.UpSampling2D((2, 3))]),
    "dropout": ((9,), lambda: [L.Dropout(0.5), Q.QDense(5, **linear())]),
    "linear activation": ((9,), lambda: [Q.QDense(5, **linear()), L.Activation("linear")]),
    "relu": ((9,), lambda: [Q.QDense(5, **linear()), L.ReLU()]),
    "relu in the layer": (
        (9,),
        lambda: [Q.QDense(5, activation="relu", **linear()), act("quantized_bits(6,2)")],
    ),
    "relu 6": ((9,), lambda: [Q.QDense(5, **linear()), L.ReLU(1.5), act("quantized_bits(6,1)")]),
    "relu with a threshold": (
        (9,),
        lambda: [Q.QDense(5, **linear()), L.ReLU(threshold=0.3), act("quantized_bits(6,1)")],
    ),
    "leaky relu": ((9,), lambda: [Q.QDense(5, **linear()), L.LeakyReLU(0.3), act("quantized_bits(6,1)")]),
    "leaky relu that stays on a grid": ((9,), lambda: [L.LeakyReLU(0.25)]),
    "sigmoid, quantized": (
        (9,),
        lambda: [Q.QDense(5, **linear()), L.Activation("sigmoid"), act("quantized_bits(6,1)")],
    ),
    "normalization": ((17, 3), lambda: [Q.QConv1D(6, 3, **linear()), L.BatchNormalization(), act()]),
    "normalization without scale": (
        (9,),
        lambda: [Q.QDense(6, **linear()), L.BatchNormalization(scale=False), act()],
    ),
    "normalization without center": (
        (9,),
        lambda: [Q.QDense(6, **linear()), L.BatchNormalization(center=False), act()],
    ),
    "normalization 2-D": ((9, 8, 3), lambda: [Q.QConv2D(5, 3, **linear()), L.BatchNormalization(), act()]),
    "quantized normalization": (
        (17, 3),
        lambda: [Q.QConv1D(4, 3, **linear()), Q.QBatchNormalization(), act()],
    ),
    "normalization, relu": (
        (17, 3),
        lambda: [Q.QConv1D(6, 3, **linear()), L.BatchNormalization(), L.ReLU(), act("quantized_bits(6,1)")],
    ),
    "normalization, max pool": (
        (17, 3),
        lambda: [Q.QConv1D(9, 3, **linear()), L.BatchNormalization(), L.MaxPooling1D(2), L.ReLU(), act()],
    ),
    "normalization, flatten": (
        (17, 3),
        lambda: [Q.QConv1D(4, 3, **linear()), L.BatchNormalization(), L.Flatten(), act()],
    ),
    "normalization, binary": (
        (9,),
        lambda: [Q.QDense(12, **linear()), L.BatchNormalization(), act("binary(alpha=1)")],
    ),
    "normalization of what was flattened": (
        (6, 3),
        lambda: [Q.QConv1D(4, 3, **linear()), L.Flatten(), L.BatchNormalization(), act()],
    ),
    "float bias": ((17, 3), lambda: [Q.QConv1D(4, 3, kernel_quantizer=bits(6)), act()]),
    "no bias": ((17, 3), lambda: [Q.QConv1D(4, 3, use_bias=False, kernel_quantizer=bits(6)), act()]),
    "weights on a grid without a quantizer": ((9,), lambda: [L.Dense(3, kernel_initializer="ones")]),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layer(case: str, rng: np.random.Generator) -> None:
    shape, layers = LAYERS[case]
    model = sequential(shape, layers(), rng)
    if "without a quantizer" in case:
        model.layers[-1].set_weights([rng.integers(-9, 9, (9, 3)) / 8, np.zeros(3)])
    assert_exact(model, rng)


@settings(max_examples=12)
@given(data=st.data())
def test_any_1d_network(data: st.DataObject) -> None:
    """Layers in any order and of any size."""
    draw = data.draw
    seed = draw(st.integers(0, 2**32 - 1), label="seed")
    width, channels = draw(st.integers(5, 24)), draw(st.integers(1, 4))
    x = entry = K.Input((width, channels))
    x = act(f"quantized_bits({draw(st.integers(2, 8))},{draw(st.integers(0, 2))})")(x)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["conv", "separable", "max", "average", "up"]))
        size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        padding = draw(st.sampled_from(["valid", "same"]))
        if x.shape[1] < 3:
            kind = "up"
        if kind == "conv":
            q = draw(
                st.sampled_from(
                    [
                        bits(4),
                        bits(5, 1),
                        bits(4, alpha="auto_po2"),
                        Q.binary(alpha=1.0),
                        Q.ternary(alpha=1.0),
                        Q.quantized_po2(3),
                    ]
                )
            )
            x = Q.QConv1D(
                draw(st.integers(1, 5)),
                size,
                strides=stride,
                padding=padding,
                kernel_quantizer=q,
                bias_quantizer=bits(5),
            )(x)
            if draw(st.booleans()):
                x = L.BatchNormalization()(x)
        elif kind == "separable":
            x = Q.QSeparableConv1D(
                draw(st.integers(1, 4)), size, strides=stride, padding=padding, **separable()
            )(x)
        elif kind == "max":
            x = L.MaxPooling1D(size, stride, padding=padding)(x)
        elif kind == "average":
            x = L.AveragePooling1D(size, stride)(x)
        else:
            x = L.UpSampling1D(size)(x)
        x = act(
            draw(
                st.sampled_from(
                    [
                        "quantized_relu(4,1)",
                        "quantized_bits(5,2)",
                        "quantized_tanh(4)",
                        "ternary(alpha=1.0,threshold=0.5)",
                    ]
                )
            )
        )(x)
    x = Q.QDense(3, **linear())(L.Flatten()(x))
    rng = np.random.default_rng(seed)
    model = randomize(K.Model(entry, x), rng)
    p = parse(model)
    batch = samples(p, rng, 6)
    try:
        want = model.predict(batch, verbose=0)
    except frameworks.tf().errors.OpError:  # oneDNN cannot do some single-channel layers with a single tap
        assume(False)
    np.testing.assert_array_equal(p.emulate(batch)[0], want)


FINE = "quantized_bits(23,5)"  # shows the last bits of a float32


THEN = ["relu", "relu6", "leaky", "elu", "pool", "nothing", "quantized sigmoid", "two readers"]
JOINS = [(conv, then) for conv in ("conv", "separable", "biased", "read twice") for then in THEN]
JOINS += [
    (conv, then)
    for conv in ("dilated", "dilated separable", "strided", "pointwise")
    for then in ("relu", "nothing")
]


@pytest.mark.parametrize(("conv", "then"), JOINS)
def test_kernels_that_tensorflow_joins(conv: str, then: str, rng: np.random.Generator) -> None:
    """Convolution, normalization and activation are one kernel in predict, which rounds in its own way."""
    layers = {
        "relu": [L.ReLU(), act(FINE)],
        "relu6": [L.ReLU(6), act(FINE)],
        "leaky": [L.LeakyReLU(0.1), act(FINE)],
        "elu": [L.Activation("elu"), act(FINE)],
        "pool": [L.MaxPooling2D(1), act(FINE)],
        "nothing": [act(FINE)],
        "quantized sigmoid": [act("quantized_sigmoid(22,0,1)")],
        "two readers": [L.ReLU(), act(FINE)],
    }[then]
    entry = K.Input((6, 6, 3))
    options = separable() if "separable" in conv else linear(kernel_quantizer=bits(4))
    options |= {"dilation_rate": 2 if "dilated" in conv else 1, "strides": 2 if conv == "strided" else 1}
    options |= {"kernel_size": 1 if conv == "pointwise" else 3, "filters": 5, "padding": "same"}
    if conv != "biased":
        options |= {"use_bias": False, "bias_quantizer": None}
    kind = Q.QSeparableConv2D if "separable" in conv else Q.QConv2D
    sums = kind(**options)(act("quantized_bits(8,1)")(entry))
    y = normal = L.BatchNormalization()(sums)
    for layer in layers:
        y = layer(y)
    read = {"two readers": [normal]}.get(then, [sums] if conv == "read twice" else [])
    model = randomize(K.Model(entry, [y, *(act("quantized_relu(3,1)")(t) for t in read)]), rng)
    assert_chain(model, sums, y, rng)


LINEAR: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "dense": ((40,), lambda: Q.QDense(8, **linear())),
    "dense without a bias": ((40,), lambda: Q.QDense(8, use_bias=False, kernel_quantizer=bits(4))),
    "dense on positions": ((12, 5), lambda: Q.QDense(8, **linear())),
    "conv": ((40, 5), lambda: Q.QConv1D(8, 3, **linear())),
    "separable": ((40, 5), lambda: Q.QSeparableConv1D(8, 3, **separable())),
    "conv 2-D": ((9, 9, 5), lambda: Q.QConv2D(8, 3, **linear())),
    "depthwise 2-D": ((9, 9, 5), lambda: Q.QDepthwiseConv2D(3, **depthwise())),
    "separable 2-D": ((9, 9, 5), lambda: Q.QSeparableConv2D(8, 3, **separable())),
    "max pool": ((40, 5), lambda: L.MaxPooling1D(2)),
    "transposed": ((9, 9, 5), lambda: Q.QConv2DTranspose(8, 3, strides=2, **linear())),
    "transposed same": ((9, 9, 5), lambda: Q.QConv2DTranspose(8, 3, padding="same", **linear())),
    "folded": ((9, 9, 5), lambda: Q.QConv2DBatchnorm(8, 3, use_bias=False, **linear())),
    "folded depthwise": ((9, 9, 8), lambda: Q.QDepthwiseConv2DBatchnorm(3, **depthwise())),
    "bilinear": ((9, 9, 5), lambda: L.UpSampling2D(2, interpolation="bilinear")),
}


@pytest.mark.parametrize(
    "then",
    [
        *("elu", "quantized_tanh(22,0,0,1)"),
        *(
            pytest.param(name, marks=pytest.mark.gate)
            for name in (
                *("swish", "tanh", "sigmoid", "gelu", "softplus"),
                *("quantized_sigmoid(22,0,1)", "quantized_hswish(22,3)"),
            )
        ),
    ],
)
@pytest.mark.parametrize("case", LINEAR)
def test_activations_behind_a_layer(case: str, then: str, rng: np.random.Generator) -> None:
    """Those whose floats depend on the kernel that TensorFlow chooses."""
    shape, make = LINEAR[case]
    entry = K.Input(shape)
    sums = make()(act("quantized_bits(8,1)")(entry))
    y = act(then)(sums)
    y = y if "quantized" in then else act(FINE)(y)
    assert_chain(randomize(K.Model(entry, y), rng), sums, y, rng)


def assert_chain(model: Any, sums: Any, y: Any, rng: np.random.Generator) -> None:
    """What parse evaluates for the sums is what predict makes of them, to the last bit."""
    import rtl4ml.frontends.builder as module

    chains: list[Any] = []
    original = module.compile_functions

    def coarse(name: str, source: Any, steps: Any, **options: Any) -> Any:
        if steps[-1].grid.count > 2**12:  # no thresholds for so many levels
            chains.append(options["together"])
            steps, options["together"] = [fixed_quantizer(Grid(-3, -64, 63), "coarse")], None
        return original(name, source, steps, **options)

    module.compile_functions = coarse
    try:
        parse(model)
    finally:
        module.compile_functions = original
    (chain,) = chains
    channels = y.shape[-1]
    x = rng.integers(-128, 128, (20, *model.input_shape[1:])) / 64
    values = K.Model(model.inputs, sums).predict(x, verbose=0).reshape(-1, channels)
    want = model.predict(x, verbose=0)
    want = (want[0] if isinstance(want, list) else want).reshape(-1, channels)
    np.testing.assert_array_equal(chain(values), want)
    if not any("normalization" in layer.name for layer in model.layers):  # one column stands for all channels
        np.testing.assert_array_equal(chain(values.reshape(-1, 1)), want.reshape(-1, 1))
    assert len(np.unique(want)) > 50


def lacks_a_kernel(*_: Any, **__: Any) -> Any:
    """What TensorFlow 2.21 says on some processors to a convolution, its normalization and a tanh, which it joins."""
    text = "Graph execution error:\n\nThere is no such kernel for _FusedConv2D\n"
    raise frameworks.tf().errors.UnimplementedError(None, None, text)


def test_a_kernel_that_tensorflow_lacks(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "_trace", lambda *_: lacks_a_kernel)
    layers = [
        Q.QConv2D(4, 3, use_bias=False, kernel_quantizer=bits(4)),
        L.BatchNormalization(),
        named(Q.QActivation, "quantized_tanh(8,0,0,1)"),
    ]
    text = (
        "culprit: TensorFlow must be able to run the model, not fail with UnimplementedError: There is no such kernel "
        "for _FusedConv2D; change the layer that it names"
    )
    with pytest.raises(BadModel, match=f"^{re.escape(text)}$"):
        parse(sequential((9, 9, 3), layers, rng))


def test_qkeras_transposed_convolution_runs_and_loads(tmp_path: Path, rng: np.random.Generator) -> None:
    """QKeras 0.9 asks TensorFlow for array_ops.stack, which 2.21 has not: rtl4ml.host.frameworks mends it."""
    model = sequential((4, 5, 3), [Q.QConv2DTranspose(4, 3, strides=2, **linear()), act()], rng)
    model.save(tmp_path / "m.keras")
    p = parse(tmp_path / "m.keras")
    x = samples(p, rng)
    np.testing.assert_array_equal(p.emulate(x)[0], model.predict(x, verbose=0))


# -- graphs -------------------------------------------------------------------------------------------------


def test_branches_of_a_functional_model(rng: np.random.Generator) -> None:
    entry = K.Input((12, 3))
    x = act("quantized_bits(6,1)")(entry)
    a = act("quantized_relu(4,1)")(Q.QConv1D(4, 3, padding="same", **linear())(x))
    b = act("quantized_bits(5,2)")(Q.QConv1D(4, 1, **linear())(x))
    s = L.Add()([a, b])
    c = L.Concatenate()([s, a, x])
    y = Q.QConv1D(2, 1, **linear())(c)
    p = assert_exact(randomize(K.Model(entry, y), rng), rng)
    kinds = [op.op for op in p.graph.ops]
    assert sorted(kinds) == ["Activation", "Activation", "Add", "Concat", "Conv", "Conv", "Conv"]
    assert kinds[-3:] == ["Add", "Concat", "Conv"]


def test_two_readers_of_one_accumulator(rng: np.random.Generator) -> None:
    entry = K.Input((12, 3))
    s = Q.QConv1D(4, 3, **linear())(act("quantized_bits(6,1)")(entry))
    n = L.BatchNormalization()(s)
    y = L.Concatenate()([act("quantized_relu(4,1)")(n), act("quantized_bits(3,2)")(s), s])
    assert_exact(randomize(K.Model(entry, y), rng), rng)


def test_shared_layer_and_nested_model(rng: np.random.Generator) -> None:
    inner_entry = K.Input((12, 4))
    inner = K.Model(
        inner_entry, act()(Q.QConv1D(4, 3, padding="same", **linear())(inner_entry)), name="inner"
    )
    entry = K.Input((12, 4))
    x = act("quantized_bits(6,1)")(entry)
    model = randomize(K.Model(entry, inner(inner(x))), rng)
    p = assert_exact(model, rng)
    assert len({op.name for op in p.graph.ops}) == 4


def test_several_outputs_are_a_list_in_the_models_order(rng: np.random.Generator) -> None:
    entry = K.Input((12, 3))
    x = act("quantized_bits(6,1)")(entry)
    a, b = Q.QConv1D(4, 3, **linear())(x), L.MaxPooling1D(2)(x)
    p = assert_exact(randomize(K.Model(entry, [b, a]), rng), rng)
    assert [s.shape for s in p.graph.outputs] == [(6, 3), (10, 4)]


def test_a_quantizer_onto_the_same_grid_costs_nothing(rng: np.random.Generator) -> None:
    p = assert_exact(sequential((9,), [act("quantized_bits(8,1)"), Q.QDense(3, **linear())], rng), rng)
    assert [op.op for op in p.graph.ops] == ["Dense"]


def test_a_model_without_operators_still_has_one(rng: np.random.Generator) -> None:
    p = assert_exact(sequential((9,), [], rng), rng)
    assert [op.op for op in p.graph.ops] == ["Activation"]


def every_quantizer(model: Any) -> list[Any]:
    return [v for layer in model.layers for v in vars(layer).values() if hasattr(v, "use_ste")]


def test_the_users_model_stays_as_it_was(rng: np.random.Generator) -> None:
    model = sequential(
        (9,),
        [Q.QDense(5, **linear(kernel_quantizer=bits(4, alpha="auto_po2"))), L.BatchNormalization(), act()],
        rng,
    )
    config, weights = str([vars(q) for q in every_quantizer(model)]), [np.array(w) for w in model.weights]
    nodes = [(len(layer.inbound_nodes), len(layer.outbound_nodes)) for layer in model.layers]
    p = parse(model)
    p.emulate(samples(p, rng))
    assert str([vars(q) for q in every_quantizer(model)]) == config
    assert all(np.array_equal(a, np.array(b)) for a, b in zip(weights, model.weights, strict=True))
    assert [(len(layer.inbound_nodes), len(layer.outbound_nodes)) for layer in model.layers] == nodes


def test_numbers_of_the_graph(rng: np.random.Generator) -> None:
    model = sequential((9, 2), [Q.QConv1D(5, 3, **linear()), L.BatchNormalization(), act()], rng)
    p = parse(model)
    assert p.graph.parameters == model.count_params() == 3 * 2 * 5 + 5 + 4 * 5
    conv = p.graph.ops[0]
    assert isinstance(conv, Conv) and conv.parameters == 35 and conv.layers == (model.layers[1].name,)
    assert p.graph.ops[1].layers == (model.layers[2].name, model.layers[3].name)


def test_what_activations_become(rng: np.random.Generator) -> None:
    layers = [
        Q.QConv1D(5, 3, **linear()),
        act(),
        Q.QConv1D(5, 3, **linear()),
        L.BatchNormalization(),
        act(),
        act("quantized_sigmoid(4)"),
    ]
    p = parse(sequential((19, 2), layers, rng))
    kinds = [type(op.mapping) for op in p.graph.ops if isinstance(op, Activation)]
    assert kinds == [Rounding, Thresholds, Table]


def test_separable_and_pool_operators(rng: np.random.Generator) -> None:
    p = parse(
        sequential((8, 2), [Q.QSeparableConv1D(5, 3, **separable()), act(), L.AveragePooling1D(2)], rng)
    )
    assert [type(op) for op in p.graph.ops] == [Depthwise, Conv, Activation, Pool]
    pool = p.graph.ops[-1]
    assert (
        isinstance(pool, Pool) and pool.shift == 1 and pool.output.type.fraction == pool.x.type.fraction + 1
    )


# -- outputs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["softmax", "sigmoid", "tanh"])
@pytest.mark.parametrize("where", ["layer", "dense", "quantized activation"])
def test_the_graph_ends_before_a_head(head: str, where: str, rng: np.random.Generator) -> None:
    if where == "dense":
        model = sequential((9,), [Q.QDense(5, activation=head, **linear())], rng)
    else:
        model = sequential(
            (9,), [Q.QDense(5, **linear()), L.Activation(head) if where == "layer" else act(head)], rng
        )
    p = parse(model)
    assert p.cut == (head,)
    x = samples(p, rng)
    logits = p.emulate(x)[0].astype(np.float32)
    np.testing.assert_allclose(
        np.asarray(getattr(K.activations, head)(frameworks.tf().constant(logits))),
        model.predict(x, verbose=0),
        rtol=1e-5,
    )
    dense = model.layers[1]
    kernel, bias = (
        np.asarray(q(w)) for q, w in zip(dense.get_quantizers(), (dense.kernel, dense.bias), strict=True)
    )
    np.testing.assert_array_equal(
        logits, p.quantize_input(x) * p.input.type.step @ kernel.astype(np.float64) + bias
    )


HEADS_2D: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "folded": (lambda: Q.QConv2DBatchnorm(4, 3, activation="softmax", **linear()), {"output": "argmax"}),
    "folded depthwise": (lambda: Q.QDepthwiseConv2DBatchnorm(3, activation="tanh", **depthwise()), {}),
    "transposed": (
        lambda: Q.QConv2DTranspose(1, 3, strides=2, activation="sigmoid", **linear()),
        {"output": "mask", "threshold": 0.4},
    ),
}


@pytest.mark.parametrize("case", HEADS_2D)
def test_heads_of_layers_that_end_with_one(case: str, rng: np.random.Generator) -> None:
    make, options = HEADS_2D[case]
    model = sequential((6, 7, 3), [make()], rng)
    p = parse(model, **options)
    x = samples(p, rng)
    y = model.predict(x, verbose=0)
    got = p.emulate(x)[0]
    if options.get("output") == "argmax":
        np.testing.assert_array_equal(got[..., 0], y.argmax(-1))
    elif options.get("output") == "mask":
        np.testing.assert_array_equal(got, y >= 0.4)
    else:
        np.testing.assert_allclose(np.tanh(got), y, rtol=1e-5, atol=1e-6)
    assert len(np.unique(got)) > 1


def test_softmax_layer_is_a_head(rng: np.random.Generator) -> None:
    assert parse(sequential((9,), [Q.QDense(5, **linear()), L.Softmax()], rng)).cut == ("softmax",)


def test_argmax(rng: np.random.Generator) -> None:
    model = sequential((9, 2), [Q.QConv1D(5, 3, **linear()), L.Activation("softmax")], rng)
    p = parse(model, output="argmax")
    x = samples(p, rng, 40)
    got = p.emulate(x)[0]
    assert got.shape == (40, 7, 1)
    logits = parse(model).emulate(x)[0]
    np.testing.assert_array_equal(got[..., 0], logits.argmax(-1))
    assert len(np.unique(got)) > 1


def test_argmax_ties_go_to_the_lowest_index(rng: np.random.Generator) -> None:
    model = sequential((2,), [Q.QDense(3, **linear())], rng)
    model.layers[-1].set_weights([np.tile([[0.5], [-0.25]], 3), np.array([-0.5, 0.25, 0.25])])
    assert parse(model, output="argmax").emulate(np.ones((1, 2)))[0].tolist() == [[1.0]]


@pytest.mark.parametrize(("head", "threshold"), [(None, 0.1), ("sigmoid", 0.6), ("tanh", -0.25)])
def test_mask_is_the_models_output_against_the_threshold(
    head: str | None, threshold: float, rng: np.random.Generator
) -> None:
    model = sequential((30, 2), [Q.QConv1D(1, 3, **linear()), *([L.Activation(head)] if head else [])], rng)
    p = parse(model, output="mask", threshold=threshold)
    x = samples(p, rng, 40)
    want = model.predict(x, verbose=0) >= threshold
    np.testing.assert_array_equal(p.emulate(x)[0], want)
    assert 0 < want.mean() < 1


# -- the input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "fixed"),
    [
        ("ap_fixed<8,1>", Fixed(True, 0, 7)),
        ("fixed<6, 3>", Fixed(True, 2, 3)),
        ("ufixed<8,0>", Fixed(False, 0, 8)),
        ("ap_ufixed<4,-2>", Fixed(False, -2, 6)),
        ("ap_uint<3>", Fixed(False, 3, 0)),
        ("int<4>", Fixed(True, 3, 0)),
        ("quantized_bits(8,0)", Fixed(True, 0, 7)),
        ("quantized_relu(6,2)", Fixed(False, 2, 4)),
        (Fixed(True, 2, 2), Fixed(True, 2, 2)),
    ],
)
def test_input_precision(precision: str | Fixed, fixed: Fixed, rng: np.random.Generator) -> None:
    model = sequential((9,), [Q.QDense(3, **linear())], rng, entry="")
    p = parse(model, input_precision=precision)
    assert p.input.type == fixed and p.declared
    x = samples(p, rng, 50)
    on_grid = np.clip(np.round(x / fixed.step), fixed.lo, fixed.hi) * fixed.step
    np.testing.assert_array_equal(p.quantize_input(x) * fixed.step, on_grid)
    np.testing.assert_array_equal(p.emulate(x)[0], model.predict(on_grid, verbose=0))


def test_input_precision_comes_before_the_models_own_quantizer(rng: np.random.Generator) -> None:
    model = sequential((9,), [Q.QDense(3, **linear())], rng, entry="quantized_bits(4,0)")
    p = parse(model, input_precision="ap_fixed<6,2>")
    assert [op.op for op in p.graph.ops] == ["Activation", "Dense"]
    x = rng.integers(-32, 32, (20, 9)) / 16
    np.testing.assert_array_equal(p.emulate(x)[0], model.predict(x, verbose=0))


def test_a_precision_that_is_that_of_the_models_own_quantizer_is_refused(rng: np.random.Generator) -> None:
    model = sequential((9,), [Q.QDense(3, **linear())], rng, entry="")
    own = Q.QActivation("quantized_bits(6,1)", name="own")
    model = K.Sequential([K.Input((9,)), L.Reshape((9,)), own, *model.layers])
    text = (
        "own: input_precision must be another type than that of this quantizer, not {}, which changes nothing; "
        "leave it out"
    )
    for same in ("ap_fixed<6,2>", "quantized_bits(6,1)", Fixed(True, 1, 4)):
        refusal(model, text.format(same), BadInput, input_precision=same)
    # What rounds or saturates in another way is applied, and said.
    assert parse(model).notice() == ""
    for other in ("ap_fixed<6,2,AP_TRN,AP_SAT>", "ap_fixed<8,2>", "ap_ufixed<5,1>"):
        p = parse(model, input_precision=other)
        assert p.notice("--input-precision") == (
            f"own: --input-precision {other} is the type of the stream before this quantizer: inputs are brought to it "
            "first, and the quantizer is a part of the hardware"
        )
        x = rng.uniform(-3, 3, (50, 9))
        on_grid = p.input.real(p.quantize_input(x))
        np.testing.assert_array_equal(p.emulate(x)[0], model.predict(on_grid, verbose=0))
    # Without a quantizer of the whole input there is nothing to say.
    bare = sequential((9,), [Q.QDense(3, **linear())], rng, entry="")
    assert parse(bare, input_precision="ap_fixed<6,2>").notice() == ""


def test_the_quantizer_may_stand_behind_layers_that_move_elements(rng: np.random.Generator) -> None:
    layers = [
        L.Reshape((12, 1)),
        L.ZeroPadding1D(1),
        L.MaxPooling1D(2),
        act("quantized_bits(6,0)"),
        Q.QConv1D(3, 3, **linear()),
    ]
    p = assert_exact(sequential((12,), layers, rng, entry=""), rng)
    assert [op.op for op in p.graph.ops] == ["Reshape", "Pad", "Pool", "Conv"]


def test_an_input_quantizer_is_applied_once(rng: np.random.Generator) -> None:
    """Twice would be another function: 0.25 is below ternary's threshold."""
    model = sequential((9,), [Q.QDense(3, **linear())], rng, entry="ternary(alpha=0.25)")
    p = assert_exact(model, rng, 50)
    assert [op.op for op in p.graph.ops] == ["Dense"] and len(
        np.unique(p.quantize_input(samples(p, rng) * 9))
    ) == 3


def test_two_readers_of_the_input_with_one_quantizer(rng: np.random.Generator) -> None:
    entry = K.Input((9, 2))
    a, b = act("quantized_bits(6,0)")(entry), act("quantized_bits(6,0)")(entry)
    y = L.Add()([Q.QConv1D(3, 1, **linear())(a), Q.QConv1D(3, 1, **linear())(b)])
    p = assert_exact(randomize(K.Model(entry, y), rng), rng)
    assert [op.op for op in p.graph.ops] == ["Conv", "Conv", "Add"]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float16", "float32", "float64"])
def test_any_real_dtype(dtype: str, rng: np.random.Generator) -> None:
    p = parse(sequential((9,), [Q.QDense(3, **linear())], rng))
    x = rng.integers(0, 2, (5, 9)).astype(dtype)
    np.testing.assert_array_equal(p.quantize_input(x), p.quantize_input(x.astype(np.float64)))


def test_inputs_far_outside_the_range_are_clipped_as_the_quantizer_defines(rng: np.random.Generator) -> None:
    p = parse(sequential((2,), [Q.QDense(3, **linear())], rng))
    np.testing.assert_array_equal(
        p.quantize_input([[1e6 + 0.3, -1e30], [2.5, -2.6]]), [[127, -128], [127, -128]]
    )


def test_no_samples_give_an_empty_result(rng: np.random.Generator) -> None:
    p = parse(sequential((9,), [Q.QDense(3, **linear())], rng))
    assert p.emulate(np.empty((0, 9)))[0].shape == (0, 3)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros(9), r"x: must be a batch (N, 9), not one sample (9,); x[None] has the axis"),
        (np.zeros((4, 8)), "x: must be a batch (N, 9), not (4, 8); reshape it"),
        (np.zeros((4, 9, 1)), "x: must be a batch (N, 9), not (4, 9, 1); reshape it"),
        (
            np.zeros((4, 9), complex),
            "x: must be an array of real numbers, not of dtype complex128; give a NumPy array of floats or integers",
        ),
        (
            np.full((4, 9), None),
            "x: must be an array of real numbers, not of dtype object; give a NumPy array of floats or integers",
        ),
        ([[1.0], [1.0, 2.0]], "x: must be an array of real numbers, not list; give a NumPy array"),
        (
            np.full((4, 9), np.nan),
            "x: must hold finite numbers of float32, not nan; remove or replace such samples",
        ),
        (
            np.full((4, 9), 1e39),
            "x: must hold finite numbers of float32, not 1e+39; remove or replace such samples",
        ),
    ],
)
def test_bad_batches(x: Any, text: str, rng: np.random.Generator) -> None:
    p = parse(sequential((9,), [Q.QDense(3, **linear())], rng))
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        p.quantize_input(x)


# -- refusals -----------------------------------------------------------------------------------------------


def refusal(model: Any, text: str, error: type[Rtl4mlError] = UnsupportedLayer, **options: Any) -> None:
    with pytest.raises(error) as caught:
        parse(model, **options)
    assert str(caught.value) == text
    assert "\n" not in text and caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def named(cls: Any, *args: Any, **options: Any) -> Any:
    return cls(*args, name="culprit", **options)


REFUSED: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "float layer": (
        lambda: [named(L.Conv1D, 4, 3)],
        "culprit: weights must lie on a fixed-point grid, "
        "not be floats of a layer without a quantizer for them; "
        "use QKeras's layer with quantized_bits",
    ),
    "lambda": (
        lambda: [named(L.Lambda, lambda x: x)],
        "culprit: the layer must be one of the supported layers, not Lambda; "
        "its code is not looked into; use layers of Keras and QKeras",
    ),
    "lstm": (
        lambda: [named(L.LSTM, 4)],
        "culprit: the layer must be one of the supported layers, not LSTM; "
        "its sums depend on all times before; use QConv1D with padding='causal' and dilation over them instead",
    ),
    "gru": (
        lambda: [named(L.GRU, 4)],
        "culprit: the layer must be one of the supported layers, not GRU; "
        "its sums depend on all times before; use QConv1D with padding='causal' and dilation over them instead",
    ),
    "adaptive activation": (
        lambda: [named(Q.QAdaptiveActivation, "quantized_relu", 6)],
        "culprit: the layer must be one of the supported layers, not QAdaptiveActivation; "
        "see the README's table of layers",
    ),
    "float bias at the output": (
        lambda: [L.Flatten(), named(Q.QDense, 3, kernel_quantizer=bits(4))],
        "culprit: bias must lie on a fixed-point grid, not be floats without a quantizer; "
        "set bias_quantizer or put a QActivation behind the layer",
    ),
    "softmax within": (
        lambda: [named(L.Softmax), act()],
        "culprit: softmax must be at the model's output, not within the network; "
        "remove it or use a quantized activation",
    ),
    "softmax over positions": (
        lambda: [named(L.Softmax, axis=1)],
        "culprit: softmax must be over the channels (axis -1), not axis 1; set axis=-1",
    ),
    "average that varies, on no grid": (
        lambda: [named(L.AveragePooling1D, 3, 2, padding="same")],
        "culprit: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "average on no grid": (
        lambda: [named(L.AveragePooling1D, 3)],
        "culprit: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "normalization on no grid": (
        lambda: [Q.QConv1D(3, 3, **linear()), named(L.BatchNormalization), Q.QConv1D(3, 3, **linear())],
        "culprit: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "normalization over positions": (
        lambda: [Q.QConv1D(3, 3, **linear()), named(L.BatchNormalization, axis=1), act()],
        "culprit: normalization must be over the channels (axis -1), not axis [1]; set axis=-1",
    ),
    "float sigmoid within": (
        lambda: [Q.QConv1D(3, 3, **linear()), named(L.Activation, "sigmoid"), Q.QConv1D(3, 3, **linear())],
        "culprit: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "random quantizer": (
        lambda: [named(Q.QActivation, Q.bernoulli())],
        "culprit: the quantizer must be deterministic, not bernoulli; use binary or ternary",
    ),
    "random quantizer of weights": (
        lambda: [named(Q.QConv1D, 3, 3, kernel_quantizer=Q.stochastic_ternary(alpha="auto"))],
        "culprit: the quantizer must be deterministic, not stochastic_ternary; use binary or ternary",
    ),
    "u-law": (
        lambda: [named(Q.QActivation, "quantized_ulaw(4)")],
        "culprit: the quantizer must have a fixed-point grid, not be quantized_ulaw; use quantized_bits",
    ),
    "alpha of an activation": (
        lambda: [named(Q.QActivation, Q.quantized_bits(4, alpha="auto_po2"))],
        "culprit: alpha of an activation must be a constant power of two, "
        "not 'auto_po2', which depends on the batch; use alpha=1",
    ),
    "alpha that is no power of two": (
        lambda: [named(Q.QActivation, Q.quantized_bits(4, alpha=1.5))],
        "culprit: alpha of an activation must be a constant power of two, not 1.5; use alpha=1",
    ),
    "weights with such an alpha": (
        lambda: [named(Q.QConv1D, 3, 3, kernel_quantizer=bits(4, alpha=1.5))],
        "culprit: the scale (alpha) of weights must be a power of two, not 1.5; "
        "use alpha=1 or alpha='auto_po2'",
    ),
    "noise": (
        lambda: [named(Q.QActivation, Q.quantized_relu(4, qnoise_factor=0.5))],
        "culprit: qnoise_factor must be 1, not 0.5; finish the training schedule first",
    ),
    "bound off the grid": (
        lambda: [named(Q.QActivation, Q.quantized_relu(4, 2, relu_upper_bound=1.3, is_quantized_clip=False))],
        "culprit: relu_upper_bound must be a multiple of the quantizer's step 0.25, not 1.3; round it",
    ),
    "exponents too far apart": (
        lambda: [named(Q.QActivation, "quantized_po2(8)")],
        "culprit: exponents of a power-of-two activation must span at most 32 bits, not 128; "
        "use fewer bits or a smaller max_value",
    ),
    "bicubic": (
        lambda: [L.Reshape((3, 3, 1)), named(L.UpSampling2D, 2, interpolation="bicubic")],
        "culprit: interpolation must be nearest or bilinear, not bicubic; set interpolation='nearest'",
    ),
    "dilated transposed convolution": (
        lambda: [
            L.Reshape((3, 3, 1)),
            named(Q.QConv2DTranspose, 2, 2, dilation_rate=2, kernel_quantizer=bits(4)),
        ],
        "culprit: dilation_rate of a transposed convolution must be (1, 1), not (2, 2); leave it out",
    ),
    "output padding": (
        lambda: [
            L.Reshape((3, 3, 1)),
            named(L.Conv2DTranspose, 2, 3, strides=2, output_padding=1),
        ],
        "culprit: output_padding of a transposed convolution must be None, not (1, 1); leave it out",
    ),
    "folded kernel of floats": (
        lambda: [L.Reshape((3, 3, 1)), named(Q.QConv2DBatchnorm, 2, 3)],
        "culprit: weights must lie on a fixed-point grid, "
        "not be floats of a layer without a quantizer for them; use QKeras's layer with quantized_bits",
    ),
    "bilinear by three": (
        lambda: [L.Reshape((3, 3, 1)), named(L.UpSampling2D, (2, 3), interpolation="bilinear")],
        "culprit: the size of bilinear upsampling must be powers of two, not (2, 3); "
        "set interpolation='nearest' or another size",
    ),
    "four dimensions": (
        lambda: [named(L.Reshape, (3, 3, 1, 1)), L.Flatten()],
        "culprit: the shape must be (C,), (W, C) or (H, W, C), not (3, 3, 1, 1); drop an axis",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, rng: np.random.Generator) -> None:
    layers, text = REFUSED[case]
    model = K.Sequential([K.Input((9, 1)), act("quantized_bits(8,1)"), *layers()])
    if "random" not in case and "alpha" not in case:
        randomize(model, rng)
    refusal(model, text)


def test_auto_alpha(rng: np.random.Generator) -> None:
    model = sequential((9,), [named(Q.QDense, 3, kernel_quantizer=bits(4, alpha="auto"))], rng)
    with pytest.raises(
        UnsupportedLayer,
        match=r"^culprit: the scale \(alpha\) of weights must be a power of two, not 0\.\d+; "
        r"use alpha=1 or alpha='auto_po2'$",
    ):
        parse(model)


@pytest.mark.parametrize("output", ["classes", "Logits", ""])
def test_bad_output(output: str) -> None:
    refusal(
        None,
        f"output: must be one of logits, argmax, mask, not {output!r}; leave it out for logits",
        BadInput,
        output=output,
    )


@pytest.mark.parametrize("threshold", [None, "0.5", np.nan, True])
def test_bad_threshold(threshold: Any) -> None:
    refusal(
        None,
        f"threshold: must be a finite number for output='mask', not {threshold!r}; give threshold=0.5",
        BadInput,
        output="mask",
        threshold=threshold,
    )


def test_threshold_without_a_mask() -> None:
    refusal(
        None, "threshold: must go with output='mask', not 'logits'; leave it out", BadInput, threshold=0.5
    )


def test_mask_of_several_channels(rng: np.random.Generator) -> None:
    dense = Q.QDense(2, **linear(), name="classes")
    model = K.Sequential([K.Input((4,)), act("quantized_bits(8,1)"), dense], name="net")
    refusal(
        model,
        "classes: output='mask' must go with one channel, not 2; use output='argmax'",
        BadModel,
        output="mask",
        threshold=0.5,
    )


def test_heads_of_several_outputs() -> None:
    entry = K.Input((4,))
    x = act("quantized_bits(8,1)")(entry)
    model = K.Model(entry, [Q.QDense(2, **linear())(x), Q.QDense(2, **linear())(x)], name="net")
    refusal(
        model,
        "net: output='argmax' must go with one output, not 2; split the model",
        BadModel,
        output="argmax",
    )


@pytest.mark.parametrize(
    "precision", ["float", "ap_fixed<8>", "quantized_bits(8,0", "binary()", 8, "ap_uint<0>"]
)
def test_bad_precision(precision: Any) -> None:
    model = K.Sequential([K.Input((4,)), Q.QDense(2, **linear())])
    text = (
        "input_precision: must be a type such as ap_fixed<8,1>, ufixed<8,0> or quantized_bits(8,0), "
        f"not {precision!r}; see the README's table"
    )
    refusal(model, text, BadInput, input_precision=precision)


def test_precision_wider_than_float32() -> None:
    model = K.Sequential([K.Input((4,)), Q.QDense(2, **linear())])
    text = "input_precision: must have at most 24 bits, which float32 holds, not 25 in ap_fixed<25,1>; use fewer bits"
    refusal(model, text, BadInput, input_precision="ap_fixed<25,1>")


NO_QUANTIZER = "; put a QActivation behind the input or give input_precision"


def test_input_without_a_quantizer() -> None:
    model = K.Sequential([K.Input((4,)), named(Q.QDense, 2, **linear())])
    refusal(
        model,
        f"culprit: the model's input must pass a quantizer first, not go into QDense{NO_QUANTIZER}",
        BadModel,
    )


def test_input_that_reaches_the_output() -> None:
    model = K.Sequential([K.Input((4, 1)), L.Flatten()], name="net")
    refusal(
        model, f"net: the model's input must pass a quantizer, not reach the output{NO_QUANTIZER}", BadModel
    )


def test_two_quantizers_on_the_input() -> None:
    entry = K.Input((4,))
    y = L.Add()([act("quantized_bits(6,0)")(entry), named(Q.QActivation, "quantized_bits(5,0)")(entry)])
    text = (
        "culprit: all quantizers on the model's input must be the same, not quantized_bits(6,0,0) and "
        "quantized_bits(5,0,0); give input_precision"
    )
    refusal(K.Model(entry, y), text, BadModel)


def test_padding_before_a_quantizer_that_moves_zero() -> None:
    model = K.Sequential([K.Input((4, 1)), named(L.ZeroPadding1D, 1), act("binary(alpha=1.0)"), L.Flatten()])
    refusal(
        model,
        "culprit: the model's input must pass its quantizer binary(alpha=1.0) first, "
        "not go into ZeroPadding1D; give input_precision",
        BadModel,
    )


def test_dynamic_shape() -> None:
    model = K.Sequential(
        [K.Input((None, 1), name="spectra"), act("quantized_bits(6,0)"), Q.QConv1D(2, 3, **linear())],
        name="net",
    )
    refusal(
        model,
        "spectra: the input shape must be static, not (None, None, 1); give every dimension in its Input layer",
        BadModel,
    )


def test_model_that_was_never_built() -> None:
    model = K.Sequential([act("quantized_bits(6,0)"), Q.QDense(2)], name="net")
    refusal(
        model,
        "net: must be a Sequential or functional model with a known input shape, not Sequential; "
        "give it an Input layer",
        BadModel,
    )


def test_subclassed_model() -> None:
    class Own(K.Model):
        pass

    refusal(
        Own(name="net"),
        "net: must be a Sequential or functional model with a known input shape, not Own; "
        "give it an Input layer",
        BadModel,
    )


@pytest.mark.parametrize("width", [4, 20])
def test_a_layer_of_several_outputs(width: int, rng: np.random.Generator) -> None:
    """Refused by name, also where a sum before it is beyond float32."""
    x = entry = K.Input((9, 2))
    x = act(f"quantized_bits({width},0,alpha=1)")(x)
    x = Q.QConv1D(3, 3, kernel_quantizer=bits(8), bias_quantizer=bits(8))(x)
    y, *_ = L.RNN(L.LSTMCell(4), return_state=True, name="culprit")(act("quantized_relu(4,1)")(x))
    refusal(
        randomize(K.Model(entry, y), rng),
        "culprit: the layer must be one of the supported layers, not RNN; see the README's table of layers",
    )


def test_foreign_layer(rng: np.random.Generator) -> None:
    class QDense(L.Layer):  # the name alone makes no layer of QKeras
        def call(self, x: Any) -> Any:
            return x + 1

    model = K.Sequential([K.Input((4,)), act("quantized_bits(8,1)"), named(QDense)])
    with pytest.raises(
        UnsupportedLayer,
        match=r"^culprit: the layer must be one of the supported layers, not QDense of \w+; "
        r"see the README's table of layers$",
    ):
        parse(model)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_no_numbers(bad: float) -> None:
    model = K.Sequential([K.Input((4,)), act("quantized_bits(8,1)"), named(Q.QDense, 2, **linear())])
    kernel, bias = model.get_weights()
    kernel[1, 1] = bad
    model.set_weights([kernel, bias])
    refusal(
        model,
        f"culprit/kernel: weights must be finite numbers, not {bad}; train or load the model again",
        BadModel,
    )


def test_dense_without_units() -> None:
    model = K.Sequential(
        [
            K.Input((4,)),
            act("quantized_bits(8,1)"),
            named(Q.QDense, 0, use_bias=False, kernel_initializer="zeros"),
        ]
    )
    refusal(model, "culprit: must have at least one weight, not weights of shape (4, 0); give it units")


def test_layer_in_training_mode() -> None:
    entry = K.Input((4,))
    x = Q.QDense(2, **linear())(act("quantized_bits(8,1)")(entry))
    model = K.Model(entry, named(L.Dropout, 0.5)(x, training=True))
    refusal(
        model, "culprit: Dropout must be called for inference, not with training=True; remove the argument"
    )


def test_normalization_behind_a_pool_that_waits(rng: np.random.Generator) -> None:
    layers = [
        Q.QConv1D(9, 3, **linear()),
        L.BatchNormalization(),
        named(L.MaxPooling1D, 2),
        L.BatchNormalization(name="second"),
        act(),
    ]
    model = sequential((9, 1), layers, rng)
    text = (
        "second: what follows culprit must be a function that never falls, not normalization; "
        "put a QActivation before the pool"
    )
    refusal(model, text)


def test_live_objects_that_are_no_models() -> None:
    refusal(
        42,
        "model: must be a tf_keras model or a path to .keras or .h5, not int; load it with tf_keras",
        BadModel,
    )


def test_a_model_of_keras_3() -> None:
    foreign = type("Functional", (), {"__module__": "keras.src.models.functional"})()
    text = (
        "model: must be a tf_keras model, not one of Keras 3; "
        "set TF_USE_LEGACY_KERAS=1 before importing tensorflow and build it again"
    )
    refusal(foreign, text, BadModel)


# -- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_model_files(suffix: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """Every kind of quantizer argument survives, QActivation(<object>) too, which QKeras cannot read back itself."""
    layers = [
        Q.QConv1D(4, 3, **linear(kernel_quantizer=bits(4, alpha="auto_po2"), activation="quantized_relu(4)")),
        L.BatchNormalization(),
        Q.QActivation(Q.quantized_tanh(5, symmetric=True)),
        L.Flatten(),
        Q.QDense(3, kernel_quantizer="ternary()", bias_quantizer=Q.quantized_po2(3), activation="softmax"),
    ]  # fmt: skip
    model = sequential((9, 1), layers, rng)
    model.compile("adam", "mse")
    path = tmp_path / f"m{suffix}"
    model.save(path)
    live, stored = parse(model), parse(str(path))
    x = samples(live, rng, 30)
    np.testing.assert_array_equal(stored.emulate(x)[0], live.emulate(x)[0])
    assert len(np.unique(live.emulate(x)[0])) > 5


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Rewrites a .keras file's configuration."""
    with zipfile.ZipFile(path) as z:
        members = {n: z.read(n) for n in z.namelist()}
    members["config.json"] = change(members["config.json"].decode()).encode()
    with zipfile.ZipFile(path, "w") as z:
        for name, content in members.items():
            z.writestr(name, content)


@pytest.fixture
def stored(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "m.keras"
    sequential(
        (9, 1), [L.Flatten(), named(Q.QDense, 3, activation="quantized_relu(4)", **linear())], rng
    ).save(path)
    return path


def file_refusal(path: Path, text: str, error: type[Rtl4mlError] = BadModel) -> None:
    with pytest.raises(error, match=f"^{re.escape(str(path))}: {text}$") as caught:
        load(path)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_file_cannot_name_a_foreign_module(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\nclass QDense: pass\n"
    )
    edit(
        stored,
        lambda c: c.replace(
            '"module": "qkeras.qlayers", "class_name": "QDense"', '"module": "evil", "class_name": "QDense"'
        ),
    )
    file_refusal(
        stored,
        r"culprit: must be a layer or quantizer that rtl4ml knows, not QDense of evil; see the README's table",
        UnsupportedLayer,
    )
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    [
        "set_internal_sigmoid('real')",
        "tf.io.gfile.remove('x')",
        "get_quantizer(str(1))",
        "__import__('os')",
        "K",
    ],
)
def test_a_quantizers_text_cannot_call_anything_else(text: str, stored: Path) -> None:
    edit(stored, lambda c: c.replace('"quantized_bits(8,1)"', json.dumps(text)))
    file_refusal(
        stored,
        "q_activation\\w*: activation must be a quantizer or activation that rtl4ml knows, "
        f"not {re.escape(repr(text))}; see the README's table",
        UnsupportedLayer,
    )


def test_a_file_with_a_lambda(tmp_path: Path) -> None:
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"m{suffix}"
        K.Sequential([K.Input((4,)), named(L.Lambda, lambda x: x)]).save(path)
        file_refusal(
            path,
            "culprit: must be a layer or quantizer that rtl4ml knows, not Lambda; "
            "its code is not looked into; use layers of Keras and QKeras",
            UnsupportedLayer,
        )


def test_files_that_are_no_models(tmp_path: Path, stored: Path) -> None:
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    file_refusal(
        tmp_path / "no.keras", "must be a model file, not a path that does not exist; check the name"
    )
    file_refusal(
        write("m.onnx", b""),
        r"must be a .keras or .h5 file, not a file ending in .onnx; save the model with model.save\('x.keras'\)",
    )
    file_refusal(
        write("none", b""),
        r"must be a .keras or .h5 file, not a file without an ending; save the model with model.save\('x.keras'\)",
    )
    file_refusal(
        tmp_path, r"must be a .keras or .h5 file, not a folder; save the model with model.save\('x.keras'\)"
    )
    file_refusal(
        write("a.keras", b"PK"),
        "must be a .keras archive, not a file that fails with BadZipFile: File is not a zip file; "
        "save the model again",
    )
    file_refusal(
        write("b.keras", stored.read_bytes()[:-40]),
        "must be a .keras archive, not a file that fails with BadZipFile: .*; save the model again",
    )
    file_refusal(
        write("a.h5", b"\x89HDF"),
        "must be an HDF5 model file, not one that fails with OSError: .*; save the model again",
    )
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as z:
        z.writestr("readme", "")
    file_refusal(
        tmp_path / "c.keras",
        "must hold config.json, metadata.json, model.weights.h5, not readme; save the model again",
    )


def test_a_file_without_its_weights(stored: Path) -> None:
    with zipfile.ZipFile(stored) as z:
        members = {n: z.read(n) for n in z.namelist() if "weights" not in n}
    with zipfile.ZipFile(stored, "w") as z:
        for name, content in members.items():
            z.writestr(name, content)
    file_refusal(
        stored,
        "must hold config.json, metadata.json, model.weights.h5, not config.json, metadata.json; save the model again",
    )


def test_a_file_of_weights_only(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "w.h5"
    sequential((4,), [Q.QDense(2)], rng).save_weights(path)
    file_refusal(path, r"must hold a whole model, not only weights; save it with model.save\('x.h5'\)")


def test_a_file_of_keras_3(stored: Path) -> None:
    with zipfile.ZipFile(stored) as z:
        members = {n: z.read(n) for n in z.namelist()}
    members["metadata.json"] = b'{"keras_version": "3.11.0"}'
    with zipfile.ZipFile(stored, "w") as z:
        for name, content in members.items():
            z.writestr(name, content)
    file_refusal(
        stored,
        r"must be saved by tf_keras \(Keras 2\), not by Keras 3.11.0; save it with TF_USE_LEGACY_KERAS=1",
    )


def test_averages_that_vary_over_a_large_frame(rng: np.random.Generator) -> None:
    """One row of thresholds serves all positions of all channels."""
    m = sequential((128, 128, 8), [L.AveragePooling2D(3, 1, padding="same"), act("quantized_bits(8,0)")], rng)
    p = parse(m)
    assert [op.op for op in p.graph.ops] == ["Pool", "Scale", "Activation"]
    mapping = p.graph.ops[-1].mapping
    assert isinstance(mapping, Thresholds) and len(mapping.thresholds) == 1
    x = rng.uniform(-1, 1, (2, 128, 128, 8)).astype(np.float32)
    np.testing.assert_array_equal(p.emulate(x)[0], m.predict(x, verbose=0))


def test_averages_that_share_no_row_of_thresholds(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every element has a row of thresholds then, and the frame can be too large for that."""
    monkeypatch.setattr(Borders, "shared", lambda *_: None)
    layers = [L.AveragePooling2D(3, 1, padding="same", name="culprit"), act()]
    m = sequential((6, 5, 3), layers, rng)
    p = parse(m)
    assert [op.op for op in p.graph.ops] == ["Pool", "Reshape", "Activation", "Reshape"]
    x = rng.uniform(-2, 2, (50, 6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(p.emulate(x)[0], m.predict(x, verbose=0))
    text = (
        r"^culprit: an average whose windows at padded edges need thresholds of their own must have at most 16,384 "
        r"elements, not 16,510; use padding='valid'$"
    )
    layers = [L.AveragePooling2D(3, 1, padding="same", name="culprit"), act()]
    with pytest.raises(UnsupportedLayer, match=text):
        parse(sequential((130, 127, 1), layers, rng))
