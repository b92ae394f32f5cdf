# SPDX-License-Identifier: Apache-2.0
"""The start of the stage with quantizers: batch normalization folded, ranges measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadModel
from rtl4ml.host import frameworks
from rtl4ml.training.folding_norm import folded, reach
from rtl4ml.training.segmentation.recipe import Floats


def start_quantized(plain: Any, quantized: Any, x: Floats) -> float:
    """Gives `quantized` the weights of `plain`, rescaled to its quantizers; returns the share that it cuts off.

    Batch normalization is folded into the layer before it. ReLU, pooling, repetition and concatenation keep factors:
    each channel of a layer before a ReLU may be divided by any positive number if whatever reads it is multiplied by
    it (Meller et al. 2019, Nagel et al. 2019). Here it is the number that brings 99.9 % of the channel's positive
    activations on the images `x` into the range of their quantizer, and all its weights into theirs. The last layer
    has no ReLU and keeps its scale; its weights beyond the range are cut off, and their share among its own returned.
    Raises BadModel where a layer is of a kind that this does not know.
    """
    keras = frameworks.keras()
    layers = keras.layers
    relus = {
        layer.name: layer.quantizer
        for layer in quantized.layers
        if hasattr(layer, "quantizer") and layer.name in {p.name for p in plain.layers}
    }
    names = [layer.name for layer in plain.layers if isinstance(layer, layers.ReLU)]
    found = keras.Model(plain.input, [plain.get_layer(name).output for name in names])(x, training=False)
    most = {
        name: np.array([reach(channel, 0.999) for channel in np.moveaxis(value.numpy(), -1, 0)])
        for name, value in zip(names, found, strict=True)
    }
    scale: dict[str, NDArray[np.float64]] = {}  # by channel: results of `plain` over those of `quantized`
    cut = 0.0
    for layer in plain.layers:
        before = _inbound(layer)
        given = [scale[other.name] for other in before]
        kernel, depthwise = _kernel(layer)
        if not before:
            scale[layer.name] = np.ones(int(layer.output_shape[0][-1]))
        elif isinstance(layer, layers.Concatenate):
            scale[layer.name] = np.concatenate(given)
        elif kernel is None:
            known = (layers.BatchNormalization, layers.ReLU, layers.MaxPooling2D, layers.UpSampling2D)
            if not isinstance(layer, known) and not hasattr(layer, "activation"):
                raise BadModel(
                    f"{layer.name}: a layer of a student must be one whose channels can be rescaled, "
                    f"not {type(layer).__name__}; leave the quantized stage out"
                )
            scale[layer.name] = given[0]
        else:
            kernel, bias, relu = _folded(layer, kernel, depthwise)
            # The last axis but one of the kernel is the input's channels, of both kinds of layers.
            kernel = kernel * given[0][:, None]
            target = quantized.get_layer(layer.name)
            factor, limit = _range(target, depthwise)
            axes = (0, 1, 3) if depthwise else (0, 1, 2)
            if relu is None:
                own = np.ones(kernel.shape[2 if depthwise else 3])
                cut = float((np.abs(kernel) > limit).mean())
            else:
                own = np.maximum(
                    np.abs(kernel).max(axis=axes) / limit, most[relu] / 2.0 ** relus[relu].integer
                )
                own = np.maximum(own, 1e-6)
            kernel = kernel / (own[:, None] if depthwise else own)
            stored = kernel / factor, bias / own  # QKeras gives a stored weight, rounded, times alpha
            target.set_weights([array.astype(np.float32) for array in stored])
            scale[layer.name] = own
    return cut


def _inbound(layer: Any) -> list[Any]:
    found = layer.inbound_nodes[0].inbound_layers
    return found if isinstance(found, list) else [found]


def _kernel(layer: Any) -> tuple[NDArray[Any] | None, bool]:
    """The kernel of a convolution, and whether it is a depthwise one: (h, w, channels, 1), not (h, w, in, out)."""
    for name, depthwise in (("depthwise_kernel", True), ("kernel", False)):
        if getattr(layer, name, None) is not None:
            return np.asarray(getattr(layer, name).numpy(), dtype=np.float64), depthwise
    return None, False


def _folded(
    layer: Any, kernel: NDArray[Any], depthwise: bool
) -> tuple[NDArray[Any], NDArray[Any], str | None]:
    """Kernel and bias with the batch normalization behind the layer folded in, and the name of the ReLU behind both."""
    keras = frameworks.keras()
    bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else np.zeros(layer.output_shape[-1])
    after = layer.outbound_nodes[0].outbound_layer if layer.outbound_nodes else None
    if isinstance(after, keras.layers.BatchNormalization):
        kernel, bias = folded(kernel, bias, after, depthwise=depthwise)
        after = after.outbound_nodes[0].outbound_layer
    return kernel, bias, after.name if isinstance(after, keras.layers.ReLU) else None


def _range(layer: Any, depthwise: bool) -> tuple[float, float]:
    """Of a layer's weight quantizer: the factor from what is stored to what it gives, and the most that it gives."""
    quantizer = layer.depthwise_quantizer_internal if depthwise else layer.kernel_quantizer_internal
    factor = float(quantizer.alpha) if isinstance(quantizer.alpha, int | float) else 1.0
    return factor, float(factor * 2.0**quantizer.integer * (1 - 2.0 ** (1 - quantizer.bits)))
