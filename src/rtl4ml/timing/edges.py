# SPDX-License-Identifier: Apache-2.0
"""The timing of the two AXI4-Stream edges of a design."""

from __future__ import annotations

import numpy as np

from rtl4ml.netlist.netlist import Netlist, Timing

# Registers at the AXI4-Stream edges, as the headers of r4_axis_in and r4_axis_out state.
EDGE_IN = 2
EDGE_OUT = 1
FLAG = 1


def edges(netlist: Netlist) -> tuple[Timing, Timing]:
    """Timing of r4_axis_in and r4_axis_out around a netlist."""
    k = np.arange(netlist.input.beats)
    into = Timing(netlist.input.beats, (k + 1,), (k,), latency=0, wait=1, free=k + 1, depth=EDGE_IN)
    return into, Timing.passing(netlist.output.beats, EDGE_OUT)
