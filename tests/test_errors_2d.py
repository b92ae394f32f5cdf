# SPDX-License-Identifier: Apache-2.0
"""What two-dimensional models may not be: one line each, with its text."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rtl4ml.cli import main
from rtl4ml.errors import BadInput, BadModel, Rtl4mlError, UnsupportedLayer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.host import frameworks
from rtl4ml.ir.op import Op
from rtl4ml.ir.types import Stream
from rtl4ml.ops.conv import Conv, Depthwise
from rtl4ml.ops.merge import Concat
from rtl4ml.ops.pool import Pool
from rtl4ml.ops.shape import Crop

K, Q = frameworks.keras(), frameworks.qkeras()
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


def test_concatenation_of_rows() -> None:
    refusal(
        "join: concatenation must be over the channels (axis -1), not axis 1; set axis=-1",
        UnsupportedLayer,
        joined(L.Concatenate(axis=1, name="join"), pool_size=(2, 1)),
    )


def small(*layers: Any) -> Any:
    entry = [L.Input((4, 6, 2)), Q.QActivation("quantized_bits(4,0,alpha=1)")]
    return K.Sequential([*entry, *layers], name="net")


def tampered(path: Path, model: Any, old: str, new: str) -> Path:
    """A file of the model with another text in its configuration: Keras builds no such model itself."""
    model.save(path)
    changed = path.with_name(f"changed{path.suffix}")
    if path.suffix == ".h5":
        shutil.copy(path, changed)
        with h5py.File(changed, "r+") as f:
            text = f.attrs["model_config"]
            assert old in text
            f.attrs["model_config"] = text.replace(old, new)
        return changed
    with zipfile.ZipFile(path) as z, zipfile.ZipFile(changed, "w") as out:
        for name in z.namelist():
            data = z.read(name)
            if name == "config.json":
                assert old.encode() in data
                data = data.replace(old.encode(), new.encode())
            out.writestr(name, data)
    return changed


def skip(join: Any) -> Any:
    x = L.Input((8, 12, 2))
    a = Q.QActivation("quantized_bits(4,0,alpha=1)")(x)
    return K.Model(x, join([a, L.UpSampling2D(2, name="up")(L.MaxPooling2D(2, name="pool")(a))]), name="net")


TAMPERED: dict[str, tuple[Callable[[], Any], str, str, str]] = {
    "concat": (
        lambda: skip(L.Concatenate(name="join")),
        '"size": [2, 2]',
        '"size": [3, 3]',
        "layer join must be one that tf_keras and QKeras can build, not fail with ValueError: A `Concatenate` layer "
        "requires inputs with matching shapes except for the concatenation axis. Received: "
        "input_shape=[(None, 8, 12, 2), (None, 12, 18, 2)]; correct the model",
    ),
    "add": (
        lambda: skip(L.Add(name="join")),
        '"size": [2, 2]',
        '"size": [3, 3]',
        "layer join must be one that tf_keras and QKeras can build, not fail with ValueError: Inputs have incompatible "
        "shapes. Received shapes (8, 12, 2) and (12, 18, 2); correct the model",
    ),
    "pool": (
        lambda: small(L.MaxPooling2D(2, name="pool")),
        '"pool_size": [2, 2]',
        '"pool_size": [5, 5]',
        "layer pool must be one that tf_keras and QKeras can build, not fail with ValueError: ",
    ),
    "stride": (
        lambda: small(
            Q.QConv2D(1, 3, strides=2, name="conv", kernel_quantizer="quantized_bits(4,0,alpha=1)")
        ),
        '"kernel_size": [3, 3]',
        '"kernel_size": [9, 1]',
        "layer conv must be one that tf_keras and QKeras can build, not fail with ValueError: ",
    ),
}


@pytest.mark.parametrize(
    ("case", "suffix"), [("concat", ".keras"), ("add", ".h5"), ("pool", ".keras"), ("stride", ".h5")]
)
def test_a_file_of_what_keras_would_not_build(
    case: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shapes that do not fit, and maps that are empty: Keras refuses them in its own words, which name no layer."""
    make, old, new, text = TAMPERED[case]
    path = tampered(tmp_path / f"m{suffix}", make(), old, new)
    assert main.run(["convert", str(path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"rtl4ml: {path}: {text}") and said.endswith("; correct the model\n")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


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


def headed(channels: int, head: Any = None) -> Any:
    conv = Q.QConv2D(
        channels, 1, name="logits", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False
    )
    return small(conv, *([] if head is None else [head]))


MASK = ("--output", "mask", "--threshold", "0.5")
HEADS: dict[str, tuple[Callable[[], Any], tuple[str, ...], str]] = {
    "a mask of classes": (
        lambda: headed(3, L.Softmax(name="classes")),
        MASK,
        "classes: --output mask must go with one channel, not 3; use --output argmax",
    ),
    "a mask of several logits": (
        lambda: headed(2),
        MASK,
        "logits: --output mask must go with one channel, not 2; use --output argmax",
    ),
    "a softmax of one channel": (
        lambda: headed(1, L.Softmax(name="one")),
        MASK,
        "one: --output mask must go with a sigmoid, a tanh or logits, not softmax of one channel, which is always 1; "
        "use a sigmoid",
    ),
    "a class of one": (
        lambda: headed(1, L.Activation("sigmoid", name="probability")),
        ("--output", "argmax"),
        "probability: --output argmax must go with several channels, not 1; use --output mask and --threshold 0.5",
    ),
    "another function": (
        lambda: headed(1, L.Activation("swish", name="curve")),
        MASK,
        "curve: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "softmax over rows": (
        lambda: headed(3, L.Softmax(axis=1, name="rows")),
        (),
        "rows: softmax must be over the channels (axis -1), not axis 1; set axis=-1",
    ),
    "a threshold of bytes": (
        lambda: headed(1, L.Activation("sigmoid", name="probability")),
        ("--output", "mask", "--threshold", "127"),
        "probability: --threshold of a sigmoid must be above 0 and at most 1, not 127.0; give --threshold 0.5",
    ),
    "a threshold that all reach": (
        lambda: headed(1, L.Activation("tanh", name="sign")),
        ("--output", "mask", "--threshold", "-1"),
        "sign: --threshold of a tanh must be above -1 and at most 1, not -1.0; give --threshold 0",
    ),
    "no number": (
        lambda: headed(1),
        ("--output", "mask", "--threshold", "nan"),
        "--threshold: must be a finite number for --output mask, not nan; give --threshold 0.5",
    ),
}


@pytest.mark.parametrize("case", HEADS)
def test_heads_that_are_neither_threshold_nor_argmax(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, options, text = HEADS[case]
    make().save(tmp_path / "m.keras")
    assert main.run(["convert", str(tmp_path / "m.keras"), "--out", str(tmp_path / "out"), *options]) == 2
    assert capsys.readouterr().err == f"rtl4ml: {text}\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"output": "mask"},
            "threshold: must be a finite number for output='mask', not None; give threshold=0.5",
        ),
        (
            {"output": "segmentation"},
            "output: must be one of logits, argmax, mask, not 'segmentation'; leave it out for logits",
        ),
    ],
)
def test_options_of_heads(options: dict[str, Any], text: str) -> None:
    refusal(text, BadInput, small(L.MaxPooling2D(2)), **options)


