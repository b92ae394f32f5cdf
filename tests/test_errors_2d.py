# SPDX-License-Identifier: Apache-2.0
"""What two-dimensional models may not be: one line each, with its text."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml import _tf
from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, UnsupportedLayer
from rtl4ml.frontend import parse
from rtl4ml.ir import Op, Stream
from rtl4ml.ops.conv import Conv, Depthwise
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.shape import Crop

K, Q = _tf.keras(), _tf.qkeras()
L = K.layers


def refusal(text: str, error: type[Rtl4mlError], model: Any, **options: Any) -> None:
    with pytest.raises(error) as caught:
        parse(model, **options)
    assert str(caught.value) == text
    assert "\n" not in text and caught.value.__cause__ is None


def joined(layer: Any, **options: Any) -> Any:
    """A stream of 4 x 6 pixels joined with what a pool makes of it."""
    x = L.Input((4, 6, 2))
    a = Q.QActivation("quantized_bits(4,0,alpha=1)")(x)
    return K.Model(x, layer([a, L.MaxPooling2D(**options)(a)]), name="net")


@pytest.mark.parametrize(("layer", "what"), [(L.Add, "sum"), (L.Multiply, "product")])
def test_nothing_is_broadcast(layer: Any, what: str) -> None:
    refusal(
        f"join: the sides of a {what} must have one shape, not (1, 1, 2) and (4, 6, 2); "
        "upsample or reshape the smaller side",
        UnsupportedLayer,
        joined(layer(name="join"), pool_size=(4, 6)),
    )


def test_concatenation_of_rows() -> None:
    refusal(
        "join: concatenation must be over the channels (axis -1), not axis 1; set axis=-1",
        UnsupportedLayer,
        joined(L.Concatenate(axis=1, name="join"), pool_size=(2, 1)),
    )


def small(*layers: Any) -> Any:
    entry = [L.Input((4, 6, 2)), Q.QActivation("quantized_bits(4,0,alpha=1)")]
    return K.Sequential([*entry, *layers], name="net")


def test_a_file_with_a_pool_larger_than_its_input(tmp_path: Path) -> None:
    """Keras refuses such a model where it is built, so only a file can hold it."""
    path, changed = tmp_path / "m.keras", tmp_path / "changed.keras"
    small(L.MaxPooling2D(2, name="pool")).save(path)
    with zipfile.ZipFile(path) as z, zipfile.ZipFile(changed, "w") as out:
        for name in z.namelist():
            data = z.read(name)
            if name == "config.json":
                config = json.loads(data)
                pool = next(c for c in config["config"]["layers"] if c["class_name"] == "MaxPooling2D")
                pool["config"]["pool_size"] = [5, 5]
                data = json.dumps(config).encode()
            out.writestr(name, data)
    with pytest.raises(BadModel) as caught:
        parse(changed)
    text = str(caught.value)
    assert text.startswith(
        f"{changed}: must be a model that tf_keras and QKeras can load, not fail with ValueError: "
    )
    assert '"pool"' in text and text.endswith("; save it again") and "\n" not in text


def test_bilinear_upsampling_of_an_input_without_a_quantizer() -> None:
    model = K.Sequential(
        [
            L.Input((4, 6, 2)),
            L.UpSampling2D(2, interpolation="bilinear", name="up"),
            Q.QActivation("quantized_bits(4,0,alpha=1)"),
        ]
    )
    refusal(
        "up: the model's input must pass a quantizer first, not go into UpSampling2D; "
        "put a QActivation behind the input or give input_precision",
        BadModel,
        model,
    )


@pytest.mark.parametrize(
    ("options", "text", "error"),
    [
        (
            {"output": "mask"},
            "threshold: must be a finite number for output='mask', not None; give threshold=0.5",
            BadInput,
        ),
        (
            {"output": "mask", "threshold": 0.5},
            "net: output='mask' must go with one channel, not 2; use output='argmax'",
            BadModel,
        ),
        (
            {"output": "segmentation"},
            "output: must be one of logits, argmax, mask, not 'segmentation'; leave it out for logits",
            BadInput,
        ),
    ],
)
def test_heads(options: dict[str, Any], text: str, error: type[Rtl4mlError]) -> None:
    refusal(text, error, small(L.MaxPooling2D(2)), **options)


X = Stream.covering("x", (4, 6, 2), -8, 7, 0)
NO_PADDING = ((0, 0), (0, 0))
EMPTY: dict[str, tuple[Callable[[], Op], str]] = {
    "conv": (
        lambda: Conv(
            name="l", inputs=(X,), weights=np.ones((5, 2, 2, 1), int), weight_fraction=np.zeros(1, int)
        ),
        "l: the kernel must fit its padded input, not leave an output of (0, 5) positions",
    ),
    "depthwise, dilated": (
        lambda: Depthwise(
            name="l",
            inputs=(X,),
            weights=np.ones((3, 3, 2, 1), int),
            weight_fraction=np.zeros(2, int),
            dilation=(2, 2),
        ),
        "l: the kernel must fit its padded input, not leave an output of (0, 2) positions",
    ),
    "pool": (
        lambda: Pool(name="l", inputs=(X,), mode="max", size=(2, 7), stride=(1, 1), padding=NO_PADDING),
        "l: the pool size must fit the input of (4, 6) positions, not be (2, 7); use a smaller pool size",
    ),
    "crop": (
        lambda: Crop(name="l", inputs=(X,), cropping=((2, 2), (0, 0))),
        "l: cropping must leave something of (4, 6) positions, not be ((2, 2), (0, 0))",
    ),
}


@pytest.mark.parametrize("case", EMPTY)
def test_operators_that_leave_nothing(case: str) -> None:
    make, text = EMPTY[case]
    with pytest.raises(UnsupportedLayer, match=f"^{re.escape(text)}$"):
        make()
