# SPDX-License-Identifier: Apache-2.0
"""Scenes of labelled pixels: the published hyperspectral files, a crop of one, and a synthetic stand-in; their splits.

A data file is data: .mat is read by SciPy, .npz without pickles, nothing in either runs code.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadData

VARIABLE = "RTL4ML_DATA"
BLOCK = 10  # pixels along the side of the blocks that spatial splits deal out

# What SciPy and NumPy raise over a file whose bytes are wrong.
_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),
)

_SALINAS = (
    "Brocoli_green_weeds_1",
    "Brocoli_green_weeds_2",
    "Fallow",
    "Fallow_rough_plow",
    "Fallow_smooth",
    "Stubble",
    "Celery",
    "Grapes_untrained",
    "Soil_vinyard_develop",
    "Corn_senesced_green_weeds",
    "Lettuce_romaine_4wk",
    "Lettuce_romaine_5wk",
    "Lettuce_romaine_6wk",
    "Lettuce_romaine_7wk",
    "Vinyard_untrained",
    "Vinyard_vertical_trellis",
)
_PAVIA = (
    "Asphalt",
    "Meadows",
    "Gravel",
    "Trees",
    "Painted metal sheets",
    "Bare Soil",
    "Bitumen",
    "Self-Blocking Bricks",
    "Shadows",
)
_INDIAN_PINES = (
    "Alfalfa",
    "Corn-notill",
    "Corn-mintill",
    "Corn",
    "Grass-pasture",
    "Grass-trees",
    "Grass-pasture-mowed",
    "Hay-windrowed",
    "Oats",
    "Soybean-notill",
    "Soybean-mintill",
    "Soybean-clean",
    "Wheat",
    "Woods",
    "Buildings-Grass-Trees-Drives",
    "Stone-Steel-Towers",
)

# The crop of Salinas: its place, its classes as numbered in Salinas_gt, and what each of its 10 x 10 blocks is for
# (1 train, 2 validation, 3 test, 0 nothing labelled). The table is what the .npz of the crop holds as `block_split`;
# with it, the crop of the published scene is the same data set.
_CROP_FILE = "salinas_crop150_labelled.npz"
_CROP_ROW, _CROP_COL, _CROP_SIDE = 200, 0, 150
_CROP_CLASSES = (1, 2, 8, 10, 11, 12, 13, 14)
_CROP_BLOCKS = (
    "333321123131313"
    "132231331222131"
    "213313112331333"
    "133311313033121"
    "322312231313133"
    "312331321223300"
    "311132333130000"
    "313131321333000"
    "133132132233000"
    "133313131333000"
    "331333111113300"
    "313112221312200"
    "131331313231000"
    "133113331200000"
    "133113111000000"
)


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
        _require(
            self.spectra.ndim == 2, self.source, "spectra must be (pixels, bands)", f"{self.spectra.shape}"
        )
        _require(
            self.spectra.dtype.kind in "iuf",
            self.source,
            "spectra must be integers or floats",
            str(self.spectra.dtype),
            "convert them first",
        )
        _require(n > 0, self.source, "a scene must have labelled pixels", "none", "check the ground truth")
        for what, column in (("labels", self.labels), ("rows", self.row), ("columns", self.col)):
            _require(len(column) == n, self.source, f"{what} must be one a spectrum, {n}", str(len(column)))
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
        _require(
            bool((np.diff(place) > 0).all()),
            self.source,
            "every place must be labelled once, in row-major order",
            "twice or out of order",
        )
        if self.block_split is not None:
            _require(
                len(self.block_split) == n,
                self.source,
                f"the split must be of {n} pixels",
                str(len(self.block_split)),
            )
            _require(
                bool(np.isin(self.block_split, (0, 1, 2, 3)).all()),
                self.source,
                "the split must hold 0 to 3",
                str(int(self.block_split.max())),
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
    """Which pixels train, validate and test: indices into a scene; no pixel is in two of them, none is empty.

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
            _require(len(part) > 0, self.name, f"the {what} part of a split must have pixels", "none")
        both = np.concatenate([part for _, part in parts])
        shared = len(both) - len(np.unique(both))
        _require(
            shared == 0,
            self.name,
            "a split must have each pixel in one part",
            f"{shared} pixels in several",
            "deal them out again",
        )

    def sha256(self) -> str:
        """Hash of the three parts' pixels."""
        digest = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            digest.update(part.astype("<i8").tobytes() + b"|")
        return digest.hexdigest()


