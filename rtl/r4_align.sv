// SPDX-License-Identifier: Apache-2.0
//
// One element on another grid: y = x * 2**Shift, extended or cut to YWidth bits. Wires alone.

module r4_align #(
  parameter int unsigned XWidth  = 8,
  parameter bit          XSigned = 1'b1,
  parameter int unsigned Shift   = 0,
  parameter int unsigned YWidth  = 8
) (
  input  logic [XWidth-1:0] x_i,
  output logic [YWidth-1:0] y_o
);

  localparam int unsigned Wide = (XWidth > YWidth ? XWidth : YWidth) + Shift;

  logic [Wide-1:0] x;
  if (XSigned) begin : gen_signed
    assign x = Wide'(signed'(x_i));
  end else begin : gen_unsigned
    assign x = Wide'(x_i);
  end
  assign y_o = YWidth'(x << Shift);

endmodule
