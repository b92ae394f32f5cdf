// SPDX-License-Identifier: Apache-2.0
//
// Zeros around the frame.
// Beat: Lanes channels of a pixel; Groups beats a pixel, row-major, channels last, on both sides.
// One slot an output beat; those in the padding take no beat, but wait for the frame's first to be offered.
// Latency: 1 cycle.  Throughput: 1 output beat/cycle.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_pad #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Groups    = 1,
  parameter int unsigned Height    = 1,
  parameter int unsigned Width     = 8,
  parameter int unsigned PadTop    = 0,
  parameter int unsigned PadBottom = 0,
  parameter int unsigned PadLeft   = 1,
  parameter int unsigned PadRight  = 1
) (
  input  logic                       clk_i,
  input  logic                       rst_ni,

  input  logic                       x_valid_i,
  output logic                       x_ready_o,
  input  logic [Lanes*ElemWidth-1:0] x_data_i,

  output logic                       y_valid_o,
  input  logic                       y_ready_i,
  output logic [Lanes*ElemWidth-1:0] y_data_o
);

  if (Lanes == 0 || ElemWidth == 0 || Groups == 0 || Height == 0 || Width == 0) begin : gen_check_size
    $fatal(1, "r4_pad: Lanes (%0d), ElemWidth (%0d), Groups (%0d), Height (%0d) and Width (%0d) must be at least 1",
           Lanes, ElemWidth, Groups, Height, Width);
  end

  logic en, slot, last_g, last_x, last_y, row_inside, col_inside, real_pixel;
  r4_counter #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_span #(.Count(PadLeft + Width + PadRight), .First(PadLeft), .Size(Width)) u_x (
    .clk_i, .rst_ni, .step_i(slot && last_g), .last_o(last_x), .inside_o(col_inside)
  );
  r4_span #(.Count(PadTop + Height + PadBottom), .First(PadTop), .Size(Height)) u_y (
    .clk_i, .rst_ni, .step_i(slot && last_g && last_x), .last_o(last_y), .inside_o(row_inside)
  );
  // No padding before the frame's first beat is offered: an output frame never comes without an input frame.
  logic begun_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)   begun_q <= 1'b0;
    else if (slot) begun_q <= (begun_q || real_pixel) && !(last_g && last_x && last_y);
  end

  assign real_pixel = row_inside && col_inside;
  assign en         = y_ready_i || !y_valid_o;
  assign slot       = en && (x_valid_i || (begun_q && !real_pixel));
  assign x_ready_o  = en && real_pixel;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= slot;
  end
  always_ff @(posedge clk_i) begin
    if (slot) y_data_o <= real_pixel ? x_data_i : '0;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
