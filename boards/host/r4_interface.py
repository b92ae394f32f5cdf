# SPDX-License-Identifier: Apache-2.0
"""The interface of a design for the driver: what interface.json says of counts, results and hardware."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import r4_regs as regs
from numpy.typing import NDArray
from r4_strips import Plan, Strips, join
from r4_types import BadCube, R4Error

# Order of the axes of a cube.
LAYOUTS = {
    "bip": ("rows", "columns", "bands"),
    "bil": ("rows", "bands", "columns"),
    "bsq": ("bands", "rows", "columns"),
}
KINDS = {"raw": regs.R4_RESULT_RAW, "map": regs.R4_RESULT_MAP, "mask": regs.R4_RESULT_MASK}


@dataclass(frozen=True)
class Interface:
    """The design that the bitstream must hold, as interface.json of its folder says.

    signature:    four words, the first 128 bits of the design's identity
    spill_bytes:  of memory that the network keeps skips in, 0 for none
    frame_bytes:  of the result of a frame; result_shape and result_dtype: of a frame's result where kind is "raw"
    strips:       how wider images are cut; None where they cannot be
    """

    signature: tuple[int, ...]
    bands: int
    count_dtype: np.dtype[Any]
    frame_rows: int
    frame_columns: int
    kind: str
    frame_bytes: int
    result_dtype: np.dtype[Any]
    result_shape: tuple[int, ...]
    banded: bool
    data_bytes: int
    clock_mhz: float
    strips: Strips | None = None
    spill_bytes: int = 0

    @classmethod
    def read(cls, folder: str | Path) -> Interface:
        """That of a folder. Raises R4Error where it has none that can be read."""
        path = Path(folder) / "interface.json"
        try:
            return cls.parse(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise R4Error(
                f"{path}: the interface of the design must be there, not {type(error).__name__}: {error}; "
                "copy the whole folder host/ again"
            ) from error

    @classmethod
    def parse(cls, content: dict[str, Any]) -> Interface:
        """That of what interface.json holds."""
        given, made, hardware = content["input"], content["output"], content["hardware"]
        sha = bytes.fromhex(hardware["signature"])
        strips = given.get("strips")
        return cls(
            signature=tuple(int.from_bytes(sha[i : i + 4], "little") for i in range(0, 16, 4)),
            bands=int(given["bands"]),
            count_dtype=np.dtype(given["dtype"]).newbyteorder("<"),
            frame_rows=int(given["frame_rows"]),
            frame_columns=int(given["frame_columns"]),
            kind=str(made["kind"]),
            frame_bytes=int(made["frame_bytes"]),
            result_dtype=np.dtype(made["dtype"]).newbyteorder("<"),
            result_shape=tuple(int(n) for n in made["shape"]),
            banded="bil" in given["layouts"],
            data_bytes=int(hardware["data_bytes"]),
            clock_mhz=float(hardware["clock_mhz"]),
            strips=None if strips is None else Strips(**{k: int(v) for k, v in strips.items()}),
            spill_bytes=int(hardware.get("spill_bytes", 0)),
        )

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")

    @property
    def frame_pixels(self) -> int:
        """Pixels of a frame."""
        return self.frame_rows * self.frame_columns

    def check(self, cube: NDArray[Any], layout: str) -> tuple[int, int]:
        """Rows and columns of a cube. Raises BadCube where the design does not take it."""
        if layout not in LAYOUTS:
            raise BadCube(f"layout must be one of {', '.join(LAYOUTS)}, not {layout!r}")
        if layout != "bip" and not self.banded:
            raise BadCube(
                f"layout must be bip, which alone this design takes, not {layout}; transpose the cube"
            )
        if not isinstance(cube, np.ndarray) or cube.dtype != self.count_dtype:
            found = cube.dtype.name if isinstance(cube, np.ndarray) else type(cube).__name__
            raise BadCube(
                f"counts must be an array of {self.count_dtype.name}, not {found}; give the raw counts"
            )
        names = LAYOUTS[layout]
        if cube.ndim != 3 or 0 in cube.shape:
            raise BadCube(
                f"a cube of layout {layout} must be ({', '.join(names)}), not of shape {cube.shape}"
            )
        size = dict(zip(names, cube.shape, strict=True))
        rows, columns, bands = size["rows"], size["columns"], size["bands"]
        if bands != self.bands:
            raise BadCube(
                f"a cube of layout {layout} must be ({', '.join(names)}) with {self.bands} bands, not {bands}; "
                "see the layout and the bands that the model was trained on"
            )
        wide = self.strips is not None and columns > self.frame_columns
        if self.frame_pixels > 1 and (rows % self.frame_rows or not (wide or columns == self.frame_columns)):
            raise BadCube(
                f"images must be {self.frame_columns} columns wide, in rows a multiple of {self.frame_rows}, "
                f"not {rows} rows of {columns} columns; cut the scene into tiles"
            )
        plan = self.plan(columns)
        given = cube.nbytes if plan is None else cube.nbytes // columns * self.frame_columns * len(plan)
        if given >= 2**32:
            raise BadCube(f"a cube must have less than 4 GiB, not {given} bytes; give its rows in parts")
        return rows, columns

    def plan(self, columns: int) -> Plan | None:
        """The strips of images of so many columns; None for those of the hardware's. Raises BadCube."""
        if self.frame_pixels == 1 or self.strips is None or columns == self.frame_columns:
            return None
        self.strips.check(columns)
        return self.strips.plan(columns)

    def result_bytes(self, rows: int, columns: int) -> int:
        """Bytes of a cube's result."""
        if self.kind == "mask":
            return rows * -(-columns // 8)
        return rows * columns // self.frame_pixels * self.frame_bytes

    def joined(
        self, data: NDArray[np.uint8], rows: int, columns: int, plan: Plan | None = None
    ) -> NDArray[Any]:
        """As `result`, for the bytes of strips of images whose plan is not None."""
        found = self.result(data, rows, columns)
        if plan is None:
            return found
        return join(found, plan, 1 if self.kind in ("map", "mask") else found.ndim - 2)

    def result(self, data: NDArray[np.uint8], rows: int, columns: int) -> NDArray[Any]:
        """The array of a result's bytes: map (rows, columns) uint8, mask (rows, columns) bool, raw (frames, ...).

        The frames of a network of single pixels are (rows, columns); those of images are one axis.
        """
        if self.kind == "mask":
            packed = data.reshape(rows, -(-columns // 8))
            return np.unpackbits(packed, axis=1, count=columns, bitorder="little").astype(bool)
        pixel = self.frame_pixels == 1
        if self.kind == "map" and (pixel or self.frame_bytes == self.frame_pixels):
            return data.reshape(rows, columns).copy()
        frames = (rows, columns) if pixel else (rows // self.frame_rows,)
        dtype = np.dtype(np.uint8) if self.kind == "map" else self.result_dtype
        return data.view(dtype).reshape(*frames, *self.result_shape).copy()
