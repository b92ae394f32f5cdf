// SPDX-License-Identifier: Apache-2.0
//
// Sum of three unsigned numbers, bits of the third inverted where `Inverted` has a one.  Combinational.
//
// Where a LUT has two outputs of five inputs, as in 7-series and UltraScale+, this takes one LUT and carry a bit: one
// output is the sum of the bit, the other the majority that the next bit adds.

module r4_add3 #(
  parameter int unsigned      Width    = 8,
  parameter logic [Width-1:0] Inverted = '0
) (
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  input  logic [Width-1:0] c_i,
  output logic [Width+1:0] y_o
);

  assign y_o = (Width + 2)'(a_i) + (Width + 2)'(b_i) + (Width + 2)'(c_i ^ Inverted);

endmodule
