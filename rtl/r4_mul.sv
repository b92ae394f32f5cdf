// SPDX-License-Identifier: Apache-2.0
//
// Product of two registered operands in LUTs.
// Latency: 1 enabled cycle.  Throughput: 1 product/cycle.

module r4_mul #(
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned WWidth  = 8,
  parameter bit          WSigned = 1'b1,
  parameter int unsigned PWidth  = 16  // holds every product
) (
  input  logic              clk_i,
  input  logic              en_i,
  input  logic [XWidth-1:0] x_i,
  input  logic [WWidth-1:0] w_i,
  output logic [PWidth-1:0] p_o
);

  // With its sign in front, which of an unsigned operand is 0.
  logic signed [XWidth:0] x;
  logic signed [WWidth:0] w;
  assign x = {XSigned && x_i[XWidth-1], x_i};
  assign w = {WSigned && w_i[WWidth-1], w_i};

  (* use_dsp = "no" *) logic signed [PWidth-1:0] p_q;
  always_ff @(posedge clk_i) begin
    if (en_i) p_q <= PWidth'(x) * PWidth'(w);
  end
  assign p_o = p_q;

endmodule
