// SPDX-License-Identifier: Apache-2.0
//
// Sum of `Inputs` numbers in offset binary by a tree of adders of AdderInputs numbers (2 or 3), a register behind each.
// Input i is x - 2^(InWidth-1) + c: offset binary (Offset = 1) makes sign extension free, as a carry out is the top
// bit. Offset = 0: plain two's complement, InWidth = OutWidth.  Carry = 1: the adders, of two inputs whatever
// AdderInputs is, have carry inputs that take the bits of `c_i`, of every pair the first at once; the other waits beside
// the sum, one is left over: the sum is y_o + c_o.
// Latency: ceil(log2(Inputs)) enabled cycles, to the base 3 with adders of three.  Throughput: 1 sum/cycle.

module r4_sum_tree #(
  parameter int unsigned Inputs      = 2,
  parameter int unsigned InWidth     = 8,
  parameter int unsigned OutWidth    = 9,  // holds every sum, two's complement
  parameter bit          Offset      = 1'b1,
  parameter bit          Carry       = 1'b0,
  parameter int unsigned AdderInputs = 3
) (
  input  logic                      clk_i,
  input  logic                      en_i,
  input  logic [Inputs*InWidth-1:0] x_i,
  input  logic [Inputs-1:0]         c_i,
  output logic [OutWidth-1:0]       y_o,
  output logic                      c_o
);

  if (!Offset && InWidth != OutWidth) begin : gen_check_width
    $fatal(1, "r4_sum_tree: InWidth (%0d) must be OutWidth (%0d) where Offset is 0", InWidth, OutWidth);
  end

  if (AdderInputs != 2 && AdderInputs != 3) begin : gen_check_adder
    $fatal(1, "r4_sum_tree: AdderInputs (%0d) must be 2 or 3", AdderInputs);
  end

  if (InWidth > OutWidth) begin : gen_cut  // modulo 2^OutWidth the offset is none
    logic [Inputs*OutWidth-1:0] x;
    for (genvar i = 0; i < int'(Inputs); i++) begin : gen_input
      assign x[i*OutWidth+:OutWidth] = x_i[i*InWidth+:OutWidth];
      logic unused;
      assign unused = ^x_i[i*InWidth+OutWidth+:InWidth-OutWidth];
    end
    r4_sum_tree #(
      .Inputs  (Inputs),
      .InWidth (OutWidth),
      .OutWidth(OutWidth),
      .Offset  (1'b0),
      .Carry   (Carry),
      .AdderInputs(AdderInputs)
    ) u_cut (
      .clk_i,
      .en_i,
      .x_i(x),
      .c_i,
      .y_o,
      .c_o
    );
  end else if (Inputs <= 1) begin : gen_leaf
    if (Offset) begin : gen_offset
      logic [InWidth-1:0] value;
      assign value = x_i ^ (InWidth'(1) << (InWidth - 1));
      assign y_o   = OutWidth'(signed'(value));
    end else begin : gen_plain
      assign y_o = x_i;
    end
    assign c_o = c_i[0];
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end else begin : gen_level
    localparam int unsigned Most  = Carry ? 2 : AdderInputs;  // numbers of a sum
    localparam int unsigned Next  = (Inputs + Most - 1) / Most;
    localparam int unsigned Grown = InWidth + (Most > 2 && Inputs > 2 ? 2 : 1);
    localparam int unsigned Width = Grown < OutWidth ? Grown : OutWidth;
    // Of a sum's offset, parts of 2^(InWidth-1): what it shall have less what its numbers bring.
    localparam int unsigned Parts = Offset && InWidth < OutWidth ? 1 << (Width - InWidth) : 0;
    localparam int unsigned Upper = Width - InWidth + 1;  // bits that an offset reaches

    logic [Next*Width-1:0] total;
    logic [Next-1:0] c;
    for (genvar i = 0; i < int'(Next); i++) begin : gen_sum
      localparam int unsigned First = i * Most;
      localparam int unsigned Count = Inputs - First < Most ? Inputs - First : Most;
      // What the last number lacks is added to its top bit: no adder, each bit is that bit, its inverse or constant.
      localparam logic [Upper-1:0] Low    = Offset ? Upper'(Parts - Count) : '0;  // of a number whose top bit is 0
      localparam logic [Upper-1:0] Differ = Low ^ (Low + 1'b1);
      localparam logic [Width-1:0] Inverted = Width'(Low & Differ) << (InWidth - 1);
      localparam logic [InWidth-1:0] Below = ~(InWidth'(1) << (InWidth - 1));
      logic [InWidth-1:0] x, rest;
      logic [Upper-1:0] top;
      logic [Width-1:0] last, sum, sum_q;
      assign x    = x_i[(First+Count-1)*InWidth+:InWidth];
      assign rest = x & Below;
      assign top  = x[InWidth-1] ? Low | Differ : Low & ~Differ;
      assign last = (Width'(top) << (InWidth - 1)) | Width'(rest);

      if (Count == 3) begin : gen_three
        localparam int unsigned Added = InWidth < Width ? InWidth + 1 : Width;
        logic [Added+1:0] y;
        r4_add3 #(.Width(Added), .Inverted(Inverted[Added-1:0])) u_add (
          .a_i(Added'(x_i[First*InWidth+:InWidth])),
          .b_i(Added'(x_i[(First+1)*InWidth+:InWidth])),
          .c_i(last[Added-1:0]),
          .y_o(y)
        );
        assign sum = Width'(y);
        logic unused;
        assign unused = ^{y, last};
      end else if (Count == 2 && Carry) begin : gen_carry
        logic none;
        assign {sum, none} = {Width'(x_i[First*InWidth+:InWidth]), c_i[First]} + {last ^ Inverted, c_i[First]};
        logic unused;
        assign unused = none;
      end else if (Count == 2) begin : gen_two
        assign sum = Width'(x_i[First*InWidth+:InWidth]) + (last ^ Inverted);
      end else begin : gen_one
        assign sum = last ^ Inverted;
      end
      always_ff @(posedge clk_i) begin
        if (en_i) sum_q <= sum;
      end
      assign total[i*Width+:Width] = sum_q;

      if (Carry) begin : gen_waits
        logic c_q;
        always_ff @(posedge clk_i) begin
          if (en_i) c_q <= c_i[First+Count-1];
        end
        assign c[i] = c_q;
      end else begin : gen_none
        assign c[i] = 1'b0;
        logic unused;
        assign unused = ^c_i[First+:Count];
      end
    end
    r4_sum_tree #(
      .Inputs  (Next),
      .InWidth (Width),
      .OutWidth(OutWidth),
      .Offset  (Offset && InWidth < OutWidth),
      .Carry   (Carry),
      .AdderInputs(AdderInputs)
    ) u_next (
      .clk_i,
      .en_i,
      .x_i(total),
      .c_i(c),
      .y_o,
      .c_o
    );
  end

endmodule
