# SPDX-License-Identifier: Apache-2.0
"""The opening of masks: scikit-image's definition, its place in a model, its refusals, its hardware."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract import randomize, samples
from hypothesis import given
from hypothesis import strategies as st

import rtl4ml
from rtl4ml.errors import BadInput, BadModel, UnsupportedLayer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Fixed, Ints, Stream
from rtl4ml.ops.opening import Opening

K = frameworks.keras()
L, Q = K.layers, frameworks.qkeras()


def binary_opening(x: Ints, radius: int) -> Ints:
    """What skimage.morphology.binary_opening makes of frames (N, H, W, 1)."""
    from skimage.morphology import binary_opening as opened
    from skimage.morphology import disk

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in 0.26 in favor of opening, which takes the same mode
        return np.stack([opened(f[..., 0], disk(radius)) for f in x])[..., None].astype(np.int64)


def opening(shape: tuple[int, ...], radius: int = 2) -> Opening:
    return Opening(name="o", inputs=(Stream("x", shape, Fixed(False, 1, 0), 0, 1),), radius=radius)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4), st.floats(0.3, 1), st.integers(0, 2**16))
def test_golden_is_that_of_scikit_image(h: int, w: int, radius: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.random((3, h, w, 1)) < density).astype(np.int64)
    np.testing.assert_array_equal(opening((h, w, 1), radius).golden(x), binary_opening(x, radius))


def test_what_is_thinner_than_the_disk_goes_but_not_at_the_edge() -> None:
    x = np.zeros((1, 12, 12, 1), np.int64)
    x[0, 2:4, 3:11] = 1  # two rows
    x[0, 6:, 1:6] = 1
    x[0, 10, 8] = 1
    y = opening((12, 12, 1)).golden(x)[0, ..., 0]
    assert not y[:6].any() and not y[:, 8:].any()
    assert y[8:, 1:6].all(), "rows below the frame count as part of the shape"


def mask_model(shape: tuple[int, int, int] = (9, 11, 2)) -> Any:
    """A probability for every pixel."""
    weights = {
        "kernel_quantizer": Q.quantized_bits(4, 0, alpha=1), "bias_quantizer": Q.quantized_bits(6, 1, alpha=1)
    }  # fmt: skip
    return K.Sequential(
        [
            L.Input(shape),
            Q.QActivation("quantized_bits(6,0,alpha=1)", name="quant"),
            Q.QConv2D(1, 3, padding="same", name="conv", **weights),
            L.Activation("sigmoid", name="probability"),
        ],
        name="net",
    )


def test_opened_masks_in_hardware(tmp_path: Path, rng: np.random.Generator) -> None:
    model = randomize(mask_model(), rng)
    design = rtl4ml.convert(
        model, out=tmp_path / "design", target_interval=400, output="mask", threshold=0.42, opening=2
    )
    assert [op.op for op in design.graph.ops][-2:] == ["Mask", "Opening"]
    x = samples(design, 12, rng)
    x[::2] = np.abs(x[::2]) * np.sign(np.asarray(model.get_weights()[0]).sum())  # more ones
    want = expected(design.parsed, x)[0]
    plain = expected(parse(model, output="mask", threshold=0.42), x)[0]
    np.testing.assert_array_equal(want, binary_opening(plain.astype(np.int64), 2))
    assert 0 < want.sum() < plain.sum()
    np.testing.assert_array_equal(design.emulate(x), want)
    run = design.simulate(x)
    np.testing.assert_array_equal(run.y, want)
    assert run.interval == design.cycles.interval
    assert run.latency is not None and abs(run.latency - design.cycles.latency) <= 2
    for seed in range(2):
        np.testing.assert_array_equal(design.simulate(x[:8], stalls="random", seed=seed).y, want[:8])
    np.testing.assert_array_equal(design.csim(x), want)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"opening": 2}, "opening: must go with output='mask', not 'logits'; leave it out"),
        (
            {"opening": 2, "output": "argmax"},
            "opening: must go with output='mask', not 'argmax'; leave it out",
        ),
        *(
            (
                {"opening": v, "output": "mask", "threshold": 0.5},
                f"opening: must be a radius of 1 to 7 pixels, not {v!r}; leave it out for no opening",
            )
            for v in (0, 8, 1.5, True, "disk")
        ),
    ],
)
def test_bad_options(options: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        parse(mask_model(), **options)


def test_an_opening_needs_rows_and_columns() -> None:
    dense = Q.QDense(1, name="logit", kernel_quantizer=Q.quantized_bits(4, 0, alpha=1))
    model = K.Sequential([L.Input((6,)), Q.QActivation("quantized_bits(6,0,alpha=1)"), dense], name="net")
    with pytest.raises(BadModel) as caught:
        parse(model, output="mask", threshold=0, opening=2)
    assert str(caught.value) == (
        "logit: opening must go with a mask of rows and columns, not of shape (1,); leave it out"
    )


def test_refusals_of_the_operator() -> None:
    with pytest.raises(UnsupportedLayer) as caught:
        opening((4, 4, 2))
    assert str(caught.value) == (
        "o: an opening must read a mask of shape (height, width, 1), not (4, 4, 2) from 0 to 1"
    )
    with pytest.raises(UnsupportedLayer, match=r"^o: the radius must be 1 to 7, not 8$"):
        opening((4, 4, 1), 8)
