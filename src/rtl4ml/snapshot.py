# SPDX-License-Identifier: Apache-2.0
"""The variables of a Keras model as they were at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml import _tf


class Snapshot:
    """Copies of all variables of a model: weights, moving statistics, and what its quantizers keep in variables.

    A model may be trained on after its conversion; the hardware keeps the weights that it was made of, and is held
    against a model that has them.
    """

    def __init__(self, model: Any) -> None:
        variable = _tf.tf().Variable
        # QKeras's quantizers have variables, and say that they have none
        inner = [v for part in model.submodules for v in vars(part).values() if isinstance(v, variable)]
        found = {v.ref(): v for v in (*model.variables, *inner)}
        self._kept: list[tuple[Any, NDArray[Any]]] = [(v, np.array(v.numpy())) for v in found.values()]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Gives the model its variables of that moment for the block, and those of now back after it."""
        changed = []
        try:
            for variable, then in self._kept:
                now = np.array(variable.numpy())
                if now.tobytes() != then.tobytes():  # a value that is not a number equals itself here
                    changed.append((variable, now))
                    variable.assign(then)
            yield
        finally:
            for variable, now in changed:
                variable.assign(now)
