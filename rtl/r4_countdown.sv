// SPDX-License-Identifier: Apache-2.0
//
// Counts steps round and round, Count - 2 down to -1; last_o is high at the last one, as r4_counter's is, but it is a
// register: the sign of the count.
// Latency: 1 cycle.  Count = 1 is no hardware at all.

module r4_countdown #(
  parameter int unsigned Count = 2
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic step_i,
  output logic last_o
);

  if (Count == 0) begin : gen_check_count
    $fatal(1, "r4_countdown: Count (%0d) must be at least 1", Count);
  end

  if (Count <= 1) begin : gen_constant
    assign last_o = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end else begin : gen_count
    localparam int unsigned Bits = $clog2(Count - 1) + 1;
    logic [Bits-1:0] left_q;
    assign last_o = left_q[Bits-1];
    always_ff @(posedge clk_i) begin
      if (!rst_ni)     left_q <= Bits'(Count - 2);
      else if (step_i) left_q <= left_q + (last_o ? Bits'(Count - 1) : '1);
    end
  end

endmodule
