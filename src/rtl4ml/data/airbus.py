# SPDX-License-Identifier: Apache-2.0
"""Run-length masks as in the Airbus Ship Detection Challenge."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtl4ml.data.checks import line, require
from rtl4ml.data.deal import dealt_frames
from rtl4ml.data.frames import Frames, Mask, size_text
from rtl4ml.data.image_files import read_image, stack
from rtl4ml.errors import BadData

AIRBUS_SHAPE = (768, 768)


# --------------------------------------------------------------------------------------------------------- run lengths


def decode_rle(text: str, shape: tuple[int, int] = AIRBUS_SHAPE, *, where: str = "run lengths") -> Mask:
    """The mask (H, W) bool of run lengths as in the Airbus challenge: "start length start length ...".

    Pixels count from 1, down the first column, then down the second. No text is no ship. where: for refusals.
    Raises BadData where runs are no numbers, incomplete, out of order, overlapping or out of the frame.
    """
    height, width = shape
    words = text.split()
    for word in words:
        require(
            word.isascii() and word.isdigit() and len(word) < 16,
            f"{where}: runs must be whole numbers, not {word!r}; fetch the file again",
        )
    require(
        len(words) % 2 == 0,
        f"{where}: runs must be pairs of start and length, not {len(words)} numbers; fetch the file again",
    )
    flat = np.zeros(height * width, dtype=bool)
    reached = 1
    for start, length in zip(map(int, words[::2]), map(int, words[1::2]), strict=True):
        require(
            start >= 1 and length >= 1,
            f"{where}: starts and lengths must be at least 1, not {start} {length}; fetch the file again",
        )
        require(
            start + length - 1 <= flat.size,
            f"{where}: runs must end within the frame, {flat.size} pixels, not at {start + length - 1}; "
            "give the shape of the images",
        )
        require(
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
    require(path.is_file(), f"{path.name}: must be a file in {path.parent}, not missing; check the path")
    found: dict[str, list[str]] = {}
    empty: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restkey="more", restval=None)
            head = rows.fieldnames or []
            require(
                all(name in head for name in columns),
                f"{path.name}: must have the columns {' and '.join(columns)}, not {', '.join(head) or 'none'}; "
                "fetch it again",
            )
            for row in rows:
                _add_row(f"{path.name}, line {rows.line_num}", row, shape, found, empty)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(
            f"{path.name}: must be a CSV file, not damaged ({line(error)}); fetch it again"
        ) from None
    require(bool(found), f"{path.name}: must list images, not none; fetch it again")
    return found


def _add_row(
    where: str,
    row: Mapping[str, Any],
    shape: tuple[int, int],
    found: dict[str, list[str]],
    empty: set[str],
) -> None:
    image, runs = row["ImageId"], row["EncodedPixels"]
    require(
        "more" not in row and image is not None and runs is not None,
        f"{where}: a row must have the header's cells, not more or fewer; fetch the file again",
    )
    require(
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
    require(
        place.is_dir(),
        f"{place}: the folder of images must be a folder, not {'a file' if place.exists() else 'missing'}; "
        "check the path",
    )
    chosen = tuple(listed if names is None else names)
    require(bool(chosen), f"{place}: a set must have images, not none; give another")
    for name in chosen:
        require(name in listed, f"{Path(runs).name}: must list {name}, not lack it; leave the image out")
    pictures, masks = [], []
    for name in chosen:
        image = read_image(place / name)
        require(
            image.shape[:2] == shape,
            f"{name}: must be of {shape[0]} x {shape[1]} pixels, not {size_text(image)}; give the shape of the images",
        )
        pictures.append(image)
        mask = np.zeros(shape, dtype=bool)
        for text in listed[name]:
            mask |= decode_rle(text, shape)
        masks.append(mask)
    source = f"{place.name} and {Path(runs).name}"
    stacked = stack(source, chosen, pictures)
    return dealt_frames(
        "Airbus ships", source, stacked, np.stack(masks), chosen, chosen, split, seed, validation, test
    )
