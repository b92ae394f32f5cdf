// SPDX-License-Identifier: Apache-2.0
//
// One DSP48E2: p = (a + d) * b + c, signed, a + d in 27 bits, b in 18, the sum modulo 2^48.
// Registers: ADREG = 1 (a + d by the pre-adder, `d_i` a constant), BREG = 1, MREG = 1, PREG = 1; `c_i` is a constant
// (C or RND) or the `p_o` of the slice below (PCIN), which is added to the product that enters a cycle later.
// Latency: 3 enabled cycles from a and b, 1 from c.  Throughput: 1 product/cycle.
// Synthesis for resource counts treats this module as a black box that is exactly one DSP48E2: Yosys does not pack
// registers into DSP48E2, and everything here has its place inside one.

module r4_dsp_mac #(
  parameter int unsigned AWidth = 27,
  parameter int unsigned BWidth = 18,
  parameter int unsigned PWidth = 48
) (
  input  logic              clk_i,
  input  logic              en_i,
  input  logic [AWidth-1:0] a_i,
  input  logic [AWidth-1:0] d_i,
  input  logic [BWidth-1:0] b_i,
  input  logic [PWidth-1:0] c_i,
  output logic [PWidth-1:0] p_o
);

  if (AWidth > 27 || BWidth > 18 || PWidth > 48) begin : gen_check_widths
    $fatal(1, "r4_dsp_mac: widths (%0d x %0d + %0d) must fit 27 x 18 + 48", AWidth, BWidth, PWidth);
  end

  logic signed [AWidth-1:0] ad_q;
  logic signed [BWidth-1:0] b_q;
  (* use_dsp = "yes" *) logic signed [PWidth-1:0] m_q, p_q;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      ad_q <= signed'(a_i + d_i);
      b_q  <= signed'(b_i);
      m_q  <= PWidth'(ad_q) * PWidth'(b_q);
      p_q  <= m_q + signed'(c_i);
    end
  end
  assign p_o = p_q;

endmodule
