# SPDX-License-Identifier: Apache-2.0
"""How good a student of classes is, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def summary(metrics: Mapping[str, Any]) -> str:
    """What metrics.json says of the test pixels and of the network's size."""
    test, of = metrics["quantized"]["test"], metrics["split"]["name"]
    made_up = "SYNTHETIC data, " if metrics["data"]["synthetic"] else ""
    quick = ", quick: not the recipe's schedule" if metrics["quick"] else ""
    size = metrics["quantized"]["footprint"]
    return (
        f"test pixels of {made_up}{of}{quick}: OA {100 * test['oa']:.2f} %, AA {100 * test['aa']:.2f} %, "
        f"kappa {test['kappa']:.4f}\n{leaks(metrics['split'])}"
        f"size    {size['parameters']:,} parameters, {size['megabytes']:.2f} MB, uplink "
        f"{size['uplink_minutes']:.2f} min, downlink {size['downlink_minutes']:.3f} min"
    )


def leaks(split: Mapping[str, Any]) -> str:
    """What must be said of figures on a split that is not disjoint, as a line; nothing of others."""
    if split["disjoint"]:
        return ""
    return "leaks   a random split of one scene tests on its training pixels' neighbours: higher than on new ground\n"
