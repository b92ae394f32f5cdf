// SPDX-License-Identifier: Apache-2.0
//
// One DSP48E2 at twice the clock: p = (a0 + d) * b0 + (a1 + d) * b1 + c, signed, a + d in 27 bits, b in 18, the sum
// modulo 2^48.  (a0, b0) come in the first half of a cycle, (a1, b1) in the second, as second_i says (see r4_phase);
// all registers are clk2x_i's.
// Registers: AREG = 1, ADREG = 1 (a + d by the pre-adder, `d_i` a constant), BREG = 2, MREG = 1, PREG = 1, OPMODEREG = 1;
// `c_i` is a constant (C or RND) or the `p_o` of the slice below (PCIN).  Of a cycle's products the first is added to
// c_i, the second to P.
// en_i: the same for both halves of a cycle.
// Result: in the second half of the second enabled cycle after that of the operands, when a slice above reads it, and
//         a register of the slower clock.  Throughput: 2 products/cycle.
// Synthesis for resource counts treats this module as a black box that is exactly one DSP48E2, see r4_dsp_mac.

module r4_dsp_pump #(
  parameter int unsigned AWidth = 27,
  parameter int unsigned BWidth = 18,
  parameter int unsigned PWidth = 48
) (
  input  logic              clk2x_i,
  input  logic              en_i,
  input  logic              second_i,
  input  logic [AWidth-1:0] a_i,
  input  logic [AWidth-1:0] d_i,
  input  logic [BWidth-1:0] b_i,
  input  logic [PWidth-1:0] c_i,
  output logic [PWidth-1:0] p_o
);

  if (AWidth > 27 || BWidth > 18 || PWidth > 48) begin : gen_check_widths
    $fatal(1, "r4_dsp_pump: widths (%0d x %0d + %0d) must fit 27 x 18 + 48", AWidth, BWidth, PWidth);
  end

  logic add_q;  // the next product is the second of its cycle
  always_ff @(posedge clk2x_i) begin
    add_q <= second_i;
  end

  logic [AWidth-1:0] a_q;
  logic signed [AWidth-1:0] ad_q;
  logic signed [BWidth-1:0] b1_q, b2_q;
  (* use_dsp = "yes" *) logic signed [PWidth-1:0] m_q, p_q;
  always_ff @(posedge clk2x_i) begin
    if (en_i) begin
      a_q  <= a_i;
      ad_q <= signed'(a_q + d_i);
      b1_q <= signed'(b_i);
      b2_q <= b1_q;
      m_q  <= PWidth'(ad_q) * PWidth'(b2_q);
      p_q  <= m_q + (add_q ? p_q : signed'(c_i));
    end
  end
  assign p_o = p_q;

endmodule
