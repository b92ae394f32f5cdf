# SPDX-License-Identifier: Apache-2.0
"""Folders of images and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rtl4ml.data.checks import require
from rtl4ml.data.deal import dealt_frames
from rtl4ml.data.frames import Frames, same_size
from rtl4ml.data.image_files import IMAGES, LOSSLESS, read_image, read_mask, stack

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
            require(
                key in other,
                f"{have[key].name}: must have {_a(what)} in {place}, not none; add it or leave it out",
            )
    names = tuple(pictures)
    arrays, truths = [], []
    for key in names:
        image = read_image(pictures[key])
        mask = read_mask(drawn[key])
        same_size(f"{pictures[key].name} and {drawn[key].name}", mask, image)
        arrays.append(image)
        truths.append(mask > 0)
    stacked = stack(str(images), names, arrays)
    unknown = sorted(set(groups or ()) - set(names))
    require(
        not unknown,
        f"groups: must name images of {images}, not {unknown[0] if unknown else ''}; leave it out",
    )
    of = tuple((groups or {}).get(key, key) for key in names)
    return dealt_frames(
        name, str(images), stacked, np.stack(truths), names, of, split, seed, validation, test
    )


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"


def _files(place: Path, endings: tuple[str, ...], what: str) -> dict[str, Path]:
    """{name without ending: file} of a folder, sorted."""
    require(
        place.is_dir(),
        f"{place}: the folder of {what} must be a folder, not {'a file' if place.exists() else 'missing'}; "
        "check the path",
    )
    found: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() not in IMAGES or not path.is_file() or path.name.startswith("."):
            continue
        require(
            path.suffix.lower() in endings,
            f"{path.name}: a mask must be one of {', '.join(endings)}, not {path.suffix}; save it without loss",
        )
        require(
            path.stem not in found,
            f"{place}: {what} must have names of their own, not {path.stem} twice; rename one",
        )
        found[path.stem] = path
    require(
        bool(found), f"{place}: the folder of {what} must hold {', '.join(endings)}, not none; check the path"
    )
    return found
