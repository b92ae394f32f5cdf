// SPDX-License-Identifier: Apache-2.0
//
// Sum of three unsigned numbers and `Ones`, bits of the third inverted where `Inverted` has a one, all of the second
// with SecondInverted: modulo 2^Width, a negative number is its bits inverted and a one.  Combinational.
//
// Where a LUT has two outputs of five inputs, as in 7-series and UltraScale+, this takes one LUT and carry a bit: one
// output is the sum of the bit, the other the majority that the next bit adds. Where the first bit would add a majority
// and a carry stand the ones, so there are at most two.

module r4_add3 #(
  parameter int unsigned      Width          = 8,
  parameter logic [Width-1:0] Inverted       = '0,
  parameter bit               SecondInverted = 1'b0,
  parameter int unsigned      Ones           = 0
) (
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  input  logic [Width-1:0] c_i,
  output logic [Width+1:0] y_o
);

  if (Ones > 2) begin : gen_check_ones
    $fatal(1, "r4_add3: Ones (%0d) must be 0, 1 or 2", Ones);
  end

  localparam logic [Width-1:0] Second = {Width{SecondInverted}};

  assign y_o = (Width + 2)'(a_i) + (Width + 2)'(b_i ^ Second) + (Width + 2)'(c_i ^ Inverted) + (Width + 2)'(Ones);

endmodule
