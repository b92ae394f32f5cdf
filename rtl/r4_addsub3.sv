// SPDX-License-Identifier: Apache-2.0
//
// One adder of three numbers: y = (a << AShift) + (b << BShift) + (c << CShift), with BSubtract - (b << BShift), with
// CSubtract - (c << CShift).  Combinational.  YWidth holds every result.
//
// Low bits in which only one number has bits, and is added, pass through and take no LUT.

module r4_addsub3 #(
  parameter int unsigned AWidth    = 8,
  parameter bit          ASigned   = 1'b1,
  parameter int unsigned AShift    = 0,
  parameter int unsigned BWidth    = 8,
  parameter bit          BSigned   = 1'b1,
  parameter int unsigned BShift    = 0,
  parameter bit          BSubtract = 1'b0,
  parameter int unsigned CWidth    = 8,
  parameter bit          CSigned   = 1'b1,
  parameter int unsigned CShift    = 0,
  parameter bit          CSubtract = 1'b0,
  parameter int unsigned YWidth    = 10
) (
  input  logic [AWidth-1:0] a_i,
  input  logic [BWidth-1:0] b_i,
  input  logic [CWidth-1:0] c_i,
  output logic [YWidth-1:0] y_o
);

  // The numbers by their shifts: the least, and how far up it is alone.
  localparam int unsigned AlsoB = AShift < BShift ? AShift : BShift;
  localparam int unsigned OverB = AShift < BShift ? BShift : AShift;
  localparam int unsigned Least = AlsoB < CShift ? AlsoB : CShift;
  localparam int unsigned Among = AlsoB < CShift ? CShift : AlsoB;
  localparam int unsigned Next  = OverB < Among ? OverB : Among;
  localparam bit Negative = (BSubtract && BShift == Least) || (CSubtract && CShift == Least);
  localparam int unsigned Alone = Negative ? Least : Next;
  localparam int unsigned Pass  = Alone < YWidth - 1 ? Alone : YWidth - 1;  // the adder has a bit at least
  localparam int unsigned Added = YWidth - Pass;

  // Wide enough for every number and its shift, before what the result has no bits for goes.
  localparam int unsigned AReach = AWidth + AShift;
  localparam int unsigned BReach = BWidth + BShift;
  localparam int unsigned CReach = CWidth + CShift;
  localparam int unsigned Larger = AReach > BReach ? AReach : BReach;
  localparam int unsigned Reach  = Larger > CReach ? Larger : CReach;
  localparam int unsigned Width  = YWidth > Reach ? YWidth : Reach;

  logic [Width-1:0] a, b, c;
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
  if (CSigned) begin : gen_c_signed
    assign c = Width'(signed'(c_i)) << CShift;
  end else begin : gen_c_unsigned
    assign c = Width'(c_i) << CShift;
  end

  logic [Added+1:0] y;
  r4_add3 #(
    .Width         (Added),
    .Inverted      ({Added{CSubtract}}),
    .SecondInverted(BSubtract),
    .Ones          (int'(BSubtract) + int'(CSubtract))
  ) u_add (
    .a_i(a[Pass+:Added]),
    .b_i(b[Pass+:Added]),
    .c_i(c[Pass+:Added]),
    .y_o(y)
  );
  if (Pass > 0) begin : gen_pass
    assign y_o = {y[Added-1:0], a[Pass-1:0] | b[Pass-1:0] | c[Pass-1:0]};
  end else begin : gen_all
    assign y_o = y[Added-1:0];
  end

  logic unused;
  assign unused = ^{a, b, c, y};

endmodule
