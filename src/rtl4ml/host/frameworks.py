# SPDX-License-Identifier: Apache-2.0
"""The one place that imports TensorFlow, tf_keras and QKeras.

QKeras 0.9 is built on Keras 2. TensorFlow serves that as `tf.keras` only if TF_USE_LEGACY_KERAS is set before its first
use, and hls4ml asks the module named `keras` for its version. Both are arranged here, on first use, because the
import takes seconds and most commands (and every `--help`) do without it.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from rtl4ml.errors import EnvironmentProblem

# What TensorFlow's C++ writes to the error stream while it is imported, whatever its log level.
_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::|[IWE]\d{4} \d\d:|To enable the following instructions:"
)

# Elements that TensorFlow's widest vector code takes at once. Those that fill no vector at a tensor's end go through
# scalar code, whose last bits differ (of a sigmoid, for example): a function is evaluated on whole vectors.
VECTOR = 16

_WAY_OUT = "set TF_USE_LEGACY_KERAS=1 before the first import of tensorflow or keras and start again"


def tf() -> Any:
    """The module `tensorflow`, with `tf.keras` being Keras 2. Raises EnvironmentProblem where that cannot be had."""
    return _modules()[0]


def keras() -> Any:
    """The module `tf_keras`. Raises EnvironmentProblem as `tf` does."""
    return _modules()[1]


def qkeras() -> Any:
    """The module `qkeras`, built on `tf_keras`. Raises EnvironmentProblem as `tf` does."""
    return _modules()[2]


@cache
def _modules() -> tuple[ModuleType, ModuleType, ModuleType]:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Said of every QKeras layer; its initializers are called once a layer, and its constraints are its quantizers.
    warnings.filterwarnings("ignore", message="The initializer HeNormal is unseeded", category=UserWarning)
    warnings.filterwarnings("ignore", message="The `keras.constraints.serialize", category=UserWarning)
    # TensorFlow warns of every model's own compiled functions.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _without_chatter():
        return _import_all()


def _import_all() -> tuple[ModuleType, ModuleType, ModuleType]:
    tensorflow = _import("tensorflow")
    tf_keras = _import("tf_keras")
    if tensorflow.keras.layers.Layer is not tf_keras.layers.Layer:
        raise EnvironmentProblem(f"tensorflow: tf.keras must be tf_keras, not {_foreign_keras()}; {_WAY_OUT}")
    # QKeras imports keras_tuner, which imports whatever is called `keras`: tf_keras too, which is faster and cleaner,
    # unless Keras 3 is there already; its submodules do not mix with tf_keras.
    sys.modules.setdefault("keras", tf_keras)
    qkeras = _import("qkeras")
    if not issubclass(qkeras.QDense, tf_keras.layers.Layer):
        raise EnvironmentProblem(
            f"qkeras: its layers must be tf_keras layers, not {_foreign_keras()}; {_WAY_OUT}"
        )
    _mend(tensorflow)
    sys.modules["keras"] = tf_keras  # hls4ml asks it for __version__
    return tensorflow, tf_keras, qkeras


def _mend(tensorflow: ModuleType) -> None:
    """What QKeras 0.9 asks of TensorFlow's inner modules and 2.21 has elsewhere: `stack`, for QConv2DTranspose."""
    array_ops = importlib.import_module("tensorflow.python.ops.array_ops")
    if not hasattr(array_ops, "stack"):
        array_ops.stack = tensorflow.stack  # type: ignore[attr-defined]


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Holds the error stream back, C++'s too, and passes on all but the chatter; not where the log level is 0."""
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0":
        yield
        return
    sys.stderr.flush()
    try:
        stream = os.dup(2)
    except OSError:  # a process without an error stream
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stream, 2)
            os.close(stream)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EnvironmentProblem(
            f"{name}: must be importable, not failing with {str(error)!r}; run pip install 'rtl4ml[convert]'"
        ) from None


def _foreign_keras() -> str:
    version = sys.modules.get("keras.src.version")
    return f"Keras {getattr(version, '__version__', '3')}"
