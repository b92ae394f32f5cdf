# SPDX-License-Identifier: Apache-2.0
"""The model that a design equals on every path: its `predict`, its call and `emulate` give the same numbers.

A QKeras model may disagree with itself. Its quantizers return `x + (q - x)`, and TensorFlow's graph optimizer, which
works in `predict` but not in a call, adds these terms in another order where an Add follows: an ulp is left, and on a
tie of the next quantizer it becomes a whole step. The optimizer also joins a linear layer, a normalization and an
activation into one kernel with other last bits; and TensorFlow evaluates the last few elements of a tensor, which fill
no vector, by scalar code with other last bits again.

Here quantizers return the grid point q that they define (QKeras's own form `use_ste=False`), every path runs the one
optimized graph, and samples are filled up so that every tensor consists of whole vectors.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from rtl4ml.errors import BadModel
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.frontends.qkeras.quantizers.live import without_residue
from rtl4ml.frontends.qkeras.walk import filling
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Fixed


def reference(model: Any, *, input_precision: str | Fixed | None = None) -> Any:
    """A tf_keras model of which `predict`, call and the design's `emulate` are one, to the bit, in batches of any size.

    model:           a tf_keras or QKeras model, which is left untouched, or the path of a .keras or .h5 file
    input_precision: as given to `convert`; the input is quantized by it first

    It reads the weights of `model`, so it follows further training; it is for inference and cannot be saved. A softmax,
    sigmoid or tanh at the output stays, while `emulate` gives what comes before that (or the class, or the mask).
    Raises what `convert` raises for a model that cannot be exact, and BadModel where float32 itself rounds sums.
    """
    live = load(model)
    parsed = parse(live, input_precision=input_precision)
    if not parsed.graph.float32_exact:
        raise BadModel(
            f"{live.name}: every sum of the model must fit 2^24 steps, which float32 holds, not exceed them; "
            "use fewer bits, or compare with design.reference(x)"
        )
    parsed.graph.single("a model to be called", "compare with design.reference(x)")
    ints = (lambda x: parsed.integers([x])[0]) if parsed.declared else None
    return _model_class()(live, ints, parsed.input.type.step)


@cache
def _model_class() -> Any:
    """The class, made when TensorFlow is there."""
    tf, keras = frameworks.tf(), frameworks.keras()

    class Reference(keras.Model):  # type: ignore[misc, name-defined]  # Keras has no types
        """One optimized graph behind `predict` and call."""

        def __init__(self, model: Any, integers: Any, step: float) -> None:
            super().__init__(name=f"{model.name}_reference")
            self._shape = tuple(model.inputs[0].shape)[1:]
            self._integers, self._step, self._filling = integers, step, filling(model)
            with without_residue(model):
                self._graph = tf.function(
                    lambda x: model(x, training=False),
                    input_signature=[tf.TensorSpec((None, *self._shape), tf.float32)],
                ).get_concrete_function()

        def call(self, inputs: Any) -> Any:
            x = tf.cast(inputs, tf.float32)
            if self._integers is not None:
                x = tf.ensure_shape(tf.numpy_function(self._quantized, [x], tf.float32), (None, *self._shape))
            n = tf.shape(x)[0]
            x = tf.pad(x, [[0, -n % self._filling], *[[0, 0]] * len(self._shape)])
            return tf.nest.map_structure(lambda y: y[:n], self._graph(x))

        def _quantized(self, x: Any) -> Any:
            return (self._integers(np.asarray(x)) * self._step).astype(np.float32)

    return Reference
