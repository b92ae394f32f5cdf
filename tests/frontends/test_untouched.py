# SPDX-License-Identifier: Apache-2.0
"""The model's own predict against the reference: every difference is counted under its cause, or is a mismatch."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from residual_nets import keras, layers, q, residual, shaken
from segmenters import bits, linear, segmenter

import rtl4ml
from rtl4ml.frontends.qkeras import untouched
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import depends_on_batch, expected
from rtl4ml.frontends.qkeras.untouched import (
    AGAINST_CALL,
    EQUAL_SCORES,
    OFF_GRID,
    PLACE,
    RESIDUE,
    UNEXPLAINED,
    Untouched,
)


def tally(parsed: Any, x: np.ndarray) -> Untouched:
    found = Untouched()
    found.add(parsed, x, expected(parsed, x))
    return found


def test_predict_against_call_is_counted_by_layer(rng: np.random.Generator, tmp_path: Path) -> None:
    model = residual(rng)
    x = rng.uniform(-1, 1, (32, 8, 8, 3)).astype(np.float32)
    apart = int((model.predict(x, verbose=0) != np.asarray(model(x))).sum())
    assert apart
    design = rtl4ml.convert(model, out=tmp_path / "p")
    np.testing.assert_array_equal(design.emulate(x), model(x))
    design.emulate(x[:5])  # samples that were compared before
    report = design.report()
    assert report["exactness"]["predict"] == {
        "samples": 32,
        "values": x.size,
        "differ": apart,
        "mismatches": 0,
        "cause": [{"layer": "sum0", "why": AGAINST_CALL, "values": apart}],
    }
    assert json.loads((tmp_path / "p" / "report.json").read_text())["exactness"] == report["exactness"]
    page = (tmp_path / "p" / "report.html").read_text()
    assert f"differs from the reference in {apart} of 6,144 values, each for a cause" in page
    told = escape(AGAINST_CALL, quote=True).replace("&#x27;", "&#39;")
    assert f'<th scope="row">sum0</th><td class="whole" data-h="Cause">{told}</td>' in page
    assert report["exactness"]["emulate"]["mismatches"] == 0


def test_values_off_the_grid_at_the_output(rng: np.random.Generator) -> None:
    """The same sum without a quantizer behind it: what is left of the other order is an ulp at the output."""
    whole = residual(rng)
    model = keras.Model(whole.inputs, layers.Flatten()(whole.layers[-1].input))
    parsed = parse(model)
    x = rng.uniform(-1, 1, (8, 8, 8, 3)).astype(np.float32)
    apart = np.abs(model.predict(x, verbose=0) - parsed.emulate(x)[0])
    off = int((apart != 0).sum())
    assert off and apart.max() < 1e-6
    assert tally(parsed, x).entry() == {
        "samples": 8,
        "values": x.size,
        "differ": off,
        "mismatches": 0,
        "cause": [{"layer": model.layers[-1].name, "why": OFF_GRID, "values": off}],
    }


def test_a_residue_that_predict_and_call_share() -> None:
    """Beyond 2^17 the last bit of x + (q - x) is worth half a step of q."""
    model = keras.Sequential(
        [keras.Input((1,)), q.QActivation(bits(8), name="far"), q.QActivation(bits(8, 1))]
    )
    parsed = parse(model)
    x = (np.arange(1, 400, dtype=np.float32) * 1000.37)[:, None]
    plain = model.predict(x, verbose=0)
    np.testing.assert_array_equal(plain, model(x))
    far = int((plain != expected(parsed, x)[0]).sum())
    assert far
    assert tally(parsed, x).causes == {("far", RESIDUE): far}


@pytest.mark.slow
def test_scores_at_the_end_of_a_tensor(rng: np.random.Generator) -> None:
    """7 x 9 pixels fill no vectors: TensorFlow's scalar code gives the last of them another last bit."""
    model = segmenter(rng, "conv", "sigmoid", hw=(7, 9))
    x = rng.uniform(-1, 1, (8, 7, 9, 3)).astype(np.float32)
    alone = np.concatenate([model.predict(frame[None], verbose=0) for frame in x])
    whole = model.predict(x, verbose=0)
    k, *at = np.argwhere(alone != whole)[0]
    threshold = float(max(alone[k][tuple(at)], whole[k][tuple(at)]))
    parsed = parse(model, output="mask", threshold=threshold)
    found = tally(parsed, x[k : k + 1])
    assert found.causes[model.layers[-1].name, PLACE] == found.differ == 1
    assert found.mismatches == 0


def test_saturated_scores_are_equal_where_their_logits_are_not() -> None:
    model = keras.Sequential(
        [
            keras.Input((2,)),
            q.QActivation(bits(8, 6)),
            q.QDense(2, kernel_quantizer=bits(3, 1), use_bias=False, activation="sigmoid", name="head"),
        ]
    )
    model.set_weights([np.eye(2)])
    parsed = parse(model, output="argmax")
    x = np.array([[20.0, 30.0], [1.0, 2.0]])
    assert model.predict(x, verbose=0).argmax(axis=-1).tolist() == [0, 1]
    assert parsed.emulate(x)[0].tolist() == [[1], [1]]
    assert tally(parsed, x).causes == {("head", EQUAL_SCORES): 1}


