# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Stream edges of a design: r4_axis_in and r4_axis_out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.netlist import Netlist, Param, Timing, Wire

# Names in the top module of the cells of the edges and of the signals between them.
INPUT, OUTPUT, FLAG = "u_axis_in", "u_axis_out", "flag"


def container(bits: int) -> int:
    """Bits of the smallest of 8, 16, 32 and 64 that hold an element at the AXI4-Stream edges."""
    return next(c for c in (8, 16, 32, 64) if c >= bits)


def container_type(wire: Wire) -> np.dtype[Any]:
    """The integers that hold the elements of a wire at the edges."""
    return np.dtype(f"{'i' if wire.signed else 'u'}{container(wire.bits) // 8}")


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisIn(LibraryCell):
    """The input: unpacks elements from their containers; a flag a frame says whether TLAST came in time.

    flags: frames whose flags it can hold: as many as are in flight in the design, and two more
    """

    module: ClassVar[str] = "r4_axis_in"
    registers: ClassVar[int] = 2  # as the header of r4_axis_in states

    flags: int

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.y.lanes,
            "ElemWidth": self.y.bits,
            "ContainerWidth": container(self.y.bits),
            "Beats": self.y.beats,
            "FlagDepth": self.flags,
        }

    def timing(self) -> Timing:
        return Timing.fifo(self.y.beats, self.registers)

    def connections(self) -> list[tuple[str, str]]:
        return [
            *((name, name) for name in ("s_axis_tvalid", "s_axis_tready", "s_axis_tdata", "s_axis_tlast")),
            *super().connections(),
            *((f"{FLAG}_{end}", f"{FLAG}_{end[:-2]}") for end in ("valid_o", "ready_i", "data_o")),
            ("errors_o", "frame_errors_o"),
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisOut(LibraryCell):
    """The output: packs elements into containers; a frame's last beat waits for the frame's flag."""

    module: ClassVar[str] = "r4_axis_out"

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Signed": int(self.x.signed),
            "ContainerWidth": container(self.x.bits),
            "Beats": self.x.beats,
        }

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, 1)

    def connections(self) -> list[tuple[str, str]]:
        return [
            *super().connections(),
            *((f"{FLAG}_{end}", f"{FLAG}_{end[:-2]}") for end in ("valid_i", "ready_o", "data_i")),
            *(
                (name, name)
                for name in ("m_axis_tvalid", "m_axis_tready", "m_axis_tdata", "m_axis_tlast", "m_axis_tuser")
            ),
        ]


def edges(netlist: Netlist, *, frames_in_flight: int = 2) -> tuple[AxisIn, AxisOut]:
    """The cells of both edges of a netlist, the input's first; `frames_in_flight` does not affect timing."""
    layer, x, y = netlist.graph.aside("edges"), netlist.input, netlist.output
    return (
        AxisIn(name=INPUT, inputs={}, outputs={"y": x}, layer=layer, flags=frames_in_flight),
        AxisOut(name=OUTPUT, inputs={"x": y}, outputs={}, layer=layer),
    )
