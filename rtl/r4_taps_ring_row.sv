// SPDX-License-Identifier: Apache-2.0
//
// Follows the rows of windows of r4_taps_ring, one a step: tells the frame's last one (last_o), whether it needs a row that
// no windows before it needed (needs_o), and which rows of the kernel lie inside the frame. Of the row of windows behind it,
// where that is of the same frame: next_needs_o: it needs the last row that it reaches; next_needs_less_o: it is the
// first that reaches below the frame, and needs the frame's last row, which was not needed before.
// Latency: 1 cycle from step_i.  All but inside_o are registers.

module r4_taps_ring_row #(
  parameter int unsigned Size      = 8,
  parameter int unsigned Kernel    = 3,
  parameter int unsigned Stride    = 1,
  parameter int unsigned Dilation  = 1,
  parameter int unsigned Pad       = 1,
  parameter int unsigned Positions = 8
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              step_i,
  output logic              last_o,
  output logic              needs_o,
  output logic              next_needs_o,
  output logic              next_needs_less_o,
  output logic [Kernel-1:0] inside_o
);

  localparam int StrideI = signed'(Stride);
  localparam int LastI   = signed'(Positions) - 1;
  // Room: steps of a window from its first position on that keep it above the frame's end.
  localparam int Room    = signed'(Size + Pad) - signed'((Kernel - 1) * Dilation);
  localparam int First   = Room > 0 ? (Room + StrideI - 1) / StrideI : 0;  // the first that reaches below
  localparam bit Fresh   = First == 0 || (First - 1) * StrideI < Room - 1;

  localparam int unsigned Bits = Positions > 1 ? $clog2(Positions) : 1;
  logic [Bits-1:0] at_q;
  if (Positions > 1) begin : gen_walk
    logic last_q;
    assign last_o = last_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        at_q   <= '0;
        last_q <= 1'b0;
      end else if (step_i) begin
        at_q   <= last_q ? '0 : at_q + 1'b1;
        last_q <= at_q == Bits'(LastI - 1);
      end
    end
  end else begin : gen_single
    assign last_o = 1'b1;
    assign at_q   = '0;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end

  if (First > LastI) begin : gen_always
    assign needs_o           = 1'b1;
    assign next_needs_o      = 1'b1;
    assign next_needs_less_o = 1'b0;
  end else begin : gen_below
    // Of the first windows of a frame; of others what is told two rows before.
    localparam bit Next = First > 1;
    localparam bit Less = First == 1 && Fresh;
    logic needs_q, next_q, less_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        needs_q <= 1'b1;
        next_q  <= Next;
        less_q  <= Less;
      end else if (step_i) begin
        needs_q <= last_o || next_q || less_q;
        next_q  <= last_o ? Next : First > 2 && at_q < Bits'(First - 2);
        less_q  <= last_o ? Less : First > 1 && Fresh && at_q == Bits'(First - 2);
      end
    end
    assign needs_o           = needs_q;
    assign next_needs_o      = next_q;
    assign next_needs_less_o = less_q;
  end

  for (genvar k = 0; k < signed'(Kernel); k++) begin : gen_tap
    localparam int Before = signed'(Pad) - k * signed'(Dilation);       // rows above the frame at the first position
    localparam int From   = Before > 0 ? (Before + StrideI - 1) / StrideI : 0;
    localparam int End    = signed'(Size) - 1 + Before;              // moves that keep it above the frame's end
    localparam int To     = End >= 0 ? End / StrideI : -1;
    logic from, to;
    if (From == 0) begin : gen_from_any
      assign from = 1'b1;
    end else if (From > LastI) begin : gen_from_none
      assign from = 1'b0;
    end else begin : gen_from
      assign from = at_q >= Bits'(From);
    end
    if (To >= LastI) begin : gen_to_any
      assign to = 1'b1;
    end else if (To < 0) begin : gen_to_none
      assign to = 1'b0;
    end else begin : gen_to
      assign to = at_q <= Bits'(To);
    end
    assign inside_o[k] = from && to;
  end

endmodule
