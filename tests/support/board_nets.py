# SPDX-License-Identifier: Apache-2.0
"""Shells around a stand-in for a network: a weighted sum of every pixel, one beat a cycle, as fast as a network can be.

The stand-in has the ports, frames and errors of a real `r4_top`, and compiles in seconds. Beside it, two small models
for boards of a whole design.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board import shell as board_shell
from rtl4ml.board.bulk import BoardSimulator, build
from rtl4ml.board.values import Quantizer, Result, Shell
from rtl4ml.cells.streams import Spill
from rtl4ml.emit.library import library, modules
from rtl4ml.host import frameworks
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import Wire

BANDS = 12
_WIRE = Wire("w", lanes=1, bits=8, signed=False, beats=1)

_TOP = """// SPDX-License-Identifier: Apache-2.0
module r4_top (
  input  logic aclk,
  input  logic aresetn,
  input  logic s_axis_tvalid,
  output logic s_axis_tready,
  input  logic [@IN@-1:0] s_axis_tdata,
  input  logic s_axis_tlast,
  output logic m_axis_tvalid,
  input  logic m_axis_tready,
  output logic [@OUT@-1:0] m_axis_tdata,
  output logic m_axis_tlast,
  output logic m_axis_tuser,
  output logic [31:0] frame_errors_o@PORTS@
);
  logic x_valid, x_ready, y_valid, y_ready, flag_valid, flag_ready, flag_data;
  logic [@LANES@*8-1:0] x_data;
  logic [@OUT@-1:0] y_data, sum_q, sum;
  logic [15:0] weight_q;
  logic last;

  r4_axis_in #(.Lanes(@LANES@), .ElemWidth(8), .ContainerWidth(8), .Beats(@BEATS@*@PIXELS@), .FlagDepth(4)) u_in (
    .clk_i(aclk), .rst_ni(aresetn), .s_axis_tvalid, .s_axis_tready, .s_axis_tdata, .s_axis_tlast,
    .y_valid_o(x_valid), .y_ready_i(x_ready), .y_data_o(x_data),
    .flag_valid_o(flag_valid), .flag_ready_i(flag_ready), .flag_data_o(flag_data), .errors_o(frame_errors_o));
  r4_counter #(.Count(@BEATS@)) u_beat (
    .clk_i(aclk), .rst_ni(aresetn), .step_i(x_valid && x_ready), .last_o(last));

  // the element of index k in its pixel weighs 2 k + 1
  always_comb begin
    sum = sum_q;
    for (int i = 0; i < @LANES@; i++) sum += @OUT@'(24'(x_data[8*i+:8]) * (24'(weight_q) + 24'(2 * i)));
  end
  assign x_ready = y_ready || !y_valid;
  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      y_valid  <= 1'b0;
      weight_q <= 16'd1;
      sum_q    <= '0;
    end else if (x_ready) begin
      y_valid <= x_valid && last;
      if (x_valid) begin
        weight_q <= last ? 16'd1 : weight_q + 16'(2 * @LANES@);
        sum_q    <= last ? '0 : sum;
        y_data   <= sum;
      end
    end
  end

@SPILL@
  r4_axis_out #(.Lanes(1), .ElemWidth(@OUT@), .Signed(0), .ContainerWidth(@OUT@), .Beats(@PIXELS@)) u_out (
    .clk_i(aclk), .rst_ni(aresetn), .x_valid_i(out_valid), .x_ready_o(out_ready), .x_data_i(out_data),
    .flag_valid_i(flag_valid), .flag_ready_o(flag_ready), .flag_data_i(flag_data),
    .m_axis_tvalid, .m_axis_tready, .m_axis_tdata, .m_axis_tlast, .m_axis_tuser);
endmodule
"""


_STRAIGHT = """  logic out_valid, out_ready;
  logic [@OUT@-1:0] out_data;
  assign {out_valid, out_data, y_ready} = {y_valid, y_data, out_ready};
"""
# All results go through two spills, one behind the other, of rings that several frames fill.
_SPILLED = """  logic mid_valid, mid_ready, out_valid, out_ready;
  logic [@OUT@-1:0] mid_data, out_data;
  r4_spill #(.Width(@OUT@), .Ring(32), .ReadDepth(32), .WriteDepth(32)) u_first (
    .clk_i(aclk), .rst_ni(aresetn), .x_valid_i(y_valid), .x_ready_o(y_ready), .x_data_i(y_data),
    .y_valid_o(mid_valid), .y_ready_i(mid_ready), .y_data_o(mid_data), @S0@);
  r4_spill #(.Width(@OUT@), .Ring(300), .ReadDepth(32), .WriteDepth(32)) u_second (
    .clk_i(aclk), .rst_ni(aresetn), .x_valid_i(mid_valid), .x_ready_o(mid_ready), .x_data_i(mid_data),
    .y_valid_o(out_valid), .y_ready_i(out_ready), .y_data_o(out_data), @S1@);
