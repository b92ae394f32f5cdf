# SPDX-License-Identifier: Apache-2.0
"""Networks of the shapes that hls4ml and FINN are shown with, each through the whole contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract import assert_exact
from published_nets import NETWORKS

GATE = ("autoencoder",)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.gate if n in GATE else pytest.mark.slow) for n in NETWORKS]
)
def test_the_contract_holds(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    design = assert_exact(
        network.build(),
        tmp_path,
        np.random.default_rng(1),
        csim=True,
        target_interval=network.target_interval,
        input_precision=network.input_precision,
    )
    assert design.cycles.interval <= network.target_interval


def test_published_rates_are_cycles_of_their_clock() -> None:
    network = NETWORKS["autoencoder"]
    assert network.cycles == pytest.approx(100e6 * 11.243 / 600_000, rel=1e-4)  # one of their five windows
    assert NETWORKS["jets"].cycles is None
