// SPDX-License-Identifier: Apache-2.0
//
// The smallest top with the ports of an emitted one: both edges, a FIFO, and a cell that keeps the first Keep beats of a
// frame of Beats. Keep < Beats: the output is complete before the input is.

module passing_top #(
  parameter int unsigned Lanes        = 2,
  parameter int unsigned ElemWidth    = 5,
  parameter int unsigned InContainer  = 8,
  parameter int unsigned OutContainer = 16,
  parameter bit          Signed       = 1'b1,
  parameter int unsigned Beats        = 6,
  parameter int unsigned Keep         = 6,
  parameter int unsigned Depth        = 5,
  parameter bit          Stuck        = 1'b0  // 1: never gives the last beat
) (
  input  logic                          aclk,
  input  logic                          aresetn,

  input  logic                          s_axis_tvalid,
  output logic                          s_axis_tready,
  input  logic [Lanes*InContainer-1:0]  s_axis_tdata,
  input  logic                          s_axis_tlast,

  output logic                          m_axis_tvalid,
  input  logic                          m_axis_tready,
  output logic [Lanes*OutContainer-1:0] m_axis_tdata,
  output logic                          m_axis_tlast,
  output logic                          m_axis_tuser,

  output logic [31:0]                   frame_errors_o
);

  logic a_valid, a_ready, b_valid, b_ready, c_valid, c_ready, flag_valid, flag_ready, flag_data;
  logic [Lanes*ElemWidth-1:0] a_data, b_data;
  int unsigned count_q;

  r4_axis_in #(
    .Lanes(Lanes),
    .ElemWidth(ElemWidth),
    .ContainerWidth(InContainer),
    .Beats(Beats),
    .FlagDepth(4)
  ) u_axis_in (
    .clk_i(aclk),
    .rst_ni(aresetn),
    .s_axis_tvalid,
    .s_axis_tready,
    .s_axis_tdata,
    .s_axis_tlast,
    .y_valid_o(a_valid),
    .y_ready_i(a_ready),
    .y_data_o(a_data),
    .flag_valid_o(flag_valid),
    .flag_ready_i(flag_ready),
    .flag_data_o(flag_data),
    .errors_o(frame_errors_o)
  );

  r4_fifo #(
    .Width(Lanes * ElemWidth),
    .Depth(Depth)
  ) u_fifo (
    .clk_i(aclk),
    .rst_ni(aresetn),
    .x_valid_i(a_valid),
    .x_ready_o(a_ready),
    .x_data_i(a_data),
    .y_valid_o(b_valid),
    .y_ready_i(b_ready),
    .y_data_o(b_data)
  );

  logic keep;
  assign keep    = count_q < Keep && !(Stuck && count_q == Keep - 1);
  assign c_valid = b_valid && keep;
  assign b_ready = keep ? c_ready : !(Stuck && count_q == Keep - 1);
  always_ff @(posedge aclk) begin
    if (!aresetn)                count_q <= 0;
    else if (b_valid && b_ready) count_q <= count_q == Beats - 1 ? 0 : count_q + 1;
  end

  r4_axis_out #(
    .Lanes(Lanes),
    .ElemWidth(ElemWidth),
    .Signed(Signed),
    .ContainerWidth(OutContainer),
    .Beats(Keep)
  ) u_axis_out (
    .clk_i(aclk),
    .rst_ni(aresetn),
    .x_valid_i(c_valid),
    .x_ready_o(c_ready),
    .x_data_i(b_data),
    .flag_valid_i(flag_valid),
    .flag_ready_o(flag_ready),
    .flag_data_i(flag_data),
    .m_axis_tvalid,
    .m_axis_tready,
    .m_axis_tdata,
    .m_axis_tlast,
    .m_axis_tuser
  );

endmodule
