// SPDX-License-Identifier: Apache-2.0
//
// Sum of `Inputs` numbers in offset binary by a balanced tree of two-input adders, a register behind every level.
//
// Input i is x - 2^(InWidth-1) + c: offset binary (Offset = 1) makes sign extension free, as a carry out is the top
// bit. Offset = 0: plain two's complement, InWidth = OutWidth.  Carry = 1: the adders' carry inputs take the bits of
// `c_i`, of every pair the first at once; the other waits beside the sum, one is left over: the sum is y_o + c_o.
// Latency: ceil(log2(Inputs)) enabled cycles.  Throughput: 1 sum/cycle.

module r4_sum_tree #(
  parameter int unsigned Inputs   = 2,
  parameter int unsigned InWidth  = 8,
  parameter int unsigned OutWidth = 9,  // holds every sum, two's complement
  parameter bit          Offset   = 1'b1,
  parameter bit          Carry    = 1'b0
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
      .Carry   (Carry)
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
    localparam int unsigned Pairs = Inputs / 2;
    localparam int unsigned Next  = (Inputs + 1) / 2;
    localparam int unsigned Width = InWidth < OutWidth ? InWidth + 1 : OutWidth;

    logic [Next*Width-1:0] total;
    logic [Next-1:0] c;
    for (genvar i = 0; i < int'(Pairs); i++) begin : gen_pair
      if (Carry) begin : gen_carry
        logic [Width:0] sum;
        logic [Width-1:0] sum_q;
        logic c_q;
        assign sum = (Width + 1)'({x_i[2*i*InWidth+:InWidth], c_i[2*i]})
                   + (Width + 1)'({x_i[(2*i+1)*InWidth+:InWidth], c_i[2*i]});
        always_ff @(posedge clk_i) begin
          if (en_i) begin
            sum_q <= sum[Width:1];
            c_q   <= c_i[2*i+1];
          end
        end
        assign total[i*Width+:Width] = sum_q;
        assign c[i] = c_q;
        logic unused;
        assign unused = sum[0];
      end else begin : gen_plain
        logic [Width-1:0] sum_q;
        always_ff @(posedge clk_i) begin
          if (en_i) sum_q <= Width'(x_i[2*i*InWidth+:InWidth]) + Width'(x_i[(2*i+1)*InWidth+:InWidth]);
        end
        assign total[i*Width+:Width] = sum_q;
        assign c[i] = 1'b0;
        logic unused;
        assign unused = ^c_i[2*i+:2];
      end
    end
    if (Next > Pairs) begin : gen_odd
      logic [InWidth-1:0] x;
      logic [Width-1:0] wider, wider_q;
      assign x = x_i[(Inputs-1)*InWidth+:InWidth];
      // half of the next offset is added to the one that is in it
      assign wider = Offset ? Width'(x) + (Width'(1) << (InWidth - 1)) : Width'(x);
      always_ff @(posedge clk_i) begin
        if (en_i) wider_q <= wider;
      end
      assign total[Pairs*Width+:Width] = wider_q;
      if (Carry) begin : gen_carry
        logic c_q;
        always_ff @(posedge clk_i) begin
          if (en_i) c_q <= c_i[Inputs-1];
        end
        assign c[Pairs] = c_q;
      end else begin : gen_plain
        assign c[Pairs] = 1'b0;
        logic unused;
        assign unused = c_i[Inputs-1];
      end
    end
    r4_sum_tree #(
      .Inputs  (Next),
      .InWidth (Width),
      .OutWidth(OutWidth),
      .Offset  (Offset && InWidth < OutWidth),
      .Carry   (Carry)
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
