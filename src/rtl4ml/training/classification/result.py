# SPDX-License-Identifier: Apache-2.0
"""What a training says while it runs and when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtl4ml.training import runs

# ---------------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True, kw_only=True)
class Progress:
    """After each epoch: stage, epochs done and to do, training loss, and validation accuracy and loss."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    validation_oa: float
    validation_loss: float


@dataclass(frozen=True, kw_only=True)
class Trained(runs.Trained):
    """What `train` wrote, and how good it is in words: classes of pixels."""

    def __str__(self) -> str:
        test, of = self.metrics["quantized"]["test"], self.metrics["split"]["name"]
        made_up = "SYNTHETIC data, " if self.metrics["data"]["synthetic"] else ""
        quick = ", quick: not the recipe's schedule" if self.metrics["quick"] else ""
        size = self.metrics["quantized"]["footprint"]
        return (
            f"test pixels of {made_up}{of}{quick}: OA {100 * test['oa']:.2f} %, AA {100 * test['aa']:.2f} %, "
            f"kappa {test['kappa']:.4f}\n{leaks(self.metrics['split'])}"
            f"size    {size['parameters']:,} parameters, {size['megabytes']:.2f} MB, uplink "
            f"{size['uplink_minutes']:.2f} min, downlink {size['downlink_minutes']:.3f} min\nmodel   {self.model}"
        )


def leaks(split: Mapping[str, Any]) -> str:
    """What must be said of figures on a split that is not disjoint, as a line; nothing of others."""
    if split["disjoint"]:
        return ""
    return "leaks   a random split of one scene tests on its training pixels' neighbours: higher than on new ground\n"
