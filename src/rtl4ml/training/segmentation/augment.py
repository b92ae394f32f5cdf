# SPDX-License-Identifier: Apache-2.0
"""Random views of images with their masks: rotation, zoom, flip, illumination, and a window of the frame.

What de Vieilleville et al. (2020) name; the amounts are the recipe's. One warp moves an image, its mask and what a
teacher makes of it together, so that they stay aligned. Equal generators give equal views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Limits of the random views of frames.

    crop: rows and columns of a view in pixels, 0 for the whole frame. Its centre is drawn uniformly so that the
    unturned window lies in the frame; where the frame has ships, about one of their pixels, off it by up to a quarter
    of the window. rotation: up to so many degrees either way. zoom: factor from 1 / (1 + zoom) to 1 + zoom, uniform in
    its logarithm; illumination likewise, of all channels together. flip: mirrored every other time.
    What lies outside of the frame is its mirror image; no pixel gets brighter than 1.
    """

    crop: int = 0
    rotation: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    illumination: float = 0.0

    def maps(self, masks: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
        """A map for each of masks (N, H, W): (N, 8), from a view's (column, row) to the frame's, as `warp` takes it."""
        n, height, width = masks.shape
        rows, columns = (self.crop, self.crop) if self.crop else (height, width)
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation, n))
        size = np.exp(-rng.uniform(-1, 1, n) * np.log1p(self.zoom))  # frame pixels a pixel of the view
        mirror = np.where(rng.random(n) < 0.5, -1.0, 1.0) if self.flip else np.ones(n)
        out = np.zeros((n, 8), dtype=np.float64)
        for i in range(n):
            centre = np.array([(height - 1) / 2, (width - 1) / 2])
            if self.crop:
                low = np.array([(rows - 1) / 2, (columns - 1) / 2])
                high = np.array([height - 1, width - 1]) - low
                places = np.argwhere(masks[i])
                if len(places):
                    off = rng.uniform(-0.25, 0.25, 2) * (rows, columns)
                    centre = places[rng.integers(len(places))] + off
                else:
                    centre = rng.uniform(low, np.maximum(low, high))
                centre = np.clip(centre, low, np.maximum(low, high))
            cos, sin = np.cos(angle[i]) * size[i], np.sin(angle[i]) * size[i]
            across = np.array([cos * mirror[i], -sin])  # (column, row) of the view to column of the frame
            down = np.array([sin * mirror[i], cos])
            view = np.array([(columns - 1) / 2, (rows - 1) / 2])
            out[i, :3] = *across, centre[1] - across @ view
            out[i, 3:6] = *down, centre[0] - down @ view
        return out.astype(np.float32)

    def views(
        self, images: Floats, masks: NDArray[np.bool_], targets: Floats, rng: np.random.Generator
    ) -> tuple[Floats, NDArray[np.bool_], Floats]:
        """A view of each image (N, H, W, C), its mask (N, H, W) and its target (N, H, W), such as a teacher's output.

        Images and targets are interpolated, a mask is True where its interpolation is at least a half. Raises BadInput
        where the window is larger than the frame.
        """
        height, width = masks.shape[1:]
        if self.crop > min(height, width):
            raise BadInput(
                f"augmentation: the window must lie in the frame, {height} x {width} pixels, not be {self.crop}; "
                "make it smaller"
            )
        maps = self.maps(masks, rng)
        light = np.exp(rng.uniform(-1, 1, len(images)) * np.log1p(self.illumination)).astype(np.float32)
        together = np.concatenate(
            [np.minimum(images * light[:, None, None, None], 1), masks[..., None], targets[..., None]],
            axis=-1,
        ).astype(np.float32)
        size = (self.crop, self.crop) if self.crop else (height, width)
        moved = warp(together, maps, size)
        return moved[..., :-2], moved[..., -2] >= 0.5, moved[..., -1]


def warp(frames: Any, maps: Floats, size: tuple[int, int]) -> Floats:
    """Frames (N, H, W, C) seen through maps (N, 8): (N, *size, C), bilinear, mirrored beyond the edges.

    A map (a, b, c, d, e, f, 0, 0) takes the view's column x and row y from the frame's column a x + b y + c and row
    d x + e y + f.
    """
    tf = frameworks.tf()
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.constant(frames, dtype=tf.float32),
        transforms=tf.constant(maps),
        output_shape=tf.constant(size, dtype=tf.int32),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    found: Floats = moved.numpy()
    return found
