# SPDX-License-Identifier: Apache-2.0
"""Model files: `.keras` and `.h5`, read as data.

Keras imports whatever module a file's configuration names, and QKeras calls whatever name stands in a quantizer's text.
So the configuration is checked first: it may name layers, quantizers, initializers and the like of Keras and QKeras,
and nothing else. Lambda layers, functions and foreign classes are refused before anything is loaded, and so are
sizes without bound, graphs that Keras would wait for, and weights that lie anywhere but in the file. Check and loading
read one private copy, so that a file which is exchanged meanwhile is still read as it was checked.
"""

from __future__ import annotations

import inspect
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

from rtl4ml.errors import BadModel, Rtl4mlError, UnsupportedLayer, cause_of
from rtl4ml.frontends.qkeras.handlers import supported_layers
from rtl4ml.frontends.qkeras.model_archive import CONFIG, METADATA, MOST_BYTES, WEIGHTS, read_members
from rtl4ml.frontends.qkeras.model_arguments import check_layer
from rtl4ml.frontends.qkeras.model_graph import check_graph, check_numbers
from rtl4ml.frontends.qkeras.model_weights import check_weights
from rtl4ml.frontends.qkeras.quantizers.arguments import check_arguments, check_text
from rtl4ml.frontends.qkeras.ways_out import WAYS_OUT
from rtl4ml.host import frameworks
from rtl4ml.host.readonce import private_copy

# Names in a quantizer's text that QKeras may call; the last is rtl4ml's own.
QUANTIZERS = frozenset(
    {
        "quantized_bits", "quantized_relu", "binary", "ternary", "quantized_po2",
        "quantized_relu_po2",
        "quantized_tanh", "quantized_sigmoid", "quantized_hswish", "quantized_ulaw", "bernoulli",
        "stochastic_binary",
        "stochastic_ternary", "hard_sigmoid", "smooth_sigmoid", "hard_tanh", "smooth_tanh",
        "binary_sigmoid", "binary_tanh", "step_activation",
    }
)  # fmt: skip
# Those of QKeras that are functions, not classes with arguments.
_FUNCTIONS = frozenset(
    {
        "hard_sigmoid", "smooth_sigmoid", "hard_tanh", "smooth_tanh", "binary_sigmoid", "binary_tanh",
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
        "Functional", "Model", "Sequential", "__tensor__", "__numpy__", "__tuple__", "__ellipsis__",
    }
)  # fmt: skip
_MODULES = ("keras", "tf_keras", "qkeras", "builtins")
_OURS = "rtl4ml.steps"  # the one module of rtl4ml that a file may name
_ARCHIVE = 2**16  # bytes of a .keras file beside its members
_TEXT = re.compile(r"([A-Za-z_]\w*)(\([^()]*\))?")


def load_file(path: Path) -> Any:
    """The model in a `.keras` or `.h5` file. Raises BadModel, or UnsupportedLayer for a layer that has no hardware."""
    if not _exists(path):
        raise BadModel(f"{path}: must be a model file, not a path that does not exist; check the name")
    if path.suffix not in (".keras", ".h5", ".hdf5") or not path.is_file():
        ending = f"ending in {path.suffix}" if path.suffix else "without an ending"
        what = "a folder" if path.is_dir() else f"a file {ending}"
        raise BadModel(
            f"{path}: must be a .keras or .h5 file, not {what}; save the model with model.save('x.keras')"
        )
    most = sum(MOST_BYTES.values()) + _ARCHIVE if path.suffix == ".keras" else MOST_BYTES[WEIGHTS]
    with private_copy(path, most) as copy:
        try:
            return _load(copy)
        except Rtl4mlError as error:
            error.replace(str(copy), str(path))
            raise


def _load(path: Path) -> Any:
    """The model in a file that nobody changes between its check and its loading."""
    config, weights = _read_keras(path) if path.suffix == ".keras" else _read_h5(path)
    check_config(str(path), config)
    keras = frameworks.keras()
    frameworks.qkeras()
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), _bounded_weights(path, weights):
            warnings.simplefilter("ignore")
            return keras.models.load_model(str(path), custom_objects=custom_objects(), compile=False)
    except Rtl4mlError:
        raise
    except Exception as error:  # noqa: BLE001 -- h5py, zipfile, Keras and TensorFlow raise what they like
        if layer := _built(error):
            raise BadModel(
                f"{path}: layer {layer} must be one that tf_keras and QKeras can build, not fail with "
                f"{cause_of(error)}; correct the model"
            ) from None
        raise BadModel(
            f"{path}: must be a model that tf_keras and QKeras can load, not fail with {cause_of(error)}; "
            "save it again"
        ) from None
    finally:
        logger.setLevel(level)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, a folder that may not be entered
        return False


@contextmanager
def _bounded_weights(path: Path, most: int) -> Iterator[None]:
    """Keras may make as many weights as the file holds: sizes that ask for more are refused before they are made."""
    asked, layer = 0, ""

    class TooMany(Exception):
        """Asks for more than there is."""

    def create(following: Any, **options: Any) -> Any:
        nonlocal asked, layer
        asked += prod(options.get("shape") or (0,))  # of no shape: counters of Keras's own
        if asked > most:
            layer = _layer_of(inspect.stack(0))  # Keras takes its own frames out of the error's traceback
            raise TooMany
        return following(**options)

    try:
        with frameworks.tf().variable_creator_scope(create):
            yield
    except Exception:
        if asked <= most:
            raise
        raise BadModel(
            f"{path}: {layer or 'the model'}: must have no more weights than the file, which holds {most:,}, "
            f"not ask for {asked:,}; save the model again"
        ) from None


