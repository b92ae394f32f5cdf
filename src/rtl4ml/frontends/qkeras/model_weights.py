# SPDX-License-Identifier: Apache-2.0
"""HDF5 files of weights: read only where they are what Keras writes.

HDF5 can name other files (external storage, external links, virtual datasets), point about (soft links, references,
an object under two names) and claim sizes that it does not hold (chunks, filters, fill values). Keras uses none of it:
it writes groups, and datasets of float32 in one piece. So all else is refused before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from rtl4ml.errors import BadModel

MOST_OBJECTS = 100_000
MOST_WEIGHTS = 2**27  # more than any device's memory holds at one bit each
# Counters and the state of random generators are integers, of a few numbers each.
_MOST_INTEGERS = 16


def check_weights(path: str, file: Any) -> int:
    """The number of values in the datasets of an open HDF5 file. Raises BadModel for what Keras does not write."""
    count = 0
    for name, dataset in _objects(path, file):
        try:
            dtype = dataset.dtype
        except TypeError:  # one that NumPy has not
            dtype = None
        if dtype is None or not _written_by_keras(dtype, dataset.shape):
            raise BadModel(
                f"{path}: {name} must hold float32 numbers, not {dtype or 'another type'}; "
                "save the model under the dtype policy float32"
            )
        if what := _unusual(dataset, prod(dataset.shape) * dtype.itemsize):
            raise BadModel(
                f"{path}: {name} must hold its numbers itself, not {what}; save the model with Keras"
            )
        count += prod(dataset.shape)
        if count > MOST_WEIGHTS:
            raise BadModel(
                f"{path}: must hold at most {MOST_WEIGHTS:,} weights, not more; take a smaller model"
            )
    return count


def _written_by_keras(dtype: Any, shape: tuple[int, ...] | None) -> bool:
    if shape is None or dtype.names or dtype.subdtype or dtype.metadata:
        return False
    return dtype.str == "<f4" or (dtype.str in ("<i4", "<i8", "<u4", "<u8") and prod(shape) <= _MOST_INTEGERS)


def _unusual(dataset: Any, size: int) -> str:
    """How the dataset is stored, if otherwise than in one piece within this file."""
    import h5py

    made = dataset.id.get_create_plist()
    if made.get_external_count():
        return "in another file (external storage)"
    if made.get_layout() == h5py.h5d.VIRTUAL:
        return "as a view of other datasets (virtual)"
    if made.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) or made.get_nfilters():
        return "in chunks or compressed"
    if dataset.id.get_storage_size() != size:
        return f"{dataset.id.get_storage_size():,} bytes for {size:,}"
    return ""


def _objects(path: str, file: Any) -> Iterator[tuple[str, Any]]:
    """Every dataset with its name, links and attributes checked on the way; no recursion, each object once."""
    import h5py

    stack: list[tuple[str, Any]] = [("", file)]
    seen = {_address(file)}
    while stack:
        name, group = stack.pop()
        _check_attributes(path, name or "the file", group)
        for key in group:
            inner = f"{name}/{key}".lstrip("/")
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                kind = "an external" if isinstance(link, h5py.ExternalLink) else "a soft"
                raise BadModel(
                    f"{path}: {inner} must be in the file itself, not {kind} link; save the model with Keras"
                )
            item = group[key]
            if not isinstance(item, h5py.Group | h5py.Dataset):
                raise BadModel(
                    f"{path}: {inner} must be a group or a dataset, not {type(item).__name__}; "
                    "save the model with Keras"
                )
            if _address(item) in seen or len(seen) > MOST_OBJECTS:
                what = (
                    "a second name of another" if _address(item) in seen else f"one of over {MOST_OBJECTS:,}"
                )
                raise BadModel(
                    f"{path}: {inner} must be an object of its own, not {what}; save the model with Keras"
                )
            seen.add(_address(item))
            if isinstance(item, h5py.Group):
                stack.append((inner, item))
            else:
                _check_attributes(path, inner, item)
                yield inner, item


def _address(item: Any) -> int:
    import h5py

    return int(h5py.h5o.get_info(item.id).addr)


def _check_attributes(path: str, name: str, item: Any) -> None:
    """Texts and numbers alone: a reference could lead anywhere."""
    import h5py

    for key in item.attrs:
        try:
            dtype = item.attrs.get_id(key).dtype
        except TypeError:
            dtype = None
        text = dtype is not None and h5py.check_string_dtype(dtype) is not None
        if not text and (dtype is None or dtype.kind not in "biufSU"):
            raise BadModel(
                f"{path}: the attribute {key} of {name} must be a text or numbers, not {dtype or 'another type'}; "
                "save the model with Keras"
            )
