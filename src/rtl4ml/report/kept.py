# SPDX-License-Identifier: Apache-2.0
"""Keeps what the page shows beyond report.json in a file beside it, so that the page can be written again later."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any, get_origin

import numpy as np
from cattrs import BaseValidationError, Converter
from numpy.typing import NDArray

from rtl4ml.report.extras import Extras

FILE = "report_extras.json"


def text(extras: Extras) -> str:
    """The file's text."""
    return json.dumps(_converter().unstructure(extras)) + "\n"


def read(folder: Path) -> Extras:
    """What the page of a folder shows; without a file, or with one that was changed by hand, nothing."""
    try:
        return _converter().structure(json.loads((folder / FILE).read_text(encoding="utf-8")), Extras)
    except (OSError, ValueError, TypeError, KeyError, zlib.error, BaseValidationError):
        return Extras()


def _converter() -> Converter:
    """Dataclasses as objects by field, arrays as their type, shape and compressed bytes."""
    made = Converter()
    made.register_unstructure_hook_func(_is_array, _coded)
    made.register_structure_hook_func(_is_array, lambda coded, _: _decoded(coded))
    return made


def _is_array(kind: Any) -> bool:
    return (get_origin(kind) or kind) is np.ndarray


def _coded(array: NDArray[Any]) -> dict[str, Any]:
    data = zlib.compress(np.ascontiguousarray(array).tobytes())
    return {"dtype": array.dtype.str, "shape": array.shape, "data": base64.b64encode(data).decode("ascii")}


def _decoded(coded: dict[str, Any]) -> NDArray[Any]:
    shape = tuple(coded["shape"])
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(coded["dtype"]).itemsize
    # A file's few bytes may not become gigabytes.
    data = zlib.decompressobj().decompress(base64.b64decode(coded["data"]), size + 1)
    return np.frombuffer(data, coded["dtype"]).reshape(shape)
