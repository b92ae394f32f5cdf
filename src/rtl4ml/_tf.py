# SPDX-License-Identifier: Apache-2.0
"""Where the files with build(), in models/ and beside recipes, find TensorFlow, tf_keras and QKeras: `_tf.keras()`.

The path stays: the bytes of such a file are hashed into what is written beside a trained student, and its import is
among them. Modules of rtl4ml import rtl4ml.host.frameworks.
"""

from __future__ import annotations

from rtl4ml.host.frameworks import keras, qkeras, tf

__all__ = ["keras", "qkeras", "tf"]
