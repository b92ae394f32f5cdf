# SPDX-License-Identifier: Apache-2.0
"""Frames dealt to training, validation and test, groups together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data.checks import require
from rtl4ml.data.frames import PARTS, Frames, Mask, content_digest, named_split

_DEALS = 200


def dealt_frames(
    name: str,
    source: str,
    images: NDArray[np.uint8],
    masks: Mask,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    split: Mapping[str, Sequence[str]] | None,
    seed: int,
    validation: float,
    test: float,
) -> Frames:
    """Frames with a split: the one that the groups' names say, or one that is dealt."""
    if split is None:
        dealt = deal(images, masks, groups, seed=seed, validation=validation, test=test, source=source)
        parts = dict(zip(PARTS, dealt, strict=True))
    else:
        parts = named_split(source, names, split)
    return Frames(name=name, images=images, masks=masks, names=names, groups=groups, source=source, **parts)


def deal(
    images: NDArray[np.uint8],
    masks: Mask,
    groups: Sequence[str],
    *,
    seed: int,
    validation: float = 0.15,
    test: float = 0.2,
    source: str = "split",
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Indices that train, validate and test: whole groups, dealt out at random; equal images stay together.

    images (N, H, W, C), masks (N, H, W), groups N. validation, test: shares of the images and of the ship pixels,
    met about; the rest trains. Of many deals, the one that comes closest. Equal arguments give equal splits.
    Raises BadData where shares are out of range or no deal gives ships to every part.
    """
    wanted = np.array([1 - validation - test, validation, test])
    require(
        bool((wanted > 0).all()),
        f"{source}: shares of validation and test must be above 0 and below 1 together, not {validation} and {test}; "
        "give others",
    )
    _, where = np.unique(_together(images, groups), return_inverse=True)
    count = np.zeros((where.max() + 1, 2))
    np.add.at(count, where, np.stack([np.ones(len(masks)), masks.sum(axis=(1, 2))], axis=1))
    require(
        bool(count[:, 1].any()),
        f"{source}: the masks must have ship pixels, not only background; check that they belong to the images",
    )
    rng = np.random.default_rng(seed)
    best, chosen = np.inf, np.zeros(len(count), dtype=np.int64)
    for _ in range(_DEALS):
        part = rng.choice(3, size=len(count), p=wanted)
        share = np.stack([count[part == k].sum(axis=0) for k in range(3)]) / count.sum(axis=0)
        error = float(np.abs(share - wanted[:, None]).max()) + (1.0 if (share == 0).any() else 0.0)
        if error < best:
            best, chosen = error, part
    with_ships = int((count[:, 1] > 0).sum())
    require(
        best < 1.0,
        f"{source}: enough groups must have ships for all three parts, not {with_ships} of {len(count)}; "
        "give more images or smaller groups",
    )
    train, check, held = (np.flatnonzero(chosen[where] == k).astype(np.int64) for k in range(3))
    return train, check, held


def _together(images: NDArray[np.uint8], groups: Sequence[str]) -> list[str]:
    """The group of each image, with groups that share an image made one."""
    leader = {group: group for group in groups}

    def first(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    holder: dict[bytes, str] = {}
    for image, group in zip(images, groups, strict=True):
        leader[first(group)] = first(holder.setdefault(content_digest(image), group))
    return [first(group) for group in groups]
