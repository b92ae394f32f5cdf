# SPDX-License-Identifier: Apache-2.0
"""A synthetic stand-in for a scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.scenes import Scene

# -------------------------------------------------------------------------------------------------------- synthetic


def synthetic(*, seed: int = 0, bands: int = 204, classes: int = 8, side: int = 120) -> Scene:
    """A made-up scene of the real ones' kind: fields on a map, each of one class, spectra in counts.

    A class is a smooth curve with its own few bumps under a common illumination with absorption gaps. A field has
    smaller bumps of its own, a brightness and a tilt; a pixel mixes in another class, and adds noise. Equal
    arguments give equal scenes. It stands in for a real scene where there is none; its accuracies mean nothing.
    """
    rng = np.random.default_rng([seed, bands, classes, side])
    wave = np.linspace(0.0, 1.0, bands)

    def bump(centre: float, width: float) -> NDArray[np.float64]:
        return np.exp(-(((wave - centre) / width) ** 2))

    light = 0.25 + 0.75 * bump(0.22, 0.25)
    for gap, width in ((0.52, 0.02), (0.71, 0.03), (0.97, 0.04)):  # water in the air
        light = light * (1.0 - 0.97 * bump(gap, width))
    common = 0.35 + 0.3 * bump(rng.uniform(0.2, 0.4), 0.2)

    def bumps(height: float) -> NDArray[np.float64]:
        some = [
            rng.uniform(-height, height) * bump(rng.uniform(0, 1), rng.uniform(0.03, 0.15)) for _ in range(4)
        ]
        return np.asarray(np.sum(some, axis=0))

    # Fields: the nearest of random centres; each class owns several, dealt out in turn.
    fields = 6 * classes
    centre = rng.uniform(0, side, (fields, 2))
    row, col = (v.ravel() for v in np.mgrid[0:side, 0:side])
    distance = np.stack([(row - r) ** 2 + (col - c) ** 2 for r, c in centre], axis=1)
    near = np.partition(distance, 1, axis=1)
    field = distance.argmin(axis=1)
    inside = np.sqrt(near[:, 1]) - np.sqrt(near[:, 0]) > 2.0  # paths between the fields are unlabelled
    row, col, field = row[inside], col[inside], field[inside]
    owner = rng.permutation(np.arange(fields) % classes)
    labels = owner[field]

    curves = np.stack([common + bumps(0.1) for _ in range(classes)])
    own = np.stack([bumps(0.02) for _ in range(fields)])
    gain = 1.0 + rng.normal(0, 0.08, (fields, 1)) + rng.normal(0, 0.02, (fields, 1)) * (wave - 0.5)
    other = (labels + rng.integers(1, classes, len(labels))) % classes
    share = rng.uniform(0, 0.3, (len(labels), 1))
    clean = (1 - share) * curves[labels] + share * curves[other] + own[field]
    counts = 8192 * light * clean * gain[field] * (1 + rng.normal(0, 0.03, (len(labels), 1)))
    counts += rng.normal(0, 20.0, counts.shape)
    return Scene(
        name="synthetic",
        spectra=np.clip(np.rint(counts), -9, 9000).astype(np.int16),
        labels=labels.astype(np.int64),
        row=row.astype(np.int64),
        col=col.astype(np.int64),
        shape=(side, side),
        class_names=tuple(f"Synthetic field {k + 1}" for k in range(classes)),
        source=f"synthetic, seed {seed}",
        synthetic=True,
    )