def _require(holds: bool, where: str, rule: str, offender: str, way_out: str = "check the file") -> None:
    if not holds:
        raise BadData(f"{where}: {rule}, not {offender}; {way_out}")


def _in_range(where: str, what: str, values: NDArray[Any], end: int) -> None:
    bad = values[(values < 0) | (values >= end)]
    _require(not len(bad), where, f"{what} must be 0 to {end - 1}", str(bad[0]) if len(bad) else "")


# ------------------------------------------------------------------------------------------------------------ files


@dataclass(frozen=True, kw_only=True)
class _Published:
    """A scene as the University of the Basque Country (EHU) publishes it: a cube and a ground truth, in two files."""

    name: str
    cube: tuple[str, str]  # file, variable
    truth: tuple[str, str]
    class_names: tuple[str, ...]


_PUBLISHED: Mapping[str, _Published] = {
    "salinas": _Published(
        name="Salinas",
        cube=("Salinas_corrected.mat", "salinas_corrected"),
        truth=("Salinas_gt.mat", "salinas_gt"),
        class_names=_SALINAS,
    ),
    "pavia_university": _Published(
        name="Pavia University",
        cube=("PaviaU.mat", "paviaU"),
        truth=("PaviaU_gt.mat", "paviaU_gt"),
        class_names=_PAVIA,
    ),
    "indian_pines": _Published(
        name="Indian Pines",
        cube=("Indian_pines_corrected.mat", "indian_pines_corrected"),
        truth=("Indian_pines_gt.mat", "indian_pines_gt"),
        class_names=_INDIAN_PINES,
    ),
}
SCENES = ("salinas_crop", *_PUBLISHED, "synthetic")


def folder(data: str | Path | None = None) -> Path | None:
    """The folder of the scenes: `data`, else RTL4ML_DATA, else None. Raises BadData where it is no folder."""
    given = str(data) if data is not None else os.environ.get(VARIABLE)
    if not given:
        return None
    path = Path(given).expanduser()
    origin = "--data" if data is not None else VARIABLE
    _require(
        path.is_dir(),
        str(given),
        f"{origin} must be a folder",
        "a file" if path.exists() else "missing",
        "check the path",
    )
    return path


def load(scene: str, *, data: str | Path | None = None) -> Scene:
    """The scene named `scene`, one of SCENES, from the folder `data` or, without one, RTL4ML_DATA.

    "salinas_crop" is the .npz or, where there is none, the same pixels of the published Salinas files.
    "synthetic" needs no files. Raises BadData where files are missing, damaged or contradict each other.
    """
    _require(scene in SCENES, "scene", f"must be one of {', '.join(SCENES)}", repr(scene), "name one of them")
    if scene == "synthetic":
        return synthetic()
    place = folder(data)
    if place is None:
        raise BadData(
            f"{scene}: the folder of the scene must be given, not left out; give --data or set {VARIABLE}"
        )
    if scene != "salinas_crop":
        return _published(_PUBLISHED[scene], place)
    packed = _find(place, _CROP_FILE)
    if packed is not None:
        return _read_crop(packed)
    parts = (_PUBLISHED["salinas"].cube[0], _PUBLISHED["salinas"].truth[0])
    if all(_find(place, name) is not None for name in parts):
        return _cut_crop(_published(_PUBLISHED["salinas"], place))
    raise BadData(
        f"{place}: the folder must hold {_CROP_FILE} or {parts[0]} and {parts[1]}, not none of them; give another"
    )


def load_or_synthetic(scene: str, *, data: str | Path | None = None) -> Scene:
    """`load` where a folder is given or RTL4ML_DATA is set, else the synthetic scene, which says that it is one."""
    return synthetic() if folder(data) is None else load(scene, data=data)


def _find(place: Path, name: str) -> Path | None:
    """The file `name`, in any case, in the folder or one level below; the shallowest, then the first by name."""
    found = [
        p for pattern in ("*", "*/*") for p in sorted(place.glob(pattern)) if p.name.lower() == name.lower()
    ]
    return next((p for p in found if p.is_file()), None)


