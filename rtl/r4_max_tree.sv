// SPDX-License-Identifier: Apache-2.0
//
// Maximum of `Inputs` numbers by a balanced tree, a register behind every level.
// Latency: ceil(log2(Inputs)) enabled cycles.  Throughput: 1 maximum/cycle.

module r4_max_tree #(
  parameter int unsigned Inputs = 2,
  parameter int unsigned Width  = 8,
  parameter bit          Signed = 1'b1
) (
  input  logic                    clk_i,
  input  logic                    en_i,
  input  logic [Inputs*Width-1:0] x_i,
  output logic [Width-1:0]        y_o
);

  if (Inputs <= 1) begin : gen_leaf
    assign y_o = x_i;
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end else begin : gen_level
    localparam int unsigned Pairs = Inputs / 2;
    localparam int unsigned Next  = (Inputs + 1) / 2;

    logic [Pairs*Width-1:0] a, b, y;
    for (genvar i = 0; i < int'(Pairs); i++) begin : gen_pair
      assign a[i*Width+:Width] = x_i[2*i*Width+:Width];
      assign b[i*Width+:Width] = x_i[(2*i+1)*Width+:Width];
    end
    r4_fold #(.Lanes(Pairs), .Width(Width), .Signed(Signed), .Sum(1'b0)) u_fold (.a_i(a), .x_i(b), .y_o(y));

    logic [Next*Width-1:0] max_q;
    if (Next > Pairs) begin : gen_odd
      always_ff @(posedge clk_i) begin
        if (en_i) max_q <= {x_i[(Inputs-1)*Width+:Width], y};
      end
    end else begin : gen_even
      always_ff @(posedge clk_i) begin
        if (en_i) max_q <= y;
      end
    end
    r4_max_tree #(.Inputs(Next), .Width(Width), .Signed(Signed)) u_next (.clk_i, .en_i, .x_i(max_q), .y_o);
  end

endmodule