def test_what_nothing_explains_is_a_mismatch(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that is wrong by a step in one value, as if it read the model otherwise than Keras does."""
    model = keras.Sequential([keras.Input((5,)), q.QActivation(bits(6)), q.QDense(3, **linear(), name="d")])
    shaken(model, rng)
    design = rtl4ml.convert(model, out=tmp_path / "p")
    x = rng.uniform(-1, 1, (4, 5))
    right = expected(design.parsed, x)[0]
    wrong = right.copy()
    wrong[2, 1] += design.graph.outputs[0].type.step
    found = Untouched()
    found.add(design.parsed, x, [wrong])
    assert found.causes == {("d", UNEXPLAINED): 1}
    assert (found.differ, found.mismatches) == (1, 1)
    monkeypatch.setattr(untouched, "_causes", lambda *_: {("d", UNEXPLAINED): 1})
    design.emulate(x)
    report = design.report()
    assert report["exactness"]["predict"]["mismatches"] == 1
    page = (tmp_path / "p" / "report.html").read_text()
    assert "1 of 12 values differ in the model&#39;s own predict, for no known cause" in page


def test_nothing_is_compared_where_float32_rounds(rng: np.random.Generator) -> None:
    wide = q.quantized_bits(16, 0, alpha=1)
    model = keras.Sequential(
        [keras.Input((9,)), q.QActivation(wide), q.QDense(3, kernel_quantizer=wide, use_bias=False)]
    )
    shaken(model, rng)
    assert tally(parse(model), rng.uniform(-1, 1, (3, 9))).entry() is None


@pytest.mark.parametrize(
    ("declared", "modes"),
    [("ap_fixed<6,1>", "AP_RND_CONV,AP_SAT"), ("ap_fixed<6,1,AP_TRN,AP_WRAP>", "AP_TRN,AP_WRAP")],
)
def test_the_page_says_how_a_declared_input_is_rounded(
    declared: str, modes: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    model = shaken(keras.Sequential([keras.Input((5,)), q.QDense(3, **linear(), name="d")]), rng)
    design = rtl4ml.convert(model, out=tmp_path / "p", input_precision=declared)
    design.emulate(rng.uniform(-3, 3, (4, 5)))
    assert design.report()["exactness"]["predict"]["mismatches"] == 0
    page = (tmp_path / "p" / "report.html").read_text()
    assert f"of inputs brought to {escape(declared)} first, by {modes}; tolerance zero" in page


@pytest.mark.parametrize(("strides", "wrong"), [((1, 2), True), ((2, 2), False)])
def test_sums_that_tensorflow_gets_wrong_in_a_batch(
    strides: tuple[int, int], wrong: bool, rng: np.random.Generator
) -> None:
    """TensorFlow 2.21 convolves samples of one channel under such strides rightly only one at a time.

    That depends on the processor, by which oneDNN chooses its kernels: where it convolves a batch rightly too, that is
    what must be found.
    """
    x = first = keras.Input((6, 3, 1))
    x = q.QActivation("quantized_bits(4,2,alpha=1)")(x)
    x = q.QConv2D(
        2, 3, strides=strides, name="conv", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False
    )(x)
    model = keras.Model(first, x)
    model.set_weights([rng.uniform(-1, 1, w.shape) for w in model.get_weights()])
    parsed = parse(model)
    samples = rng.integers(-8, 8, (4, 6, 3, 1)).astype(np.float32) / 2
    alone = np.concatenate([model.predict(s[None], verbose=0) for s in samples])
    seen = bool((model.predict(samples, verbose=0) != alone).any())
    assert depends_on_batch(model) == seen
    assert wrong or not seen
    np.testing.assert_array_equal(expected(parsed, samples)[0], alone)
    np.testing.assert_array_equal(parsed.emulate(samples)[0], alone)
    found = tally(parsed, samples)
    assert found.mismatches == 0
    assert set(found.causes) == ({("conv", PLACE)} if seen else set())


@pytest.mark.parametrize("name", ["my model", "tiny (v2)", "übung", "a:b"])
def test_a_model_of_a_name_that_tensorflow_does_not_take(name: str) -> None:
    """Its own predict fails; that of its layers is compared."""
    x = first = keras.Input((4,))
    x = q.QActivation("quantized_bits(4,2,alpha=1)")(x)
    parsed = parse(keras.Model(first, q.QActivation("quantized_relu(3,1)")(x), name=name))
    found = tally(parsed, np.arange(-8, 8).reshape(4, 4) / 2)
    assert (found.values, found.differ) == (16, 0)
