# SPDX-License-Identifier: Apache-2.0
"""One step of training."""

from __future__ import annotations

import math
from typing import Any

from rtl4ml.host import frameworks
from rtl4ml.training.classification.recipe import Stage


def mixed(pixels: Any, ratios: Any) -> Any:
    """Each of the pixels (N, ...) mixed with the one before it, the first with the last: ratios (N,) of it itself."""
    ratios = ratios[:, None, None]
    return ratios * pixels + (1 - ratios) * frameworks.tf().roll(pixels, 1, axis=0)


class Step:
    """One step of Adam (Kingma and Ba, 2015) on the cross-entropy of a network's logits.

    Reflectances are positive and much alike, so a step on a weight mostly moves its layer's mean, which the optimizer
    then spends its time on undoing. In the first stage batch normalization takes the mean out. In the second there is
    none, and centred=True does its part: the trained bias is that for inputs with their mean taken off, and the
    layer's own bias is set to it less what the mean input contributes to the sums, with the weights as quantized.
    """

    def __init__(self, net: Any, stage: Stage, *, gain: float, centred: bool, total: int) -> None:
        tf, keras = frameworks.tf(), frameworks.keras()
        self.net, self.stage, self.gain, self.total = net, stage, gain, total
        self.linear = (
            [layer for layer in net.layers if getattr(layer, "kernel", None) is not None] if centred else []
        )
        self.inputs: Any = keras.Model(net.input, [layer.input for layer in self.linear]) if centred else None
        self.means = [tf.Variable(tf.zeros(layer.kernel.shape[-2])) for layer in self.linear]
        self.biases = [tf.Variable(layer.bias) for layer in self.linear]  # for centred inputs
        theirs = {layer.bias.ref() for layer in self.linear}
        self.trained = [v for v in net.trainable_variables if v.ref() not in theirs]
        self.kernels = [v for v in net.trainable_variables if "kernel" in v.name]
        self.first, self.second = (
            [tf.Variable(tf.zeros_like(v)) for v in self.trained + self.biases] for _ in range(2)
        )
        self.done = tf.Variable(0.0)

    def variables(self) -> list[Any]:
        """Everything that a step changes, the network's weights excepted."""
        return [*self.first, *self.second, *self.means, *self.biases, self.done]

    def _of_mean(self, i: int) -> Any:
        """What the mean input contributes to the sums of layer i: (outputs,)."""
        tf, layer = frameworks.tf(), self.linear[i]
        quantizer = layer.kernel_quantizer_internal
        kernel = layer.kernel if quantizer is None else quantizer(layer.kernel)
        return tf.reduce_sum(kernel * self.means[i][:, None], axis=range(len(kernel.shape) - 1))

    def centre(self, pixels: Any) -> None:
        """Takes the means of the layers' inputs on `pixels`; the network computes the same as before."""
        tf = frameworks.tf()
        found = self.inputs(pixels)
        for i, value in enumerate(found if isinstance(found, list) else [found]):
            self.means[i].assign(tf.reduce_mean(value, axis=range(len(value.shape) - 1)))
            self.biases[i].assign(self.linear[i].bias + self._of_mean(i))

    def __call__(self, pixels: Any, goal: Any) -> Any:
        """goal: labels (N,), or class probabilities (N, classes). Returns the cross-entropy before the step."""
        tf = frameworks.tf()
        goal = tf.convert_to_tensor(goal)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
        if goal.dtype.is_floating:
            entropy = tf.nn.softmax_cross_entropy_with_logits
        with tf.GradientTape() as tape:
            logits = self.net(pixels, training=True) * self.gain
            loss = tf.reduce_mean(entropy(goal, logits))
            cost = loss + self.stage.weight_decay * tf.add_n(
                [tf.nn.l2_loss(kernel) for kernel in self.kernels]
            )
        theirs = [layer.bias for layer in self.linear]
        slopes = tape.gradient(cost, self.trained + theirs)
        for i, layer in enumerate(self.linear):
            k = next(k for k, v in enumerate(self.trained) if v is layer.kernel)
            slopes[k] -= self.means[i][:, None] * slopes[len(self.trained) + i]
        self.done.assign_add(1.0)
        rate = self.stage.learning_rate
        if self.stage.schedule == "cosine":
            rate = rate * (0.01 + 0.99 * 0.5 * (1 + tf.cos(math.pi * self.done / self.total)))
        for v, slope, first, second in zip(
            self.trained + self.biases, slopes, self.first, self.second, strict=True
        ):
            first.assign(0.9 * first + 0.1 * slope)
            second.assign(0.999 * second + 0.001 * slope * slope)
            size = tf.sqrt(second / (1 - 0.999**self.done)) + 1e-7
            v.assign_sub(rate * first / (1 - 0.9**self.done) / size)
        for i, layer in enumerate(self.linear):
            layer.bias.assign(self.biases[i] - self._of_mean(i))
        return loss
