# SPDX-License-Identifier: Apache-2.0
"""A live model that changes after its conversion: the reference has its variables of then, the model those of now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_reference import K, L, Q, act, bits, linear, sequential

from rtl4ml.expected import expected
from rtl4ml.frontend import parse
from rtl4ml.snapshot import Snapshot


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
