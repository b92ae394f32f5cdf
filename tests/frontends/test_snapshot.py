# SPDX-License-Identifier: Apache-2.0
"""A live model that changes after its conversion: the reference is of the model of then, which stays that of now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras_layers import K, L, Q, act, bits, linear, sequential

from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.frontends.qkeras.snapshot import Snapshot
from rtl4ml.frontends.qkeras.untouched import Untouched
from rtl4ml.host import frameworks


@pytest.fixture
def model(rng: np.random.Generator) -> Any:
    """Weights, moving statistics and, in a quantizer, a variable that no layer counts among its weights."""
    noise = Q.quantized_bits(5, 1, qnoise_factor=1.0, use_variables=True, alpha=1.0)
    layers = [
        Q.QConv1D(3, 3, **linear()),
        L.BatchNormalization(),
        act(),
        Q.QDense(2, kernel_quantizer=noise, bias_quantizer=bits(6)),
    ]
    return sequential((9, 2), layers, rng)


def train(model: Any, rng: np.random.Generator) -> None:
    model.compile(K.optimizers.SGD(0.5), "mse")
    model.fit(rng.normal(size=(16, 9, 2)), rng.normal(size=(16, 7, 2)) * 9, epochs=2, verbose=0)


def overwrite(model: Any, rng: np.random.Generator) -> None:
    model.set_weights([w + 0.5 for w in model.get_weights()])


def ruin(model: Any, rng: np.random.Generator) -> None:
    model.layers[1].kernel.assign(np.full(model.layers[1].kernel.shape, np.nan))


@pytest.mark.parametrize("change", [train, overwrite, ruin])
def test_the_reference_has_the_weights_of_the_conversion(
    change: Callable[[Any, np.random.Generator], None], model: Any, rng: np.random.Generator
) -> None:
    x = rng.normal(size=(20, 9, 2))
    parsed = parse(model)
    before = model.predict(x, verbose=0)
    change(model, rng)
    now = model.get_weights()
    want = expected(parsed, x)[0]
    np.testing.assert_array_equal(want, before)
    np.testing.assert_array_equal(want, parsed.emulate(x)[0])
    assert (model.predict(x, verbose=0) != before).any()
    for kept, after in zip(now, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, after)


def test_variables_of_quantizers_are_kept_too(model: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(20, 9, 2))
    parsed = parse(model)
    before = model.predict(x, verbose=0)
    factor = model.layers[-1].kernel_quantizer_internal.qnoise_factor
    factor.assign(0.0)  # the weights as they were before quantization
    assert (model.predict(x, verbose=0) != before).any()
    np.testing.assert_array_equal(expected(parsed, x)[0], before)
    assert factor.numpy() == 0


def test_an_error_within_leaves_the_model_as_it_is(model: Any, rng: np.random.Generator) -> None:
    then = Snapshot(model)
    overwrite(model, rng)
    now = model.get_weights()
    with pytest.raises(ZeroDivisionError), then.restored():
        assert (model.get_weights()[0] != now[0]).all()
        raise ZeroDivisionError
    for a, b in zip(now, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def _quantizer_of_weights(model: Any) -> None:
    model.layers[1].kernel_quantizer_internal = bits(2)


def _quantizer_in_place(model: Any) -> None:
    model.layers[1].kernel_quantizer_internal.bits = 3


def _no_quantizer(model: Any) -> None:
    model.layers[1].bias_quantizer = None


def _activation(model: Any) -> None:
    model.layers[-1].activation = Q.quantized_bits(3, 0, alpha=1)


def _activation_layer(model: Any) -> None:
    model.layers[3].quantizer = Q.quantized_relu(3, 1)


def _weight(model: Any) -> None:
    kernel = model.layers[1].kernel
    model.layers[1].kernel = frameworks.tf().Variable(kernel.numpy() / 2)


def _epsilon(model: Any) -> None:
    model.layers[2].epsilon = 0.5


def _call(model: Any) -> None:
    model.layers[3].call = lambda x: x * 2


def _gone(model: Any) -> None:
    del model.layers[1].bias_quantizer_internal
    model.layers[1].bias_quantizer_internal = bits(2)


@pytest.mark.parametrize(
    "replace",
    [
        _quantizer_of_weights, _quantizer_in_place, _no_quantizer, _activation, _activation_layer, _weight, _epsilon,
        _call, _gone,
    ],
)  # fmt: skip
def test_the_reference_has_the_settings_of_the_conversion(
    replace: Callable[[Any], None], model: Any, rng: np.random.Generator
) -> None:
    """Also where Keras has made the graph of its predict of what came in their place."""
    x = rng.normal(size=(20, 9, 2)).astype(np.float32)
    before = np.asarray(model(x))
    parsed = parse(model)
    replace(model)
    after = np.asarray(model(x))
    assert (after != before).any()
    np.testing.assert_allclose(model.predict(x, verbose=0), after, atol=1e-6)
    parts = [*model.layers, model.layers[1].kernel_quantizer_internal]
    then = [dict(vars(part)) for part in parts]
    weights = [id(w) for w in model.weights]
    want = expected(parsed, x)[0]
    np.testing.assert_array_equal(want, parsed.emulate(x)[0])
    np.testing.assert_allclose(want, before, atol=1e-6)
    untouched = Untouched()
    untouched.add(parsed, x, [want])
    assert untouched.samples == 20 and untouched.differ == 0
    for part, kept in zip(parts, then, strict=True):
        assert vars(part).keys() == kept.keys()
        assert all(vars(part)[name] is value for name, value in kept.items())
    assert [id(w) for w in model.weights] == weights
    np.testing.assert_array_equal(model(x), after)
    np.testing.assert_allclose(model.predict(x, verbose=0), after, atol=1e-6)


def test_predict_keeps_its_graph_where_nothing_was_replaced(model: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(20, 9, 2)).astype(np.float32)
    model.predict(x, verbose=0)
    then, graph = Snapshot(model), model.predict_function
    model.predict(x, verbose=0)
    train(model, rng)
    model.predict(x, verbose=0)
    now = model.predict_function
    with then.restored():
        assert model.predict_function is now
    assert graph is not None and now is not None
