// SPDX-License-Identifier: Apache-2.0
//
// A top that breaks one rule, to see that the harness notices. Frames of 2 beats of 8 bits, handed through; the first
// beat after reset says which rule.
// 0: none   1: an offered beat changes   2: m_axis_tlast is missing   3: a beat too many after the second frame
// 4: a second frame before its input   5: stops by itself   6: an offered beat is withdrawn   7: 7 errors counted
// 8: every frame marked

module broken_top (
  input  logic        aclk,
  input  logic        aresetn,
  input  logic        s_axis_tvalid,
  output logic        s_axis_tready,
  input  logic [7:0]  s_axis_tdata,
  input  logic        s_axis_tlast,
  output logic        m_axis_tvalid,
  input  logic        m_axis_tready,
  output logic [7:0]  m_axis_tdata,
  output logic        m_axis_tlast,
  output logic        m_axis_tuser,
  output logic [31:0] frame_errors_o
);

  logic full_q, last_q, wait_q, extra;
  logic [7:0] data_q, fault_q, taken_q, given_q;

  assign frame_errors_o = fault_q == 7 ? 32'd7 : 32'd0;
  assign m_axis_tuser   = fault_q == 8 && m_axis_tlast;
  assign extra          = (fault_q == 3 && given_q == 4) || (fault_q == 4 && given_q == 2);
  assign s_axis_tready  = (!full_q || m_axis_tready) && !(fault_q == 4 && taken_q == 2);
  assign m_axis_tvalid  = (full_q && !(fault_q == 6 && wait_q)) || extra;
  assign m_axis_tdata   = data_q ^ (fault_q == 1 && wait_q ? 8'h80 : 8'h00);
  assign m_axis_tlast   = last_q && fault_q != 2;

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      full_q  <= 1'b0;
      wait_q  <= 1'b0;
      fault_q <= '0;
      taken_q <= '0;
      given_q <= '0;
    end else begin
      wait_q <= m_axis_tvalid && !m_axis_tready;
      if (s_axis_tvalid && s_axis_tready) begin
        if (taken_q == '0) fault_q <= s_axis_tdata;
        if (taken_q != '1) taken_q <= taken_q + 1'b1;
        full_q <= 1'b1;
        data_q <= s_axis_tdata;
        last_q <= s_axis_tlast;
      end else if (m_axis_tready) begin
        full_q <= 1'b0;
      end
      if (m_axis_tvalid && m_axis_tready && given_q != '1) given_q <= given_q + 1'b1;
      if (fault_q == 5 && given_q == 3) $finish;
    end
  end

endmodule
