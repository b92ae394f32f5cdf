# SPDX-License-Identifier: Apache-2.0
"""The references against Keras itself and against each other; graphs whose sums float32 cannot hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakSet

import numpy as np
import pytest
from keras_layers import K, L, Q, act, bits, linear, randomize, sequential

from rtl4ml.errors import BadModel, UnsupportedLayer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected, predict
from rtl4ml.frontends.qkeras.reference64 import predict64
from rtl4ml.frontends.qkeras.walk import Call, walk
from rtl4ml.host import frameworks
from rtl4ml.steps import step_activation

separable: dict[str, Any] = {
    "depthwise_quantizer": bits(4),
    "pointwise_quantizer": bits(4),
    "bias_quantizer": bits(6),
}
SAME: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]]]] = {
    "conv": ((17, 3), lambda: [Q.QConv1D(4, 3, strides=2, padding="same", **linear()), act()]),
    "causal conv": ((17, 3), lambda: [Q.QConv1D(4, 3, dilation_rate=2, padding="causal", **linear()), act()]),
    "conv 2-D": (
        (9, 8, 3),
        lambda: [Q.QConv2D(4, (3, 2), strides=(2, 1), padding="same", **linear()), act()],
    ),
    "depthwise": (
        (9, 8, 3),
        lambda: [
            Q.QDepthwiseConv2D(3, depth_multiplier=2, padding="same", depthwise_quantizer=bits(5)),
            act(),
        ],
    ),
    "separable": (
        (17, 3),
        lambda: [Q.QSeparableConv1D(4, 3, depth_multiplier=2, padding="same", **separable), act()],
    ),
    "separable 2-D": ((9, 8, 3), lambda: [Q.QSeparableConv2D(4, 3, **separable), act()]),
    "transposed": ((4, 5, 3), lambda: [Q.QConv2DTranspose(4, (3, 2), strides=(2, 3), **linear()), act()]),
    "transposed same": (
        (4, 5, 3),
        lambda: [Q.QConv2DTranspose(4, (2, 5), strides=(3, 2), padding="same", **linear()), act()],
    ),
    "folded": ((9, 8, 3), lambda: [Q.QConv2DBatchnorm(4, 3, padding="same", **linear()), act()]),
    "folded depthwise": (
        (9, 8, 3),
        lambda: [
            Q.QDepthwiseConv2DBatchnorm(
                3, depth_multiplier=2, depthwise_quantizer=bits(5), bias_quantizer=bits(6, 1)
            ),
            act(),
        ],
    ),
    "bilinear": ((5, 4, 3), lambda: [L.UpSampling2D((4, 2), interpolation="bilinear")]),
    "dense": ((5, 4), lambda: [L.Flatten(), Q.QDense(6, activation="quantized_bits(4,1)", **linear())]),
    "max pool": ((17, 3), lambda: [L.MaxPooling1D(4, 3, padding="same")]),
    "average pool": ((17, 3), lambda: [L.AveragePooling1D(4, 2)]),
    "pools 2-D": ((9, 8, 3), lambda: [L.MaxPooling2D((2, 3), padding="same"), L.AveragePooling2D(2)]),
    "global pools": ((8, 3), lambda: [L.GlobalAveragePooling1D(keepdims=True), L.GlobalMaxPooling1D()]),
    "moves": (
        (8, 3),
        lambda: [L.UpSampling1D(2), L.ZeroPadding1D((1, 2)), L.Cropping1D((0, 3)), L.Reshape((-1, 4))],
    ),
    "moves 2-D": (
        (8, 3, 2),
        lambda: [L.UpSampling2D((1, 2)), L.ZeroPadding2D(((0, 1), (2, 0))), L.Cropping2D((1, 2))],
    ),
    "functions": ((9,), lambda: [L.ReLU(1.5), L.LeakyReLU(0.25), L.Dropout(0.3), L.Activation("linear")]),
    "relu with threshold and slope": ((9,), lambda: [L.ReLU(threshold=0.5, negative_slope=0.25)]),
}


@pytest.mark.parametrize("case", SAME)
def test_float64_equals_float32_where_that_is_exact(case: str, rng: np.random.Generator) -> None:
    shape, layers = SAME[case]
    model = sequential(shape, layers(), rng)
    x = rng.integers(-256, 256, (9, *shape)) / 128
    want = model.predict(x, verbose=0)
    assert len(np.unique(want)) > 1
    np.testing.assert_array_equal(predict64(model, x, batch_size=4)[0], want)
    np.testing.assert_array_equal(predict(model, x)[0], want)


@pytest.mark.parametrize(
    "text",
    [
        "quantized_bits(4,1,1)",
        "quantized_bits(4,1,keep_negative=False)",
        "quantized_bits(1,0)",
        "quantized_relu(4,1)",
        "quantized_relu(6,1,0,0.25)",
        "binary()",
        "binary(alpha=0.5)",
        "ternary()",
        "ternary(alpha=2.0,threshold=1.0)",
        "quantized_po2(4)",
        "quantized_po2(4,max_value=1)",
        "quantized_relu_po2(4)",
        "quantized_relu_po2(4,2,0.25)",
        "quantized_tanh(5)",
        "quantized_tanh(5,0,1,1)",
        "quantized_sigmoid(5)",
        "quantized_sigmoid(5,1,1)",
        "quantized_hswish(6,2)",
        str(step_activation(5)),
        str(step_activation(3, signed=False, gradient="tanh")),
        "hard_tanh",
        "binary_tanh",
        "hard_sigmoid",
        "softsign",
    ],
)
def test_float64_of_every_quantizer(text: str, rng: np.random.Generator) -> None:
    model = sequential(
        (200,), [Q.QActivation(text), act("quantized_bits(12,3)")], rng, entry="quantized_bits(10,2)"
    )
    x = rng.integers(-512, 512, (20, 200)) / 128
    np.testing.assert_array_equal(predict64(model, x)[0], predict(model, x)[0])


def test_normalization_in_float64(rng: np.random.Generator) -> None:
    model = sequential((9,), [Q.QDense(5, **linear()), L.BatchNormalization()], rng)
    x = rng.integers(-256, 256, (50, 9)) / 128
    np.testing.assert_allclose(predict64(model, x)[0], model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("head", ["softmax", "sigmoid", "tanh"])
@pytest.mark.parametrize("inside", [True, False])
def test_cut_before_a_head(head: str, inside: bool, rng: np.random.Generator) -> None:
    dense = Q.QDense(
        3,
        kernel_quantizer=bits(4, alpha="auto_po2", scale_axis=0),  # which a configuration loses
        bias_quantizer=bits(5),
        activation=head if inside else None,
    )
    model = sequential((4,), [dense, *([] if inside else [L.Activation(head)])], rng)
    x = rng.integers(-256, 256, (30, 4)) / 128
    want = model.predict(x, verbose=0)
    for run in (predict, predict64):
        logits = run(model, x)[0]
        got = np.asarray(getattr(K.activations, head)(frameworks.tf().constant(logits.astype(np.float32))))
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(predict(model, x)[0], predict64(model, x)[0])


def test_predict_leaves_the_model_alone(rng: np.random.Generator) -> None:
    model = sequential(
        (4,),
        [
            Q.QDense(3, activation="softmax", **linear()),
        ],
        rng,
    )
    nodes = [(len(layer.inbound_nodes), len(layer.outbound_nodes)) for layer in model.layers]
    predict(model, np.zeros((2, 4)))
    assert [(len(layer.inbound_nodes), len(layer.outbound_nodes)) for layer in model.layers] == nodes
    assert model.layers[0].quantizer.use_ste and model.layers[1].activation.__name__ == "softmax"


def test_the_grid_point_and_not_the_residue(rng: np.random.Generator) -> None:
    """An accumulator far outside the quantizer's range, where QKeras's own x + (q - x) misses the grid."""
    dense = Q.QDense(4, kernel_quantizer=bits(12, 11), bias_quantizer=bits(4))
    model = sequential((6,), [dense, act("quantized_bits(16,0)")], rng)
    dense.set_weights([rng.integers(-2000, 2000, (6, 4)).astype(np.float32), np.full(4, 0.3, np.float32)])
    p = parse(model)
    x = rng.normal(0, 1, (50, 6))
    own = model.predict(x, verbose=0)
    assert own.max() == 1  # which 16 bits with none before the point cannot be
    for want in (predict(model, x)[0], predict64(model, x)[0], expected(p, x)[0]):
        np.testing.assert_array_equal(p.emulate(x)[0], want)


def test_no_samples(rng: np.random.Generator) -> None:
    for layers in (
        [Q.QDense(3, **linear())],
        [Q.QDense(3, activation="softmax", **linear())],
        [Q.QDense(3), L.Softmax()],
    ):
        model = sequential((4,), layers, rng)
        assert predict(model, np.empty((0, 4)))[0].shape == (0, 3)
        assert predict64(model, np.empty((0, 4)))[0].shape == (0, 3)


def test_several_outputs(rng: np.random.Generator) -> None:
    entry = K.Input((9, 3))
    x = act("quantized_bits(6,1)")(entry)
    a, b = L.Softmax()(Q.QConv1D(4, 3, **linear())(x)), Q.QConv1D(2, 1, **linear())(x)
    model = randomize(K.Model(entry, [b, a]), rng)
    samples = rng.normal(0, 1, (5, 9, 3))
    p = parse(model)
    for got, want, want64 in zip(
        p.emulate(samples), expected(p, samples), predict64(model, samples), strict=True
    ):
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(got, want64)


def test_a_layer_that_the_reference_does_not_know(rng: np.random.Generator) -> None:
    model = K.Sequential([K.Input((4, 2)), L.LSTM(3, name="culprit")])
    with pytest.raises(
        UnsupportedLayer,
        match=r"^culprit: must be a layer that the reference knows, not LSTM; see the README's table$",
    ):
        predict64(model, np.zeros((1, 4, 2)))


def test_a_function_that_float64_does_not_know(rng: np.random.Generator) -> None:
    model = K.Sequential([K.Input((4,)), L.Activation("gelu", name="culprit")])
    text = "culprit: the activation must be known in float64, not gelu; use fewer bits"
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        predict64(model, np.zeros((1, 4)))


def test_a_model_that_tensorflow_cannot_run(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        text = "Graph execution error:\n\nThere is no such kernel for _FusedConv2D\n"
        raise frameworks.tf().errors.UnimplementedError(None, None, text)

    model = sequential((9, 9, 3), [Q.QConv2D(4, 3, kernel_quantizer=bits(4)), act()], rng)
    monkeypatch.setattr(K.Model, "predict", fails)
    with pytest.raises(
        BadModel,
        match=r"^model\w*: TensorFlow must be able to run the model, not fail with UnimplementedError: There is no "
        r"such kernel for _FusedConv2D; change the layer that it names$",
    ):
        predict(model, np.zeros((1, 9, 9, 3)))


# -- expected -----------------------------------------------------------------------------------------------


def test_expected_with_a_declared_precision(rng: np.random.Generator) -> None:
    p = parse(sequential((9,), [Q.QDense(3, **linear())], rng, entry=""), input_precision="ap_fixed<5,2>")
    x = rng.normal(0, 1, (40, 9))
    np.testing.assert_array_equal(expected(p, x)[0], p.emulate(x)[0])
    assert (expected(p, x)[0] != predict(p.model, x)[0]).any()


@pytest.mark.parametrize("output", ["argmax", "mask"])
def test_expected_of_heads(output: str, rng: np.random.Generator) -> None:
    model = sequential(
        (30, 3), [Q.QConv1D(1 if output == "mask" else 4, 3, activation="sigmoid", **linear())], rng
    )
    options = {"threshold": 0.6} if output == "mask" else {}
    p = parse(model, output=output, **options)
    x = rng.normal(0, 1, (20, 30, 3))
    want, y = expected(p, x)[0], model.predict(x, verbose=0)
    np.testing.assert_array_equal(p.emulate(x)[0], want)
    np.testing.assert_array_equal(want, y >= 0.6 if output == "mask" else want)
    assert want.mean() > 0 and len(np.unique(want)) > 1


# -- sums beyond float32 ------------------------------------------------------------------------------------


WIDE: dict[str, list[Any]] = {
    "dense": [lambda: Q.QDense(6, kernel_quantizer=bits(12), bias_quantizer=bits(8))],
    "normalized": [
        lambda: Q.QDense(6, kernel_quantizer=bits(12), bias_quantizer=bits(8)),
        L.BatchNormalization,
        act,
    ],
    "rounded": [
        lambda: Q.QDense(6, kernel_quantizer=bits(12), bias_quantizer=bits(8)),
        lambda: act("quantized_bits(8,4)"),
    ],
    "float bias": [lambda: Q.QDense(6, kernel_quantizer=bits(12)), act],
    "tanh": [lambda: Q.QDense(6, kernel_quantizer=bits(12)), lambda: act("quantized_tanh(6,0,0,1)")],
    "two layers": [
        lambda: Q.QDense(6, kernel_quantizer=bits(12)),
        act,
        lambda: Q.QDense(5, **linear()),
        L.BatchNormalization,
        act,
    ],
    "average": [
        lambda: L.Reshape((128, 5)),
        lambda: Q.QConv1D(4, 9, kernel_quantizer=bits(16), bias_quantizer=bits(8)),
        lambda: L.AveragePooling1D(3),
        act,
    ],
    "average, same": [
        lambda: L.Reshape((128, 5)),
        lambda: Q.QConv1D(4, 9, kernel_quantizer=bits(16), bias_quantizer=bits(8)),
        lambda: L.AveragePooling1D(3, 2, padding="same"),
        act,
    ],
    "max behind normalization": [
        lambda: L.Reshape((128, 5)),
        lambda: Q.QConv1D(4, 9, kernel_quantizer=bits(16)),
        L.BatchNormalization,
        lambda: L.MaxPooling1D(2),
        act,
    ],
}


@pytest.mark.parametrize("case", WIDE)
def test_sums_beyond_float32(case: str, rng: np.random.Generator) -> None:
    model = sequential((640,), [make() for make in WIDE[case]], rng, entry="quantized_bits(12,1)")
    p = parse(model)
    assert not p.graph.float32_exact
    x = rng.normal(0, 1, (300, 640))
    got = p.emulate(x)[0]
    np.testing.assert_array_equal(got, expected(p, x)[0])
    np.testing.assert_array_equal(got, predict64(model, x)[0])
    assert len(np.unique(got)) > 5
    # float32 is near, of course: all but a few sums that lie beside a rounding
    assert np.isclose(got, predict(model, x)[0], rtol=1e-3, atol=1e-3).mean() > 0.97


class Made:
    """A value that knows which of its kind are still there."""

    alive: ClassVar[WeakSet[Made]] = WeakSet()

    def __init__(self) -> None:
        self.alive.add(self)


def test_a_value_is_let_go_behind_its_last_reader() -> None:
    """Eight layers in a chain and one skip: beside the skip's value there are what a call reads and what it makes."""
    given = x = K.Input((4,))
    skip = None
    for n in range(8):
        x = L.Activation("relu", name=f"a{n}")(x)
        skip = x if n == 1 else skip
    most = 0

    def visit(call: Call, inputs: list[Made]) -> list[Made]:
        nonlocal most
        made = Made()
        most = max(most, len(Made.alive))
        return [made]

    assert len(walk(K.Model(given, L.Add()([x, skip])), [Made()], visit)) == 1
    assert most == 4  # the skip's, what the call before read, what this reads and what it makes