def test_a_concatenation_of_different_fractions_is_exact() -> None:
    """Of s4.3, u5.1 and an average with two fraction bits more: all are brought to the finest, nothing is cut off."""
    x = L.Input((4, 6, 3))
    a = Q.QActivation("quantized_bits(4,0,alpha=1)", name="a")(x)
    b = Q.QActivation("quantized_relu(5,4)", name="b")(
        Q.QConv2D(2, 1, kernel_quantizer="quantized_bits(5,3,alpha=1)", use_bias=False)(a)
    )
    c = L.UpSampling2D(2)(L.AveragePooling2D(2)(a))
    model = K.Model(x, L.Concatenate(name="join")([b, a, c]), name="net")
    model.set_weights([np.full(w.shape, 5.0) for w in model.get_weights()])
    parsed = parse(model)
    join = next(op for op in parsed.graph.ops if isinstance(op, Concat))
    assert [s.type.fraction for s in join.inputs] == [1, 3, 5]
    assert join.shifts == (4, 2, 0) and join.output.type.fraction == 5
    rng = np.random.default_rng(3)
    samples = rng.uniform(-1, 1, (50, 4, 6, 3)).astype(np.float32)
    want = model.predict(samples, verbose=0)
    for part, step in ((want[..., :2], 2.0**-1), (want[..., 2:5], 2.0**-3), (want[..., 5:], 2.0**-5)):
        odd = np.rint(part / step) % 2 == 1
        assert odd.any() and (part % step == 0).all()  # the lowest bit of each is in use
    np.testing.assert_array_equal(parsed.emulate(samples)[0], want)
    ends = [np.full((1, *s.shape), v) for s, v in zip(join.inputs, (31, -8, 28), strict=True)]
    np.testing.assert_array_equal(
        join.output.real(join.golden(*ends)),
        np.concatenate([s.real(v) for s, v in zip(join.inputs, ends, strict=True)], -1),
    )


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
