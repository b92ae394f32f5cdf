# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Stream edges of a design: r4_axis_in and r4_axis_out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rtl4ml.cells.library import LibraryCell
from rtl4ml.netlist.netlist import Netlist, Param, Timing, Wire


def container(bits: int) -> int:
    """Bits of the smallest of 8, 16, 32 and 64 that hold an element at the AXI4-Stream edges."""
    return next(c for c in (8, 16, 32, 64) if c >= bits)


def container_type(wire: Wire) -> np.dtype[Any]:
    """The integers that hold the elements of a wire at the edges."""
    return np.dtype(f"{'i' if wire.signed else 'u'}{container(wire.bits) // 8}")


ENDS = ("valid", "ready", "data")


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisIn(LibraryCell):
    """An input: unpacks elements from their containers; a flag a frame says whether TLAST came in time.

    flags:  frames whose flags it can hold: as many as are in flight in the design, and two more
    port:   what the names of its signals at the top begin with; errors: the name of its count there
    joints: its flags for outputs, one each
    """

    module: ClassVar[str] = "r4_axis_in"
    registers: ClassVar[int] = 2  # as the header of r4_axis_in states

    flags: int
    port: str = "s_axis"
    errors: str = "frame_errors_o"
    joints: tuple[str, ...] = ("flag",)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.y.lanes,
            "ElemWidth": self.y.bits,
            "ContainerWidth": container(self.y.bits),
            "Beats": self.y.beats,
            **_several(self.joints),
            "FlagDepth": self.flags,
        }

    def timing(self) -> Timing:
        return Timing.fifo(self.y.beats, self.registers)

    def connections(self) -> list[tuple[str, str]]:
        return [
            *((f"s_axis_{end}", f"{self.port}_{end}") for end in ("tvalid", "tready", "tdata", "tlast")),
            *super().connections(),
            *((f"flag_{end}_{way}", _joined(self.joints, end)) for end, way in zip(ENDS, "oio", strict=True)),
            ("errors_o", self.errors),
        ]


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisOut(LibraryCell):
    """An output: packs elements into containers; a frame's last beat waits for the frame's flags.

    port: what the names of its signals at the top begin with; joints: the flags of inputs that it waits for
    """

    module: ClassVar[str] = "r4_axis_out"

    port: str = "m_axis"
    joints: tuple[str, ...] = ("flag",)

    def params(self) -> dict[str, Param]:
        return {
            "Lanes": self.x.lanes,
            "ElemWidth": self.x.bits,
            "Signed": int(self.x.signed),
            "ContainerWidth": container(self.x.bits),
            "Beats": self.x.beats,
            **_several(self.joints),
        }

    def timing(self) -> Timing:
        return Timing.passing(self.x.beats, 1)

    def connections(self) -> list[tuple[str, str]]:
        return [
            *super().connections(),
            *((f"flag_{end}_{way}", _joined(self.joints, end)) for end, way in zip(ENDS, "ioi", strict=True)),
            *(
                (f"m_axis_{end}", f"{self.port}_{end}")
                for end in ("tvalid", "tready", "tdata", "tlast", "tuser")
            ),
        ]


def _several(joints: tuple[str, ...]) -> dict[str, Param]:
    """The parameter Flags, where it is not the default."""
    return {"Flags": len(joints)} if len(joints) != 1 else {}


def _joined(joints: tuple[str, ...], end: str) -> str:
    """A signal of all flags, the first in the lowest bit."""
    names = [f"{joint}_{end}" for joint in reversed(joints)]
    return names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"


def edges(netlist: Netlist, *, frames_in_flight: int = 2) -> tuple[tuple[AxisIn, ...], tuple[AxisOut, ...]]:
    """The cells of the edges of a netlist, those of inputs and those of outputs; `frames_in_flight` does not affect
    timing.

    With one of each they are u_axis_in and u_axis_out, and "flag" is between them; of several, each has the name of its
    port, and the flags those of both: u_s_axis_far, u_m_axis_mask and flag_0_1, of input 0 for output 1.
    """
    layer, origins = netlist.graph.aside("edges"), netlist.origins
    alone = len(netlist.inputs) == len(netlist.outputs) == 1

    def joint(i: int, o: int) -> str:
        return "flag" if alone else f"flag_{i}_{o}"

    into = [
        AxisIn(
            name="u_axis_in" if port == "s_axis" else f"u_{port}",
            inputs={},
            outputs={"y": wire},
            layer=layer,
            flags=frames_in_flight,
            port=port,
            errors="frame_errors_o" if port == "s_axis" else f"frame_errors_{port.removeprefix('s_axis_')}_o",
            joints=tuple(joint(i, o) for o, of in enumerate(origins) if i in of),
        )
        for i, (port, wire) in enumerate(zip(netlist.sources, netlist.inputs, strict=True))
    ]
    out = [
        AxisOut(
            name="u_axis_out" if port == "m_axis" else f"u_{port}",
            inputs={"x": wire},
            outputs={},
            layer=layer,
            port=port,
            joints=tuple(joint(i, o) for i in origins[o]),
        )
        for o, (port, wire) in enumerate(zip(netlist.sinks, netlist.outputs, strict=True))
    ]
    return tuple(into), tuple(out)
