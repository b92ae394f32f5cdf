# SPDX-License-Identifier: Apache-2.0
"""The reference that every proof compares with: QKeras's own predict, or the same formulas in float64.

QKeras cannot run in float64. Where a sum of the model can exceed 2^24 steps, float32 rounds it in an order that depends
on the machine, and the reference is `predict64`: the formulas of Keras and QKeras in NumPy, written layer by layer from
the live objects, apart from the graph and its operators.

The residue that QKeras's `x + (q - x)` leaves far outside a quantizer's range is no part of a model's function; both
references take the grid point (QKeras's own `use_ste=False` form, which multiplies x by zero).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from math import gcd, prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.heads import Real, head_of, judged
from rtl4ml.frontends.qkeras.quantizers.live import cannot_run, without_residue
from rtl4ml.frontends.qkeras.reference64 import predict64
from rtl4ml.frontends.qkeras.vectors import on_vectors
from rtl4ml.frontends.qkeras.walk import Call, filling, walk
from rtl4ml.host import frameworks
from rtl4ml.host.frameworks import VECTOR
from rtl4ml.ir.several import of_each, one_or_all

# Names that TensorFlow takes for a scope; a model of another name cannot be run as it stands, only its layers.
_SCOPE = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def expected(parsed: Parsed, x: Any) -> list[Real]:
    """What every output of the graph must be for samples (N, *shape), by the reference that holds for this model.

    x: of a model of several inputs, a list. Frames may be of another size than the model's: then its layers are called
    on them, whole, without any strips.
    """
    a = parsed.seen_by_model(parsed.samples(x, larger=True))
    float32 = parsed.graph.float32_exact
    with parsed.weights.restored():
        if float32:
            how: dict[str, Any] = {"batch_size": 1, "whole": False} if depends_on_batch(parsed.model) else {}
            y = predict(parsed.model, a, cut=parsed.output != "mask", **how)
        else:
            y = predict64(parsed.model, a)
    if parsed.output == "logits":
        return y
    score = y[0]
    if parsed.output == "mask" and parsed.cut[0] and not float32:
        score = on_vectors(getattr(frameworks.keras().activations, parsed.cut[0]), score).astype(np.float64)
    return [judged(parsed, score)]


# A sample's sums in a batch and alone are the same, up to the last bits of a smooth function. Relative to the greatest.
_GROSS = 1e-3
_DEPENDS: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def depends_on_batch(model: Any) -> bool:
    """Whether TensorFlow computes some layer wrongly where several samples are in a batch.

    Seen with TensorFlow 2.21 and oneDNN: a 2-D convolution of one input channel with strides (1, s > 1) whose output
    has one column gives other sums for two samples in a batch than for each of them alone; those of a sample alone are
    the convolution's. Every layer is tried on two samples of small integers.
    """
    if model not in _DEPENDS:
        found = False

        def visit(call: Call, inputs: list[Any]) -> list[Any]:
            nonlocal found
            y = call.apply(inputs)
            if call.layer.weights:
                parts = [call.apply([x[i : i + 1] for x in inputs]) for i in (0, 1)]
                both, alone = np.asarray(y), np.concatenate(parts)
                found |= bool(np.abs(both - alone).max(initial=0) > _GROSS * np.abs(alone).max(initial=0))
            return list(y) if isinstance(y, list | tuple) else [y]

        rng = np.random.default_rng(0)
        samples = [rng.integers(-4, 5, (2, *tuple(t.shape)[1:])).astype(np.float32) for t in model.inputs]
        walk(model, [frameworks.tf().constant(s) for s in samples], visit)
        _DEPENDS[model] = found
    return _DEPENDS[model]


def predict(
    model: Any,
    x: Any,
    *,
    batch_size: int = 256,
    cut: bool = True,
    pure: bool = True,
    call: bool = False,
    whole: bool = True,
) -> list[Real]:
    """QKeras's predict of every output for samples of every input, float64 copies.

    x: of a model of several inputs, a list; cut: whether outputs end before a softmax, sigmoid or tanh at the end

    Batches are filled up so that every tensor is whole vectors: at a tensor's end TensorFlow's scalar code gives other
    last bits, so that a sample's numbers would depend on its place in the batch.

    pure: quantizers return their grid points, not x + (q - x) as QKeras has them; call: the model is called, operation
    by operation, instead of its predict; whole: batches are filled up.
    """
    keras = frameworks.keras()
    x = of_each(x)
    out = []
    with without_residue(model) if pure else nullcontext():
        for tensor in model.outputs:
            layer = tensor.node.layer
            head = head_of(layer) if cut else ""
            if head == "layer":
                tensor = tensor.node.keras_inputs[0]
            elif head == "activation":
                tensor, after = (
                    tensor.node.keras_inputs[0],
                    _without_activation(layer, tensor.node.keras_inputs[0].shape),
                )
            if len(x[0]) == 0:
                shape = (
                    (after if head == "activation" else layer).compute_output_shape(tensor.shape)
                    if head == "activation"
                    else tensor.shape
                )
                out.append(np.empty((0, *tuple(shape)[1:])))
                continue
            own = not pure and len(model.outputs) == 1 and tensor is model.outputs[0]
            own = own and _SCOPE.fullmatch(model.name) is not None
            y = _run(model if own else keras.Model(model.inputs, tensor), x, batch_size, call, whole)
            if head == "activation":
                y = _run(after, [y], batch_size, call, whole)
            out.append(np.asarray(y, np.float64))
    return out


def _run(model: Any, x: Sequence[Any], batch_size: int, call: bool, whole: bool) -> Any:
    errors = frameworks.tf().errors
    n = len(x[0])
    if any(a.shape[1:] != tuple(t.shape)[1:] for a, t in zip(x, model.inputs, strict=True)):
        return _run_on_other_frames(model, x[0], whole)
    if whole:
        x = _filled(x, filling(model))
    try:
        if call:
            batches = [
                one_or_all([a[i : i + batch_size].astype(np.float32) for a in x])
                for i in range(0, len(x[0]), batch_size)
            ]
            return np.concatenate([np.asarray(model(b, training=False)) for b in batches])[:n]
        return model.predict(one_or_all(x), batch_size=batch_size, verbose=0)[:n]
    except errors.AbortedError:  # what TensorFlow calls an exception of oneDNN
        return _run_in_another_shape(model, x, batch_size + VECTOR)[:n]
    except errors.OpError as error:
        raise cannot_run(model.name, error) from None


def _filled(x: Sequence[Any], together: int) -> list[Any]:
    """Samples of every input with others of zeros behind them, so that there is a multiple of `together`."""
    return [np.concatenate([a, np.zeros((-len(a) % together, *a.shape[1:]), a.dtype)]) for a in x]


def _run_on_other_frames(model: Any, x: Any, whole: bool) -> Any:
    """The model's layers in one optimized graph, as `predict` has it, for frames of which the model takes no batch."""
    tf = frameworks.tf()
    sizes: list[int] = []

    def visit(call: Call, inputs: list[Any]) -> list[Any]:
        y = call.apply(inputs)
        made = list(y) if isinstance(y, list | tuple) else [y]
        sizes.extend(prod(t.shape[1:]) for t in made)
        return made

    try:
        run = tf.function(
            lambda t: walk(model, [t], visit)[0],
            input_signature=[tf.TensorSpec((None, *x.shape[1:]), tf.float32)],
        ).get_concrete_function()
        together = VECTOR // gcd(VECTOR, *sizes) if whole else 1
        (filled,) = _filled([x], together)
        batches = [filled[i : i + together].astype(np.float32) for i in range(0, len(filled), together)]
        return np.concatenate([np.asarray(run(tf.constant(b))) for b in batches])[: len(x)]
    except tf.errors.OpError as error:
        raise cannot_run(model.name, error) from None


def _run_in_another_shape(model: Any, x: Sequence[Any], batch_size: int) -> Any:
    """`predict` in batches of another length.

    Seen with TensorFlow 2.21: a depthwise convolution of one channel and one tap is aborted by oneDNN in a process that
    ran certain other convolutions before, and runs in a process of its own or with a batch of any other length.
    """
    errors = frameworks.tf().errors
    filled = _filled(x, batch_size)
    try:
        return model.predict(one_or_all(filled), batch_size=batch_size, verbose=0)
    except errors.OpError as error:
        raise cannot_run(model.name, error) from None


def _without_activation(layer: Any, shape: Any) -> Any:
    """A model of one layer with the same weights and quantizers that ends before the activation."""
    keras = frameworks.keras()
    twin = type(layer).from_config({**layer.get_config(), "activation": None, "name": f"{layer.name}_logits"})
    for key, value in vars(layer).items():
        if key.endswith(("_quantizer", "_quantizer_internal")):
            setattr(twin, key, value)
    entry = keras.Input(tuple(shape)[1:])
    model = keras.Model(entry, twin(entry))
    twin.set_weights(layer.get_weights())
    return model
