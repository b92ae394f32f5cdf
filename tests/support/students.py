# SPDX-License-Identifier: Apache-2.0
"""The students of models/, as modules, and a small one's arguments."""

from __future__ import annotations

import importlib.util
from importlib.resources import files
from typing import Any


def student(name: str) -> Any:
    """A module of models/."""
    path = str(files("rtl4ml.models").joinpath(f"{name}.py"))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SMALL = {"widths": (2, 3, 4), "size": (8, 12), "weight_bits": 3, "activation_bits": 3, "channels": 1}
