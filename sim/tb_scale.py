# SPDX-License-Identifier: Apache-2.0
"""Bench of r4_scale: values, stalls, latency and throughput come from the instances of the case."""

from __future__ import annotations

from typing import Any

import cocotb

from rtl4ml.sim import streams


@cocotb.test()
async def cells(dut: Any) -> None:
    """The runs of every instance."""
    await streams.replay_instances(dut)
