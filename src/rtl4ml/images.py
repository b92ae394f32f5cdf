# SPDX-License-Identifier: Apache-2.0
"""Images with masks of ships: frames of one size with their split, whole scenes, and the files that hold them.

Three kinds of files: the sen2ships set (github.com/ShipDetectionExperts/sen2ships, MIT; its imagery contains modified
Copernicus Sentinel data 2022-2023), folders of images and masks, and images with the run lengths of the Airbus ship
detection challenge (kaggle.com/c/airbus-ship-detection). A data file is data: nothing in one runs code.
"""

from __future__ import annotations

import csv
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml import data as scenes
from rtl4ml.errors import BadData

Mask = NDArray[np.bool_]

PARTS = ("train", "validation", "test")
AIRBUS_SHAPE = (768, 768)
LOSSLESS = (".png", ".tif", ".tiff", ".bmp")  # what a mask may be: a lossy one has noise around its ships
IMAGES = (*LOSSLESS, ".jpg", ".jpeg")

_TILES_FILE = "sen2ships_tiles128.npz"
_SCENES_FOLDER = "sen2ships"
_TILE_SPLITS = ("train", "val", "test")  # as the file spells PARTS
_DEALS = 200

# What Pillow and NumPy raise over a file whose bytes are wrong.
_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError),
    *(RuntimeError, SyntaxError, struct.error, zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Images of one size, the mask of each, and which of them train, validate and test.

    images: (N, H, W, C) uint8.
    masks:  (N, H, W) bool, True on ships.
    names:  N, no two the same.
    groups: N, what the images of one place have in common, such as the port.
    train, validation, test: (n,) int64, indices of images. Each part has ships; no image is in two parts, neither
    itself nor another one of equal pixels. An image may be in no part.
    source: the files' names, for reports.
    Raises BadData where these contradict each other. Images that overlap without being equal are not noticed: give
    them one group.
    """

    name: str
    images: NDArray[np.uint8]
    masks: Mask
    names: tuple[str, ...]
    groups: tuple[str, ...]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    source: str

    def __post_init__(self) -> None:
        where, n = self.source, len(self.images)
        _require(
            self.images.ndim == 4 and self.images.dtype == np.uint8,
            f"{where}: images must be uint8 of shape (images, height, width, channels), "
            f"not {self.images.dtype} of {self.images.shape}; check the file",
        )
        _require(n > 0, f"{where}: a set must have images, not none; give another")
        _require(
            self.masks.dtype == np.bool_ and self.masks.shape == self.images.shape[:3],
            f"{where}: masks must be bool of the images' shape, {self.images.shape[:3]}, "
            f"not {self.masks.dtype} of {self.masks.shape}; take both from one set",
        )
        for what, texts in (("names", self.names), ("groups", self.groups)):
            _require(
                len(texts) == n, f"{where}: {what} must be one an image, {n}, not {len(texts)}; check the set"
            )
        twice = _first_double(self.names)
        _require(
            twice is None, f"{where}: every image must have a name of its own, not {twice} twice; rename one"
        )
        _require(
            bool(self.masks.any()),
            f"{where}: the masks must have ship pixels, not only background; check that they belong to the images",
        )
        parts = self._parts()
        for what, part in parts:
            bad = part[(part < 0) | (part >= n)]
            _require(
                not len(bad),
                f"{where}: indices of {what} images must be 0 to {n - 1}, "
                f"not {bad[0] if len(bad) else ''}; deal them out again",
            )
            _require(
                len(part) > 0,
                f"{where}: the {what} part of a split must have images, not none; deal them out again",
            )
            _require(
                bool(self.masks[part].any()),
                f"{where}: the {what} part of a split must have ship pixels, not only background; "
                "deal the images out again",
            )
        self._check_shared(parts)

    def _parts(self) -> tuple[tuple[str, NDArray[np.int64]], ...]:
        return tuple(zip(PARTS, (self.train, self.validation, self.test), strict=True))

    def _check_shared(self, parts: Iterable[tuple[str, NDArray[np.int64]]]) -> None:
        """No image in two parts, be it under one name or two."""
        seen: dict[bytes, tuple[str, int]] = {}
        for what, part in parts:
            _require(
                len(np.unique(part)) == len(part),
                f"{self.source}: the {what} part of a split must have each image once, not one twice; "
                "deal them out again",
            )
            for i in part.tolist():
                other, j = seen.setdefault(_digest(self.images[i]), (what, i))
                if other == what:
                    continue
                if i == j:
                    raise BadData(
                        f"{self.source}: a split must have each image in one part, not {self.names[i]} in {other} "
                        f"and {what}; deal them out again"
                    )
                raise BadData(
                    f"{self.source}: no two parts of a split may share an image, not {self.names[j]} of {other} and "
                    f"{self.names[i]} of {what}, which are equal; drop one of them"
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.images.shape[1], self.images.shape[2], self.images.shape[3]

    @property
    def disjoint(self) -> bool:
        """No group is in two parts. Where False, places that were trained on are tested on."""
        sets = [set(self.groups_of(part)) for part in PARTS]
        return len(set().union(*sets)) == sum(len(s) for s in sets)

    def groups_of(self, part: str) -> tuple[str, ...]:
        """The groups of the images of a part, one of PARTS, sorted. Raises BadData where there is no such part."""
        _require(part in PARTS, f"part: must be one of {', '.join(PARTS)}, not {part!r}; name one of them")
        return tuple(sorted({self.groups[i] for i in dict(self._parts())[part].tolist()}))

    def with_split(self, parts: Mapping[str, Sequence[str]]) -> Frames:
        """The same frames, dealt out as `parts` says: names of images for each of PARTS.

        Raises BadData where a name is unknown, a part is missing, or the split is no split.
        """
        found = _named_split(self.source, self.names, parts)
        return replace(self, train=found["train"], validation=found["validation"], test=found["test"])

    def sha256(self) -> str:
        """Hash of images and masks in their order, the same whichever files they came from."""
        digest = hashlib.sha256()
        for array in (self.images, self.masks.astype(np.uint8)):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A whole scene with its ships told apart.

    image: (H, W, C) uint8. instances: (H, W), unsigned integers, 0 background, else the number of the ship.
    source: the files' names. Raises BadData where the two are of different size or there is no ship.
    """

    name: str
    image: NDArray[np.uint8]
    instances: NDArray[Any]
    source: str

    def __post_init__(self) -> None:
        _require(
            self.image.ndim == 3 and self.image.dtype == np.uint8,
            f"{self.source}: an image must be uint8 of shape (height, width, channels), "
            f"not {self.image.dtype} of {self.image.shape}; check the file",
        )
        _same_size(self.source, self.instances, self.image)
        _require(
            bool(self.instances.any()),
            f"{self.source}: the mask must have ship pixels, not only background; "
            "check that it belongs to the image",
        )

    @property
    def mask(self) -> Mask:
        """(H, W) bool, True on ships."""
        return self.instances > 0

    def sha256(self) -> str:
        """Hash of image and instances."""
        digest = hashlib.sha256()
        for array in (self.image, self.instances.astype("<i8")):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise BadData(text)


def _same_size(where: str, mask: NDArray[Any], image: NDArray[np.uint8], what: str = "a mask") -> None:
    _require(
        mask.shape == image.shape[:2],
        f"{where}: {what} must be of its image's size, {_size(image)}, not {_size(mask)}; take both from one set",
    )


def _size(array: NDArray[Any]) -> str:
    return " x ".join(str(n) for n in array.shape[:2])


def _first_double(texts: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            return text
        seen.add(text)
    return None


def _digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


# ------------------------------------------------------------------------------------------------------ image files


def _read(path: Path, kind: str) -> tuple[str, NDArray[Any]]:
    """Mode and pixels of a file; those of a palette stay its indices. kind: "an image" or "a mask", for refusals."""
    from PIL import Image

    _require(
        path.is_file(),
        f"{path.name}: must be a file in {path.parent}, not missing; fetch it or leave it out",
    )
    try:
        with Image.open(path) as image:
            pages, mode = getattr(image, "n_frames", 1), image.mode
            pixels = np.array(image)
    except (Image.DecompressionBombError, *_DAMAGE) as error:
        raise BadData(f"{path.name}: must be {kind}, not damaged ({_line(error)}); fetch it again") from None
    _require(pages == 1, f"{path.name}: must hold one image, not {pages}; save each in a file of its own")
    return mode, pixels


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """The pixels of an image file, (H, W, C) uint8, C 1, 3 or 4 as in the file; a palette is looked up.

    Raises BadData where the file is missing, damaged, or has no 8-bit channels.
    """
    from PIL import Image

    path = Path(path)
    mode, pixels = _read(path, "an image")
    if mode == "P":
        with Image.open(path) as image:
            mode, pixels = "RGB", np.array(image.convert("RGB"))
    _require(
        mode in ("L", "RGB", "RGBA"),
        f"{path.name}: an image must have 8-bit grey, RGB or RGBA pixels, not those of mode {mode}; convert it",
    )
    return pixels.reshape(*pixels.shape[:2], -1).astype(np.uint8)


def read_mask(path: str | Path) -> NDArray[Any]:
    """The numbers of a mask file, (H, W), unsigned: 0 background, else a ship or its number.

    Raises BadData where the file is missing, damaged, lossy or has several channels.
    """
    path = Path(path)
    _require(
        path.suffix.lower() in LOSSLESS,
        f"{path.name}: a mask must be one of {', '.join(LOSSLESS)}, not {path.suffix}; save it without loss",
    )
    mode, pixels = _read(path, "a mask")
    _require(
        pixels.ndim == 2 and pixels.dtype.kind in "bui",
        f"{path.name}: a mask must have one channel of integers, not those of mode {mode}; save it in grey",
    )
    _require(
        pixels.dtype.kind != "i" or not (pixels < 0).any(),
        f"{path.name}: a mask must have numbers of at least 0, not {pixels.min()}; save it anew",
    )
    return pixels.astype(np.uint8 if pixels.dtype == np.bool_ else pixels.dtype.str.replace("i", "u"))


def _stack(where: str, names: Sequence[str], images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    for name, image in zip(names, images, strict=True):
        _require(
            image.shape == images[0].shape,
            f"{where}: images must be of one size, {_whole(images[0])} as {names[0]}, not {_whole(image)} as {name}; "
            "cut them to one size",
        )
    return np.stack(images)


def _whole(image: NDArray[np.uint8]) -> str:
    return " x ".join(str(n) for n in image.shape)


# ---------------------------------------------------------------------------------------------------------- sen2ships


def _place(data: str | Path | None) -> Path:
    place = scenes.folder(data)
    if place is None:
        raise BadData(
            f"sen2ships: the folder of the images must be given, not left out; give --data or set {scenes.VARIABLE}"
        )
    return place


def sen2ships(*, data: str | Path | None = None, nir: bool = False) -> Frames:
    """The tiles of 128 x 128 pixels (10 m) of sen2ships_tiles128.npz, its split by port as given: (N, 128, 128, 3).

    data: folder of the file, else RTL4ML_DATA. nir: near infrared as fourth channel; the ports whose tiles have none
    are left out. A group is a port. Raises BadData where the file is missing, damaged or contradicts itself.
    """
    path = _place(data) / _TILES_FILE
    wanted = ("rgbn", "mask", "port", "y", "x", "split")
    _require(
        path.is_file(),
        f"{path.parent}: the folder must hold {path.name}, not lack it; give another folder",
    )
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in wanted if name not in file.files]
            arrays = {} if missing else {name: file[name] for name in wanted}
    except _DAMAGE as error:
        raise BadData(
            f"{path.name}: must be a .npz file, not damaged ({_line(error)}); fetch it again"
        ) from None
    _require(
        not missing,
        f"{path.name}: must hold {', '.join(wanted)}, not lack {', '.join(missing)}; fetch it again",
    )
    rgbn, mask, port, y, x, split = (arrays[name] for name in wanted)
    _require(
        rgbn.ndim == 4 and rgbn.shape[3] == 4 and rgbn.dtype == np.uint8,
        f"{path.name}: rgbn must be uint8 of shape (tiles, height, width, 4), not {rgbn.dtype} of {rgbn.shape}; "
        "fetch it again",
    )
    for name in wanted[2:]:
        _require(
            arrays[name].shape == (len(rgbn),),
            f"{path.name}: {name} must be one a tile, ({len(rgbn)},), not {arrays[name].shape}; fetch it again",
        )
    for name, kinds in (("mask", "bui"), ("y", "ui"), ("x", "ui"), ("port", "U"), ("split", "U")):
        _require(
            arrays[name].dtype.kind in kinds,
            f"{path.name}: {name} must hold {'texts' if kinds == 'U' else 'integers'}, not {arrays[name].dtype}; "
            "fetch it again",
        )
    odd = sorted(set(split.tolist()) - set(_TILE_SPLITS))
    _require(
        not odd,
        f"{path.name}: split must be one of {', '.join(_TILE_SPLITS)}, not {odd[0] if odd else ''}; fetch it again",
    )
    kept = np.ones(len(rgbn), dtype=bool)
    if nir:
        for name in np.unique(port):
            kept[port == name] = rgbn[port == name, ..., 3].any()
    parts = [np.flatnonzero(split[kept] == part) for part in _TILE_SPLITS]
    frames = Frames(
        name="sen2ships tiles",
        images=rgbn[kept][..., : 4 if nir else 3],
        masks=mask[kept] > 0,
        names=tuple(f"{p}_{r:04d}_{c:04d}" for p, r, c in zip(port[kept], y[kept], x[kept], strict=True)),
        groups=tuple(port[kept].tolist()),
        train=parts[0],
        validation=parts[1],
        test=parts[2],
        source=path.name,
    )
    if not frames.disjoint:
        homes = [{*frames.groups_of(part)} for part in PARTS]
        shared = sorted(p for p in set(frames.groups) if sum(p in home for home in homes) > 1)
        raise BadData(
            f"{path.name}: a split by port must have each port in one part, not {shared[0]} in several; fetch it again"
        )
    return frames


def sen2ships_ports(*, data: str | Path | None = None) -> tuple[str, ...]:
    """The ports with a whole scene, sorted. Raises BadData where there is none."""
    place = _place(data) / _SCENES_FOLDER
    found = tuple(sorted(path.name.removesuffix("_rgb.png") for path in place.glob("*_rgb.png")))
    _require(
        bool(found),
        f"{place}: the folder must hold <port>_rgb.png and <port>_inst.png, not none of them; give another folder",
    )
    return found


def sen2ships_scene(port: str, *, data: str | Path | None = None, nir: bool = False) -> Picture:
    """The whole scene of a port, (H, W, 3), its ships numbered; nir: near infrared as fourth channel.

    data: folder that holds sen2ships/, else RTL4ML_DATA. Raises BadData where there is no such port, a file is missing
    or damaged, or sizes differ.
    """
    ports = sen2ships_ports(data=data)
    _require(port in ports, f"port: must be one of {', '.join(ports)}, not {port!r}; name one of them")
    place = _place(data) / _SCENES_FOLDER
    rgb = place / f"{port}_rgb.png"
    image = read_image(rgb)
    if nir:
        path = place / f"{port}_nir.png"
        _require(path.is_file(), f"{path.name}: near infrared must be there, not missing; leave nir out")
        fourth = read_image(path)
        _same_size(path.name, fourth[..., 0], image, "near infrared")
        image = np.concatenate([image, fourth[..., :1]], axis=-1)
    numbers = place / f"{port}_inst.png"
    return Picture(
        name=port, image=image, instances=read_mask(numbers), source=f"{rgb.name} and {numbers.name}"
    )


def with_scenes(frames: Frames, pictures: Sequence[Picture]) -> Frames:
    """The frames, and beside those that train the rest of whole scenes of their groups, cut side by side.

    Frames of the same size, the last of a row or column where it ends with the scene; one is named
    <scene>_<row>_<column>, and left out where the set has it already. Raises BadData where a scene is of a group that
    does not train alone.
    """
    from rtl4ml.segmentation import Tiling

    alone = set(frames.groups_of("train")) - {g for part in PARTS[1:] for g in frames.groups_of(part)}
    size, there = frames.shape[:2], set(frames.names)
    cut: list[tuple[NDArray[np.uint8], Mask]] = []
    names, groups = list(frames.names), list(frames.groups)
    for picture in pictures:
        _require(
            picture.name in alone,
            f"{picture.source}: a scene to train on must be of {', '.join(sorted(alone)) or 'no place'}, "
            f"not of {picture.name}, which validates or tests; leave it out",
        )
        tiling = Tiling(scene=picture.mask.shape, tile=size, stride=size)
        tiles = zip(tiling.places, tiling.cut(picture.image), tiling.cut(picture.mask), strict=True)
        for (row, column), image, mask in tiles:
            name = f"{picture.name}_{row:04d}_{column:04d}"
            if name not in there:
                cut.append((image, mask))
                names.append(name)
                groups.append(picture.name)
    if not cut:
        return frames
    more = np.arange(len(frames.images), len(names), dtype=np.int64)
    return replace(
        frames,
        images=np.concatenate([frames.images, np.stack([image for image, _ in cut])]),
        masks=np.concatenate([frames.masks, np.stack([mask for _, mask in cut])]),
        names=tuple(names),
        groups=tuple(groups),
        train=np.concatenate([frames.train, more]),
    )


# ------------------------------------------------------------------------------------------------------------ folders


def folders(
    images: str | Path,
    masks: str | Path,
    *,
    name: str = "frames",
    groups: Mapping[str, str] | None = None,
    split: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.2,
) -> Frames:
    """Images of one folder with the masks of another: files of equal names but for their endings, one size.

    An image is named by its file without the ending. A mask is a ship where it is not 0. groups: {image: group}, each
    image its own group without it. split: names of images for each of PARTS; without it, `deal` by seed and shares.
    Raises BadData where files are missing, damaged or of different size, or the split is none.
    """
    pictures, drawn = _files(Path(images), IMAGES, "images"), _files(Path(masks), LOSSLESS, "masks")
    for have, other, what, place in ((pictures, drawn, "mask", masks), (drawn, pictures, "image", images)):
        for key in have:
            _require(
                key in other,
                f"{have[key].name}: must have {_a(what)} in {place}, not none; add it or leave it out",
            )
    names = tuple(pictures)
    arrays, truths = [], []
    for key in names:
        image = read_image(pictures[key])
        mask = read_mask(drawn[key])
        _same_size(f"{pictures[key].name} and {drawn[key].name}", mask, image)
        arrays.append(image)
        truths.append(mask > 0)
    stacked = _stack(str(images), names, arrays)
    unknown = sorted(set(groups or ()) - set(names))
    _require(
        not unknown,
        f"groups: must name images of {images}, not {unknown[0] if unknown else ''}; leave it out",
    )
    of = tuple((groups or {}).get(key, key) for key in names)
    return _frames(name, str(images), stacked, np.stack(truths), names, of, split, seed, validation, test)


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def _files(place: Path, endings: tuple[str, ...], what: str) -> dict[str, Path]:
    """{name without ending: file} of a folder, sorted."""
    _require(
        place.is_dir(),
        f"{place}: the folder of {what} must be a folder, not {'a file' if place.exists() else 'missing'}; "
        "check the path",
    )
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() not in IMAGES or not path.is_file() or path.name.startswith("."):
            continue
        _require(
            path.suffix.lower() in endings,
            f"{path.name}: a mask must be one of {', '.join(endings)}, not {path.suffix}; save it without loss",
        )
        _require(
            path.stem not in found,
            f"{place}: {what} must have names of their own, not {path.stem} twice; rename one",
        )
        found[path.stem] = path
    _require(
        bool(found), f"{place}: the folder of {what} must hold {', '.join(endings)}, not none; check the path"
    )
    return found


def _frames(
    name: str,
    source: str,
    images: NDArray[np.uint8],
    masks: Mask,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    split: Mapping[str, Sequence[str]] | None,
    seed: int,
    validation: float,
    test: float,
) -> Frames:
    if split is None:
        dealt = deal(images, masks, groups, seed=seed, validation=validation, test=test, source=source)
        parts = dict(zip(PARTS, dealt, strict=True))
    else:
        parts = _named_split(source, names, split)
    return Frames(name=name, images=images, masks=masks, names=names, groups=groups, source=source, **parts)


def _named_split(
    where: str, names: tuple[str, ...], parts: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Indices of the images that `parts` names."""
    _require(
        sorted(parts) == sorted(PARTS),
        f"{where}: a split must have the parts {', '.join(PARTS)}, not {', '.join(parts) or 'none'}; name all three",
    )
    index = {name: i for i, name in enumerate(names)}
    for part in PARTS:
        for name in parts[part]:
            _require(
                name in index,
                f"{where}: the {part} part of a split must name images of the set, not {name}; check the names",
            )
    return {part: np.array([index[name] for name in parts[part]], dtype=np.int64) for part in PARTS}


def deal(
    images: NDArray[np.uint8],
    masks: Mask,
    groups: Sequence[str],
    *,
    seed: int,
    validation: float = 0.15,
    test: float = 0.2,
    source: str = "split",
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Indices that train, validate and test: whole groups, dealt out at random; equal images stay together.

    images (N, H, W, C), masks (N, H, W), groups N. validation, test: shares of the images and of the ship pixels,
    met about; the rest trains. Of many deals, the one that comes closest. Equal arguments give equal splits.
    Raises BadData where shares are out of range or no deal gives ships to every part.
    """
    wanted = np.array([1 - validation - test, validation, test])
    _require(
        bool((wanted > 0).all()),
        f"{source}: shares of validation and test must be above 0 and below 1 together, not {validation} and {test}; "
        "give others",
    )
    _, where = np.unique(_together(images, groups), return_inverse=True)
    count = np.zeros((where.max() + 1, 2))
    np.add.at(count, where, np.stack([np.ones(len(masks)), masks.sum(axis=(1, 2))], axis=1))
    _require(
        bool(count[:, 1].any()),
        f"{source}: the masks must have ship pixels, not only background; check that they belong to the images",
    )
    rng = np.random.default_rng(seed)
    best, chosen = np.inf, np.zeros(len(count), dtype=np.int64)
    for _ in range(_DEALS):
        part = rng.choice(3, size=len(count), p=wanted)
        share = np.stack([count[part == k].sum(axis=0) for k in range(3)]) / count.sum(axis=0)
        error = float(np.abs(share - wanted[:, None]).max()) + (1.0 if (share == 0).any() else 0.0)
        if error < best:
            best, chosen = error, part
    with_ships = int((count[:, 1] > 0).sum())
    _require(
        best < 1.0,
        f"{source}: enough groups must have ships for all three parts, not {with_ships} of {len(count)}; "
        "give more images or smaller groups",
    )
    train, check, held = (np.flatnonzero(chosen[where] == k).astype(np.int64) for k in range(3))
    return train, check, held


def _together(images: NDArray[np.uint8], groups: Sequence[str]) -> list[str]:
    """The group of each image, with groups that share an image made one."""
    leader = {group: group for group in groups}

    def first(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    holder: dict[bytes, str] = {}
    for image, group in zip(images, groups, strict=True):
        leader[first(group)] = first(holder.setdefault(_digest(image), group))
    return [first(group) for group in groups]


# --------------------------------------------------------------------------------------------------------- run lengths


def decode_rle(text: str, shape: tuple[int, int] = AIRBUS_SHAPE, *, where: str = "run lengths") -> Mask:
    """The mask (H, W) bool of run lengths as in the Airbus challenge: "start length start length ...".

    Pixels count from 1, down the first column, then down the second. No text is no ship. where: for refusals.
    Raises BadData where runs are no numbers, incomplete, out of order, overlapping or out of the frame.
    """
    height, width = shape
    words = text.split()
    for word in words:
        _require(
            word.isascii() and word.isdigit() and len(word) < 16,
            f"{where}: runs must be whole numbers, not {word!r}; fetch the file again",
        )
    _require(
        len(words) % 2 == 0,
        f"{where}: runs must be pairs of start and length, not {len(words)} numbers; fetch the file again",
    )
    flat = np.zeros(height * width, dtype=bool)
    reached = 1
    for start, length in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
        _require(
            start >= 1 and length >= 1,
            f"{where}: starts and lengths must be at least 1, not {start} {length}; fetch the file again",
        )
        _require(
            start + length - 1 <= flat.size,
            f"{where}: runs must end within the frame, {flat.size} pixels, not at {start + length - 1}; "
            "give the shape of the images",
        )
        _require(
            start >= reached,
            f"{where}: runs must ascend without overlap, not start at {start} before {reached}; fetch the file again",
        )
        reached = start + length
        flat[start - 1 : reached - 1] = True
    return flat.reshape(width, height).T.copy()


def encode_rle(mask: Mask) -> str:
    """The run lengths of a mask (H, W): what `decode_rle` reads. No ship is no text."""
    flat = np.concatenate([[0], np.asarray(mask, dtype=np.int8).T.ravel(), [0]])
    edges = np.flatnonzero(np.diff(flat)) + 1
    starts, ends = edges[::2], edges[1::2]
    return " ".join(f"{s} {e - s}" for s, e in zip(starts.tolist(), ends.tolist(), strict=True))


def read_runs(path: str | Path, shape: tuple[int, int] = AIRBUS_SHAPE) -> dict[str, list[str]]:
    """{image: run lengths of each of its ships} of a CSV file with the columns ImageId and EncodedPixels.

    An image has a row for each ship, or one row without runs. Raises BadData where the file is missing, damaged, has
    other columns, or says of an image both that it has ships and that it has none.
    """
    path = Path(path)
    columns = ("ImageId", "EncodedPixels")
    _require(path.is_file(), f"{path.name}: must be a file in {path.parent}, not missing; check the path")
    found: dict[str, list[str]] = {}
    empty: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restkey="more", restval=None)
            head = rows.fieldnames or []
            _require(
                all(name in head for name in columns),
                f"{path.name}: must have the columns {' and '.join(columns)}, not {', '.join(head) or 'none'}; "
                "fetch it again",
            )
            for row in rows:
                _add_row(f"{path.name}, line {rows.line_num}", row, shape, found, empty)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(
            f"{path.name}: must be a CSV file, not damaged ({_line(error)}); fetch it again"
        ) from None
    _require(bool(found), f"{path.name}: must list images, not none; fetch it again")
    return found


def _add_row(
    where: str,
    row: Mapping[str, Any],
    shape: tuple[int, int],
    found: dict[str, list[str]],
    empty: set[str],
) -> None:
    image, runs = row["ImageId"], row["EncodedPixels"]
    _require(
        "more" not in row and image is not None and runs is not None,
        f"{where}: a row must have the header's cells, not more or fewer; fetch the file again",
    )
    _require(
        bool(image) and Path(image).name == image and "\\" not in image,
        f"{where}: ImageId must be the name of a file, not {image!r}; fetch the file again",
    )
    none = not runs.strip()
    if image in found and (none or image in empty):
        raise BadData(
            f"{where}: an image without ships must have one row, not {image} several; fetch the file again"
        )
    ships = found.setdefault(image, [])
    if none:
        empty.add(image)
        return
    decode_rle(runs, shape, where=where)
    ships.append(runs)


def airbus(
    images: str | Path,
    runs: str | Path,
    *,
    names: Sequence[str] | None = None,
    shape: tuple[int, int] = AIRBUS_SHAPE,
    split: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    validation: float = 0.15,
    test: float = 0.2,
) -> Frames:
    """Images of a folder with the masks of a CSV file, as in the Airbus challenge (train_ship_segmentations_v2.csv).

    names: images to take (file names as in the CSV, in this order); without it, all that the CSV lists, which must then
    all be there and fit in memory. shape: of the images. split: names for each of PARTS; without it, `deal` by seed and
    shares, each image its own group: the challenge's images overlap in part, so that random parts leak.
    Raises BadData where files are missing, damaged or of another size, runs are no runs, or the split is none.
    """
    place, listed = Path(images), read_runs(runs, shape)
    _require(
        place.is_dir(),
        f"{place}: the folder of images must be a folder, not {'a file' if place.exists() else 'missing'}; "
        "check the path",
    )
    chosen = tuple(listed if names is None else names)
    _require(bool(chosen), f"{place}: a set must have images, not none; give another")
    for name in chosen:
        _require(name in listed, f"{Path(runs).name}: must list {name}, not lack it; leave the image out")
    pictures, masks = [], []
    for name in chosen:
        image = read_image(place / name)
        _require(
            image.shape[:2] == shape,
            f"{name}: must be of {shape[0]} x {shape[1]} pixels, not {_size(image)}; give the shape of the images",
        )
        pictures.append(image)
        mask = np.zeros(shape, dtype=bool)
        for text in listed[name]:
            mask |= decode_rle(text, shape)
        masks.append(mask)
    source = f"{place.name} and {Path(runs).name}"
    stacked = _stack(source, chosen, pictures)
    return _frames(
        "Airbus ships", source, stacked, np.stack(masks), chosen, chosen, split, seed, validation, test
    )
