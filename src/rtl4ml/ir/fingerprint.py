# SPDX-License-Identifier: Apache-2.0
"""One hash of a graph with all that is in it, the same in every process."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np


def fingerprint(*values: Any) -> str:
    """SHA-256 of dataclasses, arrays, tuples, mappings, numbers and text; equal values have equal ones."""
    into = hashlib.sha256()
    _feed(values, into.update)
    return into.hexdigest()


def _feed(value: Any, add: Any) -> None:
    kind = type(value)
    if isinstance(value, np.ndarray):
        add(f"array {value.dtype.str} {value.shape};".encode())
        if value.dtype.hasobject:  # integers of any size
            _feed(value.tolist(), add)
        else:
            add(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Enum):
        add(f"{kind.__name__}.{value.name};".encode())
    elif dataclasses.is_dataclass(value):
        add(f"{kind.__name__}(".encode())
        for field in dataclasses.fields(value):
            if field.init:  # else it is what the object remembers
                add(f"{field.name}=".encode())
                _feed(getattr(value, field.name), add)
        add(b");")
    elif isinstance(value, Mapping):
        add(b"{")
        for key, item in value.items():
            _feed(key, add)
            _feed(item, add)
        add(b"};")
    elif isinstance(value, tuple | list):
        add(b"[")
        for item in value:
            _feed(item, add)
        add(b"];")
    elif value is None or isinstance(value, bool | int | float | str | np.generic):
        text = repr(value.item() if isinstance(value, np.generic) else value)
        add(f"{kind.__name__} {len(text)} {text};".encode())
    else:
        raise TypeError(f"fingerprint: a value must be data, not {kind.__name__}")
