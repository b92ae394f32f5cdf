// SPDX-License-Identifier: Apache-2.0
//
// Handshake of a pipeline of Stages registers that move together: en_o enables them all.
// Latency: Stages cycles.  Throughput: 1 beat/cycle.  Flow: see r4_gate.

module r4_pipe #(
  parameter int unsigned Stages = 1,
  parameter int unsigned Flow   = 0
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic x_valid_i,
  output logic x_ready_o,
  output logic y_valid_o,
  input  logic y_ready_i,
  output logic en_o
);

  if (Stages == 0) begin : gen_check_stages
    $fatal(1, "r4_pipe: Stages (%0d) must be at least 1", Stages);
  end

  logic take;
  logic [Stages-1:0] valid_q;
  assign y_valid_o = valid_q[Stages-1];
  r4_gate #(.Flow(Flow)) u_gate (
    .x_valid_i, .x_ready_o, .y_valid_i(y_valid_o), .y_ready_i, .en_o, .take_o(take)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni)   valid_q <= '0;
    else if (en_o) valid_q <= Stages'({valid_q, take});
  end

endmodule