"""
SPILLS = (32 * 16, 300 * 16)


def stand_in(
    *,
    bands: int,
    lanes: int,
    count_bytes: int = 2,
    frame: tuple[int, int] = (1, 1),
    result: Result = "raw",
    banded: bool = True,
    spills: tuple[int, ...] = (),
) -> Shell:
    """A shell whose network gives 16 bits a pixel (raw) or 8 (map, mask); counts are clipped to 8 bits.

    spills: SPILLS, for a network that keeps its results in memory for a while
    """
    image = Image.pack(np.tile([[1, 0]], (bands // lanes, lanes)), 4)  # M = 1, B = 0, of 4 bits each
    params = {
        "Lanes": lanes,
        "Beats": bands // lanes,
        "XWidth": 8 * count_bytes,
        "YWidth": 8,
        "MWidth": 4,
        "BWidth": 4,
    }
    params |= {"Shift": 0, "Lo": 0, "Hi": 255}
    return Shell(
        bands=bands,
        lanes=lanes,
        element_bits=8,
        in_container=8,
        out_lanes=1,
        out_container=16 if result == "raw" else 8,
        out_beats=frame[0] * frame[1],
        frame_rows=frame[0],
        frame_columns=frame[1],
        count_bytes=count_bytes,
        result=result,
        banded=banded,
        quantizer=Quantizer("r4_counts", {**params, "InitFile": image}),
        signature="00112233445566778899aabbccddeeff",
        spills=spills,
    )


def network_text(shell: Shell) -> str:
    """The stand-in's r4_top.sv."""
    values = {
        "IN": shell.lanes * 8,
        "OUT": shell.out_container,
        "LANES": shell.lanes,
        "BEATS": shell.beats,
        "PIXELS": shell.frame_rows * shell.frame_columns,
    }
    made = Spill(
        name="u", inputs={"x": _WIRE}, outputs={"y": _WIRE}, port="s"
    ).top_ports()  # with "s_" before each name
    text = _TOP.replace("@SPILL@", _SPILLED if shell.spills else _STRAIGHT)
    ports = ""
    for k in range(len(shell.spills)):
        names = [(way, bits, inner, f"s{k}{outer[1:]}") for way, bits, inner, outer in made]
        ports += "".join(f",\n  {way} logic [{bits - 1}:0] {outer}" for way, bits, _, outer in names)
        text = text.replace(f"@S{k}@", ", ".join(f".{inner}({outer})" for _, _, inner, outer in names))
    text = text.replace("@PORTS@", ports)
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def write(shell: Shell, folder: Path) -> list[Path]:
    """All sources of shell and stand-in in folder/rtl, images in folder/mem."""
    sources = list(board_shell.write(shell, folder))
    have = {s.name for s in sources}
    for m in modules({"r4_axis_in", "r4_axis_out", "r4_counter", *(["r4_spill"] if shell.spills else [])}):
        if f"{m}.sv" not in have:
            path = folder / "rtl" / f"{m}.sv"
            path.write_bytes((library() / f"{m}.sv").read_bytes())
            sources.append(path)
    top = folder / "rtl" / "r4_top.sv"
    top.write_text(network_text(shell))
    return [*sources, top]


def simulator(shell: Shell, folder: Path, *, asserts: bool = True) -> BoardSimulator:
    """The compiled shell with its stand-in."""
    sources = write(shell, folder)
    return build(folder, sources, shell, images=folder / "mem", asserts=asserts)


def expected(shell: Shell, cube: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.uint8]:
    """The bytes of the result that the stand-in must give."""
    weights = 2 * np.arange(shell.bands) + 1
    y = (np.minimum(cube.astype(np.int64), 255) * weights).sum(axis=2)
    if shell.result == "raw":
        return y.astype("<u2").reshape(-1).view(np.uint8)
    if shell.result == "mask":
        return np.packbits((y & 1).astype(np.uint8), axis=1, bitorder="little").reshape(-1)
    return y.astype(np.uint8).reshape(-1)


def pixels() -> Any:
    """A network of single pixels of 12 bands, three classes."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    w = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}
    return frameworks.keras().Sequential(
        [
            layers.Input((BANDS, 1)),
            q.QActivation("quantized_bits(6,1,alpha=1)"),
            q.QConv1D(2, 3, **w),
            q.QActivation("quantized_relu(4,1)"),
            layers.Flatten(),
            q.QDense(3, **w),
        ]
    )


def images() -> Any:
    """A network of images of 5 x 12 pixels of 3 bands to a channel."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    w = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}
    return frameworks.keras().Sequential(
        [
            layers.Input((5, 12, 3)),
            q.QActivation("quantized_relu(8,0)"),
            q.QConv2D(1, 3, padding="same", **w),
        ]
    )
