# SPDX-License-Identifier: Apache-2.0
"""Step activations: their values, gradients, texts and files, and the contract of every operator."""

from __future__ import annotations

import re
from math import atanh
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contract import OpContract
from hypothesis import strategies as st

from rtl4ml.errors import BadInput
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.quantizers.precision import parse_precision
from rtl4ml.host import frameworks
from rtl4ml.steps import step_activation

TF, K, Q = frameworks.tf(), frameworks.keras(), frameworks.qkeras()
L = K.layers

EVERY = [(b, signed, g) for signed in (True, False) for b in (1, 2, 5, 8) for g in ("constant", "tanh")][2:]


def weights() -> dict[str, Any]:
    return {
        "kernel_quantizer": Q.quantized_bits(4, 0, alpha=1),
        "bias_quantizer": Q.quantized_bits(6, 1, alpha=1),
    }


@pytest.mark.slow
class TestSteps(OpContract):
    """As the model's input quantizer, as an object of a QActivation and as a layer's own activation."""

    cases: ClassVar = [
        {"bits": 4, "gradient": "tanh", "target_interval": 36},
        {"bits": 2, "signed": False, "target_interval": 36},
    ]
    strategy: ClassVar = st.fixed_dictionaries(
        {
            "bits": st.integers(2, 8),
            "signed": st.booleans(),
            "gradient": st.sampled_from(["constant", "tanh"]),
        }
    )

    def model(self, bits: int = 4, signed: bool = True, gradient: str = "constant") -> Any:
        q = step_activation(bits, signed, gradient)
        return K.Sequential(
            [
                L.Input((8, 2)),
                Q.QActivation("step_activation(5)", name="quant"),
                Q.QConv1D(3, 3, activation=q, name="conv", **weights()),
                L.Flatten(),
                Q.QDense(4, activation=str(q), name="dense", **weights()),
                Q.QDense(3, name="last", **weights()),
                Q.QActivation(q, name="act"),
            ]
        )


# -- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "signed", "gradient"), EVERY)
def test_values_are_uniform_steps_of_tanh(bits: int, signed: bool, gradient: str) -> None:
    q = step_activation(bits, signed, gradient)
    x = np.concatenate([np.linspace(-6, 6, 4999), [1e30, -1e30]]).astype(np.float32)
    y = np.asarray(q(TF.constant(x)), np.float64)
    step = 2.0 ** (signed - bits)
    values = np.arange(-1.0 if signed else 0.0, 1.0, step)
    assert len(values) == 2**bits
    np.testing.assert_array_equal(np.unique(y), values)  # every one is reached, exactly, and no other
    np.testing.assert_array_equal(np.sort(q.range()), values)
    assert (q.min(), q.max()) == (values[0], values[-1])
    middle = np.abs(y - np.tanh(x.astype(np.float64))) <= step / 2 + 1e-6
    assert (middle | (y == values[0]) | (y == values[-1])).all()


def test_range_is_in_the_order_of_codes() -> None:
    np.testing.assert_array_equal(step_activation(2).range(), [0, 0.5, -1, -0.5])
    np.testing.assert_array_equal(step_activation(2, signed=False).range(), [0, 0.25, 0.5, 0.75])


# -- gradients ----------------------------------------------------------------------------------------------


def surrogate(bits: int, signed: bool, gradient: str, x: np.ndarray) -> np.ndarray:
    if gradient == "tanh":
        return np.tanh(x if signed else np.maximum(x, 0))
    end = atanh(1 - 2.0 ** (signed - bits) / 2)  # half a step below 1
    return np.clip(x, -end if signed else 0.0, end)


