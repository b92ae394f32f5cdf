// SPDX-License-Identifier: Apache-2.0
//
// A word delayed by enabled cycles; not reset.
// Latency: Cycles enabled cycles, 0 is a wire.  Throughput: 1 word/cycle.

module r4_lag #(
  parameter int unsigned Width  = 1,
  parameter int unsigned Cycles = 1
) (
  input  logic             clk_i,
  input  logic             en_i,
  input  logic [Width-1:0] x_i,
  output logic [Width-1:0] y_o
);

  if (Cycles == 0) begin : gen_wire
    assign y_o = x_i;
    logic unused;
    assign unused = &{1'b0, clk_i, en_i};
  end else if (Cycles == 1) begin : gen_one
    always_ff @(posedge clk_i) begin
      if (en_i) y_o <= x_i;
    end
  end else begin : gen_line
    logic [(Cycles-1)*Width-1:0] line_q;
    always_ff @(posedge clk_i) begin
      if (en_i) {y_o, line_q} <= {line_q, x_i};
    end
  end

endmodule
