# SPDX-License-Identifier: Apache-2.0
"""Masks whose threshold is one of the model's own scores, and functions evaluated in another shape than the model's."""

from __future__ import annotations

import numpy as np
import pytest
from segmenters import bits, keras, layers, q, segmenter

from rtl4ml.frontends.qkeras.fused import evaluator
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.quantizers.read import read_function
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.ops.activation import Activation


@pytest.mark.parametrize("last", ["conv", "dense"])
@pytest.mark.parametrize(("activation", "inside"), [("sigmoid", False), ("sigmoid", True), ("tanh", True)])
def test_a_threshold_may_be_a_score_of_the_model(
    last: str, activation: str, inside: bool, rng: np.random.Generator
) -> None:
    model = segmenter(rng, last, activation, inside=inside)
    x = rng.uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    scores = model.predict(x, verbose=0)  # of whole vectors: 4,096 pixels
    for share in (0.2, 0.5, 0.9):
        score = np.quantile(scores[scores > 0], share, method="nearest")
        for threshold in (score, np.nextafter(score, np.float32(2))):
            parsed = parse(model, output="mask", threshold=float(threshold))
            want = scores >= threshold
            np.testing.assert_array_equal(parsed.emulate(x)[0], want)
            np.testing.assert_array_equal(expected(parsed, x)[0], want)


def test_a_threshold_is_compared_as_float32_as_numpy_does(rng: np.random.Generator) -> None:
    model = segmenter(rng, "conv", "sigmoid")
    x = rng.uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    scores = model.predict(x, verbose=0)
    threshold = float(np.median(scores)) + 1e-9  # nearer to the score than to any other float32
    assert (scores >= threshold).sum() > (scores.astype(np.float64) >= threshold).sum()
    parsed = parse(model, output="mask", threshold=threshold)
    np.testing.assert_array_equal(parsed.emulate(x)[0], scores >= threshold)
    np.testing.assert_array_equal(expected(parsed, x)[0], scores >= threshold)


def test_scores_that_fall_where_the_logit_rises() -> None:
    """TensorFlow's float32 tanh falls by a last bit here and there; the mask has the same gaps."""
    entry = keras.Input((1,))
    x = q.QDense(1, kernel_quantizer=bits(2, 1), use_bias=False)(q.QActivation(bits(13, 4))(entry))
    model = keras.Model(entry, layers.Activation("tanh")(q.QActivation(bits(13, 4))(x)))
    model.set_weights([np.ones((1, 1))])
    logits = (np.arange(-(2**12), 2**12, dtype=np.float32) / 2**8)[:, None]
    scores = model.predict(logits, batch_size=2**13, verbose=0)
    falls = np.flatnonzero(np.diff(scores[:, 0]) < 0)
    falls = falls[scores[falls, 0] > 0]
    assert len(falls), "TensorFlow's tanh rises everywhere now: this test needs another function"
    for k in falls[:: max(1, len(falls) // 2)]:
        threshold = float(scores[k, 0])
        parsed = parse(model, output="mask", threshold=threshold)
        assert isinstance(parsed.graph.ops[-1], Activation)
        np.testing.assert_array_equal(parsed.emulate(logits)[0], scores >= threshold)
        np.testing.assert_array_equal(expected(parsed, logits)[0], scores >= threshold)


@pytest.mark.parametrize("n", [1, 3, 7, 9, 15, 17])
@pytest.mark.parametrize("text", ["sigmoid", "swish", "softplus", "exponential"])
def test_functions_of_few_elements_are_those_of_a_whole_tensor(text: str, n: int) -> None:
    f = read_function("layer", getattr(keras.activations, text))
    x = (np.arange(-2048, 2048, dtype=np.float32) / 256)[:, None]
    whole = np.asarray(f.framework_object(frameworks.tf().constant(x)))
    starts = range(0, len(x) - n, 97)
    np.testing.assert_array_equal(
        np.concatenate([f.f32(x[i : i + n]) for i in starts]),
        np.concatenate([whole[i : i + n] for i in starts]),
    )


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_chains_of_few_elements_are_those_of_a_whole_tensor(channels: int) -> None:
    chain = evaluator(None, [read_function("layer", keras.activations.sigmoid)])
    assert chain is not None
    x = np.repeat((np.arange(-512, 512, dtype=np.float32) / 64)[:, None], channels, axis=1)
    whole = chain(x)
    for n in (1, 3, 9, 13):
        for i in range(0, len(x) - n, 61):
            np.testing.assert_array_equal(chain(x[i : i + n]), whole[i : i + n])


def test_one_channel_of_one_tap_behind_a_separable_convolution(rng: np.random.Generator) -> None:
    """TensorFlow aborts a depthwise convolution of one channel and one tap; the chain behind needs none."""
    x = first = keras.Input((6, 6, 3))
    x = q.QActivation("quantized_bits(6,0,alpha=1)")(x)
    weights = {f"{k}_quantizer": "quantized_bits(4,0,alpha=1)" for k in ("depthwise", "pointwise")}
    x = q.QSeparableConv2D(1, 1, bias_quantizer="quantized_po2(4)", name="conv", **weights)(x)
    x = layers.BatchNormalization(name="norm")(x)
    model = keras.Model(first, q.QActivation("quantized_bits(5,2,alpha=1)")(x))
    model.set_weights([rng.uniform(0.3, 0.9, w.shape) for w in model.get_weights()])
    parsed = parse(model)
    samples = rng.uniform(-1, 1, (50, 6, 6, 3)).astype(np.float32)
    want = expected(parsed, samples)[0]
    assert len(np.unique(want)) > 2
    np.testing.assert_array_equal(parsed.emulate(samples)[0], want)
