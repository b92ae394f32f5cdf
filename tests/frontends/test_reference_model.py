# SPDX-License-Identifier: Apache-2.0
"""rtl4ml.reference: the model whose predict, call and emulate are one, where QKeras's own disagrees with itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from residual_nets import keras, q, residual, shaken

import rtl4ml
from rtl4ml.errors import BadModel
from rtl4ml.frontends.qkeras.importer import parse


@pytest.mark.parametrize("blocks", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_predict_call_and_emulate_are_one(blocks: int, rng: np.random.Generator) -> None:
    model = residual(rng, blocks)
    x = rng.uniform(-1, 1, (70, 8, 8, 3)).astype(np.float32)
    assert (model.predict(x, verbose=0) != np.asarray(model(x))).any(), "QKeras agrees with itself: no test"
    reference = rtl4ml.reference(model)
    want = parse(model).emulate(x)[0]
    np.testing.assert_array_equal(reference.predict(x, verbose=0), want)
    np.testing.assert_array_equal(reference(x), want)
    np.testing.assert_array_equal(reference.predict(x, batch_size=7, verbose=0), want)
    np.testing.assert_array_equal(reference(x[:1]), want[:1])
    np.testing.assert_array_equal(reference.predict_on_batch(x[5:8]), want[5:8])


def test_the_users_model_is_left_alone(rng: np.random.Generator) -> None:
    model = residual(rng)
    x = rng.uniform(-1, 1, (16, 8, 8, 3)).astype(np.float32)
    before = model.predict(x, verbose=0), np.asarray(model(x))
    rtl4ml.reference(model).predict(x, verbose=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before[0])
    np.testing.assert_array_equal(model(x), before[1])


def test_a_declared_precision_is_applied_first(rng: np.random.Generator) -> None:
    bits = q.quantized_bits(4, 0, alpha=1)
    model = keras.Sequential([keras.Input((5,)), q.QDense(3, kernel_quantizer=bits, bias_quantizer=bits)])
    shaken(model, rng)
    x = rng.uniform(-5, 5, (9, 5))
    for precision in ("ap_fixed<6,3>", "ap_fixed<6,3,AP_TRN,AP_WRAP>"):
        reference = rtl4ml.reference(model, input_precision=precision)
        want = parse(model, input_precision=precision).emulate(x)[0]
        np.testing.assert_array_equal(reference.predict(x, verbose=0), want)
        np.testing.assert_array_equal(reference(x), want)


def test_sums_that_float32_rounds_are_refused(rng: np.random.Generator) -> None:
    wide = q.quantized_bits(16, 0, alpha=1)
    model = keras.Sequential(
        [keras.Input((9,)), q.QActivation(wide), q.QDense(3, kernel_quantizer=wide, use_bias=False)],
        name="net",
    )
    shaken(model, rng)
    text = (
        r"^net: every sum of the model must fit 2\^24 steps, which float32 holds, not exceed them; "
        r"use fewer bits, or compare with design.reference\(x\)$"
    )
    with pytest.raises(BadModel, match=text):
        rtl4ml.reference(model)


def test_the_package_gives_functions_whatever_was_imported() -> None:
    code = (
        "import sys, rtl4ml, rtl4ml.design, rtl4ml.frontends.qkeras.reference, rtl4ml.frontends.qkeras.builder\n"
        "assert all(callable(getattr(rtl4ml, n)) for n in ('convert', 'reference', 'Design', 'Run'))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    instant = "import sys, rtl4ml; assert not {'numpy', 'tensorflow', 'rtl4ml.design'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", instant], check=True)
