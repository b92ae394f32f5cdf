# SPDX-License-Identifier: Apache-2.0
"""Scenes of labelled pixels with spectra, and their splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import require
from rtl4ml.errors import BadData

BLOCK = 10  # pixels along the side of the blocks that spatial splits deal out


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The labelled pixels of one scene, in row-major order of their places.

    spectra: (N, bands), any integer or float type, the numbers of the file; finite.
    labels:  (N,) int64, 0 up to len(class_names) - 1.
    row, col: (N,) int64, places in a map of `shape` (rows, columns).
    block_split: (N,) uint8, 1 train, 2 validation, 3 test, where the scene comes with a split; else None.
    source:  the files' names, for reports.
    synthetic: no instrument measured these spectra, and every output must say so.
    Raises BadData where these contradict each other.
    """

    name: str
    spectra: NDArray[Any]
    labels: NDArray[np.int64]
    row: NDArray[np.int64]
    col: NDArray[np.int64]
    shape: tuple[int, int]
    class_names: tuple[str, ...]
    source: str
    synthetic: bool = False
    block_split: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        n = len(self.spectra)
        require(
            self.spectra.ndim == 2,
            f"{self.source}: spectra must be (pixels, bands), not {self.spectra.shape}; check the file",
        )
        require(
            self.spectra.dtype.kind in "iuf",
            f"{self.source}: spectra must be integers or floats, "
            f"not {self.spectra.dtype}; convert them first",
        )
        require(n > 0, f"{self.source}: a scene must have labelled pixels, not none; check the ground truth")
        for what, column in (("labels", self.labels), ("rows", self.row), ("columns", self.col)):
            require(
                len(column) == n,
                f"{self.source}: {what} must be one a spectrum, {n}, not {len(column)}; check the file",
            )
        _in_range(self.source, "labels", self.labels, len(self.class_names))
        _in_range(self.source, "rows", self.row, self.shape[0])
        _in_range(self.source, "columns", self.col, self.shape[1])
        if self.spectra.dtype.kind == "f" and not np.isfinite(self.spectra).all():
            pixel, band = (int(v) for v in np.argwhere(~np.isfinite(self.spectra))[0])
            raise BadData(
                f"{self.source}: reflectance must be finite, not {self.spectra[pixel, band]} at row {self.row[pixel]}, "
                f"column {self.col[pixel]}, band {band}; repair the cube or leave the pixel unlabelled"
            )
        place = self.row * self.shape[1] + self.col
        require(
            bool((np.diff(place) > 0).all()),
            f"{self.source}: every place must be labelled once, in row-major order, "
            "not twice or out of order; check the file",
        )
        if self.block_split is not None:
            require(
                len(self.block_split) == n,
                f"{self.source}: the split must be of {n} pixels, not {len(self.block_split)}; check the file",
            )
            require(
                bool(np.isin(self.block_split, (0, 1, 2, 3)).all()),
                f"{self.source}: the split must hold 0 to 3, "
                f"not {int(self.block_split.max())}; check the file",
            )

    @property
    def bands(self) -> int:
        """Spectral samples of one pixel."""
        return int(self.spectra.shape[1])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def image(self, values: NDArray[Any], *, fill: int = -1) -> NDArray[Any]:
        """(N,) values at their places in a map of the labelled pixels' bounding box, `fill` elsewhere."""
        top, left = int(self.row.min()), int(self.col.min())
        out = np.full((int(self.row.max()) - top + 1, int(self.col.max()) - left + 1), fill, dtype=np.int64)
        out[self.row - top, self.col - left] = values
        return out

    def sha256(self) -> str:
        """Hash of spectra, labels and places, the same whichever file they came from."""
        digest = hashlib.sha256()
        spectra = self.spectra
        if spectra.dtype.kind in "iu" or bool((spectra == np.rint(spectra)).all()):
            spectra = spectra.astype("<i8")  # the same counts in another type are the same data
        else:
            spectra = spectra.astype("<f8")
        for array in (spectra, self.labels.astype("<i8"), self.row.astype("<i8"), self.col.astype("<i8")):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Split:
    """The pixels of each part, as indices into a scene; no pixel is in two parts, no part is empty.

    disjoint: the three lie in different blocks of the scene. Where False, neighbours of the training pixels are
    tested on, and accuracies are higher than on new ground.
    """

    name: str
    disjoint: bool
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def __post_init__(self) -> None:
        parts = (("train", self.train), ("validation", self.validation), ("test", self.test))
        for what, part in parts:
            require(
                len(part) > 0,
                f"{self.name}: the {what} part of a split must have pixels, not none; check the file",
            )
        both = np.concatenate([part for _, part in parts])
        shared = len(both) - len(np.unique(both))
        require(
            shared == 0,
            f"{self.name}: a split must have each pixel in one part, "
            f"not {shared} pixels in several; deal them out again",
        )

    def sha256(self) -> str:
        """Hash of the three parts' pixels."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update(part.astype("<i8").tobytes() + b"|")
        return digest.hexdigest()


def _in_range(where: str, what: str, values: NDArray[Any], end: int) -> None:
    bad = values[(values < 0) | (values >= end)]
    require(
        not len(bad),
        f"{where}: {what} must be 0 to {end - 1}, not {bad[0] if len(bad) else ''}; check the file",
    )


# ----------------------------------------------------------------------------------------------------------- splits


def given_split(scene: Scene) -> Split:
    """The block split that the scene comes with. Raises BadData where it comes with none."""
    if scene.block_split is None:
        raise BadData(
            f'{scene.source}: a given split must come with the scene, not be absent; use split = "block"'
        )
    train, validation, test = (np.flatnonzero(scene.block_split == part) for part in (1, 2, 3))
    return Split(
        name=f"{scene.name}, given blocks", disjoint=True, train=train, validation=validation, test=test
    )


def block_split(
    scene: Scene, *, seed: int, train: float = 0.4, validation: float = 0.15, block: int = BLOCK
) -> Split:
    """Whole blocks of `block` x `block` pixels, dealt out at random to the three parts; no guard band between them.

    train, validation: shares of the pixels, met about; the rest tests. Of many deals, the one in which every
    class comes closest to the shares. Raises BadData where some class is not in all three parts.
    """
    columns = -(-scene.shape[1] // block)
    _, where = np.unique((scene.row // block) * columns + scene.col // block, return_inverse=True)
    count = np.zeros((where.max() + 1, scene.classes))
    np.add.at(count, (where, scene.labels), 1)
    wanted = np.array([train, validation, 1 - train - validation])
    require(
        bool((wanted > 0).all()),
        "split: shares of train and validation must be above 0 and below 1 together, "
        f"not {train} and {validation}; give others",
    )
    present = count.sum(axis=0) > 0
    best, chosen = np.inf, np.zeros(len(count), dtype=np.int64)
    rng = np.random.default_rng(seed)
    for _ in range(500):
        part = rng.choice(3, size=len(count), p=wanted)
        share = np.stack([count[part == k].sum(axis=0) for k in range(3)])[:, present]
        share = share / share.sum(axis=0)
        error = float(np.abs(share - wanted[:, None]).max()) + (1.0 if (share == 0).any() else 0.0)
        if error < best:
            best, chosen = error, part
    if best >= 1.0:
        per_class = [len(np.unique(where[scene.labels == k])) for k in range(scene.classes)]
        worst = int(np.argmin(np.where(present, per_class, np.iinfo(np.int64).max)))
        raise BadData(
            f"{scene.source}: every class must lie in enough blocks to be in all three parts, not "
            f'{scene.class_names[worst]} in {per_class[worst]}; use smaller blocks or split = "random"'
        )
    parts = chosen[where]
    return Split(
        name=f"{scene.name}, blocks of {block} x {block}, seed {seed}",
        disjoint=True,
        train=np.flatnonzero(parts == 0),
        validation=np.flatnonzero(parts == 1),
        test=np.flatnonzero(parts == 2),
    )


def random_split(scene: Scene, *, seed: int, train: int, validation: int) -> Split:
    """`train` and `validation` pixels of every class at random, the rest tests. Neighbours leak: disjoint is False.

    Raises BadData where a class has no more pixels than that.
    """
    rng = np.random.default_rng(seed)
    parts: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for k in range(scene.classes):
        pixels = rng.permutation(np.flatnonzero(scene.labels == k))
        require(
            len(pixels) > train + validation,
            f"{scene.source}: every class must have more than {train + validation} pixels for this split, "
            f"not {len(pixels)} of {scene.class_names[k]}; ask for fewer",
        )
        for part, some in zip(parts, np.split(pixels, [train, train + validation]), strict=True):
            part.append(some)
    joined: Iterator[NDArray[np.int64]] = (np.sort(np.concatenate(part)) for part in parts)
    name = f"{scene.name}, {train} + {validation} random pixels a class, seed {seed} (neighbours leak)"
    return Split(name=name, disjoint=False, train=next(joined), validation=next(joined), test=next(joined))
