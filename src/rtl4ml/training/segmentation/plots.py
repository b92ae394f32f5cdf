# SPDX-License-Identifier: Apache-2.0
"""Pictures of masks over their images. PNG files, equal for equal numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.training import plots

HIT, MISSED, FALSE = (60, 220, 60), (255, 60, 60), (255, 200, 0)  # red, green, blue


def masks(
    image: NDArray[np.uint8], truth: NDArray[Any], found: NDArray[Any], path: Path, *, title: str
) -> None:
    """An image (H, W, C) above, below it with the truth and what was found: (H, W) each, what is not 0 is a ship.

    Right pixels are green, missed ones red, false ones yellow. Of four channels, the first three are shown.
    """
    colours = image if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, axis=-1)
    plain = colours[..., :3]
    marked = plain // 2
    for colour, where in (
        (HIT, (truth != 0) & (found != 0)),
        (MISSED, (truth != 0) & (found == 0)),
        (FALSE, (truth == 0) & (found != 0)),
    ):
        marked[where] = colour
    height, width = image.shape[:2]
    figure = plots.figure_of(8.0, 2 * 8.0 * height / width + 0.5)
    for axis, picture, text in zip(
        figure.subplots(2, 1, squeeze=False)[:, 0],
        (plain, marked),
        (title, "ship pixels: found (green), missed (red), false (yellow)"),
        strict=True,
    ):
        axis.imshow(picture, interpolation="nearest")
        axis.set_title(text, fontsize=8)
        axis.set_axis_off()
    plots.save(figure, path)