def _published(scene: _Published, place: Path) -> Scene:
    paths = []
    for name, _ in (scene.cube, scene.truth):
        path = _find(place, name)
        if path is None:
            raise BadData(
                f"{place}: the folder must hold {name} as published, not lack it; give another folder"
            )
        paths.append(path)
    cube = _array(paths[0], scene.cube[1], 3)
    truth = _array(paths[1], scene.truth[1], 2)
    _require(
        cube.shape[:2] == truth.shape,
        paths[0].name,
        f"the cube must be of the ground truth's size, {truth.shape[0]} x {truth.shape[1]}",
        f"{cube.shape[0]} x {cube.shape[1]}",
        f"take it and {paths[1].name} from one scene",
    )
    _require(
        truth.dtype.kind in "iu" or bool((truth == np.rint(truth)).all()),
        paths[1].name,
        "labels must be whole numbers",
        "fractions",
    )
    top = len(scene.class_names)
    bad = truth[(truth < 0) | (truth > top)]
    if len(bad):
        raise BadData(f"{paths[1].name}: labels must be 0 (none) to {top}, not {bad[0]:g}; check the file")
    row, col = np.nonzero(truth)
    return Scene(
        name=scene.name,
        spectra=cube[row, col],
        labels=truth[row, col].astype(np.int64) - 1,
        row=row.astype(np.int64),
        col=col.astype(np.int64),
        shape=(truth.shape[0], truth.shape[1]),
        class_names=scene.class_names,
        source=f"{paths[0].name} and {paths[1].name}",
    )


def _array(path: Path, variable: str, ndim: int) -> NDArray[Any]:
    """The array `variable` of a MATLAB file, or else its only array of `ndim` dimensions; of real numbers."""
    import scipy.io
    from scipy.io.matlab import MatReadError

    try:
        content = scipy.io.loadmat(path, appendmat=False)
    except NotImplementedError:
        raise BadData(
            f"{path.name}: must be a MATLAB file of version 5 to 7, not 7.3; save it with -v7"
        ) from None
    except (MatReadError, *_DAMAGE) as error:
        raise BadData(
            f"{path.name}: must be a MATLAB file, not damaged ({_line(error)}); fetch it again"
        ) from None
    arrays = {k: v for k, v in content.items() if isinstance(v, np.ndarray) and v.ndim == ndim and v.size}
    if variable in arrays:
        array = arrays[variable]
    else:
        of_numbers = [v for v in arrays.values() if v.dtype.kind in "iuf"]
        _require(
            len(of_numbers) == 1,
            path.name,
            f"must hold {variable} or a single array of {ndim} dimensions",
            f"{len(of_numbers)} of them",
            "take the file as published",
        )
        array = of_numbers[0]
    _require(array.dtype.kind in "iuf", path.name, f"{variable} must hold real numbers", str(array.dtype))
    return array


def _read_crop(path: Path) -> Scene:
    names = ("X", "y8", "row", "col", "block_split")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            _require(not missing, path.name, f"must hold {', '.join(names)}", f"lack {', '.join(missing)}")
            x, y, row, col, split = (file[name] for name in names)
    except _DAMAGE as error:
        raise BadData(
            f"{path.name}: must be a .npz file, not damaged ({_line(error)}); fetch it again"
        ) from None
    for name, array in zip(names[1:], (y, row, col, split), strict=True):
        _require(array.ndim == 1, path.name, f"{name} must have 1 dimension", str(array.ndim))
        _require(len(array) == len(x), path.name, f"{name} must be one a spectrum, {len(x)}", str(len(array)))
        _require(array.dtype.kind in "iu", path.name, f"{name} must hold integers", str(array.dtype))
    order = np.lexsort((col, row))
    bad = y[(y < 1) | (y > len(_CROP_CLASSES))]
    if len(bad):
        raise BadData(f"{path.name}: labels must be 1 to {len(_CROP_CLASSES)}, not {bad[0]}; check the file")
    return Scene(
        name="Salinas crop",
        spectra=x[order],
        labels=y[order].astype(np.int64) - 1,
        row=row[order].astype(np.int64),
        col=col[order].astype(np.int64),
        shape=(512, 217),
        class_names=tuple(_SALINAS[c - 1] for c in _CROP_CLASSES),
        source=path.name,
        block_split=split[order].astype(np.uint8),
    )


