# SPDX-License-Identifier: Apache-2.0
"""The scenes by name: published ones, the crop, the synthetic stand-in."""

from __future__ import annotations

import os
from pathlib import Path

from rtl4ml.data.checks import require
from rtl4ml.data.published import PUBLISHED, find, published
from rtl4ml.data.salinas_crop import CROP_FILE, cut_crop, read_crop
from rtl4ml.data.scenes import Scene
from rtl4ml.data.synthetic import synthetic
from rtl4ml.errors import BadData

VARIABLE = "RTL4ML_DATA"


SCENES = ("salinas_crop", *PUBLISHED, "synthetic")


def folder(data: str | Path | None = None) -> Path | None:
    """The folder of the scenes: `data`, else RTL4ML_DATA, else None. Raises BadData where it is no folder."""
    given = str(data) if data is not None else os.environ.get(VARIABLE)
    if not given:
        return None
    path = Path(given).expanduser()
    origin = "--data" if data is not None else VARIABLE
    require(
        path.is_dir(),
        f"{given}: {origin} must be a folder, not {'a file' if path.exists() else 'missing'}; check the path",
    )
    return path


def load(scene: str, *, data: str | Path | None = None) -> Scene:
    """The scene named `scene`, one of SCENES, from the folder `data` or, without one, RTL4ML_DATA.

    "salinas_crop" is the .npz or, where there is none, the same pixels of the published Salinas files.
    "synthetic" needs no files. Raises BadData where files are missing, damaged or contradict each other.
    """
    require(scene in SCENES, f"scene: must be one of {', '.join(SCENES)}, not {scene!r}; name one of them")
    if scene == "synthetic":
        return synthetic()
    place = folder(data)
    if place is None:
        raise BadData(
            f"{scene}: the folder of the scene must be given, not left out; give --data or set {VARIABLE}"
        )
    if scene != "salinas_crop":
        return published(PUBLISHED[scene], place)
    packed = find(place, CROP_FILE)
    if packed is not None:
        return read_crop(packed)
    parts = (PUBLISHED["salinas"].cube[0], PUBLISHED["salinas"].truth[0])
    if all(find(place, name) is not None for name in parts):
        return cut_crop(published(PUBLISHED["salinas"], place))
    raise BadData(
        f"{place}: the folder must hold {CROP_FILE} or {parts[0]} and {parts[1]}, not none of them; give another"
    )


def load_or_synthetic(scene: str, *, data: str | Path | None = None) -> Scene:
    """`load` where a folder is given or RTL4ML_DATA is set, else the synthetic scene, which says that it is one."""
    return synthetic() if folder(data) is None else load(scene, data=data)
