# SPDX-License-Identifier: Apache-2.0
"""A shell whose network keeps results in memory for a while: jobs by the C driver, aborts, errors, what is refused."""

from __future__ import annotations

import board_jobs
import board_nets
import numpy as np
import pytest

from rtl4ml.board import ports
from rtl4ml.board.bulk import BoardSimulator


@pytest.fixture(scope="module")
def spilled(tmp_path_factory: pytest.TempPathFactory) -> BoardSimulator:
    shell = board_nets.stand_in(**board_jobs.PIXELS, spills=board_nets.SPILLS)
    return board_nets.simulator(shell, tmp_path_factory.mktemp("spilled"))


def test_where_the_memory_of_each_spill_begins() -> None:
    shell = board_nets.stand_in(bands=10, lanes=2, spills=(512, 4096, 4097, 16))
    assert shell.spill_offsets == (0, 4096, 8192, 16_384)
    assert shell.spill_bytes == 16_400
    none = board_nets.stand_in(bands=10, lanes=2)
    assert (none.spill_offsets, none.spill_bytes) == ((), 0)


def test_the_wrapper_has_a_master_for_each() -> None:
    text = ports.wrapper_text(spills=2)
    assert "ASSOCIATED_BUSIF s_axil:m_axi:s0_axi:s1_axi, ASSOCIATED_RESET aresetn" in text
    assert text.count("XIL_INTERFACENAME s1_axi, PROTOCOL AXI4, DATA_WIDTH 128") == 1
    assert '(* X_INTERFACE_INFO = "xilinx.com:interface:aximm:1.0 s1_axi AWADDR" *)' in text


def test_jobs_are_exact(spilled: BoardSimulator, rng: np.random.Generator) -> None:
    board_jobs.cubes_of_every_layout_and_size_are_exact(spilled, rng)
    board_jobs.jobs_under_pauses(spilled, rng, 20)


def test_aborts_wait_for_the_memory(spilled: BoardSimulator, rng: np.random.Generator) -> None:
    board_jobs.aborts_at_any_cycle(spilled, rng, 40)
    board_jobs.an_abort_counts_in_every_cycle_of_a_start(spilled, rng)
    board_jobs.a_driver_that_waits_too_short_aborts(spilled, rng)
