# SPDX-License-Identifier: Apache-2.0
"""Views of images with their masks: aligned, within the frame, about ships."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from rtl4ml.errors import BadInput
from rtl4ml.training.segmentation.augment import Augmentation, warp


def ships(rng: np.random.Generator, n: int = 12, size: int = 32) -> Any:
    """Images whose channels are the mask, its inverse and noise, the mask with a ship in all but every third."""
    masks = np.zeros((n, size, size), dtype=np.bool_)
    for i in range(n):
        if i % 3:
            r, c = rng.integers(0, size - 6, 2)
            masks[i, r : r + 4, c : c + 6] = True
    noise = rng.random(masks.shape)
    images = np.stack([masks, ~masks, noise], axis=-1).astype(np.float32)
    return images, masks, masks.astype(np.float32)


def test_images_masks_and_targets_stay_aligned(rng: np.random.Generator) -> None:
    images, masks, targets = ships(rng)
    amounts = Augmentation(crop=16, rotation=180, zoom=0.5, flip=True)
    for _ in range(5):
        x, m, t = amounts.views(images, masks, targets, rng)
        assert (x.shape, m.shape, t.shape) == ((12, 16, 16, 3), (12, 16, 16), (12, 16, 16))
        np.testing.assert_array_equal(m, x[..., 0] >= 0.5)
        np.testing.assert_array_equal(t, x[..., 0])
        np.testing.assert_allclose(x[..., 1], 1 - x[..., 0], atol=1e-5)
        assert m[1].any() and m[2].any() and not m[0].any()  # about ships where there are any


def test_nothing_asked_for_is_nothing_done(rng: np.random.Generator) -> None:
    images, masks, targets = ships(rng)
    x, m, t = Augmentation().views(images, masks, targets, rng)
    np.testing.assert_array_equal(x, images)
    np.testing.assert_array_equal(m, masks)
    np.testing.assert_array_equal(t, targets)


def test_a_quarter_turn_and_a_mirror_are_numpy_s(rng: np.random.Generator) -> None:
    frame = rng.random((1, 8, 8, 2)).astype(np.float32)
    quarter = np.array([[0, 1, 0, -1, 0, 7, 0, 0]], dtype=np.float32)  # column y, row 7 - x
    np.testing.assert_allclose(warp(frame, quarter, (8, 8))[0], np.rot90(frame[0], -1), atol=1e-6)
    mirror = np.array([[-1, 0, 7, 0, 1, 0, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(warp(frame, mirror, (8, 8))[0], frame[0, :, ::-1], atol=1e-6)
    flips = [
        Augmentation(flip=True).views(frame, np.zeros((1, 8, 8), bool), frame[..., 0], rng)[0]
        for _ in range(20)
    ]
    either = [frame[0], frame[0, :, ::-1]]
    kinds = [next(k for k, e in enumerate(either) if np.allclose(f[0], e, atol=1e-6)) for f in flips]
    assert set(kinds) == {0, 1}


def test_maps_turn_and_scale_as_asked(rng: np.random.Generator) -> None:
    masks = np.zeros((400, 16, 16), dtype=np.bool_)
    maps = Augmentation(rotation=30, zoom=0.5).maps(masks, rng)
    matrix = maps[:, [0, 1, 3, 4]].reshape(-1, 2, 2)
    size = np.sqrt(np.linalg.det(matrix))
    angle = np.rad2deg(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]))
    assert 1 / 1.5 <= size.min() < 0.7 and 1.45 < size.max() <= 1.5 + 1e-6
    assert -30 <= angle.min() < -28 and 28 < angle.max() <= 30
    middle = np.array([7.5, 7.5, 1.0])
    np.testing.assert_allclose(maps[:, :3] @ middle, 7.5, atol=1e-4)  # the centre stays
    np.testing.assert_allclose(maps[:, 3:6] @ middle, 7.5, atol=1e-4)


def test_illumination_is_one_factor_an_image_and_saturates(rng: np.random.Generator) -> None:
    images = np.full((300, 4, 4, 3), 0.5, dtype=np.float32)
    none = np.zeros((300, 4, 4), dtype=np.bool_)
    x, _, t = Augmentation(illumination=0.5).views(images, none, none.astype(np.float32), rng)
    factor = x[:, 0, 0, 0] / 0.5
    np.testing.assert_allclose(x, np.broadcast_to(factor[:, None, None, None] * 0.5, x.shape), rtol=1e-5)
    assert 1 / 1.5 - 1e-6 <= factor.min() < 0.7 and 1.45 < factor.max() <= 1.5 + 1e-6
    assert not t.any()
    bright, _, _ = Augmentation(illumination=0.5).views(images * 2, none, none.astype(np.float32), rng)
    assert bright.max() == 1.0


def test_equal_generators_give_equal_views(rng: np.random.Generator) -> None:
    images, masks, targets = ships(rng)
    amounts = Augmentation(crop=16, rotation=180, zoom=0.5, flip=True, illumination=0.3)
    one, two = (amounts.views(images, masks, targets, np.random.default_rng(3)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_window_larger_than_the_frame(rng: np.random.Generator) -> None:
    images, masks, targets = ships(rng)
    text = "augmentation: the window must lie in the frame, 32 x 32 pixels, not be 33; make it smaller"
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        Augmentation(crop=33).views(images, masks, targets, rng)
