# SPDX-License-Identifier: Apache-2.0
"""The sen2ships data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtl4ml.data import catalog as scenes
from rtl4ml.data.checks import DAMAGE, line, require
from rtl4ml.data.frames import PARTS, Frames, Picture, same_size
from rtl4ml.data.image_files import read_image, read_mask
from rtl4ml.errors import BadData

_TILES_FILE = "sen2ships_tiles128.npz"
_SCENES_FOLDER = "sen2ships"
_TILE_SPLITS = ("train", "val", "test")  # as the file spells PARTS


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
    require(
        path.is_file(),
        f"{path.parent}: the folder must hold {path.name}, not lack it; give another folder",
    )
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in wanted if name not in file.files]
            arrays = {} if missing else {name: file[name] for name in wanted}
    except DAMAGE as error:
        raise BadData(
            f"{path.name}: must be a .npz file, not damaged ({line(error)}); fetch it again"
        ) from None
    require(
        not missing,
        f"{path.name}: must hold {', '.join(wanted)}, not lack {', '.join(missing)}; fetch it again",
    )
    rgbn, mask, port, y, x, split = (arrays[name] for name in wanted)
    require(
        rgbn.ndim == 4 and rgbn.shape[3] == 4 and rgbn.dtype == np.uint8,
        f"{path.name}: rgbn must be uint8 of shape (tiles, height, width, 4), not {rgbn.dtype} of {rgbn.shape}; "
        "fetch it again",
    )
    for name in wanted[2:]:
        require(
            arrays[name].shape == (len(rgbn),),
            f"{path.name}: {name} must be one a tile, ({len(rgbn)},), not {arrays[name].shape}; fetch it again",
        )
    for name, kinds in (("mask", "bui"), ("y", "ui"), ("x", "ui"), ("port", "U"), ("split", "U")):
        require(
            arrays[name].dtype.kind in kinds,
            f"{path.name}: {name} must hold {'texts' if kinds == 'U' else 'integers'}, not {arrays[name].dtype}; "
            "fetch it again",
        )
    odd = sorted(set(split.tolist()) - set(_TILE_SPLITS))
    require(
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
    require(
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
    require(port in ports, f"port: must be one of {', '.join(ports)}, not {port!r}; name one of them")
    place = _place(data) / _SCENES_FOLDER
    rgb = place / f"{port}_rgb.png"
    image = read_image(rgb)
    if nir:
        path = place / f"{port}_nir.png"
        require(path.is_file(), f"{path.name}: near infrared must be there, not missing; leave nir out")
        fourth = read_image(path)
        same_size(path.name, fourth[..., 0], image, "near infrared")
        image = np.concatenate([image, fourth[..., :1]], axis=-1)
    numbers = place / f"{port}_inst.png"
    return Picture(
        name=port, image=image, instances=read_mask(numbers), source=f"{rgb.name} and {numbers.name}"
    )
