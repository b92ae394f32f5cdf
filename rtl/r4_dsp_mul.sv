// SPDX-License-Identifier: Apache-2.0
//
// One DSP48E2 as a registered signed multiplier: AREG = BREG = 1, MREG = 1, operands up to 27 x 18 bits.
// Latency: 2 enabled cycles.  Throughput: 1 product/cycle.
// Synthesis for resource counts treats this module as a black box that is exactly one DSP48E2: Yosys does not pack
// registers into DSP48E2, and everything here has its place inside one.

module r4_dsp_mul #(
  parameter int unsigned AWidth = 27,
  parameter int unsigned BWidth = 18,
  parameter int unsigned PWidth = 45
) (
  input  logic              clk_i,
  input  logic              en_i,
  input  logic [AWidth-1:0] a_i,
  input  logic [BWidth-1:0] b_i,
  output logic [PWidth-1:0] p_o
);

  localparam int unsigned Longer  = AWidth > BWidth ? AWidth : BWidth;
  localparam int unsigned Shorter = AWidth > BWidth ? BWidth : AWidth;

  if (Longer > 27 || Shorter > 18) begin : gen_check_widths
    $fatal(1, "r4_dsp_mul: operands (%0d x %0d) must fit 27 x 18", AWidth, BWidth);
  end

  (* use_dsp = "yes" *) logic signed [PWidth-1:0] m_q;
  logic signed [AWidth-1:0] a_q;
  logic signed [BWidth-1:0] b_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      a_q <= signed'(a_i);
      b_q <= signed'(b_i);
      m_q <= PWidth'(a_q) * PWidth'(b_q);
    end
  end
  assign p_o = m_q;

endmodule