def _cut_crop(whole: Scene) -> Scene:
    """The crop of the published scene: the pixels and the split of the .npz."""
    row, col = whole.row - _CROP_ROW, whole.col - _CROP_COL
    inside = (row >= 0) & (row < _CROP_SIDE) & (col >= 0) & (col < _CROP_SIDE)
    inside &= np.isin(whole.labels + 1, _CROP_CLASSES)
    blocks = np.array([int(c) for c in _CROP_BLOCKS], dtype=np.uint8)
    side = _CROP_SIDE // BLOCK
    return Scene(
        name="Salinas crop",
        spectra=whole.spectra[inside],
        labels=np.searchsorted(_CROP_CLASSES, whole.labels[inside] + 1).astype(np.int64),
        row=whole.row[inside],
        col=whole.col[inside],
        shape=whole.shape,
        class_names=tuple(_SALINAS[c - 1] for c in _CROP_CLASSES),
        source=whole.source,
        block_split=blocks[(row[inside] // BLOCK) * side + col[inside] // BLOCK],
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


# -------------------------------------------------------------------------------------------------------- synthetic


def synthetic(*, seed: int = 0, bands: int = 204, classes: int = 8, side: int = 120) -> Scene:
    """A made-up scene of the real ones' kind: fields on a map, each of one class, spectra in counts.

    A class is a smooth curve with its own few bumps under a common illumination with absorption gaps. A field has
    smaller bumps of its own, a brightness and a tilt; a pixel mixes in another class, and adds noise. Equal
    arguments give equal scenes. It stands in for a real scene where there is none; its accuracies mean nothing.
    """
    rng = np.random.default_rng([seed, bands, classes, side])
    wave = np.linspace(0.0, 1.0, bands)

    def bump(centre: float, width: float) -> NDArray[np.float64]:
        return np.exp(-(((wave - centre) / width) ** 2))

    light = 0.25 + 0.75 * bump(0.22, 0.25)
    for gap, width in ((0.52, 0.02), (0.71, 0.03), (0.97, 0.04)):  # water in the air
        light = light * (1.0 - 0.97 * bump(gap, width))
    common = 0.35 + 0.3 * bump(rng.uniform(0.2, 0.4), 0.2)

    def bumps(height: float) -> NDArray[np.float64]:
        some = [
            rng.uniform(-height, height) * bump(rng.uniform(0, 1), rng.uniform(0.03, 0.15)) for _ in range(4)
        ]
        return np.asarray(np.sum(some, axis=0))

    # Fields: the nearest of random centres; each class owns several, dealt out in turn.
    fields = 6 * classes
    centre = rng.uniform(0, side, (fields, 2))
    row, col = (v.ravel() for v in np.mgrid[0:side, 0:side])
    distance = np.stack([(row - r) ** 2 + (col - c) ** 2 for r, c in centre], axis=1)
    near = np.partition(distance, 1, axis=1)
    field = distance.argmin(axis=1)
    inside = np.sqrt(near[:, 1]) - np.sqrt(near[:, 0]) > 2.0  # paths between the fields are unlabelled
    row, col, field = row[inside], col[inside], field[inside]
    owner = rng.permutation(np.arange(fields) % classes)
    labels = owner[field]

    curves = np.stack([common + bumps(0.1) for _ in range(classes)])
    own = np.stack([bumps(0.02) for _ in range(fields)])
    gain = 1.0 + rng.normal(0, 0.08, (fields, 1)) + rng.normal(0, 0.02, (fields, 1)) * (wave - 0.5)
    other = (labels + rng.integers(1, classes, len(labels))) % classes
    share = rng.uniform(0, 0.3, (len(labels), 1))
    clean = (1 - share) * curves[labels] + share * curves[other] + own[field]
    counts = 8192 * light * clean * gain[field] * (1 + rng.normal(0, 0.03, (len(labels), 1)))
    counts += rng.normal(0, 20.0, counts.shape)
    return Scene(
        name="synthetic",
        spectra=np.clip(np.rint(counts), -9, 9000).astype(np.int16),
        labels=labels.astype(np.int64),
        row=row.astype(np.int64),
        col=col.astype(np.int64),
        shape=(side, side),
        class_names=tuple(f"Synthetic field {k + 1}" for k in range(classes)),
        source=f"synthetic, seed {seed}",
        synthetic=True,
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
    _require(
        bool((wanted > 0).all()),
        "split",
        "shares of train and validation must be above 0 and below 1 together",
        f"{train} and {validation}",
        "give others",
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
        _require(
            len(pixels) > train + validation,
            scene.source,
            f"every class must have more than {train + validation} pixels for this split",
            f"{len(pixels)} of {scene.class_names[k]}",
            "ask for fewer",
        )
        for part, some in zip(parts, np.split(pixels, [train, train + validation]), strict=True):
            part.append(some)
    joined: Iterator[NDArray[np.int64]] = (np.sort(np.concatenate(part)) for part in parts)
    name = f"{scene.name}, {train} + {validation} random pixels a class, seed {seed} (neighbours leak)"
    return Split(name=name, disjoint=False, train=next(joined), validation=next(joined), test=next(joined))
