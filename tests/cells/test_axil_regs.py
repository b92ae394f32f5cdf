# SPDX-License-Identifier: Apache-2.0
"""r4_axil_regs in simulation: every register by bytes, commands as pulses, addresses and data in any order, resets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import rtl_board

from rtl4ml.board.registers import REGISTERS, constants

X = [
    ("write", 1), ("addr", 12), ("data", 32), ("strobes", 4), ("order", 2), ("status", 7), ("cycles", 64),
]  # fmt: skip
Y = [("data", 32), ("flags", 11)]
SIGNATURE = 0x0F0E0D0C_0B0A0908_07060504_03020100
R = constants()

# An access a beat: of a write both channels at once (order 0), the address first (1) or the data (2). What is given is
# what was read (0 for a write), and the pulses of start, abort and clear during the access, irq_o, and the answer.
# Ahead = 1: reads alone, of which the next one's address does not wait for the answer.
ACCESSES = """module r4_axil_accesses #(
  parameter int unsigned AddrWidth = 40, parameter int unsigned Banded = 1, parameter bit Ahead = 1'b0
) (
  input  logic clk_i, input logic rst_ni, input logic clear_i,
  input  logic x_valid_i, output logic x_ready_o,
  input  logic x_write_i, input logic [11:0] x_addr_i, input logic [31:0] x_data_i, input logic [3:0] x_strobes_i,
  input  logic [1:0] x_order_i, input logic [6:0] x_status_i, input logic [63:0] x_cycles_i,
  output logic y_valid_o, input logic y_ready_i, output logic [31:0] y_data_o, output logic [10:0] y_flags_o
);
  logic rst_n, busy_q, write_q, aw_q, w_q, ar_q, awvalid, awready, wvalid, wready, bvalid, arvalid, arready, rvalid;
  logic start, abort, clear, irq, done;
  logic [1:0] bresp, rresp, order_q, settled_q, start_q, abort_q, clear_q;
  logic [11:0] addr_q;
  logic [31:0] data_q, rdata;
  logic [3:0] strobes_q;
  logic [6:0] status_q;
  logic [63:0] cycles_q;
  assign rst_n     = rst_ni && !clear_i;
  assign x_ready_o = Ahead ? arready : !busy_q;
  assign awvalid   = busy_q && aw_q && (order_q != 2'd2 || !w_q);
  assign wvalid    = busy_q && w_q && (order_q != 2'd1 || !aw_q);
  assign arvalid   = Ahead ? x_valid_i : busy_q && ar_q;
  assign y_valid_o = Ahead ? rvalid : busy_q && settled_q == 2'd3;
  assign y_data_o  = write_q ? '0 : rdata;
  assign y_flags_o = {write_q ? bresp : rresp, write_q ? bvalid : rvalid, 1'b0, irq, clear_q, abort_q, start_q};
  assign done      = y_valid_o && y_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      {busy_q, write_q, start_q, abort_q, clear_q} <= '0;
      {status_q, cycles_q} <= '0;
    end else if (x_valid_i && x_ready_o && !Ahead) begin
      {busy_q, write_q, aw_q, w_q, ar_q} <= {1'b1, x_write_i, x_write_i, x_write_i, !x_write_i};
      {addr_q, data_q, strobes_q, order_q} <= {x_addr_i, x_data_i, x_strobes_i, x_order_i};
      {status_q, cycles_q} <= {x_status_i, x_cycles_i};
      {settled_q, start_q, abort_q, clear_q} <= '0;
    end else begin
      if (awvalid && awready) aw_q <= 1'b0;
      if (wvalid && wready) w_q <= 1'b0;
      if (arvalid && arready) ar_q <= 1'b0;
      if ((write_q ? bvalid : rvalid) && settled_q != 2'd3) settled_q <= settled_q + 2'd1;
      if (done) busy_q <= 1'b0;
      start_q <= start_q + 2'(start);
      abort_q <= abort_q + 2'(abort);
      clear_q <= clear_q + 2'(clear);
    end
  end
  logic [AddrWidth-1:0] src, dst, spill;
  logic [31:0] frames, rows, columns, row_stride, row_bytes, band_stride;
  logic banded, unused;
  assign unused = ^{src, dst, spill, frames, rows, columns, row_stride, row_bytes, band_stride, banded};
  r4_axil_regs #(
    .AddrWidth(AddrWidth), .Bands(11), .CountBytes(2), .Banded(1'(Banded)), .ResultKind(2), .DataBytes(16),
    .FrameRows(12), .FrameColumns(13), .FrameBytes(14), .SpillBytes(15),
    .Signature(128'h0F0E0D0C_0B0A0908_07060504_03020100)
  ) u_regs (
    .clk_i, .rst_ni(rst_n),
    .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_awaddr(awvalid ? addr_q : 12'hFFC),
    .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_wdata(wvalid ? data_q : '1),
    .s_axil_wstrb(wvalid ? strobes_q : '1), .s_axil_bvalid(bvalid), .s_axil_bready(write_q && done),
    .s_axil_bresp(bresp), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
    .s_axil_araddr(Ahead ? x_addr_i : arvalid ? addr_q : 12'hFFC), .s_axil_rvalid(rvalid),
    .s_axil_rready(!write_q && done),
    .s_axil_rdata(rdata), .s_axil_rresp(rresp),
    .start_o(start), .abort_o(abort), .clear_o(clear), .src_o(src), .dst_o(dst), .spill_o(spill), .frames_o(frames),
    .rows_o(rows), .columns_o(columns), .row_stride_o(row_stride), .row_bytes_o(row_bytes), .band_stride_o(band_stride),
    .banded_o(banded), .status_i(status_q), .cycles_i(cycles_q), .starved_i(cycles_q[31:0] + 32'd1),
    .blocked_i(cycles_q[31:0] + 32'd2), .frames_done_i(cycles_q[31:0] + 32'd3),
    .first_frame_i(cycles_q[31:0] + 32'd4), .frame_errors_i(cycles_q[31:0] + 32'd5),
    .axi_errors_i(cycles_q[31:0] + 32'd6), .irq_o(irq)
  );
endmodule
"""

ADDRESS = {r.address: r for r in REGISTERS}
COUNTED = ("STARVED", "BLOCKED", "FRAMES_DONE", "FIRST_FRAME", "FRAME_ERRORS", "AXI_ERRORS")


@dataclass
class Registers:
    """What the registers hold, by the map of registers.py."""

    width: int
    banded: bool
    kept: dict[str, int] = field(default_factory=dict)
    enabled: int = 0
    high: int = 0  # upper half of the cycles when the lower one was read

    def access(self, write: int, addr: int, data: int, strobes: int, status: int, cycles: int) -> list[int]:
        """Data and flags that an access gives."""
        register = ADDRESS.get(addr // 4 * 4)
        name = register.name if register else ""
        busy, read, pulses = status & 1, 0, 0
        if not write:
            read = self._read(name, status, cycles)
        elif name == "CONTROL" and strobes & 1:
            self.enabled = data >> 2 & 1
            pulses = (data & 1 and not busy) | (data >> 1 & 1 and busy) << 2 | (data >> 3 & 1) << 4
        elif register and register.access == "rw" and not (busy and register.job):
            mask = sum(0xFF << 8 * b for b in range(4) if strobes >> b & 1)
            self.kept[name] = self.kept.get(name, 0) & ~mask | data & mask
        irq = self.enabled & status >> 1
        return [read, pulses | irq << 6 | 1 << 8]

    def _read(self, name: str, status: int, cycles: int) -> int:
        if name in COUNTED:
            return (cycles + 1 + COUNTED.index(name)) % 2**32
        if name == "CYCLES_LOW":
            self.high = cycles >> 32
        fixed = {"ID": R["R4_ID_VALUE"], "VERSION": R["R4_VERSION_VALUE"], "BANDS": 11, "FRAME_ROWS": 12}
        fixed |= {
            "FRAME_COLUMNS": 13,
            "FRAME_BYTES": 14,
            "SPILL_BYTES": 15,
            "CONTROL": 4 * self.enabled,
            "STATUS": status,
        }
        fixed |= {"CYCLES_LOW": cycles % 2**32, "CYCLES_HIGH": self.high}
        fixed |= {f"SIGNATURE{k}": SIGNATURE >> 32 * k & 0xFFFFFFFF for k in range(4)}
        fixed |= {"CAPABILITIES": 16 << 16 | 2 << 8 | self.banded << 4 | 2}
        if name in fixed:
            return fixed[name]
        value = self.kept.get(name, 0)
        if name == "LAYOUT":
            return value & self.banded
        return (
            value % 2 ** max(0, self.width - 32) if name in ("SRC_HIGH", "DST_HIGH", "SPILL_HIGH") else value
        )


PLACES = [a for a in ADDRESS if a != R["R4_FREE_CYCLES"]]
KEPT = [r.address for r in REGISTERS if r.access == "rw"]


def drawn(rng: np.random.Generator) -> list[int]:
    """An access, most often to a register; four of ten while a job runs. FREE_CYCLES alone is left out."""
    some = [
        PLACES,
        KEPT,
        [R["R4_CONTROL"]],
        [*set(range(4096)) - set(range(R["R4_FREE_CYCLES"], R["R4_FREE_CYCLES"] + 4))],
    ]
    places = some[int(rng.choice(4, p=[0.3, 0.45, 0.15, 0.1]))]
    status = int(rng.integers(64)) * 2 + int(rng.random() < 0.4)
    strobes = 15 if rng.random() < 0.6 else int(rng.integers(16))
    word, cycles = int(rng.integers(2**32)), int(rng.integers(2**63))
    return [int(rng.random() < 0.5), int(rng.choice(places)), word, strobes, status, cycles]


def strobed(rng: np.random.Generator) -> Iterator[list[int]]:
    """Into every register that keeps a word: a word, its complement by some of its bytes, and what is there then."""
    for address in KEPT:
        for strobes in range(16):
            word = int(rng.integers(2**32))
            yield [1, address, word, 15, 0, 0]
            yield [1, address, word ^ 0xFFFFFFFF, strobes, 0, 0]
            yield [0, address, 0, 0, 0, 0]


def case(name: str, lists: list[list[list[int]]], rng: np.random.Generator, **params: int) -> rtl_board.Case:
    """A case of lists of accesses, with a reset between two lists."""
    runs = []
    for accesses in lists:
        model = Registers(params["AddrWidth"], bool(params["Banded"]))
        x = [rtl_board.join(X, [*a[:4], int(rng.integers(3)), *a[4:]]) for a in accesses]
        runs.append((x, [rtl_board.join(Y, model.access(*a)) for a in accesses]))
    uses = frozenset({"r4_axil_regs"})
    return rtl_board.Case(name, "r4_axil_accesses", params, X, Y, runs, text=ACCESSES, uses=uses)


def test_accesses(rng: np.random.Generator, seed: int) -> None:
    all_of_them = [[0, a, 0, 0, 0, 5] for a in PLACES]
    cases = [
        case(
            f"{width}",
            [
                [*(drawn(rng) for _ in range(n)), *all_of_them, *more]
                for n, more in ((60, []), (500, strobed(rng)), (30, []))
            ],
            rng,
            AddrWidth=width,
            Banded=banded,
        )
        for width, banded in ((40, 1), (33, 0), (64, 1))
    ]
    reads = [[[0, int(a), 0, 0, 0, 0] for a in rng.choice(PLACES, n)] for n in (20, 100)]
    cases.append(case("ahead", reads, rng, AddrWidth=40, Banded=1, Ahead=1))
    rtl_board.check("axil_regs", cases, seed=seed, stalled=1)


BROKEN: dict[str, rtl_board.Change] = {
    "all bytes written": ("end else if (wstrb_q[b]) begin", "end else begin"),
    "a running job changed": ("change = write && !status_i[0];", "change = write;"),
    "started again": ("wdata_q[0] && !status_i[0];", "wdata_q[0];"),
    "aborted without a job": ("wdata_q[1] && status_i[0];", "wdata_q[1];"),
    "a command without its byte": ("waddr_q == AddrControl && wstrb_q[0]", "waddr_q == AddrControl"),
    "interrupt not enabled": ("irq_o <= irq_enable_q && status_i[1]", "irq_o <= status_i[1]"),
    "enable bit by any write": ("if (command) irq_enable_q", "if (write) irq_enable_q"),
    "enable bit not reset": ("      irq_enable_q <= 1'b0;\n", ""),
    "upper cycles not held": ("(load && raddr_q == AddrCyclesLow)", "(load)"),
    "halves of an address exchanged": (
        "AddrSrcHigh:      word = src[63:32]",
        "AddrSrcHigh:      word = src[31:0]",
    ),
    "data that comes behind its address": ("if (!w_q) begin", "if (!aw_q) begin"),
    "written before the data is there": ("write          = aw_q && w_q &&", "write          = aw_q &&"),
    "address of the next access": ("if (!ar_q) raddr_q", "if (1'b1) raddr_q"),
    "scratch not while busy": ("(write && waddr_q == AddrScratch)", "(change && waddr_q == AddrScratch)"),
    "layout without its byte": ("AddrLayout && wstrb_q[0])", "AddrLayout)"),
    "a layout that there is not": ("Banded && wdata_q[0]", "wdata_q[0]"),
    "bits of an address kept": ("assign dst           = 64'(dst_o);", "assign dst = dst_q;"),
    "an answer lost": ("(write)                   s_axil_bvalid", "(write && s_axil_bready) s_axil_bvalid"),
    "frames not reset": ("        frames_q[8*b+:8]      <= '0;\n", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_broken_cells_are_seen(name: str, rng: np.random.Generator, seed: int, tmp_path: Path) -> None:
    rtl_board.seen("r4_axil_regs", BROKEN[name], tmp_path, lambda: test_accesses(rng, seed))
