# SPDX-License-Identifier: Apache-2.0
"""Images with masks: frames of one size with their split, and whole scenes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import require
from rtl4ml.data.tiling import Tiling
from rtl4ml.errors import BadData

Mask = NDArray[np.bool_]

PARTS = ("train", "validation", "test")


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
        require(
            self.images.ndim == 4 and self.images.dtype == np.uint8,
            f"{where}: images must be uint8 of shape (images, height, width, channels), "
            f"not {self.images.dtype} of {self.images.shape}; check the file",
        )
        require(n > 0, f"{where}: a set must have images, not none; give another")
        require(
            self.masks.dtype == np.bool_ and self.masks.shape == self.images.shape[:3],
            f"{where}: masks must be bool of the images' shape, {self.images.shape[:3]}, "
            f"not {self.masks.dtype} of {self.masks.shape}; take both from one set",
        )
        for what, texts in (("names", self.names), ("groups", self.groups)):
            require(
                len(texts) == n, f"{where}: {what} must be one an image, {n}, not {len(texts)}; check the set"
            )
        twice = _first_double(self.names)
        require(
            twice is None, f"{where}: every image must have a name of its own, not {twice} twice; rename one"
        )
        require(
            bool(self.masks.any()),
            f"{where}: the masks must have ship pixels, not only background; check that they belong to the images",
        )
        parts = self._parts()
        for what, part in parts:
            bad = part[(part < 0) | (part >= n)]
            require(
                not len(bad),
                f"{where}: indices of {what} images must be 0 to {n - 1}, "
                f"not {bad[0] if len(bad) else ''}; deal them out again",
            )
            require(
                len(part) > 0,
                f"{where}: the {what} part of a split must have images, not none; deal them out again",
            )
            require(
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
            require(
                len(np.unique(part)) == len(part),
                f"{self.source}: the {what} part of a split must have each image once, not one twice; "
                "deal them out again",
            )
            for i in part.tolist():
                other, j = seen.setdefault(content_digest(self.images[i]), (what, i))
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
        require(part in PARTS, f"part: must be one of {', '.join(PARTS)}, not {part!r}; name one of them")
        return tuple(sorted({self.groups[i] for i in dict(self._parts())[part].tolist()}))

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
        require(
            self.image.ndim == 3 and self.image.dtype == np.uint8,
            f"{self.source}: an image must be uint8 of shape (height, width, channels), "
            f"not {self.image.dtype} of {self.image.shape}; check the file",
        )
        same_size(self.source, self.instances, self.image)
        require(
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


def same_size(where: str, mask: NDArray[Any], image: NDArray[np.uint8], what: str = "a mask") -> None:
    """Raises BadData where a mask is not of its image's size."""
    require(
        mask.shape == image.shape[:2],
        f"{where}: {what} must be of its image's size, {size_text(image)}, not {size_text(mask)}; "
        "take both from one set",
    )


def size_text(array: NDArray[Any]) -> str:
    """Rows x columns of an image."""
    return " x ".join(str(n) for n in array.shape[:2])


def _first_double(texts: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for text in texts:
        if text in seen:
            return text
        seen.add(text)
    return None


def content_digest(image: NDArray[np.uint8]) -> bytes:
    """SHA-256 of an image's values."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()


def with_scenes(frames: Frames, pictures: Sequence[Picture]) -> Frames:
    """The frames, and beside those that train the rest of whole scenes of their groups, cut side by side.

    Frames of the same size, the last of a row or column where it ends with the scene; one is named
    <scene>_<row>_<column>, and left out where the set has it already. Raises BadData where a scene is of a group that
    does not train alone.
    """
    alone = set(frames.groups_of("train")) - {g for part in PARTS[1:] for g in frames.groups_of(part)}
    size, there = frames.shape[:2], set(frames.names)
    cut: list[tuple[NDArray[np.uint8], Mask]] = []
    names, groups = list(frames.names), list(frames.groups)
    for picture in pictures:
        require(
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


def named_split(
    where: str, names: tuple[str, ...], parts: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.int64]]:
    """Indices of the images that `parts` names."""
    require(
        sorted(parts) == sorted(PARTS),
        f"{where}: a split must have the parts {', '.join(PARTS)}, not {', '.join(parts) or 'none'}; name all three",
    )
    index = {name: i for i, name in enumerate(names)}
    for part in PARTS:
        for name in parts[part]:
            require(
                name in index,
                f"{where}: the {part} part of a split must name images of the set, not {name}; check the names",
            )
    return {part: np.array([index[name] for name in parts[part]], dtype=np.int64) for part in PARTS}
