# SPDX-License-Identifier: Apache-2.0
"""Networks of the shapes that hls4ml and FINN are shown with: their layers and widths, weights drawn here.

The files with trained weights are fetched from the network by hls4ml's own tests and come in no package; shapes and
quantizers are those that their JSON files, tutorials and submissions say. Weights are normal numbers of deviation 0.3,
of normalizations: scales and deviations uniform from 0.5 to 1.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtl4ml.host import frameworks

TINY = "https://github.com/mlcommons/tiny_results_v0.7/tree/main/open/hls4ml-finn"
EXAMPLES = "https://github.com/fastmachinelearning/example-models"
PYNQ_HZ = 100e6  # of the accelerator, says systems/system_description_pynq.json of TINY


@dataclass(frozen=True)
class Published:
    """A network that others have published, and what was measured of theirs.

    build:            the model, with random weights
    input_precision:  type of the input, where the model has no quantizer there
    target_interval:  cycles between samples that we ask for
    shape:            where the layers are described
    theirs:           who made the published hardware; empty: no figure with a source was found
    rate:             samples a second that were measured of theirs, on a board with its software
    rate_source:      where that figure stands

    Published(build=autoencoder, ..., target_interval=1_873, rate=53_365.4): theirs takes 100e6 / 53,365.4 = 1,873.9
    cycles of its 100 MHz for a sample, and ours is asked to take no more.
    """

    build: Callable[[], Any]
    input_precision: str | None
    target_interval: int
    shape: str
    theirs: str = ""
    rate: float = 0.0
    rate_source: str = ""

    @property
    def cycles(self) -> float | None:
        """Cycles that theirs takes for a sample at its clock, from the measured rate."""
        return PYNQ_HZ / self.rate if self.rate else None


def _weights(bits: int, integer: int = 0) -> dict[str, Any]:
    quantizer = f"quantized_bits({bits},{integer},alpha=1)"
    return {"kernel_quantizer": quantizer, "bias_quantizer": quantizer}


def _drawn(model: Any) -> Any:
    """The model with its weights drawn anew, alike in every process."""
    rng = np.random.default_rng(0)

    def draw(variable: Any) -> np.ndarray:
        if "gamma" in variable.name or "variance" in variable.name:
            return rng.uniform(0.5, 1.5, variable.shape)
        return rng.normal(0, 0.3, variable.shape)

    model.set_weights([draw(v) for v in model.weights])
    return model


def _sequential(shape: tuple[int, ...], *layers: Any) -> Any:
    keras = frameworks.keras()
    return _drawn(keras.Sequential([keras.Input(shape), *layers]))


def jets() -> Any:
    """hls4ml's tutorials, part 4: a dense network of 6 bits that tags jets."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    hidden = [
        x for n in (64, 32, 32) for x in (q.QDense(n, **_weights(6)), q.QActivation("quantized_relu(6)"))
    ]
    return _sequential((16,), *hidden, q.QDense(5, **_weights(6)), layers.Activation("softmax"))


def digits_dense() -> Any:
    """qkeras_mnist_dense: weights that are powers of two."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    return _sequential(
        (784,),
        q.QActivation("quantized_relu(2)"),
        q.QDense(20, kernel_quantizer="quantized_po2(4,1)", bias_quantizer="quantized_bits(2,0,1,alpha=1)"),
        q.QActivation("quantized_relu(3,1)"),
        q.QDense(
            10,
            kernel_quantizer="quantized_bits(4,0,1,alpha=1)",
            bias_quantizer="quantized_bits(4,0,1,alpha=1)",
        ),
        layers.Activation("softmax"),
    )


def digits_cnn() -> Any:
    """qkeras_mnist_cnn: two convolutions of 6 bits, each with a pool."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers

    def block() -> list[Any]:
        return [
            q.QConv2D(16, 3, activation="relu", **_weights(6)),
            q.QActivation("quantized_relu(6)"),
            layers.MaxPooling2D(2),
        ]

    return _sequential(
        (28, 28, 1),
        *block(),
        *block(),
        layers.Flatten(),
        q.QDense(10, **_weights(6)),
        layers.Activation("softmax"),
    )


def house_numbers() -> Any:
    """hls4ml's tutorials, part 6: a network of 6 bits for the house numbers of SVHN."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    convolutions: list[Any] = []
    for n in (16, 16, 24):
        convolutions += [
            q.QConv2D(n, 3, use_bias=False, kernel_quantizer="quantized_bits(6,0,alpha=1)"),
            layers.BatchNormalization(),
            q.QActivation("quantized_relu(6)"),
            layers.MaxPooling2D(2),
        ]
    dense: list[Any] = []
    for n in (42, 64):
        dense += [
            q.QDense(n, use_bias=False, kernel_quantizer="quantized_bits(6,0,alpha=1)"),
            layers.BatchNormalization(),
            q.QActivation("quantized_relu(6)"),
        ]
    head = [q.QDense(10, **_weights(6)), layers.Activation("softmax")]
    return _sequential((32, 32, 3), *convolutions, layers.Flatten(), *dense, *head)


def autoencoder() -> Any:
    """AD08 of the MLPerf Tiny round 0.7: an autoencoder that finds machines out of order."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    hidden: list[Any] = []
    for n in (72, 72, 8, 72, 72):
        hidden += [
            q.QDense(n, **_weights(12, 6)),
            layers.BatchNormalization(),
            q.QActivation("quantized_relu(6,6)"),
        ]
    return _sequential((64,), *hidden, q.QDense(64, **_weights(12)))


