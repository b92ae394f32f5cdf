// SPDX-License-Identifier: Apache-2.0
//
// Follows one axis of r4_pool: counts steps round and round, 0 to Count - 1; a window of Size steps begins every Stride
// steps, as often as a whole one fits.
// first_o and end_o: first and last step of a window; last_o: the last step of all.  Beyond the last window end_o stays
// low.  Latency: 1 cycle from step_i.

module r4_pool_axis #(
  parameter int unsigned Count  = 8,
  parameter int unsigned Size   = 2,
  parameter int unsigned Stride = 2
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic last_o,
  output logic first_o,
  output logic end_o
);

  if (Size == 0 || Stride < Size || Size > Count) begin : gen_check
    $fatal(1, "r4_pool_axis: windows of Size %0d, one every Stride %0d, must lie apart and fit Count (%0d)",
           Size, Stride, Count);
  end

  localparam int unsigned PhaseBits = Stride > 1 ? $clog2(Stride) : 1;

  // A remainder is shorter than a window: its phase never comes to the end of one.
  logic [PhaseBits-1:0] phase_q;
  logic wrap;
  if (Stride < Count) begin : gen_windows
    r4_counter #(.Count(Count)) u_at (.clk_i, .rst_ni, .step_i, .last_o);
    assign wrap = last_o || phase_q == PhaseBits'(Stride - 1);
  end else begin : gen_one_window
    assign last_o = phase_q == PhaseBits'(Count - 1);
    assign wrap   = last_o;
  end
  if (Stride > 1 && Count > 1) begin : gen_phase
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     phase_q <= '0;
      else if (step_i) phase_q <= wrap ? '0 : phase_q + 1'b1;
    end
  end else begin : gen_every
    assign phase_q = '0;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i, wrap};
  end
  assign first_o = phase_q == '0;
  assign end_o   = phase_q == PhaseBits'(Size - 1);

endmodule
