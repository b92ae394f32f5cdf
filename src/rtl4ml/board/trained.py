# SPDX-License-Identifier: Apache-2.0
"""What a training left beside a model's file, as far as a board asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def results(model: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and content of the training's results beside a model's file: STEM.json, and metrics.json, which
    `rtl4ml train` leaves in the model's folder. What cannot be read is passed over.
    """
    path = Path(model)
    for found in (path.with_suffix(".json"), path.with_name("metrics.json")):
        try:
            content = json.loads(found.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            yield found.name, content


@dataclass(frozen=True)
class ChosenMask:
    """Threshold and opening of a mask as training chose them: ChosenMask(0.5, None) is a mask without opening.

    opening: radius in pixels
    """

    threshold: float
    opening: int | None


def chosen_mask(model: str | Path) -> ChosenMask | None:
    """What the training of a network for masks chose; None where nothing beside the model says it."""
    for _, content in results(model):
        try:
            best = content["quantized"]["opening"][0]
            return ChosenMask(float(best["threshold"]), int(best["radius"]) or None)
        except (ValueError, KeyError, TypeError, IndexError):
            continue
    return None
