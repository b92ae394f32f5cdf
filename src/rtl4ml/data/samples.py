# SPDX-License-Identifier: Apache-2.0
"""Samples in a .npy or .npz file, read as data: a header's claim is held against the file before memory is asked for.

Only the samples that are wanted are read. No pickles: an array of objects is refused.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from rtl4ml.errors import BadData
from rtl4ml.host.readonce import open_regular

_MOST_HEADER = 10_000  # bytes, as NumPy has it
MOST_BYTES = 4 * 2**30  # of the samples that are read


# Names of the array that is taken from a .npz file.
NAMES = ("x", "X")


def array_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in a .npz file; of a .npy file, whose array has none, and of a damaged one no name."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist())
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return ()


def read_samples(
    path: Path,
    most: int | None = None,
    *,
    names: Sequence[str] = NAMES,
    way_out: str = "give fewer with --samples",
) -> NDArray[Any]:
    """The first `most` samples (N, ...) of the array in a .npy file, or of the first of `names` in a .npz file.

    most:    None for all
    way_out: what is said where they are too many
    Raises BadData where the file is missing, damaged or no array of real numbers.
    """
    try:
        with open_regular(path) as file:
            if file.read(2) != b"PK":
                file.seek(0)
                return _array(path, file, os.fstat(file.fileno()).st_size, most, way_out)
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                there = [name.removesuffix(".npy") for name in archive.namelist()]
                key = next((k for k in names if k in there), None)
                if key is None:
                    raise BadData(
                        f"{path}: the file must hold an array {' or '.join(names)}, not "
                        f"{', '.join(there) or 'nothing'}; name it so"
                    )
                info = archive.getinfo(f"{key}.npy" if f"{key}.npy" in archive.NameToInfo else key)
                with archive.open(info) as member:
                    return _array(path, member, info.file_size, most, way_out)
    except (
        OSError, ValueError, EOFError, NotImplementedError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        # of the system's own errors only the cause: they repeat the path
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        if isinstance(error, FileNotFoundError):
            cause = "missing"
        raise BadData(f"{path}: the data must be a .npy or .npz file, not {cause}; check the file") from None


def _array(path: Path, file: IO[bytes], size: int, most: int | None, way_out: str) -> NDArray[Any]:
    """The first samples of the array that begins here, in a file of `size` bytes."""
    shape, fortran, dtype = _header(file)
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of dtype {dtype}")
    if not shape:
        raise BadData(
            f"{path}: the array must be a batch (N, ...), not one number without an axis; save x[None]"
        )
    claimed, there = prod(shape) * dtype.itemsize, size - file.tell()
    if any(type(n) is not int for n in shape) or min(shape) < 0 or claimed > there:
        raise ValueError(f"one of {there:,} bytes whose header says {shape} of {dtype}, {claimed:,} bytes")
    if not claimed:
        raise BadData(f"{path}: the array must hold samples to compare, not none of shape {shape}; give some")
    rows = shape[0] if most is None else min(most, shape[0])
    wanted = claimed if fortran else prod((rows, *shape[1:])) * dtype.itemsize
    if wanted > MOST_BYTES:
        raise BadData(f"{path}: the samples must fit {MOST_BYTES:,} bytes, not take {wanted:,}; {way_out}")
    content = file.read(wanted)
    if len(content) < wanted:
        raise ValueError(f"one that ends after {len(content):,} of {wanted:,} bytes")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape, order="F")[:rows] if fortran else flat.reshape(rows, *shape[1:])


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of the array that begins here; of a header no further than its bound.

    Version 3.0 is 2.0 in UTF-8 instead of Latin-1. They differ in the names of fields alone, and arrays with fields are
    refused.
    """
    start = file.read(len(npy.MAGIC_PREFIX))
    if start != npy.MAGIC_PREFIX:
        raise ValueError("of another format" if start else "empty")
    version = tuple(file.read(2))
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"one of version {version}")
    told = file.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(told, "little")
    if length > _MOST_HEADER:
        raise ValueError(f"one with a header of {length:,} bytes")
    whole = io.BytesIO(told + file.read(length))
    return (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(whole)
