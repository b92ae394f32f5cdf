// SPDX-License-Identifier: Apache-2.0
//
// The frame without its margins: OutHeight x OutWidth pixels from row CropTop, column CropLeft on; the rest is swallowed.
// Beat: Lanes channels of a pixel; Groups beats a pixel, row-major, channels last, on both sides.
// Latency: 1 cycle.  Throughput: 1 input beat/cycle.  Flow: see r4_gate.

module r4_crop #(
  parameter int unsigned Lanes     = 1,
  parameter int unsigned ElemWidth = 8,
  parameter int unsigned Groups    = 1,
  parameter int unsigned Height    = 1,
  parameter int unsigned Width     = 8,
  parameter int unsigned CropTop   = 0,
  parameter int unsigned CropLeft  = 1,
  parameter int unsigned OutHeight = 1,
  parameter int unsigned OutWidth  = 6,
  parameter int unsigned Flow      = 0
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

  if (Lanes == 0 || ElemWidth == 0 || Groups == 0) begin : gen_check_size
    $fatal(1, "r4_crop: Lanes (%0d), ElemWidth (%0d) and Groups (%0d) must be at least 1", Lanes, ElemWidth, Groups);
  end

  logic slot, last_g, last_x, last_y, row_inside, col_inside;
  r4_counter #(.Count(Groups)) u_g (.clk_i, .rst_ni, .step_i(slot), .last_o(last_g));
  r4_span #(.Count(Width), .First(CropLeft), .Size(OutWidth)) u_x (
    .clk_i, .rst_ni, .step_i(slot && last_g), .last_o(last_x), .inside_o(col_inside)
  );
  r4_span #(.Count(Height), .First(CropTop), .Size(OutHeight)) u_y (
    .clk_i, .rst_ni, .step_i(slot && last_g && last_x), .last_o(last_y), .inside_o(row_inside)
  );
  logic unused_last;
  assign unused_last = last_y;

  logic en;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(slot)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= slot && row_inside && col_inside;
  end
  always_ff @(posedge clk_i) begin
    if (slot) y_data_o <= x_data_i;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
