// SPDX-License-Identifier: Apache-2.0
//
// One adder: y = (a << AShift) + (b << BShift), with Subtract - (b << BShift).
// Combinational.  YWidth holds every result.

module r4_addsub #(
  parameter int unsigned AWidth   = 8,
  parameter bit          ASigned  = 1'b1,
  parameter int unsigned AShift   = 0,
  parameter int unsigned BWidth   = 8,
  parameter bit          BSigned  = 1'b1,
  parameter int unsigned BShift   = 0,
  parameter bit          Subtract = 1'b0,
  parameter int unsigned YWidth   = 9
) (
  input  logic [AWidth-1:0] a_i,
  input  logic [BWidth-1:0] b_i,
  output logic [YWidth-1:0] y_o
);

  // Wide enough for both operands and their shifts before the result's width is known to hold the sum.
  localparam int unsigned AReach = AWidth + AShift + 1;
  localparam int unsigned BReach = BWidth + BShift + 1;
  localparam int unsigned Reach  = AReach > BReach ? AReach : BReach;
  localparam int unsigned Width  = YWidth > Reach ? YWidth : Reach;

  logic [Width-1:0] a, b, y;
  if (ASigned) begin : gen_a_signed
    assign a = Width'(signed'(a_i)) << AShift;
  end else begin : gen_a_unsigned
    assign a = Width'(a_i) << AShift;
  end
  if (BSigned) begin : gen_b_signed
    assign b = Width'(signed'(b_i)) << BShift;
  end else begin : gen_b_unsigned
    assign b = Width'(b_i) << BShift;
  end

  assign y   = Subtract ? a - b : a + b;
  assign y_o = y[YWidth-1:0];
  if (Width > YWidth) begin : gen_unused
    logic unused;
    assign unused = ^y[Width-1:YWidth];
  end

endmodule
