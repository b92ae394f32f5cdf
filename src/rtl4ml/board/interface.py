# SPDX-License-Identifier: Apache-2.0
"""interface.json: the types of a design's input and output, in a file that a program of any language reads.

`of_streams` says what the AXI4-Stream ports of r4_top carry: it lies beside the RTL. `of_board` adds what a board's
driver must know: counts, layouts, kind of result, signature, clock; the driver reads no other file of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board.integers import Affine, Rounded, Steps
from rtl4ml.board.ports import DATA_BYTES
from rtl4ml.board.values import Shell
from rtl4ml.cells.axis import container
from rtl4ml.host.tools import disk_errors
from rtl4ml.ir.strips import Strips
from rtl4ml.ir.types import Stream
from rtl4ml.netlist.netlist import Netlist, Wire

FILE = "interface.json"
SCHEMA = 1
# Axes of a cube in memory, the last one in neighbouring places.
LAYOUTS = {
    "bip": ["rows", "columns", "bands"],
    "bil": ["rows", "bands", "columns"],
    "bsq": ["bands", "rows", "columns"],
}


def laid_out(cube: NDArray[np.unsignedinteger[Any]], layout: str) -> bytes:
    """The bytes of a cube (rows, columns, bands) as they lie in memory, little-endian, without gaps."""
    axes = [LAYOUTS["bip"].index(axis) for axis in LAYOUTS[layout]]
    return (
        np.ascontiguousarray(cube.transpose(axes)).astype(cube.dtype.newbyteorder("<"), copy=False).tobytes()
    )


def container_name(wire: Wire) -> str:
    """The type of an element in its container, as NumPy names it: "int16" of a signed element of 11 bits."""
    return f"{'' if wire.signed else 'u'}int{container(wire.bits)}"


def _type(stream: Stream) -> dict[str, Any]:
    """The type of a stream's elements: an integer k stands for k * step."""
    t = stream.type
    return {
        "name": str(t),
        "signed": t.signed,
        "bits": t.width,
        "integer_bits": t.integer,
        "fraction_bits": t.fraction,
        "step": t.step,
        "lo": stream.lo,
        "hi": stream.hi,
    }


def _port(wire: Wire, stream: Stream) -> dict[str, Any]:
    """What an AXI4-Stream port carries: lane i of a beat at bit i * container_bits."""
    bits = container(wire.bits)
    return {
        "shape": list(stream.shape),
        "type": _type(stream),
        "dtype": container_name(wire),
        "lanes": wire.lanes,
        "container_bits": bits,
        "beats": wire.beats,
        "frame_bytes": wire.beats * wire.lanes * bits // 8,
        "byte_order": "little",
    }


def of_streams(netlist: Netlist) -> dict[str, Any]:
    """What the ports s_axis and m_axis of r4_top carry, or what all of several do: elements of a frame in row-major
    order, TLAST with the last.
    """
    graph = netlist.graph
    return {
        "schema": SCHEMA,
        "model": graph.name,
        **{p: _port(w, s) for p, w, s in zip(netlist.sources, netlist.inputs, graph.inputs, strict=True)},
        **{p: _port(w, s) for p, w, s in zip(netlist.sinks, netlist.outputs, graph.outputs, strict=True)},
    }


