# SPDX-License-Identifier: Apache-2.0
"""Counts of a sensor, and what training made of them: the float32 that a network reads.

    counts = Counts(dtype="uint16", scale=2.0**-13)
    counts = Counts.read("counts.json")        # {"dtype": "uint16", "mean": [...], "std": [...]}
    x = counts.preprocess(cube)

rtl4ml.board.integers turns this into integers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board import trained
from rtl4ml.errors import BadInput, named
from rtl4ml.ir.types import Ints

Floats = NDArray[np.float32]

DTYPES = ("uint8", "uint16")
_KEYS = ("dtype", "scale_log2", "scale", "mean", "std", "table")


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """The counts that come in, and what training made of them: a scale, a mean and a deviation by band, or a table.

    dtype: "uint8" or "uint16", little-endian in memory
    scale: the network's input is float32(c) * float32(scale)
    mean, std: of every band: the input is (float32(c) - float32(mean)) / float32(std)
    table: float32 (counts,) of all bands or (bands, counts): the input is table[c]

    Counts(dtype="uint16", scale=2.0**-13): a count of 4,096 is 0.5 for the network.

    Raises BadInput where there is not just one of the three, or a number that is not finite.
    """

    dtype: str
    scale: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    table: Floats | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise BadInput(
                f"{named('counts')}: dtype must be uint8 or uint16, not {self.dtype}; convert the cube first"
            )
        given = [k for k in ("scale", "mean", "std", "table") if getattr(self, k) is not None]
        if given not in (["scale"], ["mean", "std"], ["table"]):
            raise BadInput(
                f"{named('counts')}: must have a scale, or mean and std, or a table, "
                f"not {' and '.join(given) or 'none'}; give one of them"
            )
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise BadInput(
                f"{named('counts')}: scale must be a finite number above 0, not {self.scale}; mend it"
            )
        if self.mean is not None and self.std is not None:
            self._check_bands(self.mean, self.std)
        if self.table is not None:
            table = np.asarray(self.table, np.float32)
            if table.ndim not in (1, 2) or table.shape[-1] != self.number or not len(table):
                raise BadInput(
                    f"{named('counts')}: a table must have {self.number} values, for every count of {self.dtype} one, "
                    f"in a row or one row a band, not {table.shape}; mend it"
                )
            if not np.isfinite(table).all():
                raise BadInput(
                    f"{named('counts')}: a table must hold finite float32 numbers, "
                    f"not {table[~np.isfinite(table)][0]}; mend it"
                )
            object.__setattr__(self, "table", table)

    def _check_bands(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        if len(mean) != len(std) or not len(mean):
            raise BadInput(
                f"{named('counts')}: mean and std must be of the same bands, not {len(mean)} and {len(std)}; mend them"
            )
        for what, numbers in (("mean", mean), ("std", std)):
            for band, value in enumerate(numbers):
                single = (
                    np.float32(value) if math.isfinite(value) and abs(value) < 3e38 else np.float32(np.nan)
                )
                if not np.isfinite(single) or (what == "std" and single <= 0):
                    rule = "a finite float32 number" + (" above 0" if what == "std" else "")
                    raise BadInput(
                        f"{named('counts')}: {what} of band {band} must be {rule}, not {value}; mend it"
                    )

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any], where: str) -> Counts:
        """The counts of a table of JSON: dtype with scale_log2, scale, mean and std, or table. Raises BadInput.

        where: what the error begins with: the file

        Example: Counts.of_entry({"dtype": "uint16", "scale_log2": 13}, "salinas_1dcnn.json").
        """
        if not isinstance(entry, Mapping):
            raise BadInput(f"{where}: counts must be a table, not {type(entry).__name__}; mend it")
        for key in entry:
            if key not in _KEYS:
                raise BadInput(f"{where}: keys of counts must be {', '.join(_KEYS)}, not {key}; take it out")
        if not isinstance(entry.get("dtype"), str):
            raise BadInput(f"{where}: counts must have a dtype, uint8 or uint16, not lack it; add it")
        values: dict[str, Any] = {k: v for k, v in entry.items() if k != "scale_log2"}
        log2 = entry.get("scale_log2")
        try:
            if log2 is not None:
                if "scale" in values or isinstance(log2, bool) or log2 != int(log2) or abs(log2) > 100:
                    raise ValueError(log2)
                values["scale"] = 2.0 ** -int(log2)
            if values.get("scale") is not None:
                values["scale"] = float(values["scale"])
            for key in ("mean", "std"):
                if values.get(key) is not None:
                    values[key] = tuple(float(v) for v in values[key])
            if values.get("table") is not None:
                values["table"] = np.asarray(values["table"], np.float32)
        except (TypeError, ValueError, OverflowError):
            raise BadInput(
                f"{where}: scale_log2 must be one whole number, scale one number, and mean, std and table lists of "
                "numbers, not others; mend it"
            ) from None
        try:
            return cls(**values)
        except BadInput as error:
            raise BadInput(str(error).replace("counts", where, 1)) from None

    @classmethod
    def read(cls, path: str | Path) -> Counts:
        """The counts of a JSON file. Raises BadInput where it is missing or no such table."""
        try:
            entry = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            what = "missing" if isinstance(error, FileNotFoundError) else f"unreadable ({error})"
            raise BadInput(
                f'{path}: counts must be a JSON file such as {{"dtype": "uint16", "scale_log2": 13}}, not {what}; '
                "check the path"
            ) from None
        return cls.of_entry(entry, Path(path).name)

    @classmethod
    def beside(cls, model: str | Path) -> Counts | None:
        """Those that the training's result beside a model's file says: STEM.json, or metrics.json as `rtl4ml train`
        leaves it. None where neither is there or says it. Raises BadInput where the entry is damaged.
        """
        for name, content in trained.results(model):
            entry = content.get("input")
            if isinstance(entry, dict) and "counts" in entry:
                return cls.of_entry(entry["counts"], name)
        return None

    def entry(self) -> dict[str, Any]:
        """The table of JSON that `of_entry` reads."""
        found: dict[str, Any] = {"dtype": self.dtype}
        if self.scale is not None:
            mantissa, exponent = math.frexp(self.scale)
            return found | ({"scale_log2": 1 - exponent} if mantissa == 0.5 else {"scale": self.scale})
        if self.mean is not None and self.std is not None:
            return found | {"mean": list(self.mean), "std": list(self.std)}
        return found | {"table": np.asarray(self.table).tolist()}

    @property
    def number(self) -> int:
        """How many counts there are: 256 or 65,536."""
        return 1 << (8 * self.bytes)

    @property
    def bytes(self) -> int:
        """Bytes of a count."""
        return int(np.dtype(self.dtype).itemsize)

    @property
    def bands(self) -> int | None:
        """How many bands it is for; None where all bands are alike."""
        if self.mean is not None:
            return len(self.mean)
        return len(self.table) if self.table is not None and self.table.ndim == 2 else None

    def check(self, cube: Any) -> None:
        """Raises BadInput unless this is an array of such counts."""
        if not isinstance(cube, np.ndarray) or cube.dtype != np.dtype(self.dtype):
            found = str(cube.dtype) if isinstance(cube, np.ndarray) else type(cube).__name__
            raise BadInput(
                f"{named('cube')}: must be an array of {self.dtype}, as the counts are, not {found}; "
                "give the raw counts"
            )

    def preprocess(self, cube: NDArray[Any]) -> Floats:
        """What the network was trained on, float32 of the same shape. cube: (..., bands) of the dtype."""
        if self.scale is not None:
            return np.asarray(cube, np.float32) * np.float32(self.scale)
        if self.mean is not None:
            centred = np.asarray(cube, np.float32) - np.asarray(self.mean, np.float32)
            return np.asarray(centred / np.asarray(self.std, np.float32), np.float32)
        assert self.table is not None
        if self.table.ndim == 1:
            return np.asarray(self.table[cube], np.float32)
        return np.asarray(self.table[np.arange(len(self.table)), cube], np.float32)

    def kinds(self, bands: int) -> tuple[Ints, Ints]:
        """(kinds,) a band of every kind, and (bands,) the kind of every band: bands of a kind have the same function.

        Raises BadInput where the counts are for another number of bands.
        """
        if self.bands is None:
            return np.zeros(1, np.int64), np.zeros(bands, np.int64)
        if self.bands != bands:
            raise BadInput(
                f"{named('counts')}: must be for the network's {bands} bands, not for {self.bands}; mend them"
            )
        rows = self.table if self.mean is None else np.array([self.mean, self.std], np.float32).T
        seen: dict[bytes, int] = {}
        kind = [seen.setdefault(row.tobytes(), len(seen)) for row in np.asarray(rows)]
        first = [kind.index(k) for k in range(len(seen))]
        return np.array(first, np.int64), np.array(kind, np.int64)

    def of_band(self, bands: Ints) -> Floats:
        """(len(bands), counts) float32: the function of these bands on every count."""
        c = np.arange(self.number)
        if self.table is not None:
            return np.broadcast_to(self.table, (max(self.bands or 1, 1), self.number))[bands]
        if self.scale is not None:
            return np.repeat(self.preprocess(c)[None], len(bands), axis=0)
        mean, std = (np.asarray(v, np.float32)[bands, None] for v in (self.mean, self.std))
        return np.asarray((c.astype(np.float32) - mean) / std, np.float32)
