// SPDX-License-Identifier: Apache-2.0
//
// Follows the columns of r4_taps_ring: walks over the Slots columns of a row, ahead of the outputs by what a window
// reaches to the right; tells the row's last column (last_o), whether the output that this column completes belongs to
// the row before (early_o), whether there is one (hit_o), and which taps of its window lie inside the frame.
// flush_i: the columns of the last row are completed, up to flush_last_o; behind it stands a row's first column.
// Latency: 1 cycle from step_i.  last_o is a register.

module r4_taps_ring_col #(
  parameter int unsigned Size      = 8,
  parameter int unsigned Slots     = 8,
  parameter int unsigned Kernel    = 3,
  parameter int unsigned Stride    = 1,
  parameter int unsigned Dilation  = 1,
  parameter int unsigned Pad       = 1,
  parameter int unsigned Positions = 8
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              step_i,
  input  logic              flush_i,
  output logic              last_o,
  output logic              flush_last_o,
  output logic              early_o,
  output logic              hit_o,
  output logic [Kernel-1:0] inside_o
);

  localparam int unsigned Lag   = (Kernel - 1) * Dilation - Pad;
  localparam int unsigned Last  = (Positions - 1) * Stride;  // column of the last output
  localparam int unsigned Start = (Slots - Lag) % Slots;     // of the output that a row's first column completes

  if (Slots <= 1) begin : gen_single
    assign last_o       = 1'b1;
    assign flush_last_o = 1'b1;
    assign early_o      = Lag > 0;
    assign hit_o        = 1'b1;
    for (genvar k = 0; k < signed'(Kernel); k++) begin : gen_tap
      assign inside_o[k] = k * signed'(Dilation) >= signed'(Pad) && k * signed'(Dilation) < signed'(Pad + Size);
    end
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i, flush_i};
  end else begin : gen_walk
    localparam int unsigned Bits = $clog2(Slots);
    logic [Bits-1:0] at_q;
    localparam int unsigned End = (Start + Slots - 1) % Slots;  // of the output that a row's last column completes
    logic wrap, restart, last_q;
    assign wrap         = at_q == Bits'(Slots - 1);
    assign last_o       = last_q;
    assign flush_last_o = at_q == Bits'(Last);
    assign restart      = flush_i && flush_last_o;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        at_q   <= Bits'(Start);
        last_q <= 1'b0;
      end else if (step_i) begin
        at_q   <= restart ? Bits'(Start) : wrap ? '0 : at_q + 1'b1;
        last_q <= !restart && at_q == Bits'((End + Slots - 1) % Slots);
      end
    end

    if (Lag == 0) begin : gen_never_early
      assign early_o = 1'b0;
    end else if (Lag == Slots) begin : gen_always_early
      assign early_o = 1'b1;
    end else begin : gen_early
      assign early_o = at_q >= Bits'(Slots - Lag);
    end

    logic in_range, on_stride;
    if (Last < Slots - 1) begin : gen_range
      assign in_range = at_q <= Bits'(Last);
    end else begin : gen_any
      assign in_range = 1'b1;
    end
    if (Stride > 1) begin : gen_stride
      localparam int unsigned PhaseBits = $clog2(Stride);
      logic [PhaseBits-1:0] phase_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) phase_q <= PhaseBits'(Start % Stride);
        else if (step_i) begin
          phase_q <= restart                                  ? PhaseBits'(Start % Stride)
                   : wrap || phase_q == PhaseBits'(Stride - 1) ? '0 : phase_q + 1'b1;
        end
      end
      assign on_stride = phase_q == '0;
    end else begin : gen_every
      assign on_stride = 1'b1;
    end
    assign hit_o = in_range && on_stride;

    for (genvar k = 0; k < signed'(Kernel); k++) begin : gen_tap
      localparam int From = signed'(Pad) - k * signed'(Dilation);
      localparam int To   = signed'(Size) - 1 + From;
      logic from, to;
      if (From <= 0) begin : gen_from_any
        assign from = 1'b1;
      end else if (From > signed'(Last)) begin : gen_from_none
        assign from = 1'b0;
      end else begin : gen_from
        assign from = at_q >= Bits'(From);
      end
      if (To >= signed'(Last)) begin : gen_to_any
        assign to = 1'b1;
      end else if (To < 0) begin : gen_to_none
        assign to = 1'b0;
      end else begin : gen_to
        assign to = at_q <= Bits'(To);
      end
      assign inside_o[k] = from && to;
    end
  end

endmodule
