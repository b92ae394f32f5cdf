# SPDX-License-Identifier: Apache-2.0
"""A small U-Net with two skips, up2_concat and up1_concat."""

from __future__ import annotations

from typing import Any

import numpy as np
from contract import randomize

from rtl4ml.host import frameworks
from rtl4ml.models import unet


def model(size: int = 16) -> Any:
    frameworks.keras().utils.set_random_seed(1)
    made = unet.build(
        widths=(4, 8, 8), size=(size, size), weight_bits=4, activation_bits=4, bias_bits=8, blocks=1
    )
    return randomize(made, np.random.default_rng(5))
