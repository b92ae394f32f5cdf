// SPDX-License-Identifier: Apache-2.0
//
// Maximum of two streams, lane by lane: the greater of a * 2**ShiftA and b * 2**ShiftB, or with Least the lesser, kept
// to YWidth bits. YWidth may be less than an input's width, where the other input bounds the result.
// Beat: Lanes elements, element 0 at the LSB.  Latency: 1 cycle.  Throughput: 1 beat/cycle.
// A beat of one input is taken together with that of the other. The ready path is combinational from y_ready_i and
// from the other input's valid.

module r4_max #(
  parameter int unsigned Lanes   = 1,
  parameter int unsigned WidthA  = 8,
  parameter int unsigned WidthB  = 8,
  parameter bit          SignedA = 1'b1,
  parameter bit          SignedB = 1'b1,
  parameter int unsigned ShiftA  = 0,
  parameter int unsigned ShiftB  = 0,
  parameter bit          Least   = 1'b0,
  parameter int unsigned YWidth  = 8
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
    $fatal(1, "r4_max: Lanes (%0d), WidthA (%0d), WidthB (%0d) and YWidth (%0d) must be at least 1",
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

  // Both on one grid, with a sign in front, which of an unsigned input is 0.
  localparam int unsigned EndA = WidthA + ShiftA;
  localparam int unsigned EndB = WidthB + ShiftB;
  localparam int unsigned Wide = (EndA > EndB ? EndA : EndB) + 1;

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic signed [Wide-1:0] a, b;
    logic [YWidth-1:0] y_q;
    r4_align #(.XWidth(WidthA), .XSigned(SignedA), .Shift(ShiftA), .YWidth(Wide)) u_align_a (
      .x_i(a_data_i[i*WidthA+:WidthA]),
      .y_o(a)
    );
    r4_align #(.XWidth(WidthB), .XSigned(SignedB), .Shift(ShiftB), .YWidth(Wide)) u_align_b (
      .x_i(b_data_i[i*WidthB+:WidthB]),
      .y_o(b)
    );
    always_ff @(posedge clk_i) begin
      if (load) y_q <= YWidth'((a > b) != Least ? a : b);
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
