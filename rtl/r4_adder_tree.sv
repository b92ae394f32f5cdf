// SPDX-License-Identifier: Apache-2.0
//
// Sum of `Inputs` signed numbers by a balanced tree of two-input adders, a register behind every level.
// Latency: ceil(log2(Inputs)) enabled cycles.  Throughput: 1 sum/cycle.

module r4_adder_tree #(
  parameter int unsigned Inputs   = 2,
  parameter int unsigned InWidth  = 8,
  parameter int unsigned OutWidth = 9  // holds every sum
) (
  input  logic                      clk_i,
  input  logic                      en_i,
  input  logic [Inputs*InWidth-1:0] x_i,
  output logic [OutWidth-1:0]       y_o
);

  if (Inputs <= 1) begin : gen_leaf
    assign y_o = OutWidth'(signed'(x_i));
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end else begin : gen_level
    localparam int unsigned Pairs = Inputs / 2;
    localparam int unsigned Next  = (Inputs + 1) / 2;
    localparam int unsigned Width = InWidth < OutWidth ? InWidth + 1 : OutWidth;

    logic [Next*Width-1:0] sum;
    for (genvar i = 0; i < int'(Pairs); i++) begin : gen_pair
      logic [Width-1:0] sum_q;
      always_ff @(posedge clk_i) begin
        if (en_i) sum_q <= Width'(signed'(x_i[2*i*InWidth+:InWidth])) + Width'(signed'(x_i[(2*i+1)*InWidth+:InWidth]));
      end
      assign sum[i*Width+:Width] = sum_q;
    end
    if (Next > Pairs) begin : gen_odd
      logic [Width-1:0] x_q;
      always_ff @(posedge clk_i) begin
        if (en_i) x_q <= Width'(signed'(x_i[(Inputs-1)*InWidth+:InWidth]));
      end
      assign sum[Pairs*Width+:Width] = x_q;
    end
    r4_adder_tree #(
      .Inputs  (Next),
      .InWidth (Width),
      .OutWidth(OutWidth)
    ) u_next (
      .clk_i,
      .en_i,
      .x_i(sum),
      .y_o
    );
  end

endmodule