@pytest.mark.parametrize(("bits", "signed", "gradient"), EVERY)
def test_gradients_are_the_finite_differences_of_the_surrogate(
    bits: int, signed: bool, gradient: str
) -> None:
    q = step_activation(bits, signed, gradient)
    h = 1e-4
    x = np.linspace(-4, 4, 6401) + 0.0013
    end = atanh(1 - 2.0 ** (signed - bits) / 2)
    kinks = np.array([[-end if signed else 0.0], [end]])
    x = x[(np.abs(x - kinks) > 2 * h).all(axis=0)].astype(np.float32)  # a difference across one means nothing
    t = TF.constant(x)
    with TF.GradientTape() as tape:
        tape.watch(t)
        y = q(t)
    got = np.asarray(tape.gradient(y, t))
    wide = x.astype(np.float64)
    want = (surrogate(bits, signed, gradient, wide + h) - surrogate(bits, signed, gradient, wide - h)) / (
        2 * h
    )
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(q.surrogate(t), surrogate(bits, signed, gradient, wide), rtol=1e-5, atol=1e-6)
    assert len(np.unique(np.asarray(y))) == 2**bits, "the gradient is of the steps, not of the surrogate"


@pytest.mark.parametrize("gradient", ["constant", "tanh"])
def test_a_model_trains_through_the_steps(gradient: str, rng: np.random.Generator) -> None:
    K.utils.set_random_seed(1)
    x = rng.normal(0, 1, (256, 4)).astype(np.float32)
    y = np.tanh(x @ np.array([[0.6], [-0.4], [0.3], [0.2]], np.float32))
    # Steps alone lie between every weight and the loss.
    model = K.Sequential(
        [
            L.Input((4,)),
            Q.QDense(8, kernel_quantizer="quantized_bits(8,1,alpha=1)", activation=step_activation(4, True, gradient)),
            Q.QDense(1, kernel_quantizer="quantized_bits(8,1,alpha=1)"),
            Q.QActivation(f"step_activation(6,gradient='{gradient}')"),
        ]
    )  # fmt: skip
    model.compile(K.optimizers.Adam(0.02), "mse")
    before = [w.copy() for w in model.get_weights()]
    loss = model.fit(x, y, batch_size=32, epochs=8, verbose=0).history["loss"]
    assert loss[-1] < loss[0] / 3
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


# -- texts and files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bits", "signed", "gradient"), EVERY)
def test_texts_and_configurations_give_the_quantizer_back(bits: int, signed: bool, gradient: str) -> None:
    q = step_activation(bits, signed, gradient)
    for again in (Q.quantizers.get_quantizer(str(q)), step_activation.from_config(q.get_config())):
        assert isinstance(again, step_activation)
        assert again.get_config() == q.get_config() == {"bits": bits, "signed": signed, "gradient": gradient}


def test_precision_is_not_given_by_steps() -> None:
    with pytest.raises(BadInput, match=r"^input_precision: must be a type such as "):
        parse_precision("step_activation(4)")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_model_files(suffix: str, tmp_path: Path, rng: np.random.Generator) -> None:
    model = TestSteps().model(bits=3, signed=False, gradient="tanh")
    model.set_weights([rng.normal(0, 0.6, w.shape) for w in model.get_weights()])
    path = tmp_path / f"m{suffix}"
    model.save(path)
    live, stored = parse(model), parse(path)
    x = rng.normal(0, 2, (30, 8, 2)).astype(np.float32)
    y = live.emulate(x)[0]
    np.testing.assert_array_equal(y, model.predict(x, verbose=0))
    np.testing.assert_array_equal(stored.emulate(x)[0], y)
    assert len(np.unique(y)) > 2
    assert str(stored.model.get_layer("act").quantizer) == "step_activation(3,signed=False,gradient='tanh')"


# -- errors -------------------------------------------------------------------------------------------------

REFUSED = [
    (
        {"bits": 9},
        "bits must be an integer from 2 to 8 where signed, not 9; use one of these or quantized_tanh",
    ),
    (
        {"bits": 1},
        "bits must be an integer from 2 to 8 where signed, not 1; use binary or signed=False",
    ),
    (
        {"bits": 0, "signed": False},
        "bits must be an integer from 1 to 8, not 0; use one of these or quantized_tanh",
    ),
    (
        {"bits": 4.0},
        "bits must be an integer from 2 to 8 where signed, not 4.0; use one of these or quantized_tanh",
    ),
    (
        {"gradient": "relu"},
        "gradient must be constant or tanh, not 'relu'; leave it out for constant",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), REFUSED)
def test_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInput, match=f"^step_activation: {re.escape(text)}$"):
        step_activation(**arguments)
