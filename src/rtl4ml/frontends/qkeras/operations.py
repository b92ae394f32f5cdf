# SPDX-License-Identifier: Apache-2.0
"""TensorFlow's functions that Keras takes into a model as layers: operators between tensors, and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# By TensorFlow's name, the layer of Keras that does the same.
OPERATIONS: Mapping[str, str] = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
}
# ... and what divides by a constant.
DIVISION = "math.truediv"
SLICE = "__operators__.getitem"


def operands(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The two sides of an operation: tensors' values, and numbers in float32 as TensorFlow takes them."""
    sides = [*args[:2], *(kwargs[k] for k in ("x", "y") if k in kwargs)]
    return [np.float32(s) if np.ndim(s) == 0 and _is_number(s) else s for s in sides]


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.number) or (
        hasattr(value, "dtype") and hasattr(value, "numpy")
    )


def slices(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """What stands between the brackets: slices, whole numbers, an ellipsis; None where Keras has something else."""
    given = args[1] if len(args) > 1 else kwargs["slice_spec"]
    return tuple(
        slice(s["start"], s["stop"], s["step"]) if isinstance(s, dict) else s
        for s in (given if isinstance(given, list | tuple) else (given,))
    )
