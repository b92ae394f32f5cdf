# SPDX-License-Identifier: Apache-2.0
"""The same network with other bits."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweep_nets import Inline

from rtl4ml.errors import BadInput
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.sweep import precision
from rtl4ml.sweep.front import Aim, prices
from rtl4ml.sweep.precision import Head, Labelled, Precise, requantized
from rtl4ml.sweep.run import run
from rtl4ml.sweep.search import Search
from rtl4ml.sweep.space import space
from rtl4ml.sweep.tasks import Base

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (200, 12, 2)).astype(np.float32)


def model(*, kernel: str = "quantized_bits(8,0,alpha=1)") -> Any:
    keras, q = frameworks.keras(), frameworks.qkeras()
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((12, 2)),
            q.QActivation("quantized_bits(8,0,alpha=1)", name="entry"),
            q.QConv1D(6, 3, kernel_quantizer=kernel, use_bias=False, name="conv"),
            q.QActivation("quantized_relu(8,0)", name="relu"),
            keras.layers.Flatten(),
            q.QDense(3, kernel_quantizer=kernel, bias_quantizer="quantized_bits(8,2,alpha=1)", name="dense"),
        ]
    )


def configs(made: Any) -> dict[str, Any]:
    """The quantizers of the layers that have one."""
    q = frameworks.qkeras()
    found = {}
    for layer in made.layers:
        config = layer.get_config()
        for key in ("kernel_quantizer", "bias_quantizer", "activation"):
            if key in config and config[key] not in (None, "linear"):
                found[f"{layer.name}.{key}"] = q.get_quantizer(config[key]).get_config()
    return found


def test_bits_change_and_nothing_else() -> None:
    before, after = (
        configs(model()),
        configs(requantized(model(), {"weight_bits": 4, "activation_bits": 3}, None)),
    )
    assert {k: v["bits"] for k, v in after.items()} == {
        "entry.activation": 8,
        "conv.kernel_quantizer": 4,
        "relu.activation": 3,
        "dense.kernel_quantizer": 4,
        "dense.bias_quantizer": 8,
    }
    for k, v in after.items():
        assert {**v, "bits": 0} == {**before[k], "bits": 0} or k.endswith("kernel_quantizer")
    own = configs(requantized(model(), {"bits": 6, "weight_bits.conv": 3, "activation_bits.relu": 2}, None))
    assert [
        own[k]["bits"] for k in ("conv.kernel_quantizer", "relu.activation", "dense.kernel_quantizer")
    ] == [3, 2, 6]


def test_weights_are_the_trained_ones() -> None:
    plain = model()
    made = requantized(plain, {"weight_bits": 4}, X)
    for a, b in zip(plain.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    same = requantized(plain, {"bits": 8}, X)
    np.testing.assert_array_equal(same.predict(X, verbose=0), plain.predict(X, verbose=0))


def test_ranges_are_those_of_least_error() -> None:
    """Of a layer whose values reach 0.11, and of one whose sums reach 5: no other power of two is nearer."""
    plain = model()
    weights = plain.get_weights()
    weights[0] = RNG.uniform(-0.11, 0.11, weights[0].shape)
    plain.set_weights(weights)
    made = requantized(plain, {"weight_bits": 4, "activation_bits": 4}, X)
    q = frameworks.qkeras()
    kernel, relu = made.get_layer("conv"), made.get_layer("relu")
    found = configs(made)["conv.kernel_quantizer"]
    assert found["alpha"] == "auto_po2" and found["integer"] == 0
    sums = frameworks.keras().Model(plain.input, plain.get_layer("conv").output).predict(X, verbose=0)

    def off(quantizer: Any, values: Any, wanted: Any) -> float:
        return float(np.mean((np.asarray(quantizer(values)) - wanted) ** 2))

    wanted = np.asarray(q.quantized_bits(8, 0, alpha=1)(weights[0]))
    chosen = off(kernel.kernel_quantizer_internal, weights[0], wanted)
    assert all(chosen <= off(q.quantized_bits(4, k, alpha=1), weights[0], wanted) for k in range(4))
    wanted = np.asarray(q.quantized_relu(8, 0)(sums))
    chosen = off(relu.quantizer, sums, wanted)
    assert all(chosen <= off(q.quantized_relu(4, k), sums, wanted) for k in range(6))


def test_what_cannot_be_requantized() -> None:
    with pytest.raises(
        BadInput, match=r"sweep: weight_bits\.cnv must name a layer of the model, not 'cnv'; see"
    ):
        requantized(model(), {"weight_bits.cnv": 3}, None)
    with pytest.raises(BadInput) as error:
        requantized(model(kernel="ternary(alpha=1)"), {"weight_bits": 3}, None)
    assert str(error.value) == (
        "conv: a quantizer must be one of quantized_bits, quantized_relu for an axis of bits, not ternary, whose bits "
        "are part of its kind; leave the axis out"
    )


def source(tmp_path: Path, data: Labelled | None) -> Precise:
    model().save(tmp_path / "m.keras")
    return Precise((tmp_path / "m.keras").read_bytes(), ".keras", Head(), X, data)


def test_accuracy_is_that_of_keras_with_these_bits(tmp_path: Path) -> None:
    y = RNG.integers(0, 3, len(X))
    made = source(tmp_path, Labelled(X, y))
    network = precision.network(made, "logits", {"bits": 4})
    assert not network.refused
    live = made.loaded({"bits": 4})
    parsed = Head().parse(live, "logits")
    predicted = np.argmax(expected(parsed, X)[0], -1)
    assert network.accuracy == {"oa": pytest.approx(float(np.mean(predicted == y)))}
    classes = precision.network(made, "argmax", {"bits": 4})
    assert classes.accuracy == network.accuracy
    assert pickle.loads(classes.content).outputs[0].shape[-1] == 1  # noqa: S301 -- ours


def test_masks_have_a_figure_of_their_own() -> None:
    keras, q = frameworks.keras(), frameworks.qkeras()
    keras.utils.set_random_seed(1)
    entry = keras.Input((6, 6, 2))
    x = q.QActivation("quantized_bits(6,0,alpha=1)")(entry)
    x = q.QConv2D(1, 3, padding="same", kernel_quantizer="quantized_bits(4,0,alpha=1)", use_bias=False)(x)
    net = keras.Model(entry, keras.layers.Activation("sigmoid")(x))
    images = RNG.uniform(-1, 1, (5, 6, 6, 2)).astype(np.float32)
    probabilities = net.predict(images, verbose=0)[..., 0]
    data = Labelled(images, (probabilities >= 0.5).astype(np.uint8))
    assert data.score(Head().parse(net, "logits")) == {"iou": 1.0}
    assert data.score(Head(threshold=0.5).parse(net, "mask")) == {"iou": 1.0}
    assert data.score(Head(threshold=0.9).parse(net, "mask"))["iou"] < 1


def test_a_sweep_over_bits(tmp_path: Path) -> None:
    made = source(tmp_path, Labelled(X, np.argmax(model().predict(X, verbose=0), -1)))
    axes = space([("bits", "2,8"), ("interval", "40,80")])
    aims = (Aim("fps", True), Aim("lut", False), Aim("oa", True))
    search = Search(axes, "sqlite://", price=prices({}), identity={}, aims=aims)
    points = run(search, made, Base(), Inline())
    found = [p.outcome for p in points]
    assert all(o is not None and not o.refused and o.accuracy for o in found)
    few, many = found[0], found[2]
    assert few and many and few.resources and many.resources and few.accuracy and many.accuracy
    assert many.accuracy["oa"] == 1.0 > few.accuracy["oa"]
    assert few.resources["dsp"] < many.resources["dsp"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "the data must be a .npz file, not missing; check the path"),
        ({"x": X}, "the data must be a .npz file with arrays x and y ("),
        (
            {"x": X, "y": np.zeros(3)},
            "y must have a class or a mask for every sample of x, not (3,) for (200, 12, 2)",
        ),
        (
            {"x": X, "y": np.zeros((200, 3))},
            "y must have a class or a mask for every sample of x, not (200, 3) for",
        ),
    ],
)
def test_bad_data(content: Any, told: str, tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    if content is not None:
        np.savez(path, **content)
    with pytest.raises(BadInput) as error:
        precision.read(path)
    assert str(error.value).startswith(f"{path}: {told}")


def test_weights_of_a_chain_are_rounded_together() -> None:
    """At 3 bits a wide dense layer keeps its answers, which rounding each weight alone loses."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    keras.utils.set_random_seed(5)
    wide = keras.Sequential(
        [
            keras.Input((200,)),
            q.QActivation("quantized_bits(8,0,alpha=1)"),
            q.QDense(
                6,
                kernel_quantizer="quantized_bits(8,0,alpha=1)",
                bias_quantizer="quantized_bits(12,5,alpha=1)",
                name="dense",
            ),
        ]
    )
    correlated = RNG.uniform(-1, 1, (600, 8)) @ RNG.uniform(-0.3, 0.3, (8, 200))
    x = np.clip(correlated, -0.99, 0.99).astype(np.float32)
    before = wide.predict(x, verbose=0).argmax(-1)

    def kept(made: Any) -> float:
        return float(np.mean(made.predict(x, verbose=0).argmax(-1) == before))

    assert (
        kept(requantized(wide, {"weight_bits": 3}, x))
        > 0.9
        > kept(requantized(wide, {"weight_bits": 3}, None))
    )
