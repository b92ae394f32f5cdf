# SPDX-License-Identifier: Apache-2.0
"""Model files: `.keras` and `.h5`, read as data.

Keras imports whatever module a file's configuration names, and QKeras calls whatever name stands in a quantizer's text.
So the configuration is checked first: it may name layers, quantizers, initializers and the like of Keras and QKeras,
and nothing else. Lambda layers, functions and foreign classes are refused before anything is loaded.
"""

from __future__ import annotations

import json
import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtl4ml import _tf
from rtl4ml.errors import BadModel, Rtl4mlError, UnsupportedLayer

_CONFIG_BYTES = 64 * 2**20  # a configuration larger than this is no model of ours

# Names in a quantizer's text that QKeras may call; the last is rtl4ml's own.
QUANTIZERS = frozenset(
    {
        "quantized_bits", "quantized_linear", "quantized_relu", "binary", "ternary", "quantized_po2",
        "quantized_relu_po2",
        "quantized_tanh", "quantized_sigmoid", "quantized_hswish", "quantized_ulaw", "bernoulli",
        "stochastic_binary",
        "stochastic_ternary", "hard_sigmoid", "smooth_sigmoid", "hard_tanh", "smooth_tanh",
        "binary_sigmoid", "binary_tanh", "step_activation",
    }
)  # fmt: skip
_ACTIVATIONS = frozenset(
    {
        "linear", "relu", "relu6", "softmax", "sigmoid", "tanh", "hard_sigmoid", "softplus", "softsign",
        "elu", "selu",
        "swish", "silu", "gelu", "mish", "exponential", "leaky_relu",
    }
)  # fmt: skip
_HELPERS = frozenset(
    {
        "Policy", "Clip", "QInitializer", "Zeros", "Ones", "Constant", "RandomNormal", "RandomUniform",
        "TruncatedNormal",
        "VarianceScaling", "Orthogonal", "Identity", "GlorotNormal", "GlorotUniform", "HeNormal",
        "HeUniform", "LecunNormal",
        "LecunUniform", "L1", "L2", "L1L2", "OrthogonalRegularizer", "MaxNorm", "MinMaxNorm", "NonNeg",
        "UnitNorm",
        "Functional", "Model", "Sequential", "__tensor__", "__numpy__", "__tuple__",
    }
)  # fmt: skip
_MODULES = ("keras", "tf_keras", "qkeras", "builtins")
_OURS = "rtl4ml.steps"  # the one module of rtl4ml that a file may name
_TEXT = re.compile(r"([A-Za-z_]\w*)(\([^()]*\))?")


def load_file(path: Path) -> Any:
    """The model in a `.keras` or `.h5` file. Raises BadModel, or UnsupportedLayer for a layer that has no hardware."""
    if not path.exists():
        raise BadModel(f"{path}: must be a model file, not a path that does not exist; check the name")
    if path.suffix not in (".keras", ".h5", ".hdf5") or not path.is_file():
        what = "a folder" if path.is_dir() else f"a file ending in {path.suffix or 'nothing'}"
        raise BadModel(
            f"{path}: must be a .keras or .h5 file, not {what}; save the model with model.save('x.keras')"
        )
    config = _keras_config(path) if path.suffix == ".keras" else _h5_config(path)
    check_config(str(path), config)
    keras = _tf.keras()
    _tf.qkeras()
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return keras.models.load_model(str(path), custom_objects=custom_objects(), compile=False)
    except Rtl4mlError:
        raise
    except Exception as error:  # noqa: BLE001 -- h5py, zipfile, Keras and TensorFlow raise what they like
        if layer := _built(error):
            raise BadModel(
                f"{path}: layer {layer} must be one that tf_keras and QKeras can build, not fail with "
                f"{_one_line(error)}; correct the model"
            ) from None
        raise BadModel(
            f"{path}: must be a model that tf_keras and QKeras can load, not fail with {_one_line(error)}; "
            "save it again"
        ) from None
    finally:
        logger.setLevel(level)


def _built(error: Exception) -> str:
    """The name of the layer that Keras was building when it raised the error, or nothing."""
    keras = _tf.keras()
    name, at = "", error.__traceback__
    while at is not None:
        layers = (at.tb_frame.f_locals.get(local) for local in ("layer", "self"))
        parts = (v for v in layers if isinstance(v, keras.layers.Layer) and not isinstance(v, keras.Model))
        name = next((str(layer.name) for layer in parts), name)
        at = at.tb_next
    return name


