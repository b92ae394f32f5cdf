# SPDX-License-Identifier: Apache-2.0
"""A model, live or from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtl4ml.errors import BadModel
from rtl4ml.frontends.qkeras.model_file import load_file
from rtl4ml.host import frameworks

# -- loading ------------------------------------------------------------------------------------------------


def load(model: Any) -> Any:
    """A live tf_keras model as it is, or the one in a .keras or .h5 file. Raises BadModel.

    A file is data: its configuration may name nothing but layers of Keras and QKeras, and no code in it runs.
    """
    if isinstance(model, str | Path):
        return load_file(Path(model))
    keras = frameworks.keras()
    if isinstance(model, keras.Model):
        return model
    module = type(model).__module__
    if module.startswith(("keras.", "keras_core.")):
        raise BadModel(
            "model: must be a tf_keras model, not one of Keras 3; "
            "set TF_USE_LEGACY_KERAS=1 before importing tensorflow and build it again"
        )
    raise BadModel(
        f"model: must be a tf_keras model or a path to .keras or .h5, not {type(model).__name__}; "
        "load it with tf_keras"
    )
