// SPDX-License-Identifier: Apache-2.0
//
// Counts steps round and round, 0 to Count - 1; last_o is high while it stands at Count - 1.
// Latency: 1 cycle.  Count = 1 is no hardware at all.

module r4_counter #(
  parameter int unsigned Count = 2
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic last_o
);

  if (Count == 0) begin : gen_check_count
    $fatal(1, "r4_counter: Count (%0d) must be at least 1", Count);
  end

  if (Count <= 1) begin : gen_constant
    assign last_o = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end else begin : gen_count
    localparam int unsigned Bits = $clog2(Count);
    logic [Bits-1:0] count_q;
    assign last_o = count_q == Bits'(Count - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     count_q <= '0;
      else if (step_i) count_q <= last_o ? '0 : count_q + 1'b1;
    end
  end

endmodule