def custom_objects() -> dict[str, Any]:
    """The classes of QKeras, and ours, that a file may name. A QActivation's quantizer object becomes one again."""
    from rtl4ml import steps

    qkeras = _tf.qkeras()
    objects: dict[str, Any] = {}
    qkeras.utils._add_supported_quantized_objects(objects)
    for name in QUANTIZERS:
        if hasattr(qkeras.quantizers, name) and name not in _ACTIVATIONS:
            objects[name] = getattr(qkeras.quantizers, name)
    objects["step_activation"] = steps.step_activation

    class Reloaded:
        """QKeras 0.9 saves QActivation(<object>) but cannot read it back: it keeps the dictionary."""

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            activation = config.get("activation")
            if isinstance(activation, dict):
                name = activation["class_name"].rpartition(">")[2]  # .h5 writes package>name
                made = objects[name](**activation["config"])
                config = {**config, "activation": made}
            return qkeras.QActivation.from_config(config)

    objects["QActivation"] = Reloaded
    return objects


def _keras_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as z:
            names = set(z.namelist())
            if not {"config.json", "metadata.json"} <= names:
                raise BadModel(
                    f"{path}: must hold config.json and metadata.json, "
                    f"not only {', '.join(sorted(names)[:4]) or 'nothing'}; save the model again"
                )
            if z.getinfo("config.json").file_size > _CONFIG_BYTES:
                raise BadModel(
                    f"{path}: config.json must have at most {_CONFIG_BYTES} bytes, "
                    f"not {z.getinfo('config.json').file_size}; save the model again"
                )
            version = str(json.loads(z.read("metadata.json")).get("keras_version", ""))
            if version.startswith("3"):
                raise BadModel(
                    f"{path}: must be saved by tf_keras (Keras 2), not by Keras {version}; "
                    "save it with TF_USE_LEGACY_KERAS=1"
                )
            return json.loads(z.read("config.json"))
    except BadModel:
        raise
    except Exception as error:  # noqa: BLE001 -- a damaged archive fails in many ways
        raise BadModel(
            f"{path}: must be a .keras archive, not a file that fails with {_one_line(error)}; "
            "save the model again"
        ) from None


def _h5_config(path: Path) -> Any:
    import h5py

    try:
        with h5py.File(path, "r") as f:
            config = f.attrs.get("model_config")
            if config is None:
                raise BadModel(
                    f"{path}: must hold a whole model, not only weights; save it with model.save('x.h5')"
                )
            return json.loads(config if isinstance(config, str) else config.decode())
    except BadModel:
        raise
    except Exception as error:  # noqa: BLE001 -- a damaged file fails in many ways
        raise BadModel(
            f"{path}: must be an HDF5 model file, not one that fails with {_one_line(error)}; "
            "save the model again"
        ) from None


def check_config(path: str, config: Any) -> None:
    """Raises unless every class and every text that loading would look up is known."""
    from rtl4ml.frontend import supported_layers

    layers = supported_layers()
    for owner, node in _nodes(config, "the model"):
        name = node.get("class_name")
        if name is not None:
            if not isinstance(name, str):
                raise BadModel(
                    f"{path}: {owner}: class_name must be text, not {type(name).__name__}; "
                    "save the model again"
                )
            short = name.rpartition(">")[2]
            module = node.get("module")
            foreign = module is not None and module != _OURS and str(module).partition(".")[0] not in _MODULES
            if foreign or short not in layers | _HELPERS | QUANTIZERS:
                kind = f"{name} of {module}" if foreign else name
                raise UnsupportedLayer(
                    f"{path}: {owner}: must be a layer or quantizer that rtl4ml knows, not {kind}; "
                    "see the README's table"
                )
        for key, text in node.items():
            if isinstance(text, str) and (key == "activation" or key.endswith("quantizer")):
                match = _TEXT.fullmatch(text.strip())
                if not match or match[1] not in QUANTIZERS | _ACTIVATIONS:
                    raise UnsupportedLayer(
                        f"{path}: {owner}: {key} must be a quantizer or activation that rtl4ml knows, "
                        f"not {text[:60]!r}; "
                        f"see the README's table"
                    )


def _nodes(config: Any, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary of a configuration with the name of the layer that it belongs to."""
    stack: list[tuple[Any, str]] = [(config, owner)]
    while stack:
        node, owner = stack.pop()
        if isinstance(node, dict):
            inner = node.get("config")
            if isinstance(inner, dict) and isinstance(inner.get("name"), str):
                owner = inner["name"]
            yield owner, node
            stack.extend((v, owner) for v in node.values())
        elif isinstance(node, list):
            stack.extend((v, owner) for v in node)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:240]
