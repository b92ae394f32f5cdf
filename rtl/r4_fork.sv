// SPDX-License-Identifier: Apache-2.0
//
// One stream for two readers: every beat goes once to each; more readers take a chain.
// Flow 0:  as soon as that reader takes it.  A reader that stalls holds up the other by no more than the beat that it has
//          not taken.
//      2:  to both when it comes, behind a cell that runs freely (see r4_gate).
// Latency: none, valid and data pass through.  Throughput: 1 beat/cycle.
// The ready path is combinational from both y*_ready_i to x_ready_o.

module r4_fork #(
  parameter int unsigned Width = 8,
  parameter int unsigned Flow  = 0
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             x_valid_i,
  output logic             x_ready_o,
  input  logic [Width-1:0] x_data_i,

  output logic             y0_valid_o,
  input  logic             y0_ready_i,
  output logic [Width-1:0] y0_data_o,

  output logic             y1_valid_o,
  input  logic             y1_ready_i,
  output logic [Width-1:0] y1_data_o
);

  if (Width == 0) begin : gen_check_width
    $fatal(1, "r4_fork: Width (%0d) must be at least 1", Width);
  end
  if (Flow != 0 && Flow != 2) begin : gen_check_flow
    $fatal(1, "r4_fork: Flow (%0d) must be 0 or 2", Flow);
  end

  assign y0_data_o = x_data_i;
  assign y1_data_o = x_data_i;

  if (Flow == 0) begin : gen_waits
    logic done0_q, done1_q;  // this reader has had the beat that still stands at the input
    assign y0_valid_o = x_valid_i && !done0_q;
    assign y1_valid_o = x_valid_i && !done1_q;
    assign x_ready_o  = (done0_q || y0_ready_i) && (done1_q || y1_ready_i);

    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        done0_q <= 1'b0;
        done1_q <= 1'b0;
      end else if (x_valid_i) begin
        done0_q <= !x_ready_o && (done0_q || y0_ready_i);
        done1_q <= !x_ready_o && (done1_q || y1_ready_i);
      end
    end

`ifndef SYNTHESIS
    Y0_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
      y0_valid_o && !y0_ready_i |=> y0_valid_o && $stable(y0_data_o));
    Y1_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
      y1_valid_o && !y1_ready_i |=> y1_valid_o && $stable(y1_data_o));
    NOT_BOTH_DONE : assert property (@(posedge clk_i) disable iff (!rst_ni) !(done0_q && done1_q));
`endif
  end else begin : gen_free
    assign x_ready_o  = y0_ready_i && y1_ready_i;
    assign y0_valid_o = x_valid_i;
    assign y1_valid_o = x_valid_i;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni};
  end

endmodule
