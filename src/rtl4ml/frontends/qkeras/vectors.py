# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's functions on whole vectors, as a model evaluates them on whole tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rtl4ml.frontends.functions import Floats
from rtl4ml.host import frameworks
from rtl4ml.host.frameworks import VECTOR


def on_vectors(f: Callable[[Any], Any], x: Floats) -> Floats:
    """TensorFlow's function f of float32 rows (n, ...), filled up so that none of its vectors has an end.

    A model evaluates the same function on a whole tensor; on few elements TensorFlow's scalar code gives other last
    bits than its vector code.
    """
    a = np.asarray(x, np.float32)
    n = len(a)
    filled = a if n % VECTOR == 0 else np.concatenate([a, np.zeros((-n % VECTOR, *a.shape[1:]), np.float32)])
    return np.asarray(f(frameworks.tf().constant(filled)), np.float32)[:n]
