# SPDX-License-Identifier: Apache-2.0
"""Pictures of the report as PNG images: class maps in colours that colour-blind readers can tell apart, and masks."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# P. Tol, "Colour schemes" (SRON/EPS/TN/09-002, 2021), scheme "muted", in an order that keeps neighbours apart.
_FEW = (
    "#88ccee",
    "#cc6677",
    "#ddcc77",
    "#117733",
    "#5b4fc4",  # "muted" has #332288 here; lighter, so that it stands out from a dark page
    "#aa4499",
    "#44aa99",
    "#999933",
    "#882255",
)
# Found by search for the largest least distance (24 in CIE L*a*b*) to eyes with all cones, without the long-wave and
# without the middle-wave ones, at a lightness that stands out from both page colours.
_MANY = (
    "#ffdb6d",
    "#4924b6",
    "#6ddbb6",
    "#db9200",
    "#244992",
    "#db92ff",
    "#496d00",
    "#926dff",
    "#ffdb00",
    "#6d496d",
    "#6db66d",
    "#6d00ff",
    "#926d6d",
    "#dbdbff",
    "#004924",
    "#9292b6",
)
_RIGHT, _WRONG, _RIGHT_SEEN, _WRONG_SEEN = "#7fa6c9", "#d55e00", "#c3d3e2", "#eebb99"


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassMap:
    """Pixels of a scene: position, true and predicted class, each an integer array (N,).

    truth, predicted: index of the class, 0 first; truth is None where it is not known.
    test:             (N,) of bool, True where the pixel belongs to the split that the accuracy is counted on
                      (the others were seen in training or choosing the model); None where there is no such split.
    names:            of the classes, for a page that has none for them.
    """

    row: NDArray[np.integer]
    col: NDArray[np.integer]
    truth: NDArray[np.integer] | None
    predicted: NDArray[np.integer]
    test: NDArray[np.bool_] | None = None
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        given = (self.row, self.col, self.truth, self.predicted, self.test)
        shapes = [a.shape for a in given if a is not None]
        if set(shapes) != {(len(self.row),)}:
            raise ValueError(f"class map: all arrays must have one shape (N,), not {shapes}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Images with the masks that the hardware made of them.

    images: (N, H, W, 3) in [0, 1]
    masks:  (N, H, W), true where the hardware's mask is set
    truth:  (N, H, W), true where the mask should be set; None: not known
    names:  of every image; empty: they are numbered from 1
    total:  how many images these are taken from; None: these are all
    """

    images: NDArray[np.floating]
    masks: NDArray[np.bool_]
    truth: NDArray[np.bool_] | None = None
    names: Sequence[str] = ()
    total: int | None = None

    def __post_init__(self) -> None:
        shape = self.images.shape
        if len(shape) != 4 or shape[-1] != 3 or 0 in shape[1:]:
            raise ValueError(f"frames: images must have the shape (N, H, W, 3), not {shape}")
        if not ((self.images >= 0) & (self.images <= 1)).all():
            raise ValueError("frames: images must lie in [0, 1]")
        for name, a in (("masks", self.masks), ("truth", self.truth)):
            if a is not None and (a.shape != shape[:-1] or a.dtype != np.bool_):
                raise ValueError(
                    f"frames: {name} must be of bool and shape {shape[:-1]}, not {a.dtype} {a.shape}"
                )
        if self.names and len(self.names) != len(self.images):
            raise ValueError(f"frames: there must be {len(self.images)} names, not {len(self.names)}")


@dataclass(frozen=True)
class Key:
    """One entry of a legend."""

    colour: str
    label: str
    count: int


@dataclass(frozen=True)
class Picture:
    """An image as data URI with the text that stands for it."""

    title: str
    alt: str
    uri: str
    width: int
    height: int
    keys: tuple[Key, ...] = field(default=())


def palette(classes: int) -> tuple[str, ...]:
    """Colours "#rrggbb" of that many classes; beyond sixteen they repeat."""
    colours = _FEW if classes <= len(_FEW) else _MANY
    return tuple(colours[k % len(colours)] for k in range(classes))


