// SPDX-License-Identifier: Apache-2.0
//
// Maximum or sum of two numbers on every lane: y = a is what was gathered so far, x joins it.
// Combinational.

module r4_fold #(
  parameter int unsigned Lanes  = 1,
  parameter int unsigned Width  = 8,
  parameter bit          Signed = 1'b1,
  parameter bit          Sum    = 1'b0
) (
  input  logic [Lanes*Width-1:0] a_i,
  input  logic [Lanes*Width-1:0] x_i,
  output logic [Lanes*Width-1:0] y_o
);

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic [Width-1:0] a, x;
    assign a = a_i[i*Width+:Width];
    assign x = x_i[i*Width+:Width];
    if (Sum) begin : gen_sum
      assign y_o[i*Width+:Width] = a + x;
    end else if (Signed) begin : gen_signed
      assign y_o[i*Width+:Width] = signed'(x) > signed'(a) ? x : a;
    end else begin : gen_unsigned
      assign y_o[i*Width+:Width] = x > a ? x : a;
    end
  end

endmodule
