# SPDX-License-Identifier: Apache-2.0
"""Bench of any cells, many in one build: values, stalls, latency and throughput come from the instances of the case.

rtl_cells.py and rtl_join.py of tests/support build the module that holds the instances, and check what is measured.
"""

from __future__ import annotations

from typing import Any

import cocotb

from rtl4ml.sim import streams


@cocotb.test()
async def cells(dut: Any) -> None:
    """The runs of every instance."""
    await streams.replay_instances(dut)