def png(pixels: NDArray[np.uint8], colours: Sequence[str]) -> bytes:
    """An indexed PNG of `pixels` (H, W): 0 is transparent, k is `colours[k - 1]`."""
    if pixels.ndim != 2 or pixels.size == 0:
        raise ValueError(f"png: pixels must be a (H, W) image, not of shape {pixels.shape}")
    height, width = pixels.shape
    rgb = b"\0\0\0" + b"".join(bytes.fromhex(c[1:]) for c in colours)
    rows = np.pad(pixels, ((0, 0), (1, 0)))  # each row opens with its filter, 0: none
    data = zlib.compress(rows.astype(np.uint8).tobytes(), 9)
    return _file(width, height, 3, data, (b"PLTE", rgb), (b"tRNS", b"\0"))


def _file(width: int, height: int, colour_type: int, data: bytes, *before: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 bits a sample; `before`: chunks that its colour type needs ahead of the data."""
    head = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", head), *before, (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )


def data_uri(image: bytes) -> str:
    """The image as text that needs no file."""
    return "data:image/png;base64," + base64.b64encode(image).decode("ascii")


def pictures(classes: ClassMap, names: Sequence[str]) -> tuple[Picture, ...]:
    """Ground truth, prediction, and where the two disagree; legends with counts. The prediction alone without a truth.

    Raises ValueError where a label has no name.
    """
    labelled = [a for a in (classes.truth, classes.predicted) if a is not None]
    top = max(int(a.max(initial=0)) for a in labelled)
    low = min(int(a.min(initial=0)) for a in labelled)
    if low < 0 or top >= len(names):
        raise ValueError(f"class map: labels must be 0 to {len(names) - 1}, not {low if low < 0 else top}")
    if len(classes.row) == 0:
        return ()
    colours = palette(len(names))
    labels = [Key(c, name, 0) for c, name in zip(colours, names, strict=True)]
    if classes.truth is None:
        return (
            _picture(
                "Predicted", "Map of the predicted class of every pixel", classes, classes.predicted, labels
            ),
        )
    seen = np.zeros(len(classes.row), bool) if classes.test is None else ~classes.test
    wrong = classes.truth != classes.predicted
    share = f"{len(wrong) - int(wrong.sum()):,} of {len(wrong):,} labelled pixels agree"
    if classes.test is None:
        verdict_keys = [Key(_RIGHT, "right", 0), Key(_WRONG, "wrong", 0)]
    else:
        verdict_keys = [
            Key(_RIGHT, "right", 0),
            Key(_WRONG, "wrong", 0),
            Key(_RIGHT_SEEN, "right, not in the test split", 0),
            Key(_WRONG_SEEN, "wrong, not in the test split", 0),
        ]
    return (
        _picture(
            "Ground truth", "Map of the true class of every labelled pixel", classes, classes.truth, labels
        ),
        _picture(
            "Predicted",
            "Map of the predicted class of every labelled pixel",
            classes,
            classes.predicted,
            labels,
        ),
        _picture(
            "Disagreement",
            f"Map of the pixels where prediction and ground truth differ: {share}",
            classes,
            wrong + 2 * seen,
            verdict_keys,
        ),
    )


def _picture(title: str, alt: str, at: ClassMap, values: NDArray[np.integer], keys: Sequence[Key]) -> Picture:
    row, col = at.row - at.row.min(), at.col - at.col.min()
    image = np.zeros((int(row.max()) + 1, int(col.max()) + 1), np.uint8)
    image[row, col] = values + 1
    counts = np.bincount(values, minlength=len(keys))
    return Picture(
        title,
        alt,
        data_uri(png(image, [k.colour for k in keys])),
        image.shape[1],
        image.shape[0],
        tuple(Key(k.colour, k.label, int(n)) for k, n in zip(keys, counts, strict=True)),
    )


# Beside each other a third of the page wide, each: outlines are drawn at about this many pixels a side.
_DETAIL = 384
# Pixels of all frames together that are shown, and frames: the page stays small enough to open at once.
_PIXELS, _FRAMES = 2**20, 6
_FILL, _EDGE, _TRUE = (255, 176, 0), (255, 176, 0), (0, 255, 255)


def iou(masks: NDArray[Any], truth: NDArray[Any]) -> float | None:
    """Intersection over union of all pixels of masks of one shape; None where neither sets any.

    Raises ValueError where the shapes differ.
    """
    if masks.shape != truth.shape:
        raise ValueError(f"masks: must have the shape {truth.shape} of the true ones, not {masks.shape}")
    a, b = masks.astype(bool), truth.astype(bool)
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else None


@dataclass(frozen=True)
class FramePicture:
    """A frame: what the hardware sees in it, and the image with the truth's outline or as it is."""

    name: str
    mask: Picture
    beside: Picture
    set: int  # pixels of the hardware's mask
    true: int | None  # pixels of the true mask
    iou: float | None  # None also where there is nothing to compare


def frame_pictures(frames: Frames) -> tuple[FramePicture, ...]:
    """The first frames, as many as suit a page."""
    height, width = frames.images.shape[1:3]
    count = min(len(frames.images), _FRAMES, max(1, _PIXELS // (height * width)))
    found = []
    for k in range(count):
        name = frames.names[k] if frames.names else str(k + 1)
        image = np.round(255 * np.asarray(frames.images[k], np.float64)).astype(np.uint8)
        mask = frames.masks[k]
        truth = None if frames.truth is None else frames.truth[k]
        seen = image.copy()
        seen[mask] = (0.55 * image[mask] + 0.45 * np.array(_FILL)).round().astype(np.uint8)
        share = None if truth is None else iou(mask, truth)
        with_mask = _framed(
            seen,
            mask,
            _EDGE,
            "The hardware's mask",
            f"Frame {name} with the hardware's mask laid over, {int(mask.sum()):,} of {mask.size:,} pixels",
        )
        beside = (
            _framed(image, None, _TRUE, "The frame", f"Frame {name}")
            if truth is None
            else _framed(
                image,
                truth,
                _TRUE,
                "Ground truth",
                f"Frame {name} with the ground truth outlined, {int(truth.sum()):,} of {truth.size:,} pixels",
            )
        )
        found.append(
            FramePicture(
                name, with_mask, beside, int(mask.sum()), None if truth is None else int(truth.sum()), share
            )
        )
    return tuple(found)


def outline(mask: NDArray[np.bool_], scale: int) -> NDArray[np.bool_]:
    """The innermost pixels of a mask (H, W) drawn `scale` times as large, two where its pixels have room for them."""
    large = mask.repeat(scale, axis=0).repeat(scale, axis=1)
    inside = large
    for _ in range(2 if scale >= 8 else 1):
        p = np.pad(inside, 1)
        inside = inside & p[:-2, 1:-1] & p[2:, 1:-1] & p[1:-1, :-2] & p[1:-1, 2:]
    line: NDArray[np.bool_] = large & ~inside
    return line


def _framed(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_] | None,
    colour: tuple[int, int, int],
    title: str,
    alt: str,
) -> Picture:
    """An image (H, W, 3) with the mask's outline, drawn larger by a whole number where it is small."""
    height, width = image.shape[:2]
    scale = max(1, _DETAIL // max(height, width)) if mask is not None else 1
    large = image.repeat(scale, axis=0).repeat(scale, axis=1)
    if mask is not None:
        large[outline(mask, scale)] = colour
    return Picture(title, alt, data_uri(png_rgb(large)), large.shape[1], large.shape[0])


def png_rgb(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of `pixels` (H, W, 3)."""
    if pixels.ndim != 3 or pixels.shape[-1] != 3 or pixels.size == 0:
        raise ValueError(f"png: pixels must be a (H, W, 3) image, not of shape {pixels.shape}")
    height, width = pixels.shape[:2]
    above = np.pad(pixels, ((1, 0), (0, 0), (0, 0)))[:-1]
    rows = np.pad((pixels - above).reshape(height, -1), ((0, 0), (1, 0)), constant_values=0)
    rows[:, 0] = 2  # filter "up": each row as the difference to the one above
    return _file(width, height, 2, zlib.compress(rows.astype(np.uint8).tobytes(), 9))
