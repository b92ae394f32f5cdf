# SPDX-License-Identifier: Apache-2.0
"""Adds window cells before operators that read windows."""

from __future__ import annotations

from rtl4ml.cells.window import Taps, TapsRing, Window
from rtl4ml.ir.window import Geometry
from rtl4ml.lowering.builder import NetlistBuilder
from rtl4ml.netlist.netlist import Wire


def add_window(
    builder: NetlistBuilder, name: str, x: Wire, geo: Geometry, channels: int, *, replays: int = 1,
    channel_major: bool = False, pad_value: int = 0,
) -> Wire:  # fmt: skip
    """Adds a serial window, whose taps have the lanes of x."""
    groups = channels // x.lanes
    y = builder.wire(
        f"{name}_window",
        lanes=x.lanes,
        bits=x.bits,
        signed=x.signed,
        beats=geo.out[0] * geo.out[1] * geo.taps * groups * replays,
        fraction=x.fraction,
    )
    return builder.add(
        Window(
            name=f"u_{y.name}",
            inputs={"x": x},
            outputs={"y": y},
            layer=builder.layer,
            geo=geo,
            groups=groups,
            replays=replays,
            channel_major=channel_major,
            pad_value=pad_value,
        )
    )


def add_taps(
    builder: NetlistBuilder,
    name: str,
    x: Wire,
    geo: Geometry,
    lanes: int,
    channels: int,
    *,
    pad_value: int = 0,
) -> Wire:
    """Adds a parallel window of `lanes` channels a cycle."""
    x = builder.lanes(x, lanes)
    groups = channels // lanes
    y = builder.wire(
        f"{name}_taps",
        lanes=lanes * geo.taps,
        bits=x.bits,
        signed=x.signed,
        beats=geo.out[0] * geo.out[1] * groups,
        fraction=x.fraction,
    )
    cell = Taps if geo.kernel[0] == 1 else TapsRing
    return builder.add(
        cell(
            name=f"u_{y.name}",
            inputs={"x": x},
            outputs={"y": y},
            layer=builder.layer,
            geo=geo,
            groups=groups,
            pad_value=pad_value,
        )
    )
