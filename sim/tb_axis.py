# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_axis_in and r4_axis_out, each alone; what others send through both is in tb_top.py."""

from __future__ import annotations

from typing import Any

import cocotb

from rtl4ml.sim import streams


@cocotb.test()
async def cell(dut: Any) -> None:
    """The runs of the case, and for r4_axis_in the number of wrong frames in the last of them."""
    await streams.replay(dut)
    errors = streams.case().get("errors")
    if errors is not None:
        counted = int(dut.errors_o.value)
        assert counted == errors, f"errors_o must be {errors}, not {counted}"
