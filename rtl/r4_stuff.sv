// SPDX-License-Identifier: Apache-2.0
//
// Zeros behind pixels: every pixel becomes FactorW pixels, every row FactorH rows, of which all but the first are zero.
// Beat: Lanes channels of a pixel; Groups beats a pixel, row-major, channels last, on both sides.
// One slot an output beat; those of zeros take no beat.
// Latency: 1 cycle.  Throughput: 1 output beat/cycle.  The ready path is combinational from y_ready_i to x_ready_o.

module r4_stuff #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Groups    = 1,
  parameter int unsigned Width     = 8,
  parameter int unsigned FactorH   = 1,
  parameter int unsigned FactorW   = 2
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

  if (Lanes == 0 || ElemWidth == 0 || Groups == 0 || Width == 0) begin : gen_check_size
    $fatal(1, "r4_stuff: Lanes (%0d), ElemWidth (%0d), Groups (%0d) and Width (%0d) must be at least 1",
           Lanes, ElemWidth, Groups, Width);
  end
  if (FactorH == 0 || FactorW == 0) begin : gen_check_factor
    $fatal(1, "r4_stuff: FactorH (%0d) and FactorW (%0d) must be at least 1", FactorH, FactorW);
  end

  logic en, slot, last_g, last_col, last_x, last_row, col_real, row_real, real_pixel;
  r4_counter #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_span #(.Count(FactorW), .First(0), .Size(1)) u_col (
    .clk_i, .rst_ni, .step_i(slot && last_g), .last_o(last_col), .inside_o(col_real)
  );
  r4_counter #(.Count(Width)) u_x (.clk_i, .rst_ni, .step_i(slot && last_g && last_col), .last_o(last_x));
  r4_span #(.Count(FactorH), .First(0), .Size(1)) u_row (
    .clk_i, .rst_ni, .step_i(slot && last_g && last_col && last_x), .last_o(last_row), .inside_o(row_real)
  );
  logic unused_last;
  assign unused_last = last_row;

  assign real_pixel = row_real && col_real;
  assign en         = y_ready_i || !y_valid_o;
  assign slot       = en && (x_valid_i || !real_pixel);
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
