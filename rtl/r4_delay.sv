// SPDX-License-Identifier: Apache-2.0
//
// A shift register: y_o is what x_i was Depth steps ago.  Data is not reset.

module r4_delay #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 1
) (
  input  logic             clk_i,
  input  logic             step_i,
  input  logic [Width-1:0] x_i,
  output logic [Width-1:0] y_o
);

  if (Depth == 0) begin : gen_check_depth
    $fatal(1, "r4_delay: Depth (%0d) must be at least 1", Depth);
  end

  logic [Depth*Width-1:0] data_q;
  if (Depth == 1) begin : gen_one
    always_ff @(posedge clk_i) begin
      if (step_i) data_q <= x_i;
    end
  end else begin : gen_chain
    always_ff @(posedge clk_i) begin
      if (step_i) data_q <= {data_q[(Depth-1)*Width-1:0], x_i};
    end
  end
  assign y_o = data_q[(Depth-1)*Width+:Width];

endmodule
