# SPDX-License-Identifier: Apache-2.0
"""Bench of the cells of the board's shell, many in one build; what is offered to a cell is held to its contract.

rtl_board.py of tests/support builds the module that holds the instances.
"""

from __future__ import annotations

from typing import Any

import cocotb

from rtl4ml.sim import streams


@cocotb.test()
async def cells(dut: Any) -> None:
    """The runs of every instance; those that wait for their turn are offered nothing."""
    for i in streams.case()["instances"]:
        getattr(dut, f"{i['ports']['x']}_valid").value = 0
    await streams.replay_instances(dut)
