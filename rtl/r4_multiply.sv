// SPDX-License-Identifier: Apache-2.0
//
// Product of two streams, lane by lane: y = a * b, kept to YWidth bits, in LUTs.
// Products wrap at YWidth, so one is right wherever it fits.
// Beat: Lanes elements, element 0 at the LSB.  Throughput: 1 beat/cycle.
// Latency: 1 cycle + r4_mul_split's, the operand of fewer bits as its w.
// A beat of one input is taken together with that of the other. The ready path is combinational from y_ready_i and
// from the other input's valid.

module r4_multiply #(
  parameter int unsigned Lanes   = 1,
  parameter int unsigned WidthA  = 8,
  parameter int unsigned WidthB  = 8,
  parameter bit          SignedA = 1'b1,
  parameter bit          SignedB = 1'b1,
  parameter int unsigned YWidth  = 16
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
    $fatal(1, "r4_multiply: Lanes (%0d), WidthA (%0d), WidthB (%0d) and YWidth (%0d) must be at least 1",
           Lanes, WidthA, WidthB, YWidth);
  end

  localparam bit          Swap  = WidthA < WidthB;
  localparam int unsigned Fewer = Swap ? WidthA : WidthB;
  localparam int unsigned More  = Swap ? WidthB : WidthA;
  localparam int unsigned Split = (Fewer < YWidth ? Fewer : YWidth) + (SignedA && SignedB && More > 4 ? 1 : 0);

  logic en, open;
  r4_pipe #(.Stages(2 + $clog2((Split + 3) / 4))) u_pipe (
    .clk_i, .rst_ni, .x_valid_i(a_valid_i && b_valid_i), .x_ready_o(open), .y_valid_o, .y_ready_i, .en_o(en)
  );
  assign a_ready_o = open && b_valid_i;
  assign b_ready_o = open && a_valid_i;

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_lane
    logic [WidthA-1:0] a_q;
    logic [WidthB-1:0] b_q;
    always_ff @(posedge clk_i) begin
      if (en) begin
        a_q <= a_data_i[i*WidthA+:WidthA];
        b_q <= b_data_i[i*WidthB+:WidthB];
      end
    end
    if (Swap) begin : gen_swap
      r4_mul_split #(
        .XWidth(WidthB), .XSigned(SignedB), .WWidth(WidthA), .WSigned(SignedA), .PWidth(YWidth)
      ) u_mul (
        .clk_i, .en_i(en), .x_i(b_q), .w_i(a_q), .p_o(y_data_o[i*YWidth+:YWidth])
      );
    end else begin : gen_straight
      r4_mul_split #(
        .XWidth(WidthA), .XSigned(SignedA), .WWidth(WidthB), .WSigned(SignedB), .PWidth(YWidth)
      ) u_mul (
        .clk_i, .en_i(en), .x_i(a_q), .w_i(b_q), .p_o(y_data_o[i*YWidth+:YWidth])
      );
    end
  end

`ifndef SYNTHESIS
  Y_STABLE : assert property (@(posedge clk_i) disable iff (!rst_ni)
    y_valid_o && !y_ready_i |=> y_valid_o && $stable(y_data_o));
  TOGETHER : assert property (@(posedge clk_i) disable iff (!rst_ni)
    (a_valid_i && a_ready_o) == (b_valid_i && b_ready_o));
`endif
endmodule
