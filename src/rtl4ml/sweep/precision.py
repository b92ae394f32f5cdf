# SPDX-License-Identifier: Apache-2.0
"""The same network with other bits: its quantizers made anew, calibrated on data, its accuracy by exact integers."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml import arguments
from rtl4ml.errors import BadInput, Rtl4mlError
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.host import frameworks
from rtl4ml.metrics.classes import accuracy
from rtl4ml.metrics.masks import pixel_iou
from rtl4ml.sweep.space import BITS, Params
from rtl4ml.sweep.tasks import Network, axis_of
from rtl4ml.training.classification.start import start_quantized

Floats = NDArray[np.floating[Any]]

# The quantizers of layers by what they quantize. Biases stay as they are: they cost a constant.
WEIGHTS = ("kernel_quantizer", "depthwise_quantizer", "pointwise_quantizer")
KINDS = ("quantized_bits", "quantized_relu")
CALIBRATED = 256  # samples that ranges are chosen on
FITTED = 2048  # samples that weights are fitted on
VALUES = 200_000  # of a tensor, drawn from these samples
BELOW = 3  # ranges that are tried below the one that holds all values, each half as wide


@dataclass(frozen=True)
class Head:
    """What the hardware gives and gets, as `rtl4ml.convert` has these arguments; "output" may be an axis instead.

    Head("argmax") gives the number of the greatest channel.
    """

    output: str = "logits"
    threshold: float | None = None
    opening: int | None = None
    columns: int | None = None
    input_precision: Any = None

    def parse(self, model: Any, output: str) -> Parsed:
        """The network of a live model with an output."""
        mask = output == "mask"
        name, threshold, opening = arguments.head(
            output, self.threshold if mask else None, self.opening if mask else None
        )
        return parse(
            model,
            input_precision=self.input_precision,
            columns=arguments.columns(self.columns),
            output=name,
            threshold=threshold,
            opening=opening,
        )


@dataclass(frozen=True)
class Labelled:
    """Samples and what is right of them.

    x:           (N, *input shape)
    y:           (N,) classes, or (N, rows, columns[, 1]) masks of 0 and 1
    calibration: other samples, on which networks are calibrated; None: x

    Labelled(x, y) with y of shape (13_908,) is pixels and their classes.
    """

    x: Floats
    y: NDArray[Any]
    calibration: Floats | None = None

    @property
    def figure(self) -> str:
        """The figure of merit that is worked out: "oa", overall accuracy, or "iou" of all pixels."""
        return "oa" if self.y.ndim == 1 else "iou"

    def score(self, found: Parsed) -> dict[str, float]:
        """The figure of a network, by exact integers."""
        if len(found.graph.outputs) > 1 or len(found.graph.inputs) > 1:
            raise BadInput("sweep: --data must be of a network with one input and one output; leave it out")
        (values,) = found.emulate(self.x)
        if self.figure == "oa":
            classes = values if values.ndim == 1 or values.shape[-1] == 1 else np.argmax(values, -1)
            classes = np.asarray(classes).reshape(len(self.y)).astype(np.int64)
            most = int(max(self.y.max(), classes.max())) + 1
            return {"oa": accuracy(self.y.astype(np.int64), classes, classes=most).oa}
        # A mask as the hardware gives it, or the sign of what comes before a sigmoid: a probability of one half.
        mask = values if found.graph.outputs[0].hi == 1 else values >= 0
        truth = self.y.reshape(mask.shape).astype(bool)
        return {"iou": pixel_iou(list(truth[..., 0]), list(np.asarray(mask)[..., 0].astype(bool)))}


@dataclass(frozen=True)
class Precise:
    """Networks of one model at several precisions, which workers make: all values travel.

    model:      content of its file
    suffix:     of its file's name
    calibration: samples that ranges are chosen on
    data:       validation data, None: no accuracy is worked out
    """

    model: bytes
    suffix: str
    head: Head
    calibration: Floats | None
    data: Labelled | None

    def key(self, params: Params) -> tuple[Any, ...]:
        """What of a point its network depends on: its bits and its output."""
        bits = {k: v for k, v in params.items() if k.split(".")[0] in BITS}
        return (params.get("output", self.head.output), *sorted(bits.items()))

    def task(self, params: Params) -> tuple[Callable[..., Network], tuple[Any, ...]]:
        """The function that makes a point's network on a worker, and its arguments."""
        output, *bits = self.key(params)
        return network, (self, str(output), dict(bits))

    @property
    def accuracies(self) -> tuple[str, ...]:
        """The figures of merit that its networks have."""
        return () if self.data is None else (self.data.figure,)

    def digest(self) -> str:
        """A hash of the model and of all data."""
        into = hashlib.sha256(self.model)
        for part in (self.calibration, *((self.data.x, self.data.y) if self.data else ())):
            into.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
        return into.hexdigest()

    def loaded(self, bits: Mapping[str, Any]) -> Any:
        """The live model at a precision."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"model{self.suffix}"
            path.write_bytes(self.model)
            model = load(path)
        return requantized(model, bits, self.calibration) if bits else model


def network(source: Precise, output: str, bits: Mapping[str, Any]) -> Network:
    """A model at a precision: what a worker makes."""
    start = time.perf_counter()
    try:
        parsed = source.head.parse(source.loaded(bits), output)
        score = None if source.data is None else source.data.score(parsed)
    except Rtl4mlError as error:
        return Network(b"", refused=error.worded(axis_of), seconds=time.perf_counter() - start)
    return Network(pickle.dumps(parsed.graph), score, seconds=time.perf_counter() - start)


def requantized(model: Any, bits: Mapping[str, Any], samples: Floats | None) -> Any:
    """A copy of a QKeras model with other quantizers.

    bits:    of weights and activations by axis: "bits" of both, "weight_bits" and "activation_bits", each also of one
             layer alone, as in "weight_bits.conv1"
    samples: inputs that the copy is calibrated on. The weights of a chain of dense layers and 1-D convolutions are then
             scaled to the ranges and rounded so that their errors cancel (`training.classification.start`). In any
             other network weights stay as they are, and ranges become those of least squared error against the
             trained quantizers: powers of two, of weights also each channel's own (alpha="auto_po2").
             None: weights stay as they are, and so do ranges of activations
    The quantizer of the input stays as it is, and so does a network that has these bits. Raises BadInput for a
    quantizer whose bits are part of its kind, or a layer that is not there.
    """
    keras = frameworks.keras()
    names = {layer.name for layer in model.layers}
    for axis in bits:
        _, dot, layer = axis.partition(".")
        if dot and layer not in names:
            raise BadInput(
                f"sweep: {axis} must name a layer of the model, not {layer!r}; see model.summary()"
            )
    to_fit = samples if samples is not None and _is_chain(model) else None
    values = {} if samples is None or to_fit is not None else _activations(model, samples)
    first, others = _input_quantizers(model), [0]

    def changed(layer: Any) -> Any:
        config = layer.get_config()
        weights, activations = (
            _bits(bits, "weight_bits", layer.name),
            _bits(bits, "activation_bits", layer.name),
        )

        def quantizer(key: str, number: int, some: NDArray[Any] | None) -> None:
            made, other = _quantizer(layer.name, config[key], number, None if to_fit is not None else some)
            others[0] += other
            if other:
                config[key] = made

        for key in WEIGHTS:
            if weights and config.get(key):
                held = getattr(layer, key.removesuffix("_quantizer"), None)
                folded = (
                    "Batchnorm" in type(layer).__name__
                )  # it quantizes the kernel that the statistics scale
                quantizer(key, weights, None if held is None or folded else held.numpy())
        if activations and layer.name not in first and _is_quantizer(config.get("activation")):
            quantizer("activation", activations, values.get(layer.name))
        return type(layer).from_config(config)

    made = keras.models.clone_model(model, clone_function=changed)
    made.set_weights(model.get_weights())
    if to_fit is not None and others[0]:
        some = to_fit[:: max(1, len(to_fit) // FITTED)]  # of all parts of a scene
        start_quantized(model, made, some, channels=True, compensated=True)
    return made


def _is_chain(model: Any) -> bool:
    """Whether the weights of its layers can be fitted one after the other: one way through, each layer with a bias."""
    plain = {
        "InputLayer",
        "QActivation",
        "MaxPooling1D",
        "AveragePooling1D",
        "Flatten",
        "Activation",
        "Dropout",
    }
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("QDense", "QConv1D"):
            quantizer = layer.kernel_quantizer_internal
            plainly = type(quantizer).__name__ == "quantized_bits" and quantizer.alpha in (None, 1, 1.0)
            if not (plainly and layer.use_bias and layer.get_config()["activation"] in (None, "linear")):
                return False
        elif kind not in plain:
            return False
        if len(layer.inbound_nodes) != 1 or len(layer.outbound_nodes) > 1:
            return False
    return True


def _bits(bits: Mapping[str, Any], axis: str, layer: str) -> int | None:
    """The bits that a layer shall have: those of its own axis before those of all."""
    for name in (f"{axis}.{layer}", f"bits.{layer}", axis, "bits"):
        if name in bits:
            return int(bits[name])
    return None


def _is_quantizer(activation: Any) -> bool:
    if isinstance(activation, str):
        return "(" in activation or activation.startswith("quantized_")
    if isinstance(activation, Mapping):
        return activation.get("module") == "qkeras.quantizers" or str(
            activation.get("class_name", "")
        ).startswith("quantized_")
    return hasattr(activation, "get_config") and type(activation).__module__.startswith("qkeras")


def _quantizer(layer: str, given: Any, bits: int, values: NDArray[Any] | None) -> tuple[Any, bool]:
    """A quantizer of so many bits, its range chosen on `values` or as it is; and whether it is another one."""
    qkeras = frameworks.qkeras()
    found = qkeras.get_quantizer(given)
    kind = type(found).__name__
    if kind not in KINDS:
        raise BadInput(
            f"{layer}: a quantizer must be one of {', '.join(KINDS)} for an axis of bits, not {kind}, whose bits are "
            "part of its kind; leave the axis out"
        )
    if found.bits == bits:  # the range that it was trained with
        return found, False
    config = {**found.get_config(), "bits": bits}
    scaled = kind == "quantized_bits" and config.get("alpha") not in (
        None,
        1,
        1.0,
    )  # its scale follows the values
    if values is None or scaled or not np.any(values):
        return type(found)(**config), True
    tried = np.asarray(values, np.float32)
    wanted = np.asarray(found(tried))  # where it was trained to saturate, it shall
    most = max(0, ceil(log2(float(np.abs(wanted).max()) or 1.0)))  # QKeras 0.9 has no ranges below 1
    ranges: list[dict[str, Any]] = [{"integer": k} for k in range(max(0, most - BELOW), most + 1)]
    if kind == "quantized_bits" and "alpha" in config and values.ndim > 1:
        ranges.append({"integer": 0, "alpha": "auto_po2"})  # of each channel, and below 1 too
    made = [type(found)(**{**config, **some}) for some in ranges]
    return min(made, key=lambda q: float(np.mean((np.asarray(q(tried)) - wanted) ** 2))), True


def _activations(model: Any, samples: Floats) -> dict[str, NDArray[Any]]:
    """Values that come into every layer that quantizes them, by its name: some of those of some samples."""
    keras, rng = frameworks.keras(), np.random.default_rng(0)
    layers = [
        k
        for k in model.layers
        if _is_quantizer(getattr(k, "activation", None)) and type(k).__name__ == "QActivation"
    ]
    if not layers:
        return {}
    probe = keras.Model(model.inputs, [layer.input for layer in layers])
    found = probe.predict(samples[:CALIBRATED], verbose=0)
    found = found if len(layers) > 1 else [found]
    some = {}
    for layer, values in zip(layers, found, strict=True):
        flat = np.asarray(values).reshape(-1)
        some[layer.name] = flat if len(flat) <= VALUES else rng.choice(flat, VALUES, replace=False)
    return some


def _input_quantizers(model: Any) -> set[str]:
    """The layers that quantize the model's input: the type of the stream that comes in."""
    inputs = {id(tensor) for tensor in model.inputs}
    return {
        k.name
        for k in model.layers
        if id(getattr(k, "input", None)) in inputs and type(k).__name__ == "QActivation"
    }


def read(path: Path) -> Labelled:
    """The validation data of a .npz file with arrays x, y and, if it is there, calibration. Raises BadInput."""
    try:
        with np.load(path) as file:
            x, y = (file[k] for k in ("x", "y"))
            calibration = np.asarray(file["calibration"], np.float32) if "calibration" in file else None
    except FileNotFoundError:
        raise BadInput(f"{path}: the data must be a .npz file, not missing; check the path") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{path}: the data must be a .npz file with arrays x and y ({error}); write them"
        ) from None
    if len(x) != len(y) or not len(x) or y.ndim not in (1, 3, 4):
        raise BadInput(
            f"{path}: y must have a class or a mask for every sample of x, not {y.shape} for {x.shape}; correct it"
        )
    return Labelled(np.asarray(x, np.float32), y, calibration)
