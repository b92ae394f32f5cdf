# SPDX-License-Identifier: Apache-2.0
"""The self-test of a board's folder: counts, and the result that the design's emulation gives for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board.counts import Counts
from rtl4ml.board.integers import Affine, Rounded, Steps
from rtl4ml.board.interface import LAYOUTS, container_name, laid_out
from rtl4ml.board.values import Shell
from rtl4ml.emulation.strips import Cut
from rtl4ml.errors import BadInput, named
from rtl4ml.host.tools import disk_errors
from rtl4ml.ir.strips import Strips
from rtl4ml.ir.types import Stream
from rtl4ml.netlist.netlist import Netlist

Cube = NDArray[np.unsignedinteger[Any]]
Emulate = Callable[[NDArray[Any]], NDArray[np.float64]]

# Pixels of the self-test of a network of single pixels: whole tiles and a narrower one, rows of odd length.
_ROWS, _COLUMNS = 7, 37
_FEW = 2**16  # pixels of a frame above which one frame is enough


@dataclass(frozen=True, eq=False)
class Meaning:
    """The contract of a board: the result of a cube of counts, by the design's emulation.

    emulate: samples (N, *input shape) to real values, as `Design.emulate`
    strips:  how images that are wider than a frame are cut; None where they cannot be
    """

    netlist: Netlist
    shell: Shell
    counts: Counts
    emulate: Emulate
    strips: Strips | None = None

    def check(self, cube: Cube) -> None:
        """Raises BadInput unless this is a cube (rows, columns, bands) of the counts' type that frames divide."""
        shell = self.shell
        self.counts.check(cube)
        if cube.ndim != 3 or 0 in cube.shape or cube.shape[2] != shell.bands:
            raise BadInput(
                f"{named('cube')}: must be (rows, columns, {shell.bands} bands), however it is to lie in memory, "
                f"not {cube.shape}; transpose or cut it"
            )
        rows, columns = cube.shape[:2]
        pixels = shell.frame_rows * shell.frame_columns
        wide = columns > shell.frame_columns and self.strips is not None
        if pixels > 1 and (rows % shell.frame_rows or not (wide or columns == shell.frame_columns)):
            raise BadInput(
                f"{named('cube')}: images must be {shell.frame_columns} columns wide, in rows a multiple of "
                f"{shell.frame_rows}, not {rows} rows of {columns} columns; "
                "cut the scene into tiles and lay them one below the other"
            )
        if pixels > 1 and self.strips is not None:
            self.strips.check(columns, "cube")

    def cut(self, cube: Cube) -> Cut | None:
        """How a cube of images that are wider than a frame is cut, as the driver does; None for all others."""
        columns = cube.shape[1]
        if self.shell.pixels or self.strips is None or columns == self.shell.frame_columns:
            return None
        return Cut(self.strips.axis, self.strips.size, self.strips.plan(columns))

    def result(self, cube: Cube) -> NDArray[Any]:
        """The array that the driver gives: map uint8 or mask bool (rows, columns), raw (frames, *output shape).

        cube: (rows, columns, bands). Frames of single pixels are (rows, columns). Raises BadInput as `check`.
        """
        self.check(cube)
        rows, columns, _ = cube.shape
        x = self.counts.preprocess(cube).reshape(-1, *self.frame(columns))
        stream: Stream = self.netlist.graph.outputs[0]
        steps = np.rint(self.emulate(x) / stream.type.step)
        if self.shell.result == "map":
            return steps.astype(np.uint8).reshape(rows, columns)
        if self.shell.result == "mask":
            return steps.astype(np.bool_).reshape(rows, columns)
        frames = (rows, columns) if self.shell.pixels else (len(steps),)
        return steps.astype(container_name(self.netlist.output)).reshape(*frames, *steps.shape[1:])

    def frame(self, columns: int) -> tuple[int, ...]:
        """The shape of a sample of a cube of so many columns."""
        shape = self.netlist.graph.inputs[0].shape
        return shape if self.shell.pixels else (shape[0], columns, *shape[2:])

    def unpacked(self, data: NDArray[np.uint8], cube: Cube) -> NDArray[Any]:
        """The array, as `result` has it, of the bytes that the hardware makes of a cube, or of its strips."""
        cut = self.cut(cube)
        rows, columns = cube.shape[:2]
        if cut is not None:
            rows, columns = rows * len(cut.plan), cut.size
        found: NDArray[Any]
        if self.shell.result == "mask":
            packed = data.reshape(rows, -(-columns // 8))
            found = np.unpackbits(packed, axis=1, count=columns, bitorder="little").astype(np.bool_)[
                ..., None
            ]
        elif self.shell.result == "map":
            found = data.reshape(rows, columns, 1)
        else:
            dtype = np.dtype(container_name(self.netlist.output))
            shape = self.netlist.graph.outputs[0].shape
            frames = (rows, columns) if self.shell.pixels else (rows // self.shell.frame_rows,)
            found = data.view(dtype.newbyteorder("<")).astype(dtype).reshape(*frames, *shape)
        if cut is not None:
            found = cut.join(found)
        return found if self.shell.result == "raw" else found[..., 0]

    def packed(self, result: NDArray[Any]) -> NDArray[np.uint8]:
        """The bytes of a result as they lie in memory."""
        if self.shell.result == "mask":
            return np.packbits(result, axis=1, bitorder="little").reshape(-1)
        little = result.astype(result.dtype.newbyteorder("<"), copy=False)
        return np.frombuffer(little.tobytes(), np.uint8)


def cube_of(shell: Shell, counts: Counts, integers: Rounded | Affine | Steps, seed: int = 0) -> Cube:
    """Counts (rows, columns, bands) that use the whole input: half are noise, half are smooth over the bands.

    Of noise, a part lies anywhere among the counts, their least and greatest included.
    """
    rng = np.random.default_rng(seed)
    pixels = shell.frame_rows * shell.frame_columns
    rows, columns = (_ROWS, _COLUMNS) if pixels == 1 else (shell.frame_rows, shell.frame_columns)
    if 1 < pixels <= _FEW:
        rows *= 2
    shape = (rows, columns, shell.bands)
    low, high = _range(counts, integers, shell.bands)
    noise = rng.uniform(size=shape)
    level = rng.uniform(size=(rows, columns, 1))
    wave = np.sin(
        np.linspace(0, 1, shell.bands) * rng.uniform(0, 9, size=(rows, columns, 1)) + 6 * noise[..., :1]
    )
    smooth = level + 0.5 * rng.uniform(size=(rows, columns, 1)) * wave
    share = np.where((np.arange(rows) % 2 == 0)[:, None, None], noise, smooth)
    cube = np.clip(low + share * (high - low), 0, counts.number - 1)
    cube = np.where(rng.uniform(size=shape) < 0.02, rng.integers(0, counts.number, shape), cube)
    found = np.rint(cube).astype(counts.dtype)
    found[0, 0, 0], found[-1, -1, -1] = 0, counts.number - 1
    return found


def _range(
    counts: Counts, integers: Rounded | Affine | Steps, bands: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """(bands,) of every band the counts between which its integers change, and a little beyond."""
    c = np.arange(counts.number, dtype=np.int64)
    first, kind = counts.kinds(bands)
    low, high = np.empty(len(first)), np.empty(len(first))
    for i, band in enumerate(first):
        y = integers.of_band(c, int(band))
        steps = np.flatnonzero(y[1:] != y[:-1])
        low[i], high[i] = (steps[0], steps[-1] + 1) if len(steps) else (0, counts.number - 1)
    wide = 0.05 * (high - low) + 1
    return (low - wide)[kind], (high + wide)[kind]


def write(cube: Cube, result: NDArray[Any], packed: NDArray[np.uint8], banded: bool, folder: Path) -> None:
    """Writes counts.npy and result.npy, the bytes of both as they lie in memory, and manifest.json that lists them."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "counts.npy", cube)
        np.save(folder / "result.npy", result)
        for layout in LAYOUTS if banded else ("bip",):
            (folder / f"counts_{layout}.bin").write_bytes(laid_out(cube, layout))
        (folder / "result.bin").write_bytes(packed.tobytes())
        rows, columns, bands = cube.shape
        content = {
            "rows": rows,
            "columns": columns,
            "bands": bands,
            "dtype": cube.dtype.name,
            "byte_order": "little",
            "result": {"dtype": result.dtype.name, "shape": list(result.shape)},
            "files": {
                p.name: {"bytes": p.stat().st_size, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()}
                for p in sorted(folder.iterdir())
                if p.suffix in (".npy", ".bin")
            },
        }
        (folder / "manifest.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
