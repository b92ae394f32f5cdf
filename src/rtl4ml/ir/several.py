# SPDX-License-Identifier: Apache-2.0
"""Values of a network's inputs or outputs as people give and get them: an array of the only one, or a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def one_or_all(values: Sequence[T]) -> T | list[T]:
    """The only value, or a list of all."""
    return values[0] if len(values) == 1 else list(values)


def of_each(x: Any) -> list[NDArray[Any]]:
    """The arrays of what `one_or_all` made."""
    return [np.asarray(a) for a in x] if isinstance(x, list | tuple) else [np.asarray(x)]