def keywords() -> Any:
    """KWS-W3A3 of the MLPerf Tiny round 0.7: spoken words from 49 x 10 features, weights and activations of 3 bits."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    hidden: list[Any] = []
    for _ in range(3):
        hidden += [
            q.QDense(256, use_bias=False, kernel_quantizer="quantized_bits(3,0,alpha=1)"),
            layers.BatchNormalization(),
            q.QActivation("quantized_relu(3,3)"),
        ]
    return _sequential(
        (490,), *hidden, q.QDense(12, use_bias=False, kernel_quantizer="quantized_bits(3,0,alpha=1)")
    )


def images_rn07() -> Any:
    """RN07 of the MLPerf Tiny round 0.7: a network of 8 bits for CIFAR-10, once residual; its skips are gone."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    convolutions: list[Any] = []
    for n, kernel, stride in ((32, 1, 1), (4, 4, 1), (32, 4, 1), (32, 4, 4), (32, 4, 1)):
        convolutions += [
            q.QConv2D(n, kernel, strides=stride, padding="same", **_weights(8, 2)),
            layers.BatchNormalization(),
            q.QActivation("quantized_relu(8,2)"),
        ]
    return _sequential((32, 32, 3), *convolutions, layers.Flatten(), q.QDense(10, **_weights(8, 2)))


def images_residual() -> Any:
    """The residual network that MLPerf Tiny has for CIFAR-10 (ResNet with eight layers), at 8 bits."""
    q, keras = frameworks.qkeras(), frameworks.keras()
    layers = keras.layers

    def conv(x: Any, n: int, kernel: int, stride: int) -> Any:
        return q.QConv2D(n, kernel, strides=stride, padding="same", **_weights(8))(x)

    def act(x: Any) -> Any:
        return q.QActivation("quantized_relu(8,4)")(x)

    entry = keras.Input((32, 32, 3))
    x = act(layers.BatchNormalization()(conv(entry, 16, 3, 1)))
    for n, stride in ((16, 1), (32, 2), (64, 2)):
        y = act(layers.BatchNormalization()(conv(x, n, 3, stride)))
        y = q.QActivation("quantized_bits(8,4,alpha=1)")(layers.BatchNormalization()(conv(y, n, 3, 1)))
        if stride > 1:
            x = q.QActivation("quantized_bits(8,4,alpha=1)")(conv(x, n, 1, stride))
        x = act(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    x = q.QActivation("quantized_bits(8,4,alpha=1)")(x)
    return _drawn(keras.Model(entry, q.QDense(10, **_weights(8))(x)))


def heartbeats() -> Any:
    """A network of 6 bits over 187 samples of one lead of an ECG; the shape is ours."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    convolutions: list[Any] = []
    for n, kernel in ((8, 7), (16, 5), (16, 5)):
        convolutions += [
            q.QConv1D(n, kernel, padding="same", **_weights(6)),
            layers.BatchNormalization(),
            q.QActivation("quantized_relu(6,2)"),
            layers.MaxPooling1D(2),
        ]
    return _sequential((187, 1), *convolutions, layers.Flatten(), q.QDense(5, **_weights(6)))


NETWORKS = {
    "jets": Published(jets, "fixed<16,6>", 1, "hls4ml's tutorials, part 4"),
    "digits_dense": Published(digits_dense, None, 28, f"{EXAMPLES}, qkeras_mnist_dense.json"),
    "digits_cnn": Published(digits_cnn, "ufixed<8,0>", 784, f"{EXAMPLES}, qkeras_mnist_cnn.json"),
    "house_numbers": Published(house_numbers, "ufixed<8,0>", 1_024, "hls4ml's tutorials, part 6"),
    "heartbeats": Published(heartbeats, "fixed<8,1>", 190, ""),
    "autoencoder": Published(
        autoencoder,
        "fixed<8,8>",
        1_873,
        f"{TINY}/code/ad/AD08",
        "hls4ml",
        53_365.414,
        f"{TINY}/results/pynq-z2/ad/AD08/performance/results.txt",
    ),
    "keywords": Published(
        keywords,
        "fixed<8,8>",
        1_746,
        f"{TINY}/code/kws/KWS-W3A3",
        "FINN",
        57_268.135,
        f"{TINY}/results/pynq-z2/kws/KWS-W3A3/performance/results.txt",
    ),
    "images_rn07": Published(
        images_rn07,
        "ufixed<8,0>",
        65_536,
        f"{TINY}/code/ic/RN07",
        "hls4ml",
        36.596,
        f"{TINY}/results/pynq-z2/ic/RN07/performance/results.txt",
    ),
    "images_residual": Published(
        images_residual, "ufixed<8,0>", 65_536, "https://github.com/mlcommons/tiny, image classification"
    ),
}
