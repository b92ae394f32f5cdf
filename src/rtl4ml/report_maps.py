# SPDX-License-Identifier: Apache-2.0
"""Pictures of the report: class maps as small PNG images, in colours that colour-blind readers can tell apart."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

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
    """Labelled pixels of a scene: position, true and predicted class, each an integer array (N,).

    truth, predicted: index of the class, 0 first.
    test:             (N,) of bool, True where the pixel belongs to the split that the accuracy is counted on
                      (the others were seen in training or choosing the model); None where there is no such split.
    """

    row: NDArray[np.integer]
    col: NDArray[np.integer]
    truth: NDArray[np.integer]
    predicted: NDArray[np.integer]
    test: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        shapes = [a.shape for a in (self.row, self.col, self.truth, self.predicted)]
        if self.test is not None:
            shapes.append(self.test.shape)
        if set(shapes) != {(len(self.row),)}:
            raise ValueError(f"class map: all arrays must have one shape (N,), not {shapes}")


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

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", rgb),
            chunk(b"tRNS", b"\0"),
            chunk(b"IDAT", zlib.compress(rows.astype(np.uint8).tobytes(), 9)),
            chunk(b"IEND", b""),
        )
    )


def data_uri(image: bytes) -> str:
    """The image as text that needs no file."""
    return "data:image/png;base64," + base64.b64encode(image).decode("ascii")


def pictures(classes: ClassMap, names: Sequence[str]) -> tuple[Picture, ...]:
    """Ground truth, prediction, and where the two disagree; legends with counts.

    Raises ValueError where a label has no name.
    """
    top = max(int(classes.truth.max(initial=0)), int(classes.predicted.max(initial=0)))
    low = min(int(classes.truth.min(initial=0)), int(classes.predicted.min(initial=0)))
    if low < 0 or top >= len(names):
        raise ValueError(f"class map: labels must be 0 to {len(names) - 1}, not {low if low < 0 else top}")
    if len(classes.row) == 0:
        return ()
    colours = palette(len(names))
    labels = [Key(c, name, 0) for c, name in zip(colours, names, strict=True)]
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
