// SPDX-License-Identifier: Apache-2.0
//
// When a pipeline moves and takes a beat.
// Flow 0: both sides are valid/ready streams.  All registers move together unless a beat waits at the output (en_o), so
//         the ready path is combinational from y_ready_i to x_ready_o.
//      1: the pipeline runs freely: it moves in every cycle, and a beat is offered for one cycle whether it is taken or
//         not.  y_ready_i says that the FIFO behind has room for all that may still come (Slack of r4_fifo), and lets a
//         beat in.
//      2: the same behind a cell that runs freely: every beat that is offered is taken.
// Combinational.

module r4_gate #(
  parameter int unsigned Flow = 0
) (
  input  logic x_valid_i,
  output logic x_ready_o,
  input  logic y_valid_i,  // a beat stands at the output
  input  logic y_ready_i,
  output logic en_o,       // the registers move
  output logic take_o      // with a beat
);

  if (Flow > 2) begin : gen_check_flow
    $fatal(1, "r4_gate: Flow (%0d) must be 0 to 2", Flow);
  end

  if (Flow == 0) begin : gen_waits
    assign en_o      = y_ready_i || !y_valid_i;
    assign x_ready_o = en_o;
    assign take_o    = x_valid_i && en_o;
  end else begin : gen_free
    assign en_o      = 1'b1;
    assign x_ready_o = y_ready_i;
    assign take_o    = x_valid_i && (Flow == 2 || y_ready_i);
    logic unused;
    assign unused = y_valid_i;
  end

endmodule
