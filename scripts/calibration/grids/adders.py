# SPDX-License-Identifier: Apache-2.0
"""The grid of adder graphs, which have a module of their own each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rtl4ml.cells.adders import Adders
from rtl4ml.device import ZCU102
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.netlist.adder_graph import adder_graph
from rtl4ml.netlist.netlist import Wire
from rtl4ml.ops.conv import Conv
from rtl4ml.synthesis.yosys import Unit


def adders(rng: np.random.Generator) -> list[Unit]:
    """Generated adder graphs of random layers, with adders of three numbers, then without."""
    out = []
    for k, (i, o, xb, wb) in enumerate(
        (
            (5, 8, 8, 5),
            (5, 16, 6, 4),
            (3, 4, 8, 4),
            (12, 8, 4, 4),
            (9, 4, 5, 3),
            (16, 8, 4, 3),
            (24, 6, 4, 4),
            (7, 3, 8, 6),
            (11, 5, 7, 5),
            (6, 12, 5, 3),
            (20, 3, 6, 4),
            (3, 11, 9, 6),
        )
    ):
        x = Stream("x", (40, i), Fixed(False, 0, xb), 0, 2**xb - 1)
        w = rng.integers(-(2 ** (wb - 1)), 2 ** (wb - 1), (1, 1, i, o))
        op = Conv(
            name=f"c{k}",
            inputs=(x,),
            weights=w,
            weight_fraction=np.full(o, wb - 1),
            bias=rng.integers(-99, 99, o),
            bias_fraction=wb + xb - 3,
        )
        graph = adder_graph(op.matrix << op.shift, op.aligned_bias, 0, x.hi)
        three = Adders(
            name=f"u_c{k}",
            inputs={"x": Wire("x", i, xb, False, 40)},
            outputs={"y": Wire("y", o, op.output.type.width, True, 40)},
            operator=op.name,
            products=op.matrix.size,
            graph=graph,
        )
        out += [three, replace(three, name=f"u_c{k}_two", device=replace(ZCU102, adder_inputs=2))]
    return [Unit(cell.name, "", cell.module, {}, cell.text(), cell) for cell in out[::2] + out[1::2]]
