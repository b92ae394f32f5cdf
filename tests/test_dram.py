# SPDX-License-Identifier: Apache-2.0
"""Skips in DRAM: r4_spill in designs, with a model of the memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract import assert_exact
from skip_nets import model

HOMES = {"one": {"up1_concat": "dram"}}


@pytest.mark.parametrize("homes", HOMES)
def test_exact(homes: str, tmp_path: Path) -> None:
    """Against QKeras's own predict, with stalls; latency and interval as predicted."""
    network, rng = model(32), np.random.default_rng(7)
    design = assert_exact(network, tmp_path, rng, csim=None, target_interval=16_384, skips=HOMES[homes])
    assert design.cycles.interval == 16_384
