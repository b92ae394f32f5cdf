// SPDX-License-Identifier: Apache-2.0
//
// Sum of two streams, lane by lane: y = a * 2**ShiftA + b * 2**ShiftB, or with Subtract the first less the second,
// kept to YWidth bits. Sums wrap at YWidth, so a chain is right wherever its last sum fits.
// Beat: Lanes elements, element 0 at the LSB.  Latency: 1 cycle.  Throughput: 1 beat/cycle.
// A beat of one input is taken together with that of the other. The ready path is combinational from y_ready_i and
// from the other input's valid.

module r4_add #(
  parameter int unsigned Lanes    = 1,
  parameter int unsigned WidthA   = 8,
  parameter int unsigned WidthB   = 8,
  parameter bit          SignedA  = 1'b1,
  parameter bit          SignedB  = 1'b1,
  parameter int unsigned ShiftA   = 0,
  parameter int unsigned ShiftB   = 0,
  parameter bit          Subtract = 1'b0,
  parameter int unsigned YWidth   = 9
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    a_valid_i,
  output logic                    a_ready_o,
  input  logic [Lanes*WidthA-1:0] a_data_i,

  input  logic                    b_valid_i,
  output logic                    b_ready_o,
  input  logic [Lanes*WidthB-1:0] b_data_i,

  output logic                    y_valid_o,
  input  logic                    y_ready_i,
  output logic [Lanes*YWidth-1:0] y_data_o
);

  if (Lanes == 0 || WidthA == 0 || WidthB == 0 || YWidth == 0) begin : gen_check_size
    $fatal(1, "r4_add: Lanes (%0d), WidthA (%0d), WidthB (%0d) and YWidth (%0d) must be at least 1",
           Lanes, WidthA, WidthB, YWidth);
  end
  logic open, load;
  assign open      = y_ready_i || !y_valid_o;
  assign load      = open && a_valid_i && b_valid_i;
  assign a_ready_o = open && b_valid_i;
  assign b_ready_o = open && a_valid_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni)   y_valid_o <= 1'b0;
    else if (open) y_valid_o <= load;
  end

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic [YWidth-1:0] a, b, y_q;
    r4_align #(.XWidth(WidthA), .XSigned(SignedA), .Shift(ShiftA), .YWidth(YWidth)) u_align_a (
      .x_i(a_data_i[i*WidthA+:WidthA]),
      .y_o(a)
    );
    r4_align #(.XWidth(WidthB), .XSigned(SignedB), .Shift(ShiftB), .YWidth(YWidth)) u_align_b (
      .x_i(b_data_i[i*WidthB+:WidthB]),
      .y_o(b)
    );
    always_ff @(posedge clk_i) begin
      if (load) y_q <= Subtract ? a - b : a + b;
    end
    assign y_data_o[i*YWidth+:YWidth] = y_q;
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  TOGETHER : assert property (@(posedge clk_i) disable iff (!rst_ni)
    (a_valid_i && a_ready_o) == (b_valid_i && b_ready_o));
`endif
endmodule
