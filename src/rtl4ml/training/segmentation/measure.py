# SPDX-License-Identifier: Apache-2.0
"""Measures a network of masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.data import tiling as data_tiling
from rtl4ml.data.frames import Frames, Picture
from rtl4ml.host import frameworks
from rtl4ml.metrics import masks as metrics_masks
from rtl4ml.training.segmentation.recipe import Floats, Recipe

EVALUATION_BATCH = 16


def in_batches(apply: Callable[[Any], Any], x: Floats) -> Floats:
    """A function of batches applied to all samples."""
    tf = frameworks.tf()
    parts = [
        apply(tf.constant(x[i : i + EVALUATION_BATCH])).numpy() for i in range(0, len(x), EVALUATION_BATCH)
    ]
    return np.concatenate(parts)


def probabilities(model: Any, x: Floats) -> Floats:
    """What a network for frames (N, H, W, C) makes of them: (N, H, W)."""
    apply = frameworks.tf().function(lambda part: model(part, training=False)[..., 0], reduce_retracing=True)
    return in_batches(apply, x)


def scene_probabilities(model: Any, x: Floats, *, size: tuple[int, int]) -> Floats:
    """The same of a scene (H, W, C) of any size: (H, W). Frames of `size` that overlap by half, see Tiling."""
    stride = (max(1, size[0] // 2), max(1, size[1] // 2))
    tiling = data_tiling.Tiling(scene=(x.shape[0], x.shape[1]), tile=size, stride=stride)
    return np.asarray(tiling.stitch(probabilities(model, tiling.cut(x))))


def measure(
    plan: Recipe, model: Any, frames: Frames, pictures: Mapping[str, Sequence[Picture]]
) -> dict[str, Any]:
    """Thresholds chosen in validation, and scores of frames and whole scenes, as metrics.json has them.

    model: for frames of any size. pictures: whole scenes of "validation" and "test", or none of either; without any,
    thresholds are chosen on frames. One entry of "opening" for each of the recipe's radii, best of validation first.
    """
    size = (frames.shape[0], frames.shape[1])
    parts = {
        part: probabilities(model, plan.inputs(frames.images[getattr(frames, part)]))
        for part in ("validation", "test")
    }
    whole = {
        part: [scene_probabilities(model, plan.inputs(p.image), size=size) for p in some]
        for part, some in pictures.items()
        if some
    }
    on_scenes = plan.head.on == "scenes" and "validation" in whole
    known: Any = frames.masks[frames.validation]
    seen: Any = parts["validation"]
    if on_scenes:
        known, seen = [p.instances for p in pictures["validation"]], whole["validation"]
    out = []
    for radius in plan.head.opening:
        choice = metrics_masks.choose_threshold(seen, known, by=plan.head.by, opening=radius)

        def masks(p: NDArray[Any], at: float = choice.threshold, by: int = radius) -> NDArray[np.bool_]:
            return metrics_masks.binarize(p, at, opening=by)

        entry: dict[str, Any] = {"radius": radius, "threshold": choice.threshold}
        entry |= {"by": choice.by, "on": "scenes" if on_scenes else "frames", "value": choice.value}
        for part, found in parts.items():
            entry[part] = asdict(metrics_masks.score(frames.masks[getattr(frames, part)], masks(found)))
        for part, some in whole.items():
            found_scenes = [masks(p) for p in some]
            entry[f"{part}_scenes"] = asdict(
                metrics_masks.score([p.instances for p in pictures[part]], found_scenes)
            )
            entry[f"{part}_scenes"]["each"] = {
                p.name: asdict(metrics_masks.score([p.instances], [m]))
                for p, m in zip(pictures[part], found_scenes, strict=True)
            }
        out.append(entry)
    return {"opening": sorted(out, key=lambda entry: -float(entry["value"]))}
