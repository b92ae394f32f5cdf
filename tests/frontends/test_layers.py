# SPDX-License-Identifier: Apache-2.0
"""Layers that need no operator of their own: what they become, in files and in float64, and what is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from rtl4ml.errors import BadModel, Rtl4mlError, UnsupportedLayer
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.quantizers.live import without_residue
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.frontends.qkeras.reference64 import predict64
from rtl4ml.host import frameworks

K = frameworks.keras()
Q = frameworks.qkeras()
L = K.layers
tf = frameworks.tf()


def act(bits: int = 6, integer: int = 1) -> Any:
    return Q.QActivation(f"quantized_bits({bits},{integer},alpha=1)")


def linear(kind: Any = None, channels: int = 4, **options: Any) -> Any:
    weights = {f"{k}_quantizer": "quantized_bits(4,0,alpha=1)" for k in ("kernel", "bias")}
    size = () if kind is None else (1,)
    return (kind or Q.QDense)(channels, *size, **weights, **options)


def built(make: Callable[[Any], Any], shape: tuple[int, ...] = (6, 8, 3), seed: int = 0) -> Any:
    """A model of what `make` makes of the quantized input; weights drawn, slopes left alone."""
    x = L.Input(shape)
    model = K.Model(x, make(act(8, 0)(x)), name="net")
    rng = np.random.default_rng(seed)
    for w in model.weights:
        if "alpha" not in w.name:
            drawn = rng.normal(0, 0.6, w.shape)
            w.assign(np.abs(drawn) + 0.1 if "variance" in w.name else drawn)
    return model


def prelu(slopes: list[float], **options: Any) -> Any:
    """A PReLU of channels whose slopes these are."""
    return L.PReLU(
        alpha_initializer=lambda shape, dtype=None: tf.reshape(tf.constant(slopes, dtype), shape), **options
    )


def two(a: Any) -> tuple[Any, Any]:
    return a, act()(linear(channels=int(a.shape[-1]))(a))


MODELS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "prelu, powers": (
        lambda a: prelu([0.5, 0.25, 0.0, 1.0], shared_axes=[1, 2])(linear(Q.QConv2D)(a)),
        ["Conv", "Depthwise", "Maximum"],
    ),
    "prelu, powers, a quantizer": (
        lambda a: act(5)(prelu([0.5, 0.25, 0.0, 1.0], shared_axes=[1, 2])(linear(Q.QConv2D)(a))),
        ["Conv", "Depthwise", "Maximum", "Activation"],
    ),
    "prelu, any": (
        lambda a: prelu([2.0, -0.75, 0.5, 0.0], shared_axes=[1, 2])(linear(Q.QConv2D)(a)),
        ["Conv", "Activation", "Depthwise", "Add"],
    ),
    "prelu, floats, a quantizer": (
        lambda a: act(5)(prelu([0.3, 0.1, -0.2, 0.7], shared_axes=[1, 2])(linear(Q.QConv2D)(a))),
        ["Conv", "Activation"],
    ),
    "prelu, alike, a wide quantizer": (
        lambda a: act(14, 3)(prelu([0.25] * 4, shared_axes=[1, 2])(linear(Q.QConv2D)(a))),
        ["Conv", "Maximum", "Activation"],
    ),
    "leaky": (lambda a: L.LeakyReLU(0.125)(linear(Q.QConv2D)(a)), ["Conv", "Maximum"]),
    "leaky, few": (lambda a: L.LeakyReLU(0.125)(a), ["Activation"]),
    "hard sigmoid": (
        lambda a: Q.QActivation("hard_sigmoid")(linear(Q.QConv2D)(a)),
        ["Conv", "Depthwise", "Activation"],
    ),
    "hard tanh": (lambda a: Q.QActivation("hard_tanh")(linear(Q.QConv2D)(a)), ["Conv", "Activation"]),
    "elu": (lambda a: act()(L.ELU(0.5)(linear(Q.QConv2D)(a))), ["Conv", "Activation"]),
    "leaky by name": (
        lambda a: act()(L.Activation("leaky_relu")(linear(Q.QConv2D)(a))),
        ["Conv", "Activation"],
    ),
    "a layer as activation": (
        lambda a: act()(L.Activation(L.ReLU(1.0))(linear()(a))),
        ["Dense", "Activation"],
    ),
    "own average": (
        lambda a: Q.QAveragePooling2D(
            (3, 2),
            average_quantizer="quantized_bits(6,0,alpha=1)",
            activation="quantized_bits(6,1,alpha=1)",
        )(a),
        ["Pool", "Activation"],
    ),
    "own global average, a power of two": (
        lambda a: Q.QGlobalAveragePooling2D(average_quantizer="quantized_bits(8,0,alpha=1)")(a[:, :4]),
        ["Crop", "Pool", "Reshape"],
    ),
    "slice": (lambda a: a[:, 1:-1, 2:], ["Crop"]),
    "slice, steps": (lambda a: a[:, ::2, 1::3], ["Crop", "Pool"]),
    "slice, channels": (lambda a: a[:, :, :, 1:], ["Conv"]),
    "slice, row": (lambda a: a[:, -2], ["Crop", "Reshape"]),
    "sum": (lambda a: tf.add(*two(a)), ["Dense", "Activation", "Add"]),
    "difference": (lambda a: two(a)[1] - a, ["Dense", "Activation", "Subtract"]),
    "product with itself": (lambda a: a * a, ["Product"]),
    "least": (lambda a: tf.minimum(*two(a)), ["Dense", "Activation", "Minimum"]),
    "one less": (lambda a: 1.0 - linear()(a), ["Dense", "Depthwise"]),
    "a number more": (lambda a: act()(linear()(a) + 0.3), ["Dense", "Activation"]),
    "half, and a quarter more": (lambda a: a * 0.5 + 0.25, ["Activation"]),
    "a quarter": (lambda a: act()(linear()(a) / 4.0), ["Dense", "Activation"]),
    "average of three": (
        lambda a: act()(L.Average()([*two(a), a])),
        ["Dense", "Activation", "Add", "Activation"],
    ),
    "average of two": (lambda a: L.Average()([*two(a)]), ["Dense", "Activation", "Add"]),
    "a value a channel": (
        lambda a: L.Multiply()([a, act()(linear(channels=3)(act()(L.GlobalAveragePooling2D()(a))))]),
        ["Pool", "Reshape", "Activation", "Dense", "Activation", "Reshape", "UpSample", "Product"],
    ),
    "a value a position": (
        lambda a: L.Add()([a, act()(linear(channels=1)(a))]),
        ["Dense", "Activation", "Conv", "Add"],
    ),
    "permute, absorbed": (
        lambda a: linear()(L.Flatten()(act(4)(L.Permute((3, 1, 2))(L.BatchNormalization()(linear()(a)))))),
        ["Dense", "Activation", "Reshape", "Dense"],
    ),
    "permute, back": (
        lambda a: L.Permute((2, 1, 3))(act(4)(L.Permute((2, 1, 3))(a))),
        ["Activation"],
    ),
    "permute, nothing": (lambda a: act(4)(L.Permute((1, 2, 3))(a)), ["Activation"]),
    "by time": (lambda a: act()(L.TimeDistributed(linear(activation="relu"))(a)), ["Dense", "Activation"]),
    "by time, activation": (lambda a: L.TimeDistributed(act(4))(a), ["Activation"]),
}


# Their values lie on no grid before a quantizer rounds them, in float32 on its one side, in float64 on the other.
ROUNDED = (
    "a number more",
    "elu",
    "leaky by name",
    "own average",
    "average of three",
    "prelu, floats, a quantizer",
    "permute, absorbed",
)


@pytest.mark.parametrize("name", MODELS)
def test_what_layers_become(name: str, rng: np.random.Generator) -> None:
    """Exact, by operators that there are; the formulas in float64 are the same."""
    K.backend.clear_session()
    make, ops = MODELS[name]
    model = built(make)
    parsed = parse(model)
    assert [type(op).__name__ for op in parsed.graph.ops] == ops
    x = rng.uniform(-1.3, 1.3, (32, 6, 8, 3))
    want = expected(parsed, x)[0]
    np.testing.assert_array_equal(parsed.emulate(x)[0], want)
    np.testing.assert_array_equal(model.predict(x, verbose=0), want)
    step = parsed.graph.outputs[0].type.step if name in ROUNDED else 0.0
    np.testing.assert_allclose(predict64(model, x)[0], want, rtol=0, atol=4 * step)
    assert len(np.unique(want)) > 1


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    "name",
    ["prelu, any", "elu", "leaky by name", "a layer as activation", "own average", "slice", "slice, row", "sum",
     "difference", "one less", "a number more", "permute, absorbed", "by time"],
)  # fmt: skip
def test_files(name: str, suffix: str, tmp_path: Path, rng: np.random.Generator) -> None:
    K.backend.clear_session()
    model = built(MODELS[name][0])
    for w in model.weights:
        if "alpha" in w.name:
            w.assign(np.reshape([2.0, -0.75, 0.5, 0.0], w.shape))
    if name.startswith("prelu"):  # its initializer is a function of this test
        layer = next(x for x in model.layers if type(x).__name__ == "PReLU")
        layer.alpha_initializer = K.initializers.Zeros()
    model.save(tmp_path / f"m{suffix}")
    x = rng.uniform(-1.3, 1.3, (8, 6, 8, 3))
    np.testing.assert_array_equal(parse(tmp_path / f"m{suffix}").emulate(x)[0], model.predict(x, verbose=0))


def test_beyond_float32(rng: np.random.Generator) -> None:
    """Pieces of functions where sums take float64."""
    x = L.Input((5,))
    wide = {
        "kernel_quantizer": "quantized_bits(12,0,alpha=1)",
        "bias_quantizer": "quantized_bits(12,0,alpha=1)",
    }
    y = Q.QDense(4, **wide)(Q.QActivation("quantized_bits(14,0,alpha=1)")(x))
    model = K.Model(x, L.Add()([L.LeakyReLU(0.125)(y), Q.QActivation("hard_sigmoid")(y)]))
    for w in model.weights:
        w.assign(rng.normal(0, 0.6, w.shape))
    parsed = parse(model)
    assert not parsed.graph.float32_exact
    x = rng.uniform(-1, 1, (64, 5))
    np.testing.assert_array_equal(parsed.emulate(x)[0], expected(parsed, x)[0])


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "slopes of positions": (
        lambda a: act()(prelu(list(np.arange(192) / 256), name="culprit")(linear(Q.QConv2D)(a))),
        "culprit: the slopes of a PReLU must be those of channels, not of (6, 8, 4) positions and channels; "
        "set shared_axes=[1, 2] and train again",
    ),
    "an average off the grid": (
        lambda a: Q.QAveragePooling2D(3, average_quantizer="quantized_bits(8,0,alpha=1)", name="culprit")(a),
        "culprit: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "an average of three": (
        lambda a: L.Average(name="culprit")([a, a, a]),
        "culprit: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "a greatest number": (
        lambda a: tf.maximum(a, 0.5),
        "tf.math.maximum: math.maximum must have tensors of the model on both sides, or +, -, * and / a number, "
        "not a tensor and float32 0.5; use layers of Keras or QKeras",
    ),
    "a quotient of tensors": (
        lambda a: a / a,
        "tf.math.truediv: math.truediv must have tensors of the model on both sides, or +, -, * and / a number, "
        "not a tensor and a tensor; use layers of Keras or QKeras",
    ),
    "a third": (
        lambda a: a / 3.0,
        "tf.math.truediv: its values must lie on a fixed-point grid, not be floats; "
        "put a QActivation with quantized_bits behind it",
    ),
    "another function": (
        lambda a: tf.math.square(a),
        "tf.math.square: TensorFlow's functions must be +, -, *, / by a number, maximum, minimum or slices, "
        "not math.square; use a layer of Keras or QKeras",
    ),
    "other axes": (
        lambda a: a + act(5)(L.Reshape((8, 3))(a[:, 0])),
        "tf.__operators__.add: both sides of __operators__.add must have as many axes, not 3 and 2; "
        "reshape one of them or use the layer Add",
    ),
    "a slice backwards": (
        lambda a: a[:, ::-1],
        "tf.__operators__.getitem: a slice must leave positions in their order, not slice(None, None, -1) of 6; "
        "change it",
    ),
    "a slice of samples": (
        lambda a: a[1:],
        "tf.__operators__.getitem: a slice must leave all samples, not slice(1, None, None); begin it with [:, ...]",
    ),
    "a slice with a new axis": (
        lambda a: a[:, None, 0],
        "tf.__operators__.getitem: a slice must have whole numbers, not NoneType; use Reshape for new axes",
    ),
    "a slice of one number": (
        lambda a: a[:, 0, 0, 0],
        "tf.__operators__.getitem: a slice must leave an axis, not none; keep it as [..., :1]",
    ),
    "permute before a convolution": (
        lambda a: linear(Q.QConv2D, name="culprit")(L.Permute((2, 1, 3))(a)),
        "culprit: behind a Permute that moves elements there must be activations, and then a Flatten and a QDense or a "
        "Permute back, not QConv2D; train the model without the Permute",
    ),
    "permute before a dense layer of rows": (
        lambda a: linear(name="culprit")(L.Permute((1, 3, 2))(a)),
        "culprit: behind a Permute that moves elements there must be activations, and then a Flatten and a QDense or a "
        "Permute back, not QDense; train the model without the Permute",
    ),
    "permute at the output": (
        lambda a: L.Permute((2, 1, 3), name="culprit")(a),
        "culprit: behind a Permute that moves elements there must be activations, and then a Flatten and a QDense or a "
        "Permute back, not the output; train the model without the Permute",
    ),
    "a convolution of every time": (
        lambda a: L.TimeDistributed(linear(Q.QConv1D), name="culprit")(a),
        "culprit: TimeDistributed must hold a QDense or an activation, not QConv1D; "
        "use a layer of two dimensions, whose rows are the times",
    ),
    "a softmax of every time": (
        lambda a: L.TimeDistributed(linear(activation="softmax"), name="culprit")(a),
        "culprit: a layer within TimeDistributed must have no softmax; put an Activation behind it",
    ),
}


def refusal(model: Any, text: str, error: type[Rtl4mlError] = UnsupportedLayer, **options: Any) -> None:
    with pytest.raises(error) as caught:
        parse(model, **options)
    assert str(caught.value) == text
    assert "\n" not in text and caught.value.__cause__ is None


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    K.backend.clear_session()
    make, text = REFUSED[name]
    refusal(built(make), text)


def test_slopes_that_are_no_numbers() -> None:
    model = built(
        lambda a: act()(prelu([np.nan] * 4, shared_axes=[1, 2], name="culprit")(linear(Q.QConv2D)(a)))
    )
    refusal(
        model,
        "culprit/alpha: weights must be finite numbers, not nan; train or load the model again",
        BadModel,
    )


def test_a_slice_from_the_start_has_no_strips() -> None:
    K.backend.clear_session()
    model = built(lambda a: a[:, :, :4], (4, 16, 2))
    refusal(
        model,
        "tf.__operators__.getitem: in frames of another size a slice must count its columns from both ends, as [1:-1], "
        "not from the first alone; write it so, or convert for the larger frames",
        columns=8,
    )


# -- what names the way out ---------------------------------------------------------------------------------


def test_rescaling_goes_before_the_model() -> None:
    model = K.Sequential([L.Input((6,)), L.Rescaling(1 / 255, name="culprit"), act(), linear()])
    refusal(
        model,
        "culprit: the layer must be one of the supported layers, not Rescaling; scale the samples before the model, "
        "and let the input's quantizer hold them (input_precision='ap_ufixed<8,0>' for values from 0 to 1)",
    )


class PruneLowMagnitude(L.Wrapper):  # type: ignore[misc, name-defined]  # Keras has no types
    """What tfmot puts around a layer that it prunes."""

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs)


class QuantizeWrapperV2(PruneLowMagnitude):
    """What tfmot puts around a layer that it quantizes."""


@pytest.mark.parametrize(
    ("wrapper", "way"),
    [
        (PruneLowMagnitude, "take the wrappers off with tfmot.sparsity.keras.strip_pruning(model)"),
        (
            QuantizeWrapperV2,
            "build the model of QKeras's layers, whose quantizers are what the hardware computes",
        ),
    ],
)
def test_wrappers_are_taken_off(
    wrapper: Any, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapper, "__module__", "tensorflow_model_optimization.python")
    model = K.Sequential([L.Input((6,)), act(), wrapper(L.Dense(3), name="culprit")])
    kind = wrapper.__name__
    refusal(
        model,
        "culprit: the layer must be one of the supported layers, "
        f"not {kind} of tensorflow_model_optimization; {way}",
    )
    model.save(path := tmp_path / "m.h5")
    refusal(path, f"{path}: culprit: must be a layer or quantizer that rtl4ml knows, not {kind}; {way}")


def test_a_file_of_keras_3(tmp_path: Path) -> None:
    """Its HDF5 form, too, says the version."""
    path = tmp_path / "m.h5"
    K.Sequential([L.Input((6,)), act(), linear()]).save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = "3.11.2"
    refusal(
        path,
        f"{path}: must be saved by tf_keras (Keras 2), not by Keras 3.11.2; save it with TF_USE_LEGACY_KERAS=1",
        BadModel,
    )


def test_a_file_calls_no_other_function(tmp_path: Path) -> None:
    """A function of TensorFlow that a file names is looked up by Keras; only those that are supported are."""
    K.backend.clear_session()
    path, evil = tmp_path / "m.keras", tmp_path / "evil.keras"
    built(lambda a: a + act(4)(a)).save(path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(evil, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                layer = next(x for x in config["config"]["layers"] if x["class_name"] == "TFOpLambda")
                layer["config"]["function"] = "io.write_file"
                data = json.dumps(config).encode()
            target.writestr(name, data)
    refusal(
        evil,
        f"{evil}: tf.__operators__.add: function must be one of __operators__.add, math.add, math.subtract, "
        "math.multiply, math.maximum, math.minimum, math.truediv, not 'io.write_file'; correct the model",
        BadModel,
    )


def test_quantizers_of_wrapped_layers_leave_no_residue() -> None:
    dense = linear(activation="quantized_relu(4,1)")
    model = K.Sequential([L.Input((5, 3)), act(), L.TimeDistributed(dense)])
    found = (dense.kernel_quantizer_internal, dense.activation)
    assert all(q.use_ste for q in found)
    with without_residue(model):
        assert not any(q.use_ste for q in found)
    assert all(q.use_ste for q in found)
