# SPDX-License-Identifier: Apache-2.0
"""How good a network of masks is, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary(metrics: Mapping[str, Any]) -> str:
    """What metrics.json says of the test frames, and of whole scenes where there are any."""
    stage = "quantized" if "quantized" in metrics else "float"
    quick = ", quick: not the recipe's schedule" if metrics["quick"] else ""
    best = metrics[stage]["opening"][0]
    lines = [
        f"test frames of {metrics['data']['name']}, {stage}{quick}: F2 {best['test']['f2']:.3f}, "
        f"pixel IoU {best['test']['iou']:.3f} at threshold {best['threshold']:g}, opening {best['radius']}"
    ]
    if "test_scenes" in best:
        whole = best["test_scenes"]
        lines.append(
            f"whole scenes of {', '.join(whole['each'])}: F2 {whole['f2']:.3f}, pixel IoU {whole['iou']:.3f}"
        )
    return "\n".join(lines)
