# SPDX-License-Identifier: Apache-2.0
"""Samples for `rtl4ml sweep --data` and `--test`, of the scene and the split of a classification recipe.

    python scripts/sweep_data.py salinas_1dcnn_8bit --out build/sweep_data

writes validation.npz and test.npz: x, y, and the training pixels as `calibration`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rtl4ml.data import catalog
from rtl4ml.training.classification.recipe import read_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", help="a name in models/, or a .toml file")
    parser.add_argument("--data", type=Path, help="folder of the scenes; default RTL4ML_DATA")
    parser.add_argument("--out", type=Path, default=Path("build/sweep_data"))
    options = parser.parse_args()
    recipe = read_recipe(options.recipe)
    scene = catalog.load(recipe.data.scene, data=options.data)
    split = recipe.split(scene)
    options.out.mkdir(parents=True, exist_ok=True)
    calibration = recipe.inputs(scene.spectra[split.train])
    for name in ("validation", "test"):
        pixels = getattr(split, name)
        x, y = recipe.inputs(scene.spectra[pixels]), scene.labels[pixels]
        np.savez(options.out / f"{name}.npz", x=x, y=y, calibration=calibration)
        print(f"{options.out / name}.npz: {len(pixels):,} pixels")


if __name__ == "__main__":
    main()