def of_board(
    netlist: Netlist,
    shell: Shell,
    counts: Mapping[str, Any],
    integers: Rounded | Affine | Steps,
    *,
    board: str,
    part: str,
    design: str,
    clock_mhz: float,
    output: Mapping[str, Any],
    strips: Strips | None = None,
) -> dict[str, Any]:
    """interface.json of a board's folder.

    counts:    the normalization, as `Counts.entry` has it; integers: how hardware does it
    design:    the identity's SHA-256; its first 128 bits are the signature
    clock_mhz: what the board's clock gives, which the driver measures
    output:    what the model's head is: its name, threshold and opening of a mask
    strips:    how the driver cuts images that are wider than a frame, where it can
    """
    y = netlist.graph.outputs[0]
    shape = {"raw": list(y.shape), "map": [], "mask": []}[shell.result]
    dtype = {"raw": container_name(netlist.output), "map": "uint8", "mask": "bool"}[shell.result]
    found = of_streams(netlist)
    return {
        "schema": SCHEMA,
        "model": found["model"],
        "input": {
            "dtype": counts["dtype"],
            "byte_order": "little",
            "bands": shell.bands,
            "frame_rows": shell.frame_rows,
            "frame_columns": shell.frame_columns,
            "frame_bytes": shell.bands * shell.frame_rows * shell.frame_columns * shell.count_bytes,
            "layouts": list(LAYOUTS) if shell.banded else ["bip"],
            "axes": LAYOUTS if shell.banded else {"bip": LAYOUTS["bip"]},
            "normalization": dict(counts),
            "conversion": _conversion(integers),
            "strips": None if strips is None else _strips(strips),
        },
        "output": {
            "kind": shell.result,
            "dtype": dtype,
            "byte_order": "little",
            "shape": shape,
            "frame_bytes": shell.frame_bytes,
            "step": y.type.step if shell.result == "raw" else 1,
            **output,
        },
        "hardware": {
            "board": board,
            "part": part,
            "design": design,
            "signature": shell.signature,
            "data_bytes": DATA_BYTES,
            "clock_mhz": clock_mhz,
            **({"spill_bytes": shell.spill_bytes} if shell.spills else {}),
        },
        "s_axis": found["s_axis"],
        "m_axis": found["m_axis"],
    }


def _strips(strips: Strips) -> dict[str, int]:
    """How columns are cut, as r4_strips.py has it."""
    return {
        "columns": strips.size,
        "out_columns": strips.out,
        "align": strips.align,
        "up": strips.up,
        "down": strips.down,
        "before": strips.before,
        "after": strips.after,
    }


def _conversion(integers: Rounded | Affine | Steps) -> dict[str, Any]:
    """How counts become integers of the network's input."""
    found: dict[str, Any] = {"cell": integers.module, "lo": integers.lo, "hi": integers.hi}
    if isinstance(integers, Rounded):
        return found | {"formula": "clip(round_half_even(count / 2**shift), lo, hi)", "shift": integers.shift}
    if isinstance(integers, Affine):
        numbers = {"m": integers.m.tolist(), "b": integers.b.tolist()}
        return found | {
            "formula": "clip((m[band] * count + b[band]) >> shift, lo, hi)",
            "shift": integers.shift,
            **numbers,
        }
    return found | {
        "formula": "lo + thresholds reached, or hi - thresholds reached of a band that falls",
        "falls": integers.falls.tolist(),
    }


def write(content: Mapping[str, Any], folder: Path) -> None:
    """Writes interface.json into a folder. Raises EnvironmentProblem where that cannot be written."""
    with disk_errors(folder):
        (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def header_text(content: Mapping[str, Any]) -> str:
    """r4_design.h of a board's interface: the value that r4.c compares hardware with."""
    given, made, hardware = content["input"], content["output"], content["hardware"]
    signature = bytes.fromhex(hardware["signature"])
    words = ", ".join(f"0x{int.from_bytes(signature[i : i + 4], 'little'):08X}u" for i in range(0, 16, 4))
    kinds = {"raw": "R4_RAW", "map": "R4_MAP", "mask": "R4_MASK"}
    values = {
        "bands": given["bands"],
        "count_bytes": {"uint8": 1, "uint16": 2}[given["dtype"]],
        "frame_rows": given["frame_rows"],
        "frame_columns": given["frame_columns"],
        "frame_bytes": made["frame_bytes"],
        "kind": kinds[made["kind"]],
        "banded": int("bil" in given["layouts"]),
        "data_bytes": hardware["data_bytes"],
        "clock_khz": round(hardware["clock_mhz"] * 1000),
        "spill_bytes": hardware.get("spill_bytes", 0),
    }
    lines = [f"  .signature = {{{words}}},", *(f"  .{k} = {v}," for k, v in values.items())]
    return "\n".join(
        [
            "/* SPDX-License-Identifier: Apache-2.0 */",
            "/* The design of this folder, as interface.json has it; generated by rtl4ml, do not edit. */",
            "#ifndef R4_DESIGN_H",
            "#define R4_DESIGN_H",
            '#include "r4.h"',
            "static const r4_interface r4_design = {",
            *lines,
            "};",
            "#endif",
            "",
        ]
    )
