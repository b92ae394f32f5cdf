# SPDX-License-Identifier: Apache-2.0
"""The published hyperspectral scenes, read from their MATLAB files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import DAMAGE, line, require
from rtl4ml.data.scenes import Scene
from rtl4ml.errors import BadData

SALINAS = (
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


# ------------------------------------------------------------------------------------------------------------ files


@dataclass(frozen=True, kw_only=True)
class Published:
    """A scene as the University of the Basque Country (EHU) publishes it: a cube and a ground truth, in two files."""

    name: str
    cube: tuple[str, str]  # file, variable
    truth: tuple[str, str]
    class_names: tuple[str, ...]


PUBLISHED: Mapping[str, Published] = {
    "salinas": Published(
        name="Salinas",
        cube=("Salinas_corrected.mat", "salinas_corrected"),
        truth=("Salinas_gt.mat", "salinas_gt"),
        class_names=SALINAS,
    ),
    "pavia_university": Published(
        name="Pavia University",
        cube=("PaviaU.mat", "paviaU"),
        truth=("PaviaU_gt.mat", "paviaU_gt"),
        class_names=_PAVIA,
    ),
    "indian_pines": Published(
        name="Indian Pines",
        cube=("Indian_pines_corrected.mat", "indian_pines_corrected"),
        truth=("Indian_pines_gt.mat", "indian_pines_gt"),
        class_names=_INDIAN_PINES,
    ),
}


def find(place: Path, name: str) -> Path | None:
    """The file `name`, in any case, in the folder or one level below; the shallowest, then the first by name."""
    found = [
        p for pattern in ("*", "*/*") for p in sorted(place.glob(pattern)) if p.name.lower() == name.lower()
    ]
    return next((p for p in found if p.is_file()), None)


def published(scene: Published, place: Path) -> Scene:
    """A published scene, from its files in a folder. Raises BadData."""
    paths = []
    for name, _ in (scene.cube, scene.truth):
        path = find(place, name)
        if path is None:
            raise BadData(
                f"{place}: the folder must hold {name} as published, not lack it; give another folder"
            )
        paths.append(path)
    cube = _array(paths[0], scene.cube[1], 3)
    truth = _array(paths[1], scene.truth[1], 2)
    require(
        cube.shape[:2] == truth.shape,
        f"{paths[0].name}: the cube must be of the ground truth's size, {truth.shape[0]} x {truth.shape[1]}, "
        f"not {cube.shape[0]} x {cube.shape[1]}; take it and {paths[1].name} from one scene",
    )
    require(
        truth.dtype.kind in "iu" or bool((truth == np.rint(truth)).all()),
        f"{paths[1].name}: labels must be whole numbers, not fractions; check the file",
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
    except (MatReadError, *DAMAGE) as error:
        raise BadData(
            f"{path.name}: must be a MATLAB file, not damaged ({line(error)}); fetch it again"
        ) from None
    arrays = {k: v for k, v in content.items() if isinstance(v, np.ndarray) and v.ndim == ndim and v.size}
    if variable in arrays:
        array = arrays[variable]
    else:
        of_numbers = [v for v in arrays.values() if v.dtype.kind in "iuf"]
        require(
            len(of_numbers) == 1,
            f"{path.name}: must hold {variable} or a single array of {ndim} dimensions, "
            f"not {len(of_numbers)} of them; take the file as published",
        )
        array = of_numbers[0]
    require(
        array.dtype.kind in "iuf",
        f"{path.name}: {variable} must hold real numbers, not {array.dtype}; check the file",
    )
    return array