def _built(error: Exception) -> str:
    """The name of the layer that Keras was building when it raised the error, or nothing."""
    return _layer_of(inspect.getinnerframes(error.__traceback__, 0)[::-1] if error.__traceback__ else [])


def _layer_of(frames: list[inspect.FrameInfo]) -> str:
    """The name of the layer whose method is the innermost of the frames (innermost first), or nothing."""
    keras = frameworks.keras()
    for info in frames:
        for value in (info.frame.f_locals.get(local) for local in ("layer", "self")):
            if isinstance(value, keras.layers.Layer) and not isinstance(value, keras.Model):
                return str(value.name)
    return ""


def custom_objects() -> dict[str, Any]:
    """The classes of QKeras, and ours, that a file may name. A QActivation's quantizer object becomes one again."""
    # Its import makes step_activation known to QKeras and Keras, and imports both: only where a file is read.
    from rtl4ml import steps

    qkeras = frameworks.qkeras()
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


def _read_keras(path: Path) -> tuple[Any, int]:
    """The configuration of a `.keras` archive, and how many weights it holds."""
    members = read_members(path)
    _check_version(path, _json(path, METADATA, members[METADATA]).get("keras_version", ""))
    with _hdf5(path, io.BytesIO(members[WEIGHTS])) as file:
        weights = check_weights(str(path), file)
    return _json(path, CONFIG, members[CONFIG]), weights


def _read_h5(path: Path) -> tuple[Any, int]:
    """The configuration of an HDF5 model file, and how many weights it holds."""
    with _hdf5(path, path) as file:
        _check_version(path, file.attrs.get("keras_version", ""))
        weights = check_weights(str(path), file)
        config = file.attrs.get("model_config")
    if config is None:
        raise BadModel(f"{path}: must hold a whole model, not only weights; save it with model.save('x.h5')")
    text = config if isinstance(config, str | bytes) else str(config)
    return _json(path, "model_config", text), weights


def _check_version(path: Path, version: Any) -> None:
    """Raises BadModel for a file of Keras 3, whose configurations tf_keras does not read."""
    text = version.decode(errors="replace") if isinstance(version, bytes) else str(version)
    if text.startswith("3"):
        raise BadModel(
            f"{path}: must be saved by tf_keras (Keras 2), not by Keras {text[:20]}; "
            "save it with TF_USE_LEGACY_KERAS=1"
        )


def _json(path: Path, name: str, text: str | bytes) -> Any:
    """The dictionary in a text."""
    try:
        if len(text) > MOST_BYTES[CONFIG]:
            raise ValueError(f"{len(text):,} bytes")
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError(f"{type(found).__name__} for a dictionary")
        return found
    except (ValueError, RecursionError) as error:
        raise BadModel(
            f"{path}: {name} must be the JSON of a model, not fail with {cause_of(error)}; save the model again"
        ) from None


@contextmanager
def _hdf5(path: Path, source: Any) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(source, "r") as file:
            yield file
    except Rtl4mlError:
        raise
    except Exception as error:  # noqa: BLE001 -- a damaged file fails in many ways
        raise BadModel(
            f"{path}: must be an HDF5 model file, not one that fails with {cause_of(error)}; "
            "save the model again"
        ) from None


def check_config(path: str, config: Any) -> None:
    """Raises unless every class and text that loading would look up is known, and every number has a bound."""
    layers = supported_layers()
    for owner, node in _nodes(config, "the model"):
        name = node.get("class_name")
        check_numbers(path, owner, node)
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
                kind, table = f"{name} of {module}" if foreign else name, "see the README's table"
                raise UnsupportedLayer(
                    f"{path}: {owner}: must be a layer or quantizer that rtl4ml knows, not {kind}; "
                    f"{WAYS_OUT.get(short, table)}"
                )
            inner = node.get("config")
            if (short in layers or short == "InputLayer") and isinstance(inner, dict):
                check_numbers(path, owner, inner)
                check_layer(path, owner, short, inner)
            if short in QUANTIZERS - _FUNCTIONS and isinstance(inner, dict):
                check_arguments(f"{path}: {owner}", short, inner)
            if short in ("Functional", "Model", "Sequential"):
                check_graph(path, inner if isinstance(inner, dict) else {})
        for key, text in node.items():
            if isinstance(text, str) and (key == "activation" or key.endswith("quantizer")):
                match = _TEXT.fullmatch(text.strip())
                if not match or match[1] not in QUANTIZERS | _ACTIVATIONS:
                    raise UnsupportedLayer(
                        f"{path}: {owner}: {key} must be a quantizer or activation that rtl4ml knows, "
                        f"not {text[:60]!r}; "
                        f"see the README's table"
                    )
                if match[1] in QUANTIZERS - _FUNCTIONS:
                    check_text(f"{path}: {owner}", text, _parameters)


def _parameters(quantizer: str) -> list[str]:
    """The names of a quantizer's arguments, in their order."""
    made = custom_objects()[quantizer]
    return [name for name in inspect.signature(made.__init__).parameters if name != "self"]


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
