// SPDX-License-Identifier: Apache-2.0
//
// Erosion or dilation of a binary image by a disk: what r4_taps gives, reduced to one bit.
// Beat in:  the (2 * Radius + 1)**2 pixels around one, row by row, the first at the LSB.
// Beat out: whether all (Erode) or any of those within Radius are 1: dx * dx + dy * dy <= Radius * Radius.
// Latency: 1 cycle.  Throughput: 1 beat/cycle.  Flow: see r4_gate.

module r4_morph #(
  parameter  int unsigned Radius = 2,
  parameter  bit          Erode  = 1'b1,
  parameter  int unsigned Flow   = 0,
  localparam int unsigned Side   = 2 * Radius + 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 x_valid_i,
  output logic                 x_ready_o,
  input  logic [Side*Side-1:0] x_data_i,

  output logic                 y_valid_o,
  input  logic                 y_ready_i,
  output logic                 y_data_o
);

  if (Radius == 0 || Radius > 7) begin : gen_check_radius
    $fatal(1, "r4_morph: Radius (%0d) must be 1 to 7", Radius);
  end

  logic [Side*Side-1:0] taken;  // pixels outside the disk never decide
  for (genvar i = 0; i < int'(Side); i++) begin : gen_row
    for (genvar j = 0; j < int'(Side); j++) begin : gen_column
      localparam int Dy = i - int'(Radius);
      localparam int Dx = j - int'(Radius);
      if (Dx * Dx + Dy * Dy <= int'(Radius * Radius)) begin : gen_inside
        assign taken[i*Side+j] = x_data_i[i*Side+j];
      end else begin : gen_outside
        assign taken[i*Side+j] = Erode;
        logic unused;
        assign unused = x_data_i[i*Side+j];
      end
    end
  end

  logic en, take;
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o(en), .take_o(take)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) y_valid_o <= 1'b0;
    else if (en) y_valid_o <= take;
  end
  always_ff @(posedge clk_i) begin
    if (en) y_data_o <= Erode ? &taken : |taken;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni || Flow != 0)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
`endif
endmodule
