# SPDX-License-Identifier: Apache-2.0
"""The start of the stage with quantizers: a network trained without them, as well as theirs can hold it.

Batch normalization is folded into the layer before it. In a chain of linear layers, ReLUs, pools and flattenings each
layer, and each channel of it, may then be scaled by any positive factor if the next layer scales it back: so both the
weights and the activations are made to fill the ranges of their quantizers (as Nagel et al., 2019, equalize layers).

With few bits, rounding each weight to the nearest leaves nothing of a layer that sums hundreds of inputs much alike.
Instead, the first input's weights are rounded and the others moved so that on the training pixels the sums change
least, then the second's, and so on: Optimal Brain Quantization with the fixed order of Frantar et al. (2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.host import frameworks
from rtl4ml.training.folding_norm import folded, reach

Floats = NDArray[np.float64]
BATCH = 2048
# Regularisation, relative to the mean square of the layer's inputs. RIDGE pulls the least-squares fit towards the
# trained weights; DAMPING is added to the Hessian before sequential rounding.
RIDGE, DAMPING = 1e-2, 1e-3
# Most rows of a layer's inputs that its weights are fitted to.
ROWS = 200_000


def start_quantized(
    plain: Any,
    quantized: Any,
    x: NDArray[np.float32],
    *,
    covered: float = 0.999,
    reached: float = 0.999,
    channels: bool = False,
    compensated: bool = False,
) -> float:
    """Gives `quantized` the weights of `plain`, rescaled to its quantizers; returns the gain of its logits.

    Layers, or with `channels` the channels of all layers but the last, are scaled so that the share `covered` of their
    weights lies within the range of the quantizer, and `reached` of their positive activations on `x` within theirs.
    compensated: each layer's weights are then fitted to what the layers before them give with quantizers, and rounded
    so that the errors cancel on `x`; without, they are left for the quantizer to round.
    """
    keras = frameworks.keras()
    active = {layer.name for layer in quantized.layers if hasattr(layer, "quantizer")}
    # Of the channels up to here: those of `quantized` are those of `plain` / scale.
    scale: Floats = np.ones(1)
    for layer, kernel, bias, after in list(_layers(plain)):
        target = quantized.get_layer(layer.name)
        # Flattened positions each have all channels.
        before = np.tile(scale, kernel.shape[-2] // len(scale))
        kernel = kernel * before[:, np.newaxis]
        apart = channels and after.name in active
        size = np.abs(kernel).reshape(-1, kernel.shape[-1])
        if not apart:
            size = size.reshape(-1, 1)
        factor = np.quantile(size, covered, axis=0) / 2.0**target.kernel_quantizer_internal.integer
        if after.name in active:
            found = _outputs(plain, after, x)
            found = found.reshape(-1, found.shape[-1] if apart else 1)
            # Those of steps reach up to 1, as do those of a quantizer without integer bits.
            integer = getattr(quantized.get_layer(after.name).quantizer, "integer", 0)
            most = np.array([reach(column, reached) for column in found.T])
            factor = np.maximum(factor, most / 2.0**integer)
        # A channel that does nothing is not blown up.
        factor = np.maximum(factor, 1e-3 * np.median(factor))
        kernel, bias = kernel / factor, bias / factor
        if compensated:
            wanted = _rows(layer, keras.Model(plain.input, layer.input).predict(x, BATCH, 0))
            given = _rows(target, keras.Model(quantized.input, target.input).predict(x, BATCH, 0))
            wanted = wanted / np.tile(before, wanted.shape[1] // len(before))
            kernel, bias = compensate(kernel, bias, wanted, given, _rounding(target))
        target.set_weights([kernel, bias])
        scale = np.broadcast_to(factor, kernel.shape[-1:]) if apart else factor
    return float(scale[0])


def compensate(
    kernel: Floats,
    bias: Floats,
    wanted: Floats,
    given: Floats,
    rounded: Callable[[Floats], Floats],
) -> tuple[Floats, Floats]:
    """Weights of `rounded` values, and a bias, with which `given` (rows, inputs) sums to nearly what `wanted` does.

    wanted: the inputs, in the same units, for which `kernel` (..., outputs) and `bias` were trained. The bias takes up
    the difference of the means.
    """
    shape = kernel.shape
    kernel = kernel.reshape(-1, shape[-1])
    sums = wanted @ kernel
    middle, mean = sums.mean(axis=0), given.mean(axis=0)
    centred = given - mean
    square = centred.T @ centred / len(given)
    size = max(float(np.trace(square)) / len(square), 1e-12)
    cross = centred.T @ (sums - middle) / len(given)
    ridge = RIDGE * size
    fitted = np.linalg.solve(square + ridge * np.eye(len(square)), cross + ridge * kernel)
    found = _round_in_turn(fitted, square + DAMPING * size * np.eye(len(square)), rounded)
    return found.reshape(shape), bias + middle - mean @ found


def _round_in_turn(kernel: Floats, square: Floats, rounded: Callable[[Floats], Floats]) -> Floats:
    """Rounds the weights of one input after the other, those of the greatest first, the rest moved to make up for it.

    square: mean of the inputs' products, positive definite; (kernel - result).T @ square @ (kernel - result) is small.
    """
    order = np.argsort(-square.diagonal(), kind="stable")
    left, found = kernel[order], np.empty_like(kernel)
    # Row j of the upper factor: how the inputs after j make up for an error in j, those before it being fixed.
    upper = np.linalg.cholesky(np.linalg.inv(square[np.ix_(order, order)])).T
    for j in range(len(left)):
        found[order[j]] = rounded(left[j])
        error = (left[j] - found[order[j]]) / upper[j, j]
        left[j + 1 :] -= np.outer(upper[j, j + 1 :], error)
    return found


def _layers(plain: Any) -> Iterator[tuple[Any, Floats, Floats, Any]]:
    """Every layer with a kernel: it, its kernel and bias with the normalization after it folded in, what follows.

    Itself follows the last.
    """
    norms = {
        layer.inbound_nodes[0].inbound_layers.name: layer
        for layer in plain.layers
        if isinstance(layer, frameworks.keras().layers.BatchNormalization)
    }
    for layer in plain.layers:
        if getattr(layer, "kernel", None) is None:
            continue
        kernel, bias = (w.astype(np.float64) for w in layer.get_weights())
        last = layer
        if layer.name in norms:
            last = norms[layer.name]
            kernel, bias = folded(kernel, bias, last)
        yield layer, kernel, bias, last.outbound_nodes[0].outbound_layer if last.outbound_nodes else last


def _outputs(model: Any, layer: Any, x: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = frameworks.keras().Model(model.input, layer.output).predict(x, BATCH, 0)
    return found


def _rows(layer: Any, inputs: NDArray[np.float32]) -> Floats:
    """The inputs (N, ...) of a dense layer or a one-dimensional convolution, a row for each of its sums, thinned."""
    if inputs.ndim == 3:
        window = np.lib.stride_tricks.sliding_window_view(inputs, layer.kernel_size[0], axis=1)
        window = window[:, :: layer.strides[0]]  # (N, positions, channels, taps)
        thin = -(-len(window) * window.shape[1] // ROWS)
        flat = np.arange(0, len(window) * window.shape[1], thin)
        some = window[flat // window.shape[1], flat % window.shape[1]]
        rows: Floats = np.swapaxes(some, 1, 2).reshape(len(flat), -1).astype(np.float64)
        return rows
    return inputs[:: -(-len(inputs) // ROWS)].astype(np.float64)


def _rounding(layer: Any) -> Callable[[Floats], Floats]:
    tf = frameworks.tf()
    quantizer = tf.function(layer.kernel_quantizer_internal)

    def rounded(values: Floats) -> Floats:
        return np.asarray(quantizer(tf.constant(values, tf.float32)), dtype=np.float64)

    return rounded
