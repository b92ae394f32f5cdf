// SPDX-License-Identifier: Apache-2.0
//
// Product of two registered operands in LUTs.
// Latency: 1 enabled cycle.  Throughput: 1 product/cycle.

module r4_mul #(
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned WWidth  = 8,
  parameter int unsigned PWidth  = 16  // holds every product
) (
  input  logic              clk_i,
  input  logic              en_i,
  input  logic [XWidth-1:0] x_i,
  input  logic [WWidth-1:0] w_i,
  output logic [PWidth-1:0] p_o
);

  (* use_dsp = "no" *) logic signed [PWidth-1:0] p_q;

  if (XSigned) begin : gen_signed
    always_ff @(posedge clk_i) begin
      if (en_i) p_q <= PWidth'(signed'(x_i)) * PWidth'(signed'(w_i));
    end
  end else begin : gen_unsigned
    always_ff @(posedge clk_i) begin
      if (en_i) p_q <= PWidth'(signed'({1'b0, x_i})) * PWidth'(signed'(w_i));
    end
  end
  assign p_o = p_q;

endmodule
